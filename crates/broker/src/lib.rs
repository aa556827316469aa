//! The broker as a pure state machine: commands and the time in, records and effects out. It opens no file, asks no
//! clock and knows no protocol.
//!
//! Start at [`Broker::step`]. Each command is decided (may refuse, changes nothing), written as a [`record`] if it must
//! survive, and applied by the same function that recovery uses.

mod alarm;
mod audit;
mod backlog;
mod backup;
mod bind;
mod broker;
mod browse;
mod checkpoint;
mod commit;
mod connections;
mod consume;
mod consumer;
mod dead_letter;
mod define;
mod demand;
mod dispatch;
mod entries;
mod entry;
mod exchanges;
mod holdings;
mod holds;
mod inspect;
mod loading;
mod makers;
mod memory;
mod page;
mod pattern;
mod permit;
mod publish;
mod queue;
mod ready;
pub mod record;
mod records;
mod registry;
mod resting;
mod restore;
mod retained;
mod retention;
mod rights;
mod router;
mod routing;
mod settle;
mod step;
mod summary;
mod timers;
mod transaction;
mod trie;
mod view;
mod wire;

#[doc(hidden)]
pub use audit::Content;
pub use broker::{Broker, Options};
pub use holds::{Hold, Holds};
pub use records::Records;
pub use resting::Pages;
pub use rights::Audit;
pub use step::{Load, Outgoing, Step};
