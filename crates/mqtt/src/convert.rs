//! MQTT messages and the hub. MQTT 3.1.1 has no properties; what stands beside the body is in the header.

use bytes::Bytes;
use model::{Body, Converted, Encoding, EncodingId, Flat, Header, Hub, HubBody, Message, Scalar, Time, Unconvertible};

use crate::codec::Qos;

/// `Header::private` of MQTT messages is the QoS they were published with.
pub struct MqttEncoding;

impl Encoding for MqttEncoding {
    fn id(&self) -> EncodingId {
        EncodingId::MQTT
    }

    fn is_sound(&self, message: &Message) -> bool {
        message.properties.is_empty() && Qos::from_bits(message.header.private).is_some()
    }

    fn decode(&self, message: &Message) -> Hub {
        Hub { body: HubBody::Data(message.body.clone()), ..Hub::default() }
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        let (body, lost) = payload(hub);
        Ok(Converted { properties: Bytes::new(), body, lost })
    }

    fn property<'a>(&self, _message: &'a Message, _name: &str) -> Scalar<'a> {
        Scalar::Null
    }
}

/// The payload that stands for a message of another protocol, and how much of the message is not in it. A typed body is
/// JSON. Nothing else crosses: a PUBLISH of MQTT 3.1.1 is a topic and bytes.
pub(crate) fn payload(hub: &Hub) -> (Body, u32) {
    let (body, flat) = hub.body.flattened();
    let properties = &hub.properties;
    let stated = [
        flat == Flat::Json,
        properties.message_id.is_some(),
        properties.user_id.is_some(),
        properties.subject.is_some(),
        properties.reply_to.is_some(),
        properties.correlation_id.is_some(),
        properties.content_type.is_some(),
        properties.content_encoding.is_some(),
        properties.creation_time.is_some(),
        properties.group_id.is_some(),
        properties.group_sequence.is_some(),
        properties.reply_to_group_id.is_some(),
    ];
    let annotations = hub.annotations.iter().filter(|(name, _)| !name.starts_with("x-opt-"));
    let lost = stated.iter().filter(|there| **there).count() + annotations.count() + hub.application_properties.len();
    (body, u32::try_from(lost).unwrap_or(u32::MAX))
}

/// The header of a PUBLISH or will.
pub(crate) fn header(qos: Qos, retain: bool) -> Header {
    Header { durable: qos != Qos::AtMostOnce, retain, private: qos as u8, ..Header::default() }
}

/// The QoS a message was published with; other protocols know only durable and not.
pub(crate) fn published_qos(message: &Message) -> Qos {
    let durable = if message.header.durable { Qos::AtLeastOnce } else { Qos::AtMostOnce };
    if message.encoding == EncodingId::MQTT {
        Qos::from_bits(message.header.private).unwrap_or(durable)
    } else {
        durable
    }
}

#[cfg(test)]
mod tests {
    use model::{HubProperties, Value};

    use super::*;

    #[test]
    fn every_body_has_a_payload() {
        let of = |body: HubBody| {
            let (body, lost) = payload(&Hub { body, ..Hub::default() });
            (body.joined(), lost)
        };
        assert_eq!(of(HubBody::Data(Bytes::from_static(b"\0\xff").into())), (Bytes::from_static(b"\0\xff"), 0));
        assert_eq!(of(HubBody::Value(Value::String("漢字 😀".into()))), ("漢字 😀".into(), 0));
        assert_eq!(of(HubBody::Value(Value::Null)), (Bytes::new(), 0));
        let map = Value::Map(vec![(Value::String("a".into()), Value::List(vec![Value::Int(1), Value::Bool(true)]))]);
        assert_eq!(of(HubBody::Value(map)), (r#"{"a":[1,true]}"#.into(), 1));
        assert_eq!(of(HubBody::Sequence(vec![Value::Double(1.5)])), ("[1.5]".into(), 1));
    }

    #[test]
    fn what_a_publish_has_no_place_for_is_counted() {
        let text = |text: &str| Some(text.to_owned());
        let properties = HubProperties {
            message_id: Some(Value::Ulong(1)),
            user_id: Some(Bytes::from_static(b"guest")),
            to: text("queue://orders"),
            subject: text("s"),
            reply_to: text("queue://answers"),
            correlation_id: Some(Value::Ulong(2)),
            content_type: text("text/plain"),
            content_encoding: text("gzip"),
            creation_time: Some(1),
            group_id: text("g"),
            group_sequence: Some(1),
            reply_to_group_id: text("h"),
        };
        let pair = |name: &str| (name.to_owned(), Value::Int(1));
        let annotations = vec![pair("x-shown-by-others"), pair("x-opt-shown-by-nobody")];
        let hub = Hub { properties, annotations, application_properties: vec![pair("a"), pair("b")], ..Hub::default() };
        // The topic says where it was sent.
        assert_eq!(payload(&hub).1, 11 + 1 + 2);
        assert_eq!(MqttEncoding.encode(&hub, Time::ZERO).map(|converted| converted.lost), Ok(14));
    }
}
