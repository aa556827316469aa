//! Properties of a hub message as SQS attributes.

use std::borrow::Cow;

use model::{Hub, Value};

use crate::characters::{is_account, is_group_id, is_speakable};
use crate::hash::Digest;
use crate::properties::{Attribute, Content, Properties};
use crate::sqs::{MAX_ATTRIBUTES, is_attribute_name};

/// Annotations that keep what only SQS has.
pub(crate) const SENDER: &str = "x-opt-aws-sender-id";
pub(crate) const TRACE: &str = "x-opt-aws-trace-header";
/// And the name of an attribute: its type with its label.
pub(crate) const TYPE_PREFIX: &str = "x-opt-aws-type-";
/// The group's name in selectors (JMS 2.0, 3.5.9).
pub(crate) const GROUP: &str = "JMSXGroupID";

/// The attributes that fit, and how many do not.
#[derive(Default)]
pub(crate) struct Carried<'h> {
    attributes: Vec<Owned<'h>>,
    lost: u32,
}

struct Owned<'h> {
    name: &'h str,
    data_type: &'h str,
    content: OwnedContent<'h>,
}

enum OwnedContent<'h> {
    Text(Cow<'h, str>),
    Binary(&'h [u8]),
}

impl<'h> Carried<'h> {
    /// One of ours: these come before the publisher's own.
    pub(crate) fn push_own(&mut self, name: &'static str, text: &'h str) {
        self.push(name, "String", Cow::Borrowed(text));
    }

    /// Everything in `hub` that attributes can carry.
    pub(crate) fn push_hub(&mut self, hub: &'h Hub) {
        let properties = &hub.properties;
        let texts = [("causeway.content-type", &properties.content_type), ("causeway.reply-to", &properties.reply_to)];
        for (name, text) in texts {
            if let Some(text) = text {
                self.push(name, "String", Cow::Borrowed(text));
            }
        }
        if let Some(id) = &properties.correlation_id {
            self.push_value("causeway.correlation-id", "", id);
        }
        for (name, value) in &hub.application_properties {
            let label = hub.annotations.iter().find(|(key, _)| key.strip_prefix(TYPE_PREFIX) == Some(name));
            let label = match label {
                Some((_, Value::String(label))) => label,
                _ => "",
            };
            self.push_value(name, label, value);
        }
    }

    fn push_value(&mut self, name: &'h str, labelled: &'h str, value: &'h Value) {
        let kind = match value {
            Value::Binary(_) => "Binary",
            Value::Byte(_) | Value::Short(_) | Value::Int(_) | Value::Long(_) | Value::Ubyte(_) | Value::Ushort(_) => {
                "Number"
            }
            Value::Uint(_) | Value::Ulong(_) | Value::Timestamp(_) => "Number",
            Value::Float(number) if number.is_finite() => "Number",
            Value::Double(number) if number.is_finite() => "Number",
            _ => "String",
        };
        let fits = labelled.strip_prefix(kind).is_some_and(|label| label.starts_with('.')) && labelled.len() <= 256;
        let data_type = if fits { labelled } else { kind };
        if let Value::Binary(bytes) = value {
            self.keep(Owned { name, data_type, content: OwnedContent::Binary(bytes) }, !bytes.is_empty());
        } else if let Some(text) = text_of(value) {
            self.push(name, data_type, text);
        } else {
            self.lost += 1;
        }
    }

    fn push(&mut self, name: &'h str, data_type: &'h str, text: Cow<'h, str>) {
        let good = !text.is_empty() && is_speakable(&text);
        self.keep(Owned { name, data_type, content: OwnedContent::Text(text) }, good);
    }

    fn keep(&mut self, attribute: Owned<'h>, good: bool) {
        let fits = good
            && self.attributes.len() < MAX_ATTRIBUTES
            && is_attribute_name(attribute.name)
            && self.attributes.iter().all(|other| other.name != attribute.name);
        if fits {
            self.attributes.push(attribute);
        } else {
            self.lost += 1;
        }
    }

    /// The bytes of the properties, and how many were lost.
    pub(crate) fn finish(mut self, hub: &Hub, digest: Option<Digest>) -> (Vec<u8>, u32) {
        self.attributes.sort_by_key(|attribute| attribute.name);
        let attributes = self.attributes.iter().map(|Owned { name, data_type, content }| Attribute {
            name,
            data_type,
            content: match content {
                OwnedContent::Text(text) => Content::Text(text),
                OwnedContent::Binary(bytes) => Content::Binary(bytes),
            },
        });
        let annotation = |name: &str| match hub.annotations.iter().find(|(key, _)| key == name) {
            Some((_, Value::String(text))) => Some(text.as_str()),
            _ => None,
        };
        let properties = Properties {
            sender: annotation(SENDER).filter(|sender| is_account(sender)),
            group: hub.properties.group_id.as_deref().filter(|group| is_group_id(group)),
            trace: annotation(TRACE),
            digest,
            attributes: attributes.collect(),
        };
        if hub.properties.group_id.is_some() && properties.group.is_none() {
            self.lost += 1;
        }
        (properties.write(), self.lost)
    }
}

/// A scalar as text; `None` for bytes, lists and the like.
pub(crate) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    Some(match value {
        Value::String(text) | Value::Symbol(text) => Cow::Borrowed(text),
        Value::Bool(value) => value.to_string().into(),
        Value::Byte(number) => number.to_string().into(),
        Value::Short(number) => number.to_string().into(),
        Value::Int(number) => number.to_string().into(),
        Value::Long(number) | Value::Timestamp(number) => number.to_string().into(),
        Value::Ubyte(number) => number.to_string().into(),
        Value::Ushort(number) => number.to_string().into(),
        Value::Uint(number) => number.to_string().into(),
        Value::Ulong(number) => number.to_string().into(),
        Value::Float(number) => number.to_string().into(),
        Value::Double(number) => number.to_string().into(),
        Value::Char(c) => c.to_string().into(),
        Value::Uuid(bytes) => uuid_text(bytes).into(),
        Value::Null
        | Value::Binary(_)
        | Value::Decimal32(_)
        | Value::Decimal64(_)
        | Value::Decimal128(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Array(_)
        | Value::Described(_) => return None,
    })
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut out = Vec::with_capacity(36);
    crate::ids::push_uuid(&mut out, bytes);
    String::from_utf8_lossy(&out).into_owned()
}
