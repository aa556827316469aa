//! Connections, the real broker, and a journal in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use broker::{Broker, Holds, Load, Options, Outgoing, Step};
use bytes::{Buf, Bytes};
use model::{
    Address, CloseReason, Command, Commands, ConnectionId, Effect, EncodingId, Encodings, Envelope, Header, Inspect,
    Lsn, Mechanisms, Message, Name, Namespace, Publish, QueueCounts, QueueInfo, QueueRef, Reply, Status, Time, Token,
};
use stomp::codec::Command as Verb;
use stomp::{Stomp, StompEncoding, StompOptions};

use crate::foreign::Foreign;
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
    protocol: Stomp,
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

    pub(crate) fn with(change: impl FnOnce(&mut StompOptions)) -> Self {
        let mut options = StompOptions::new(encodings());
        change(&mut options);
        let mut world = Self {
            broker: Broker::new(broker_options()),
            now: Time(1_000_000),
            syncs: true,
            durable: Lsn(0),
            peers: Vec::new(),
            protocol: Stomp::new(options),
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
        let peer = model::Peer { mechanisms: self.mechanisms, ..model::Peer::local("stomp") };
        let mut opened = Peer::new(&peer, &self.protocol, id);
        opened.guard.clone_from(&self.guard);
        self.peers.push(opened);
        self.commands
            .push(Envelope { connection: id, command: Command::Open { peer: peer.into(), client: Name::default() } });
        self.peers.len() - 1
    }

    /// A client that speaks 1.2, with CONNECTED read.
    #[track_caller]
    pub(crate) fn join(&mut self) -> Client {
        self.join_with("accept-version:1.2\nhost:/")
    }

    #[track_caller]
    pub(crate) fn join_with(&mut self, headers: &str) -> Client {
        let client = self.open();
        self.send(client, &format!("CONNECT\n{headers}\n"));
        let connected = self.read_one(client);
        assert_eq!(connected.command, Verb::Connected, "{connected:?}");
        client
    }

    /// Sends a frame without its NUL, and lets everything happen that follows. Without a blank line there is no body.
    pub(crate) fn send(&mut self, client: Client, frame: &str) {
        self.say(client, frame);
        self.rest();
    }

    /// Sends; the broker does not know yet.
    pub(crate) fn say(&mut self, client: Client, frame: &str) {
        let blank = if frame.contains("\n\n") { "" } else { "\n\n" };
        let bytes = format!("{}{blank}\0", if blank.is_empty() { frame } else { frame.trim_end_matches('\n') });
        let commands = self.peers[client].send_bytes(self.now, bytes.as_bytes());
        self.commands.extend(commands);
    }

    /// The shell answers a login; everything happens that follows.
    pub(crate) fn answer(&mut self, client: Client, answer: impl FnOnce(&mut Peer, Time) -> Vec<Envelope>) {
        let commands = answer(&mut self.peers[client], self.now);
        self.commands.extend(commands);
        self.rest();
    }

    /// Rights have changed.
    pub(crate) fn reconsider(&mut self) {
        self.commands.push(Envelope { connection: SHELL, command: Command::Reconsider });
        self.rest();
    }

    /// Commands for the next step.
    pub(crate) fn give(&mut self, commands: Vec<Envelope>) {
        self.commands.extend(commands);
    }

    /// Subscribes, with the receipt read.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, client: Client, headers: &str) {
        self.send(client, &format!("SUBSCRIBE\nreceipt:sub\n{headers}\n"));
        let at = self.peers[client].inbox.iter().position(|it| it.find("receipt-id") == Some("sub"));
        at.and_then(|at| self.peers[client].inbox.remove(at)).expect("subscribed");
    }

    /// What the client has read since the last time.
    pub(crate) fn read(&mut self, client: Client) -> Vec<Said> {
        self.peers[client].inbox.drain(..).collect()
    }

    /// The only frame it has read.
    #[track_caller]
    pub(crate) fn read_one(&mut self, client: Client) -> Said {
        let mut read = self.read(client);
        assert_eq!(read.len(), 1, "{read:?}");
        read.remove(0)
    }

    /// Messages that it has read; there is nothing else.
    #[track_caller]
    pub(crate) fn messages(&mut self, client: Client) -> Vec<Said> {
        let read = self.read(client);
        assert!(read.iter().all(|it| it.command == Verb::Message), "{read:?}");
        read
    }

    /// Their bodies.
    #[track_caller]
    pub(crate) fn bodies(&mut self, client: Client) -> Vec<String> {
        self.messages(client).iter().map(|it| it.text().to_owned()).collect()
    }

    /// Receipts that it has read; there is nothing else.
    #[track_caller]
    pub(crate) fn receipts(&mut self, client: Client) -> Vec<String> {
        let read = self.read(client);
        assert!(read.iter().all(|it| it.command == Verb::Receipt), "{read:?}");
        read.iter().map(|it| it.get("receipt-id").to_owned()).collect()
    }

    /// The ERROR that ended a connection: its message and body.
    #[track_caller]
    pub(crate) fn error(&mut self, client: Client) -> Said {
        let error = self.read(client).pop().expect("something was said");
        assert_eq!(error.command, Verb::Error, "{error:?}");
        assert!(!self.is_open(client), "ERROR ends the connection");
        assert_eq!(error.get("content-type"), "text/plain");
        error
    }

    pub(crate) fn send_bytes(&mut self, client: Client, bytes: &[u8]) {
        let commands = self.peers[client].send_bytes(self.now, bytes);
        self.commands.extend(commands);
        self.rest();
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

    /// The client reads so many bytes more.
    pub(crate) fn flush_bytes(&mut self, client: Client, most: usize) {
        let commands = self.peers[client].flush_bytes(most);
        self.commands.extend(commands);
        self.rest();
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

    pub(crate) fn info(&mut self, name: &str) -> Option<QueueInfo> {
        let what = Inspect::Queue(queue(name));
        match self.ask(|token| Command::Inspect { token, what }) {
            Ok(Reply::Queue(info)) => Some(*info),
            _ => None,
        }
    }

    /// The queues that belong to subscriptions and connections.
    pub(crate) fn internal_queues(&mut self) -> Vec<QueueInfo> {
        let what = Inspect::Queues { namespace: None, prefix: "stomp.".into(), internal: true };
        match self.ask(|token| Command::Inspect { token, what }) {
            Ok(Reply::Queues(queues)) => queues,
            other => panic!("{other:?}"),
        }
    }

    /// Messages in a queue: ready, and leased to somebody.
    pub(crate) fn tally(&mut self, name: &str) -> (u64, u64) {
        let QueueCounts { ready, leased, .. } = self.info(name).unwrap().counts;
        (ready, leased)
    }

    /// A message of another protocol.
    pub(crate) fn publish(&mut self, address: Address, encoding: EncodingId, header: Header, body: &'static [u8]) {
        let (properties, body) = (Bytes::from_static(b"its own"), Bytes::from_static(body).into());
        let message = Message { address, header, encoding, properties, body };
        let publish = Publish { token: None, ..Publish::new(message.into()) };
        self.commands.push(Envelope { connection: SHELL, command: Command::Publish(publish) });
        self.rest();
    }

    pub(crate) fn status(&mut self) -> Status {
        match self.ask(|token| Command::Inspect { token, what: Inspect::Status }) {
            Ok(Reply::Status(status)) => *status,
            other => panic!("{other:?}"),
        }
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

fn encodings() -> Encodings {
    let mut encodings = Encodings::default();
    encodings.register(std::sync::Arc::new(StompEncoding));
    encodings.register(std::sync::Arc::new(Foreign));
    encodings
}

fn broker_options() -> Options {
    Options { encodings: encodings(), auto_create: true, memory_limit: 1 << 30, evicts: true, ..Options::default() }
}

pub(crate) fn queue(name: &str) -> QueueRef {
    QueueRef::Named(Namespace(0), name.into())
}
