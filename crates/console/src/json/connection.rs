use model::ConnectionInfo;
use serde::{Deserialize, Serialize};

/// A client that is connected.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConnectionObject {
    /// IO thread, slot and generation.
    pub(crate) connection: String,
    pub(crate) protocol: String,
    /// Empty on a Unix socket.
    pub(crate) address: String,
    pub(crate) client: String,
    /// Who it has logged in as; empty if nobody asked.
    #[serde(default)]
    pub(crate) user: String,
    pub(crate) consumers: u64,
    pub(crate) leased: u64,
    pub(crate) since: u64,
}

impl From<&ConnectionInfo> for ConnectionObject {
    fn from(info: &ConnectionInfo) -> Self {
        Self {
            connection: format!("{}.{}.{}", info.id.thread, info.id.slot, info.id.generation),
            protocol: info.protocol.into(),
            address: info.address.clone(),
            client: info.client.to_text().into_owned(),
            user: info.user.to_text().into_owned(),
            consumers: info.consumers,
            leased: info.leased,
            since: info.since.0,
        }
    }
}
