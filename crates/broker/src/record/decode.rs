use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, Binding, Body, EncodingId, Exchange, ExchangeSettings, Header, Message, MessageNumber, Namespace, Tag,
    Time,
};
use smallvec::SmallVec;

use super::settings::{exchange_settings, header_rule, kind, reason, settings};
use super::{
    Copied, Declared, Died, Loose, Parsed, Published, Ranges, Record, RestingPage, Route, StagedAgain, Tie, WrittenPage,
};
use crate::entry::Located;
use crate::summary::Summary;
use crate::transaction::TransactionNumber;
use crate::wire::{BadRecord, Reader};

impl Parsed {
    /// Reads one record; slices of `bytes` are kept. The body of a message is only its last piece.
    pub(crate) fn from_bytes(bytes: Bytes) -> Result<Self, BadRecord> {
        let mut r = Reader(bytes);
        let mut pieces = 0;
        let record = match r.byte()? {
            1 => Record::Published(published(&mut r, &mut pieces)?),
            2 => {
                let transaction = TransactionNumber(r.number()?);
                Record::Staged { transaction, published: published(&mut r, &mut pieces)? }
            }
            3 => Record::Piece(std::mem::take(&mut r.0)),
            4 => {
                let queue = r.small()?;
                let mut ranges = Ranges::new();
                for _ in 0..r.count()? {
                    let first = r.number()?;
                    ranges.push((first, first.saturating_add(r.number()?)));
                }
                Record::Settled { queue, ranges }
            }
            5 => {
                let (queue, namespace, name) = (r.small()?, Namespace(r.small()?), r.bytes()?.into());
                let alias = Some(r.text()?).filter(|alias| !alias.is_empty());
                let settings = settings(&mut r)?;
                Record::Declared(Box::new(Declared { queue, namespace, name, alias, settings }))
            }
            6 => Record::Altered { queue: r.small()?, settings: Box::new(settings(&mut r)?) },
            7 => Record::Deleted { queue: r.small()? },
            8 => Record::Bound { queue: r.small()?, binding: Box::new(binding(&mut r)?) },
            9 => Record::Unbound { queue: r.small()?, binding: Box::new(binding(&mut r)?) },
            10 => {
                let (namespace, name) = (Namespace(r.small()?), r.bytes()?.into());
                let settings = Box::new(ExchangeSettings::new(kind(&mut r)?));
                Record::ExchangeDeclared { namespace, name, settings }
            }
            11 => Record::ExchangeDeleted { namespace: Namespace(r.small()?), exchange: exchange(&mut r)? },
            12 => Record::Entered { namespace: Namespace(r.small()?), name: r.bytes()?.into() },
            other => ledger(other, &mut r)?,
        };
        Ok(Self { record, pieces })
    }
}

fn ledger(kind: u8, r: &mut Reader) -> Result<Record, BadRecord> {
    Ok(match kind {
        13 => Record::Marked { queue: r.small()?, below: r.number()? },
        14 => {
            let (queue, seq, attempts, failed) = (r.small()?, r.number()?, r.small()?, r.small()?);
            Record::Returned { queue, seq, attempts, failed, not_before: time(r)? }
        }
        15 => Record::Decided { queue: r.small()?, seq: r.number()?, mark: r.small()? },
        16 => Record::Unheld { queue: r.small()?, number: r.small()? },
        17 => Record::Moved { from: r.small()?, seq: r.number()?, to: r.small()?, to_seq: r.number()? },
        18 => {
            let number = MessageNumber(r.number()?);
            let located = Located { lsn: r.number()?, pieces: r.small()? };
            let (size, priority, expires) = (r.small()?, r.byte()?, time(r)?);
            Record::Copied(Box::new(Copied { number, located, size, priority, expires, route: route(r)? }))
        }
        19 => {
            let (queue, below) = (r.small()?, r.number()?);
            let except = (0..r.count()?).map(|_| r.number()).collect::<Result<_, _>>()?;
            Record::Purged { queue, below, except }
        }
        20 => {
            let transaction = TransactionNumber(r.number()?);
            Record::Prepared { transaction, xid: r.bytes()?, settles: pairs(r)? }
        }
        21 => {
            let transaction = TransactionNumber(r.number()?);
            Record::Committed { transaction, firsts: pairs(r)?, settles: pairs(r)? }
        }
        22 => Record::RolledBack { transaction: TransactionNumber(r.number()?) },
        23 => Record::Numbered { below: r.number()? },
        24 => Record::QueuesNumbered { below: r.small()? },
        26 => Record::Checkpoint { first: r.number()? },
        27 => Record::Held { queue: r.small()?, number: r.small()? },
        28 => {
            let (queue, next) = (r.small()?, r.number()?);
            Record::Advanced { queue, next, created: Time(r.number()?), altered: Time(r.number()?) }
        }
        29 => {
            let (from, seq, reason) = (r.small()?, r.number()?, reason(r)?);
            let (detail, came) = (r.bytes()?.into(), (exchange(r)?, r.bytes()?.into()));
            let (exchange, key) = (exchange(r)?, r.bytes()?.into());
            Record::Died(Box::new(Died { from, seq, reason, detail, came, exchange, key, places: pairs(r)? }))
        }
        30 => {
            let (namespace, name) = (Namespace(r.small()?), r.bytes()?.into());
            Record::ExchangeDeclared { namespace, name, settings: Box::new(exchange_settings(r)?) }
        }
        31 => Record::Tied(Box::new(tie(r)?)),
        32 => Record::Untied(Box::new(tie(r)?)),
        25 => Record::TopicDeclared { namespace: Namespace(r.small()?), name: r.bytes()?.into() },
        other => return pages(other, r),
    })
}

fn pages(kind: u8, r: &mut Reader) -> Result<Record, BadRecord> {
    Ok(match kind {
        33 => {
            let (queue, block, summary) = (r.small()?, r.number()?, Summary::read(r)?);
            Record::Page(Box::new(WrittenPage { queue, block, summary, entries: std::mem::take(&mut r.0) }))
        }
        34 => Record::Begun { transactions: r.number()? },
        35 => {
            let (queue, count) = (r.small()?, r.count()?);
            let page = |_| {
                let (block, lsn, len) = (r.number()?, r.number()?, r.small()?);
                Ok(RestingPage { block, lsn, len, summary: Summary::read(r)? })
            };
            Record::Resting { queue, pages: (0..count).map(page).collect::<Result<_, _>>()? }
        }
        36 => {
            let count = r.count()?;
            Record::Doomed { pages: (0..count).map(|_| Ok((r.number()?, r.small()?))).collect::<Result<_, _>>()? }
        }
        37 => {
            let (transaction, number) = (TransactionNumber(r.number()?), MessageNumber(r.number()?));
            let located = Located { lsn: r.number()?, pieces: r.small()? };
            let (size, header) = (r.small()?, header(r)?);
            let count = r.count()?;
            let routes = (0..count).map(|_| route(r)).collect::<Result<_, _>>()?;
            Record::StagedAgain(Box::new(StagedAgain { transaction, number, located, size, header, routes }))
        }
        38 => {
            let count = r.count()?;
            let mut body = |_| {
                let located = Located { lsn: r.number()?, pieces: r.small()? };
                Ok(Loose { located, size: r.small()? })
            };
            Record::Loose { bodies: (0..count).map(&mut body).collect::<Result<_, _>>()? }
        }
        _ => return Err(BadRecord("unknown kind")),
    })
}

fn published(r: &mut Reader, pieces: &mut u32) -> Result<Published, BadRecord> {
    let number = MessageNumber(r.number()?);
    let message = message(r, pieces)?;
    let hold = if r.bool()? { Some((r.small()?, r.small()?)) } else { None };
    let mut routes = SmallVec::new();
    for _ in 0..r.count()? {
        routes.push(route(r)?);
    }
    Ok(Published { number, message: Arc::new(message), hold, routes })
}

fn message(r: &mut Reader, pieces: &mut u32) -> Result<Message, BadRecord> {
    let namespace = Namespace(r.small()?);
    let address = Address { namespace, exchange: exchange(r)?, key: r.bytes()?.into() };
    let header = header(r)?;
    let encoding = EncodingId(r.small()?);
    let properties = r.bytes()?;
    *pieces = r.small()?;
    let body = Body::from(r.bytes()?);
    Ok(Message { address, header, encoding, properties, body })
}

fn header(r: &mut Reader) -> Result<Header, BadRecord> {
    let flags = r.byte()?;
    let (priority, private) = (r.byte()?, r.byte()?);
    Ok(Header {
        durable: flags & 1 != 0,
        retain: flags & 2 != 0,
        priority,
        private,
        expires: time(r)?,
        not_before: time(r)?,
    })
}

fn route(r: &mut Reader) -> Result<Route, BadRecord> {
    let (queue, seq, not_before) = (r.small()?, r.number()?, time(r)?);
    let flags = r.byte()?;
    let mut tags = SmallVec::new();
    for _ in 0..r.count()? {
        tags.push(Tag(r.number()?));
    }
    let (assured, retained) = (flags & 1 != 0, flags & 2 != 0);
    Ok(Route { queue, seq, not_before, durable: true, assured, retained, tags })
}

fn pairs(r: &mut Reader) -> Result<Vec<(u32, u64)>, BadRecord> {
    (0..r.count()?).map(|_| Ok((r.small()?, r.number()?))).collect()
}

fn time(r: &mut Reader) -> Result<Option<Time>, BadRecord> {
    Ok(r.option()?.map(Time))
}

pub(crate) fn exchange(r: &mut Reader) -> Result<Exchange, BadRecord> {
    Ok(match r.byte()? {
        0 => Exchange::Default,
        1 => Exchange::Topic,
        2 => Exchange::Direct,
        3 => Exchange::Fanout,
        4 => Exchange::Headers,
        5 => Exchange::Named(r.bytes()?.into()),
        _ => return Err(BadRecord("unknown exchange")),
    })
}

fn tie(r: &mut Reader) -> Result<Tie, BadRecord> {
    Ok(Tie { namespace: Namespace(r.small()?), destination: exchange(r)?, binding: binding(r)? })
}

fn binding(r: &mut Reader) -> Result<Binding, BadRecord> {
    let (exchange, key) = (exchange(r)?, r.bytes()?.into());
    let headers = if r.bool()? { Some(header_rule(r)?) } else { None };
    let (present, selector) = (r.bool()?, r.text()?);
    let tag = Tag(r.number()?);
    let (at_most_once, hides_dollar) = (r.bool()?, r.bool()?);
    Ok(Binding { exchange, key, headers, selector: present.then_some(selector), tag, at_most_once, hides_dollar })
}
