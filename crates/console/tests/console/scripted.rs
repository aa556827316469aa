//! The admin connection with effects that no broker made.

use bytes::BytesMut;
use console::Admin;
use model::{
    Alarm, CloseReason, Command, Commands, Connection, Effect, Encodings, Inspect, Io, Lsn, MessageNumber, Output,
    Protocol, Recognised, Refusal, Reply, Resource, Status, Token,
};
use serde_json::{Value as Json, json};

use crate::harness::{NOW, PEER};

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

struct Script {
    connection: Box<dyn Connection>,
    commands: Commands,
    output: Output,
    finished: bool,
    input: BytesMut,
}

impl Script {
    fn new() -> Self {
        Self {
            connection: Admin::new(Encodings::default()).open(&PEER),
            commands: Commands::default(),
            output: Output::default(),
            finished: false,
            input: BytesMut::new(),
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut dyn Connection, &mut BytesMut, &mut Io<'_>) -> T) -> T {
        let mut io = Io { commands: &mut self.commands, output: &mut self.output, finished: &mut self.finished };
        act(self.connection.as_mut(), &mut self.input, &mut io)
    }

    fn receive(&mut self, text: &str) -> Result<(), model::Misbehaviour> {
        self.input.extend_from_slice(text.as_bytes());
        self.with(|connection, input, io| connection.receive(NOW, input, io))
    }

    fn apply(&mut self, effect: Effect) {
        self.with(|connection, _, io| connection.apply(NOW, effect, io));
    }

    fn commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands.batch).into_iter().map(|envelope| envelope.command).collect()
    }

    fn lines(&mut self) -> Vec<Json> {
        let mut all = Vec::new();
        while !self.output.is_empty() {
            let mut slices = [std::io::IoSlice::new(&[])];
            self.output.slices(&mut slices);
            all.extend_from_slice(&slices[0]);
            let written = slices[0].len();
            self.output.advance(written);
            self.with(|connection, _, io| connection.flushed(written, io));
        }
        let text = String::from_utf8(all).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn reply(token: Token, reply: Reply) -> Effect {
    Effect::Reply { token, reply: Ok(reply) }
}

#[test]
fn the_protocol_is_json_objects() {
    let admin = Admin::new(Encodings::default());
    assert_eq!(admin.name(), "admin");
    assert_eq!(admin.recognise(b""), Recognised::NeedMore);
    assert_eq!(admin.recognise(b"{\"id\""), Recognised::Yes);
    assert_eq!(admin.recognise(b"GET / HTTP/1.1"), Recognised::No);
}

#[test]
fn the_broker_is_asked_once_and_only_its_answer_counts() {
    let mut script = Script::new();
    script.receive("{\"id\":9,\"command\":\"status\"}\n").unwrap();
    let commands = script.commands();
    let [Command::Inspect { token, what: Inspect::Status }] = commands[..] else { panic!("{commands:?}") };
    script.apply(reply(Token(token.0 + 1), Reply::Done));
    script.apply(Effect::Confirm { token, message: MessageNumber(1), routed: true });
    script.apply(Effect::Drained { consumer: model::ConsumerIndex(0) });
    assert!(script.lines().is_empty());
    script.apply(reply(token, Reply::Status(Box::new(Status { alarm: Some(SHORT_OF_MEMORY), ..Status::default() }))));
    let lines = script.lines();
    assert_eq!(lines[0]["item"]["alarm"], "memory");
    assert_eq!(lines[1], json!({"id": 9, "done": true, "now": NOW.0}));
    script.apply(reply(token, Reply::Done));
    assert!(script.lines().is_empty(), "answered twice");
    script.with(|connection, _, io| connection.close(CloseReason::Disconnected, io));
    assert!(script.commands().is_empty(), "the shell opens and closes");
}

#[test]
fn refusals_are_told_in_their_own_words() {
    let mut script = Script::new();
    for (n, refusal) in [
        Refusal::NoSuchQueue("a\"b".into()),
        Refusal::Exclusive("x".into()),
        Refusal::Limit("bytes", 7),
        Refusal::Unreadable,
    ]
    .into_iter()
    .enumerate()
    {
        script.receive(&format!("{{\"id\":{n},\"command\":\"topics\"}}\n")).unwrap();
        let Some(Command::Inspect { token, .. }) = script.commands().pop() else { panic!() };
        script.apply(Effect::Reply { token, reply: Err(refusal.clone()) });
        assert_eq!(script.lines(), [json!({"id": n, "error": refusal.to_string()})]);
    }
    script.receive("{\"id\":1,\"command\":\"topics\"}\n").unwrap();
    let Some(Command::Inspect { token, .. }) = script.commands().pop() else { panic!() };
    script.apply(reply(token, Reply::Count(1)));
    assert!(script.lines()[0]["error"].as_str().unwrap().contains("does not fit"));
}

#[test]
fn an_over_long_line_ends_the_connection() {
    let mut script = Script::new();
    let piece = "x".repeat(64 * 1024);
    let mut ended = Ok(());
    let mut sent = 0;
    while ended.is_ok() {
        ended = script.receive(&piece);
        sent += piece.len();
        assert!(sent <= (4 << 20) + 2 * piece.len(), "no end after {sent} bytes");
    }
    assert_eq!(ended.unwrap_err().0, "bytes of a line over the limit of 4194304");
    assert_eq!(script.lines(), [json!({"id": null, "error": "bytes of a line over the limit of 4194304"})]);
    let mut whole = Script::new();
    assert!(whole.receive(&format!("{}\n", "x".repeat((4 << 20) + 1))).is_err());
}

#[test]
fn the_longest_line_is_taken_in_small_pieces() {
    let mut script = Script::new();
    let (head, tail) = ("{\"id\":1,\"command\":\"send\",\"queue\":\"a\",\"body\":\"", "\"}");
    let body = "x".repeat((4 << 20) - head.len() - tail.len());
    let line = format!("{head}{body}{tail}\n");
    for piece in line.as_bytes().chunks(1_000) {
        script.receive(std::str::from_utf8(piece).unwrap()).unwrap();
    }
    let Some(Command::Publish(publish)) = script.commands().pop() else { panic!() };
    assert_eq!(publish.message.body.len(), body.len());
}

#[test]
fn whoever_publishes_hears_of_alarms() {
    let mut script = Script::new();
    script.receive("{\"id\":1,\"command\":\"send\",\"queue\":\"a\",\"count\":1000}\n").unwrap();
    let first = script.commands();
    assert_eq!(first.len(), 256, "so many at once");
    script.apply(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) });
    assert_eq!(script.lines(), [json!({"id": 1, "note": "waits: the broker is short of memory"})]);
    let mut commands = first;
    while !commands.is_empty() {
        for command in std::mem::take(&mut commands) {
            let Command::Publish(publish) = command else { continue };
            let token = publish.token.unwrap();
            script.apply(Effect::Confirm { token, message: MessageNumber(token.0), routed: true });
            commands.extend(script.commands());
        }
    }
    assert_eq!(script.lines()[0]["item"], json!({"sent": 1000, "unrouted": 0}));
    script.receive("{\"id\":2,\"command\":\"send\",\"queue\":\"a\"}\n").unwrap();
    assert_eq!(script.lines()[0]["note"], "waits: the broker is short of memory");
    script.apply(Effect::Throttle { reason: None });
    assert!(script.lines().is_empty());
}

#[test]
fn a_running_request_is_told_of_the_end() {
    let mut script = Script::new();
    script.receive("{\"id\":1,\"command\":\"status\"}\n{\"id\":2,\"command\":\"status\"}\n").unwrap();
    script.apply(Effect::Close { reason: CloseReason::Ended });
    assert!(script.finished);
    assert_eq!(script.lines(), [json!({"id": 1, "error": "the broker ends this connection"})]);

    let mut script = Script::new();
    script.receive("{\"id\":1,\"command\":\"status\"}\n").unwrap();
    script.with(|connection, _, io| connection.close(CloseReason::ShuttingDown, io));
    assert_eq!(script.lines(), [json!({"id": 1, "error": "the broker is stopping"})]);

    let mut script = Script::new();
    script.receive("{\"id\":1,\"command\":\"tail\",\"topic\":\"a\"}\n").unwrap();
    script.with(|connection, _, io| connection.close(CloseReason::Disconnected, io));
    assert!(script.lines().is_empty(), "nobody is there to be told");
}

/// A client that asks and asks and never reads.
#[test]
fn answers_that_nobody_reads_stop_the_questions() {
    let mut script = Script::new();
    let mut asked = 0;
    for n in 0..1_000_000 {
        if script.receive("x\n").is_err() {
            asked = n;
            break;
        }
    }
    assert!(asked > 1_000, "{asked}");
    assert!(script.output.len() < 2 << 20, "{} bytes", script.output.len());
}

/// Bytes of requests that are done with count no more.
#[test]
fn long_requests_follow_each_other() {
    let mut script = Script::new();
    let line = format!("{{\"id\":1,\"command\":\"send\",\"queue\":\"a\",\"body\":\"{}\"}}\n", "x".repeat(4_000_000));
    for _ in 0..5 {
        script.receive(&line).unwrap();
        let Some(Command::Publish(publish)) = script.commands().pop() else { panic!() };
        let token = publish.token.unwrap();
        script.apply(Effect::Confirm { token, message: MessageNumber(1), routed: true });
        assert_eq!(script.lines().len(), 2);
    }
    script.receive(&line).unwrap();
    script.receive(&line).unwrap();
    script.receive(&line).unwrap();
    assert!(script.receive(&line).is_err(), "two may wait for the one that runs");
}

#[test]
fn a_tail_asks_for_what_costs_least() {
    let mut script = Script::new();
    script.receive("{\"id\":1,\"command\":\"tail\",\"topic\":\"a.#\"}\n").unwrap();
    let Some(Command::Declare(declare)) = script.commands().pop() else { panic!() };
    let settings = &declare.settings;
    assert!(settings.internal && !settings.durable && settings.lifetime == model::Lifetime::Connection);
    assert_eq!(declare.name.to_text(), "$admin.tail.0.0.0");
    let queue = model::QueueId { shard: 0, n: 7 };
    let info = model::QueueInfo {
        id: queue,
        namespace: declare.namespace,
        name: declare.name.clone(),
        alias: None,
        settings: declare.settings.clone(),
        created: NOW,
        altered: NOW,
        counts: model::QueueCounts::default(),
    };
    script.apply(reply(declare.token, Reply::Declared { queue, existed: false, info: Box::new(info) }));
    let Some(Command::Bind { token, queue: bound, binding, replay: false }) = script.commands().pop() else { panic!() };
    assert_eq!(bound, model::QueueRef::Id(queue));
    assert!(binding.at_most_once && binding.exchange == model::Exchange::Topic && binding.key == "a.#".into());
    script.apply(reply(token, Reply::Done));
    let Some(Command::Consume(consume)) = script.commands().pop() else { panic!() };
    assert_eq!((consume.queue, consume.credit.messages), (model::QueueRef::Id(queue), 32));
}

#[test]
fn a_backup_is_passed_on_and_its_progress_told() {
    let mut script = Script::new();
    script.receive("{\"id\":4,\"command\":\"backup\",\"folder\":\"/b\"}\n").unwrap();
    let Some(Command::Backup { token, folder }) = script.commands().pop() else { panic!() };
    assert_eq!(folder, "/b");
    script.apply(Effect::Progress { token: Token(token.0 + 1), done: 9, total: 9 });
    script.apply(Effect::Progress { token, done: 1, total: 2 });
    let progress = json!({"done": 1, "total": 2, "leased": 0, "delayed": 0});
    assert_eq!(script.lines(), [json!({"id": 4, "progress": progress})]);
    script.apply(reply(token, Reply::BackedUp { lsn: Lsn(7), bytes: 2 }));
    assert_eq!(script.lines()[0], json!({"id": 4, "item": {"lsn": 7, "bytes": 2}}));
    script.receive("{\"id\":5,\"command\":\"backup\",\"folder\":\"/b\"}\n").unwrap();
    let Some(Command::Backup { token, .. }) = script.commands().pop() else { panic!() };
    script.apply(Effect::Reply { token, reply: Err(Refusal::Invalid("/b is not empty".into())) });
    assert_eq!(script.lines(), [json!({"id": 5, "error": "/b is not empty"})]);
    script.receive("{\"id\":6,\"command\":\"backup\",\"folder\":\"b\"}\n").unwrap();
    assert!(script.lines()[0]["error"].as_str().unwrap().contains("absolute path"));
    assert!(script.commands().is_empty());
}
