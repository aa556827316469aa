//! Who sends and receives: a real client library for each protocol, and the administrator.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use conformance::{Broker, clients};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Mqtt,
    Stomp,
    Amqp091,
    Amqp10,
    Sqs,
    Admin,
}

impl Party {
    pub(crate) const ALL: [Self; 6] = [Self::Mqtt, Self::Stomp, Self::Amqp091, Self::Amqp10, Self::Sqs, Self::Admin];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "MQTT 3.1.1",
            Self::Stomp => "STOMP",
            Self::Amqp091 => "AMQP 0-9-1",
            Self::Amqp10 => "AMQP 1.0",
            Self::Sqs => "SQS",
            Self::Admin => "`causeway`",
        }
    }

    /// The client's program, below `clients/`, and its argument.
    fn program(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Mqtt => Some(("python/matrix.py", "mqtt")),
            Self::Stomp => Some(("python/matrix.py", "stomp")),
            Self::Amqp091 => Some(("node/matrix_amqp091.mjs", "")),
            Self::Amqp10 => Some(("python/matrix.py", "amqp10")),
            Self::Sqs => Some(("python/matrix.py", "sqs")),
            Self::Admin => None,
        }
    }
}

/// What a party does. Addresses and messages are as `clients/python/matrix.py` says them; an error is a text.
pub(crate) trait Client {
    /// Sends a message, and says what of it this client could not say.
    fn send(&mut self, to: &Value, message: &Value) -> Result<Vec<String>, String>;

    /// Keeps what comes to a topic from now on.
    fn listen(&mut self, to: &Value) -> Result<(), String>;

    /// The next message, settled.
    fn take(&mut self, from: &Value) -> Result<Value, String>;

    /// The next message, given back.
    fn give_back(&mut self, from: &Value) -> Result<Value, String>;
}

/// A client library in a process of its own.
pub(crate) struct Library {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Library {
    /// `None`, after saying so, where it is not installed.
    pub(crate) fn start(party: Party, broker: &Broker) -> Option<Self> {
        let (file, argument) = party.program()?;
        let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        let mut command = clients::program(&suites.join(file))?;
        command.arg(argument).env("PYTHONPATH", suites.join("python"));
        command.envs(broker.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let input = process.stdin.take().expect("stdin is piped");
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Some(Self { process, input, output })
    }

    fn ask(&mut self, question: &Value) -> Result<Value, String> {
        let asked = writeln!(self.input, "{question}").and_then(|()| self.input.flush());
        let mut line = String::new();
        let answered = asked.and_then(|()| self.output.read_line(&mut line));
        assert!(answered.is_ok() && !line.is_empty(), "the client is gone, see above: {question}");
        let answer: Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer),
        }
    }

    fn receive(&mut self, act: &str, from: &Value) -> Result<Value, String> {
        self.ask(&json!({"do": act, "to": from})).map(|mut answer| answer["message"].take())
    }
}

impl Client for Library {
    fn send(&mut self, to: &Value, message: &Value) -> Result<Vec<String>, String> {
        let answer = self.ask(&json!({"do": "send", "to": to, "message": message}))?;
        serde_json::from_value(answer["unsaid"].clone()).map_err(|error| error.to_string())
    }

    fn listen(&mut self, to: &Value) -> Result<(), String> {
        self.ask(&json!({"do": "listen", "to": to})).map(drop)
    }

    fn take(&mut self, from: &Value) -> Result<Value, String> {
        self.receive("take", from)
    }

    fn give_back(&mut self, from: &Value) -> Result<Value, String> {
        self.receive("return", from)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // Fails only when it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
