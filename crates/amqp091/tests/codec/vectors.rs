//! One frame of every method. The bytes are those of pika 1.4's encoder for the same arguments.

use amqp091::codec::method::{access, basic, channel, confirm, connection, exchange, queue, tx};
use amqp091::codec::{FieldTable, FieldValue, Method};
use bytes::Bytes;

use crate::{short, table};

/// A method on a channel, and its frame.
pub(crate) struct Row {
    pub(crate) channel: u16,
    pub(crate) method: Method,
    pub(crate) frame: &'static [u8],
}

pub(crate) fn rows() -> Vec<Row> {
    [connections(), channels(), exchanges(), queues(), consuming(), messages()].into_iter().flatten().collect()
}

fn row(channel: u16, method: impl Into<Method>, frame: &'static [u8]) -> Row {
    Row { channel, method: method.into(), frame }
}

fn connections() -> Vec<Row> {
    vec![
        row(0, connection::Start { version_major: 0, version_minor: 9, server_properties: table(&[("product", FieldValue::LongString(b"x"))]), mechanisms: Bytes::from_static(b"PLAIN AMQPLAIN"), locales: Bytes::from_static(b"en_US") }, b"\x01\x00\x00\x00\x00\x003\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x0e\x07productS\x00\x00\x00\x01x\x00\x00\x00\x0ePLAIN AMQPLAIN\x00\x00\x00\x05en_US\xce"),
        row(0, connection::StartOk { client_properties: table(&[("capabilities", FieldValue::Table(table(&[("basic.nack", FieldValue::Bool(true))]).view()))]), mechanism: short("PLAIN"), response: Bytes::from_static(b"\0guest\0guest"), locale: short("en_US") }, b"\x01\x00\x00\x00\x00\x00C\x00\x0a\x00\x0b\x00\x00\x00\x1f\x0ccapabilitiesF\x00\x00\x00\x0d\x0abasic.nackt\x01\x05PLAIN\x00\x00\x00\x0c\x00guest\x00guest\x05en_US\xce"),
        row(0, connection::Secure { challenge: Bytes::from_static(b"who") }, b"\x01\x00\x00\x00\x00\x00\x0b\x00\x0a\x00\x14\x00\x00\x00\x03who\xce"),
        row(0, connection::SecureOk { response: Bytes::from_static(b"me") }, b"\x01\x00\x00\x00\x00\x00\x0a\x00\x0a\x00\x15\x00\x00\x00\x02me\xce"),
        row(0, connection::Tune { channel_max: 2047, frame_max: 131072, heartbeat: 60 }, b"\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1e\x07\xff\x00\x02\x00\x00\x00<\xce"),
        row(0, connection::TuneOk { channel_max: 1, frame_max: 4096, heartbeat: 0 }, b"\x01\x00\x00\x00\x00\x00\x0c\x00\x0a\x00\x1f\x00\x01\x00\x00\x10\x00\x00\x00\xce"),
        row(0, connection::Open { virtual_host: short("/") }, b"\x01\x00\x00\x00\x00\x00\x08\x00\x0a\x00(\x01/\x00\x00\xce"),
        row(0, connection::OpenOk {}, b"\x01\x00\x00\x00\x00\x00\x05\x00\x0a\x00)\x00\xce"),
        row(0, connection::Close { reply_code: 320, reply_text: short("bye"), class_id: 50, method_id: 10 }, b"\x01\x00\x00\x00\x00\x00\x0e\x00\x0a\x002\x01@\x03bye\x002\x00\x0a\xce"),
        row(0, connection::CloseOk {}, b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x003\xce"),
        row(0, connection::Blocked { reason: short("low on disk") }, b"\x01\x00\x00\x00\x00\x00\x10\x00\x0a\x00<\x0blow on disk\xce"),
        row(0, connection::Unblocked {}, b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00=\xce"),
        row(0, connection::UpdateSecret { new_secret: Bytes::from_static(b"token"), reason: short("refresh") }, b"\x01\x00\x00\x00\x00\x00\x15\x00\x0a\x00F\x00\x00\x00\x05token\x07refresh\xce"),
        row(0, connection::UpdateSecretOk {}, b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00G\xce"),
    ]
}

fn channels() -> Vec<Row> {
    vec![
        row(513, channel::Open {}, b"\x01\x02\x01\x00\x00\x00\x05\x00\x14\x00\x0a\x00\xce"),
        row(513, channel::OpenOk {}, b"\x01\x02\x01\x00\x00\x00\x08\x00\x14\x00\x0b\x00\x00\x00\x00\xce"),
        row(513, channel::Flow { active: true }, b"\x01\x02\x01\x00\x00\x00\x05\x00\x14\x00\x14\x01\xce"),
        row(513, channel::FlowOk { active: true }, b"\x01\x02\x01\x00\x00\x00\x05\x00\x14\x00\x15\x01\xce"),
        row(
            513,
            channel::Close { reply_code: 404, reply_text: short("none"), class_id: 60, method_id: 40 },
            b"\x01\x02\x01\x00\x00\x00\x0f\x00\x14\x00(\x01\x94\x04none\x00<\x00(\xce",
        ),
        row(513, channel::CloseOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00\x14\x00)\xce"),
        row(
            513,
            access::Request {
                realm: short("/data"),
                exclusive: true,
                passive: false,
                active: true,
                write: false,
                read: true,
            },
            b"\x01\x02\x01\x00\x00\x00\x0b\x00\x1e\x00\x0a\x05/data\x15\xce",
        ),
        row(513, access::RequestOk { ticket: 1 }, b"\x01\x02\x01\x00\x00\x00\x06\x00\x1e\x00\x0b\x00\x01\xce"),
        row(513, tx::Select {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x0a\xce"),
        row(513, tx::SelectOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x0b\xce"),
        row(513, tx::Commit {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x14\xce"),
        row(513, tx::CommitOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x15\xce"),
        row(513, tx::Rollback {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x1e\xce"),
        row(513, tx::RollbackOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00Z\x00\x1f\xce"),
        row(513, confirm::Select { no_wait: true }, b"\x01\x02\x01\x00\x00\x00\x05\x00U\x00\x0a\x01\xce"),
        row(513, confirm::SelectOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00U\x00\x0b\xce"),
    ]
}

fn exchanges() -> Vec<Row> {
    vec![
        row(513, exchange::Declare { exchange: short("ex"), kind: short("topic"), passive: false, durable: true, auto_delete: false, internal: true, no_wait: false, arguments: table(&[("alternate-exchange", FieldValue::LongString(b"a"))]) }, b"\x01\x02\x01\x00\x00\x00-\x00(\x00\x0a\x00\x00\x02ex\x05topic\x0a\x00\x00\x00\x19\x12alternate-exchangeS\x00\x00\x00\x01a\xce"),
        row(513, exchange::DeclareOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00(\x00\x0b\xce"),
        row(513, exchange::Delete { exchange: short("ex"), if_unused: true, no_wait: false }, b"\x01\x02\x01\x00\x00\x00\x0a\x00(\x00\x14\x00\x00\x02ex\x01\xce"),
        row(513, exchange::DeleteOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00(\x00\x15\xce"),
        row(513, exchange::Bind { destination: short("to"), source: short("from"), routing_key: short("k"), no_wait: true, arguments: table(&[("n", FieldValue::Int(-1))]) }, b"\x01\x02\x01\x00\x00\x00\x1c\x00(\x00\x1e\x00\x00\x02to\x04from\x01k\x01\x00\x00\x00\x07\x01nI\xff\xff\xff\xff\xce"),
        row(513, exchange::BindOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00(\x00\x1f\xce"),
        row(513, exchange::Unbind { destination: short("to"), source: short("from"), routing_key: short("k"), no_wait: false, arguments: FieldTable::EMPTY }, b"\x01\x02\x01\x00\x00\x00\x15\x00(\x00(\x00\x00\x02to\x04from\x01k\x00\x00\x00\x00\x00\xce"),
        row(513, exchange::UnbindOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00(\x003\xce"),
    ]
}

fn queues() -> Vec<Row> {
    vec![
        row(513, queue::Declare { queue: short("q"), passive: false, durable: true, exclusive: false, auto_delete: true, no_wait: false, arguments: table(&[("x-max-length", FieldValue::Int(5)), ("x-queue-type", FieldValue::LongString(b"quorum"))]) }, b"\x01\x02\x01\x00\x00\x007\x002\x00\x0a\x00\x00\x01q\x0a\x00\x00\x00*\x0cx-max-lengthI\x00\x00\x00\x05\x0cx-queue-typeS\x00\x00\x00\x06quorum\xce"),
        row(513, queue::DeclareOk { queue: short("amq.gen-1"), message_count: 70000, consumer_count: 3 }, b"\x01\x02\x01\x00\x00\x00\x16\x002\x00\x0b\x09amq.gen-1\x00\x01\x11p\x00\x00\x00\x03\xce"),
        row(513, queue::Bind { queue: short("q"), exchange: short("ex"), routing_key: short("a.#"), no_wait: true, arguments: FieldTable::EMPTY }, b"\x01\x02\x01\x00\x00\x00\x14\x002\x00\x14\x00\x00\x01q\x02ex\x03a.#\x01\x00\x00\x00\x00\xce"),
        row(513, queue::BindOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x002\x00\x15\xce"),
        row(513, queue::Purge { queue: short("q"), no_wait: true }, b"\x01\x02\x01\x00\x00\x00\x09\x002\x00\x1e\x00\x00\x01q\x01\xce"),
        row(513, queue::PurgeOk { message_count: 9 }, b"\x01\x02\x01\x00\x00\x00\x08\x002\x00\x1f\x00\x00\x00\x09\xce"),
        row(513, queue::Delete { queue: short("q"), if_unused: false, if_empty: true, no_wait: false }, b"\x01\x02\x01\x00\x00\x00\x09\x002\x00(\x00\x00\x01q\x02\xce"),
        row(513, queue::DeleteOk { message_count: 2147483648 }, b"\x01\x02\x01\x00\x00\x00\x08\x002\x00)\x80\x00\x00\x00\xce"),
        row(513, queue::Unbind { queue: short("q"), exchange: short("ex"), routing_key: short("a.#"), arguments: table(&[("v", FieldValue::Void)]) }, b"\x01\x02\x01\x00\x00\x00\x16\x002\x002\x00\x00\x01q\x02ex\x03a.#\x00\x00\x00\x03\x01vV\xce"),
        row(513, queue::UnbindOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x002\x003\xce"),
    ]
}

fn consuming() -> Vec<Row> {
    vec![
        row(513, basic::Qos { prefetch_size: 0, prefetch_count: 300, global: true }, b"\x01\x02\x01\x00\x00\x00\x0b\x00<\x00\x0a\x00\x00\x00\x00\x01,\x01\xce"),
        row(513, basic::QosOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00<\x00\x0b\xce"),
        row(513, basic::Consume { queue: short("q"), consumer_tag: short("c1"), no_local: false, no_ack: true, exclusive: false, no_wait: false, arguments: table(&[("x-priority", FieldValue::Int(10))]) }, b"\x01\x02\x01\x00\x00\x00 \x00<\x00\x14\x00\x00\x01q\x02c1\x02\x00\x00\x00\x10\x0ax-priorityI\x00\x00\x00\x0a\xce"),
        row(513, basic::ConsumeOk { consumer_tag: short("c1") }, b"\x01\x02\x01\x00\x00\x00\x07\x00<\x00\x15\x02c1\xce"),
        row(513, basic::Cancel { consumer_tag: short("c1"), no_wait: true }, b"\x01\x02\x01\x00\x00\x00\x08\x00<\x00\x1e\x02c1\x01\xce"),
        row(513, basic::CancelOk { consumer_tag: short("c1") }, b"\x01\x02\x01\x00\x00\x00\x07\x00<\x00\x1f\x02c1\xce"),
        row(513, basic::Get { queue: short("q"), no_ack: true }, b"\x01\x02\x01\x00\x00\x00\x09\x00<\x00F\x00\x00\x01q\x01\xce"),
        row(513, basic::RecoverAsync { requeue: false }, b"\x01\x02\x01\x00\x00\x00\x05\x00<\x00d\x00\xce"),
        row(513, basic::Recover { requeue: true }, b"\x01\x02\x01\x00\x00\x00\x05\x00<\x00n\x01\xce"),
        row(513, basic::RecoverOk {}, b"\x01\x02\x01\x00\x00\x00\x04\x00<\x00o\xce"),
    ]
}

fn messages() -> Vec<Row> {
    vec![
        row(
            513,
            basic::Publish { exchange: short("ex"), routing_key: short("a.b"), mandatory: true, immediate: false },
            b"\x01\x02\x01\x00\x00\x00\x0e\x00<\x00(\x00\x00\x02ex\x03a.b\x01\xce",
        ),
        row(
            513,
            basic::Return {
                reply_code: 312,
                reply_text: short("NO_ROUTE"),
                exchange: short("ex"),
                routing_key: short("a.b"),
            },
            b"\x01\x02\x01\x00\x00\x00\x16\x00<\x002\x018\x08NO_ROUTE\x02ex\x03a.b\xce",
        ),
        row(
            513,
            basic::Deliver {
                consumer_tag: short("c1"),
                delivery_tag: 258,
                redelivered: true,
                exchange: short("ex"),
                routing_key: short("a.b"),
            },
            b"\x01\x02\x01\x00\x00\x00\x17\x00<\x00<\x02c1\x00\x00\x00\x00\x00\x00\x01\x02\x01\x02ex\x03a.b\xce",
        ),
        row(
            513,
            basic::GetOk {
                delivery_tag: 1,
                redelivered: false,
                exchange: short(""),
                routing_key: short("q"),
                message_count: 4,
            },
            b"\x01\x02\x01\x00\x00\x00\x14\x00<\x00G\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x01q\x00\x00\x00\x04\xce",
        ),
        row(513, basic::GetEmpty {}, b"\x01\x02\x01\x00\x00\x00\x05\x00<\x00H\x00\xce"),
        row(
            513,
            basic::Ack { delivery_tag: 1099511627776, multiple: true },
            b"\x01\x02\x01\x00\x00\x00\x0d\x00<\x00P\x00\x00\x01\x00\x00\x00\x00\x00\x01\xce",
        ),
        row(
            513,
            basic::Reject { delivery_tag: 3, requeue: true },
            b"\x01\x02\x01\x00\x00\x00\x0d\x00<\x00Z\x00\x00\x00\x00\x00\x00\x00\x03\x01\xce",
        ),
        row(
            513,
            basic::Nack { delivery_tag: 4, multiple: false, requeue: true },
            b"\x01\x02\x01\x00\x00\x00\x0d\x00<\x00x\x00\x00\x00\x00\x00\x00\x00\x04\x02\xce",
        ),
    ]
}
