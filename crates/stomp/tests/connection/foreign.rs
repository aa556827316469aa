//! A protocol whose messages STOMP clients read.

use model::{
    Converted, Encoding, EncodingId, Hub, HubBody, HubProperties, Message, Scalar, Time, Unconvertible, Value,
};

/// Messages of another protocol: all of them are this one. A body that begins with `text` is a text, one that begins with
/// `list` is a list of one text.
pub(crate) struct Foreign;

pub(crate) const FOREIGN: EncodingId = EncodingId(9);

impl Encoding for Foreign {
    fn id(&self) -> EncodingId {
        FOREIGN
    }

    fn decode(&self, message: &Message) -> Hub {
        let text = |text: &str| Value::String(text.to_owned());
        Hub {
            properties: HubProperties {
                content_type: Some("text/plain".into()),
                correlation_id: Some(Value::Ulong(7)),
                reply_to: Some("queue://answers".into()),
                creation_time: Some(1_234),
                ..HubProperties::default()
            },
            annotations: vec![("x-opt-own".into(), text("hidden")), ("x-shown".into(), Value::Bool(true))],
            application_properties: vec![
                ("colon:ed".into(), text("a:b\nc")),
                ("number".into(), Value::Double(1.5)),
                ("map".into(), Value::Map(Vec::new())),
                ("receipt".into(), text("of somebody else")),
            ],
            body: body(message),
            ..Hub::default()
        }
    }

    fn encode(&self, _hub: &Hub, _now: Time) -> Result<Converted, Unconvertible> {
        Err(Unconvertible("nobody reads it"))
    }

    fn property<'a>(&self, _message: &'a Message, _name: &str) -> Scalar<'a> {
        Scalar::Null
    }
}

fn body(message: &Message) -> HubBody {
    let bytes = message.body.joined();
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    match bytes.get(..4) {
        Some(b"text") => HubBody::Value(text()),
        Some(b"list") => HubBody::Sequence(vec![text()]),
        _ => HubBody::Data(message.body.clone()),
    }
}
