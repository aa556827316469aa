//! From the protocol header to `connection.open-ok`.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use model::{Io, Time};

use crate::codec::method::connection;
use crate::codec::{
    self, FRAME_MIN_SIZE, FieldTable, FieldValue, Frame, Limits, Method, Role, TableBuilder, TableView,
};
use crate::connection::Amqp091Options;
use crate::error::Fault;
use crate::heartbeat::Heartbeat;
use crate::session::{Blamed, Session};
use crate::shared::{Client, Shared, say};

const MECHANISMS: &str = "PLAIN AMQPLAIN";
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
    waits_for: WaitsFor,
    user: Bytes,
    client: Client,
    tuned: Tuned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitsFor {
    StartOk,
    TuneOk,
    Open,
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
    pub(crate) fn start(options: Arc<Amqp091Options>, io: &mut Io<'_>) -> Self {
        let start = connection::Start {
            version_major: 0,
            version_minor: 9,
            server_properties: server_properties(),
            mechanisms: Bytes::from_static(MECHANISMS.as_bytes()),
            locales: Bytes::from_static(LOCALES.as_bytes()),
        };
        say(0, start, io.output.buffer());
        let tuned = Tuned { channel_max: CHANNEL_MAX, frame_max: FRAME_MAX, heartbeat: HEARTBEAT };
        Self { options, waits_for: WaitsFor::StartOk, user: Bytes::new(), client: Client::default(), tuned }
    }

    /// Reads on; a session when the connection is open.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        input: &mut BytesMut,
        io: &mut Io<'_>,
    ) -> Result<Option<Session>, Blamed> {
        let limits = Limits { frame_max: FRAME_MAX as usize };
        while !*io.finished {
            let method = match codec::decode(input, &limits, Role::Server)? {
                None => return Ok(None),
                Some(Frame::Heartbeat) => continue,
                Some(Frame::Method(0, method)) => method,
                Some(frame) => {
                    let fault = Fault::Unexpected { expected: "connection class method", got: kind_of(&frame).into() };
                    return Err(Blamed { fault, method: codec::MethodId::NONE });
                }
            };
            let id = method.id();
            if let Some(session) = self.method(now, method, io).map_err(|fault| Blamed { fault, method: id })? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    fn method(&mut self, now: Time, method: Method, io: &mut Io<'_>) -> Result<Option<Session>, Fault> {
        match (self.waits_for, method) {
            (WaitsFor::StartOk, Method::ConnectionStartOk(start_ok)) => {
                self.login(&start_ok)?;
                let Tuned { channel_max, frame_max, heartbeat } = self.tuned;
                say(0, connection::Tune { channel_max, frame_max, heartbeat }, io.output.buffer());
                self.waits_for = WaitsFor::TuneOk;
            }
            (WaitsFor::TuneOk, Method::ConnectionTuneOk(tune_ok)) => {
                self.tune(&tune_ok)?;
                self.waits_for = WaitsFor::Open;
            }
            (WaitsFor::Open, Method::ConnectionOpen(open)) => {
                say(0, connection::OpenOk {}, io.output.buffer());
                return Ok(Some(self.open(now, open.virtual_host.to_string())));
            }
            (_, Method::ConnectionClose(_)) => {
                say(0, connection::CloseOk {}, io.output.buffer());
                *io.finished = true;
            }
            (_, other) => return Err(Fault::OutOfPlace(other.id().name().unwrap_or("this method"))),
        }
        Ok(None)
    }

    /// For now everybody is let in, by any name.
    fn login(&mut self, start_ok: &connection::StartOk) -> Result<(), Fault> {
        let user = match &*start_ok.mechanism {
            b"PLAIN" => plain_user(&start_ok.response).ok_or(Fault::Login("PLAIN"))?,
            b"AMQPLAIN" => amqplain_user(&start_ok.response).ok_or(Fault::Login("AMQPLAIN"))?,
            _ => return Err(Fault::Mechanism(start_ok.mechanism.to_string())),
        };
        self.user = Bytes::copy_from_slice(user);
        let properties = &start_ok.client_properties;
        let can = |name| match properties.get("capabilities") {
            Some(FieldValue::Table(capabilities)) => capabilities.get(name) == Some(FieldValue::Bool(true)),
            _ => false,
        };
        self.client = Client {
            wants_cancel: can("consumer_cancel_notify"),
            wants_blocked: can("connection.blocked"),
            spec_qos: properties.get("product") == Some(FieldValue::LongString(b"py-amqp")),
        };
        Ok(())
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

    fn open(&self, now: Time, vhost: String) -> Session {
        let shared = Shared {
            options: self.options.clone(),
            namespace: self.options.virtual_hosts.namespace(&vhost),
            vhost,
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

/// RFC 4616: authorization identity, user, password, with NUL between them.
fn plain_user(response: &[u8]) -> Option<&[u8]> {
    let mut parts = response.split(|byte| *byte == 0);
    let (_, user, _password) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(user)
}

/// A table without its length: `LOGIN` and `PASSWORD`.
fn amqplain_user(response: &[u8]) -> Option<&[u8]> {
    let table = TableView::new(response).ok()?;
    match (table.get("LOGIN")?, table.get("PASSWORD")?) {
        (FieldValue::LongString(user), FieldValue::LongString(_)) => Some(user),
        _ => None,
    }
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
