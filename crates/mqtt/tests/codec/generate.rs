//! Any valid packet, for property tests.

use bytes::Bytes;
use mqtt::codec::{
    ConnAck, Connect, ConnectReturnCode, Filters, Packet, PacketId, Publish, Qos, Role, SubAck, Subscribe,
    SubscribeReturnCode, Subscription, Subscriptions, Text, TopicFilter, TopicName, Unsubscribe, Version, Will,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A packet, the side that takes it, and the version of its connection.
pub(crate) fn packet() -> impl Strategy<Value = (Packet, Role, Version)> {
    version().prop_flat_map(|version| {
        let to_server = prop_oneof![
            connect(version).prop_map(|connect| Packet::Connect(Box::new(connect))),
            subscribe(),
            (id(), vec(filter(), 1..8))
                .prop_map(|(id, filters)| Unsubscribe { id, filters: Filters::new(&filters).unwrap() })
                .prop_map(Packet::Unsubscribe),
            Just(Packet::PingReq),
            Just(Packet::Disconnect),
        ];
        let to_client = prop_oneof![
            connack(version),
            (id(), vec(return_code(), 1..200)).prop_map(|(id, codes)| Packet::SubAck(SubAck { id, codes })),
            id().prop_map(Packet::UnsubAck),
            Just(Packet::PingResp),
        ];
        prop_oneof![
            2 => to_server.prop_map(move |packet| (packet, Role::Server, version)),
            1 => to_client.prop_map(move |packet| (packet, Role::Client, version)),
            2 => (either_way(), role()).prop_map(move |(packet, role)| (packet, role, version)),
        ]
    })
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Server), Just(Role::Client)]
}

pub(crate) fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::V31), Just(Version::V311)]
}

fn either_way() -> impl Strategy<Value = Packet> {
    prop_oneof![
        4 => publish().prop_map(Packet::Publish),
        1 => id().prop_map(Packet::PubAck),
        1 => id().prop_map(Packet::PubRec),
        1 => id().prop_map(Packet::PubRel),
        1 => id().prop_map(Packet::PubComp),
    ]
}

fn publish() -> impl Strategy<Value = Publish> {
    (any::<bool>(), qos(), any::<bool>(), topic(), id(), bytes(300)).prop_map(
        |(dup, qos, retain, topic, id, payload)| {
            let handshake = qos != Qos::AtMostOnce;
            Publish { dup: dup && handshake, qos, retain, topic, id: handshake.then_some(id), payload }
        },
    )
}

fn connect(version: Version) -> impl Strategy<Value = Connect> {
    let login = option::of((text(), option::of(bytes(40))));
    (any::<bool>(), any::<u16>(), text(), option::of(will()), login).prop_map(
        move |(clean_session, keep_alive, client_id, will, login)| {
            let (user_name, password) = login.map_or((None, None), |(name, password)| (Some(name), password));
            Connect { version, clean_session, keep_alive, client_id, will, user_name, password }
        },
    )
}

fn will() -> impl Strategy<Value = Will> {
    (qos(), any::<bool>(), topic(), bytes(40)).prop_map(|(qos, retain, topic, payload)| Will {
        qos,
        retain,
        topic,
        payload,
    })
}

fn connack(version: Version) -> impl Strategy<Value = Packet> {
    use ConnectReturnCode::*;
    let code = prop_oneof![
        Just(Accepted),
        Just(UnacceptableProtocolVersion),
        Just(IdentifierRejected),
        Just(ServerUnavailable),
        Just(BadUserNameOrPassword),
        Just(NotAuthorized),
    ];
    (any::<bool>(), code).prop_map(move |(present, code)| {
        let session_present = present && code == Accepted && version == Version::V311;
        Packet::ConnAck(ConnAck { session_present, code })
    })
}

fn subscribe() -> impl Strategy<Value = Packet> {
    let subscription = (filter(), qos()).prop_map(|(filter, qos)| Subscription { filter, qos });
    (id(), vec(subscription, 1..8))
        .prop_map(|(id, list)| Packet::Subscribe(Subscribe { id, subscriptions: Subscriptions::new(&list).unwrap() }))
}

fn return_code() -> impl Strategy<Value = SubscribeReturnCode> {
    prop_oneof![qos().prop_map(SubscribeReturnCode::Granted), Just(SubscribeReturnCode::Failure)]
}

pub(crate) fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![Just(Qos::AtMostOnce), Just(Qos::AtLeastOnce), Just(Qos::ExactlyOnce)]
}

fn id() -> impl Strategy<Value = PacketId> {
    any::<PacketId>()
}

fn text() -> impl Strategy<Value = Text> {
    "[^\0]{0,24}".prop_map(|text| Text::new(text.into()).unwrap())
}

pub(crate) fn topic() -> impl Strategy<Value = TopicName> {
    "[^\0+#]{1,24}|[a-z0-9/$]{1,40}".prop_map(|topic| TopicName::new(topic.into()).unwrap())
}

fn filter() -> impl Strategy<Value = TopicFilter> {
    "([+]|[^\0+#/]{0,6})(/([+]|[^\0+#/]{0,6})){1,4}(/#)?|#|[+]"
        .prop_map(|filter| TopicFilter::new(filter.into()).unwrap())
}

fn bytes(longest: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..longest).prop_map(Bytes::from)
}
