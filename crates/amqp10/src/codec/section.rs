//! One section of a message (3.2): where it begins and ends, and whether its contents are what they must be.

use std::ops::Range;

use super::descriptor;
use super::error::Malformed;
use super::format;
use super::read::{Budget, check_elements, check_value};
use super::rope::Rope;
use super::value::Kind;
use super::value_ref::{Compound, ValueRef, fixed_width, kind_of, skip, take_byte};

/// The sections in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SectionKind {
    Header,
    DeliveryAnnotations,
    MessageAnnotations,
    Properties,
    ApplicationProperties,
    Data,
    Sequence,
    Value,
    Footer,
}

/// Where a section lies, in bytes of the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    pub(super) kind: SectionKind,
    /// Of the format code behind its descriptor.
    pub(super) value: usize,
    /// Behind the format code, and for binaries and strings the size.
    pub(super) content: usize,
    pub(super) end: usize,
    code: u8,
}

impl SectionKind {
    const fn of(code: u8) -> Option<Self> {
        Some(match code {
            descriptor::HEADER => Self::Header,
            descriptor::DELIVERY_ANNOTATIONS => Self::DeliveryAnnotations,
            descriptor::MESSAGE_ANNOTATIONS => Self::MessageAnnotations,
            descriptor::PROPERTIES => Self::Properties,
            descriptor::APPLICATION_PROPERTIES => Self::ApplicationProperties,
            descriptor::DATA => Self::Data,
            descriptor::SEQUENCE => Self::Sequence,
            descriptor::VALUE => Self::Value,
            descriptor::FOOTER => Self::Footer,
            _ => return None,
        })
    }

    pub(super) const fn is_body(self) -> bool {
        matches!(self, Self::Data | Self::Sequence | Self::Value)
    }
}

impl Section {
    /// The longest way to say what a section is and how long: a symbol as its descriptor, and a size.
    const MAX_OPENING: usize = 64;

    /// The section that begins at `start`, by its descriptor, format code and size alone.
    #[inline]
    pub(super) fn at(rope: Rope<'_>, start: usize) -> Result<Self, Malformed> {
        let mut space = [0; Self::MAX_OPENING];
        let opening = rope.peek(start, &mut space);
        let mut rest = opening;
        let code = descriptor::take("a section", &mut rest).map_err(|error| match error {
            // Longer than any that means something.
            Malformed::Truncated if opening.len() == Self::MAX_OPENING => Malformed::Descriptor("a section"),
            error => error,
        })?;
        let kind = code.and_then(SectionKind::of).ok_or(Malformed::Descriptor("a section"))?;
        let value = start + (opening.len() - rest.len());
        let code = take_byte(&mut rest)?;
        let (sized, len) = match code >> 4 {
            0x0 => (0, described_len(rope, value)? - 1),
            0xa | 0xc | 0xe => (1, take_byte(&mut rest)?.into()),
            0xb | 0xd | 0xf => {
                let size = rest.first_chunk().ok_or(Malformed::Truncated)?;
                (4, u32::from_be_bytes(*size) as usize)
            }
            _ => (0, fixed_width(code).ok_or(Malformed::FormatCode(code))?),
        };
        let content = value + 1 + sized;
        let end = content.checked_add(len).filter(|end| *end <= rope.len()).ok_or(Malformed::Truncated)?;
        Ok(Self { kind, value, content, end, code })
    }

    pub(super) const fn value(&self) -> Range<usize> {
        self.value..self.end
    }

    /// Checks the section with everything in it, but for the header, which is read anyway.
    pub(super) fn check(&self, rope: Rope<'_>, budget: &mut Budget) -> Result<(), Malformed> {
        match (self.kind, self.code) {
            (SectionKind::Header, _) => Ok(()),
            (SectionKind::Data, format::BINARY_8 | format::BINARY_32) => Ok(()),
            (SectionKind::Data, _) => Err(Malformed::Type("data")),
            // These may be long, and are not joined to be looked at.
            (SectionKind::Value, format::BINARY_8 | format::BINARY_32) => Ok(()),
            (SectionKind::Value, format::STRING_8 | format::STRING_32) => self.check_text(rope),
            (SectionKind::Value, _) => check_value(&mut &rope.look(self.value())[..], budget),
            (SectionKind::Sequence, _) => match ValueRef::take(&mut &rope.look(self.value())[..])? {
                ValueRef::List(list) => check_elements(list, budget),
                _ => Err(Malformed::Type("amqp-sequence")),
            },
            (SectionKind::Properties, _) => match ValueRef::take(&mut &rope.look(self.value())[..])? {
                ValueRef::List(list) => check_properties(list),
                _ => Err(Malformed::Type("properties")),
            },
            (SectionKind::ApplicationProperties, _) => match ValueRef::take(&mut &rope.look(self.value())[..])? {
                ValueRef::Map(map) => check_named(map, budget),
                _ => Err(Malformed::Type("application-properties")),
            },
            (SectionKind::DeliveryAnnotations | SectionKind::MessageAnnotations | SectionKind::Footer, _) => {
                match ValueRef::take(&mut &rope.look(self.value())[..])? {
                    ValueRef::Map(map) => check_elements(map, budget),
                    _ => Err(Malformed::Type("annotations")),
                }
            }
        }
    }

    /// Text that may lie in several pieces, and may be cut within a character.
    fn check_text(&self, rope: Rope<'_>) -> Result<(), Malformed> {
        let mut cut: Vec<u8> = Vec::new();
        for (piece, part) in rope.parts(self.content..self.end) {
            let mut part = &piece[part];
            // At most three bytes complete a character.
            while !cut.is_empty() && !part.is_empty() {
                cut.push(part[0]);
                part = &part[1..];
                match str::from_utf8(&cut) {
                    Ok(_) => cut.clear(),
                    Err(error) if error.error_len().is_some() => return Err(Malformed::Utf8),
                    Err(_) => {}
                }
            }
            match str::from_utf8(part) {
                Ok(_) => {}
                Err(error) if error.error_len().is_some() => return Err(Malformed::Utf8),
                Err(error) => cut.extend_from_slice(&part[error.valid_up_to()..]),
            }
        }
        if cut.is_empty() { Ok(()) } else { Err(Malformed::Utf8) }
    }
}

/// The length of a described value at `at`; its end can only be found by walking.
fn described_len(rope: Rope<'_>, at: usize) -> Result<usize, Malformed> {
    let bytes = rope.look(at..rope.len());
    let mut rest = &bytes[..];
    skip(&mut rest)?;
    Ok(bytes.len() - rest.len())
}

/// Checks a map whose keys must be strings; symbols are taken for them.
fn check_named(map: Compound<'_>, budget: &mut Budget) -> Result<(), Malformed> {
    let mut rest = map.bytes;
    for _ in 0..map.count / 2 {
        match rest.first() {
            Some(&(format::STRING_8 | format::STRING_32 | format::SYMBOL_8 | format::SYMBOL_32)) | None => {}
            Some(_) => return Err(Malformed::Type("application-properties")),
        }
        skip(&mut rest)?;
        skip(&mut rest)?;
    }
    check_elements(map, budget)
}

/// The types of 3.2.4; strings and symbols are taken for each other.
fn check_properties(list: Compound<'_>) -> Result<(), Malformed> {
    let mut rest = list.bytes;
    if list.count > 13 {
        return Err(Malformed::TooManyFields("properties"));
    }
    let mut budget = Budget::PROPERTIES;
    for field in 0..list.count {
        let kind = kind_of(*rest.first().ok_or(Malformed::Truncated)?);
        let right = match field {
            0 | 5 => matches!(kind, Some(Kind::Ulong | Kind::Uuid | Kind::Binary | Kind::String)),
            1 => kind == Some(Kind::Binary),
            8 | 9 => kind == Some(Kind::Timestamp),
            11 => kind == Some(Kind::Uint),
            _ => matches!(kind, Some(Kind::String | Kind::Symbol)),
        };
        if !right && kind != Some(Kind::Null) {
            return Err(Malformed::Type("properties"));
        }
        check_value(&mut rest, &mut budget)?;
    }
    if rest.is_empty() { Ok(()) } else { Err(Malformed::CompoundSize) }
}
