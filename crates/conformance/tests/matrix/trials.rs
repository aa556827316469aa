//! What is sent: a few messages, and what each of them says.

use serde_json::{Value, json};

use crate::marks::binary;
use crate::party::Party;

pub(crate) const MIB: usize = 1 << 20;

/// A message and what it is about.
pub(crate) struct Trial {
    pub(crate) message: Value,
    pub(crate) facets: Vec<Facet>,
    /// Who can send it at all.
    pub(crate) senders: &'static [Party],
    /// It goes through the topic, too.
    pub(crate) by_topic: bool,
}

/// One row of the tables.
pub(crate) struct Facet {
    pub(crate) title: &'static str,
    /// `body`, a field of the message, or `properties.NAME`.
    pub(crate) path: &'static str,
}

use Party::{Admin, Amqp10, Amqp091, Mqtt, Sqs, Stomp};

/// SQS has no empty bodies.
const NOT_SQS: &[Party] = &[Mqtt, Stomp, Amqp091, Amqp10, Admin];

pub(crate) fn trials(producer: Party) -> Vec<Trial> {
    let mut trials = bodies(producer);
    trials.extend([fields(), properties(), rare_properties(), many()]);
    trials.extend(ids());
    trials
}

/// What AMQP calls header and properties.
fn fields() -> Trial {
    let message = json!({
        "body": ["string", "hello"],
        "durable": true,
        "priority": 7,
        "ttl": 600_000,
        "correlation_id": ["string", "c-1"],
        "message_id": ["string", "m-1"],
        "reply_to": {"queue": "answers"},
        "content_type": "text/plain",
        "subject": "order",
        "group": "g-1",
        "timestamp": 1_700_000_000_000_u64,
    });
    let facets = [
        ("persistent", "durable"),
        ("priority", "priority"),
        ("time to live", "ttl"),
        ("correlation id", "correlation_id"),
        ("message id", "message_id"),
        ("reply-to", "reply_to"),
        ("content type", "content_type"),
        ("subject (JMS type)", "subject"),
        ("group", "group"),
        ("time stamp", "timestamp"),
    ];
    Trial { message, facets: facets.map(facet).into(), senders: &Party::ALL, by_topic: true }
}

fn facet((title, path): (&'static str, &'static str)) -> Facet {
    Facet { title, path }
}

/// The publisher's own properties, of all types.
fn properties() -> Trial {
    let map = json!(["map", [["a", ["int", 1]], ["b", ["list", [["string", "x"], ["bool", false]]]]]]);
    let message = json!({
        "body": ["string", "{}"],
        "properties": {
            "string": ["string", "漢字 😀"],
            "int": ["int", 42],
            "long": ["long", 5_000_000_000_i64],
            "double": ["double", 1.5],
            "bool": ["bool", true],
            "binary": ["binary", "AP8="],
            "map": map,
            "list": ["list", [["int", 1], ["string", "two"]]],
        },
    });
    let facets = [
        ("property: string", "properties.string"),
        ("property: int", "properties.int"),
        ("property: long", "properties.long"),
        ("property: double", "properties.double"),
        ("property: bool", "properties.bool"),
        ("property: binary", "properties.binary"),
        ("property: map", "properties.map"),
        ("property: list", "properties.list"),
    ];
    Trial { message, facets: facets.map(facet).into(), senders: &Party::ALL, by_topic: true }
}

/// Types that only AMQP 1.0's clients say.
fn rare_properties() -> Trial {
    let message = json!({
        "body": ["string", "{}"],
        "properties": {
            "ulong": ["ulong", 9_000_000_000_u64],
            "float": ["float", 0.25],
            "uuid": ["uuid", "12345678-9abc-def0-0102-030405060708"],
            "symbol": ["symbol", "a-symbol"],
            "instant": ["timestamp", 1_700_000_000_000_u64],
            "null": ["null", null],
        },
    });
    let facets = [
        ("property: ulong", "properties.ulong"),
        ("property: float", "properties.float"),
        ("property: uuid", "properties.uuid"),
        ("property: symbol", "properties.symbol"),
        ("property: time stamp", "properties.instant"),
        ("property: null", "properties.null"),
    ];
    Trial { message, facets: facets.map(facet).into(), senders: &[Amqp10], by_topic: true }
}

/// More properties than SQS has attributes.
fn many() -> Trial {
    let pairs = (1..=12).map(|i| (format!("p{i:02}"), json!(["string", format!("value {i}")])));
    let properties: serde_json::Map<String, Value> = pairs.collect();
    let message = json!({"body": ["string", "{}"], "properties": properties});
    let facets = vec![facet(("the twelfth property", "properties.p12"))];
    Trial { message, facets, senders: &[Stomp, Amqp091, Amqp10], by_topic: false }
}

fn bodies(producer: Party) -> Vec<Trial> {
    let of = |title, body: Value, senders| Trial {
        message: json!({"body": body}),
        facets: vec![facet((title, "body"))],
        senders,
        by_topic: false,
    };
    // A body of SQS is text, and Base64 in it is longer.
    let large = if producer == Sqs { json!(["string", "x".repeat(MIB)]) } else { binary(&noise(MIB)) };
    let map = json!(["map", [["a", ["int", 1]], ["b", ["list", [["string", "x"], ["bool", false]]]]]]);
    let mut all = vec![
        of("body: text", json!(["string", "hello"]), &Party::ALL[..]),
        of("body: 4-byte UTF-8", json!(["string", "𝄞 漢字 😀 \u{10fffd}"]), &Party::ALL[..]),
        of("body: empty", json!(["string", ""]), NOT_SQS),
        of("body: bytes with NUL", binary(b"a\0b\xff\xfe\r\n\0"), &Party::ALL[..]),
        of("body: 1 MiB", large, &Party::ALL[..]),
        of("body: map", map, &[Amqp10]),
        of("body: list", json!(["list", [["long", 1], ["double", 1.5], ["string", "x"]]]), &[Amqp10]),
    ];
    all[0].by_topic = true;
    all[3].by_topic = true;
    all
}

/// Ids that are no strings.
fn ids() -> Vec<Trial> {
    let of = |title, id: Value| Trial {
        message: json!({"body": ["string", "{}"], "correlation_id": id}),
        facets: vec![facet((title, "correlation_id"))],
        senders: &[Amqp10],
        by_topic: false,
    };
    vec![
        of("correlation id: ulong", json!(["ulong", 9_000_000_000_u64])),
        of("correlation id: uuid", json!(["uuid", "12345678-9abc-def0-0102-030405060708"])),
        of("correlation id: binary", json!(["binary", "AAEC/w=="])),
    ]
}

/// Bytes that are no text, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
