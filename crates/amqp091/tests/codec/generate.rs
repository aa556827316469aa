//! Any frame, for property tests.

use amqp091::codec::method::{basic, channel, connection, exchange, queue};
use amqp091::codec::{ContentHeader, FieldTable, Frame, Method, Properties, Role};
use bytes::BytesMut;
use proptest::option;
use proptest::prelude::*;

use crate::fields::{bytes, short, table};
use crate::vectors::rows;

/// A frame, and a side that takes it.
pub(crate) fn any_frame() -> impl Strategy<Value = (Frame, Role)> {
    let content = prop_oneof![
        (any::<u16>(), header()).prop_map(|(channel, header)| Frame::Header(channel, header)),
        (any::<u16>(), bytes(300)).prop_map(|(channel, body)| Frame::Body(channel, body)),
        Just(Frame::Heartbeat),
    ];
    let to_server = (any::<u16>(), to_server()).prop_map(|(channel, method)| Frame::Method(channel, method));
    let to_client = (any::<u16>(), to_client()).prop_map(|(channel, method)| Frame::Method(channel, method));
    prop_oneof![
        4 => (content, prop_oneof![Just(Role::Server), Just(Role::Client)]),
        4 => (to_server, Just(Role::Server)),
        2 => (to_client, Just(Role::Client)),
    ]
}

fn to_server() -> impl Strategy<Value = Method> {
    let flags = any::<[bool; 5]>();
    let publish = (short(), short(), any::<bool>(), any::<bool>());
    prop_oneof![
        (table(), short(), bytes(300), short()).prop_map(|(client_properties, mechanism, response, locale)| {
            connection::StartOk { client_properties, mechanism, response, locale }.into()
        }),
        (short(), short(), flags, table()).prop_map(|(exchange, kind, flags, arguments)| {
            let [passive, durable, auto_delete, internal, no_wait] = flags;
            exchange::Declare { exchange, kind, passive, durable, auto_delete, internal, no_wait, arguments }.into()
        }),
        (short(), flags, table()).prop_map(|(queue, flags, arguments)| {
            let [passive, durable, exclusive, auto_delete, no_wait] = flags;
            queue::Declare { queue, passive, durable, exclusive, auto_delete, no_wait, arguments }.into()
        }),
        (short(), short(), flags, table()).prop_map(|(queue, consumer_tag, flags, arguments)| {
            let [no_local, no_ack, exclusive, no_wait, _] = flags;
            basic::Consume { queue, consumer_tag, no_local, no_ack, exclusive, no_wait, arguments }.into()
        }),
        publish.prop_map(|(exchange, routing_key, mandatory, immediate)| {
            basic::Publish { exchange, routing_key, mandatory, immediate }.into()
        }),
        (any::<u64>(), any::<bool>())
            .prop_map(|(delivery_tag, requeue)| basic::Reject { delivery_tag, requeue }.into()),
        either_way(),
    ]
}

fn to_client() -> impl Strategy<Value = Method> {
    prop_oneof![
        (table(), bytes(40), bytes(40)).prop_map(|(server_properties, mechanisms, locales)| {
            connection::Start { version_major: 0, version_minor: 9, server_properties, mechanisms, locales }.into()
        }),
        (short(), any::<u64>(), any::<bool>(), short(), short()).prop_map(
            |(consumer_tag, delivery_tag, redelivered, exchange, routing_key)| {
                basic::Deliver { consumer_tag, delivery_tag, redelivered, exchange, routing_key }.into()
            }
        ),
        (any::<u64>(), any::<bool>(), short(), short(), any::<u32>()).prop_map(
            |(delivery_tag, redelivered, exchange, routing_key, message_count)| {
                basic::GetOk { delivery_tag, redelivered, exchange, routing_key, message_count }.into()
            }
        ),
        either_way(),
    ]
}

fn either_way() -> impl Strategy<Value = Method> {
    prop_oneof![
        (any::<u16>(), short(), any::<u16>(), any::<u16>()).prop_map(
            |(reply_code, reply_text, class_id, method_id)| {
                channel::Close { reply_code, reply_text, class_id, method_id }.into()
            }
        ),
        (any::<u64>(), any::<bool>()).prop_map(|(delivery_tag, multiple)| basic::Ack { delivery_tag, multiple }.into()),
        (any::<u64>(), any::<bool>(), any::<bool>()).prop_map(|(delivery_tag, multiple, requeue)| basic::Nack {
            delivery_tag,
            multiple,
            requeue
        }
        .into()),
    ]
}

/// The frame of some method as another implementation wrote it.
pub(crate) fn recorded() -> impl Strategy<Value = &'static [u8]> {
    let frames = rows().into_iter().map(|row| row.frame).collect::<Vec<_>>();
    proptest::sample::select(frames)
}

fn header() -> impl Strategy<Value = ContentHeader> {
    let short = || option::of(bytes(60));
    let numbers = (option::of(any::<u8>()), option::of(any::<u8>()), option::of(any::<u64>()));
    (any::<u64>(), proptest::array::uniform10(short()), numbers, option::of(table())).prop_map(
        |(body_size, shorts, (delivery_mode, priority, timestamp), headers)| {
            let [
                content_type,
                content_encoding,
                correlation_id,
                reply_to,
                expiration,
                message_id,
                kind,
                user,
                app,
                cluster,
            ] = shorts.each_ref().map(|short| short.as_deref());
            let properties = Properties {
                content_type,
                content_encoding,
                headers: headers.as_ref().map(FieldTable::view),
                delivery_mode,
                priority,
                correlation_id,
                reply_to,
                expiration,
                message_id,
                timestamp,
                kind,
                user_id: user,
                app_id: app,
                cluster_id: cluster,
            };
            let mut raw = BytesMut::new();
            properties.write(&mut raw).unwrap();
            ContentHeader::new(body_size, raw.freeze()).unwrap()
        },
    )
}
