//! The sections from a message's body on: taken apart, and written.

use bytes::{BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

use super::descriptor;
use super::error::Malformed;
use super::format;
use super::rope::Rope;
use super::section::{Section, SectionKind};
use super::write::put_descriptor;

/// One section of a body, or the footer.
#[derive(Clone, Debug, PartialEq)]
pub enum BodyPart {
    /// The bytes, in the pieces they came in.
    Data(SmallVec<[Bytes; 1]>),
    /// A list with its format code.
    Sequence(Bytes),
    /// A value with its format code.
    Value(Bytes),
    /// A map with its format code.
    Footer(Bytes),
}

/// The parts of a body that [`super::scan`] has passed ([`super::Sections::body`]), until the first that is malformed.
pub fn body_parts(pieces: &[Bytes]) -> impl Iterator<Item = BodyPart> {
    let rope = Rope::new(pieces);
    let mut at = 0;
    std::iter::from_fn(move || {
        let section = (at < rope.len()).then(|| Section::at(rope, at)).and_then(Result::ok)?;
        at = section.end;
        Some(match section.kind {
            SectionKind::Data => BodyPart::Data(rope.slice(section.content..section.end)),
            SectionKind::Sequence => BodyPart::Sequence(rope.joined(section.value())),
            SectionKind::Value => BodyPart::Value(rope.joined(section.value())),
            SectionKind::Footer => BodyPart::Footer(rope.joined(section.value())),
            _ => return None,
        })
    })
}

/// Appends what stands before the bytes of a data section.
///
/// # Errors
/// [`TooLong`], and nothing is appended.
pub fn encode_data_head(out: &mut BytesMut, len: usize) -> Result<(), TooLong> {
    let wide = u32::try_from(len).map_err(|_| TooLong(len))?;
    put_descriptor(out, descriptor::DATA);
    match u8::try_from(len) {
        Ok(len) => out.put_slice(&[format::BINARY_8, len]),
        Err(_) => {
            out.put_u8(format::BINARY_32);
            out.put_u32(wide);
        }
    }
    Ok(())
}

/// A body that a 32-bit size cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a body of {0} bytes")]
pub struct TooLong(pub usize);

/// Used where a section is expected to be there and is not.
pub(super) const NO_VALUE: Malformed = Malformed::Missing("amqp-value");
