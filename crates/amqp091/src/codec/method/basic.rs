//! Class 60: messages. `Publish`, `Return`, `Deliver` and `GetOk` are followed by a content header and bodies.

use super::methods;
use crate::codec::{FieldTable, ShortString};

methods! {
    Qos "basic.qos" = 60, 10; Client {
        /// RabbitMQ takes nothing but zero, "no limit".
        prefetch_size: u32,
        prefetch_count: u16,
        /// RabbitMQ: for the whole channel instead of each new consumer.
        global: bool,
    }
    QosOk "basic.qos-ok" = 60, 11; Server {}
    Consume "basic.consume" = 60, 20; Client {
        (u16) queue: ShortString,
        consumer_tag: ShortString,
        no_local: bool,
        no_ack: bool,
        exclusive: bool,
        no_wait: bool,
        arguments: FieldTable,
    }
    ConsumeOk "basic.consume-ok" = 60, 21; Server { consumer_tag: ShortString }
    /// RabbitMQ sends it too, to clients with the capability `consumer_cancel_notify`.
    Cancel "basic.cancel" = 60, 30; Both { consumer_tag: ShortString, no_wait: bool }
    CancelOk "basic.cancel-ok" = 60, 31; Both { consumer_tag: ShortString }
    Publish "basic.publish" = 60, 40; Client {
        (u16) exchange: ShortString,
        routing_key: ShortString,
        mandatory: bool,
        immediate: bool,
    }
    Return "basic.return" = 60, 50; Server {
        reply_code: u16,
        reply_text: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
    }
    Deliver "basic.deliver" = 60, 60; Server {
        consumer_tag: ShortString,
        delivery_tag: u64,
        redelivered: bool,
        exchange: ShortString,
        routing_key: ShortString,
    }
    Get "basic.get" = 60, 70; Client { (u16) queue: ShortString, no_ack: bool }
    GetOk "basic.get-ok" = 60, 71; Server {
        delivery_tag: u64,
        redelivered: bool,
        exchange: ShortString,
        routing_key: ShortString,
        /// Left in the queue.
        message_count: u32,
    }
    GetEmpty "basic.get-empty" = 60, 72; Server { ; (ShortString) }
    /// From the server: a publisher's confirm.
    Ack "basic.ack" = 60, 80; Both { delivery_tag: u64, multiple: bool }
    Reject "basic.reject" = 60, 90; Client { delivery_tag: u64, requeue: bool }
    RecoverAsync "basic.recover-async" = 60, 100; Client { requeue: bool }
    Recover "basic.recover" = 60, 110; Client { requeue: bool }
    RecoverOk "basic.recover-ok" = 60, 111; Server {}
    /// RabbitMQ's. From the server: a publish that failed.
    Nack "basic.nack" = 60, 120; Both { delivery_tag: u64, multiple: bool, requeue: bool }
}
