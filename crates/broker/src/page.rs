//! What the journal has of a block of entries, and what is known of it without reading it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use model::{Death, History, MessageNumber, Tag, Time};
use smallvec::SmallVec;

use crate::entry::{Entry, Located, State};
use crate::record::{Parsed, Record, exchange, put_exchange, put_reason, reason};
use crate::summary::Summary;
use crate::wire::{BadRecord, Reader, put_bytes, put_number};

/// Histories of a page that the next one is compared with.
const HISTORIES: usize = 8;
/// Entries that room is made for before they are read.
const PREPARED: usize = 4_096;

/// A written block.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Page {
    /// The record that has it.
    pub(crate) lsn: u64,
    /// Bytes of that record.
    pub(crate) len: u32,
    pub(crate) summary: Summary,
    /// It was asked for.
    pub(crate) coming: bool,
    /// It cannot be read.
    pub(crate) damaged: bool,
}

impl std::ops::Deref for Page {
    type Target = Summary;

    fn deref(&self) -> &Summary {
        &self.summary
    }
}

/// Flags of an entry in a page.
mod flag {
    pub(super) const ASSURED: u8 = 1;
    pub(super) const EXACT: u8 = 2;
    pub(super) const RETAINED: u8 = 4;
    /// An expiry of its own follows.
    pub(super) const EXPIRES: u8 = 8;
    /// It was handed out before: how often, how often in vain, and when first, follow.
    pub(super) const TRIED: u8 = 16;
    /// Delayed (a time follows) or decided (a mark follows).
    pub(super) const STATE: u8 = 32;
    /// The number of its history follows, the history itself where it is the first with this number.
    pub(super) const HISTORY: u8 = 64;
    pub(super) const TAGS: u8 = 128;
}

/// Writes entries, in ascending order of sequence number.
///
/// ```text
/// page  = count, entry*
/// entry = flags u8, priority u8, seq, lsn, number (each as difference to the entry before), pieces, size, arrived
///         (difference), then what the flags say
/// ```
#[derive(Default)]
pub(crate) struct Writer {
    body: BytesMut,
    count: u64,
    seq: u64,
    lsn: u64,
    number: u64,
    arrived: u64,
    histories: Vec<Arc<History>>,
}

impl Writer {
    pub(crate) fn add(&mut self, seq: u64, entry: &Entry, located: Located) {
        let out = &mut self.body;
        let state = entry.state.at_rest();
        let set = |condition: bool, flag: u8| if condition { flag } else { 0 };
        out.put_u8(
            set(entry.assured, flag::ASSURED)
                | set(entry.exact, flag::EXACT)
                | set(entry.retained, flag::RETAINED)
                | set(entry.expires.is_some(), flag::EXPIRES)
                | set(entry.attempts > 0 || entry.failed > 0, flag::TRIED)
                | set(state != State::Ready, flag::STATE)
                | set(entry.history.is_some(), flag::HISTORY)
                | set(!entry.tags.is_empty(), flag::TAGS),
        );
        out.put_u8(entry.priority);
        put_number(out, seq - self.seq);
        put_difference(out, self.lsn, located.lsn);
        put_difference(out, self.number, entry.number.0);
        put_number(out, located.pieces.into());
        put_number(out, entry.size.into());
        put_difference(out, self.arrived, entry.arrived.0);
        (self.seq, self.lsn, self.number, self.arrived) = (seq, located.lsn, entry.number.0, entry.arrived.0);
        if let Some(expires) = entry.expires {
            put_number(out, expires.0);
        }
        if entry.attempts > 0 || entry.failed > 0 {
            put_number(out, entry.attempts.into());
            put_number(out, entry.failed.into());
            put_number(out, entry.first_acquired.0);
        }
        put_state(out, state);
        if let Some(history) = &entry.history {
            self.put_history(history);
        }
        let out = &mut self.body;
        if !entry.tags.is_empty() {
            put_number(out, entry.tags.len() as u64);
            entry.tags.iter().for_each(|tag| put_number(out, tag.0));
        }
        self.count += 1;
    }

    /// Entries of a page often share one history: they came by the same address.
    fn put_history(&mut self, history: &Arc<History>) {
        let recent = self.histories.len().saturating_sub(HISTORIES);
        let known = self.histories[recent..].iter().rposition(|other| other == history).map(|at| recent + at);
        put_number(&mut self.body, known.unwrap_or(self.histories.len()) as u64);
        if known.is_none() {
            put_history(&mut self.body, history);
            self.histories.push(history.clone());
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.body.len() + 4);
        put_number(&mut out, self.count);
        out.extend_from_slice(&self.body);
        out.freeze()
    }
}

/// The entries of a page's record.
pub(crate) fn of_record(record: Bytes) -> Result<Vec<(u64, Entry)>, BadRecord> {
    // What the journal read is a slice of a whole frame, which a message's history must not pin.
    match Parsed::from_bytes(Bytes::copy_from_slice(&record))?.record {
        Record::Page(written) => read(written.entries),
        _ => Err(BadRecord("no page")),
    }
}

/// Reads what a [`Writer`] wrote: entries whose bodies are in the journal only.
pub(crate) fn read(bytes: Bytes) -> Result<Vec<(u64, Entry)>, BadRecord> {
    let mut r = Reader(bytes);
    let count = r.count()?;
    let mut entries = Vec::with_capacity(count.min(PREPARED));
    let (mut seq, mut lsn, mut number, mut arrived) = (0u64, 0, 0, 0);
    let mut histories = BTreeMap::new();
    for _ in 0..count {
        let (flags, priority) = (r.byte()?, r.byte()?);
        seq = seq.checked_add(r.number()?).ok_or(BadRecord("sequence numbers overflow"))?;
        lsn = difference(&mut r, lsn)?;
        number = difference(&mut r, number)?;
        let located = Located { lsn, pieces: r.small()? };
        let size = r.small()?;
        arrived = difference(&mut r, arrived)?;
        let has = |flag| flags & flag != 0;
        let expires = if has(flag::EXPIRES) { Some(Time(r.number()?)) } else { None };
        let (attempts, failed, first_acquired) =
            if has(flag::TRIED) { (r.small()?, r.small()?, Time(r.number()?)) } else { (0, 0, Time::ZERO) };
        let state = if has(flag::STATE) { state(&mut r)? } else { State::Ready };
        let history = if has(flag::HISTORY) { Some(history(&mut r, &mut histories)?) } else { None };
        let mut tags = SmallVec::new();
        if has(flag::TAGS) {
            for _ in 0..r.count()? {
                tags.push(Tag(r.number()?));
            }
        }
        let entry = Entry {
            message: None,
            number: MessageNumber(number),
            located: Some(located),
            arrived: Time(arrived),
            expires,
            first_acquired,
            attempts,
            failed,
            size,
            charge: size,
            priority,
            durable: true,
            assured: has(flag::ASSURED),
            exact: has(flag::EXACT),
            retained: has(flag::RETAINED),
            history,
            tags,
            state,
        };
        entries.push((seq, entry));
    }
    Ok(entries)
}

fn put_state(out: &mut BytesMut, state: State) {
    match state {
        State::Ready | State::Leased(_) => {}
        State::Delayed(at) => {
            out.put_u8(0);
            put_number(out, at.0);
        }
        State::Decided { mark } => {
            out.put_u8(1);
            put_number(out, mark.into());
        }
    }
}

fn state(r: &mut Reader) -> Result<State, BadRecord> {
    match r.byte()? {
        0 => Ok(State::Delayed(Time(r.number()?))),
        1 => Ok(State::Decided { mark: r.small()? }),
        _ => Err(BadRecord("unknown state")),
    }
}

fn put_history(out: &mut BytesMut, history: &History) {
    put_exchange(out, &history.exchange);
    put_bytes(out, history.key.as_bytes());
    put_number(out, history.deaths.len() as u64);
    for death in &history.deaths {
        put_bytes(out, death.queue.as_bytes());
        put_reason(out, death.reason);
        put_bytes(out, death.detail.as_bytes());
        put_number(out, death.count);
        put_number(out, death.time.0);
        put_exchange(out, &death.exchange);
        put_bytes(out, death.key.as_bytes());
    }
}

fn history(r: &mut Reader, known: &mut BTreeMap<u64, Arc<History>>) -> Result<Arc<History>, BadRecord> {
    let number = r.number()?;
    if let Some(history) = known.get(&number) {
        return Ok(history.clone());
    }
    let (exchange_of, key) = (exchange(r)?, r.bytes()?.into());
    let mut deaths = Vec::new();
    for _ in 0..r.count()? {
        deaths.push(Death {
            queue: r.bytes()?.into(),
            reason: reason(r)?,
            detail: r.bytes()?.into(),
            count: r.number()?,
            time: Time(r.number()?),
            exchange: exchange(r)?,
            key: r.bytes()?.into(),
        });
    }
    let history = Arc::new(History { deaths, exchange: exchange_of, key });
    known.insert(number, history.clone());
    Ok(history)
}

/// The difference of two numbers that may go either way, small ones in few bytes.
fn put_difference(out: &mut BytesMut, before: u64, now: u64) {
    let difference = now.wrapping_sub(before) as i64;
    put_number(out, ((difference << 1) ^ (difference >> 63)) as u64);
}

fn difference(r: &mut Reader, before: u64) -> Result<u64, BadRecord> {
    let number = r.number()?;
    let difference = (number >> 1) as i64 ^ -((number & 1) as i64);
    Ok(before.wrapping_add(difference as u64))
}

#[cfg(test)]
mod tests {
    use model::{DeathReason, Exchange};

    use super::*;

    fn entry(lsn: u64) -> Entry {
        Entry {
            message: None,
            number: MessageNumber(lsn * 3),
            located: Some(Located { lsn, pieces: 0 }),
            arrived: Time(1_700_000_000_000 - lsn),
            expires: None,
            first_acquired: Time::ZERO,
            attempts: 0,
            failed: 0,
            size: 1024,
            charge: 1024,
            priority: 4,
            durable: true,
            assured: true,
            exact: false,
            retained: false,
            history: None,
            tags: SmallVec::new(),
            state: State::Ready,
        }
    }

    fn written(entries: &[(u64, Entry)]) -> Bytes {
        let mut writer = Writer::default();
        for (seq, entry) in entries {
            writer.add(*seq, entry, entry.located.expect("it has a place"));
        }
        writer.finish()
    }

    #[test]
    fn a_page_says_all_of_its_entries() {
        let death = Death {
            queue: "q".into(),
            reason: DeathReason::Rejected,
            detail: "why".into(),
            count: 2,
            time: Time(9),
            exchange: Exchange::Topic,
            key: "a.b".into(),
        };
        let history = Arc::new(History { deaths: vec![death], exchange: Exchange::Default, key: "k".into() });
        let entries = vec![
            (7, entry(100)),
            (8, Entry { history: Some(history.clone()), attempts: 3, failed: 1, first_acquired: Time(5), ..entry(90) }),
            (1030, Entry { history: Some(history), expires: Some(Time(77)), exact: true, retained: true, ..entry(91) }),
            (1031, Entry { state: State::Delayed(Time(5)), tags: SmallVec::from_slice(&[Tag(1), Tag(9)]), ..entry(2) }),
            (
                1040,
                Entry { state: State::Decided { mark: 8 }, located: Some(Located { lsn: 70, pieces: 3 }), ..entry(70) },
            ),
        ];
        let read = read(written(&entries)).expect("what was written");
        assert_eq!(format!("{read:?}"), format!("{entries:?}"));
    }

    #[test]
    fn a_plain_entry_takes_few_bytes() {
        let entries: Vec<(u64, Entry)> = (0..1024).map(|i| (5000 + i, entry(1 << 40 | i))).collect();
        assert!(written(&entries).len() < 12 * 1024, "{} bytes", written(&entries).len());
    }

    #[test]
    fn a_page_cut_short_is_refused() {
        let whole = written(&[(1, entry(1)), (2, entry(2))]);
        for length in 0..whole.len() {
            assert!(read(whole.slice(..length)).is_err(), "{length} bytes");
        }
    }
}
