use std::io::{self, Write};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::cli::arguments::CliCommand;
use crate::cli::error::CliError;
use crate::cli::message::write_message;
use crate::cli::room::{self, show_alarm, show_store};
use crate::cli::table::Table;
use crate::cli::text::one_line;
use crate::cli::units::{show_size, show_span, show_time};
use crate::json::{
    ConnectionObject, ConversionsObject, HoldingObject, QueueDetail, QueueObject, StatusObject, TopicObject,
};

/// How the items of an answer are shown.
pub(super) enum Renderer {
    /// As they came.
    Json,
    Status,
    Queues(Vec<QueueObject>),
    Queue,
    Topics(Vec<TopicObject>),
    Connections(Vec<ConnectionObject>),
    Why(Vec<HoldingObject>),
    Messages,
    /// A sentence: what was done, to which queue.
    Sentence(Deed, String),
}

#[derive(Clone, Copy)]
pub(super) enum Deed {
    Sent,
    Purged,
    Moved,
    Created,
    Deleted,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeedObject {
    count: u64,
    sent: u64,
    unrouted: u64,
    created: bool,
}

impl Renderer {
    pub(super) fn for_people(command: &CliCommand) -> Self {
        match command {
            CliCommand::Status => Self::Status,
            CliCommand::Queues(_) => Self::Queues(Vec::new()),
            CliCommand::Queue(_) => Self::Queue,
            CliCommand::Topics(_) => Self::Topics(Vec::new()),
            CliCommand::Connections => Self::Connections(Vec::new()),
            CliCommand::WhyDisk(_) => Self::Why(Vec::new()),
            CliCommand::Peek(_) | CliCommand::Tail(_) => Self::Messages,
            CliCommand::Send(it) => {
                let target = it.queue.iter().chain(&it.topic).next().cloned();
                Self::Sentence(Deed::Sent, target.unwrap_or_default())
            }
            CliCommand::Export(_) | CliCommand::Import(_) | CliCommand::Backup(_) => Self::Json,
            CliCommand::Purge(it) => Self::Sentence(Deed::Purged, it.queue.queue.clone()),
            CliCommand::Move(it) => Self::Sentence(Deed::Moved, it.to.clone()),
            CliCommand::Create(it) => Self::Sentence(Deed::Created, it.queue.queue.clone()),
            CliCommand::Delete(it) => Self::Sentence(Deed::Deleted, it.queue.queue.clone()),
        }
    }

    /// Shows an item, or keeps it for a table. The inner result is that of writing.
    pub(super) fn item(&mut self, raw: &str, out: &mut dyn Write) -> Result<io::Result<()>, CliError> {
        Ok(match self {
            Self::Json => writeln!(out, "{raw}").and_then(|()| out.flush()),
            Self::Status => write_status(&serde_json::from_str(raw)?, out),
            Self::Queues(rows) => keep(rows, serde_json::from_str(raw)?),
            Self::Queue => write_queue(&serde_json::from_str(raw)?, out),
            Self::Topics(rows) => keep(rows, serde_json::from_str(raw)?),
            Self::Connections(rows) => keep(rows, serde_json::from_str(raw)?),
            Self::Why(rows) => match serde_json::from_str(raw) {
                Ok(row) => keep(rows, row),
                Err(_) => room::write_room(&serde_json::from_str(raw)?, out),
            },
            Self::Messages => {
                let value: Json = serde_json::from_str(raw)?;
                let written = match value.get("missed").and_then(Json::as_u64) {
                    Some(missed) => writeln!(out, "… {missed} more that were not seen"),
                    None => write_message(&serde_json::from_value(value)?, out),
                };
                written.and_then(|()| out.flush())
            }
            Self::Sentence(deed, name) => write_deed(*deed, &one_line(name), &serde_json::from_str(raw)?, out),
        })
    }

    /// What the broker says meanwhile; scripts are not told.
    pub(super) fn note(&self, note: &str, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Json => Ok(()),
            _ => writeln!(out, "{}", one_line(note)).and_then(|()| out.flush()),
        }
    }

    /// Writes the tables. `now` is the broker's time.
    pub(super) fn finish(&self, now: u64, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Queues(rows) => write_queues(rows, now, out),
            Self::Topics(rows) => write_topics(rows, out),
            Self::Connections(rows) => write_connections(rows, now, out),
            Self::Why(rows) => room::write_holdings(rows, now, out),
            _ => Ok(()),
        }?;
        out.flush()
    }
}

fn keep<T>(rows: &mut Vec<T>, row: T) -> io::Result<()> {
    rows.push(row);
    Ok(())
}

fn write_status(status: &StatusObject, out: &mut dyn Write) -> io::Result<()> {
    let alarm = show_alarm(status.alarm.as_deref(), status.culprit.as_ref());
    let memory = format!("{} of {}", show_size(status.memory), show_size(status.memory_limit));
    let fields = [
        ("version", status.version.clone()),
        ("role", status.role.clone()),
        ("time", show_time(status.now)),
        ("alarm", alarm),
        ("memory", memory),
        ("store", show_store(status.store.as_ref())),
        ("connections", status.connections.to_string()),
        ("queues", status.queues.to_string()),
        ("consumers", status.consumers.to_string()),
        ("messages", format!("{} ({})", status.messages, show_size(status.bytes))),
        ("published", status.published.to_string()),
        ("delivered", status.delivered.to_string()),
        ("settled", status.settled.to_string()),
        ("unrouted", status.unrouted.to_string()),
        ("conversions", conversions(&status.conversions)),
        ("journal record", status.lsn.to_string()),
    ];
    write_fields(&fields, out)
}

/// What the protocols could not tell each other.
fn conversions(it: &ConversionsObject) -> String {
    let ConversionsObject { lossy, lost, undeliverable } = it;
    format!("{lossy} deliveries lost {lost} properties; {undeliverable} were not possible")
}

fn write_fields(fields: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    fields.iter().try_for_each(|(name, value)| writeln!(out, "{name:<width$}  {}", one_line(value)))
}

fn write_queues(rows: &[QueueObject], now: u64, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no queues");
    }
    let titles = ["QUEUE", ">NS", ">READY", ">LEASED", ">DELAYED", ">SIZE", ">CONSUMERS", ">IN", ">OUT", ">AGE"];
    let mut table = Table::new(&titles);
    for row in rows {
        table.push(vec![
            one_line(&row.name),
            row.namespace.to_string(),
            row.ready.to_string(),
            row.leased.to_string(),
            row.delayed.to_string(),
            show_size(row.bytes),
            row.consumers.to_string(),
            row.enqueued.to_string(),
            row.delivered.to_string(),
            show_span(now.saturating_sub(row.created)),
        ]);
    }
    table.write(out)
}

fn write_queue(detail: &QueueDetail, out: &mut dyn Write) -> io::Result<()> {
    let (queue, settings) = (&detail.queue, &detail.settings);
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let dead_letter = settings.dead_letter.as_ref().map(|name| match settings.max_deliveries {
        Some(most) => format!("{name}, after {most} deliveries"),
        None => name.clone(),
    });
    let order = match settings.max_priority {
        0 => "of arrival".to_owned(),
        most => format!("by priority, up to {most}"),
    };
    let mut fields = vec![
        (queue.kind.as_str(), queue.name.clone()),
        ("namespace", queue.namespace.to_string()),
        ("alias for AWS", or(queue.alias.clone(), "none")),
        ("durable", if queue.durable { "yes".into() } else { "no".into() }),
        ("lifetime", settings.lifetime.clone()),
        ("ready", queue.ready.to_string()),
        ("leased", queue.leased.to_string()),
        ("delayed", queue.delayed.to_string()),
        ("size", show_size(queue.bytes)),
        ("consumers", queue.consumers.to_string()),
        ("enqueued", queue.enqueued.to_string()),
        ("delivered", queue.delivered.to_string()),
        ("settled", queue.settled.to_string()),
        ("expired", queue.expired.to_string()),
        ("dead-lettered", queue.dead_lettered.to_string()),
        ("dropped", queue.dropped.to_string()),
        ("order", order),
        ("max length", or(settings.max_length.map(|it| it.to_string()), "none")),
        ("max size", or(settings.max_bytes.map(show_size), "none")),
        ("when full", settings.overflow.clone()),
        ("time to live", or(settings.ttl.map(show_span), "for ever")),
        ("delay", show_span(settings.delay)),
        ("lease", show_span(settings.lease)),
        ("dead letters to", or(dead_letter, "nowhere")),
        ("created", show_time(queue.created)),
        ("altered", show_time(queue.altered)),
    ];
    fields.extend(settings.extras.iter().map(|(name, value)| (name.as_str(), value.clone())));
    write_fields(&fields, out)?;
    if detail.bindings.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["BOUND TO", "KEY", "SELECTOR"]);
    for binding in &detail.bindings {
        let selector = binding.selector.as_deref().unwrap_or_default();
        table.push([binding.exchange.as_str(), &binding.key, selector].map(one_line).to_vec());
    }
    writeln!(out)?;
    table.write(out)
}

fn write_topics(rows: &[TopicObject], out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no topics");
    }
    let mut table = Table::new(&["KEY", "EXCHANGE", ">NS", ">BINDINGS", "RETAINED"]);
    for row in rows {
        table.push(vec![
            one_line(&row.key),
            one_line(&row.exchange),
            row.namespace.to_string(),
            row.bindings.to_string(),
            if row.retained { "yes".into() } else { "-".into() },
        ]);
    }
    table.write(out)
}

fn write_connections(rows: &[ConnectionObject], now: u64, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no connections");
    }
    let mut table =
        Table::new(&["CONNECTION", "PROTOCOL", "ADDRESS", "USER", "CLIENT", ">CONSUMERS", ">LEASED", ">AGE"]);
    for row in rows {
        let or_dash = |text: &str| if text.is_empty() { "-".into() } else { one_line(text) };
        table.push(vec![
            row.connection.clone(),
            one_line(&row.protocol),
            or_dash(&row.address),
            or_dash(&row.user),
            or_dash(&row.client),
            row.consumers.to_string(),
            row.leased.to_string(),
            show_span(now.saturating_sub(row.since)),
        ]);
    }
    table.write(out)
}

fn write_deed(deed: Deed, name: &str, object: &DeedObject, out: &mut dyn Write) -> io::Result<()> {
    let messages = |count: u64| if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
    match deed {
        Deed::Sent if object.unrouted > 0 => {
            writeln!(out, "sent {} to {name}; no queue took {} of them", messages(object.sent), object.unrouted)
        }
        Deed::Sent => writeln!(out, "sent {} to {name}", messages(object.sent)),
        Deed::Purged => writeln!(out, "dropped {} of {name}", messages(object.count)),
        Deed::Moved => writeln!(out, "moved {} to {name}", messages(object.count)),
        Deed::Created if object.created => writeln!(out, "created {name}"),
        Deed::Created => writeln!(out, "{name} is there already, with these settings"),
        Deed::Deleted => writeln!(out, "deleted {name} and {} in it", messages(object.count)),
    }
}
