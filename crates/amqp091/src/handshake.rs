//! From the protocol header to `connection.open-ok`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{
    Authenticate, Command, Credentials, Effect, Io, Mechanisms, Name, Namespace, Refusal, Reply, Secret, Time,
};

use crate::codec::method::connection;
use crate::codec::{self, FRAME_MIN_SIZE, FieldTable, FieldValue, Frame, Limits, Method, MethodId, Role, TableBuilder};
use crate::connection::Amqp091Options;
use crate::error::Fault;
use crate::heartbeat::Heartbeat;
use crate::login;
use crate::session::{Blamed, Session};
use crate::shared::{Client, Shared, say};
use crate::token::Request;

const LOCALES: &str = "en_US";
/// Highest channel number, bytes of a frame, and seconds between heartbeats: RabbitMQ's defaults.
pub(crate) const CHANNEL_MAX: u16 = 2047;
const FRAME_MAX: u32 = 131_072;
const HEARTBEAT: u16 = 60;
/// What we can do, of the things that RabbitMQ's clients ask for.
const CAPABILITIES: [&str; 9] = [
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "consumer_priorities",
    "connection.blocked",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
];

/// A connection that is not open yet.
#[derive(Debug)]
pub(crate) struct Handshake {
    options: Arc<Amqp091Options>,
    offers: Mechanisms,
    waits_for: WaitsFor,
    /// What the client has chosen.
    mechanism: &'static str,
    /// Who it is, once that is known.
    user: Name,
    client: Client,
    tuned: Tuned,
    /// As `connection.open` named it, and what that stands for.
    vhost: String,
    namespace: Namespace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    StartOk,
    /// The shell finds out who the client is: nothing is read meanwhile.
    Login,
    /// The answer to a challenge.
    SecureOk,
    /// The answer to the last thing that the mechanism has us say: the client is let in already.
    LastSecureOk,
    TuneOk,
    Open,
    /// The broker says whether the user may use the virtual host.
    Access,
}

/// What both sides have agreed on.
#[derive(Clone, Copy, Debug)]
struct Tuned {
    channel_max: u16,
    frame_max: u32,
    heartbeat: u16,
}

impl Handshake {
    /// Greets a client that has sent the protocol header.
    pub(crate) fn start(options: Arc<Amqp091Options>, offers: Mechanisms, io: &mut Io<'_>) -> Self {
        let start = connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: server_properties(),
            mechanisms: Bytes::from(login::offered(offers)),
            locales: Bytes::from_static(LOCALES.as_bytes()),
        };
        say(0, start, io.output.buffer());
        Self {
            options,
            offers,
            waits_for: WaitsFor::StartOk,
            mechanism: "",
            user: Name::default(),
            client: Client::default(),
            tuned: Tuned { channel_max: CHANNEL_MAX, frame_max: FRAME_MAX, heartbeat: HEARTBEAT },
            vhost: String::new(),
            namespace: Namespace::default(),
        }
    }

    /// Whether the broker must answer before there is a session to read on. The shell does not know of that.
    pub(crate) fn waits_for_access(&self) -> bool {
        self.waits_for == WaitsFor::Access
    }

    /// Reads on, until somebody else must answer.
    pub(crate) fn receive(&mut self, input: &mut BytesMut, io: &mut Io<'_>) -> Result<(), Blamed> {
        let limits = Limits { frame_max: FRAME_MAX as usize };
        while !*io.finished && !matches!(self.waits_for, WaitsFor::Login | WaitsFor::Access) {
            let method = match codec::decode(input, &limits, Role::Server)? {
                None => return Ok(()),
                Some(Frame::Heartbeat) => continue,
                Some(Frame::Method(0, method)) => method,
                Some(frame) => {
                    let fault = Fault::Unexpected { expected: "connection class method", got: kind_of(&frame).into() };
                    return Err(Blamed { fault, method: MethodId::NONE });
                }
            };
            let id = method.id();
            self.method(method, io).map_err(|fault| Blamed { fault, method: id })?;
        }
        Ok(())
    }

    fn method(&mut self, method: Method, io: &mut Io<'_>) -> Result<(), Fault> {
        match (self.waits_for, method) {
            (WaitsFor::StartOk, Method::ConnectionStartOk(start_ok)) => self.login(&start_ok, io)?,
            (WaitsFor::SecureOk, Method::ConnectionSecureOk(connection::SecureOk { response })) => {
                self.authenticate(Credentials::Response(Secret::from(&response[..])), io);
            }
            (WaitsFor::LastSecureOk, Method::ConnectionSecureOk(_)) => self.offer_tuning(io),
            (WaitsFor::TuneOk, Method::ConnectionTuneOk(tune_ok)) => {
                self.tune(&tune_ok)?;
                self.waits_for = WaitsFor::Open;
            }
            (WaitsFor::Open, Method::ConnectionOpen(open)) => {
                self.vhost = open.virtual_host.to_string();
                self.namespace = self.options.virtual_hosts.namespace(&self.vhost);
                let (token, namespace) = (Request::Access.token(), self.namespace);
                io.commands.push(Command::Access { token, namespace });
                self.waits_for = WaitsFor::Access;
            }
            (_, Method::ConnectionClose(_)) => {
                say(0, connection::CloseOk {}, io.output.buffer());
                *io.finished = true;
            }
            (_, other) => return Err(Fault::OutOfPlace(other.id().name().unwrap_or("this method"))),
        }
        Ok(())
    }

    /// Asks who the client is.
    fn login(&mut self, start_ok: &connection::StartOk, io: &mut Io<'_>) -> Result<(), Fault> {
        let properties = &start_ok.client_properties;
        let can = |name| match properties.get("capabilities") {
            Some(FieldValue::Table(capabilities)) => capabilities.get(name) == Some(FieldValue::Bool(true)),
            _ => false,
        };
        self.client = Client {
            wants_cancel: can("consumer_cancel_notify"),
            wants_blocked: can("connection.blocked"),
            wants_refusal: can("authentication_failure_close"),
            spec_qos: properties.get("product") == Some(FieldValue::LongString(b"py-amqp")),
        };
        let chosen = login::chosen(self.offers, start_ok.mechanism.as_bytes());
        self.mechanism = chosen.ok_or_else(|| Fault::Mechanism(start_ok.mechanism.to_string()))?;
        self.authenticate(login::credentials(self.mechanism, start_ok)?, io);
        Ok(())
    }

    fn authenticate(&mut self, credentials: Credentials, io: &mut Io<'_>) {
        self.waits_for = WaitsFor::Login;
        let authenticate = Authenticate { token: Request::Login.token(), credentials, client: Name::default() };
        io.commands.push(Command::Authenticate(Box::new(authenticate)));
    }

    /// Takes an answer; a session when the connection is open.
    pub(crate) fn apply(&mut self, now: Time, effect: Effect, io: &mut Io<'_>) -> Result<Option<Session>, Blamed> {
        let blame = |method| move |fault| Blamed { fault, method };
        match (self.waits_for, effect) {
            (WaitsFor::Login, Effect::Challenge { challenge, .. }) => {
                say(0, connection::Secure { challenge }, io.output.buffer());
                self.waits_for = WaitsFor::SecureOk;
                Ok(None)
            }
            (WaitsFor::Login, Effect::Reply { reply, .. }) => {
                self.logged_in(reply, io).map_err(blame(connection::StartOk::ID))?;
                Ok(None)
            }
            (WaitsFor::Access, Effect::Reply { reply, .. }) => {
                reply.map_err(|_| self.no_access()).map_err(blame(connection::Open::ID))?;
                say(0, connection::OpenOk {}, io.output.buffer());
                Ok(Some(self.open(now)))
            }
            _ => Ok(None),
        }
    }

    fn logged_in(&mut self, reply: Result<Reply, Refusal>, io: &mut Io<'_>) -> Result<(), Fault> {
        match reply {
            Ok(Reply::Authenticated { user, last_message, .. }) => {
                self.user = user;
                match last_message {
                    Some(challenge) => {
                        say(0, connection::Secure { challenge }, io.output.buffer());
                        self.waits_for = WaitsFor::LastSecureOk;
                    }
                    None => self.offer_tuning(io),
                }
                Ok(())
            }
            Ok(_) | Err(Refusal::Login) => self.refuse_login(io),
            Err(Refusal::LoginUnavailable(why)) => Err(Fault::LoginUnavailable(why)),
            Err(other) => Err(Fault::NotLetIn(other)),
        }
    }

    /// Who does not know of that is told nothing, as the specification has it (2.2.4).
    fn refuse_login(&self, io: &mut Io<'_>) -> Result<(), Fault> {
        if self.client.wants_refusal {
            return Err(Fault::Login(self.mechanism));
        }
        *io.finished = true;
        Ok(())
    }

    fn no_access(&self) -> Fault {
        Fault::VirtualHost(self.vhost.clone(), self.user.to_text().into_owned())
    }

    fn offer_tuning(&mut self, io: &mut Io<'_>) {
        let Tuned { channel_max, frame_max, heartbeat } = self.tuned;
        say(0, connection::Tune { channel_max, frame_max, heartbeat }, io.output.buffer());
        self.waits_for = WaitsFor::TuneOk;
    }

    fn tune(&mut self, tune_ok: &connection::TuneOk) -> Result<(), Fault> {
        let connection::TuneOk { channel_max, frame_max, heartbeat } = *tune_ok;
        at_most("channel_max", channel_max.into(), CHANNEL_MAX.into())?;
        at_most("frame_max", frame_max, FRAME_MAX)?;
        if (frame_max as usize) < FRAME_MIN_SIZE {
            let limit = FRAME_MIN_SIZE as u32;
            return Err(Fault::Tune {
                field: "frame_max",
                value: frame_max,
                relation: "lower than the minimum",
                limit,
            });
        }
        self.tuned = Tuned { channel_max, frame_max, heartbeat };
        Ok(())
    }

    fn open(&self, now: Time) -> Session {
        let shared = Shared {
            options: self.options.clone(),
            namespace: self.namespace,
            vhost: self.vhost.clone(),
            user: self.user.clone(),
            client: self.client,
            frame_max: self.tuned.frame_max as usize,
            now,
            consumers: Default::default(),
            fences: Default::default(),
            settling: Default::default(),
            tally: Default::default(),
            last_confirm: None,
            assembling: 0,
            auto_delete: Default::default(),
            named: 0,
        };
        Session::new(shared, self.tuned.channel_max, Heartbeat::new(self.tuned.heartbeat, now))
    }
}

/// 0 means "no limit", which is more than we give.
fn at_most(field: &'static str, value: u32, limit: u32) -> Result<(), Fault> {
    if value == 0 || value > limit {
        return Err(Fault::Tune { field, value, relation: "higher than the maximum", limit });
    }
    Ok(())
}

fn kind_of(frame: &Frame) -> &'static str {
    match frame {
        Frame::Method(..) => "a method on a channel",
        Frame::Header(..) => "content header",
        Frame::Body(..) => "content body",
        Frame::Heartbeat => "heartbeat",
    }
}

fn server_properties() -> FieldTable {
    let mut capabilities = TableBuilder::new();
    for name in CAPABILITIES {
        capabilities.push(name.as_bytes(), FieldValue::Bool(true));
    }
    let capabilities = capabilities.finish().expect("short names");
    TableBuilder::new()
        .field("capabilities", FieldValue::Table(capabilities.view()))
        .text("cluster_name", "causeway")
        .text("product", "Causeway")
        .text("version", env!("CARGO_PKG_VERSION"))
        .text("platform", "Rust")
        .text("information", "Licensed under the Apache License 2.0")
        .finish()
        .expect("short names")
}
