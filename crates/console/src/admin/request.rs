use model::{DeadLetter, Namespace, Overflow, QueueKind, QueueRef, QueueSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::admin::failure::Failure;
use crate::json::ExportObject;

/// One line of a client.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: u64,
    pub(crate) command: Command,
}

/// What can be asked on the admin channel. Spans are milliseconds; namespace 0 is `/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Command {
    /// One item: the totals.
    Status {},
    /// One item for each queue, in order of name.
    Queues {
        /// `None`: all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<u16>,
        #[serde(default)]
        prefix: String,
        /// Also those that protocols made for themselves.
        #[serde(default)]
        internal: bool,
    },
    /// One item: a queue with its settings and bindings.
    Queue(QueueName),
    /// One item for each topic.
    Topics {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<u16>,
    },
    /// One item for each connection.
    Connections {},
    /// One item about memory and store, then one for each queue that holds something, those that hold most first.
    WhyDisk {
        #[serde(default = "ten")]
        most: usize,
    },
    /// One item for each of the first `count` ready messages, which stay where they are.
    Peek {
        #[serde(default)]
        namespace: u16,
        queue: String,
        #[serde(default = "one")]
        count: u64,
    },
    Send(Send),
    /// One item: how many messages were dropped.
    Purge {
        #[serde(default)]
        namespace: u16,
        queue: String,
        /// Also those that are handed out.
        #[serde(default)]
        leased: bool,
    },
    /// One item: how many messages were moved.
    Move {
        #[serde(default)]
        namespace: u16,
        from: String,
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    Export(Export),
    Exported(Exported),
    Import(Import),
    /// Bytes of the body of the message that the next `import` brings, behind those before. No item.
    ImportPiece {
        base64: String,
    },
    /// Copies the store into a folder on the broker's machine that is new or empty. One item: the last record in it, and
    /// its bytes.
    Backup {
        folder: String,
    },
    /// Items without end: messages as they arrive. `{"missed":n}` stands where the reader was too slow.
    Tail(Tail),
    Create(Create),
    /// One item: how many messages went with the queue.
    Delete {
        #[serde(default)]
        namespace: u16,
        queue: String,
        #[serde(default)]
        if_unused: bool,
        #[serde(default)]
        if_empty: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueName {
    #[serde(default)]
    pub(crate) namespace: u16,
    pub(crate) queue: String,
}

/// Publishes `count` times, answered when all are confirmed. One item: how many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Send {
    pub(crate) namespace: u16,
    /// Either of these two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// One of these two, or none for an empty body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    pub(crate) durable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
}

/// One item for each message that is ready at the beginning, whole, in order of sequence number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Export {
    pub(crate) namespace: u16,
    pub(crate) queue: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max: Option<u64>,
    /// Not more than one portion, which then belongs to this connection until `exported` deletes it.
    pub(crate) take: bool,
}

/// Deletes what this connection took, in this range of sequence numbers. One item: how many those were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Exported {
    pub(crate) namespace: u16,
    pub(crate) queue: String,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// Puts messages into a queue, all of them or, if one of them cannot be, none. One item: how many, how many had expired,
/// how many the queue was set to drop, and which one failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Import {
    pub(crate) namespace: u16,
    pub(crate) queue: String,
    pub(crate) messages: Vec<ExportObject>,
    /// The body of the only message came before, by `import-piece`.
    pub(crate) pieces: bool,
}

/// What arrives in a queue, or on topics that match a pattern of words (`*` one, `#` any number).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tail {
    pub(crate) namespace: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
}

/// Makes a queue; one that exists must have just these settings. One item: whether it is new.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Create {
    pub(crate) namespace: u16,
    pub(crate) queue: String,
    /// "queue" or "log".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) durable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_priority: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_length: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) overflow: Option<WhenFull>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delay: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_deliveries: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Hands messages out and forgets them when they are settled.
    Queue,
    /// Keeps what was read.
    Log,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhenFull {
    /// The new message is refused, and its publisher told so.
    Reject,
    /// The oldest ready one is dropped.
    DropHead,
    /// The oldest ready one is dead-lettered.
    DeadLetter,
    /// The new one is dropped, and its publisher told nothing.
    DropNew,
}

impl Request {
    /// Reads one line. On an error also the request's id, if that much could be read.
    pub(crate) fn parse(line: &[u8]) -> Result<Self, (Option<u64>, Failure)> {
        let mut map: Map<String, Json> = serde_json::from_slice(line).map_err(|error| (None, error.into()))?;
        let id = map.remove("id").as_ref().and_then(Json::as_u64);
        let Some(id) = id else {
            return Err((None, Failure::Invalid("malformed request: \"id\" must be a number from 0 on")));
        };
        match serde_json::from_value(Json::Object(map)) {
            Ok(command) => Ok(Self { id, command }),
            Err(error) => Err((Some(id), error.into())),
        }
    }
}

impl Create {
    pub(crate) fn settings(&self) -> Result<QueueSettings, Failure> {
        if self.max_deliveries.is_some() && self.dead_letter.is_none() {
            return Err(Failure::Invalid("max_deliveries needs a dead_letter queue"));
        }
        let default = QueueSettings::default();
        Ok(QueueSettings {
            kind: match self.kind {
                Some(Kind::Log) => QueueKind::Log,
                Some(Kind::Queue) | None => QueueKind::Queue,
            },
            durable: self.durable.unwrap_or(default.durable),
            max_priority: self.max_priority.unwrap_or(default.max_priority),
            max_length: self.max_length,
            max_bytes: self.max_bytes,
            overflow: match self.overflow {
                None | Some(WhenFull::Reject) => Overflow::Reject,
                Some(WhenFull::DropHead) => Overflow::DropHead,
                Some(WhenFull::DeadLetter) => Overflow::DeadLetter,
                Some(WhenFull::DropNew) => Overflow::DropNew,
            },
            ttl: self.ttl,
            delay: self.delay.unwrap_or(default.delay),
            lease: self.lease.unwrap_or(default.lease),
            dead_letter: self
                .dead_letter
                .as_deref()
                .map(|queue| DeadLetter::to_queue(queue.into(), self.max_deliveries)),
            ..default
        })
    }
}

/// The queue `name` of a namespace.
pub(crate) fn queue_ref(namespace: u16, name: &str) -> QueueRef {
    QueueRef::Named(Namespace(namespace), name.into())
}

const fn one() -> u64 {
    1
}

const fn ten() -> usize {
    10
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> (Option<u64>, String) {
        let (id, failure) = Request::parse(line.as_bytes()).unwrap_err();
        (id, failure.to_string())
    }

    #[test]
    fn requests_are_read_strictly() {
        let request = Request::parse(br#"{"id":7,"command":"peek","queue":"orders"}"#).unwrap();
        assert_eq!(request.id, 7);
        assert_eq!(request.command, Command::Peek { namespace: 0, queue: "orders".into(), count: 1 });
        assert!(matches!(Request::parse(br#"{"id":0,"command":"status"}"#).unwrap().command, Command::Status {}));
        assert_eq!(error("{}").0, None);
        assert_eq!(error("[]").0, None);
        let (id, text) = error(r#"{"id":3,"command":"explode"}"#);
        assert!(id == Some(3) && text.contains("unknown variant `explode`"), "{text}");
        let (id, text) = error(r#"{"id":3,"command":"status","colour":1}"#);
        assert!(id == Some(3) && text.contains("unknown field `colour`"), "{text}");
        let (id, text) = error(r#"{"id":3,"command":"send","queue":"a","colour":1}"#);
        assert!(id == Some(3) && text.contains("unknown field `colour`"), "{text}");
        let (_, text) = error(r#"{"id":3,"command":"create","queue":"a","max_priority":256}"#);
        assert!(text.contains("256"), "{text}");
    }

    #[test]
    fn settings_are_the_defaults_unless_named() {
        let plain = Create { queue: "a".into(), ..Create::default() };
        assert_eq!(plain.settings().unwrap(), QueueSettings::default());
        let create = Create {
            durable: Some(false),
            overflow: Some(WhenFull::DropHead),
            dead_letter: Some("dead".into()),
            max_deliveries: Some(3),
            ..plain.clone()
        };
        let settings = create.settings().unwrap();
        assert_eq!(settings.overflow, Overflow::DropHead);
        assert_eq!(settings.dead_letter, Some(DeadLetter::to_queue("dead".into(), Some(3))));
        assert!(!settings.durable);
        assert!(Create { max_deliveries: Some(3), ..plain }.settings().is_err());
    }
}
