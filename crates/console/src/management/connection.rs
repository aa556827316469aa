use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Request, Response, StatusCode};
use model::{
    Alarm, Authenticate, CloseReason, Command, Effect, Exchanged, HttpConnection, HttpIo, Inspect, Name, QueueInfo,
    Refusal, Reply, Resource, Status, Time, Token,
};
use serde::Serialize;
use serde_json::json;

use crate::json::{ConnectionObject, QueueObject, ROLE, StatusObject, TopicObject, VERSION};
use crate::management::route::Route;
use crate::management::{ManagementOptions, login, metrics, page};

/// Objects of one list; the rest is counted.
const LISTED: usize = 10_000;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// One client's HTTP connection to the management face.
pub(super) struct ManagementConnection {
    options: Arc<ManagementOptions>,
    tokens: u64,
    /// What the open request waits for.
    pending: Option<(Token, Question)>,
}

enum Question {
    /// Who asks; then the rest.
    Login(Route),
    Health,
    Status,
    Queues,
    Topics,
    Connections,
    MetricsOfBroker,
    MetricsOfQueues(Box<Status>),
}

impl ManagementConnection {
    pub(super) fn new(options: Arc<ManagementOptions>) -> Self {
        Self { options, tokens: 0, pending: None }
    }

    fn ask(&mut self, question: Question, what: Inspect, io: &mut HttpIo<'_>) {
        let token = self.wait_for(question);
        io.commands.push(Command::Inspect { token, what });
    }

    fn wait_for(&mut self, question: Question) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.pending = Some((token, question));
        token
    }

    /// Every request is asked for its login: a proxy may send those of several clients through one connection.
    fn log_in(&mut self, request: &Request<Bytes>, route: Route, io: &mut HttpIo<'_>) {
        let Some(credentials) = login::credentials(request) else {
            *io.response = Some(unauthorized());
            return;
        };
        let token = self.wait_for(Question::Login(route));
        let authenticate = Authenticate { token, credentials, client: Name::default() };
        io.commands.push(Command::Authenticate(Box::new(authenticate)));
    }

    /// Serves somebody who may be served, or anybody.
    fn serve(&mut self, route: Route, io: &mut HttpIo<'_>) {
        match route {
            Route::Page => *io.response = Some(start_page(&self.options)),
            Route::Health => self.ask(Question::Health, Inspect::Status, io),
            Route::Status => self.ask(Question::Status, Inspect::Status, io),
            Route::Metrics => self.ask(Question::MetricsOfBroker, Inspect::Status, io),
            Route::Queues { prefix, internal } => {
                let what = Inspect::Queues { namespace: None, prefix: prefix.into(), internal };
                self.ask(Question::Queues, what, io);
            }
            Route::Topics => self.ask(Question::Topics, Inspect::Topics { namespace: None }, io),
            Route::Connections => self.ask(Question::Connections, Inspect::Connections, io),
            Route::WrongMethod => {
                let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, "this can only be read");
                response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                *io.response = Some(response);
            }
            Route::Unknown => *io.response = Some(failure(StatusCode::NOT_FOUND, "there is nothing here")),
        }
    }

    /// The response, or `None` if there is more to ask.
    fn answer(
        &mut self,
        now: Time,
        question: Question,
        reply: Result<Reply, Refusal>,
        io: &mut HttpIo<'_>,
    ) -> Option<Exchanged> {
        let reply = match (reply, &question) {
            (Ok(reply), _) => reply,
            // The broker answers, so it is alive; how it is, it tells whom it knows.
            (Err(Refusal::Login | Refusal::Denied(_)), Question::Health) => return Some(health(None)),
            (Err(refusal), _) => return Some(refused(&refusal)),
        };
        Some(match (question, reply) {
            (Question::Login(route), Reply::Authenticated { .. }) => {
                self.serve(route, io);
                return None;
            }
            (Question::Health, Reply::Status(status)) => health(Some(&status)),
            (Question::Status, Reply::Status(status)) => ok(&StatusObject::from(&*status)),
            (Question::Queues, Reply::Queues(queues)) => list("queues", &queues, |it| QueueObject::from(it)),
            (Question::Topics, Reply::Topics(topics)) => list("topics", &topics, |it| TopicObject::from(it)),
            (Question::Connections, Reply::Connections(connections)) => {
                list("connections", &connections, |it| ConnectionObject::from(it))
            }
            (Question::MetricsOfBroker, Reply::Status(status)) => {
                let what = Inspect::Queues { namespace: None, prefix: Name::default(), internal: false };
                self.ask(Question::MetricsOfQueues(status), what, io);
                return None;
            }
            (Question::MetricsOfQueues(status), Reply::Queues(queues)) => match self.metrics(now, status, queues) {
                Ok(text) => respond(StatusCode::OK, metrics::CONTENT_TYPE, text.into()),
                Err(_) => failure(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"),
            },
            _ => failure(StatusCode::INTERNAL_SERVER_ERROR, "the broker gave an answer that does not fit the question"),
        })
    }

    fn metrics(&self, now: Time, status: Box<Status>, queues: Vec<QueueInfo>) -> Result<String, std::fmt::Error> {
        let certificates = self.options.certificates.as_ref().map(|certificates| certificates.all());
        metrics::render(now, status, queues, certificates.unwrap_or_default(), self.options.logins.clone())
    }
}

impl HttpConnection for ManagementConnection {
    fn request(&mut self, _now: Time, request: Request<Bytes>, io: &mut HttpIo<'_>) {
        assert!(self.pending.is_none(), "the shell gives one request at a time");
        match Route::of(&request) {
            route @ (Route::Health | Route::WrongMethod | Route::Unknown) => self.serve(route, io),
            route => self.log_in(&request, route, io),
        }
    }

    fn apply(&mut self, now: Time, effect: Effect, io: &mut HttpIo<'_>) {
        match (effect, self.pending.take()) {
            (Effect::Reply { token, reply }, Some((asked, question))) if token == asked => {
                if let Some(response) = self.answer(now, question, reply, io) {
                    *io.response = Some(response);
                }
            }
            (Effect::Close { .. }, Some(_)) => {
                *io.response = Some(failure(StatusCode::SERVICE_UNAVAILABLE, "the broker ends this connection"));
            }
            (_, pending) => self.pending = pending,
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _now: Time, _io: &mut HttpIo<'_>) {}

    fn close(&mut self, _reason: CloseReason, _io: &mut HttpIo<'_>) {
        self.pending = None;
    }
}

/// An alarm does not make a broker unhealthy: it still delivers, which is what ends the alarm. Anybody may read this, so
/// no queue is named.
fn health(status: Option<&Status>) -> Exchanged {
    let alarm = status.and_then(|status| status.alarm.as_ref());
    let short_of = alarm.map(|alarm| alarm.short_of);
    let mut body = json!({
        "status": "ok", "role": ROLE, "version": VERSION, "alarm": short_of.map(Resource::as_str),
    });
    if let Some(short_of) = short_of {
        body["reason"] = Alarm { short_of, culprit: None }.to_string().into();
    }
    ok(&body)
}

fn start_page(options: &ManagementOptions) -> Exchanged {
    let mut response = respond(StatusCode::OK, HTML, page::render(options).into());
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Every refusal has its status here once.
fn refused(refusal: &Refusal) -> Exchanged {
    match refusal {
        Refusal::Login => unauthorized(),
        Refusal::Denied(denial) => failure(StatusCode::FORBIDDEN, &denial.to_string()),
        // What is the matter with it stands in the broker's log.
        Refusal::LoginUnavailable(_) => failure(StatusCode::SERVICE_UNAVAILABLE, "nobody can log in for now"),
        refusal => failure(StatusCode::SERVICE_UNAVAILABLE, &refusal.to_string()),
    }
}

/// The same whatever is wrong.
fn unauthorized() -> Exchanged {
    let mut response = failure(StatusCode::UNAUTHORIZED, "log in first");
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Causeway\""));
    response
}

fn list<T, S: Serialize>(name: &str, all: &[T], show: impl Fn(&T) -> S) -> Exchanged {
    let objects: Vec<S> = all.iter().take(LISTED).map(show).collect();
    ok(&json!({ name: objects, "left_out": all.len() - objects.len() }))
}

fn ok(body: &impl Serialize) -> Exchanged {
    respond(StatusCode::OK, JSON, written(body))
}

fn failure(status: StatusCode, text: &str) -> Exchanged {
    respond(status, JSON, written(&json!({ "error": text })))
}

fn written(body: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(body).expect("strings, numbers and lists always have a JSON form");
    text.push(b'\n');
    text.into()
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Exchanged {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
