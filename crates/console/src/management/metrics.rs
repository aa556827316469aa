//! Numbers as OpenMetrics text, made anew from the broker's own for each scrape.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use model::{QueueCounts, QueueInfo, Resource, Status, Time};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::json::VERSION;
use crate::management::{CertificateLifetime, LoginFigures};

/// Queues with numbers of their own. Each costs 11 time series; what is left out is counted.
const QUEUES: usize = 1_000;
/// Bytes of a queue's name in its label.
const LABEL_BYTES: usize = 256;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole answer to a scrape. `queues` are taken in the order given.
pub(super) fn render(
    now: Time,
    status: Box<Status>,
    mut queues: Vec<QueueInfo>,
    certificates: Vec<CertificateLifetime>,
    logins: Option<Arc<dyn LoginFigures>>,
) -> Result<String, fmt::Error> {
    let unlisted = queues.len().saturating_sub(QUEUES);
    queues.truncate(QUEUES);
    let mut registry = Registry::with_prefix("causeway");
    registry.register_collector(Box::new(Scrape { now, status, queues, unlisted, certificates, logins }));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Scrape {
    now: Time,
    status: Box<Status>,
    queues: Vec<QueueInfo>,
    unlisted: usize,
    certificates: Vec<CertificateLifetime>,
    logins: Option<Arc<dyn LoginFigures>>,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = &self.status;
        let mut info = encoder.encode_descriptor("build", "What is running", None, MetricType::Info)?;
        info.encode_info(&[("version", VERSION)])?;
        let gauges = [
            ("connections", "Clients that are connected", status.connections),
            ("queues", "Queues and logs", status.queues),
            ("consumers", "Consumers of all queues", status.consumers),
            ("messages", "Messages in all queues", status.messages),
            ("message_bytes", "Bytes of bodies and properties in all queues", status.bytes),
            ("memory_bytes", "Bytes of bodies and entries held in memory", status.memory),
            ("memory_limit_bytes", "Bytes in memory at which publishers wait", status.memory_limit),
            ("journal_record", "Number of the last record of the journal", status.lsn.0),
            ("queues_unlisted", "Queues without numbers of their own here", self.unlisted as u64),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        let mut alarms =
            encoder.encode_descriptor("alarm", "1 while publishers wait for this", None, MetricType::Gauge)?;
        for resource in Resource::ALL {
            let is_short = status.alarm.as_ref().is_some_and(|alarm| alarm.short_of == resource);
            let on = ConstGauge::new(u64::from(is_short));
            on.encode(alarms.encode_family(&[("reason", resource.as_str())])?)?;
        }
        self.encode_store(&mut encoder)?;
        self.encode_certificates(&mut encoder)?;
        self.encode_logins(&mut encoder)?;
        let counters = [
            ("published", "Messages that were published", status.published),
            ("delivered", "Messages that were handed out", status.delivered),
            ("settled", "Deliveries that are done with", status.settled),
            ("unrouted", "Messages that no queue took", status.unrouted),
            (
                "conversions_lossy",
                "Deliveries without some of the message's properties or its body's type, for which the receiver's protocol has no place",
                status.conversions.lossy,
            ),
            (
                "conversions_lost_properties",
                "Properties and body types that those deliveries were without",
                status.conversions.lost,
            ),
            (
                "conversions_undeliverable",
                "Deliveries that the receiver's protocol could not carry at all; from queues they go to the dead letters",
                status.conversions.undeliverable,
            ),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        self.encode_queues(&mut encoder)
    }
}

impl Scrape {
    fn encode_logins(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(logins) = &self.logins else { return Ok(()) };
        let mut family = encoder.encode_descriptor("logins", "Logins, by outcome", None, MetricType::Counter)?;
        for (outcome, count) in logins.outcomes() {
            ConstCounter::new(count).encode(family.encode_family(&[("outcome", outcome)])?)?;
        }
        let help = "Lines of the audit log that came faster than the disk takes them";
        let dropped = ConstCounter::new(logins.audit_lines_dropped());
        dropped.encode(encoder.encode_descriptor("audit_lines_dropped", help, None, MetricType::Counter)?)
    }

    fn encode_store(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(space) = &self.status.space else { return Ok(()) };
        let gauges = [
            ("store_used_bytes", "Bytes of the store's files", space.used),
            ("store_live_bytes", "Bytes of the store that are still needed", space.live),
            ("store_free_bytes", "Bytes that the store may still grow by", space.free),
            ("store_stalled", "1 while nothing becomes durable", u64::from(space.stalled)),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }

    fn encode_queues(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        type Number = (&'static str, &'static str, fn(&QueueCounts) -> u64);
        let gauges: [Number; 5] = [
            ("queue_ready", "Messages that can be handed out", |it| it.ready),
            ("queue_leased", "Messages handed out and not settled", |it| it.leased),
            ("queue_delayed", "Messages that are not yet due", |it| it.delayed),
            ("queue_bytes", "Bytes of bodies and properties", |it| it.bytes),
            ("queue_consumers", "Consumers", |it| it.consumers),
        ];
        let counters: [Number; 6] = [
            ("queue_enqueued", "Messages that came in", |it| it.enqueued),
            ("queue_delivered", "Messages that were handed out", |it| it.delivered),
            ("queue_settled", "Deliveries that are done with", |it| it.settled),
            ("queue_expired", "Messages that came to their end unread", |it| it.expired),
            ("queue_dead_lettered", "Messages given to the dead-letter queue", |it| it.dead_lettered),
            ("queue_dropped", "Messages given up because the queue was full", |it| it.dropped),
        ];
        if self.queues.is_empty() {
            return Ok(());
        }
        for (name, help, number) in gauges {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            self.for_each_queue(&mut family, |info, line| ConstGauge::new(number(&info.counts)).encode(line))?;
        }
        for (name, help, number) in counters {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            self.for_each_queue(&mut family, |info, line| ConstCounter::new(number(&info.counts)).encode(line))?;
        }
        Ok(())
    }

    fn encode_certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if self.certificates.is_empty() {
            return Ok(());
        }
        let help = "Seconds until a certificate, an authority or a revocation list of a listener expires";
        let mut family = encoder.encode_descriptor("certificate_expiry_seconds", help, None, MetricType::Gauge)?;
        let now = i64::try_from(self.now.0 / 1_000).unwrap_or(i64::MAX);
        // A file may have the same thing twice; a time series may not be there twice.
        let mut written = BTreeSet::new();
        for it in &self.certificates {
            let labels = [
                ("listener", it.listener.as_str()),
                ("kind", it.kind),
                ("file", it.file.as_str()),
                ("subject", it.subject.as_str()),
            ];
            if written.insert(labels) {
                ConstGauge::new(it.ends - now).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn for_each_queue(
        &self,
        family: &mut MetricEncoder<'_>,
        encode: impl Fn(&QueueInfo, MetricEncoder<'_>) -> Result<(), fmt::Error>,
    ) -> Result<(), fmt::Error> {
        for info in &self.queues {
            let labels = [("namespace", info.namespace.0.to_string()), ("queue", label(info))];
            encode(info, family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The queue's name. One that has to be cut keeps its number, so that no two queues have the same label.
fn label(info: &QueueInfo) -> String {
    let name = info.name.to_text();
    if name.len() <= LABEL_BYTES && !matches!(name, std::borrow::Cow::Owned(_)) {
        return name.into_owned();
    }
    let mut end = name.len().min(LABEL_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…#{}", &name[..end], info.id.n)
}
