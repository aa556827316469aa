//! Class 40: exchanges.

use super::methods;
use crate::codec::{FieldTable, ShortString};

methods! {
    Declare "exchange.declare" = 40, 10; Client {
        (u16) exchange: ShortString,
        kind: ShortString,
        passive: bool,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        no_wait: bool,
        arguments: FieldTable,
    }
    DeclareOk "exchange.declare-ok" = 40, 11; Server {}
    Delete "exchange.delete" = 40, 20; Client { (u16) exchange: ShortString, if_unused: bool, no_wait: bool }
    DeleteOk "exchange.delete-ok" = 40, 21; Server {}
    /// RabbitMQ's: from the exchange `source` to the exchange `destination`.
    Bind "exchange.bind" = 40, 30; Client {
        (u16) destination: ShortString,
        source: ShortString,
        routing_key: ShortString,
        no_wait: bool,
        arguments: FieldTable,
    }
    BindOk "exchange.bind-ok" = 40, 31; Server {}
    Unbind "exchange.unbind" = 40, 40; Client {
        (u16) destination: ShortString,
        source: ShortString,
        routing_key: ShortString,
        no_wait: bool,
        arguments: FieldTable,
    }
    UnbindOk "exchange.unbind-ok" = 40, 51; Server {}
}
