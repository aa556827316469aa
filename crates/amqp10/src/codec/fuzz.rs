//! What fuzzing and the replay of its corpus run.

use bytes::{Bytes, BytesMut};

use super::frame::{Frame, decode, decode_sasl, encode, encode_sasl};
use super::header::{HEADER_LEN, ProtocolHeader, ProtocolId};
use super::read::{Budget, check_value};
use super::{
    BodyPart, Compound, Coordination, Limits, Malformed, PropertySections, SaslFrame, Sections, body_parts,
    decode_value, encode_value, scan,
};

const LIMITS: Limits = Limits { max_frame: 1 << 20 };

/// One thing in a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Unit {
    Header(ProtocolId),
    Sasl(SaslFrame),
    Frame(Frame),
}

/// What ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    UnknownHeader,
    Malformed(Malformed),
}

/// Decodes `data` as a stream, as a value and as a message, and panics if the codec contradicts itself.
pub fn run(data: &[u8]) {
    stream(data);
    let bytes = Bytes::copy_from_slice(data);
    value(&bytes);
    message(&bytes);
}

/// Protocol headers and frames until there are no more, and what ended the stream.
pub fn decode_all(data: &[u8]) -> (Vec<Unit>, Option<End>) {
    let mut units = Vec::new();
    let mut layer = None;
    let end = drain(&mut BytesMut::from(data), &mut layer, &mut units).err();
    (units, end)
}

/// Appends what [`decode_all`] has found.
pub fn encode_all(units: &[Unit], out: &mut BytesMut) {
    for unit in units {
        match unit {
            Unit::Header(id) => out.extend_from_slice(&id.header()),
            Unit::Sasl(frame) => encode_sasl(out, frame),
            Unit::Frame(Frame { channel, performative: Some(performative), payload }) => {
                encode(out, *channel, performative, payload);
            }
            Unit::Frame(Frame { channel, performative: None, .. }) => {
                let [high, low] = channel.to_be_bytes();
                out.extend_from_slice(&[0, 0, 0, 8, 2, 0, high, low]);
            }
        }
    }
}

fn stream(data: &[u8]) {
    let (units, end) = decode_all(data);
    assert_eq!(
        format!("{:?}", (&units, end)),
        format!("{:?}", decode_in_pieces(data)),
        "the result depends on how the bytes arrive"
    );
    let mut bytes = BytesMut::new();
    encode_all(&units, &mut bytes);
    let (again, end) = decode_all(&bytes);
    assert_eq!(end, None, "what was decoded can be encoded");
    let mut twice = BytesMut::new();
    encode_all(&again, &mut twice);
    assert_eq!(twice, bytes, "encoding and decoding give the same frames");
    for unit in units {
        if let Unit::Frame(frame) = unit
            && !frame.payload.is_empty()
        {
            message(&frame.payload);
        }
    }
}

/// Pieces of 1 to 16 bytes; how long each one is, the data itself decides.
fn decode_in_pieces(data: &[u8]) -> (Vec<Unit>, Option<End>) {
    let mut units = Vec::new();
    let mut layer = None;
    let mut input = BytesMut::new();
    for piece in pieces(data) {
        input.extend_from_slice(&piece);
        if let Err(end) = drain(&mut input, &mut layer, &mut units) {
            return (units, Some(end));
        }
    }
    (units, None)
}

fn pieces(data: &[u8]) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut rest = data;
    while let Some(&first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(first % 16)));
        pieces.push(Bytes::copy_from_slice(piece));
        rest = after;
    }
    pieces
}

/// A header opens a layer; behind SASL's outcome, and nowhere else, comes another one.
fn drain(input: &mut BytesMut, layer: &mut Option<ProtocolId>, units: &mut Vec<Unit>) -> Result<(), End> {
    loop {
        let before = input.len();
        let unit = match layer {
            None => match ProtocolHeader::peek(input) {
                ProtocolHeader::Incomplete => None,
                ProtocolHeader::Unknown => return Err(End::UnknownHeader),
                ProtocolHeader::Known(id) => {
                    let _ = input.split_to(HEADER_LEN);
                    *layer = Some(id).filter(|id| *id != ProtocolId::Tls);
                    Some(Unit::Header(id))
                }
            },
            Some(ProtocolId::Sasl) => {
                // A client does not send the outcome: behind its frames it sends the next header.
                if input.first() == Some(&b'A') {
                    *layer = None;
                    continue;
                }
                decode_sasl(input).map_err(End::Malformed)?.map(Unit::Sasl)
            }
            Some(_) => decode(input, &LIMITS).map_err(End::Malformed)?.map(Unit::Frame),
        };
        let Some(unit) = unit else {
            assert_eq!(input.len(), before, "what is incomplete stays where it is");
            return Ok(());
        };
        assert!(input.len() < before);
        units.push(unit);
    }
}

fn value(bytes: &Bytes) {
    let mut rest = &bytes[..];
    let checked = check_value(&mut rest, &mut { Budget::MESSAGE });
    let decoded = decode_value(bytes);
    match (&checked, &decoded) {
        (Ok(()), Ok(_)) => assert!(rest.is_empty()),
        (Ok(()), Err(error)) => assert!(!rest.is_empty(), "{error} after a check that found nothing"),
        (Err(one), Err(other)) => assert_eq!(one, other),
        (Err(error), Ok(_)) => panic!("decoded in spite of {error}"),
    }
    if let Ok(value) = decoded {
        let (mut once, mut twice) = (BytesMut::new(), BytesMut::new());
        encode_value(&value, &mut once);
        let again = decode_value(&once.clone().freeze()).expect("what was decoded can be encoded");
        encode_value(&again, &mut twice);
        assert_eq!(once, twice, "encoding and decoding give the same value");
    }
}

fn message(bytes: &Bytes) {
    let whole = scan(std::slice::from_ref(bytes));
    let pieces = pieces(bytes);
    let parted = scan(&pieces);
    match (&whole, &parted) {
        (Ok(whole), Ok(parted)) => {
            assert_eq!(parts_of(whole), parts_of(parted), "the result depends on how the message arrived");
            built(whole);
            built(parted);
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (whole, parted) => panic!("{whole:?} in one piece, {parted:?} in many"),
    }
    let whole = Coordination::decode(std::slice::from_ref(bytes)).map(|message| format!("{message:?}"));
    assert_eq!(whole, Coordination::decode(&pieces).map(|message| format!("{message:?}")));
}

fn parts_of(sections: &Sections) -> impl PartialEq + std::fmt::Debug {
    let Sections { header, delivery_annotations, properties, body, body_kind } = sections;
    (*header, delivery_annotations.clone(), properties.clone(), body.concat(), *body_kind)
}

/// All that a scan has passed can be built.
fn built(sections: &Sections) {
    let fine = |bytes: &Bytes| assert!(decode_value(bytes).is_ok(), "a section was passed that is no value");
    sections.delivery_annotations.iter().for_each(fine);
    let found = PropertySections::find(&sections.properties);
    let maps = [found.message_annotations, found.application_properties];
    for map in maps.into_iter().flatten() {
        assert_eq!(map.elements().count(), map.count as usize);
    }
    let names = found.application_properties.into_iter().flat_map(Compound::elements).step_by(2);
    for name in names.filter_map(super::ValueRef::text) {
        assert!(found.application_property(name).is_some());
    }
    let mut len = 0;
    for part in body_parts(&sections.body) {
        match part {
            BodyPart::Data(pieces) => len += pieces.iter().map(Bytes::len).sum::<usize>(),
            BodyPart::Sequence(bytes) | BodyPart::Value(bytes) | BodyPart::Footer(bytes) => {
                fine(&bytes);
                len += bytes.len();
            }
        }
    }
    let all = sections.body.iter().map(Bytes::len).sum::<usize>();
    assert!(len <= all && (len > 0 || sections.body_kind as u8 <= 2));
}
