//! The sections of a message (3.2), found and checked in one walk and built into nothing.
//!
//! ```text
//!  header, delivery-annotations     for this hop; a broker writes its own
//!  ┌───────────────────────────┐
//!  │ message-annotations       │ ┐
//!  │ properties                │ │ kept beside the body, in one piece
//!  │ application-properties    │ ┘
//!  ├───────────────────────────┤
//!  │ data…, amqp-sequence… or  │ ┐ the body, in the pieces it came in; a long data, string or binary is never joined
//!  │ amqp-value                │ │
//!  │ footer                    │ ┘
//!  └───────────────────────────┘
//! ```

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::composite::open;
use super::descriptor;
use super::error::Malformed;
use super::limits::MAX_BODY_SECTIONS;
use super::list_writer::ListWriter;
use super::read::{Budget, Origin};
use super::rope::Rope;
use super::section::{Section, SectionKind};
use super::value_ref::ValueRef;
use super::write::put_ubyte;

/// A message, cut where a broker cuts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sections {
    /// `None` if there is no such section, which means the same as the default.
    pub header: Option<Header>,
    /// The map of this section with its format code; see [`super::decode_value`].
    pub delivery_annotations: Option<Bytes>,
    /// Message annotations, properties and application properties, whole sections; see [`super::PropertySections`].
    pub properties: Bytes,
    /// The sections of the body and the footer, whole; see [`super::body_parts`].
    pub body: SmallVec<[Bytes; 1]>,
    pub body_kind: BodyKind,
}

/// 3.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub durable: bool,
    pub priority: u8,
    /// Milliseconds.
    pub ttl: Option<u32>,
    pub first_acquirer: bool,
    pub delivery_count: u32,
}

/// What a body consists of (3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyKind {
    /// No section; the specification demands one, and some peers leave it out.
    #[default]
    None = 0,
    /// One data section.
    Data = 1,
    /// Several of them.
    ManyData = 2,
    /// Some amqp-sequence sections.
    Sequence = 3,
    /// One amqp-value.
    Value = 4,
}

/// Finds and checks all sections of the message that `pieces` are.
///
/// # Errors
/// Whatever is wrong with any of them.
pub fn scan(pieces: &[Bytes]) -> Result<Sections, Malformed> {
    let rope = Rope::new(pieces);
    let (mut before_body, mut from_body) = (Budget::PROPERTIES, Budget::MESSAGE);
    let mut header = None;
    let mut delivery_annotations = None;
    let (mut kept, mut body) = (None, None);
    let mut body_kind = BodyKind::None;
    let mut order = Order::default();
    let mut at = 0;
    while at < rope.len() {
        let section = Section::at(rope, at)?;
        order.next(section.kind)?;
        let is_before = section.kind < SectionKind::Data;
        section.check(rope, if is_before { &mut before_body } else { &mut from_body })?;
        match section.kind {
            SectionKind::Header => header = Some(Header::read(&rope.look(section.value()))?),
            SectionKind::DeliveryAnnotations => delivery_annotations = Some(rope.joined(section.value())),
            SectionKind::MessageAnnotations | SectionKind::Properties | SectionKind::ApplicationProperties => {
                kept.get_or_insert(at);
            }
            SectionKind::Data | SectionKind::Sequence | SectionKind::Value | SectionKind::Footer => {
                body.get_or_insert(at);
                body_kind = body_kind.with(section.kind);
            }
        }
        at = section.end;
    }
    let body = body.unwrap_or(rope.len());
    Ok(Sections {
        header,
        delivery_annotations,
        properties: rope.joined(kept.unwrap_or(body)..body),
        body: rope.slice(body..rope.len()),
        body_kind,
    })
}

impl Header {
    fn read(list: &[u8]) -> Result<Self, Malformed> {
        let mut budget = Budget::PERFORMATIVE;
        let mut fields = open("header", ValueRef::take(&mut { list })?, Origin::Borrowed, &mut budget)?;
        let header = Self {
            durable: fields.flag("durable")?,
            priority: fields.ubyte("priority")?.unwrap_or(Self::default().priority),
            ttl: fields.uint("ttl")?,
            first_acquirer: fields.flag("first-acquirer")?,
            delivery_count: fields.uint("delivery-count")?.unwrap_or(0),
        };
        fields.finish()?;
        Ok(header)
    }

    /// Appends the section; nothing if it would say nothing.
    #[inline]
    pub fn encode(&self, out: &mut BytesMut) {
        let default = Self::default();
        if *self == default {
            return;
        }
        let mut list = ListWriter::new(out, descriptor::HEADER);
        list.flag(self.durable);
        list.option(Some(self.priority).filter(|priority| *priority != default.priority), put_ubyte);
        list.uint(self.ttl);
        list.flag(self.first_acquirer);
        list.uint_unless(0, self.delivery_count);
        list.finish();
    }
}

impl Default for Header {
    fn default() -> Self {
        Self { durable: false, priority: 4, ttl: None, first_acquirer: false, delivery_count: 0 }
    }
}

impl BodyKind {
    const fn with(self, section: SectionKind) -> Self {
        match (section, self) {
            (SectionKind::Data, Self::None) => Self::Data,
            (SectionKind::Data, _) => Self::ManyData,
            (SectionKind::Sequence, _) => Self::Sequence,
            (SectionKind::Value, _) => Self::Value,
            (_, kind) => kind,
        }
    }

    /// The kind with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::None,
            1 => Self::Data,
            2 => Self::ManyData,
            3 => Self::Sequence,
            4 => Self::Value,
            _ => return None,
        })
    }
}

/// Sections stand in their order; only data and amqp-sequence may come again, and a body is of one kind (3.2).
#[derive(Default)]
pub(super) struct Order {
    last: Option<SectionKind>,
    bodies: usize,
}

impl Order {
    pub(super) fn next(&mut self, kind: SectionKind) -> Result<(), Malformed> {
        let again = matches!(kind, SectionKind::Data | SectionKind::Sequence) && self.last == Some(kind);
        let mixed = kind.is_body() && self.last.is_some_and(SectionKind::is_body);
        if !again && (mixed || self.last.is_some_and(|last| kind <= last)) {
            return Err(Malformed::SectionOrder);
        }
        self.last = Some(kind);
        self.bodies += usize::from(kind.is_body());
        if self.bodies > MAX_BODY_SECTIONS { Err(Malformed::TooManySections) } else { Ok(()) }
    }
}
