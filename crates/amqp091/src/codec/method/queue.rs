//! Class 50: queues.

use super::methods;
use crate::codec::{FieldTable, ShortString};

methods! {
    Declare "queue.declare" = 50, 10; Client {
        (u16) queue: ShortString,
        passive: bool,
        durable: bool,
        exclusive: bool,
        auto_delete: bool,
        no_wait: bool,
        arguments: FieldTable,
    }
    DeclareOk "queue.declare-ok" = 50, 11; Server { queue: ShortString, message_count: u32, consumer_count: u32 }
    Bind "queue.bind" = 50, 20; Client {
        (u16) queue: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
        no_wait: bool,
        arguments: FieldTable,
    }
    BindOk "queue.bind-ok" = 50, 21; Server {}
    /// Has no `no-wait`, unlike every other method of its kind.
    Unbind "queue.unbind" = 50, 50; Client {
        (u16) queue: ShortString,
        exchange: ShortString,
        routing_key: ShortString,
        arguments: FieldTable,
    }
    UnbindOk "queue.unbind-ok" = 50, 51; Server {}
    Purge "queue.purge" = 50, 30; Client { (u16) queue: ShortString, no_wait: bool }
    PurgeOk "queue.purge-ok" = 50, 31; Server { message_count: u32 }
    Delete "queue.delete" = 50, 40; Client {
        (u16) queue: ShortString,
        if_unused: bool,
        if_empty: bool,
        no_wait: bool,
    }
    DeleteOk "queue.delete-ok" = 50, 41; Server { message_count: u32 }
}
