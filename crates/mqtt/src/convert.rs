//! MQTT messages and the hub. MQTT 3.1.1 has no properties; what stands beside the body is in the header.

use bytes::Bytes;
use model::{
    Body, Converted, Encoding, EncodingId, Exchange, Header, Hub, HubBody, Message, Scalar, Time, Unconvertible, Value,
};

use crate::codec::Qos;

/// `Header::private` of MQTT messages is the QoS they were published with.
pub struct MqttEncoding;

impl Encoding for MqttEncoding {
    fn id(&self) -> EncodingId {
        EncodingId::MQTT
    }

    fn decode(&self, message: &Message) -> Hub {
        let mut hub = Hub { body: HubBody::Data(message.body.clone()), ..Hub::default() };
        if message.address.exchange == Exchange::Topic {
            hub.properties.to = Some(format!("topic://{}", message.address.key.to_text()));
        }
        hub
    }

    fn encode(&self, hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        let body = match &hub.body {
            HubBody::Data(body) => body.clone(),
            HubBody::Value(Value::String(text)) => Body::from(Bytes::copy_from_slice(text.as_bytes())),
            HubBody::Value(Value::Binary(bytes)) => bytes.clone().into(),
            HubBody::Value(Value::Null) => Body::default(),
            HubBody::Value(_) | HubBody::Sequence(_) => return Err(Unconvertible("typed values have no MQTT form")),
        };
        let properties = &hub.properties;
        let carried = [
            properties.message_id.is_some(),
            properties.subject.is_some(),
            properties.reply_to.is_some(),
            properties.correlation_id.is_some(),
            properties.content_type.is_some(),
            properties.group_id.is_some(),
        ];
        let lost = carried.iter().filter(|there| **there).count() + hub.application_properties.len();
        Ok(Converted { properties: Bytes::new(), body, lost: lost as u32 })
    }

    fn property<'a>(&self, _message: &'a Message, _name: &str) -> Scalar<'a> {
        Scalar::Null
    }
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
