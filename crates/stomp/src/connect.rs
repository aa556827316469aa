//! From CONNECT to CONNECTED.

use std::sync::Arc;

use bytes::BytesMut;
use model::{Claim, Command as Ask, Conflict, Io, Name, Time, limits};

use crate::codec::{Command, Frame, FrameWriter, Malformed, Version};
use crate::connection::StompOptions;
use crate::error::ClientError;
use crate::heart_beat::HeartBeats;
use crate::session::Session;
use crate::token::Request;

/// Bytes that the name of a durable subscription has beside the client id.
const ROOM: usize = limits::NAME_BYTES / 2;

/// Begins the session. CONNECTED is sent at once, unless a `client-id` has to be claimed.
///
/// A `host` that is no virtual host's name is the default one. `login` and `passcode` are accepted.
pub(crate) fn begin(
    frame: &Frame,
    now: Time,
    options: &Arc<StompOptions>,
    io: &mut Io<'_>,
) -> Result<Session, ClientError> {
    let command = frame.command;
    if !matches!(command, Command::Connect | Command::Stomp) {
        return Err(Malformed::ConnectExpected(command.name().to_owned()).into());
    }
    let headers = frame.headers();
    let accept = headers.get("accept-version");
    let Some(version) = Version::negotiate(accept.as_deref()) else {
        return Err(ClientError::Version(crate::error::quote(accept.as_deref().unwrap_or_default())));
    };
    let id = io.commands.connection;
    let name = format!("{:x}-{:x}-{:x}-{:x}", now.0, id.thread, id.slot, id.generation);
    let namespace = options.virtual_hosts.namespace(&headers.get("host").unwrap_or_default());
    let mut session = Session::new(options.clone(), version, name, namespace, now);
    if let Some(beats) = headers.get("heart-beat").filter(|_| version > Version::V10) {
        session.beats = HeartBeats::negotiate(&beats, now).ok_or_else(|| {
            let allowed = "Allowed are two numbers of milliseconds, as in 10000,10000; 0 is never.";
            ClientError::wrong_header(command, "heart-beat", &beats, allowed)
        })?;
    }
    session.login = headers.get("login").map(|login| login.into_owned());
    session.request_id = headers.get("request-id").map(|id| id.into_owned());
    match headers.get("client-id").filter(|client| !client.is_empty()) {
        Some(client) if client.len() > ROOM => {
            return Err(ClientError::wrong_header(command, "client-id", &client, "It may have up to 512 bytes."));
        }
        Some(client) => {
            let client = Name::from(client.as_ref());
            let (token, conflict) = (Request::Claim.token(), Conflict::Refuse);
            io.commands.push(Ask::Claim(Claim { token, namespace, client: client.clone(), conflict }));
            session.client = Some(client);
            session.early = Some(BytesMut::new());
        }
        None => write_connected(&session, io.output.buffer()),
    }
    Ok(session)
}

pub(crate) fn write_connected(session: &Session, out: &mut BytesMut) {
    let mut writer = FrameWriter::new(Command::Connected, session.version, out);
    writer.header("version", session.version.name().as_bytes());
    writer.header("session", session.name.as_bytes());
    writer.header("server", concat!("Causeway/", env!("CARGO_PKG_VERSION")).as_bytes());
    writer.header("heart-beat", session.beats.header().as_bytes());
    if let Some(login) = &session.login {
        writer.header("user-name", login.as_bytes());
    }
    if let Some(id) = &session.request_id {
        writer.header("response-id", id.as_bytes());
    }
    writer.body(b"");
}
