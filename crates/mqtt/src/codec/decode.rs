//! Bytes to packets.

use bytes::{Buf, Bytes, BytesMut};

use super::connect;
use super::error::Malformed;
use super::filters::{Filters, Subscriptions};
use super::header::{self, Kind, Lengths, Limits, Role};
use super::packet::{
    ConnAck, Connect, ConnectReturnCode, Packet, PacketId, SubAck, Subscribe, SubscribeReturnCode, Unsubscribe, Version,
};
use super::publish;
use super::reader::Reader;

/// Takes one whole packet off the front of `input`; `None`, with `input` as it was, while it is incomplete.
///
/// `version` is what the connection's CONNECT said; CONNECT itself is judged by its own. After an error
/// `input` is in an unspecified state and the connection is over.
///
/// # Errors
/// The first way in which the packet breaks the specification, as soon as enough of it is there to tell.
#[inline]
pub fn decode(
    input: &mut BytesMut,
    limits: &Limits,
    role: Role,
    version: Version,
) -> Result<Option<Packet>, Malformed> {
    match input.first() {
        Some(first) if first >> 4 == Kind::Publish as u8 => {
            Ok(publish::decode(input, limits, version)?.map(Packet::Publish))
        }
        _ => decode_control(input, limits, role, version),
    }
}

/// Takes a client's first packet off `input`: anything but CONNECT is refused by its first byte, before it is
/// buffered. Otherwise as [`decode`].
///
/// # Errors
/// [`Malformed::ConnectExpected`] \[MQTT-3.1.0-1\], and those of [`decode`].
pub fn decode_first(input: &mut BytesMut, limits: &Limits) -> Result<Option<Connect>, Malformed> {
    match input.first() {
        None => return Ok(None),
        Some(first) if first >> 4 != Kind::Connect as u8 => return Err(Malformed::ConnectExpected),
        Some(_) => {}
    }
    // The version only matters to packets other than CONNECT.
    match header::control(input, limits, Role::Server, Version::V311)? {
        Some((_, lengths)) => connect_packet(input, lengths).map(Some),
        None => Ok(None),
    }
}

fn decode_control(
    input: &mut BytesMut,
    limits: &Limits,
    role: Role,
    version: Version,
) -> Result<Option<Packet>, Malformed> {
    let Some((kind, lengths)) = header::control(input, limits, role, version)? else {
        return Ok(None);
    };
    let packet = match kind {
        Kind::Connect => Packet::Connect(Box::new(connect_packet(input, lengths)?)),
        Kind::ConnAck => Packet::ConnAck(connack(take(input, lengths), version)?),
        Kind::Publish => unreachable!("decoded by its own function"),
        Kind::PubAck => Packet::PubAck(packet_id(kind, input, lengths)?),
        Kind::PubRec => Packet::PubRec(packet_id(kind, input, lengths)?),
        Kind::PubRel => Packet::PubRel(packet_id(kind, input, lengths)?),
        Kind::PubComp => Packet::PubComp(packet_id(kind, input, lengths)?),
        Kind::Subscribe => Packet::Subscribe(subscribe(take(input, lengths), version)?),
        Kind::SubAck => Packet::SubAck(suback(take(input, lengths))?),
        Kind::Unsubscribe => Packet::Unsubscribe(unsubscribe(take(input, lengths))?),
        Kind::UnsubAck => Packet::UnsubAck(packet_id(kind, input, lengths)?),
        Kind::PingReq | Kind::PingResp | Kind::Disconnect => {
            input.advance(lengths.header);
            match kind {
                Kind::PingReq => Packet::PingReq,
                Kind::PingResp => Packet::PingResp,
                _ => Packet::Disconnect,
            }
        }
    };
    Ok(Some(packet))
}

/// The body of the packet at the front of `input`, still in the same buffer.
fn take(input: &mut BytesMut, lengths: Lengths) -> Bytes {
    input.advance(lengths.header);
    input.split_to(lengths.body).freeze()
}

/// Copied: its fields live as long as the connection and must not hold the read buffer.
fn connect_packet(input: &mut BytesMut, lengths: Lengths) -> Result<Connect, Malformed> {
    let first = input[0];
    let body = Bytes::copy_from_slice(&input[lengths.header..lengths.header + lengths.body]);
    input.advance(lengths.header + lengths.body);
    connect::decode(first, body)
}

/// A body of two bytes, which its fixed header has promised.
fn packet_id(kind: Kind, input: &mut BytesMut, lengths: Lengths) -> Result<PacketId, Malformed> {
    let id = u16::from_be_bytes([input[lengths.header], input[lengths.header + 1]]);
    input.advance(lengths.header + lengths.body);
    PacketId::new(id).ok_or(Malformed::ZeroPacketId(kind))
}

fn connack(body: Bytes, version: Version) -> Result<ConnAck, Malformed> {
    let mut reader = Reader::new(Kind::ConnAck, body);
    let flags = match (version, reader.byte()?) {
        (Version::V31, _not_used) => 0,
        (Version::V311, flags) => flags,
    };
    let code = reader.byte()?;
    reader.finish()?;
    if flags > 1 {
        return Err(Malformed::ConnAckFlags(flags));
    }
    let session_present = flags == 1;
    let code = ConnectReturnCode::from_byte(code).ok_or(Malformed::ConnectReturnCode(code))?;
    if session_present && code != ConnectReturnCode::Accepted {
        return Err(Malformed::SessionPresentInRefusal);
    }
    Ok(ConnAck { session_present, code })
}

fn subscribe(body: Bytes, version: Version) -> Result<Subscribe, Malformed> {
    let mut reader = Reader::new(Kind::Subscribe, body);
    let id = reader.packet_id()?;
    Ok(Subscribe { id, subscriptions: Subscriptions::decode(reader.rest(), version)? })
}

fn suback(body: Bytes) -> Result<SubAck, Malformed> {
    let mut reader = Reader::new(Kind::SubAck, body);
    let id = reader.packet_id()?;
    let codes = reader
        .rest()
        .iter()
        .map(|&byte| SubscribeReturnCode::from_byte(byte).ok_or(Malformed::SubscribeReturnCode(byte)))
        .collect::<Result<Vec<_>, _>>()?;
    if codes.is_empty() {
        return Err(Malformed::NoReturnCodes);
    }
    Ok(SubAck { id, codes })
}

fn unsubscribe(body: Bytes) -> Result<Unsubscribe, Malformed> {
    let mut reader = Reader::new(Kind::Unsubscribe, body);
    let id = reader.packet_id()?;
    Ok(Unsubscribe { id, filters: Filters::decode(reader.rest())? })
}
