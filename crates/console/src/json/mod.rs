//! The objects that admin channel and HTTP show, each made from the broker's own words.
//!
//! Times are milliseconds since the Unix epoch, spans are milliseconds, sizes are bytes.

mod connection;
mod export;
mod holding;
mod hub;
mod message;
mod queue;
mod status;
mod topic;

pub(crate) use connection::ConnectionObject;
pub(crate) use export::ExportObject;
pub(crate) use holding::{HoldingObject, RoomObject};
pub(crate) use message::{BodyObject, DeathObject, MessageObject};
pub(crate) use queue::{BindingObject, QueueDetail, QueueObject, SettingsObject};
pub(crate) use status::{ConversionsObject, CulpritObject, ProgressObject, ROLE, SpaceObject, StatusObject, VERSION};
pub(crate) use topic::TopicObject;
