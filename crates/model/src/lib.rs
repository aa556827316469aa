//! The words that the broker and the protocols share. No logic: what a word *does* stands in `broker` or in a protocol.
//!
//! Read in this order: [`Address`], [`Message`], [`Command`], [`Effect`], then the traits [`Protocol`] and
//! [`Connection`] (bytes) or [`HttpService`] (requests).

mod address;
mod binding;
mod command;
mod connection;
mod consumer;
mod effect;
mod encoding;
mod guard;
mod history;
mod http_service;
mod hub;
mod hub_text;
mod ids;
mod info;
pub mod limits;
mod login;
mod message;
mod outcome;
mod output;
mod queue;
mod refusal;
mod space;
mod time;
mod virtual_hosts;

pub use address::{Address, Exchange, ExchangeKind, ExchangeSettings, Name, alias_of};
pub use binding::{Binding, HeaderRule, HeaderValue, Tag, Tags};
pub use command::{
    Backup, Claim, Command, Commands, Conflict, Consume, Declare, DeclareMode, Envelope, Fetch, Hold, Inspect, Own,
    Publish, Settle, Tally, TransactionRef, Xid,
};
pub use connection::{Certificate, CloseReason, Connection, Io, Misbehaviour, Peer, Protocol, Recognised};
pub use consumer::{Credit, CreditMode, Lease, Mode, Position, Settlement};
pub use effect::{Deliver, Effect, Reply};
pub use encoding::{Converted, Encoding, EncodingId, Encodings, Scalar, Unconvertible};
pub use guard::{Action, Denial, Guard, Protected, What};
pub use history::{Death, DeathReason, History};
pub use http_service::{Exchanged, HttpConnection, HttpIo, HttpService};
pub use hub::{Hub, HubBody, HubProperties, Value};
pub use hub_text::Flat;
pub use ids::{
    ConnectionId, ConsumerIndex, Delivery, Lsn, MessageNumber, Namespace, QueueId, QueueRef, Token, TransactionIndex,
};
pub use info::{BindingInfo, ConnectionInfo, QueueCounts, QueueInfo, Status, TopicInfo};
pub use login::{Authenticate, Credentials, Mechanisms, Secret, Signature};
pub use message::{Body, Header, Message};
pub use outcome::Outcome;
pub use output::Output;
pub use queue::{Alteration, DeadLetter, Lifetime, Overflow, QueueKind, QueueSettings};
pub use refusal::Refusal;
pub use space::{Alarm, Culprit, Holding, Resource, Space};
pub use time::Time;
pub use virtual_hosts::VirtualHosts;
