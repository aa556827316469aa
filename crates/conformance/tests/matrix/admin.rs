//! The administrator as one of the parties: `causeway send`, `peek` and `tail`.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::Broker;
use conformance::broker::command;
use conformance::poll::{DEADLINE, until};
use conformance::process::Process;
use serde_json::{Map, Value, json};

use crate::party::Client;

/// A connection to the admin socket, for a question after each message.
pub(crate) struct Desk(BufReader<UnixStream>);

impl Desk {
    pub(crate) fn open(broker: &Broker) -> Self {
        let socket = UnixStream::connect(broker.admin_socket()).expect("the broker listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("a socket");
        Self(BufReader::new(socket))
    }

    /// One of the numbers that tell what conversions lost.
    pub(crate) fn conversions(&mut self, name: &str) -> u64 {
        self.0.get_mut().write_all(b"{\"id\":1,\"command\":\"status\"}\n").expect("connected");
        let (mut item, mut done) = (String::new(), String::new());
        self.0.read_line(&mut item).and_then(|_| self.0.read_line(&mut done)).expect("an item and the end");
        let answer: Value = serde_json::from_str(&item).expect("JSON");
        answer["item"]["conversions"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {answer}"))
    }
}

pub(crate) struct Admin {
    broker: Rc<Broker>,
    /// `causeway tail` of the topic that it listens to.
    tail: Option<Process>,
}

impl Admin {
    pub(crate) fn new(broker: Rc<Broker>) -> Self {
        Self { broker, tail: None }
    }

    fn bindings(&self, topic: &str) -> u64 {
        let rows = self.broker.admin_rows(&["topics"]);
        rows.iter().find(|row| row["key"] == topic).map_or(0, |row| row["bindings"].as_u64().expect("a number"))
    }
}

impl Client for Admin {
    fn send(&mut self, to: &Value, message: &Value) -> Result<Vec<String>, String> {
        let path = self.broker.data().join("matrix-body");
        let file = path.to_string_lossy();
        fs::write(&path, bytes_of(&message["body"])).map_err(|error| error.to_string())?;
        let mut args = vec!["send".to_owned(), "--file".to_owned(), file.into_owned()];
        match to.get("queue") {
            Some(queue) => args.push(text(queue).to_owned()),
            None => args.extend(["--topic".to_owned(), key(to)]),
        }
        if message["durable"] == true {
            args.push("--durable".to_owned());
        }
        if let Some(priority) = message.get("priority") {
            args.extend(["--priority".to_owned(), priority.to_string()]);
        }
        if let Some(ttl) = message.get("ttl") {
            args.extend(["--ttl".to_owned(), format!("{ttl}ms")]);
        }
        let ended = self.broker.admin(&args.iter().map(String::as_str).collect::<Vec<_>>());
        if !ended.status.success() {
            return Err(ended.stderr);
        }
        let said = ["body", "durable", "priority", "ttl"];
        let fields = message.as_object().expect("a message is an object");
        Ok(fields.keys().filter(|name| !said.contains(&name.as_str())).cloned().collect())
    }

    fn listen(&mut self, to: &Value) -> Result<(), String> {
        let (topic, before) = (key(to), self.bindings(&key(to)));
        let mut tail = command();
        tail.args(["tail", "--topic", &topic, "--json", "--data"]).arg(self.broker.data());
        self.tail = Some(Process::start(&mut tail));
        until("tail is bound to the topic", || (self.bindings(&topic) > before).then_some(()));
        Ok(())
    }

    /// What it looks at in a queue stays there, so it is dropped.
    fn take(&mut self, from: &Value) -> Result<Value, String> {
        let Some(queue) = from.get("queue").map(text) else {
            let line = self.tail.as_ref().and_then(|tail| tail.line(DEADLINE)).ok_or("nothing came to tail")?;
            return serde_json::from_str(&line).map(|row| describe(&row)).map_err(|error| error.to_string());
        };
        let row = until("a message to look at", || self.broker.admin_rows(&["peek", queue]).pop());
        self.broker.admin_row(&["purge", queue]);
        Ok(describe(&row))
    }

    fn give_back(&mut self, _from: &Value) -> Result<Value, String> {
        Err("it does not hold messages".to_owned())
    }
}

fn key(address: &Value) -> String {
    let words = address["topic"].as_array().expect("an address is a queue or a topic");
    words.iter().map(text).collect::<Vec<_>>().join(".")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The bytes of a body that is text or binary.
pub(crate) fn bytes_of(body: &Value) -> Vec<u8> {
    match text(&body[0]) {
        "binary" => STANDARD.decode(text(&body[1])).expect("Base64"),
        _ => text(&body[1]).into(),
    }
}

/// A row of `peek` or `tail` as a message.
fn describe(row: &Value) -> Value {
    let mut message = Map::new();
    let body = match (row.get("body"), row.get("body_base64")) {
        (Some(text), _) => json!(["string", text]),
        (_, Some(text)) => json!(["binary", text]),
        _ => typed(&row["body_value"]),
    };
    message.insert("body".to_owned(), body);
    if row["cut"] == true {
        message.insert("cut".to_owned(), row["body_bytes"].clone());
    }
    for name in ["durable", "priority", "redelivered"] {
        message.insert(name.to_owned(), row[name].clone());
    }
    message.insert("count".to_owned(), row["attempts"].clone());
    if let Some(expires) = row["expires"].as_u64() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        message.insert("ttl".to_owned(), expires.saturating_sub(now).into());
    }
    let properties = &row["properties"];
    let plain = [
        ("content_type", "content_type"),
        ("subject", "subject"),
        ("group", "group_id"),
        ("timestamp", "creation_time"),
    ];
    for (name, property) in plain {
        if let Some(value) = properties.get(property) {
            message.insert(name.to_owned(), value.clone());
        }
    }
    for name in ["correlation_id", "message_id"] {
        if let Some(value) = properties.get(name) {
            message.insert(name.to_owned(), typed(value));
        }
    }
    if let Some(reply_to) = properties["reply_to"].as_str() {
        let queue = reply_to.strip_prefix("queue://").unwrap_or(reply_to);
        message.insert("reply_to".to_owned(), json!({"queue": queue}));
    }
    let pairs = row["application_properties"].as_array().into_iter().flatten();
    let pairs = pairs.map(|pair| (text(&pair[0]).to_owned(), typed(&pair[1])));
    message.insert("properties".to_owned(), Value::Object(pairs.collect()));
    message.into()
}

/// A value of the admin channel's JSON as `[type, value]`.
fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!(["null", null]),
        Value::Bool(_) => json!(["bool", value]),
        Value::Number(number) if number.is_f64() => json!(["double", value]),
        Value::Number(_) => json!(["integer", value]),
        Value::String(_) => json!(["string", value]),
        Value::Array(items) => json!(["list", items.iter().map(typed).collect::<Vec<_>>()]),
        Value::Object(object) => {
            let (name, inner) = object.iter().next().expect("an object names a type");
            let pair = |pair: &Value| json!([pair[0], typed(&pair[1])]);
            match name.as_str() {
                "base64" => json!(["binary", inner]),
                "map" => json!(["map", inner.as_array().into_iter().flatten().map(pair).collect::<Vec<_>>()]),
                other => json!([other, inner]),
            }
        }
    }
}
