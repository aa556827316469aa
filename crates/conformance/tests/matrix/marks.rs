//! How a receiver sees what a sender said.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::admin::bytes_of;
use crate::party::Party;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// With its type, as far as the receiver's library tells types.
    Kept,
    /// A value of another type as its text.
    Text,
    /// A text as bytes.
    Bytes,
    /// A list, a map or a typed body as JSON.
    Json,
    /// Bytes as Base64.
    Base64,
    /// In the JSON object that has what SQS has no attribute for.
    Packed,
    /// The beginning only, and how long the whole is.
    Cut,
    Lost,
    /// The sender has no way to say it.
    Unsaid,
    /// Something that should not be.
    Wrong(String),
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Json => "JSON",
            Self::Base64 => "Base64",
            Self::Packed => "packed",
            Self::Cut => "beginning",
            Self::Lost => "**lost**",
            Self::Unsaid => "–",
            Self::Wrong(what) => what,
        })
    }
}

/// Milliseconds that a message may have been on its way.
const SLOW: u64 = 30_000;

/// A body, `[type, value]` each. `cut` is the length of the whole, if the receiver shows only its beginning.
pub(crate) fn of_body(parties: (Party, Party), said: &Value, seen: &Value, cut: Option<u64>) -> Mark {
    if is_same(said, seen) && cut.is_none() && said[0] != "binary" {
        return Mark::Kept;
    }
    let (producer, consumer) = parties;
    if !matches!(seen[0].as_str(), Some("string" | "binary")) {
        return wrong(said, seen);
    }
    let bytes = bytes_of(seen);
    if !matches!(said[0].as_str(), Some("string" | "binary")) {
        let json = serde_json::from_slice(&bytes);
        return if json.is_ok_and(|json: Value| json == plain(said)) { Mark::Json } else { wrong(said, seen) };
    }
    let sent = bytes_of(said);
    if let Some(whole) = cut {
        let is_beginning = sent.starts_with(&bytes) && sent.len() as u64 == whole;
        return if is_beginning { Mark::Cut } else { wrong(said, seen) };
    }
    if bytes != sent {
        return wrong(said, seen);
    }
    let knows_text = |party| matches!(party, Party::Stomp | Party::Amqp10 | Party::Sqs);
    match (said[0] == "string", seen[0] == "string") {
        (true, false) if knows_text(producer) && matches!(consumer, Party::Stomp | Party::Amqp10) => Mark::Bytes,
        (false, true) if knows_text(consumer) && !sent.is_empty() => Mark::Text,
        (false, false) if consumer == Party::Sqs => Mark::Base64,
        _ => Mark::Kept,
    }
}

/// A field or property; `seen` is null where there is none.
pub(crate) fn of_value(name: &str, said: &Value, seen: &Value) -> Mark {
    if seen.is_null() {
        return Mark::Lost;
    }
    if name == "ttl" {
        let (said, seen) = (said.as_u64().unwrap_or(0), seen.as_u64().unwrap_or(u64::MAX));
        let is_rest = seen <= said && seen + SLOW > said;
        return if is_rest { Mark::Kept } else { Mark::Wrong(format!("{seen} ms left of {said} ms")) };
    }
    if is_same(said, seen) {
        return Mark::Kept;
    }
    let Some(text) = seen[1].as_str().filter(|_| matches!(seen[0].as_str(), Some("string" | "json"))) else {
        return wrong(said, seen);
    };
    match said[0].as_str() {
        Some("binary") if said[1] == text => Mark::Base64,
        Some("list" | "map" | "null") if serde_json::from_str(text).is_ok_and(|json: Value| json == plain(said)) => {
            Mark::Json
        }
        Some("uuid") if text == format!("urn:uuid:{}", said[1].as_str().unwrap_or_default()) => Mark::Text,
        Some(_) if said[1].as_str().map_or_else(|| said[1].to_string(), str::to_owned) == text => Mark::Text,
        _ => wrong(said, seen),
    }
}

/// Something in the packed object, which has JSON's types.
pub(crate) fn of_packed(said: &Value, seen: &Value) -> Mark {
    let is_binary = said[0] == "binary" && seen[1] == said[1];
    if is_binary || plain(seen) == plain(said) { Mark::Packed } else { wrong(said, seen) }
}

/// The same values, of the same types as far as the receiver tells them.
fn is_same(said: &Value, seen: &Value) -> bool {
    if said == seen {
        return true;
    }
    let (Some(said), Some(seen)) = (said.as_array(), seen.as_array()) else { return false };
    if said.len() != seen.len() {
        return false;
    }
    let types = (said.first().and_then(Value::as_str), seen.first().and_then(Value::as_str));
    let whole = |kind| matches!(kind, "int" | "long" | "ulong" | "short" | "byte" | "uint" | "ushort" | "ubyte");
    match types {
        (Some(said_type), Some("integer")) if whole(said_type) => said[1] == seen[1],
        // One library has one class for both.
        (Some("float"), Some("double")) => said[1] == seen[1],
        _ => said.iter().zip(seen).all(|(said, seen)| is_same(said, seen)),
    }
}

/// `[type, value]` as plain JSON.
fn plain(pair: &Value) -> Value {
    match pair[0].as_str() {
        Some("list") => pair[1].as_array().into_iter().flatten().map(plain).collect(),
        Some("map") => {
            let pairs = pair[1].as_array().into_iter().flatten();
            pairs.map(|it| (it[0].as_str().unwrap_or_default().to_owned(), plain(&it[1]))).collect()
        }
        _ => pair[1].clone(),
    }
}

fn wrong(said: &Value, seen: &Value) -> Mark {
    let short = |value: &Value| value.to_string().chars().take(80).collect::<String>();
    Mark::Wrong(format!("{} came as {}", short(said), short(seen)))
}

/// Bytes as a body.
pub(crate) fn binary(bytes: &[u8]) -> Value {
    serde_json::json!(["binary", STANDARD.encode(bytes)])
}
