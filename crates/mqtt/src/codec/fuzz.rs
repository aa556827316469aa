//! What fuzzing and the replay of its corpus run.

use bytes::BytesMut;

use super::{Limits, Malformed, Packet, Role, Version, decode, decode_first, encode, needed, peek_publish};

const LIMITS: Limits = Limits { max_packet: 1 << 20 };

/// Decodes `data` for both sides and versions, and panics if the codec contradicts itself.
pub fn run(data: &[u8]) {
    for version in [Version::V31, Version::V311] {
        for role in [Role::Server, Role::Client] {
            let whole = decode_all(data, role, version);
            assert_eq!(whole, decode_in_pieces(data, role, version), "the result depends on how the bytes arrive");
            for packet in &whole.0 {
                encoded_again(packet, role, version);
            }
        }
    }
    first_packet(data);
}

/// Packets until there are no more, and what ended the stream.
pub fn decode_all(data: &[u8], role: Role, version: Version) -> (Vec<Packet>, Option<Malformed>) {
    let mut packets = Vec::new();
    let end = drain(&mut BytesMut::from(data), role, version, &mut packets).err();
    (packets, end)
}

/// Pieces of 1 to 16 bytes; how long each one is, the data itself decides.
fn decode_in_pieces(data: &[u8], role: Role, version: Version) -> (Vec<Packet>, Option<Malformed>) {
    let mut packets = Vec::new();
    let mut input = BytesMut::new();
    let mut rest = data;
    while let Some(&first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(first % 16)));
        input.extend_from_slice(piece);
        rest = after;
        if let Err(end) = drain(&mut input, role, version, &mut packets) {
            return (packets, Some(end));
        }
    }
    (packets, None)
}

fn drain(input: &mut BytesMut, role: Role, version: Version, packets: &mut Vec<Packet>) -> Result<(), Malformed> {
    loop {
        let before = input.len();
        let size = needed(input);
        let view = peek_publish(input, &LIMITS, version)?.map(|view| (view.len, view.id, view.payload.to_vec()));
        let Some(packet) = decode(input, &LIMITS, role, version)? else {
            assert_eq!(input.len(), before, "an incomplete packet stays where it is");
            assert!(size.is_none_or(|size| size > before), "a complete packet is not left lying");
            return Ok(());
        };
        assert_eq!(size, Some(before - input.len()), "a packet takes exactly its own bytes");
        if let Packet::Publish(publish) = &packet {
            assert_eq!(view, Some((before - input.len(), publish.id, publish.payload.to_vec())));
        }
        packets.push(packet);
    }
}

fn encoded_again(packet: &Packet, role: Role, version: Version) {
    let mut bytes = BytesMut::new();
    encode(packet, version, &mut bytes).expect("what was decoded can be encoded");
    let size = bytes.len();
    assert_eq!(needed(&bytes), Some(size));
    let again = decode_all(&bytes, role, version);
    assert_eq!(again, (vec![packet.clone()], None), "encoding and decoding give the same packet");
}

fn first_packet(data: &[u8]) {
    let first = decode_first(&mut BytesMut::from(data), &LIMITS);
    let any = decode(&mut BytesMut::from(data), &LIMITS, Role::Server, Version::V311);
    match (first, any) {
        (Ok(Some(connect)), Ok(Some(Packet::Connect(same)))) => assert_eq!(connect, *same),
        (Err(Malformed::ConnectExpected), any) => assert!(!matches!(any, Ok(Some(Packet::Connect(_))))),
        (Ok(None), Ok(None)) => {}
        (Err(one), Err(other)) => assert_eq!(one, other),
        (first, any) => panic!("{first:?} beside {any:?}"),
    }
}
