//! Packets as a client makes them, and what it sees in answer.

use bytes::{Bytes, BytesMut};
use mqtt::codec::{
    ConnAck, Connect, ConnectReturnCode, Filters, Packet, PacketId, Publish, Qos, SubAck, Subscribe,
    SubscribeReturnCode, Subscription, Subscriptions, Text, TopicFilter, TopicName, Unsubscribe, Version, Will, encode,
};

pub(crate) use mqtt::codec::Qos::{AtLeastOnce as Q1, AtMostOnce as Q0, ExactlyOnce as Q2};

pub(crate) fn bytes_of(packet: &Packet, version: Version) -> BytesMut {
    let mut out = BytesMut::new();
    encode(packet, version, &mut out).unwrap();
    out
}

/// A clean session that speaks 3.1.1, without keep-alive.
pub(crate) fn clean(client: &str) -> Connect {
    Connect {
        version: Version::V311,
        clean_session: true,
        keep_alive: 0,
        client_id: Text::new(Bytes::copy_from_slice(client.as_bytes())).unwrap(),
        will: None,
        user_name: None,
        password: None,
    }
}

/// The same with a session that is kept.
pub(crate) fn kept(client: &str) -> Connect {
    Connect { clean_session: false, ..clean(client) }
}

pub(crate) fn will(topic: &str, payload: &str, qos: Qos, retain: bool) -> Option<Will> {
    let topic = TopicName::new(Bytes::copy_from_slice(topic.as_bytes())).unwrap();
    Some(Will { qos, retain, topic, payload: Bytes::copy_from_slice(payload.as_bytes()) })
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

pub(crate) fn publish(topic: &str, qos: Qos, packet: u16, payload: impl Into<Vec<u8>>) -> Packet {
    Packet::Publish(publication(topic, qos, packet, payload))
}

pub(crate) fn retained(topic: &str, qos: Qos, packet: u16, payload: impl Into<Vec<u8>>) -> Packet {
    Packet::Publish(Publish { retain: true, ..publication(topic, qos, packet, payload) })
}

pub(crate) fn again(topic: &str, qos: Qos, packet: u16, payload: impl Into<Vec<u8>>) -> Packet {
    Packet::Publish(Publish { dup: true, ..publication(topic, qos, packet, payload) })
}

pub(crate) fn publication(topic: &str, qos: Qos, packet: u16, payload: impl Into<Vec<u8>>) -> Publish {
    let topic = TopicName::new(Bytes::copy_from_slice(topic.as_bytes())).unwrap();
    let id = (qos != Q0).then(|| id(packet));
    Publish { dup: false, qos, retain: false, topic, id, payload: Bytes::from(payload.into()) }
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

pub(crate) fn subscribe(packet: u16, filters: &[(&str, Qos)]) -> Packet {
    let list: Vec<_> = filters.iter().map(|(text, qos)| Subscription { filter: filter(text), qos: *qos }).collect();
    Packet::Subscribe(Subscribe { id: id(packet), subscriptions: Subscriptions::new(&list).unwrap() })
}

pub(crate) fn unsubscribe(packet: u16, filters: &[&str]) -> Packet {
    let list: Vec<_> = filters.iter().map(|text| filter(text)).collect();
    Packet::Unsubscribe(Unsubscribe { id: id(packet), filters: Filters::new(&list).unwrap() })
}

/// `code` is 0, 1, 2 or 0x80.
pub(crate) fn suback(packet: u16, codes: &[u8]) -> Packet {
    let code = |code: &u8| match Qos::from_bits(*code) {
        Some(qos) => SubscribeReturnCode::Granted(qos),
        None => SubscribeReturnCode::Failure,
    };
    Packet::SubAck(SubAck { id: id(packet), codes: codes.iter().map(code).collect() })
}

pub(crate) fn unsuback(packet: u16) -> Packet {
    Packet::UnsubAck(id(packet))
}

pub(crate) fn connack(session_present: bool) -> Packet {
    Packet::ConnAck(ConnAck { session_present, code: ConnectReturnCode::Accepted })
}

pub(crate) fn refusal(code: ConnectReturnCode) -> Packet {
    Packet::ConnAck(ConnAck { session_present: false, code })
}

pub(crate) fn puback(packet: u16) -> Packet {
    Packet::PubAck(id(packet))
}

pub(crate) fn pubrec(packet: u16) -> Packet {
    Packet::PubRec(id(packet))
}

pub(crate) fn pubrel(packet: u16) -> Packet {
    Packet::PubRel(id(packet))
}

pub(crate) fn pubcomp(packet: u16) -> Packet {
    Packet::PubComp(id(packet))
}
