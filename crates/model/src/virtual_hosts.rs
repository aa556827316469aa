use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Namespace;

/// Names by which clients choose their namespace: AMQP 0-9-1's virtual host, AMQP 1.0's hostname, STOMP's `host`.
#[derive(Clone, Debug, Default)]
pub struct VirtualHosts(Arc<BTreeMap<String, Namespace>>);

impl VirtualHosts {
    /// The namespace of `host`; a name that nobody gave to another one is `/`.
    pub fn namespace(&self, host: &str) -> Namespace {
        self.0.get(host).copied().unwrap_or_default()
    }
}

impl FromIterator<(String, Namespace)> for VirtualHosts {
    fn from_iter<I: IntoIterator<Item = (String, Namespace)>>(hosts: I) -> Self {
        Self(Arc::new(hosts.into_iter().collect()))
    }
}
