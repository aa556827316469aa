//! Class 10: opening and closing a connection. Only on channel 0.

use bytes::Bytes;

use super::methods;
use crate::codec::{FieldTable, ShortString};

methods! {
    /// The server's greeting after the protocol header.
    Start "connection.start" = 10, 10; Server {
        version_major: u8,
        version_minor: u8,
        server_properties: FieldTable,
        /// SASL mechanisms, with spaces between them.
        mechanisms: Bytes,
        locales: Bytes,
    }
    StartOk "connection.start-ok" = 10, 11; Client {
        client_properties: FieldTable,
        mechanism: ShortString,
        /// The SASL initial response.
        response: Bytes,
        locale: ShortString,
    }
    /// One more SASL challenge.
    Secure "connection.secure" = 10, 20; Server { challenge: Bytes }
    SecureOk "connection.secure-ok" = 10, 21; Client { response: Bytes }
    /// Zero means "no limit" in `channel_max` and `frame_max`, and "none" in `heartbeat`.
    Tune "connection.tune" = 10, 30; Server {
        channel_max: u16,
        frame_max: u32,
        /// In seconds.
        heartbeat: u16,
    }
    /// See [`Tune`].
    TuneOk "connection.tune-ok" = 10, 31; Client { channel_max: u16, frame_max: u32, heartbeat: u16 }
    Open "connection.open" = 10, 40; Client { virtual_host: ShortString; (ShortString)(bool) }
    OpenOk "connection.open-ok" = 10, 41; Server { ; (ShortString) }
    Close "connection.close" = 10, 50; Both {
        reply_code: u16,
        reply_text: ShortString,
        /// The method that is to blame, or zeros.
        class_id: u16,
        method_id: u16,
    }
    CloseOk "connection.close-ok" = 10, 51; Both {}
    /// RabbitMQ's: the server takes no messages for now.
    Blocked "connection.blocked" = 10, 60; Server { reason: ShortString }
    Unblocked "connection.unblocked" = 10, 61; Server {}
    /// RabbitMQ's: a new password or token for the running connection.
    UpdateSecret "connection.update-secret" = 10, 70; Client { new_secret: Bytes, reason: ShortString }
    UpdateSecretOk "connection.update-secret-ok" = 10, 71; Server {}
}
