//! What fuzzing and the replay of its corpus run: request soup on one connection, with a broker that says yes or no.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use model::{
    Action, Command, Commands, Credentials, Deliver, Delivery, Denial, Effect, Encodings, HttpIo, HttpService as _,
    Inspect, Message, MessageNumber, Name, Namespace, Peer, QueueCounts, QueueId, QueueInfo, QueueSettings, Refusal,
    Reply, Tags, Time, What,
};

use crate::service::{Aws, AwsOptions};
use crate::sqs::LARGEST_MESSAGE;

/// Requests in one input.
const REQUESTS: usize = 16;
/// 2026-01-01T00:00:00Z: requests are looked at more closely, and refused if they are of another time.
const START: Time = Time(1_767_225_600_000);

/// Runs requests that are separated by NUL, each as `METHOD target`, lines `header: value`, an empty line, a body.
/// Every one must be answered once, in JSON or XML, when the broker has answered all its commands; the broker refuses
/// each third one, the shell each eighth login.
pub fn run(data: &[u8]) {
    let options = AwsOptions {
        region: "us-east-1".to_owned(),
        secret: [0; 32],
        encodings: Encodings::default(),
        external_host: None,
    };
    let peer = Peer::local("aws");
    let mut connection = Aws::new(options).open(&peer);
    let mut broker = FakeBroker { now: START, ..FakeBroker::default() };
    for request in data.split(|byte| *byte == 0).take(REQUESTS).filter_map(parse) {
        let (mut commands, mut response) = (Commands::default(), None);
        broker.now = broker.now.plus(700);
        connection.request(broker.now, request, &mut HttpIo { commands: &mut commands, response: &mut response });
        while response.is_none() {
            let batch = std::mem::take(&mut commands.batch);
            let mut effects = Vec::new();
            batch.into_iter().for_each(|envelope| broker.answer(envelope.command, &mut effects));
            assert!(!effects.is_empty(), "the request waits for nothing");
            for effect in effects {
                let mut more = None;
                connection.apply(broker.now, effect, &mut HttpIo { commands: &mut commands, response: &mut more });
                assert!(response.is_none() || more.is_none(), "answered twice");
                response = response.or(more);
            }
        }
        let response = response.expect("the loop ends with a response");
        let body = std::str::from_utf8(response.body()).expect("answers are text");
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(body).is_ok();
        assert!(is_json || body.starts_with('<'), "neither JSON nor XML: {body}");
    }
    let mut commands = Commands::default();
    let io = &mut HttpIo { commands: &mut commands, response: &mut None };
    connection.close(model::CloseReason::Disconnected, io);
}

fn parse(text: &[u8]) -> Option<Request<Bytes>> {
    let text = std::str::from_utf8(text).ok()?;
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let request = Request::builder().method(method).uri(target);
    headers
        .fold(request, |request, (name, value)| request.header(name, value))
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .ok()
}

#[derive(Default)]
struct FakeBroker {
    now: Time,
    commands: u64,
    logins: u64,
    last: Option<Arc<Message>>,
}

impl FakeBroker {
    fn answer(&mut self, command: Command, effects: &mut Vec<Effect>) {
        if let Command::Authenticate(authenticate) = command {
            effects.push(Effect::Reply { token: authenticate.token, reply: self.log_in(authenticate.credentials) });
            return;
        }
        self.commands += 1;
        let refuses = self.commands.is_multiple_of(3);
        let (token, reply) = match command {
            Command::Publish(publish) => {
                let token = publish.token.expect("SQS wants confirmations");
                let message = &publish.message;
                assert!(message.body.len() <= LARGEST_MESSAGE, "a longer body than a queue takes");
                self.last = Some(publish.message);
                if !refuses {
                    effects.push(Effect::Confirm { token, message: MessageNumber(self.commands), routed: true });
                    return;
                }
                (token, Reply::Done)
            }
            Command::Fetch(fetch) => {
                let reply = Reply::Fetching { queue: QueueId::default(), ready: 0 };
                if !refuses {
                    effects.push(Effect::Reply { token: fetch.token, reply: Ok(reply) });
                    self.deliver(fetch.consumer, effects);
                    effects.push(Effect::Drained { consumer: fetch.consumer });
                    return;
                }
                (fetch.token, reply)
            }
            Command::Settle(settle) => match settle.token {
                Some(token) => (token, Reply::Done),
                None => return,
            },
            Command::Enter { token, .. } => (token, Reply::Namespace(Namespace(1))),
            Command::Inspect { token, what: Inspect::Queues { .. } } => (token, Reply::Queues(vec![info("a".into())])),
            Command::Inspect { token, .. } => (token, Reply::Queue(Box::new(info("orders".into())))),
            Command::Declare(declare) => {
                let info = Box::new(info(declare.name));
                (declare.token, Reply::Declared { queue: info.id, existed: self.commands.is_multiple_of(2), info })
            }
            Command::Alter { token, .. } | Command::Delete { token, .. } => (token, Reply::Done),
            Command::Purge { token, .. } => (token, Reply::Count(1)),
            _ => return,
        };
        let reply = match self.commands % 6 {
            0 => Err(Refusal::Denied(Denial::new("ann", Action::See, &What::Queue(&Name::from("orders"))).into())),
            3 => Err(Refusal::NoSuchQueue("orders".to_owned())),
            _ => Ok(reply),
        };
        effects.push(Effect::Reply { token, reply });
    }

    /// Now anybody, now somebody whose requests are looked at more closely.
    fn log_in(&mut self, credentials: Credentials) -> Result<Reply, Refusal> {
        let Credentials::Signature(signature) = credentials else { panic!("only signatures are shown") };
        assert_eq!(signature.string_to_sign.lines().count(), 4, "{signature:?}");
        assert!(signature.string_to_sign.contains(&signature.scope), "{signature:?}");
        self.logins += 1;
        match self.logins % 16 {
            7 => Err(Refusal::Login),
            15 => Err(Refusal::LoginUnavailable("nobody is there".to_owned())),
            n if n % 3 == 0 => Ok(Reply::Authenticated {
                user: Name::from("ann"),
                account: Some("000000000042".to_owned()),
                last_message: None,
            }),
            _ => Ok(Reply::Authenticated { user: Name::default(), account: None, last_message: None }),
        }
    }

    fn deliver(&self, consumer: model::ConsumerIndex, effects: &mut Vec<Effect>) {
        let Some(message) = self.last.clone() else { return };
        let foreign = Message { encoding: model::EncodingId::PLAIN, ..(*message).clone() };
        for (seq, message) in [message, Arc::new(foreign)].into_iter().enumerate() {
            effects.push(Effect::Deliver(Deliver {
                consumer,
                delivery: Delivery { seq: seq as u64, attempt: 1, ..Delivery::default() },
                message,
                number: MessageNumber(self.commands),
                arrived: self.now,
                first_acquired: self.now,
                failed: 0,
                redelivered: false,
                settled: false,
                history: None,
                retained: false,
                tags: Tags::new(),
            }));
        }
    }
}

fn info(name: Name) -> QueueInfo {
    QueueInfo {
        id: QueueId::default(),
        namespace: Namespace(0),
        name,
        alias: None,
        settings: QueueSettings::default(),
        created: Time::ZERO,
        altered: Time::ZERO,
        counts: QueueCounts::default(),
    }
}
