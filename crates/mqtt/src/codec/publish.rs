//! PUBLISH on the way in: the hot path, without a copy or an allocation.

use bytes::{Buf, Bytes, BytesMut};

use super::error::Malformed;
use super::header::{Kind, Lengths, Limits};
use super::packet::{PacketId, Publish, Qos, Version};
use super::reader::split_field;
use super::text::{TopicName, check_topic_name};

const DUP: u8 = 1 << 3;
const QOS_SHIFT: u8 = 1;
const RETAIN: u8 = 1;

/// A PUBLISH where it lies in the read buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishView<'a> {
    pub dup: bool,
    pub qos: Qos,
    pub retain: bool,
    /// A valid topic name.
    pub topic: &'a [u8],
    /// There if and only if the QoS is above 0 \[MQTT-2.3.1-5\].
    pub id: Option<PacketId>,
    /// The last bytes of the packet.
    pub payload: &'a [u8],
    /// Bytes of the whole packet: what to take off the buffer afterwards.
    pub len: usize,
}

/// Reads the PUBLISH at the front of `input` without taking it off, for callers that need neither its topic
/// nor its payload beyond the buffer: this touches no reference count. `None` while the packet is
/// incomplete, and if it is another one, for which [`super::decode`] is there.
///
/// # Errors
/// As [`super::decode`].
#[inline]
pub fn peek_publish<'a>(
    input: &'a [u8],
    limits: &Limits,
    version: Version,
) -> Result<Option<PublishView<'a>>, Malformed> {
    let Some(&first) = input.first() else {
        return Ok(None);
    };
    if first >> 4 != Kind::Publish as u8 {
        return Ok(None);
    }
    let Some(qos) = Qos::from_bits(first >> QOS_SHIFT & 0b11) else {
        return Err(Malformed::PublishQos);
    };
    if first & DUP != 0 && qos == Qos::AtMostOnce && version != Version::V31 {
        return Err(Malformed::DupWithoutQos);
    }
    let Some(lengths) = Lengths::read(input)? else {
        return Ok(None);
    };
    let lengths = lengths.within(limits)?;
    let len = lengths.header + lengths.body;
    let Some(body) = input.get(lengths.header..len) else {
        return Ok(None);
    };
    let truncated = Malformed::Truncated(Kind::Publish);
    let (topic, rest) = split_field(body).ok_or(truncated)?;
    check_topic_name(topic)?;
    let (id, payload) = if qos == Qos::AtMostOnce {
        (None, rest)
    } else {
        let (id, payload) = rest.split_first_chunk::<2>().ok_or(truncated)?;
        let id = PacketId::new(u16::from_be_bytes(*id)).ok_or(Malformed::ZeroPacketId(Kind::Publish))?;
        (Some(id), payload)
    };
    Ok(Some(PublishView {
        dup: first & DUP != 0 && qos != Qos::AtMostOnce,
        qos,
        retain: first & RETAIN != 0,
        topic,
        id,
        payload,
        len,
    }))
}

/// Takes the PUBLISH at the front of `input` off it. `None` while it is incomplete.
#[inline]
pub(super) fn decode(input: &mut BytesMut, limits: &Limits, version: Version) -> Result<Option<Publish>, Malformed> {
    let Some(view) = peek_publish(input, limits, version)? else {
        return Ok(None);
    };
    let PublishView { dup, qos, retain, id, .. } = view;
    let (topic, payload, len) = (view.topic.len(), view.payload.len(), view.len);
    let id_len = if id.is_some() { 2 } else { 0 };
    input.advance(len - payload - id_len - topic);
    let topic = TopicName::checked(input.split_to(topic).freeze());
    input.advance(id_len);
    let payload = if payload == 0 { Bytes::new() } else { input.split_to(payload).freeze() };
    Ok(Some(Publish { dup, qos, retain, topic, id, payload }))
}

/// The first byte of a PUBLISH (3.3.1).
pub(super) const fn first_byte(dup: bool, qos: Qos, retain: bool) -> u8 {
    Kind::Publish.first_byte() | (dup as u8 * DUP) | ((qos as u8) << QOS_SHIFT) | (retain as u8 * RETAIN)
}
