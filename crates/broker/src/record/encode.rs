use bytes::{BufMut, Bytes, BytesMut};
use model::limits::RECORD_BODY_BYTES;
use model::{Binding, Body, Exchange, ExchangeSettings, Header, Message, Name, Time};

use super::settings::{put_exchange_settings, put_header_rule, put_kind, put_reason, put_settings};
use super::{Copied, Loose, Published, Record, Route, StagedAgain, Tie};
use crate::records::Records;
use crate::wire::{put_bool, put_bytes, put_number, put_option};

impl Record {
    pub(crate) fn encode(&self, out: &mut Records) {
        match self {
            Self::Published(published) => {
                out.buffer.put_u8(1);
                put_published(out, published);
            }
            Self::Staged { transaction, published } => {
                out.buffer.put_u8(2);
                put_number(&mut out.buffer, transaction.0);
                put_published(out, published);
            }
            Self::Piece(bytes) => {
                out.buffer.put_u8(3);
                out.append(bytes);
            }
            rest => rest.encode_definition(&mut out.buffer),
        }
    }

    fn encode_definition(&self, out: &mut BytesMut) {
        match self {
            Self::Settled { queue, ranges } => {
                put_head(out, 4, *queue);
                put_number(out, ranges.len() as u64);
                for (first, last) in ranges {
                    put_number(out, *first);
                    put_number(out, last - first);
                }
            }
            Self::Declared(declared) => {
                put_head(out, 5, declared.queue);
                put_number(out, declared.namespace.0.into());
                put_bytes(out, declared.name.as_bytes());
                put_bytes(out, declared.alias.as_deref().unwrap_or_default().as_bytes());
                put_settings(out, &declared.settings);
            }
            Self::Altered { queue, settings } => {
                put_head(out, 6, *queue);
                put_settings(out, settings);
            }
            Self::Deleted { queue } => put_head(out, 7, *queue),
            Self::Bound { queue, binding } => {
                put_head(out, 8, *queue);
                put_binding(out, binding);
            }
            Self::Unbound { queue, binding } => {
                put_head(out, 9, *queue);
                put_binding(out, binding);
            }
            Self::ExchangeDeclared { namespace, name, settings } => {
                let plain = **settings == ExchangeSettings::new(settings.kind);
                put_head(out, if plain { 10 } else { 30 }, namespace.0.into());
                put_bytes(out, name.as_bytes());
                put_kind(out, settings.kind);
                if !plain {
                    put_exchange_settings(out, settings);
                }
            }
            Self::Tied(tie) => put_tie(out, 31, tie),
            Self::Untied(tie) => put_tie(out, 32, tie),
            Self::ExchangeDeleted { namespace, exchange } => {
                put_head(out, 11, namespace.0.into());
                put_exchange(out, exchange);
            }
            Self::Entered { namespace, name } => {
                put_head(out, 12, namespace.0.into());
                put_bytes(out, name.as_bytes());
            }
            rest => rest.encode_ledger(out),
        }
    }

    fn encode_ledger(&self, out: &mut BytesMut) {
        match self {
            Self::Marked { queue, below } => {
                put_head(out, 13, *queue);
                put_number(out, *below);
            }
            Self::Returned { queue, seq, attempts, failed, not_before } => {
                put_head(out, 14, *queue);
                put_numbers(out, &[*seq, (*attempts).into(), (*failed).into()]);
                put_time(out, *not_before);
            }
            Self::Decided { queue, seq, mark } => {
                put_head(out, 15, *queue);
                put_numbers(out, &[*seq, (*mark).into()]);
            }
            Self::Unheld { queue, number } => {
                put_head(out, 16, *queue);
                put_number(out, (*number).into());
            }
            Self::Moved { from, seq, to, to_seq } => {
                put_head(out, 17, *from);
                put_numbers(out, &[*seq, (*to).into(), *to_seq]);
            }
            Self::Copied(copied) => {
                let Copied { number, located, size, priority, expires, route } = copied.as_ref();
                out.put_u8(18);
                put_numbers(out, &[number.0, located.lsn, located.pieces.into(), (*size).into()]);
                out.put_u8(*priority);
                put_time(out, *expires);
                put_route(out, route);
            }
            Self::Purged { queue, below, except } => {
                put_head(out, 19, *queue);
                put_number(out, *below);
                put_number(out, except.len() as u64);
                put_numbers(out, except);
            }
            Self::Prepared { transaction, xid, settles } => {
                out.put_u8(20);
                put_number(out, transaction.0);
                put_bytes(out, xid);
                put_pairs(out, settles);
            }
            Self::Committed { transaction, firsts, settles } => {
                out.put_u8(21);
                put_number(out, transaction.0);
                put_pairs(out, firsts);
                put_pairs(out, settles);
            }
            Self::RolledBack { transaction } => {
                out.put_u8(22);
                put_number(out, transaction.0);
            }
            rest => rest.encode_bookkeeping(out),
        }
    }

    fn encode_bookkeeping(&self, out: &mut BytesMut) {
        match self {
            Self::Numbered { below } => {
                out.put_u8(23);
                put_number(out, *below);
            }
            Self::QueuesNumbered { below } => put_head(out, 24, *below),
            Self::Checkpoint { first } => {
                out.put_u8(26);
                put_number(out, *first);
            }
            Self::Held { queue, number } => {
                put_head(out, 27, *queue);
                put_number(out, (*number).into());
            }
            Self::Advanced { queue, next, created, altered } => {
                put_head(out, 28, *queue);
                put_numbers(out, &[*next, created.0, altered.0]);
            }
            Self::Died(died) => {
                put_head(out, 29, died.from);
                put_number(out, died.seq);
                put_reason(out, died.reason);
                put_bytes(out, died.detail.as_bytes());
                put_exchange(out, &died.came.0);
                put_bytes(out, died.came.1.as_bytes());
                put_exchange(out, &died.exchange);
                put_bytes(out, died.key.as_bytes());
                put_pairs(out, &died.places);
            }
            Self::TopicDeclared { namespace, name } => {
                put_head(out, 25, namespace.0.into());
                put_bytes(out, name.as_bytes());
            }
            pages => pages.encode_pages(out),
        }
    }

    fn encode_pages(&self, out: &mut BytesMut) {
        match self {
            Self::Page(written) => {
                put_head(out, 33, written.queue);
                put_number(out, written.block);
                written.summary.put(out);
                out.extend_from_slice(&written.entries);
            }
            Self::Begun { transactions } => {
                out.put_u8(34);
                put_number(out, *transactions);
            }
            Self::Resting { queue, pages } => {
                put_head(out, 35, *queue);
                put_number(out, pages.len() as u64);
                for page in pages {
                    put_numbers(out, &[page.block, page.lsn, page.len.into()]);
                    page.summary.put(out);
                }
            }
            Self::Doomed { pages } => {
                out.put_u8(36);
                put_number(out, pages.len() as u64);
                for (lsn, len) in pages {
                    put_numbers(out, &[*lsn, (*len).into()]);
                }
            }
            Self::Loose { bodies } => {
                out.put_u8(38);
                put_number(out, bodies.len() as u64);
                for Loose { located, size } in bodies {
                    put_numbers(out, &[located.lsn, located.pieces.into(), (*size).into()]);
                }
            }
            Self::StagedAgain(staged) => {
                let StagedAgain { transaction, number, located, size, header, routes } = staged.as_ref();
                out.put_u8(37);
                put_numbers(out, &[transaction.0, number.0, located.lsn, located.pieces.into(), (*size).into()]);
                put_header(out, header);
                put_number(out, routes.len() as u64);
                routes.iter().for_each(|route| put_route(out, route));
            }
            _ => unreachable!("encode() writes the other kinds"),
        }
    }
}

/// The pieces of `body` that go into records of their own, and the last one, which stands in the message's record.
pub(crate) fn split_body(body: &Body) -> (Vec<Bytes>, Body) {
    if body.len() <= RECORD_BODY_BYTES {
        return (Vec::new(), body.clone());
    }
    let mut rest = body.joined();
    let mut pieces = Vec::new();
    while rest.len() > RECORD_BODY_BYTES {
        pieces.push(rest.split_to(RECORD_BODY_BYTES));
    }
    (pieces, rest.into())
}

/// `message` with the body that is left after [`split_body`].
fn put_message(records: &mut Records, message: &Message, pieces: u32, last: &Body) {
    let out = &mut records.buffer;
    put_number(out, message.address.namespace.0.into());
    put_exchange(out, &message.address.exchange);
    put_bytes(out, message.address.key.as_bytes());
    put_header(out, &message.header);
    put_number(out, message.encoding.0.into());
    put_bytes(out, &message.properties);
    put_number(out, pieces.into());
    put_number(out, last.len() as u64);
    for piece in last.pieces() {
        records.append(piece);
    }
}

fn put_header(out: &mut BytesMut, header: &Header) {
    out.put_u8(u8::from(header.durable) | u8::from(header.retain) << 1);
    out.put_u8(header.priority);
    out.put_u8(header.private);
    put_time(out, header.expires);
    put_time(out, header.not_before);
}

fn put_published(records: &mut Records, published: &Published) {
    put_number(&mut records.buffer, published.number.0);
    let (pieces, last) = split_body(&published.message.body);
    put_message(records, &published.message, pieces.len() as u32, &last);
    let out = &mut records.buffer;
    match published.hold {
        None => put_bool(out, false),
        Some((queue, number)) => {
            put_bool(out, true);
            put_numbers(out, &[queue.into(), number.into()]);
        }
    }
    let durable = || published.routes.iter().filter(|route| route.durable);
    put_number(out, durable().count() as u64);
    durable().for_each(|route| put_route(out, route));
}

fn put_route(out: &mut BytesMut, route: &Route) {
    put_numbers(out, &[route.queue.into(), route.seq]);
    put_time(out, route.not_before);
    out.put_u8(u8::from(route.assured) | u8::from(route.retained) << 1);
    put_number(out, route.tags.len() as u64);
    for tag in &route.tags {
        put_number(out, tag.0);
    }
}

fn put_head(out: &mut BytesMut, kind: u8, number: u32) {
    out.put_u8(kind);
    put_number(out, number.into());
}

fn put_tie(out: &mut BytesMut, kind: u8, tie: &Tie) {
    put_head(out, kind, tie.namespace.0.into());
    put_exchange(out, &tie.destination);
    put_binding(out, &tie.binding);
}

fn put_numbers(out: &mut BytesMut, numbers: &[u64]) {
    for number in numbers {
        put_number(out, *number);
    }
}

fn put_pairs(out: &mut BytesMut, pairs: &[(u32, u64)]) {
    put_number(out, pairs.len() as u64);
    for (queue, seq) in pairs {
        put_numbers(out, &[(*queue).into(), *seq]);
    }
}

fn put_time(out: &mut BytesMut, time: Option<Time>) {
    put_option(out, time.map(|time| time.0));
}

pub(crate) fn put_exchange(out: &mut BytesMut, exchange: &Exchange) {
    let (kind, name) = match exchange {
        Exchange::Default => (0, &Name::default()),
        Exchange::Topic => (1, &Name::default()),
        Exchange::Direct => (2, &Name::default()),
        Exchange::Fanout => (3, &Name::default()),
        Exchange::Headers => (4, &Name::default()),
        Exchange::Named(name) => (5, name),
    };
    out.put_u8(kind);
    if kind == 5 {
        put_bytes(out, name.as_bytes());
    }
}

fn put_binding(out: &mut BytesMut, binding: &Binding) {
    put_exchange(out, &binding.exchange);
    put_bytes(out, binding.key.as_bytes());
    put_bool(out, binding.headers.is_some());
    if let Some(rule) = &binding.headers {
        put_header_rule(out, rule);
    }
    put_bool(out, binding.selector.is_some());
    put_bytes(out, binding.selector.as_deref().unwrap_or_default().as_bytes());
    put_number(out, binding.tag.0);
    put_bool(out, binding.at_most_once);
    put_bool(out, binding.hides_dollar);
}
