//! What memory and store hold, for people.

use std::io::{self, Write};

use crate::cli::table::Table;
use crate::cli::text::one_line;
use crate::cli::units::{show_size, show_span};
use crate::json::{CulpritObject, HoldingObject, RoomObject, SpaceObject};

/// Consumers that are named in one row.
const NAMED: usize = 3;

pub(super) fn show_store(store: Option<&SpaceObject>) -> String {
    let Some(store) = store else { return "not measured".into() };
    let [used, live, free] = [store.used, store.live, store.free].map(show_size);
    let stalled = if store.stalled { "; nothing becomes durable for now" } else { "" };
    format!("{used} used, {live} of it needed; {free} free{stalled}")
}

pub(super) fn show_alarm(short_of: Option<&str>, culprit: Option<&CulpritObject>) -> String {
    let Some(short_of) = short_of else { return "none".into() };
    let culprit = culprit.map(|CulpritObject { queue, messages, bytes }| {
        format!("; queue {queue} held most: {messages} messages, {}", show_size(*bytes))
    });
    format!("short of {short_of}, publishers wait{}", culprit.unwrap_or_default())
}

pub(super) fn write_room(room: &RoomObject, out: &mut dyn Write) -> io::Result<()> {
    let memory = format!("{} of {}", show_size(room.memory), show_size(room.memory_limit));
    writeln!(out, "store: {}. memory: {memory}", show_store(room.store.as_ref()))?;
    if room.alarm.is_some() {
        let alarm = show_alarm(room.alarm.as_deref(), room.culprit.as_ref());
        writeln!(out, "{}", one_line(&alarm))?;
    }
    Ok(())
}

pub(super) fn write_holdings(rows: &[HoldingObject], now: u64, out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no queue holds a message");
    }
    let titles = ["QUEUE", ">NS", ">SIZE", ">MESSAGES", ">IN MEMORY", ">OLDEST", ">LEASED", "UNSETTLED BY"];
    let mut table = Table::new(&titles);
    for row in rows {
        table.push(vec![
            one_line(&row.name),
            row.namespace.to_string(),
            show_size(row.bytes),
            row.messages.to_string(),
            row.in_memory.to_string(),
            row.oldest.map_or("-".into(), |at| show_span(now.saturating_sub(at))),
            row.leased.to_string(),
            unsettled(&row.consumers),
        ]);
    }
    table.write(out)
}

/// `worker-7 120, worker-2 5, 3 more`
fn unsettled(consumers: &[(String, u64)]) -> String {
    if consumers.is_empty() {
        return "no consumers".into();
    }
    let named = consumers.iter().take(NAMED).map(|(name, count)| format!("{} {count}", one_line(name)));
    let mut named: Vec<String> = named.collect();
    if consumers.len() > NAMED {
        named.push(format!("{} more", consumers.len() - NAMED));
    }
    named.join(", ")
}
