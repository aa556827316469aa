//! Looking up single properties in the sections before a message's body.

use bytes::Bytes;

use super::error::Malformed;
use super::rope::Rope;
use super::section::{Section, SectionKind};
use super::value_ref::{Compound, ValueRef, skip};

/// The three sections that a message keeps beside its body, where they lie. See [`super::Sections::properties`].
#[derive(Clone, Copy, Debug, Default)]
pub struct PropertySections<'a> {
    /// A map.
    pub message_annotations: Option<Compound<'a>>,
    pub properties: MessageProperties<'a>,
    /// A map.
    pub application_properties: Option<Compound<'a>>,
}

/// The fields of `properties` (3.2.4), each of which is searched for when it is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageProperties<'a>(Option<Compound<'a>>);

impl<'a> PropertySections<'a> {
    /// Looks at sections that [`super::scan`] has passed; of others, those up to the first that is malformed.
    pub fn find(sections: &'a Bytes) -> Self {
        let mut found = Self::default();
        let rope = std::slice::from_ref(sections);
        let rope = Rope::new(rope);
        let mut at = 0;
        while let Ok(section) = Section::at(rope, at) {
            match (section.kind, ValueRef::take(&mut &sections[section.value()])) {
                (SectionKind::MessageAnnotations, Ok(ValueRef::Map(map))) => found.message_annotations = Some(map),
                (SectionKind::Properties, Ok(ValueRef::List(list))) => found.properties = MessageProperties(Some(list)),
                (SectionKind::ApplicationProperties, Ok(ValueRef::Map(map))) => {
                    found.application_properties = Some(map);
                }
                _ => {}
            }
            at = section.end;
        }
        found
    }

    pub fn application_property(&self, name: &str) -> Option<ValueRef<'a>> {
        self.application_properties?.get(name)
    }

    pub fn message_annotation(&self, name: &str) -> Option<ValueRef<'a>> {
        self.message_annotations?.get(name)
    }
}

impl<'a> MessageProperties<'a> {
    /// A ulong, uuid, binary or string.
    pub fn message_id(self) -> Option<ValueRef<'a>> {
        self.field(0)
    }

    pub fn user_id(self) -> Option<&'a [u8]> {
        match self.field(1) {
            Some(ValueRef::Binary(id)) => Some(id),
            _ => None,
        }
    }

    pub fn to(self) -> Option<&'a str> {
        self.text(2)
    }

    pub fn subject(self) -> Option<&'a str> {
        self.text(3)
    }

    pub fn reply_to(self) -> Option<&'a str> {
        self.text(4)
    }

    /// A ulong, uuid, binary or string.
    pub fn correlation_id(self) -> Option<ValueRef<'a>> {
        self.field(5)
    }

    pub fn content_type(self) -> Option<&'a str> {
        self.text(6)
    }

    pub fn content_encoding(self) -> Option<&'a str> {
        self.text(7)
    }

    /// Milliseconds since the epoch.
    pub fn absolute_expiry_time(self) -> Option<i64> {
        self.timestamp(8)
    }

    /// Milliseconds since the epoch.
    pub fn creation_time(self) -> Option<i64> {
        self.timestamp(9)
    }

    pub fn group_id(self) -> Option<&'a str> {
        self.text(10)
    }

    pub fn group_sequence(self) -> Option<u32> {
        match self.field(11) {
            Some(ValueRef::Uint(sequence)) => Some(sequence),
            _ => None,
        }
    }

    pub fn reply_to_group_id(self) -> Option<&'a str> {
        self.text(12)
    }

    fn text(self, field: u32) -> Option<&'a str> {
        self.field(field).and_then(ValueRef::text)
    }

    fn timestamp(self, field: u32) -> Option<i64> {
        match self.field(field) {
            Some(ValueRef::Timestamp(time)) => Some(time),
            _ => None,
        }
    }

    fn field(self, field: u32) -> Option<ValueRef<'a>> {
        let list = self.0.filter(|list| field < list.count)?;
        let mut rest = list.bytes;
        let found: Result<_, Malformed> =
            (0..field).try_for_each(|_| skip(&mut rest)).and_then(|()| ValueRef::take(&mut rest));
        found.ok().filter(|value| *value != ValueRef::Null)
    }
}
