use crate::config::Namespace;
use crate::value::Table;

/// A name by which clients of AMQP and STOMP choose an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualHost {
    pub name: String,
    pub namespace: Namespace,
}

impl VirtualHost {
    pub(crate) fn new(table: &Table) -> Self {
        Self { name: table.text("name"), namespace: table.namespace() }
    }
}
