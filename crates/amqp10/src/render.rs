//! What a message looks like to the peer: its publisher's own sections, with the broker's header before them.

use bytes::{Bytes, BytesMut};
use model::{Converted, Death, Deliver, EncodingId, Encodings, Exchange, History, Message, Time, Unconvertible};

use crate::address::Node;
use crate::codec::{self, Array, Header, Kind, Map, Symbol, Text, Value, ValueRef};

/// The header section (3.2.1) of a delivery.
pub(crate) fn header(now: Time, deliver: &Deliver) -> Header {
    let header = &deliver.message.header;
    Header {
        durable: header.durable,
        priority: header.priority,
        ttl: header.expires.map(|at| u32::try_from(at.since(now)).unwrap_or(u32::MAX)),
        first_acquirer: !deliver.redelivered,
        delivery_count: deliver.failed,
    }
}

/// The sections of a message that was not published in AMQP 1.0, or to which the broker has something to add. `None`:
/// they are as they were published.
///
/// # Errors
/// Another protocol's message that AMQP 1.0 cannot say.
pub(crate) fn rendered(
    encodings: &Encodings,
    now: Time,
    deliver: &Deliver,
) -> Result<Option<Converted>, Unconvertible> {
    let message = &*deliver.message;
    let mut added = Map::new();
    let mut converted = match message.encoding {
        EncodingId::AMQP_10 if deliver.history.is_none() => return Ok(None),
        EncodingId::AMQP_10 => {
            Converted { properties: message.properties.clone(), body: message.body.clone(), lost: 0 }
        }
        _ => convert(encodings, now, message)?,
    };
    if let Some(history) = &deliver.history {
        add_deaths(history, &mut added);
    }
    converted.properties = annotated(&converted.properties, added);
    Ok(Some(converted))
}

/// Translates a message, which also says where it was sent.
fn convert(encodings: &Encodings, now: Time, message: &Message) -> Result<Converted, Unconvertible> {
    let mut hub = encodings.to_hub(message);
    let own = encodings.get(EncodingId::AMQP_10).ok_or(Unconvertible("AMQP 1.0 messages are not known here"))?;
    hub.properties.to.get_or_insert_with(|| node_of(message).to_address());
    own.encode(&hub, now)
}

fn node_of(message: &Message) -> Node {
    let (exchange, key) = (message.address.exchange.clone(), message.address.key.clone());
    match exchange {
        Exchange::Default => Node::Queue { name: key, create: false },
        Exchange::Topic => Node::Topic(key),
        _ => Node::Exchange { exchange, key },
    }
}

/// RabbitMQ's annotations for dead letters.
fn add_deaths(history: &History, added: &mut Map) {
    let (Some(last), Some(first)) = (history.deaths.first(), history.deaths.last()) else { return };
    let mut text = |name: &'static str, value: &str| added.push((Value::symbol(name), Value::String(value.into())));
    text("x-first-death-queue", &first.queue.to_text());
    text("x-first-death-reason", first.reason.as_str());
    text("x-first-death-exchange", &first.exchange.to_text());
    text("x-last-death-queue", &last.queue.to_text());
    text("x-last-death-reason", last.reason.as_str());
    text("x-last-death-exchange", &last.exchange.to_text());
    let items = history.deaths.iter().map(death).collect();
    let deaths = Array { descriptors: Vec::new(), kind: Kind::Map, items };
    added.push((Value::symbol("x-opt-deaths"), Value::Array(Box::new(deaths))));
}

fn death(death: &Death) -> Value {
    let text = |text: &str| Value::String(Text::from(text));
    let keys = Array { descriptors: Vec::new(), kind: Kind::String, items: vec![text(&death.key.to_text())] };
    let mut map = vec![
        (Value::symbol("queue"), text(&death.queue.to_text())),
        (Value::symbol("reason"), Value::symbol(death.reason.as_str())),
        (Value::symbol("count"), Value::Ulong(death.count)),
        (Value::symbol("first-time"), Value::Timestamp(death.time.0 as i64)),
        (Value::symbol("exchange"), text(&death.exchange.to_text())),
        (Value::symbol("routing-keys"), Value::Array(Box::new(keys))),
    ];
    if !death.detail.is_empty() {
        map.push((Value::symbol("detail"), text(&death.detail.to_text())));
    }
    Value::Map(map)
}

/// The sections with more message annotations; those of the same name are replaced.
fn annotated(properties: &Bytes, added: Map) -> Bytes {
    if added.is_empty() {
        return properties.clone();
    }
    let mut rest = &properties[..];
    let mut annotations = Map::new();
    if let Ok(ValueRef::Described(section)) = ValueRef::take(&mut rest)
        && is_message_annotations(section.descriptor)
        && let Ok(Value::Map(map)) = codec::decode_value(&properties.slice_ref(section.value))
    {
        annotations = map;
    } else {
        rest = properties;
    }
    annotations.retain(|(key, _)| added.iter().all(|(name, _)| name != key));
    annotations.extend(added);
    let mut out = BytesMut::with_capacity(properties.len() + 256);
    codec::encode_message_annotations(&mut out, &annotations);
    out.extend_from_slice(rest);
    out.freeze()
}

/// Whether a descriptor is that of 3.2.3, in either form.
fn is_message_annotations(descriptor: &[u8]) -> bool {
    const CODE: u64 = 0x72;
    const NAME: Symbol = Symbol::from_static("amqp:message-annotations:map");
    match ValueRef::take(&mut { descriptor }) {
        Ok(ValueRef::Ulong(code)) => code == CODE,
        Ok(ValueRef::Symbol(name)) => NAME == *name,
        _ => false,
    }
}
