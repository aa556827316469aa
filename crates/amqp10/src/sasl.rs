//! The SASL layer (5.3): what the peer shows by a mechanism, and what comes of it.

use bytes::{Bytes, BytesMut};
use model::{Authenticate, Command, Credentials, Effect, Io, Mechanisms, Name, Refusal, Reply, Secret};

use crate::codec::{self, MessageProperties, SaslCode, SaslFrame, SaslInit, SaslOutcome, Symbol};
use crate::error::{ClientError, LinkError};
use crate::token::Request;

const PLAIN: &str = "PLAIN";
const ANONYMOUS: &str = "ANONYMOUS";

pub(crate) struct Sasl {
    offers: Mechanisms,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The peer chooses a mechanism.
    Init,
    /// The answer to our own challenge, for a PLAIN without an initial response.
    Plain,
    /// The answer to the mechanism's challenge.
    Response,
    /// The shell finds out who the peer is: nothing is read meanwhile.
    Asked,
}

/// What came of a login.
pub(crate) enum Login {
    GoesOn,
    /// The peer is who this says.
    In(Name),
    Refused,
}

/// Names the mechanisms.
pub(crate) fn offer(offers: Mechanisms, io: &mut Io<'_>) -> Sasl {
    let names = offers.names().map(Symbol::from_static).collect();
    codec::encode_sasl(io.output.buffer(), &SaslFrame::Mechanisms(names));
    Sasl { offers, step: Step::Init }
}

/// Asks who the peer is. Nothing may come behind it.
pub(crate) fn authenticate(credentials: Credentials, io: &mut Io<'_>) {
    let authenticate = Authenticate { token: Request::Login.token(), credentials, client: Name::default() };
    io.commands.push(Command::Authenticate(Box::new(authenticate)));
}

impl Sasl {
    /// Takes a frame. False if none is whole yet, or none may be read now.
    pub(crate) fn receive(&mut self, input: &mut BytesMut, io: &mut Io<'_>) -> Result<bool, ClientError> {
        if self.step == Step::Asked {
            return Ok(false);
        }
        let Some(frame) = codec::decode_sasl(input)? else { return Ok(false) };
        let credentials = match (self.step, frame) {
            (Step::Init, SaslFrame::Init(init)) => self.chosen(init, io)?,
            (Step::Plain, SaslFrame::Response(response)) => Some(plain(&response, io)?),
            (Step::Response, SaslFrame::Response(response)) => Some(Credentials::Response(Secret::from(&response[..]))),
            _ => return Err(ClientError::SaslOrder),
        };
        if let Some(credentials) = credentials {
            self.step = Step::Asked;
            authenticate(credentials, io);
        }
        Ok(true)
    }

    /// What the peer shows with the mechanism that it has chosen, if it shows something.
    fn chosen(&mut self, init: SaslInit, io: &mut Io<'_>) -> Result<Option<Credentials>, ClientError> {
        let SaslInit { mechanism, initial_response: response, .. } = init;
        let Some(mechanism) = self.offers.names().find(|name| mechanism == **name) else {
            answer(SaslCode::Auth, None, io);
            return Err(ClientError::Mechanism(mechanism.as_str().to_owned()));
        };
        Ok(Some(match (mechanism, response) {
            (PLAIN, Some(response)) => plain(&response, io)?,
            (PLAIN, None) => {
                codec::encode_sasl(io.output.buffer(), &SaslFrame::Challenge(Bytes::new()));
                self.step = Step::Plain;
                return Ok(None);
            }
            // What it leaves instead proves nothing (RFC 4505).
            (ANONYMOUS, _) => Credentials::Nothing,
            (name, response) => {
                let response = response.map(|response| Secret::from(&response[..]));
                Credentials::Sasl { mechanism: name.to_owned(), response }
            }
        }))
    }

    pub(crate) fn apply(&mut self, effect: Effect, io: &mut Io<'_>) -> Login {
        match effect {
            Effect::Challenge { challenge, .. } if self.step == Step::Asked => {
                codec::encode_sasl(io.output.buffer(), &SaslFrame::Challenge(challenge));
                self.step = Step::Response;
                Login::GoesOn
            }
            Effect::Reply { reply, .. } if self.step == Step::Asked => match reply {
                Ok(Reply::Authenticated { user, last_message, .. }) => {
                    answer(SaslCode::Ok, last_message, io);
                    Login::In(user)
                }
                Err(Refusal::LoginUnavailable(_)) => {
                    answer(SaslCode::SysTemp, None, io);
                    Login::Refused
                }
                Ok(_) | Err(_) => {
                    answer(SaslCode::Auth, None, io);
                    Login::Refused
                }
            },
            _ => Login::GoesOn,
        }
    }
}

/// RFC 4616: authorisation id, name and password, with a NUL between each two. Nobody acts for somebody else.
fn plain(response: &[u8], io: &mut Io<'_>) -> Result<Credentials, ClientError> {
    let mut parts = response.split(|byte| *byte == 0);
    let shown = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(acts_for), Some(user), Some(password), None) if acts_for.is_empty() || acts_for == user => {
            str::from_utf8(user).ok().map(|user| (user, password))
        }
        _ => None,
    };
    let Some((user, password)) = shown else {
        answer(SaslCode::Auth, None, io);
        return Err(ClientError::PlainResponse);
    };
    Ok(Credentials::Password { user: user.to_owned(), password: Secret::from(password) })
}

/// Nobody sends in another one's name, as with RabbitMQ: who says whose a message is, says his own name.
pub(crate) fn check_user(properties: MessageProperties<'_>, user: &Name) -> Result<(), LinkError> {
    match properties.user_id() {
        Some(id) if !user.as_bytes().is_empty() && *id != *user.as_bytes() => {
            Err(LinkError::UserId(String::from_utf8_lossy(id).into_owned(), user.to_text().into_owned()))
        }
        _ => Ok(()),
    }
}

fn answer(code: SaslCode, additional_data: Option<Bytes>, io: &mut Io<'_>) {
    codec::encode_sasl(io.output.buffer(), &SaslFrame::Outcome(SaslOutcome { code, additional_data }));
}
