//! One client of the admin channel and a broker, with nothing in between.

use broker::{Broker, Options, Step};
use bytes::BytesMut;
use console::Admin;
use model::{
    CloseReason, Command, Commands, Connection, ConnectionId, Encodings, Io, Message, Misbehaviour, Name, Output, Peer,
    Protocol, Publish, Time,
};
use serde_json::Value as Json;

pub(crate) const NOW: Time = Time(1_772_323_200_000);
pub(crate) const PEER: Peer = Peer::local("admin");

/// Somebody else, who publishes.
const OTHER: ConnectionId = ConnectionId { thread: 1, slot: 0, generation: 1 };

pub(crate) struct Bench {
    pub(crate) broker: Broker,
    pub(crate) connection: Box<dyn Connection>,
    opened: bool,
    pub(crate) commands: Commands,
    pub(crate) output: Output,
    pub(crate) finished: bool,
    pub(crate) now: Time,
    input: BytesMut,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Encodings::default())
    }

    pub(crate) fn with(encodings: Encodings) -> Self {
        let options =
            Options { encodings: encodings.clone(), auto_create: true, memory_limit: 1 << 30, ..Options::default() };
        let mut bench = Self {
            broker: Broker::new(options),
            connection: Admin::new(encodings).open(&PEER),
            opened: false,
            commands: Commands::default(),
            output: Output::default(),
            finished: false,
            now: NOW,
            input: BytesMut::new(),
        };
        bench.other(Command::Open { peer: PEER.into(), client: "other".into() });
        bench
    }

    /// Gives a command for somebody else.
    pub(crate) fn other(&mut self, command: Command) {
        let mut commands = Commands { connection: OTHER, batch: Vec::new() };
        commands.push(command);
        self.step(&mut commands);
        self.settle();
    }

    pub(crate) fn publish(&mut self, message: Message) {
        self.other(Command::Publish(Publish::new(message.into())));
    }

    /// Hands over what the client sent, and lets the broker work.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<(), Misbehaviour> {
        self.input.extend_from_slice(bytes);
        if !std::mem::replace(&mut self.opened, true) {
            // As the shell does.
            self.commands.push(Command::Open { peer: PEER.into(), client: Name::default() });
        }
        let mut io = Io { commands: &mut self.commands, output: &mut self.output, finished: &mut self.finished };
        let received = self.connection.receive(self.now, &mut self.input, &mut io);
        self.settle();
        received
    }

    /// Lets the client read everything there is.
    pub(crate) fn read(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while !self.output.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let count = self.output.slices(&mut slices);
            let before = all.len();
            slices[..count].iter().for_each(|slice| all.extend_from_slice(slice));
            let written = all.len() - before;
            self.output.advance(written);
            let mut io = Io { commands: &mut self.commands, output: &mut self.output, finished: &mut self.finished };
            self.connection.flushed(written, &mut io);
            self.settle();
        }
        all
    }

    pub(crate) fn lines(&mut self) -> Vec<Json> {
        let bytes = self.read();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// The answer to one request.
    pub(crate) fn ask(&mut self, request: &Json) -> Vec<Json> {
        self.receive(format!("{request}\n").as_bytes()).unwrap();
        self.lines()
    }

    /// The items of an answer that succeeded.
    pub(crate) fn items(&mut self, request: &Json) -> Vec<Json> {
        let mut lines = self.ask(request);
        let last = lines.pop().unwrap();
        assert_eq!((&last["done"], &last["id"]), (&Json::Bool(true), &request["id"]), "{last}");
        lines.into_iter().map(|mut line| line["item"].take()).collect()
    }

    pub(crate) fn error(&mut self, request: &Json) -> String {
        let lines = self.ask(request);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["id"], request["id"]);
        lines[0]["error"].as_str().unwrap().to_owned()
    }

    pub(crate) fn close(&mut self, reason: CloseReason) {
        let mut io = Io { commands: &mut self.commands, output: &mut self.output, finished: &mut self.finished };
        self.connection.close(reason, &mut io);
        if std::mem::take(&mut self.opened) {
            self.commands.push(Command::Close);
        }
        self.settle();
    }

    /// Lets broker and connection answer each other until neither has anything to say.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut commands = std::mem::take(&mut self.commands);
            let idle = commands.batch.is_empty() && self.broker.poll_timeout() != Some(Time::ZERO);
            if idle {
                return;
            }
            self.step(&mut commands);
        }
        panic!("they never stop talking");
    }

    fn step(&mut self, commands: &mut Commands) {
        let mut step = Step::default();
        self.broker.step(self.now, commands, &mut step);
        assert!(step.loads.is_empty(), "all bodies are in memory");
        for outgoing in step.effects.into_iter().filter(|it| it.connection == ConnectionId::default()) {
            let mut io = Io { commands: &mut self.commands, output: &mut self.output, finished: &mut self.finished };
            self.connection.apply(self.now, outgoing.effect, &mut io);
        }
    }
}

/// A message to topic `key`.
pub(crate) fn topic(key: &str, body: &str) -> Message {
    let address = model::Address::topic(model::Namespace(0), key.into());
    message(address, body)
}

/// A message to a queue.
pub(crate) fn queue(name: &str, body: &str) -> Message {
    let address = model::Address::queue(model::Namespace(0), name.into());
    message(address, body)
}

fn message(address: model::Address, body: &str) -> Message {
    Message {
        address,
        header: model::Header::default(),
        encoding: model::EncodingId::PLAIN,
        properties: bytes::Bytes::new(),
        body: bytes::Bytes::copy_from_slice(body.as_bytes()).into(),
    }
}
