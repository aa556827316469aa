use std::fmt::{self, Display, Formatter};

use bytes::Bytes;
use model::{Address, Body, Exchange, ExchangeSettings, Time};

use super::{Died, Parsed, Published, Record, Route};
use crate::summary::Summary;

/// One line that says what a record says, for tests and logs; its form is no promise.
#[doc(hidden)]
pub fn describe(record: &[u8]) -> String {
    match Parsed::from_bytes(Bytes::copy_from_slice(record)) {
        Ok(Parsed { record, pieces: 0 }) => record.to_string(),
        Ok(Parsed { record, pieces }) => format!("{record} and {pieces} pieces before"),
        Err(error) => error.to_string(),
    }
}

impl Display for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published(published) => write!(f, "Published {published}"),
            Self::Staged { transaction, published } => write!(f, "Staged t{} {published}", transaction.0),
            Self::Piece(bytes) => write!(f, "Piece of {} bytes", bytes.len()),
            Self::Settled { queue, ranges } => {
                write!(f, "Settled q{queue}")?;
                ranges.iter().try_for_each(|range| write_range(f, *range))
            }
            Self::Declared(it) => {
                write!(f, "Declared q{} {:?}", it.queue, it.name)?;
                it.alias.iter().try_for_each(|alias| write!(f, " alias {alias}"))
            }
            Self::Altered { queue, .. } => write!(f, "Altered q{queue}"),
            Self::Deleted { queue } => write!(f, "Deleted q{queue}"),
            Self::Bound { queue, binding } => {
                write!(f, "Bound q{queue} to {}/{}", binding.exchange.to_text(), binding.key)
            }
            Self::Unbound { queue, binding } => {
                write!(f, "Unbound q{queue} from {}/{}", binding.exchange.to_text(), binding.key)
            }
            Self::ExchangeDeclared { name, settings, .. } => {
                let ExchangeSettings { kind, durable, auto_delete, internal, alternate } = settings.as_ref();
                write!(f, "ExchangeDeclared {name:?} {kind:?}")?;
                let flags = [(!durable, "transient"), (*auto_delete, "auto-delete"), (*internal, "internal")];
                flags.iter().filter(|(is, _)| *is).try_for_each(|(_, flag)| write!(f, " {flag}"))?;
                alternate.as_ref().map_or(Ok(()), |alternate| write!(f, " else {alternate:?}"))
            }
            Self::Tied(tie) => write!(f, "Tied {:?} <- {:?}", tie.destination.to_text(), tie.binding),
            Self::Untied(tie) => write!(f, "Untied {:?} <- {:?}", tie.destination.to_text(), tie.binding),
            Self::ExchangeDeleted { exchange, .. } => write!(f, "ExchangeDeleted {:?}", exchange.to_text()),
            Self::Entered { namespace, name } => write!(f, "Entered {} {name:?}", namespace.0),
            ledger => ledger.describe_ledger(f),
        }
    }
}

impl Record {
    fn describe_ledger(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Marked { queue, below } => write!(f, "Marked q{queue} below {below}"),
            Self::Returned { queue, seq, attempts, failed, not_before } => {
                write!(f, "Returned q{queue}@{seq} attempts {attempts} failed {failed}{}", Until(*not_before))
            }
            Self::Decided { queue, seq, mark } => write!(f, "Decided q{queue}@{seq} mark {mark}"),
            Self::Unheld { queue, number } => write!(f, "Unheld q{queue} {number}"),
            Self::Died(died) => {
                let Died { from, seq, reason, detail, came, exchange, key, places } = died.as_ref();
                let to = exchange.to_text();
                let (by, reason) = (came.0.to_text(), reason.as_str());
                write!(f, "Died q{from}@{seq} by {by:?} {} {reason} {detail} -> {to:?} {key} {places:?}", came.1)
            }
            Self::Moved { from, seq, to, to_seq } => write!(f, "Moved q{from}@{seq} -> q{to}@{to_seq}"),
            Self::Copied(it) => write!(f, "Copied #{} from {}{}", it.number.0, it.located.lsn, At(&it.route)),
            Self::Purged { queue, below, except } => write!(f, "Purged q{queue} below {below} except {except:?}"),
            Self::Prepared { transaction, xid, settles } => {
                write!(f, "Prepared t{} as {:?}{}", transaction.0, xid, Settles(settles))
            }
            Self::Committed { transaction, firsts, settles } => {
                write!(f, "Committed t{}", transaction.0)?;
                firsts.iter().try_for_each(|(queue, seq)| write!(f, " -> q{queue}@{seq}"))?;
                Settles(settles).fmt(f)
            }
            Self::RolledBack { transaction } => write!(f, "RolledBack t{}", transaction.0),
            Self::Checkpoint { first } => write!(f, "Checkpoint from {first}"),
            Self::Held { queue, number } => write!(f, "Held {number} by q{queue}"),
            Self::Advanced { queue, next, .. } => write!(f, "Advanced q{queue} to {next}"),
            Self::TopicDeclared { namespace, name } => write!(f, "TopicDeclared {name:?} in {}", namespace.0),
            Self::QueuesNumbered { below } => write!(f, "QueuesNumbered below {below}"),
            Self::Numbered { below } => write!(f, "Numbered below {below}"),
            Self::Page(written) => {
                let Summary { ready, delayed, decided, .. } = &written.summary;
                write!(f, "Page q{}/{} of {ready}+{delayed}+{decided}", written.queue, written.block)
            }
            Self::Begun { transactions } => write!(f, "Begun t{transactions}"),
            Self::Resting { queue, pages } => {
                write!(f, "Resting q{queue}")?;
                pages.iter().try_for_each(|page| write!(f, " /{} in {}", page.block, page.lsn))
            }
            Self::Doomed { pages } => {
                write!(f, "Doomed")?;
                pages.iter().try_for_each(|(lsn, _)| write!(f, " {lsn}"))
            }
            Self::Loose { bodies } => {
                write!(f, "Loose")?;
                bodies.iter().try_for_each(|it| write!(f, " {}", it.located.lsn))
            }
            Self::StagedAgain(it) => write!(f, "StagedAgain t{} #{}", it.transaction.0, it.number.0),
            _ => unreachable!("fmt() writes the other kinds"),
        }
    }
}

impl Display for Published {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} {}", self.number.0, To(&self.message.address), Text(&self.message.body))?;
        if let Some((queue, number)) = self.hold {
            write!(f, " hold q{queue} {number}")?;
        }
        self.routes.iter().try_for_each(|route| At(route).fmt(f))
    }
}

struct To<'a>(&'a Address);

impl Display for To<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.exchange {
            Exchange::Default => write!(f, "{}", self.0.key),
            exchange => write!(f, "{}/{}", exchange.to_text(), self.0.key),
        }
    }
}

/// A short body as it is, a long one as its length.
struct Text<'a>(&'a Body);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.len() > 40 {
            return write!(f, "<{} bytes>", self.0.len());
        }
        write!(f, "{:?}", String::from_utf8_lossy(&self.0.joined()))
    }
}

struct At<'a>(&'a Route);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Route { queue, seq, not_before, retained, tags, .. } = self.0;
        write!(f, " -> q{queue}")?;
        if *seq > 0 {
            write!(f, "@{seq}")?;
        }
        Until(*not_before).fmt(f)?;
        if *retained {
            write!(f, " retained")?;
        }
        tags.iter().filter(|tag| tag.0 > 0).try_for_each(|tag| write!(f, " tag {}", tag.0))
    }
}

struct Until(Option<Time>);

impl Display for Until {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|at| write!(f, " not before {}", at.0))
    }
}

struct Settles<'a>(&'a [(u32, u64)]);

impl Display for Settles<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(queue, seq)| write!(f, " settles q{queue}@{seq}"))
    }
}

fn write_range(f: &mut Formatter<'_>, (first, last): (u64, u64)) -> fmt::Result {
    if first == last { write!(f, " {first}") } else { write!(f, " {first}-{last}") }
}
