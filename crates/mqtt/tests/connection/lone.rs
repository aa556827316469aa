//! A connection whose broker is the test: it sees the commands and makes up the effects.

use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, CloseReason, Command, ConnectionId, ConsumerIndex, Deliver, Delivery, Effect, EncodingId, Header, Message,
    MessageNumber, Name, Namespace, QueueCounts, QueueId, QueueInfo, QueueSettings, Refusal, Reply, Tag, Time, Token,
};
use mqtt::codec::{Connect, Packet};
use mqtt::{Mqtt, MqttOptions};

use crate::peer::Peer;

pub(crate) const SESSION: QueueId = QueueId { shard: 0, n: 7 };

pub(crate) struct Lone {
    pub(crate) now: Time,
    pub(crate) peer: Peer,
}

impl Lone {
    pub(crate) fn new() -> Self {
        Self::with(MqttOptions::new(model::Encodings::default()))
    }

    pub(crate) fn with(options: MqttOptions) -> Self {
        let window = options.window.max(1);
        let id = ConnectionId { thread: 1, slot: 2, generation: 3 };
        Self { now: Time(1_000_000), peer: Peer::new(&Mqtt::new(options), id, window) }
    }

    /// One at a listener with rules of its own, whose logins the test answers.
    pub(crate) fn at(peer: &model::Peer) -> Self {
        let id = ConnectionId { thread: 1, slot: 2, generation: 3 };
        let options = MqttOptions::new(model::Encodings::default());
        let window = options.window;
        let mut peer = Peer::at(peer, &Mqtt::new(options), id, window);
        peer.holds_login = true;
        Self { now: Time(1_000_000), peer }
    }

    /// One that is connected; what it has said so far is forgotten.
    pub(crate) fn connected(connect: Connect) -> Self {
        Self::connected_with(connect, MqttOptions::new(model::Encodings::default()))
    }

    pub(crate) fn connected_with(connect: Connect, options: MqttOptions) -> Self {
        let mut lone = Self::with(options);
        let commands = lone.send(Packet::Connect(Box::new(connect)));
        lone.accept(&commands);
        assert!(matches!(lone.said()[..], [Packet::ConnAck(_)]), "CONNACK and nothing else");
        lone
    }

    pub(crate) fn send(&mut self, packet: Packet) -> Vec<Command> {
        let commands = commands(self.peer.send(self.now, &packet));
        self.enter(commands)
    }

    pub(crate) fn answer_login(&mut self, answer: Result<(), Refusal>) -> Vec<Command> {
        let commands = commands(self.peer.answer_login(self.now, answer));
        self.enter(commands)
    }

    /// Everybody may use the namespace.
    fn enter(&mut self, commands: Vec<Command>) -> Vec<Command> {
        match commands[..] {
            [Command::Access { token, .. }] => self.reply(token, Ok(Reply::Done)),
            _ => commands,
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Vec<Command> {
        let commands = commands(self.peer.send_bytes(self.now, bytes));
        self.enter(commands)
    }

    pub(crate) fn apply(&mut self, effect: Effect) -> Vec<Command> {
        commands(self.peer.apply(self.now, effect))
    }

    pub(crate) fn reply(&mut self, token: Token, reply: Result<Reply, Refusal>) -> Vec<Command> {
        self.apply(Effect::Reply { token, reply })
    }

    /// Says yes to commands, and to those that they lead to. Queues get their number by the order of declaration.
    pub(crate) fn accept(&mut self, commands: &[Command]) {
        for command in commands {
            if let Some(effect) = accepted(command) {
                let more = self.apply(effect);
                self.accept(&more);
            }
        }
    }

    /// All that the client was sent since the last time.
    pub(crate) fn said(&mut self) -> Vec<Packet> {
        self.peer.flush();
        self.peer.read()
    }

    pub(crate) fn advance_to(&mut self, time: Time) -> Vec<Command> {
        self.now = time;
        commands(self.peer.handle_timeout(time))
    }

    pub(crate) fn close(&mut self, reason: CloseReason) -> Vec<Command> {
        let mut commands = commands(self.peer.close(reason));
        assert!(matches!(commands.pop(), Some(Command::Close)));
        commands
    }

    pub(crate) fn closed(&self) -> Option<CloseReason> {
        self.peer.closed
    }
}

fn commands(envelopes: Vec<model::Envelope>) -> Vec<Command> {
    envelopes.into_iter().map(|envelope| envelope.command).collect()
}

/// A friendly broker's answer.
pub(crate) fn accepted(command: &Command) -> Option<Effect> {
    let (token, reply) = match command {
        Command::Publish(publish) => {
            let token = publish.token?;
            return Some(Effect::Confirm { token, message: MessageNumber(1), routed: true });
        }
        Command::Declare(declare) => (declare.token, declared(&declare.name, false, &[])),
        Command::Consume(consume) => {
            let queue = if consume.consumer.0 == 0 { SESSION } else { queue(consume.consumer.0) };
            (consume.token, Reply::Consuming { queue, decided: Vec::new() })
        }
        Command::Claim(claim) => (claim.token, Reply::Done),
        Command::Delete { token, .. } => (*token, Reply::Count(0)),
        Command::Bind { token, .. }
        | Command::Unbind { token, .. }
        | Command::Alter { token, .. }
        | Command::Unhold { token, .. }
        | Command::Decide { token, .. } => (*token, Reply::Done),
        _ => return None,
    };
    Some(Effect::Reply { token, reply: Ok(reply) })
}

/// The queue of a `$queue/…` consumer.
pub(crate) fn queue(consumer: u32) -> QueueId {
    QueueId { shard: 0, n: 100 + consumer }
}

pub(crate) fn declared(name: &Name, existed: bool, extras: &[(&str, &str)]) -> Reply {
    let extras = extras.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let info = QueueInfo {
        id: SESSION,
        namespace: Namespace(0),
        name: name.clone(),
        alias: None,
        settings: QueueSettings { extras, ..QueueSettings::default() },
        created: Time(0),
        altered: Time(0),
        counts: QueueCounts::default(),
    };
    Reply::Declared { queue: SESSION, existed, info: Box::new(info) }
}

pub(crate) fn message(key: &str, qos: u8, body: impl Into<Vec<u8>>) -> Message {
    Message {
        address: Address::topic(Namespace(0), key.into()),
        header: Header { durable: qos > 0, private: qos, ..Header::default() },
        encoding: EncodingId::MQTT,
        properties: Bytes::new(),
        body: Bytes::from(body.into()).into(),
    }
}

/// A delivery out of the session's queue, through a subscription with this QoS.
pub(crate) fn deliver(seq: u64, message: Message, qos: u8) -> Deliver {
    Deliver {
        consumer: ConsumerIndex(0),
        delivery: Delivery { queue: SESSION, seq, attempt: 1 },
        settled: !message.header.durable || qos == 0,
        message: Arc::new(message),
        number: MessageNumber(seq),
        arrived: Time(0),
        first_acquired: Time(0),
        failed: 0,
        redelivered: false,
        retained: false,
        history: None,
        tags: [Tag(qos.into())].into_iter().collect(),
    }
}
