//! Packets to bytes. Everything is appended to a buffer that the caller writes out.

use bytes::{BufMut, BytesMut};

use super::connect::flag;
use super::error::Unencodable;
use super::header::{Kind, MAX_REMAINING};
use super::packet::{ConnAck, Connect, ConnectReturnCode, Packet, PacketId, Qos, SubAck, Subscribe, Version};
use super::publish;

/// Appends `packet`. CONNECT is written in its own version, all others in `version`.
///
/// # Errors
/// Nothing is appended then; see [`Unencodable`].
///
/// # Panics
/// As [`publish_header`].
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) -> Result<(), Unencodable> {
    match packet {
        Packet::Connect(packet) => return connect(packet, out),
        Packet::ConnAck(packet) => connack(*packet, version, out),
        Packet::Publish(packet) => {
            let (topic, payload) = (packet.topic.as_bytes(), &packet.payload);
            publish_header(out, packet.dup, packet.qos, packet.retain, topic, packet.id, payload.len())?;
            out.put_slice(payload);
        }
        Packet::PubAck(id) => puback(out, *id),
        Packet::PubRec(id) => pubrec(out, *id),
        Packet::PubRel(id) => pubrel(out, *id),
        Packet::PubComp(id) => pubcomp(out, *id),
        Packet::Subscribe(packet) => return subscribe(packet, out),
        Packet::SubAck(packet) => return suback(packet, out),
        Packet::Unsubscribe(packet) => {
            let filters = packet.filters.as_bytes();
            start(out, Kind::Unsubscribe, 2 + filters.len())?;
            out.put_u16(packet.id.get());
            out.put_slice(filters);
        }
        Packet::UnsubAck(id) => acknowledge(out, Kind::UnsubAck, *id),
        Packet::PingReq => empty(out, Kind::PingReq),
        Packet::PingResp => ping_response(out),
        Packet::Disconnect => empty(out, Kind::Disconnect),
    }
    Ok(())
}

/// Appends everything of a PUBLISH but its payload of `payload_len` bytes, which is to follow. For a QoS
/// above 0 the packet identifier is the last two bytes, so that a fan-out may copy the header and write
/// other ones over them.
///
/// `topic` is a valid topic name; only its length is checked here.
///
/// # Errors
/// [`Unencodable::FieldTooLong`], [`Unencodable::PacketTooLong`].
///
/// # Panics
/// If there is a packet identifier for QoS 0, or none for a QoS above.
#[inline]
pub fn publish_header(
    out: &mut BytesMut,
    dup: bool,
    qos: Qos,
    retain: bool,
    topic: &[u8],
    id: Option<PacketId>,
    payload_len: usize,
) -> Result<(), Unencodable> {
    assert_eq!(id.is_some(), qos != Qos::AtMostOnce, "a packet identifier belongs to QoS 1 and 2");
    let topic_len = field_len(topic)?;
    let variable = 2 + topic.len() + if id.is_some() { 2 } else { 0 };
    let remaining = variable.saturating_add(payload_len);
    if remaining > MAX_REMAINING {
        return Err(Unencodable::PacketTooLong(remaining));
    }
    let (mut head, used) = fixed_header(publish::first_byte(dup, qos, retain), remaining);
    head[used..used + 2].copy_from_slice(&topic_len.to_be_bytes());
    out.reserve(used + variable);
    out.put_slice(&head[..used + 2]);
    out.put_slice(topic);
    if let Some(id) = id {
        out.put_slice(&id.get().to_be_bytes());
    }
    Ok(())
}

/// Appends PUBACK (3.4).
#[inline]
pub fn puback(out: &mut BytesMut, id: PacketId) {
    acknowledge(out, Kind::PubAck, id);
}

/// Appends PUBREC (3.5).
#[inline]
pub fn pubrec(out: &mut BytesMut, id: PacketId) {
    acknowledge(out, Kind::PubRec, id);
}

/// Appends PUBREL (3.6).
#[inline]
pub fn pubrel(out: &mut BytesMut, id: PacketId) {
    acknowledge(out, Kind::PubRel, id);
}

/// Appends PUBCOMP (3.7).
#[inline]
pub fn pubcomp(out: &mut BytesMut, id: PacketId) {
    acknowledge(out, Kind::PubComp, id);
}

/// Appends PINGRESP (3.13).
#[inline]
pub fn ping_response(out: &mut BytesMut) {
    empty(out, Kind::PingResp);
}

fn connect(packet: &Connect, out: &mut BytesMut) -> Result<(), Unencodable> {
    let Connect { version, clean_session, keep_alive, client_id, will, user_name, password } = packet;
    if password.is_some() && user_name.is_none() {
        return Err(Unencodable::PasswordWithoutUserName);
    }
    let mut flags = if *clean_session { flag::CLEAN_SESSION } else { 0 };
    let mut fields: [Option<&[u8]>; 5] = [Some(client_id.as_bytes()), None, None, None, None];
    if let Some(will) = will {
        flags |= flag::WILL | (will.qos as u8) << flag::WILL_QOS_SHIFT;
        flags |= if will.retain { flag::WILL_RETAIN } else { 0 };
        fields[1] = Some(will.topic.as_bytes());
        fields[2] = Some(&will.payload);
    }
    if let Some(user_name) = user_name {
        flags |= flag::USER_NAME;
        fields[3] = Some(user_name.as_bytes());
    }
    if let Some(password) = password {
        flags |= flag::PASSWORD;
        fields[4] = Some(password);
    }
    let name = version.protocol_name().as_bytes();
    let mut remaining = 2 + name.len() + 1 + 1 + 2;
    for field in fields.into_iter().flatten() {
        field_len(field)?;
        remaining += 2 + field.len();
    }
    start(out, Kind::Connect, remaining)?;
    put_field(out, name)?;
    out.put_u8(version.level());
    out.put_u8(flags);
    out.put_u16(*keep_alive);
    fields.into_iter().flatten().try_for_each(|field| put_field(out, field))
}

fn connack(packet: ConnAck, version: Version, out: &mut BytesMut) {
    let ConnAck { session_present, code } = packet;
    let flags = session_present && code == ConnectReturnCode::Accepted && version != Version::V31;
    out.put_slice(&[Kind::ConnAck.first_byte(), 2, u8::from(flags), code as u8]);
}

fn subscribe(packet: &Subscribe, out: &mut BytesMut) -> Result<(), Unencodable> {
    let size = packet.subscriptions.iter().map(|subscription| 3 + subscription.filter.as_bytes().len()).sum::<usize>();
    start(out, Kind::Subscribe, 2 + size)?;
    out.put_u16(packet.id.get());
    for subscription in packet.subscriptions.iter() {
        put_field(out, subscription.filter.as_bytes())?;
        out.put_u8(subscription.qos as u8);
    }
    Ok(())
}

fn suback(packet: &SubAck, out: &mut BytesMut) -> Result<(), Unencodable> {
    start(out, Kind::SubAck, 2 + packet.codes.len())?;
    out.put_u16(packet.id.get());
    out.extend(packet.codes.iter().map(|code| code.to_byte()));
    Ok(())
}

#[inline]
fn acknowledge(out: &mut BytesMut, kind: Kind, id: PacketId) {
    let [high, low] = id.get().to_be_bytes();
    out.put_slice(&[kind.first_byte(), 2, high, low]);
}

#[inline]
fn empty(out: &mut BytesMut, kind: Kind) {
    out.put_slice(&[kind.first_byte(), 0]);
}

/// Appends a fixed header and makes room for its packet.
fn start(out: &mut BytesMut, kind: Kind, remaining: usize) -> Result<(), Unencodable> {
    if remaining > MAX_REMAINING {
        return Err(Unencodable::PacketTooLong(remaining));
    }
    let (head, used) = fixed_header(kind.first_byte(), remaining);
    out.reserve(used + remaining);
    out.put_slice(&head[..used]);
    Ok(())
}

/// A fixed header of one to four length bytes, how many bytes of it count, and room for a topic's length
/// behind them. `remaining` is at most [`MAX_REMAINING`].
#[inline]
fn fixed_header(first: u8, remaining: usize) -> ([u8; 7], usize) {
    let mut head = [first, 0, 0, 0, 0, 0, 0];
    let mut used = 1;
    let mut left = remaining;
    while left > 0x7f {
        head[used] = (left & 0x7f) as u8 | 0x80;
        left >>= 7;
        used += 1;
    }
    head[used] = left as u8;
    (head, used + 1)
}

fn put_field(out: &mut BytesMut, field: &[u8]) -> Result<(), Unencodable> {
    out.put_u16(field_len(field)?);
    out.put_slice(field);
    Ok(())
}

#[inline]
fn field_len(field: &[u8]) -> Result<u16, Unencodable> {
    u16::try_from(field.len()).map_err(|_| Unencodable::FieldTooLong(field.len()))
}
