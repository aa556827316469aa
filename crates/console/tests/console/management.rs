//! The management face, with a broker and with effects that no broker made.

use std::sync::Arc;

use broker::{Broker, Options, Step};
use bytes::Bytes;
use console::{CertificateLifetime, CertificateLifetimes, Management, ManagementOptions};
use http::{Method, Request, StatusCode};
use model::{
    Alarm, CloseReason, Command, Commands, Effect, Exchanged, HttpConnection, HttpIo, HttpService, Inspect, Namespace,
    QueueCounts, QueueId, QueueInfo, QueueSettings, Reply, Resource, Space, Status, Tally, Time, Token,
};
use serde_json::{Value as Json, json};

use crate::harness::{NOW, PEER, queue};

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

#[derive(Debug)]
struct Good;

impl CertificateLifetimes for Good {
    fn all(&self) -> Vec<CertificateLifetime> {
        let lifetime = CertificateLifetime {
            listener: "mqtt 127.0.0.1:8883".into(),
            kind: "certificate",
            file: "/c/server.pem".into(),
            subject: "CN=a \"b\"".into(),
            ends: (NOW.0 / 1_000) as i64 + 60,
        };
        vec![lifetime.clone(), lifetime]
    }
}

struct Browser {
    connection: Box<dyn HttpConnection>,
    commands: Commands,
    response: Option<Exchanged>,
}

impl Browser {
    fn new() -> Self {
        let options =
            ManagementOptions { listeners: vec!["mqtt on 127.0.0.1:1883".into()], certificates: Some(Arc::new(Good)) };
        let connection = Management::new(options).open(&PEER);
        Self { connection, commands: Commands::default(), response: None }
    }

    fn request(&mut self, method: Method, uri: &str) {
        let request = Request::builder().method(method).uri(uri).body(Bytes::new()).unwrap();
        let mut io = HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.request(NOW, request, &mut io);
    }

    fn apply(&mut self, effect: Effect) {
        let mut io = HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.apply(NOW, effect, &mut io);
    }

    /// What the broker is asked.
    fn asked(&mut self) -> (Token, Inspect) {
        match std::mem::take(&mut self.commands.batch).pop().unwrap().command {
            Command::Inspect { token, what } => (token, what),
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, reply: Reply) {
        let (token, _) = self.asked();
        self.apply(Effect::Reply { token, reply: Ok(reply) });
    }

    fn response(&mut self) -> (StatusCode, String) {
        let response = self.response.take().expect("a response");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    fn json(&mut self) -> Json {
        let (status, body) = self.response();
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A `GET` that a broker answers.
    fn get(&mut self, uri: &str, broker: &mut Broker) -> Json {
        self.request(Method::GET, uri);
        self.serve(broker);
        self.json()
    }

    fn serve(&mut self, broker: &mut Broker) {
        while !self.commands.batch.is_empty() {
            let mut step = Step::default();
            broker.step(NOW, &mut self.commands, &mut step);
            step.effects.into_iter().for_each(|outgoing| self.apply(outgoing.effect));
        }
    }
}

fn info(n: u32, name: &str) -> QueueInfo {
    QueueInfo {
        id: QueueId { shard: 0, n },
        namespace: Namespace(0),
        name: name.into(),
        alias: None,
        settings: QueueSettings::default(),
        created: Time(1),
        altered: Time(2),
        counts: QueueCounts { ready: 5, delivered: 7, ..QueueCounts::default() },
    }
}

#[test]
fn a_broker_is_shown() {
    let mut broker = Broker::new(Options { auto_create: true, memory_limit: 1 << 30, ..Options::default() });
    let mut browser = Browser::new();
    browser.commands.push(Command::Open { peer: PEER.into(), client: "browser".into() });
    let health = browser.get("/health", &mut broker);
    assert_eq!(health, json!({"status": "ok", "role": "active", "version": "0.1.0", "alarm": null}));
    for name in ["orders", "a/b", "a/c"] {
        browser.commands.push(Command::Publish(model::Publish::new(queue(name, "hello").into())));
    }
    browser.serve(&mut broker);
    let status = browser.get("/api/status", &mut broker);
    assert_eq!((&status["messages"], &status["connections"]), (&json!(3), &json!(1)));
    let queues = browser.get("/api/queues?prefix=a%2F", &mut broker);
    let names: Vec<&Json> = queues["queues"].as_array().unwrap().iter().map(|queue| &queue["name"]).collect();
    assert_eq!((names, &queues["left_out"]), (vec![&json!("a/b"), &json!("a/c")], &json!(0)));
    assert_eq!(browser.get("/api/topics", &mut broker), json!({"topics": [], "left_out": 0}));
    let connections = browser.get("/api/connections", &mut broker);
    assert_eq!(connections["connections"][0]["connection"], "0.0.0");
    browser.request(Method::GET, "/metrics");
    browser.serve(&mut broker);
    let (status, text) = browser.response();
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("causeway_queue_ready{namespace=\"0\",queue=\"a/b\"} 1\n"), "{text}");
    assert!(text.contains("causeway_published_total 3\n"), "{text}");
}

#[test]
fn an_alarm_is_told_and_healthy() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/health");
    browser.answer(Reply::Status(Box::new(Status { alarm: Some(SHORT_OF_MEMORY), ..Status::default() })));
    let health = browser.json();
    assert_eq!((&health["status"], &health["alarm"]), (&json!("ok"), &json!("memory")));
    assert_eq!(health["reason"], "short of memory");
}

#[test]
fn metrics_are_openmetrics_and_bounded() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/metrics");
    let conversions = Tally { lossy: 2, lost: 5, undeliverable: 1 };
    browser.answer(Reply::Status(Box::new(Status {
        alarm: Some(Alarm { short_of: Resource::Disk, culprit: None }),
        space: Some(Space { used: 30, live: 20, free: 10, short: true, stalled: false }),
        unrouted: 4,
        conversions,
        ..Status::default()
    })));
    assert!(browser.response.is_none(), "queues come second");
    let mut queues: Vec<QueueInfo> = (0..1_500).map(|n| info(n, &format!("queue-{n:04}"))).collect();
    queues[1] = info(1, "a \"quoted\" \\ name\nof two lines");
    queues[2] = info(2, &"é".repeat(500));
    browser.answer(Reply::Queues(queues));
    let response = browser.response.clone().unwrap();
    assert_eq!(response.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let (_, text) = browser.response();
    for line in [
        "causeway_build_info{version=\"0.1.0\"} 1",
        "causeway_alarm{reason=\"memory\"} 0",
        "causeway_alarm{reason=\"disk\"} 1",
        "causeway_store_used_bytes 30",
        "causeway_store_live_bytes 20",
        "causeway_store_free_bytes 10",
        "causeway_store_stalled 0",
        "causeway_unrouted_total 4",
        "causeway_conversions_lossy_total 2",
        "causeway_conversions_lost_properties_total 5",
        "causeway_conversions_undeliverable_total 1",
        "causeway_queues_unlisted 500",
        "causeway_certificate_expiry_seconds{listener=\"mqtt 127.0.0.1:8883\",kind=\"certificate\",file=\"/c/server.pem\",subject=\"CN=a \\\"b\\\"\"} 60",
        "# TYPE causeway_queue_delivered counter",
        "causeway_queue_delivered_total{namespace=\"0\",queue=\"queue-0000\"} 7",
        r#"causeway_queue_ready{namespace="0",queue="a \"quoted\" \\ name\nof two lines"} 5"#,
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("causeway_queue_ready{")).count(), 1_000);
    assert!(text.contains(&format!("queue=\"{}…#2\"", "é".repeat(128))), "long names are cut");
    assert!(text.ends_with("# EOF\n"));
    let series = |line: &&str| !line.starts_with('#');
    let names: std::collections::BTreeSet<&str> =
        text.lines().filter(series).filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
    assert_eq!(names.len(), text.lines().filter(series).count(), "a series stands there twice");
}

#[test]
fn what_is_not_there_is_refused() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/etc/passwd");
    assert_eq!(browser.response().0, StatusCode::NOT_FOUND);
    browser.request(Method::DELETE, "/api/queues");
    assert_eq!(browser.response.as_ref().unwrap().headers()["allow"], "GET, HEAD");
    let (status, body) = browser.response();
    assert_eq!(
        (status, serde_json::from_str::<Json>(&body).unwrap()["error"].is_string()),
        (StatusCode::METHOD_NOT_ALLOWED, true)
    );
    assert!(browser.commands.batch.is_empty(), "the broker was asked");
}

#[test]
fn the_start_page_says_where_to_look() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/");
    assert_eq!(browser.response.as_ref().unwrap().headers()["content-type"], "text/html; charset=utf-8");
    let (status, page) = browser.response();
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<li>mqtt on 127.0.0.1:1883</li>") && page.contains("Causeway 0.1.0"), "{page}");
}

#[test]
fn only_the_open_question_is_answered() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/api/topics");
    let (token, what) = browser.asked();
    assert!(matches!(what, Inspect::Topics { namespace: None }));
    let other = Token(token.0 + 1);
    browser.apply(Effect::Reply { token: other, reply: Ok(Reply::Topics(Vec::new())) });
    browser.apply(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) });
    assert!(browser.response.is_none());
    browser.apply(Effect::Reply { token, reply: Ok(Reply::Count(3)) });
    assert_eq!(browser.response().0, StatusCode::INTERNAL_SERVER_ERROR);
    browser.request(Method::GET, "/api/topics");
    let (token, _) = browser.asked();
    let mut io = HttpIo { commands: &mut browser.commands, response: &mut browser.response };
    browser.connection.close(CloseReason::Disconnected, &mut io);
    browser.apply(Effect::Reply { token, reply: Ok(Reply::Topics(Vec::new())) });
    assert!(browser.response.is_none(), "its client has gone");
    assert!(browser.commands.batch.is_empty(), "the shell opens and closes");
    browser.request(Method::GET, "/api/topics");
    browser.apply(Effect::Close { reason: CloseReason::ShuttingDown });
    assert_eq!(browser.response().0, StatusCode::SERVICE_UNAVAILABLE);
    browser.apply(Effect::Close { reason: CloseReason::ShuttingDown });
    assert!(browser.response.is_none(), "nobody asked");
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let mut browser = Browser::new();
    browser.request(Method::GET, "/api/queues?internal=true");
    let (token, what) = browser.asked();
    assert!(matches!(what, Inspect::Queues { internal: true, .. }));
    let queues = (0..10_020).map(|n| info(n, "x")).collect();
    browser.apply(Effect::Reply { token, reply: Ok(Reply::Queues(queues)) });
    let list = browser.json();
    assert_eq!((list["queues"].as_array().unwrap().len(), &list["left_out"]), (10_000, &json!(20)));
}
