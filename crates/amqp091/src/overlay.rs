//! What the broker adds to a message's headers on its way out: RabbitMQ's `x-death` and its relatives. The publisher's
//! bytes stay as they are.

use bytes::{Bytes, BytesMut};
use model::{Death, DeathReason, History};

use crate::codec::{ArrayBuilder, ArrayView, FieldTable, FieldValue, Properties, TableBuilder, Unencodable};
use crate::deliver::exchange_name;

/// Headers that are the broker's to say, if there is a history.
const DEATH_HEADERS: [&str; 7] = [
    "x-death",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-first-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-last-death-exchange",
];
const DELIVERY_COUNT: &str = "x-delivery-count";

/// The property list `raw` with the history of dead-lettering and the count of earlier deliveries. `None` if there is
/// no room for them.
pub(crate) fn laid_over(raw: &[u8], history: Option<&History>, count: Option<u32>) -> Option<BytesMut> {
    let properties = Properties::of_checked(raw);
    let mut table = TableBuilder::new();
    for (name, value) in properties.headers.unwrap_or_default() {
        let is = |other: &&str| other.as_bytes() == name;
        let replaced = (history.is_some() && DEATH_HEADERS.iter().any(is)) || (count.is_some() && is(&DELIVERY_COUNT));
        if !replaced {
            table.push(name, value);
        }
    }
    if let Some(count) = count {
        table.push(DELIVERY_COUNT.as_bytes(), FieldValue::Long(count.into()));
    }
    let mut expiration = properties.expiration;
    if let Some(history) = history {
        // A dead letter does not expire again; RabbitMQ says here what it was.
        let original = expiration.take();
        put_deaths(history, original, &mut table).ok()?;
    }
    let table = table.finish().ok()?;
    let headers = Some(table.view());
    let mut out = BytesMut::new();
    Properties { headers, expiration, ..properties }.write(&mut out).ok()?;
    Some(out)
}

fn put_deaths(history: &History, expiration: Option<&[u8]>, table: &mut TableBuilder) -> Result<(), Unencodable> {
    let (Some(last), Some(first)) = (history.deaths.first(), history.deaths.last()) else { return Ok(()) };
    let mut deaths = ArrayBuilder::new();
    for (at, death) in history.deaths.iter().enumerate() {
        let is_first = at + 1 == history.deaths.len();
        let entry = entry(death, expiration.filter(|_| is_first))?;
        deaths.push(FieldValue::Table(entry.view()));
    }
    let deaths: Bytes = deaths.finish()?;
    table.push(b"x-death", FieldValue::Array(ArrayView::new(&deaths).map_err(|_| Unencodable::TooDeep)?));
    for (death, [queue, reason, exchange]) in [
        (first, ["x-first-death-queue", "x-first-death-reason", "x-first-death-exchange"]),
        (last, ["x-last-death-queue", "x-last-death-reason", "x-last-death-exchange"]),
    ] {
        table.push(queue.as_bytes(), FieldValue::LongString(death.queue.as_bytes()));
        table.push(reason.as_bytes(), FieldValue::LongString(death.reason.as_str().as_bytes()));
        table.push(exchange.as_bytes(), FieldValue::LongString(exchange_name(&death.exchange)));
    }
    Ok(())
}

fn entry(death: &Death, expiration: Option<&[u8]>) -> Result<FieldTable, Unencodable> {
    let mut keys = ArrayBuilder::new();
    keys.push(FieldValue::LongString(death.key.as_bytes()));
    let keys = keys.finish()?;
    let mut table = TableBuilder::new();
    table.push(b"count", FieldValue::Long(i64::try_from(death.count).unwrap_or(i64::MAX)));
    table.push(b"reason", FieldValue::LongString(death.reason.as_str().as_bytes()));
    if death.reason == DeathReason::Undeliverable && !death.detail.is_empty() {
        table.push(b"detail", FieldValue::LongString(death.detail.as_bytes()));
    }
    table.push(b"queue", FieldValue::LongString(death.queue.as_bytes()));
    table.push(b"time", FieldValue::Timestamp(death.time.0 / 1000));
    table.push(b"exchange", FieldValue::LongString(exchange_name(&death.exchange)));
    table.push(b"routing-keys", FieldValue::Array(ArrayView::new(&keys).map_err(|_| Unencodable::TooDeep)?));
    if let Some(expiration) = expiration {
        table.push(b"original-expiration", FieldValue::LongString(expiration));
    }
    table.finish()
}
