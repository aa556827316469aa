//! SQS's own form of a message's properties: what its sender gave beside the body.
//!
//! ```text
//! version = 1, then fields, each once except attributes, which are in order of name:
//! 1 sender     length u8,  text: the account that sent it
//! 2 group      length u8,  text: MessageGroupId
//! 3 trace      length u32, text: AWSTraceHeader
//! 4 digest     16 bytes: MD5 of the body
//! 5 text       name (length u16), type (length u16), value (length u32)
//! 6 binary     the same
//! ```
//! Lengths are little-endian. Written to disk: the version changes with the layout.

/// Something that a sender said of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    /// `String`, `Number` or `Binary`, perhaps with `.` and a label.
    pub(crate) data_type: &'a str,
    pub(crate) content: Content<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// All properties of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Properties<'a> {
    pub(crate) sender: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
    pub(crate) digest: Option<[u8; 16]>,
    /// In order of name.
    pub(crate) attributes: Vec<Attribute<'a>>,
}

const VERSION: u8 = 1;

/// One property, as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Sender(&'a str),
    Group(&'a str),
    Trace(&'a str),
    Digest([u8; 16]),
    Attribute(Attribute<'a>),
}

impl<'a> Properties<'a> {
    /// Reads what can be read: bytes that are not of this form (a damaged disk) end it.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        let mut properties = Self::default();
        for field in fields(bytes) {
            match field {
                Field::Sender(text) => properties.sender = Some(text),
                Field::Group(text) => properties.group = Some(text),
                Field::Trace(text) => properties.trace = Some(text),
                Field::Digest(digest) => properties.digest = Some(digest),
                Field::Attribute(attribute) => properties.attributes.push(attribute),
            }
        }
        properties
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let text = [self.sender, self.group, self.trace];
        let fixed = 1 + 16 + 1 + text.iter().flatten().map(|text| text.len() + 5).sum::<usize>();
        let length = |a: &Attribute<'_>| 9 + a.name.len() + a.data_type.len() + a.content.as_bytes().len();
        let mut out = Vec::with_capacity(fixed + self.attributes.iter().map(length).sum::<usize>());
        out.push(VERSION);
        for (tag, text) in [(1, self.sender), (2, self.group)] {
            if let Some(text) = text {
                out.push(tag);
                out.push(u8::try_from(text.len()).expect("accounts and group ids are checked to be short"));
                out.extend_from_slice(text.as_bytes());
            }
        }
        if let Some(text) = self.trace {
            out.push(3);
            push_long(&mut out, text.as_bytes());
        }
        if let Some(digest) = &self.digest {
            out.push(4);
            out.extend_from_slice(digest);
        }
        for attribute in &self.attributes {
            out.push(if matches!(attribute.content, Content::Text(_)) { 5 } else { 6 });
            push_short(&mut out, attribute.name);
            push_short(&mut out, attribute.data_type);
            push_long(&mut out, attribute.content.as_bytes());
        }
        out
    }
}

impl<'a> Content<'a> {
    pub(crate) fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl Attribute<'_> {
    /// Bytes that count against the size of a message.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.data_type.len() + self.content.as_bytes().len()
    }
}

fn push_short(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).expect("names and types are checked to be short").to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn push_long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).expect("a request is shorter than 4 GiB").to_le_bytes());
    out.extend_from_slice(bytes);
}

/// The fields in their order, without allocation; ends at the first byte that is wrong.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = match bytes.split_first() {
        Some((&VERSION, rest)) => rest,
        _ => &[],
    };
    std::iter::from_fn(move || {
        let field = take_field(&mut rest);
        if field.is_none() {
            rest = &[];
        }
        field
    })
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let tag = rest.split_off_first()?;
    Some(match tag {
        1 => Field::Sender(take_text::<1>(rest)?),
        2 => Field::Group(take_text::<1>(rest)?),
        3 => Field::Trace(take_text::<4>(rest)?),
        4 => Field::Digest(rest.split_off(..16)?.try_into().ok()?),
        5 | 6 => {
            let (name, data_type) = (take_text::<2>(rest)?, take_text::<2>(rest)?);
            let content =
                if *tag == 5 { Content::Text(take_text::<4>(rest)?) } else { Content::Binary(take::<4>(rest)?) };
            Field::Attribute(Attribute { name, data_type, content })
        }
        _ => return None,
    })
}

fn take_text<'a, const LENGTH: usize>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take::<LENGTH>(rest)?).ok()
}

/// Bytes behind their length, which has `LENGTH` bytes itself.
fn take<'a, const LENGTH: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = [0; 8];
    length[..LENGTH].copy_from_slice(rest.split_off(..LENGTH)?);
    rest.split_off(..usize::try_from(u64::from_le_bytes(length)).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn properties_are_read_back(
            sender in proptest::option::of("[0-9]{12}"), group in proptest::option::of("[!-~]{1,128}"),
            trace in proptest::option::of("\\PC{0,40}"), digest: Option<[u8; 16]>,
            attributes in proptest::collection::vec(("\\PC{1,20}", "[A-Z.a-z]{1,9}", any::<Vec<u8>>(), "\\PC*", any::<bool>()), 0..10),
            cut: proptest::sample::Index,
        ) {
            let attributes = attributes.iter().map(|(name, data_type, bytes, text, binary)| Attribute {
                name, data_type, content: if *binary { Content::Binary(bytes) } else { Content::Text(text) },
            }).collect();
            let (sender, group, trace) = (sender.as_deref(), group.as_deref(), trace.as_deref());
            let properties = Properties { sender, group, trace, digest, attributes };
            let bytes = properties.write();
            prop_assert_eq!(&Properties::read(&bytes), &properties);
            let cut = Properties::read(&bytes[..cut.index(bytes.len())]);
            prop_assert!(properties.attributes.starts_with(&cut.attributes));
        }

        #[test]
        fn any_bytes_are_read_without_harm(mut bytes: Vec<u8>) {
            Properties::read(&bytes);
            bytes.insert(0, VERSION);
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }
}
