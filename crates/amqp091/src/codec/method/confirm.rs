//! Class 85, RabbitMQ's: confirms for publishers.

use super::methods;

methods! {
    Select "confirm.select" = 85, 10; Client { no_wait: bool }
    SelectOk "confirm.select-ok" = 85, 11; Server {}
}
