//! From CONNECT to CONNACK: the client says who it is, its id is claimed, the session made or found.

use std::sync::Arc;

use bytes::BytesMut;
use model::{
    Authenticate, Claim, Command, Conflict, Consume, ConsumerIndex, Credit, CreditMode, Declare, DeclareMode, Delivery,
    Effect, Io, Lease, Lifetime, Mode, Name, Namespace, Overflow, QueueId, QueueInfo, QueueRef, QueueSettings, Refusal,
    Reply, Settlement, Time, limits,
};

use crate::codec::{self, ConnAck, Connect, ConnectReturnCode, Packet, Version};
use crate::connection::MqttOptions;
use crate::error::ClientError;
use crate::login::{self, Login};
use crate::session::Session;
use crate::token::Request;

/// Session queues are called by this and the client id.
pub(crate) const SESSION_PREFIX: &[u8] = b"mqtt.session.";
/// The consumer of a session's queue.
pub(crate) const SESSION_CONSUMER: ConsumerIndex = ConsumerIndex(0);
/// Bytes of deliveries on their way to one client.
pub(crate) const CREDIT_BYTES: u64 = 1 << 20;

/// A CONNECT that waits for the shell, which finds out who it is from, and then for the core.
pub(crate) struct Connecting {
    connect: Box<Connect>,
    pub(crate) since: Time,
    client: Name,
    /// The shell has found out. Until then nothing more is read.
    pub(crate) is_known: bool,
    /// What the client sent without waiting for CONNACK.
    pub(crate) early: BytesMut,
    /// The session's queue, for a session that is kept.
    session: Option<(QueueId, Box<QueueInfo>)>,
    present: bool,
    /// Deliveries of the session that wait for PUBCOMP, and their packet ids.
    decided: Vec<(Delivery, u32)>,
}

/// Asks who the client is, who has been here `since`. What it has shown is not kept.
pub(crate) fn begin(
    mut connect: Connect,
    (since, now): (Time, Time),
    login: &Login,
    io: &mut Io<'_>,
) -> Result<Connecting, ClientError> {
    let client = client_id(&connect, now, io)
        .inspect_err(|_| refuse(ConnectReturnCode::IdentifierRejected, io.output.buffer()))?;
    let credentials = login
        .credentials(&mut connect)
        .inspect_err(|_| refuse(ConnectReturnCode::BadUserNameOrPassword, io.output.buffer()))?;
    let authenticate = Authenticate { token: Request::Login.token(), credentials, client: client.clone() };
    io.commands.push(Command::Authenticate(Box::new(authenticate)));
    Ok(Connecting {
        connect: Box::new(connect),
        since,
        client,
        is_known: false,
        early: BytesMut::new(),
        session: None,
        present: false,
        decided: Vec::new(),
    })
}

/// The client's id, or one of our own where it may leave that to us: from MQTT 3.1.1 on, for a session that is not kept
/// \[MQTT-3.1.3-6\].
fn client_id(connect: &Connect, now: Time, io: &Io<'_>) -> Result<Name, ClientError> {
    let id = connect.client_id.clone().into_bytes();
    if id.is_empty() {
        if !connect.clean_session || connect.version == Version::V31 {
            return Err(ClientError::NoClientId);
        }
        let id = io.commands.connection;
        return Ok(Name::from(format!("auto-{}-{}-{}-{}", id.thread, id.slot, id.generation, now.0)));
    }
    if SESSION_PREFIX.len() + id.len() > limits::NAME_BYTES {
        return Err(ClientError::LongClientId(id.len()));
    }
    Ok(Name::from(id))
}

/// Writes a CONNACK that refuses.
pub(crate) fn refuse(code: ConnectReturnCode, out: &mut BytesMut) {
    let _ = codec::encode(&Packet::ConnAck(ConnAck { session_present: false, code }), Version::V311, out);
}

pub(crate) fn session_name(client: &Name) -> Name {
    Name::from(bytes::Bytes::from([SESSION_PREFIX, client.as_bytes()].concat()))
}

fn find_session(client: &Name) -> Command {
    Command::Declare(Box::new(Declare {
        token: Request::FindSession.token(),
        namespace: Namespace(0),
        name: session_name(client),
        settings: QueueSettings { internal: true, ..QueueSettings::default() },
        mode: DeclareMode::Passive,
        own: model::Own::Mine,
    }))
}

/// The queue of a session. One that is not kept lives as long as its connection.
pub(crate) fn declare_session(client: &Name, kept: bool, options: &MqttOptions) -> Command {
    let settings = QueueSettings {
        durable: kept,
        lifetime: if kept { Lifetime::Permanent } else { Lifetime::Connection },
        internal: true,
        // What a kept one has waiting rests on disk.
        max_length: if kept { options.kept_length } else { Some(options.session_length) },
        max_bytes: (!kept).then_some(options.session_bytes),
        overflow: Overflow::DropNew,
        drops_transient_unattended: true,
        ..QueueSettings::default()
    };
    Command::Declare(Box::new(Declare {
        token: Request::DeclareSession.token(),
        namespace: Namespace(0),
        name: session_name(client),
        settings,
        mode: DeclareMode::IfAbsent,
        own: model::Own::Mine,
    }))
}

pub(crate) fn consume_session(client: &Name, options: &MqttOptions) -> Command {
    Command::Consume(Box::new(Consume {
        token: Request::ConsumeSession.token(),
        consumer: SESSION_CONSUMER,
        queue: QueueRef::Named(Namespace(0), session_name(client)),
        mode: Mode::Leasing { settlement: Settlement::ByMessage, lease: Lease::Connection },
        credit: Credit { messages: options.window, bytes: CREDIT_BYTES },
        credit_mode: CreditMode::Window,
        selector: None,
        exclusive: true,
        priority: 0,
    }))
}

impl Connecting {
    /// Takes an answer. True when CONNACK can be sent; a refusal was sent, and the connection is over, if `finished`.
    pub(crate) fn apply(&mut self, effect: Effect, options: &MqttOptions, io: &mut Io<'_>) -> bool {
        let Effect::Reply { token, reply } = effect else { return false };
        match (Request::of(token), reply) {
            (Request::Login, Ok(_)) => {
                self.is_known = true;
                io.commands.push(Command::Access { token: Request::Access.token(), namespace: Namespace(0) });
                false
            }
            (Request::Access, Ok(_)) => {
                self.ask_for_session(options, io);
                false
            }
            (Request::FindSession, Ok(_)) => {
                // Who may use the client id may also end its session.
                let queue = QueueRef::Named(Namespace(0), session_name(&self.client));
                let token = Request::DropSession.token();
                io.commands.push(Command::Delete { token, queue, if_unused: false, if_empty: false });
                false
            }
            (Request::FindSession, Err(Refusal::NoSuchQueue(_))) => true,
            // One that was ours and is gone meanwhile is no longer ours.
            (Request::DropSession, Ok(_) | Err(Refusal::NoSuchQueue(_) | Refusal::Denied(_))) => true,
            (Request::DeclareSession, Ok(Reply::Declared { queue, existed, info })) => {
                self.present = existed;
                self.session = Some((queue, info));
                false
            }
            (Request::ConsumeSession, Ok(Reply::Consuming { decided, .. })) => {
                self.decided = decided;
                true
            }
            (_, Ok(_)) => false,
            (_, Err(refusal)) => {
                refuse(login::code(&refusal), io.output.buffer());
                *io.finished = true;
                false
            }
        }
    }

    /// Asks for everything else that CONNECT needs.
    fn ask_for_session(&self, options: &MqttOptions, io: &mut Io<'_>) {
        let (namespace, client) = (Namespace(0), self.client.clone());
        let claim = Claim { token: Request::Claim.token(), namespace, client, conflict: Conflict::Evict };
        io.commands.push(Command::Claim(claim));
        if self.connect.clean_session {
            io.commands.push(find_session(&self.client));
        } else {
            io.commands.push(declare_session(&self.client, true, options));
            io.commands.push(consume_session(&self.client, options));
        }
    }

    /// Sends CONNACK and begins the session; returns with it what the client has sent already.
    pub(crate) fn into_session(self, now: Time, options: &Arc<MqttOptions>, io: &mut Io<'_>) -> (Session, BytesMut) {
        let Connect { version, keep_alive, will, clean_session, .. } = *self.connect;
        let connack = ConnAck { session_present: self.present, code: ConnectReturnCode::Accepted };
        let _ = codec::encode(&Packet::ConnAck(connack), version, io.output.buffer());
        let mut session = Session::new(options.clone(), version, self.client, clean_session, now);
        session.set_keep_alive(keep_alive);
        session.will = will;
        if let Some((queue, info)) = self.session {
            session.queue = Some(queue);
            session.subscribed = true;
            session.resume_flights(self.decided, io);
            session.resume_queues(&info, io);
        }
        (session, self.early)
    }
}
