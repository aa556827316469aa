//! Writing the sections before a message's body.

use bytes::{Bytes, BytesMut};

use super::descriptor;
use super::list_writer::ListWriter;
use super::text::{Symbol, Text};
use super::value::{Map, Value};
use super::write::{encode_value, put_descriptor, put_list, put_map, put_string, put_timestamp};

/// The section `properties` (3.2.4), to be written; [`super::MessageProperties`] reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    /// A ulong, uuid, binary or string.
    pub message_id: Option<Value>,
    pub user_id: Option<Bytes>,
    pub to: Option<Text>,
    pub subject: Option<Text>,
    pub reply_to: Option<Text>,
    /// A ulong, uuid, binary or string.
    pub correlation_id: Option<Value>,
    pub content_type: Option<Symbol>,
    pub content_encoding: Option<Symbol>,
    /// Milliseconds since the epoch.
    pub absolute_expiry_time: Option<i64>,
    /// Milliseconds since the epoch.
    pub creation_time: Option<i64>,
    pub group_id: Option<Text>,
    pub group_sequence: Option<u32>,
    pub reply_to_group_id: Option<Text>,
}

impl Properties {
    /// Appends the section; nothing if no field is set.
    pub fn encode(&self, out: &mut BytesMut) {
        if *self == Self::default() {
            return;
        }
        let mut list = ListWriter::new(out, descriptor::PROPERTIES);
        list.value(self.message_id.as_ref());
        list.binary(self.user_id.as_deref());
        list.string(self.to.as_ref());
        list.string(self.subject.as_ref());
        list.string(self.reply_to.as_ref());
        list.value(self.correlation_id.as_ref());
        list.symbol(self.content_type.as_ref());
        list.symbol(self.content_encoding.as_ref());
        list.option(self.absolute_expiry_time, put_timestamp);
        list.option(self.creation_time, put_timestamp);
        list.string(self.group_id.as_ref());
        list.uint(self.group_sequence);
        list.string(self.reply_to_group_id.as_ref());
        list.finish();
    }
}

/// Appends a section of delivery annotations; nothing if there are none.
pub fn encode_delivery_annotations(out: &mut BytesMut, annotations: &Map) {
    put_map_section(out, descriptor::DELIVERY_ANNOTATIONS, annotations);
}

/// Appends a section of message annotations; nothing if there are none.
pub fn encode_message_annotations(out: &mut BytesMut, annotations: &Map) {
    put_map_section(out, descriptor::MESSAGE_ANNOTATIONS, annotations);
}

/// Appends a section of application properties, whose keys are strings; nothing if there are none.
pub fn encode_application_properties(out: &mut BytesMut, properties: &Map) {
    put_map_section(out, descriptor::APPLICATION_PROPERTIES, properties);
}

/// Appends a footer; nothing if it would be empty.
pub fn encode_footer(out: &mut BytesMut, footer: &Map) {
    put_map_section(out, descriptor::FOOTER, footer);
}

/// Appends an amqp-sequence section.
pub fn encode_sequence(out: &mut BytesMut, items: &[Value]) {
    put_descriptor(out, descriptor::SEQUENCE);
    put_list(out, items);
}

/// Appends an amqp-value section.
pub fn encode_amqp_value(out: &mut BytesMut, value: &Value) {
    put_descriptor(out, descriptor::VALUE);
    encode_value(value, out);
}

/// Appends an amqp-value section with a string.
pub fn encode_text(out: &mut BytesMut, text: &str) {
    put_descriptor(out, descriptor::VALUE);
    put_string(out, text.as_bytes());
}

fn put_map_section(out: &mut BytesMut, code: u8, map: &Map) {
    if !map.is_empty() {
        put_descriptor(out, code);
        put_map(out, map);
    }
}
