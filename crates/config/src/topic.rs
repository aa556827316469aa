use crate::config::Namespace;
use crate::value::Table;

/// A topic that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub namespace: Namespace,
    pub name: String,
}

/// What a queue gets from topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub namespace: Namespace,
    /// A name or a pattern: levels separated by `.`, `*` one level, `#` any number of levels.
    pub topic: String,
    pub queue: String,
    /// A JMS selector, not yet parsed.
    pub filter: Option<String>,
}

impl Topic {
    pub(crate) fn new(table: &Table) -> Self {
        Self { namespace: table.namespace(), name: table.text("name") }
    }
}

impl Subscription {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            namespace: table.namespace(),
            topic: table.text("topic"),
            queue: table.text("queue"),
            filter: table.optional_text("filter"),
        }
    }
}
