//! Properties of a hub message as SQS attributes, and back.
//!
//! What AMQP calls properties has the names below, in both directions. Priority and expiry are only shown. A message has
//! at most ten attributes: of more, and of those that SQS has no form for (other names, empty or control characters),
//! the JSON object in [`PACKED`] has the rest.

use std::borrow::Cow;

use model::{Header, Hub, HubProperties, Value};

use crate::characters::{is_account, is_group_id, is_speakable};
use crate::hash::Digest;
use crate::properties::{Attribute, Content, Properties};
use crate::sqs::{LARGEST_MESSAGE, MAX_ATTRIBUTES, is_attribute_name};
use crate::typed::{OwnedContent, form_of};

/// Annotations that keep what only SQS has.
pub(crate) const SENDER: &str = "x-opt-aws-sender-id";
pub(crate) const TRACE: &str = "x-opt-aws-trace-header";
/// And the name of an attribute: its type with a label that says no type of the hub's.
pub(crate) const TYPE_PREFIX: &str = "x-opt-aws-type-";

/// `base64`: what the body is written in.
pub(crate) const ENCODING: &str = "causeway.encoding";
/// The topic that a message came through, as words with dots between them.
pub(crate) const TOPIC: &str = "causeway.topic";
/// A JSON object: the properties that are no attributes of their own.
pub(crate) const PACKED: &str = "causeway.properties";
pub(crate) const CONTENT_TYPE: &str = "causeway.content-type";
pub(crate) const CONTENT_ENCODING: &str = "causeway.content-encoding";
pub(crate) const CORRELATION_ID: &str = "causeway.correlation-id";
pub(crate) const CREATION_TIME: &str = "causeway.creation-time";
/// Only where SQS cannot have it as MessageGroupId.
pub(crate) const GROUP_ID: &str = "causeway.group-id";
pub(crate) const GROUP_SEQUENCE: &str = "causeway.group-sequence";
pub(crate) const MESSAGE_ID: &str = "causeway.message-id";
pub(crate) const REPLY_TO: &str = "causeway.reply-to";
pub(crate) const REPLY_TO_GROUP_ID: &str = "causeway.reply-to-group-id";
pub(crate) const SUBJECT: &str = "causeway.subject";
pub(crate) const USER_ID: &str = "causeway.user-id";
/// 0 to 9, if it is not 4.
pub(crate) const PRIORITY: &str = "causeway.priority";
/// Milliseconds since the epoch.
pub(crate) const EXPIRES: &str = "causeway.expires";

/// Bytes of names, types and values of all attributes of a message of another protocol.
const ATTRIBUTES_BYTES: usize = LARGEST_MESSAGE;

/// What is to be carried, the most important first.
pub(crate) struct Carried<'h> {
    hub: &'h Hub,
    wishes: Vec<Wish<'h>>,
    lost: u32,
}

struct Wish<'h> {
    name: &'h str,
    said: Said<'h>,
}

enum Said<'h> {
    Text(Cow<'h, str>),
    Number(u64),
    Value(&'h Value),
}

/// An attribute while it is made.
struct Owned<'h> {
    name: &'h str,
    data_type: &'h str,
    content: OwnedContent<'h>,
}

impl<'h> Carried<'h> {
    /// Nothing yet of `hub`.
    pub(crate) fn new(hub: &'h Hub) -> Self {
        Self { hub, wishes: Vec::new(), lost: 0 }
    }

    pub(crate) fn push_text(&mut self, name: &'static str, text: impl Into<Cow<'h, str>>) {
        self.wishes.push(Wish { name, said: Said::Text(text.into()) });
    }

    fn push_number(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.wishes.push(Wish { name, said: Said::Number(number) });
        }
    }

    /// Everything of the hub message but its body. The queue says where it was sent, so `to` is not said again.
    pub(crate) fn push_hub(&mut self) {
        let HubProperties {
            message_id,
            user_id,
            to: _,
            subject,
            reply_to,
            correlation_id,
            content_type,
            content_encoding,
            creation_time,
            group_id,
            group_sequence,
            reply_to_group_id,
        } = &self.hub.properties;
        self.push_texts(&[(CONTENT_TYPE, content_type), (REPLY_TO, reply_to), (SUBJECT, subject)]);
        self.push_id(CORRELATION_ID, correlation_id.as_ref());
        let shown = self.hub.annotations.iter().filter(|(name, _)| !name.starts_with("x-opt-"));
        for (name, value) in self.hub.application_properties.iter().chain(shown) {
            match value {
                Value::Decimal32(_) | Value::Decimal64(_) | Value::Decimal128(_) => self.lost += 1,
                value => self.wishes.push(Wish { name, said: Said::Value(value) }),
            }
        }
        self.push_id(MESSAGE_ID, message_id.as_ref());
        self.push_texts(&[(CONTENT_ENCODING, content_encoding), (REPLY_TO_GROUP_ID, reply_to_group_id)]);
        if let Some(user) = user_id {
            self.push_text(USER_ID, String::from_utf8_lossy(user));
        }
        if let Some(group) = group_id.as_deref().filter(|group| !is_group_id(group)) {
            self.push_text(GROUP_ID, group);
        }
        self.push_number(GROUP_SEQUENCE, group_sequence.map(u64::from));
        self.push_number(CREATION_TIME, creation_time.and_then(|at| u64::try_from(at).ok()));
        let Header { priority, expires, .. } = self.hub.header;
        self.push_number(PRIORITY, Some(priority.into()).filter(|_| priority != Header::default().priority));
        self.push_number(EXPIRES, expires.map(|at| at.0));
    }

    fn push_texts(&mut self, texts: &[(&'static str, &'h Option<String>)]) {
        for (name, text) in texts {
            if let Some(text) = text {
                self.push_text(name, text);
            }
        }
    }

    fn push_id(&mut self, name: &'static str, id: Option<&'h Value>) {
        match id {
            Some(Value::Uuid(_)) => self.push_text(name, id.map(Value::id_text).unwrap_or_default().0),
            Some(id) => self.wishes.push(Wish { name, said: Said::Value(id) }),
            None => {}
        }
    }

    /// The bytes of the properties, and how many were lost.
    pub(crate) fn finish(mut self, digest: Option<Digest>) -> (Vec<u8>, u32) {
        let wishes = std::mem::take(&mut self.wishes);
        // One place is for the rest, if there are too many. If one of few has no form, its own place is free.
        let places = if wishes.len() <= MAX_ATTRIBUTES { MAX_ATTRIBUTES } else { MAX_ATTRIBUTES - 1 };
        let mut kept: Vec<Owned<'_>> = Vec::with_capacity(MAX_ATTRIBUTES);
        let mut rest = Vec::new();
        let mut room = ATTRIBUTES_BYTES;
        for wish in &wishes {
            let is_new = kept.iter().all(|other| other.name != wish.name);
            let form = self.form(wish).filter(|form| is_new && form.size() <= room);
            match form {
                Some(form) if kept.len() < places => {
                    room -= form.size();
                    kept.push(form);
                }
                _ => rest.push(wish),
            }
        }
        let packed = self.pack(&rest, room);
        if !packed.is_empty() {
            let content = OwnedContent::Text(packed.into());
            kept.push(Owned { name: PACKED, data_type: "String.json", content });
        }
        kept.sort_by_key(|attribute| attribute.name);
        let hub = self.hub;
        let annotation = |name: &str| match hub.annotations.iter().find(|(key, _)| key == name) {
            Some((_, Value::String(text))) => Some(text.as_str()),
            _ => None,
        };
        let properties = Properties {
            sender: annotation(SENDER).filter(|sender| is_account(sender)),
            group: hub.properties.group_id.as_deref().filter(|group| is_group_id(group)),
            trace: annotation(TRACE),
            digest,
            attributes: kept.iter().map(Owned::as_attribute).collect(),
        };
        (properties.write(), self.lost)
    }

    /// The attribute that says this, if one can.
    fn form<'w>(&self, wish: &'w Wish<'h>) -> Option<Owned<'w>>
    where
        'h: 'w,
    {
        let name = wish.name;
        let (data_type, content) = match &wish.said {
            Said::Text(text) => ("String", OwnedContent::Text(Cow::Borrowed(text.as_ref()))),
            Said::Number(number) => ("Number", OwnedContent::Text(number.to_string().into())),
            Said::Value(value) => form_of(value)?,
        };
        let is_good = match &content {
            OwnedContent::Text(text) => !text.is_empty() && is_speakable(text),
            OwnedContent::Binary(bytes) => !bytes.is_empty(),
        };
        let label = self.hub.annotations.iter().find(|(key, _)| key.strip_prefix(TYPE_PREFIX) == Some(name));
        let data_type = match label {
            Some((_, Value::String(label))) if is_label_of(data_type, label) => label,
            _ => data_type,
        };
        (is_good && is_attribute_name(name)).then_some(Owned { name, data_type, content })
    }

    /// `{"name":value,…}` of at most `room` bytes; empty if there is nothing.
    fn pack(&mut self, rest: &[&Wish<'_>], room: usize) -> String {
        let mut out = String::new();
        let overhead = PACKED.len() + "String.json".len() + "{}".len();
        for wish in rest {
            let mut entry = String::from(if out.is_empty() { "{" } else { "," });
            Value::String(wish.name.to_owned()).json(&mut entry);
            entry.push(':');
            match &wish.said {
                Said::Text(text) => Value::String(text.clone().into_owned()).json(&mut entry),
                Said::Number(number) => Value::Ulong(*number).json(&mut entry),
                Said::Value(value) => value.json(&mut entry),
            }
            if !is_speakable(&entry) {
                entry = entry.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff");
            }
            if out.len() + entry.len() + overhead <= room {
                out.push_str(&entry);
            } else {
                self.lost += 1;
            }
        }
        if !out.is_empty() {
            out.push('}');
        }
        out
    }
}

impl Owned<'_> {
    fn as_attribute(&self) -> Attribute<'_> {
        Attribute { name: self.name, data_type: self.data_type, content: self.content.as_content() }
    }

    fn size(&self) -> usize {
        self.as_attribute().size()
    }
}

/// Whether a publisher's own label goes with this type: they are of one kind.
fn is_label_of(data_type: &str, label: &str) -> bool {
    const LABEL_BYTES: usize = 256;
    let kind = data_type.split('.').next().unwrap_or_default();
    label.strip_prefix(kind).is_some_and(|rest| rest.starts_with('.')) && label.len() <= LABEL_BYTES
}

/// Takes an attribute that is one of `properties` by its name; false if it is none.
pub(crate) fn take_property(attribute: &Attribute<'_>, value: &Value, properties: &mut HubProperties) -> bool {
    let Content::Text(text) = attribute.content else {
        return match attribute.name {
            CORRELATION_ID => properties.correlation_id.replace(value.clone()).is_none(),
            MESSAGE_ID => properties.message_id.replace(value.clone()).is_none(),
            _ => false,
        };
    };
    let place = match attribute.name {
        CONTENT_TYPE => &mut properties.content_type,
        CONTENT_ENCODING => &mut properties.content_encoding,
        REPLY_TO => &mut properties.reply_to,
        REPLY_TO_GROUP_ID => &mut properties.reply_to_group_id,
        SUBJECT => &mut properties.subject,
        GROUP_ID => &mut properties.group_id,
        USER_ID => {
            properties.user_id = Some(text.to_owned().into());
            return true;
        }
        CORRELATION_ID | MESSAGE_ID => {
            let id = match value {
                Value::Ulong(_) | Value::Uuid(_) => value.clone(),
                _ => Value::String(text.to_owned()),
            };
            let place =
                if attribute.name == MESSAGE_ID { &mut properties.message_id } else { &mut properties.correlation_id };
            *place = Some(id);
            return true;
        }
        CREATION_TIME => return set(&mut properties.creation_time, text),
        GROUP_SEQUENCE => return set(&mut properties.group_sequence, text),
        _ => return false,
    };
    *place = Some(text.to_owned());
    true
}

fn set<T: std::str::FromStr>(place: &mut Option<T>, text: &str) -> bool {
    *place = text.parse().ok();
    place.is_some()
}
