//! Who may look into a broker over HTTP, and what the rest is told.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::{Broker, Options};
use http::{Method, Request, StatusCode};
use model::{Action, Command, Credentials, Denial, Guard, Protected, Refusal, Reply, Secret, What};
use serde_json::{Value as Json, json};

use crate::browser::Browser;
use crate::harness::{Bench, PEER};

const GUARDED: [&str; 6] = ["/", "/metrics", "/api/status", "/api/queues", "/api/topics", "/api/connections"];

/// Somebody who may do these things with the broker, and nothing else.
#[derive(Debug)]
struct May(&'static [Action]);

impl Guard for May {
    fn user(&self) -> &str {
        "ann"
    }

    fn stands(&self) -> bool {
        true
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        protected.what == What::Broker && self.0.contains(&action)
    }
}

fn broker() -> Broker {
    Broker::new(Options { asks_who: true, memory_limit: 1 << 30, ..Options::default() })
}

fn browser_of(broker: &mut Broker, may: &'static [Action]) -> Browser {
    let mut browser = Browser::new();
    browser.commands.push(Command::Open { peer: PEER.into(), client: "browser".into() });
    browser.serve(broker);
    browser.login = Ok(Reply::Authenticated { user: "ann".into(), account: None, last_message: None });
    browser.guard = Some(Arc::new(May(may)));
    browser
}

/// Checks that nothing but a login is asked for.
#[track_caller]
fn is_unauthorized(browser: &mut Browser) {
    let response = browser.response.clone().unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Basic realm=\"Causeway\"");
    let (status, body) = browser.response();
    assert_eq!((status, &*body), (StatusCode::UNAUTHORIZED, "{\"error\":\"log in first\"}\n"));
    assert!(browser.commands.batch.is_empty(), "the broker was asked");
}

#[test]
fn everything_but_health_needs_a_login() {
    let mut browser = Browser::new();
    browser.login = Err(Refusal::Login);
    for path in GUARDED {
        for (header, shown) in [
            (None, Some(Credentials::Nothing)),
            (Some(format!("Basic {}", STANDARD.encode("ann:secret"))), Some(password("ann", "secret"))),
            (Some("Bearer token".to_owned()), Some(password("", "token"))),
            (Some("Basic nonsense".to_owned()), None),
            (Some("Digest username=\"ann\"".to_owned()), None),
        ] {
            browser.shown = None;
            let request = Request::get(path);
            browser.send(header.iter().fold(request, |request, header| request.header("authorization", header)));
            assert_eq!(browser.shown, shown, "{path} {header:?}");
            is_unauthorized(&mut browser);
        }
        browser.request(Method::HEAD, path);
        is_unauthorized(&mut browser);
    }
    browser.shown = None;
    browser.request(Method::GET, "/health");
    assert_eq!(browser.shown, None);
    browser.answer(Reply::Status(Box::default()));
    assert_eq!(browser.json()["status"], "ok");
    for (method, path) in [(Method::POST, "/api/queues"), (Method::PUT, "/"), (Method::DELETE, "/health")] {
        browser.request(method, path);
        assert_eq!(browser.response().0, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert_eq!(browser.shown, None, "what changes nothing needs no login");
}

fn password(user: &str, password: &str) -> Credentials {
    Credentials::Password { user: user.to_owned(), password: Secret::from(password.as_bytes()) }
}

#[test]
fn a_broker_that_asks_who_tells_a_stranger_that_it_lives() {
    let mut broker = broker();
    let mut browser = browser_of(&mut broker, &[]);
    let expected = json!({"status": "ok", "role": "active", "version": "0.1.0", "alarm": null});
    assert_eq!(browser.get("/health", &mut broker), expected, "nobody has logged in");
    browser.request(Method::GET, "/");
    assert_eq!(browser.response().0, StatusCode::OK);
    assert_eq!(browser.get("/health", &mut broker), expected, "somebody who may see nothing");
}

#[test]
fn rights_are_the_brokers_business() {
    let mut broker = broker();
    let mut browser = browser_of(&mut broker, &[]);
    for path in ["/metrics", "/api/status", "/api/connections"] {
        browser.request(Method::GET, path);
        browser.serve(&mut broker);
        let (status, body) = browser.response();
        let text = serde_json::from_str::<Json>(&body).unwrap();
        assert_eq!(
            (status, &text["error"]),
            (StatusCode::FORBIDDEN, &json!("user \"ann\" may not monitor the broker"))
        );
    }
    let queues = browser.get("/api/queues", &mut broker);
    assert_eq!(queues, json!({"queues": [], "left_out": 0}), "those that she may see");
    browser.guard = Some(Arc::new(May(&[Action::Monitor])));
    let connections = browser.get("/api/connections", &mut broker);
    assert_eq!(connections["connections"][0]["user"], "ann");
    browser.request(Method::GET, "/metrics");
    browser.serve(&mut broker);
    assert_eq!(browser.response().0, StatusCode::OK);
}

#[test]
fn every_request_is_asked_who_it_is() {
    let mut broker = broker();
    let mut browser = browser_of(&mut broker, &[Action::Monitor]);
    browser.get("/api/status", &mut broker);
    browser.login = Err(Refusal::Login);
    browser.request(Method::GET, "/api/status");
    is_unauthorized(&mut browser);
}

#[test]
fn other_answers_to_a_login_are_mapped() {
    let mut browser = Browser::new();
    let denial = Denial::new("ann", Action::Enter, &What::Broker);
    for (refusal, status, text) in [
        (Refusal::LoginUnavailable("ldap.example is down".to_owned()), 503, "nobody can log in for now"),
        (Refusal::Denied(Box::new(denial)), 403, "user \"ann\" may not enter the broker"),
    ] {
        browser.login = Err(refusal);
        browser.request(Method::GET, "/metrics");
        let (found, body) = browser.response();
        assert_eq!((found.as_u16(), body), (status, json!({ "error": text }).to_string() + "\n"));
    }
    browser.login = Ok(Reply::Done);
    browser.request(Method::GET, "/metrics");
    assert_eq!(browser.response().0, StatusCode::INTERNAL_SERVER_ERROR);
}

/// The shell lets in who connects to the socket; until then, and where it does not, the client is told.
#[test]
fn the_admin_channel_says_what_is_missing() {
    let mut bench = Bench::new();
    bench.broker = broker();
    let unknown = bench.error(&json!({"id": 1, "command": "status"}));
    assert_eq!(unknown, "the broker does not know who you are: it does nothing for this connection");
    bench.commands.push(Command::Permit { user: "ann".into(), guard: Some(Arc::new(May(&[Action::Monitor]))) });
    let status = bench.items(&json!({"id": 2, "command": "status"}));
    assert_eq!(status[0]["queues"], 0);
    assert_eq!(bench.items(&json!({"id": 3, "command": "connections"}))[0]["user"], "ann");
    let denied = bench.error(&json!({"id": 4, "command": "create", "queue": "orders"}));
    assert_eq!(denied, "user \"ann\" may not configure queue \"orders\"");
    for request in [
        json!({"id": 5, "command": "send", "queue": "orders", "body": "x"}),
        json!({"id": 5, "command": "queue", "queue": "orders"}),
        json!({"id": 5, "command": "purge", "queue": "orders"}),
        json!({"id": 5, "command": "delete", "queue": "orders"}),
        json!({"id": 5, "command": "peek", "queue": "orders"}),
        json!({"id": 5, "command": "backup", "folder": "/backup"}),
    ] {
        let denied = bench.error(&request);
        assert!(denied.starts_with("user \"ann\" may not "), "{request}: {denied}");
    }
    bench.commands.push(Command::Permit { user: "ann".into(), guard: None });
    let made = bench.items(&json!({"id": 6, "command": "create", "queue": "orders"}));
    assert_eq!(made[0]["created"], true);
}
