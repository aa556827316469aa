//! A client of the management face, with nothing between it and its broker.

use std::sync::Arc;

use broker::{Broker, Step};
use bytes::Bytes;
use console::{CertificateLifetime, CertificateLifetimes, LoginFigures, Management, ManagementOptions};
use http::{Method, Request, StatusCode};
use model::{
    Command, Commands, Credentials, Effect, Envelope, Exchanged, Guard, HttpConnection, HttpIo, HttpService as _,
    Inspect, Name, Refusal, Reply, Token,
};
use serde_json::Value as Json;

use crate::harness::{NOW, PEER};

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

impl LoginFigures for Good {
    fn outcomes(&self) -> Vec<(&'static str, u64)> {
        vec![("granted", 3), ("refused", 2)]
    }

    fn audit_lines_dropped(&self) -> u64 {
        7
    }
}

/// A client of the management face, and a shell that lets it in.
pub(crate) struct Browser {
    pub(crate) connection: Box<dyn HttpConnection>,
    pub(crate) commands: Commands,
    pub(crate) response: Option<Exchanged>,
    /// What the shell answers to every login.
    pub(crate) login: Result<Reply, Refusal>,
    /// What the shell tells the broker before that.
    pub(crate) guard: Option<Arc<dyn Guard>>,
    /// What was last shown to it.
    pub(crate) shown: Option<Credentials>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let options = ManagementOptions {
            listeners: vec!["mqtt on 127.0.0.1:1883".into()],
            certificates: Some(Arc::new(Good)),
            logins: Some(Arc::new(Good)),
        };
        let connection = Management::new(options).open(&PEER);
        let login = Ok(Reply::Authenticated { user: Name::default(), account: None, last_message: None });
        Self { connection, commands: Commands::default(), response: None, login, guard: None, shown: None }
    }

    pub(crate) fn request(&mut self, method: Method, uri: &str) {
        self.send(Request::builder().method(method).uri(uri));
    }

    pub(crate) fn send(&mut self, request: http::request::Builder) {
        let mut io = HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.request(NOW, request.body(Bytes::new()).unwrap(), &mut io);
        self.log_in();
    }

    /// Answers the login, if there is one.
    fn log_in(&mut self) {
        let is_login = |envelope: &mut Envelope| matches!(envelope.command, Command::Authenticate(_));
        let Some(envelope) = self.commands.batch.pop_if(is_login) else { return };
        let Command::Authenticate(login) = envelope.command else { unreachable!("looked at above") };
        self.shown = Some(login.credentials);
        if let Ok(Reply::Authenticated { user, .. }) = &self.login
            && !user.is_empty()
        {
            self.commands.push(Command::Permit { user: user.clone(), guard: self.guard.clone() });
        }
        self.apply(Effect::Reply { token: login.token, reply: self.login.clone() });
    }

    pub(crate) fn apply(&mut self, effect: Effect) {
        let mut io = HttpIo { commands: &mut self.commands, response: &mut self.response };
        self.connection.apply(NOW, effect, &mut io);
    }

    /// What the broker is asked.
    pub(crate) fn asked(&mut self) -> (Token, Inspect) {
        match std::mem::take(&mut self.commands.batch).pop().unwrap().command {
            Command::Inspect { token, what } => (token, what),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, reply: Reply) {
        let (token, _) = self.asked();
        self.apply(Effect::Reply { token, reply: Ok(reply) });
    }

    pub(crate) fn response(&mut self) -> (StatusCode, String) {
        let response = self.response.take().expect("a response");
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    pub(crate) fn json(&mut self) -> Json {
        let (status, body) = self.response();
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A `GET` that a broker answers.
    pub(crate) fn get(&mut self, uri: &str, broker: &mut Broker) -> Json {
        self.request(Method::GET, uri);
        self.serve(broker);
        self.json()
    }

    pub(crate) fn serve(&mut self, broker: &mut Broker) {
        while !self.commands.batch.is_empty() {
            let mut step = Step::default();
            broker.step(NOW, &mut self.commands, &mut step);
            step.effects.into_iter().for_each(|outgoing| self.apply(outgoing.effect));
        }
    }
}
