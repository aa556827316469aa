//! Times the three hot operations of SQS in this crate alone: requests in, commands out, effects in, responses out.
//!
//! `cargo run --release -p aws --example hot_operations`
#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws::{Aws, AwsOptions, SqsEncoding};
use bytes::Bytes;
use http::Request;
use model::{
    Command, Commands, ConsumerIndex, Deliver, Delivery, Effect, Encodings, HttpConnection, HttpIo, HttpService as _,
    Message, MessageNumber, Name, Namespace, Peer, QueueCounts, QueueId, QueueInfo, QueueSettings, Reply, Tags, Time,
};

/// Rounds of which one average is taken, and averages of which the best is shown.
const ROUNDS: u32 = 2_000;
const AVERAGES: u32 = 25;
const URL: &str = "http://localhost:4566/000000000000/orders";

fn main() {
    for size in [100, 1_024, 16_384] {
        let mut bench = Bench::new();
        let mut best = [u128::MAX; 3];
        for _ in 0..AVERAGES {
            let average = bench.run(size);
            best = std::array::from_fn(|i| best[i].min(average[i]));
        }
        let [send, receive, delete] = best;
        println!("{size:>6} bytes: send {send:>6} ns, receive {receive:>6} ns, delete {delete:>6} ns");
    }
}

struct Bench {
    connection: Box<dyn HttpConnection>,
    commands: Commands,
}

impl Bench {
    fn new() -> Self {
        let mut encodings = Encodings::default();
        encodings.register(Arc::new(SqsEncoding));
        let options = AwsOptions { region: "us-east-1".to_owned(), secret: [1; 32], encodings, external_host: None };
        let peer = Peer::local("aws");
        Self { connection: Aws::new(options).open(&peer), commands: Commands::default() }
    }

    /// Nanoseconds of `SendMessage`, `ReceiveMessage`, `DeleteMessage`, each with the making of its request left out.
    fn run(&mut self, size: usize) -> [u128; 3] {
        let body = "x".repeat(size);
        let mut spent = [Duration::ZERO; 3];
        for round in 0..ROUNDS {
            let now = Time(1_800_000_000_000 + u64::from(round) / 100);
            let send = request("SendMessage", format!("{{\"QueueUrl\": \"{URL}\", \"MessageBody\": \"{body}\"}}"));
            let mut message = None;
            spent[0] += self.exchange(now, send, &mut message).1;
            let receive = request("ReceiveMessage", format!("{{\"QueueUrl\": \"{URL}\", \"WaitTimeSeconds\": 20}}"));
            let (answer, time) = self.exchange(now, receive, &mut message);
            spent[1] += time;
            let text = std::str::from_utf8(&answer).unwrap_or_default();
            let handle = text.split("ReceiptHandle\":\"").nth(1).and_then(|rest| rest.get(..44)).unwrap_or_default();
            let delete =
                request("DeleteMessage", format!("{{\"QueueUrl\": \"{URL}\", \"ReceiptHandle\": \"{handle}\"}}"));
            spent[2] += self.exchange(now, delete, &mut message).1;
        }
        spent.map(|time| time.as_nanos() / u128::from(ROUNDS))
    }

    /// One request and the time it takes. `message` is the queue.
    fn exchange(
        &mut self,
        now: Time,
        request: Request<Bytes>,
        message: &mut Option<Arc<Message>>,
    ) -> (Bytes, Duration) {
        let mut response = None;
        let start = clock();
        self.connection.request(now, request, &mut HttpIo { commands: &mut self.commands, response: &mut response });
        let mut spent = start.elapsed();
        while response.is_none() {
            let effects: Vec<_> =
                self.commands.batch.drain(..).flat_map(|envelope| answer(now, envelope.command, message)).collect();
            assert!(!effects.is_empty(), "the request waits for nothing");
            let start = clock();
            for effect in effects {
                let io = &mut HttpIo { commands: &mut self.commands, response: &mut response };
                self.connection.apply(now, effect, io);
            }
            spent += start.elapsed();
        }
        (black_box(response).map(http::Response::into_body).unwrap_or_default(), spent)
    }
}

#[allow(clippy::disallowed_methods, reason = "an example may ask what time it is")]
fn clock() -> Instant {
    Instant::now()
}

fn request(operation: &str, body: String) -> Request<Bytes> {
    let scope = "test/20270115/us-east-1/sqs/aws4_request";
    let signature = "0".repeat(64);
    Request::post("/")
        .header("host", "localhost:4566")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-date", "20270115T080000Z")
        .header("x-amz-target", format!("AmazonSQS.{operation}"))
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"),
        )
        .body(Bytes::from(body))
        .expect("a good request")
}

fn answer(now: Time, command: Command, queue: &mut Option<Arc<Message>>) -> Vec<Effect> {
    let id = QueueId { shard: 0, n: 1 };
    match command {
        Command::Authenticate(login) => {
            let reply = Ok(Reply::Authenticated { user: Name::default(), account: None, last_message: None });
            vec![Effect::Reply { token: login.token, reply }]
        }
        Command::Publish(publish) => {
            *queue = Some(publish.message);
            publish
                .token
                .map(|token| Effect::Confirm { token, message: MessageNumber(1), routed: true })
                .into_iter()
                .collect()
        }
        Command::Fetch(fetch) => {
            let consumer = ConsumerIndex(0);
            let delivery = Delivery { queue: id, seq: 1, attempt: 1 };
            let deliver = queue.take().map(|message| Deliver {
                consumer,
                delivery,
                message,
                number: MessageNumber(1),
                arrived: now,
                first_acquired: now,
                failed: 0,
                redelivered: false,
                settled: false,
                history: None,
                retained: false,
                tags: Tags::new(),
            });
            let fetching = Effect::Reply { token: fetch.token, reply: Ok(Reply::Fetching { queue: id, ready: 0 }) };
            let deliver = deliver.map(Effect::Deliver);
            std::iter::once(fetching).chain(deliver).chain([Effect::Drained { consumer }]).collect()
        }
        Command::Settle(settle) => {
            settle.token.map(|token| Effect::Reply { token, reply: Ok(Reply::Count(1)) }).into_iter().collect()
        }
        Command::Inspect { token, .. } => {
            let info = QueueInfo {
                id,
                namespace: Namespace(0),
                name: Name::from("orders"),
                alias: None,
                settings: QueueSettings::default(),
                created: now,
                altered: now,
                counts: QueueCounts::default(),
            };
            vec![Effect::Reply { token, reply: Ok(Reply::Queue(Box::new(info))) }]
        }
        _ => Vec::new(),
    }
}
