use model::{BindingInfo, DeadLetter, Lifetime, Overflow, QueueInfo, QueueKind, QueueSettings};
use serde::{Deserialize, Serialize};

/// A queue and its counts, as a listing shows it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QueueObject {
    pub(crate) namespace: u16,
    pub(crate) name: String,
    /// What AWS clients call it, where they cannot spell its name.
    pub(crate) alias: Option<String>,
    pub(crate) kind: String,
    pub(crate) durable: bool,
    pub(crate) internal: bool,
    pub(crate) ready: u64,
    pub(crate) leased: u64,
    pub(crate) delayed: u64,
    pub(crate) bytes: u64,
    pub(crate) consumers: u64,
    pub(crate) enqueued: u64,
    pub(crate) delivered: u64,
    pub(crate) settled: u64,
    pub(crate) expired: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) dropped: u64,
    pub(crate) created: u64,
    pub(crate) altered: u64,
}

/// A queue with everything about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct QueueDetail {
    #[serde(flatten)]
    pub(crate) queue: QueueObject,
    pub(crate) settings: SettingsObject,
    pub(crate) bindings: Vec<BindingObject>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettingsObject {
    pub(crate) lifetime: String,
    /// 0: in order of arrival.
    pub(crate) max_priority: u8,
    pub(crate) max_length: Option<u64>,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) overflow: String,
    pub(crate) ttl: Option<u64>,
    pub(crate) delay: u64,
    pub(crate) lease: u64,
    pub(crate) dead_letter: Option<String>,
    pub(crate) max_deliveries: Option<u32>,
    /// What only one protocol understands.
    pub(crate) extras: Vec<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BindingObject {
    pub(crate) exchange: String,
    pub(crate) key: String,
    pub(crate) selector: Option<String>,
    /// Of a headers exchange: whether "all" or "any" of these must be there.
    pub(crate) match_headers: Option<String>,
    pub(crate) headers: Vec<(String, Option<String>)>,
    pub(crate) at_most_once: bool,
}

impl From<&QueueInfo> for QueueObject {
    fn from(info: &QueueInfo) -> Self {
        let counts = &info.counts;
        Self {
            namespace: info.namespace.0,
            name: info.name.to_text().into_owned(),
            alias: info.alias.clone(),
            kind: match info.settings.kind {
                QueueKind::Queue => "queue".into(),
                QueueKind::Log => "log".into(),
            },
            durable: info.settings.durable,
            internal: info.settings.internal,
            ready: counts.ready,
            leased: counts.leased,
            delayed: counts.delayed,
            bytes: counts.bytes,
            consumers: counts.consumers,
            enqueued: counts.enqueued,
            delivered: counts.delivered,
            settled: counts.settled,
            expired: counts.expired,
            dead_lettered: counts.dead_lettered,
            dropped: counts.dropped,
            created: info.created.0,
            altered: info.altered.0,
        }
    }
}

impl From<&QueueSettings> for SettingsObject {
    fn from(settings: &QueueSettings) -> Self {
        let dead_letter = settings.dead_letter.as_ref();
        Self {
            lifetime: match settings.lifetime {
                Lifetime::Permanent => "permanent".into(),
                Lifetime::WhileConsumed => "while-consumed".into(),
                Lifetime::Connection => "connection".into(),
            },
            max_priority: settings.max_priority,
            max_length: settings.max_length,
            max_bytes: settings.max_bytes,
            overflow: match settings.overflow {
                Overflow::Reject => "reject".into(),
                Overflow::DropHead => "drop-head".into(),
                Overflow::DeadLetter => "dead-letter".into(),
                Overflow::DropNew => "drop-new".into(),
            },
            ttl: settings.ttl,
            delay: settings.delay,
            lease: settings.lease,
            dead_letter: dead_letter.map(address_text),
            max_deliveries: dead_letter.and_then(|it| it.max_deliveries),
            extras: settings.extras.clone(),
        }
    }
}

/// A queue's name, or `/exchanges/NAME/KEY`; `…/*` stands for the message's own key.
fn address_text(to: &DeadLetter) -> String {
    match (to.queue(), &to.key) {
        (Some(queue), _) => queue.to_text().into_owned(),
        (None, Some(key)) => format!("/exchanges/{}/{}", to.exchange.to_text(), key.to_text()),
        (None, None) => format!("/exchanges/{}/*", to.exchange.to_text()),
    }
}

impl From<&BindingInfo> for BindingObject {
    fn from(info: &BindingInfo) -> Self {
        let binding = &info.binding;
        let rule = binding.headers.as_ref();
        Self {
            exchange: binding.exchange.to_text().into_owned(),
            key: binding.key.to_text().into_owned(),
            selector: binding.selector.clone(),
            match_headers: rule.map(|rule| if rule.all { "all".into() } else { "any".into() }),
            headers: rule
                .map(|rule| {
                    rule.pairs
                        .iter()
                        .map(|(name, value)| (name.clone(), value.as_ref().map(ToString::to_string)))
                        .collect()
                })
                .unwrap_or_default(),
            at_most_once: binding.at_most_once,
        }
    }
}
