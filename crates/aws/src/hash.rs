//! MD5 digests of bodies and attributes, as SQS clients check them.

use md5::{Digest as _, Md5};

use crate::properties::{Attribute, Content};

pub(crate) type Digest = [u8; 16];

pub(crate) fn of_bytes(bytes: &[u8]) -> Digest {
    Md5::digest(bytes).into()
}

pub(crate) fn of_body(body: &model::Body) -> Digest {
    let mut hash = Md5::new();
    body.pieces().iter().for_each(|piece| hash.update(piece));
    hash.finalize().into()
}

/// Of attributes in order of name: each of name, type and value with its length in front, and 1 (text) or 2 (binary)
/// before the value.
pub(crate) fn of_attributes<'a>(sorted: impl Iterator<Item = &'a Attribute<'a>>) -> Digest {
    let mut hash = Md5::new();
    for attribute in sorted {
        let (kind, value) = match attribute.content {
            Content::Text(text) => (1, text.as_bytes()),
            Content::Binary(bytes) => (2, bytes),
        };
        update_with_length(&mut hash, attribute.name.as_bytes());
        update_with_length(&mut hash, attribute.data_type.as_bytes());
        hash.update([kind]);
        update_with_length(&mut hash, value);
    }
    hash.finalize().into()
}

fn update_with_length(hash: &mut Md5, bytes: &[u8]) {
    hash.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    hash.update(bytes);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    for (digits, byte) in out[start..].chunks_exact_mut(2).zip(bytes) {
        digits.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

/// A digest in quotes.
pub(crate) fn push_quoted(out: &mut Vec<u8>, digest: &Digest) {
    out.push(b'"');
    push_hex(out, digest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: Digest) -> String {
        let mut out = Vec::new();
        push_hex(&mut out, &digest);
        String::from_utf8(out).unwrap()
    }

    /// RFC 1321 A.5, and digests that AWS answered.
    #[test]
    fn known_digests() {
        assert_eq!(hex(of_bytes(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex(of_bytes(b"message digest")), "f96b697d7cb7938d525a2f31aaf161d0");
        let foo = Attribute { name: "Foo", data_type: "String", content: Content::Text("Bar") };
        assert_eq!(hex(of_attributes([&foo].into_iter())), "ae7155c6026991b6d54b11589678bf9c");
        let own = Attribute { name: "MyAttribute", data_type: "String", content: Content::Text("foobar") };
        assert_eq!(hex(of_attributes([&own].into_iter())), "adb59cd4678ea5a855436b949cd07ab6");
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let trace = Attribute { name: "AWSTraceHeader", data_type: "String", content: Content::Text(trace) };
        assert_ne!(of_attributes([&trace].into_iter()), of_attributes([&own].into_iter()));
    }

    #[test]
    fn a_body_in_pieces_has_the_digest_of_the_whole() {
        let body = ["mess", "age ", "digest"].map(bytes::Bytes::from).into_iter().collect();
        assert_eq!(of_body(&body), of_bytes(b"message digest"));
    }
}
