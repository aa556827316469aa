use std::sync::Arc;

use aws::{Aws, AwsOptions, SqsEncoding};
use bytes::Bytes;
use http::{Request, Response};
use model::{
    CloseReason, Command, Commands, ConsumerIndex, Credentials, Deliver, Delivery, Effect, Encodings, HttpConnection,
    HttpIo, HttpService as _, Inspect, Message, MessageNumber, Name, Namespace, Peer, QueueCounts, QueueId, QueueInfo,
    QueueRef, QueueSettings, Refusal, Reply, Signature, Tags, Time, Token,
};
use serde_json::Value;

pub(crate) const URL: &str = "http://localhost:4566/000000000000/orders";
pub(crate) const ORDERS: QueueId = QueueId { shard: 0, n: 7 };
pub(crate) const START: Time = Time(1_800_000_000_000);

/// A client's connection, with the test in the broker's place, and a shell that lets it in.
pub(crate) struct Client {
    connection: Box<dyn HttpConnection>,
    pub(crate) now: Time,
    pub(crate) access_key: String,
    pub(crate) region: String,
    /// What the shell answers to every login: it knows nobody and lets everybody in, unless a test says otherwise.
    pub(crate) login: Result<Reply, Refusal>,
    /// It does not answer logins: the test does.
    pub(crate) holds: bool,
    /// What was last shown to it.
    pub(crate) shown: Option<Signature>,
    commands: Commands,
    response: Option<Response<Bytes>>,
}

/// What the client was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) query_error: Option<String>,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

pub(crate) fn service() -> Aws {
    let mut encodings = Encodings::default();
    encodings.register(Arc::new(SqsEncoding));
    service_with(encodings)
}

pub(crate) fn service_with(encodings: Encodings) -> Aws {
    Aws::new(AwsOptions { region: "us-east-1".to_owned(), secret: [42; 32], encodings, external_host: None })
}

pub(crate) fn client() -> Client {
    client_of(&service())
}

pub(crate) fn client_of(service: &Aws) -> Client {
    Client {
        connection: service.open(&Peer::local("aws")),
        now: START,
        access_key: "test".to_owned(),
        region: "us-east-1".to_owned(),
        login: Ok(Reply::Authenticated { user: Name::default(), account: None, last_message: None }),
        holds: false,
        shown: None,
        commands: Commands::default(),
        response: None,
    }
}

/// Of a request of `START`; the signature is none.
pub(crate) fn authorization(access_key: &str, region: &str) -> String {
    let (scope, signature) = (format!("{access_key}/20270115/{region}/sqs/aws4_request"), "0".repeat(64));
    let signed = "content-type;host;x-amz-date;x-amz-target";
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}")
}

impl Client {
    pub(crate) fn send(&mut self, request: Request<Bytes>) {
        let io = &mut HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.request(self.now, request, io);
        self.log_in();
    }

    /// Answers the login, if there is one.
    fn log_in(&mut self) {
        let is_login = |envelope: &model::Envelope| matches!(envelope.command, Command::Authenticate(_));
        if self.holds || !self.commands.batch.first().is_some_and(is_login) {
            return;
        }
        let Command::Authenticate(login) = self.command() else { unreachable!("looked at above") };
        let Credentials::Signature(signature) = login.credentials else { panic!("{:?}", login.credentials) };
        self.shown = Some(*signature);
        self.apply(Effect::Reply { token: login.token, reply: self.login.clone() });
    }

    /// Asks for an operation of SQS.
    pub(crate) fn ask(&mut self, operation: &str, input: Value) {
        self.ask_text(operation, input.to_string());
    }

    pub(crate) fn ask_text(&mut self, operation: &str, body: String) {
        let request = Request::post("/")
            .header("host", "localhost:4566")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20270115T080000Z")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("authorization", authorization(&self.access_key, &self.region));
        self.send(request.body(body.into()).unwrap());
    }

    /// The commands since the last look.
    pub(crate) fn commands(&mut self) -> Vec<Command> {
        self.commands.batch.drain(..).map(|envelope| envelope.command).collect()
    }

    /// The only command since the last look.
    #[track_caller]
    pub(crate) fn command(&mut self) -> Command {
        let mut commands = self.commands();
        assert_eq!(commands.len(), 1, "{commands:?}, answered {:?}", self.response);
        commands.remove(0)
    }

    pub(crate) fn apply(&mut self, effect: Effect) {
        let io = &mut HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.apply(self.now, effect, io);
    }

    pub(crate) fn reply(&mut self, token: Token, reply: Reply) {
        self.apply(Effect::Reply { token, reply: Ok(reply) });
    }

    pub(crate) fn refuse(&mut self, token: Token, refusal: Refusal) {
        self.apply(Effect::Reply { token, reply: Err(refusal) });
    }

    /// Answers the question for a queue, which must be the only command.
    #[track_caller]
    pub(crate) fn describe(&mut self, info: QueueInfo) {
        let (token, _) = question(self.command());
        self.reply(token, Reply::Queue(Box::new(info)));
    }

    pub(crate) fn close(&mut self) {
        let io = &mut HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.close(CloseReason::Disconnected, io);
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.response.is_some()
    }

    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        let response = self.response.take().expect("the request is answered");
        let header = |name| response.headers().get(name).map(|value: &http::HeaderValue| value.to_str().unwrap());
        assert_eq!(header("x-amzn-requestid").unwrap().len(), 36);
        Answer {
            status: response.status().as_u16(),
            query_error: header("x-amzn-query-error").map(str::to_owned),
            content_type: header("content-type").unwrap().to_owned(),
            text: String::from_utf8(response.body().to_vec()).unwrap(),
        }
    }

    /// The JSON of a success.
    #[track_caller]
    pub(crate) fn success(&mut self) -> Value {
        let answer = self.answer();
        assert_eq!((answer.status, &*answer.content_type), (200, "application/x-amz-json-1.0"), "{answer:?}");
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Checks a failure: its status, its shape, its code in the Query protocol, its text.
    #[track_caller]
    pub(crate) fn fails(&mut self, status: u16, shape: &str, code: &str, message: &str) {
        let answer = self.answer();
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(body["message"], message);
        assert_eq!(answer.query_error.as_deref(), Some(&*format!("{code};Sender")));
        let kind = body["__type"].as_str().unwrap();
        assert_eq!((answer.status, kind.split_once('#').unwrap().1), (status, shape));
    }

    #[track_caller]
    pub(crate) fn fails_no_such_queue(&mut self) {
        let code = "AWS.SimpleQueueService.NonExistentQueue";
        self.fails(400, "QueueDoesNotExist", code, "The specified queue does not exist.");
    }

    #[track_caller]
    pub(crate) fn fails_invalid(&mut self, message: &str) {
        self.fails(400, "InvalidParameterValueException", "InvalidParameterValue", message);
    }
}

/// A question for a queue: its token and the queue's name.
#[track_caller]
pub(crate) fn question(command: Command) -> (Token, String) {
    match command {
        Command::Inspect { token, what: Inspect::Queue(QueueRef::Named(Namespace(0), name)) } => {
            (token, name.to_text().into_owned())
        }
        other => panic!("no question for a queue: {other:?}"),
    }
}

/// The queue `orders` as SQS makes it.
pub(crate) fn orders() -> QueueInfo {
    QueueInfo {
        id: ORDERS,
        namespace: Namespace(0),
        name: Name::from("orders"),
        alias: None,
        settings: QueueSettings { ttl: Some(345_600_000), ..QueueSettings::default() },
        created: START,
        altered: START.plus(5_000),
        counts: QueueCounts { ready: 3, leased: 2, delayed: 1, ..QueueCounts::default() },
    }
}

pub(crate) fn orders_with(extras: &[(&str, &str)]) -> QueueInfo {
    let mut info = orders();
    info.settings.extras = extras.iter().map(|(name, value)| (format!("aws.{name}"), (*value).to_owned())).collect();
    info
}

pub(crate) fn named(name: &str) -> QueueInfo {
    QueueInfo { name: Name::from(name), ..orders() }
}

/// The first delivery of a message.
pub(crate) fn deliver(message: Arc<Message>, seq: u64) -> Effect {
    Effect::Deliver(Deliver {
        consumer: ConsumerIndex(0),
        delivery: Delivery { queue: ORDERS, seq, attempt: 1 },
        message,
        number: MessageNumber(100 + seq),
        arrived: Time(1_700_000_000_123),
        first_acquired: Time(1_700_000_001_456),
        failed: 0,
        redelivered: false,
        settled: false,
        history: None,
        retained: false,
        tags: Tags::new(),
    })
}

pub(crate) fn drained() -> Effect {
    Effect::Drained { consumer: ConsumerIndex(0) }
}
