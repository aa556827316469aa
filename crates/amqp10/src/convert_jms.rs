//! What JMS adds to AMQP 1.0 ("AMQP JMS Mapping", and what ActiveMQ does): names of header fields, and annotations that
//! tell what kind of message it is and what kind of node an address names.

use model::{Hub, HubBody, Message, Scalar, Value};

use crate::address::Node;
use crate::codec::{self, MessageProperties, PropertySections, Symbol, ValueRef};
use crate::hub_value::to_scalar;

/// What kind of node `to` is: 0 a queue, 1 a topic, 2 and 3 temporary ones.
pub(crate) const DESTINATION: &str = "x-opt-jms-dest";
/// The same of `reply-to`.
pub(crate) const REPLY_TO: &str = "x-opt-jms-reply-to";
/// What kind of message: 0 without a body, 1 object, 2 map, 3 bytes, 4 stream, 5 text.
const MESSAGE_TYPE: &str = "x-opt-jms-msg-type";

/// A JMS header field; `None` if `name` is none.
pub(crate) fn property<'a>(message: &Message, own: &MessageProperties<'a>, name: &str) -> Option<Scalar<'a>> {
    let text = |text: Option<&'a str>| text.map_or(Scalar::Null, Scalar::Text);
    let scalar = |value: Option<ValueRef<'a>>| value.map_or(Scalar::Null, to_scalar);
    Some(match name {
        "JMSMessageID" => scalar(own.message_id()),
        "JMSCorrelationID" => scalar(own.correlation_id()),
        "JMSType" => text(own.subject()),
        "JMSDestination" => text(own.to()),
        "JMSReplyTo" => text(own.reply_to()),
        "JMSPriority" => Scalar::Int(message.header.priority.into()),
        "JMSDeliveryMode" => Scalar::Text(if message.header.durable { "PERSISTENT" } else { "NON_PERSISTENT" }),
        "JMSTimestamp" => own.creation_time().map_or(Scalar::Null, Scalar::Int),
        "JMSExpiration" => Scalar::Int(message.header.expires.map_or(0, |at| at.0 as i64)),
        "JMSXGroupID" => text(own.group_id()),
        "JMSXGroupSeq" => own.group_sequence().map_or(Scalar::Null, |number| Scalar::Int(number.into())),
        "JMSXUserID" => text(own.user_id().and_then(|id| str::from_utf8(id).ok())),
        _ => return None,
    })
}

/// An address in the hub's form; `annotation` says what a plain name is. What is no address stays as it is.
pub(crate) fn to_canonical(address: &str, found: &PropertySections<'_>, annotation: &str) -> String {
    let is_topic = matches!(found.message_annotation(annotation).map(to_scalar), Some(Scalar::Int(1 | 3)));
    let capabilities = [Symbol::from_static("topic")];
    match Node::of(address, if is_topic { &capabilities } else { &[] }) {
        Ok(node) => node.to_address(),
        Err(_) => address.to_owned(),
    }
}

/// The annotations of a converted message, as far as it has none of its own.
pub(crate) fn annotations(hub: &Hub) -> impl Iterator<Item = (codec::Value, codec::Value)> {
    let own = &hub.properties;
    let all = [
        (MESSAGE_TYPE, message_type(&hub.body)),
        (DESTINATION, own.to.as_deref().and_then(node_type)),
        (REPLY_TO, own.reply_to.as_deref().and_then(node_type)),
    ];
    all.into_iter().filter_map(|(name, value)| {
        let is_new = hub.annotations.iter().all(|(other, _)| other != name);
        Some((codec::Value::symbol(name), codec::Value::Byte(value.filter(|_| is_new)?)))
    })
}

fn message_type(body: &HubBody) -> Option<i8> {
    match body {
        HubBody::Data(_) => Some(3),
        HubBody::Value(Value::String(_) | Value::Null) => Some(5),
        HubBody::Value(Value::Map(_)) => Some(2),
        HubBody::Value(Value::List(_)) | HubBody::Sequence(_) => Some(4),
        HubBody::Value(Value::Binary(_)) => Some(3),
        HubBody::Value(_) => None,
    }
}

fn node_type(address: &str) -> Option<i8> {
    if address.starts_with("queue://") {
        Some(0)
    } else if address.starts_with("topic://") {
        Some(1)
    } else {
        None
    }
}
