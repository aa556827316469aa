//! What a client shows in `connection.start-ok`, by the mechanisms that its listener offers.

use bytes::Bytes;
use model::{Credentials, Mechanisms, Secret};

use crate::codec::method::connection;
use crate::codec::{FieldValue, TableView};
use crate::error::Fault;

const PLAIN: &str = "PLAIN";
/// What old clients call a password as it is; offered wherever `PLAIN` is.
const AMQPLAIN: &str = "AMQPLAIN";
const ANONYMOUS: &str = "ANONYMOUS";
const SCRAM: &str = "SCRAM-SHA-256";

/// As `connection.start` lists them: the preferred one first, with spaces between them.
pub(crate) fn offered(mechanisms: Mechanisms) -> String {
    let names: Vec<_> = names(mechanisms).collect();
    names.join(" ")
}

fn names(mechanisms: Mechanisms) -> impl Iterator<Item = &'static str> {
    mechanisms.names().flat_map(|name| [Some(name), (name == PLAIN).then_some(AMQPLAIN)]).flatten()
}

/// The mechanism that the client has chosen; `None` if it is not offered.
pub(crate) fn chosen(mechanisms: Mechanisms, name: &[u8]) -> Option<&'static str> {
    names(mechanisms).find(|offered| offered.as_bytes() == name)
}

/// What the client shows by a mechanism that is offered.
pub(crate) fn credentials(mechanism: &'static str, start_ok: &connection::StartOk) -> Result<Credentials, Fault> {
    let response = &start_ok.response;
    let password = match mechanism {
        PLAIN => plain(response),
        AMQPLAIN => amqplain(response),
        // What it leaves instead proves nothing (RFC 4505).
        ANONYMOUS => return Ok(Credentials::Nothing),
        // SCRAM's client speaks first (RFC 5802, 5): it has not, if there is nothing.
        SCRAM if response.is_empty() => return Ok(sasl(mechanism, None)),
        _ => return Ok(sasl(mechanism, Some(response))),
    };
    let (user, password) = password.ok_or(Fault::Login(mechanism))?;
    let user = str::from_utf8(user).map_err(|_| Fault::Login(mechanism))?;
    Ok(Credentials::Password { user: user.to_owned(), password: Secret::from(password) })
}

fn sasl(mechanism: &str, response: Option<&Bytes>) -> Credentials {
    Credentials::Sasl { mechanism: mechanism.to_owned(), response: response.map(|it| Secret::from(&it[..])) }
}

/// RFC 4616: authorization identity, user, password, with NUL between them. Nobody acts for somebody else.
fn plain(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = response.split(|byte| *byte == 0);
    let (acts_for, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let is_own = acts_for.is_empty() || acts_for == user;
    (parts.next().is_none() && is_own).then_some((user, password))
}

/// A table without its length: `LOGIN` and `PASSWORD`.
fn amqplain(response: &[u8]) -> Option<(&[u8], &[u8])> {
    let table = TableView::new(response).ok()?;
    match (table.get("LOGIN")?, table.get("PASSWORD")?) {
        (FieldValue::LongString(user), FieldValue::LongString(password)) => Some((user, password)),
        _ => None,
    }
}
