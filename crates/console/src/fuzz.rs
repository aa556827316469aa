//! The entry of the fuzz target, and of the test that replays its corpus.

use std::ops::ControlFlow;

use bytes::BytesMut;
use model::{
    Alarm, CloseReason, Command, Commands, ConsumerIndex, Deliver, Delivery, Effect, Encodings, Io, Message,
    MessageNumber, Output, Peer, Protocol, QueueCounts, QueueId, QueueInfo, Refusal, Reply, Resource, Time, Token,
};

use crate::Admin;

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

/// Output that a client who reads nothing may be owed: what is let through before the limit, and the last portion.
const OWED_BYTES: usize = 8 * 1024 * 1024;
/// Turns in which commands are answered, over the whole run: a tail never ends by itself.
const TURNS: usize = 200;

/// Takes any bytes as what a client sends, in pieces, and answers what they make of it. The first byte says how.
pub fn run(data: &[u8]) {
    let Some((&salt, data)) = data.split_first() else { return };
    let peer = Peer::local("admin");
    let mut connection = Admin::new(Encodings::default()).open(&peer);
    let (mut commands, mut output, mut finished) = (Commands::default(), Output::default(), false);
    let mut input = BytesMut::new();
    let reads = salt & 1 == 0;
    let mut alive = true;
    let now = Time(1_000);
    let mut turns = TURNS;
    for piece in data.chunks(usize::from(salt >> 1) * 3 + 1) {
        input.extend_from_slice(piece);
        let mut io = Io { commands: &mut commands, output: &mut output, finished: &mut finished };
        if connection.receive(now, &mut input, &mut io).is_err() {
            alive = false;
            break;
        }
        while turns > 0 && !io.commands.batch.is_empty() {
            turns -= 1;
            let batch = std::mem::take(&mut io.commands.batch);
            let shells = |command: &Command| matches!(command, Command::Open { .. } | Command::Close);
            assert!(!batch.iter().any(|envelope| shells(&envelope.command)), "the shell opens and closes");
            for (n, envelope) in batch.into_iter().enumerate() {
                answer(envelope.command, usize::from(salt) + n, &mut |effect| {
                    connection.apply(now, effect, &mut io);
                    if *io.finished { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                });
            }
            if reads {
                let written = io.output.len();
                io.output.advance(written);
                connection.flushed(written, &mut io);
            }
        }
        assert!(output.len() <= OWED_BYTES, "{} bytes are owed to a client that does not read", output.len());
    }
    assert!(!alive || !input.contains(&b'\n'), "a whole line was left");
    let mut io = Io { commands: &mut commands, output: &mut output, finished: &mut finished };
    connection.close(CloseReason::ShuttingDown, &mut io);
}

/// What a broker might say to `command`.
fn answer(command: Command, salt: usize, tell: &mut dyn FnMut(Effect) -> ControlFlow<()>) {
    let reply = |token, reply| Effect::Reply { token, reply: Ok(reply) };
    let refuse = |token| Effect::Reply { token, reply: Err(Refusal::NoSuchQueue("\u{1b}[31m".into())) };
    let effects = match command {
        Command::Inspect { token, .. } | Command::Purge { token, .. } if salt.is_multiple_of(7) => vec![refuse(token)],
        Command::Inspect { token, what } => vec![reply(token, inspected(&what, salt))],
        Command::Publish(publish) => {
            let token = publish.token.unwrap_or_default();
            let confirm = Effect::Confirm { token, message: MessageNumber(1), routed: salt.is_multiple_of(2) };
            vec![if salt.is_multiple_of(5) { refuse(token) } else { confirm }]
        }
        Command::Purge { token, .. } | Command::Delete { token, .. } => vec![reply(token, Reply::Count(1))],
        Command::Move { token, max, .. } => vec![reply(token, Reply::Count(max.min(salt as u64)))],
        Command::Declare(it) => {
            let declared = Reply::Declared { queue: QueueId::default(), existed: false, info: Box::new(queue(salt)) };
            vec![reply(it.token, declared)]
        }
        Command::Settle(settle) => settle.token.map(|token| reply(token, Reply::Count(1))).into_iter().collect(),
        Command::Commit { token, .. } | Command::Rollback { token, .. } => vec![reply(token, Reply::Done)],
        Command::Backup { token, .. } => vec![
            Effect::Progress { token, done: 1, total: 2 },
            reply(token, Reply::BackedUp { lsn: model::Lsn(1), bytes: 2 }),
        ],
        Command::Bind { token, .. } => vec![reply(token, Reply::Done)],
        Command::Consume(it) => {
            let consuming = reply(it.token, Reply::Consuming { queue: QueueId::default(), decided: Vec::new() });
            [consuming].into_iter().chain((0..u64::from(it.credit.messages)).map(deliver)).collect()
        }
        Command::Credit { consumer, add, drain } => {
            let some = (0..u64::from(add.messages)).map(deliver).skip(salt % 3);
            some.chain(drain.then_some(Effect::Drained { consumer })).collect()
        }
        Command::Cancel { consumer } if salt.is_multiple_of(3) => {
            vec![
                Effect::Cancelled { consumer, refusal: Refusal::IsLog },
                Effect::Throttle { reason: Some(SHORT_OF_MEMORY) },
            ]
        }
        _ => vec![Effect::Throttle { reason: None }, refuse(Token(salt as u64))],
    };
    let _ = effects.into_iter().try_for_each(tell);
}

fn inspected(what: &model::Inspect, salt: usize) -> Reply {
    match what {
        model::Inspect::Status => Reply::Status(Box::default()),
        model::Inspect::Queue(_) => Reply::Queue(Box::new(queue(salt))),
        model::Inspect::Queues { .. } => Reply::Queues((0..salt * 8).map(queue).collect()),
        model::Inspect::Bindings(_) => Reply::Bindings(Vec::new()),
        model::Inspect::Topics { .. } => Reply::Topics(Vec::new()),
        model::Inspect::Connections => Reply::Connections(Vec::new()),
        model::Inspect::Prepared => Reply::Prepared(Vec::new()),
        model::Inspect::Holdings { .. } => Reply::Holdings(Vec::new()),
    }
}

fn queue(n: usize) -> QueueInfo {
    QueueInfo {
        id: QueueId { shard: 0, n: n as u32 },
        namespace: model::Namespace(0),
        name: format!("q\"{n}\n").into(),
        alias: None,
        settings: model::QueueSettings::default(),
        created: Time(1),
        altered: Time(2),
        counts: QueueCounts::default(),
    }
}

fn deliver(seq: u64) -> Effect {
    let message = Message {
        address: model::Address::queue(model::Namespace(0), "q".into()),
        header: model::Header::default(),
        encoding: model::EncodingId::PLAIN,
        properties: bytes::Bytes::new(),
        body: bytes::Bytes::from_static(&[b'"'; 1_000]).into(),
    };
    Effect::Deliver(Deliver {
        consumer: ConsumerIndex(0),
        delivery: Delivery { queue: QueueId::default(), seq, attempt: 1 },
        message: message.into(),
        number: MessageNumber(seq),
        arrived: Time(5),
        first_acquired: Time(5),
        failed: 0,
        redelivered: false,
        settled: true,
        history: None,
        retained: false,
        tags: model::Tags::new(),
    })
}
