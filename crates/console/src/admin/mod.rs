//! The admin channel: requests and answers as lines of JSON over a Unix socket.
//!
//! A request is `{"id":1,"command":"queues",…}` ([`request::Command`]). Its answer is any number of lines
//! `{"id":1,"item":{…}}`, `{"id":1,"progress":{…}}` and `{"id":1,"note":"…"}`, then one line `{"id":1,"done":true,"now":…}` or
//! `{"id":1,"error":"…"}`. Requests are carried out one after the other.

mod backup;
mod browse;
mod change;
mod connection;
mod desk;
mod export;
mod failure;
pub(crate) mod import;
mod inspect;
pub(crate) mod request;
mod send;
mod tail;
mod work;

use model::{Connection, Encodings, Peer, Protocol, Recognised};

use crate::admin::connection::AdminConnection;

/// Bytes of the longest request, and so of the longest body that can be sent here.
pub(crate) const LINE_BYTES: usize = 4 * 1024 * 1024;

/// The protocol of the admin socket. It asks for no password: who may open the socket may do everything.
pub struct Admin {
    encodings: Encodings,
}

impl Admin {
    /// `encodings`: of all protocols, to show the properties of messages.
    pub fn new(encodings: Encodings) -> Self {
        Self { encodings }
    }
}

impl Protocol for Admin {
    fn name(&self) -> &'static str {
        "admin"
    }

    fn recognise(&self, first: &[u8]) -> Recognised {
        match first.first() {
            None => Recognised::NeedMore,
            Some(b'{') => Recognised::Yes,
            Some(_) => Recognised::No,
        }
    }

    fn open(&self, _peer: &Peer) -> Box<dyn Connection> {
        Box::new(AdminConnection::new(self.encodings.clone()))
    }
}
