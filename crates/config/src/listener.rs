use std::net::SocketAddr;

use crate::value::Table;
use crate::words::{Dialect, Face};

/// Where clients of one face connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub face: Face,
    /// Port 0: the system chooses one.
    pub socket: SocketAddr,
    pub path: Option<String>,
    pub dialect: Dialect,
}

impl Listener {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            face: table.word("face", Face::from_name),
            socket: SocketAddr::new(table.address("address"), table.number("port")),
            path: table.optional_text("path"),
            dialect: table.word("dialect", Dialect::from_name),
        }
    }
}
