//! Class 30, of AMQP 0-8: RabbitMQ still answers it, with a ticket that nobody checks.

use super::methods;
use crate::codec::ShortString;

methods! {
    Request "access.request" = 30, 10; Client {
        realm: ShortString,
        exclusive: bool,
        passive: bool,
        active: bool,
        write: bool,
        read: bool,
    }
    RequestOk "access.request-ok" = 30, 11; Server { ticket: u16 }
}
