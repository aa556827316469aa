//! Connections, the real broker, and a journal in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use amqp10::codec::{self, Performative};
use amqp10::{Amqp10, Amqp10Options};
use broker::{Broker, Holds, Load, Options, Outgoing, Step};
use bytes::{Buf, Bytes, BytesMut};
use model::{
    CloseReason, Command, Commands, ConnectionId, Declare, DeclareMode, Effect, Encodings, Envelope, Inspect, Lsn,
    Mechanisms, Name, Namespace, QueueCounts, QueueInfo, QueueRef, QueueSettings, Reply, Time, Token,
};

use crate::guard::Except;
use crate::peer::{Peer, Said};

/// Who hands in what nobody's client says.
const SHELL: ConnectionId = ConnectionId { thread: 9, slot: 0, generation: 1 };
/// More rounds than this without anything new are a world that never rests.
const RESTLESS: usize = 10_000;

/// Names a client of the world.
pub(crate) type Client = usize;

pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) now: Time,
    /// Records reach the disk at once; else up to `durable` only.
    pub(crate) syncs: bool,
    pub(crate) durable: Lsn,
    peers: Vec<Peer>,
    protocol: Amqp10,
    /// What clients may do that are opened from now on.
    pub(crate) guard: Option<Arc<Except>>,
    /// How they may log in.
    pub(crate) mechanisms: Mechanisms,
    journal: Vec<(Time, Bytes)>,
    commands: Vec<Envelope>,
    loads: Vec<Load>,
    /// Effects whose record is not durable yet, in order of record.
    held: VecDeque<Outgoing>,
    /// Answers to the shell's own questions.
    answers: BTreeMap<u64, Result<Reply, model::Refusal>>,
    questions: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Amqp10Options)) -> Self {
        let mut options = Amqp10Options::new(Encodings::default());
        change(&mut options);
        let mut world = Self {
            broker: Broker::new(broker_options()),
            now: Time(1_000_000),
            syncs: true,
            durable: Lsn(0),
            peers: Vec::new(),
            protocol: Amqp10::new(options),
            guard: None,
            mechanisms: Mechanisms::OPEN,
            journal: Vec::new(),
            commands: Vec::new(),
            loads: Vec::new(),
            held: VecDeque::new(),
            answers: BTreeMap::new(),
            questions: 0,
        };
        world.open_shell();
        world
    }

    /// A socket without a word said.
    pub(crate) fn open(&mut self) -> Client {
        let id = ConnectionId { thread: 0, slot: self.peers.len() as u32, generation: 1 };
        let peer = model::Peer { mechanisms: self.mechanisms, ..model::Peer::local("amqp10") };
        let mut opened = Peer::new(&peer, &self.protocol, id);
        opened.guard.clone_from(&self.guard);
        self.peers.push(opened);
        self.commands
            .push(Envelope { connection: id, command: Command::Open { peer: peer.into(), client: Name::default() } });
        self.peers.len() - 1
    }

    /// Sends, and lets everything happen that follows.
    pub(crate) fn send(&mut self, client: Client, channel: u16, performative: Performative) {
        self.say(client, channel, performative, &[]);
        self.rest();
    }

    /// Sends; the broker does not know yet.
    pub(crate) fn say(&mut self, client: Client, channel: u16, performative: Performative, payload: &[u8]) {
        let mut bytes = BytesMut::new();
        codec::encode(&mut bytes, channel, &performative, payload);
        let commands = self.peers[client].send_bytes(self.now, &bytes);
        self.commands.extend(commands);
    }

    /// The shell answers a login; everything happens that follows.
    pub(crate) fn answer(&mut self, client: Client, answer: impl FnOnce(&mut Peer, Time) -> Vec<Envelope>) {
        let commands = answer(&mut self.peers[client], self.now);
        self.commands.extend(commands);
        self.rest();
    }

    /// Commands for the next step.
    pub(crate) fn give(&mut self, commands: Vec<Envelope>) {
        self.commands.extend(commands);
    }

    pub(crate) fn send_bytes(&mut self, client: Client, bytes: &[u8]) {
        let commands = self.peers[client].send_bytes(self.now, bytes);
        self.commands.extend(commands);
        self.rest();
    }

    /// What the client has read since the last time.
    pub(crate) fn read(&mut self, client: Client) -> Vec<Said> {
        self.peers[client].read()
    }

    /// The only thing it has read, a frame.
    #[track_caller]
    pub(crate) fn read_one(&mut self, client: Client) -> Performative {
        let mut read = self.read(client);
        assert_eq!(read.len(), 1, "{read:?}");
        match read.remove(0) {
            Said::Frame(_, performative, _) => performative,
            other => panic!("not a frame: {other:?}"),
        }
    }

    pub(crate) fn peer(&mut self, client: Client) -> &mut Peer {
        &mut self.peers[client]
    }

    pub(crate) fn is_open(&self, client: Client) -> bool {
        self.peers[client].closed.is_none()
    }

    /// The socket breaks.
    pub(crate) fn cut(&mut self, client: Client) {
        self.end(client, CloseReason::Disconnected);
        self.rest();
    }

    pub(crate) fn end(&mut self, client: Client, reason: CloseReason) {
        let commands = self.peers[client].close(reason);
        self.commands.extend(commands);
    }

    /// Steps the broker once and applies what may leave.
    pub(crate) fn step(&mut self) {
        let mut batch = Commands { connection: SHELL, batch: std::mem::take(&mut self.commands) };
        for Load { load, first, last } in std::mem::take(&mut self.loads) {
            let records = (first.0..=last.0).map(|lsn| self.journal[lsn as usize - 1].1.clone()).collect();
            batch.push(Command::Loaded { load, records: Some(records) });
        }
        let mut step = Step::default();
        self.broker.step(self.now, &mut batch, &mut step);
        let mut records = bytes::Bytes::from(step.records.take(|buffer| buffer.split().freeze()).concat());
        assert!(step.count == 0 || step.first.0 == self.journal.len() as u64 + 1, "records without gaps");
        for _ in 0..step.count {
            let length = records.get_u32_le() as usize;
            self.journal.push((self.now, records.split_to(length)));
        }
        self.loads = step.loads;
        if self.syncs {
            self.durable = self.last();
        }
        for outgoing in step.effects {
            let at = self.held.partition_point(|held| held.after <= outgoing.after);
            self.held.insert(at, outgoing);
        }
        self.release();
    }

    /// What waits for records up to `lsn` leaves.
    pub(crate) fn sync(&mut self, lsn: Lsn) {
        self.durable = self.durable.max(lsn);
        self.release();
    }

    fn release(&mut self) {
        while self.held.front().is_some_and(|held| held.after <= self.durable) {
            let Some(Outgoing { connection, effect, .. }) = self.held.pop_front() else { break };
            if connection == SHELL {
                if let Effect::Reply { token, reply } = effect {
                    self.answers.insert(token.0, reply);
                }
            } else {
                let commands = self.peers[connection.slot as usize].apply(self.now, effect);
                self.commands.extend(commands);
            }
        }
        for peer in &mut self.peers {
            self.commands.extend(peer.flush());
        }
    }

    /// Until nothing more happens at this time.
    pub(crate) fn rest(&mut self) {
        self.step();
        for _ in 0..RESTLESS {
            let due = self.broker.poll_timeout().is_some_and(|at| at <= self.now);
            if !due && self.commands.is_empty() && self.loads.is_empty() {
                return;
            }
            self.step();
        }
        panic!("the world does not come to rest: {:?}", self.commands.first());
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, milliseconds: u64) {
        let until = self.now.plus(milliseconds);
        loop {
            let peers = self.peers.iter().filter_map(Peer::poll_timeout);
            let Some(at) = peers.chain(self.broker.poll_timeout()).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            for peer in &mut self.peers {
                if peer.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.commands.extend(peer.handle_timeout(self.now));
                }
            }
            self.rest();
        }
        self.now = until;
        self.rest();
    }

    /// The number of the last record.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.journal.len() as u64)
    }

    /// The process is killed, and another one starts with what was on disk.
    pub(crate) fn crash(&mut self) {
        self.journal.truncate(self.durable.0 as usize);
        self.commands.clear();
        self.loads.clear();
        self.held.clear();
        for peer in &mut self.peers {
            peer.closed.get_or_insert(CloseReason::Disconnected);
        }
        self.broker = Broker::new(broker_options());
        let mut holds = Holds::default();
        let mut read = |lsn: Lsn| Some(self.journal.get(lsn.0 as usize - 1)?.1.clone());
        for (i, (time, record)) in self.journal.iter().enumerate() {
            let restored = self.broker.restore(Lsn(i as u64 + 1), *time, record, &mut read, &mut holds);
            restored.expect("a record that the broker wrote");
        }
        self.broker.finish_restore(&mut read, &mut holds).expect("pages that the broker wrote");
        self.open_shell();
    }

    pub(crate) fn ask(&mut self, command: impl FnOnce(Token) -> Command) -> Result<Reply, model::Refusal> {
        self.questions += 1;
        let command = command(Token(self.questions));
        self.commands.push(Envelope { connection: SHELL, command });
        self.rest();
        self.answers.remove(&self.questions).expect("an answer")
    }

    /// The shell gives a command that is not answered.
    pub(crate) fn tell(&mut self, command: Command) {
        self.commands.push(Envelope { connection: SHELL, command });
        self.rest();
    }

    pub(crate) fn info(&mut self, name: &str) -> Option<QueueInfo> {
        let what = Inspect::Queue(queue(name));
        match self.ask(|token| Command::Inspect { token, what }) {
            Ok(Reply::Queue(info)) => Some(*info),
            _ => None,
        }
    }

    /// Messages in a queue: ready, and leased to somebody.
    pub(crate) fn tally(&mut self, name: &str) -> (u64, u64) {
        let QueueCounts { ready, leased, .. } = self.info(name).unwrap().counts;
        (ready, leased)
    }

    /// The names of all queues, internal ones too.
    pub(crate) fn queues(&mut self) -> Vec<String> {
        let what = Inspect::Queues { namespace: None, prefix: Name::default(), internal: true };
        match self.ask(|token| Command::Inspect { token, what }) {
            Ok(Reply::Queues(queues)) => queues.iter().map(|it| it.name.to_text().into_owned()).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn declare(&mut self, name: &str, settings: QueueSettings) {
        let (namespace, name, mode) = (Namespace(0), name.into(), DeclareMode::Same);
        let declare =
            |token| Command::Declare(Box::new(Declare { token, namespace, name, settings, mode, own: model::Own::No }));
        self.ask(declare).unwrap();
    }

    pub(crate) fn delete(&mut self, name: &str) {
        let queue = queue(name);
        self.ask(|token| Command::Delete { token, queue, if_unused: false, if_empty: false }).unwrap();
    }

    fn open_shell(&mut self) {
        let peer = model::Peer::local("test");
        let command = Command::Open { peer: peer.into(), client: Name::default() };
        self.commands.push(Envelope { connection: SHELL, command });
    }
}

fn broker_options() -> Options {
    Options { auto_create: true, memory_limit: 1 << 30, evicts: true, ..Options::default() }
}

pub(crate) fn queue(name: &str) -> QueueRef {
    QueueRef::Named(Namespace(0), name.into())
}
