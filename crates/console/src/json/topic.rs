use model::{ExchangeKind, TopicInfo};
use serde::{Deserialize, Serialize};

/// A key of an exchange that somebody is bound to, or that has a retained message.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TopicObject {
    pub(crate) namespace: u16,
    pub(crate) exchange: String,
    pub(crate) kind: String,
    pub(crate) key: String,
    pub(crate) bindings: u64,
    pub(crate) retained: bool,
}

impl From<&TopicInfo> for TopicObject {
    fn from(info: &TopicInfo) -> Self {
        let kind = match info.kind {
            ExchangeKind::Direct => "direct",
            ExchangeKind::Fanout => "fanout",
            ExchangeKind::Topic => "topic",
            ExchangeKind::Headers => "headers",
        };
        Self {
            namespace: info.namespace.0,
            exchange: info.exchange.to_text().into_owned(),
            kind: kind.into(),
            key: info.key.to_text().into_owned(),
            bindings: info.bindings,
            retained: info.retained,
        }
    }
}
