//! The nine performatives (2.7). Defaults of the specification are filled in: a field that may be null without a
//! default is an `Option`, an empty `Vec` or [`Fields`] stands for null.

use bytes::Bytes;

use super::state::{AmqpError, DeliveryState};
use super::terminus::{Source, Target};
use super::text::{Symbol, Text};
use super::value::Fields;

/// The body of a frame of type 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Performative {
    Open(Box<Open>),
    Begin(Box<Begin>),
    Attach(Box<Attach>),
    Flow(Box<Flow>),
    Transfer(Transfer),
    Disposition(Disposition),
    Detach(Detach),
    End(End),
    Close(Close),
}

/// 2.7.1.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    pub container_id: Text,
    pub hostname: Option<Text>,
    pub max_frame_size: u32,
    pub channel_max: u16,
    /// Milliseconds.
    pub idle_time_out: Option<u32>,
    pub outgoing_locales: Vec<Symbol>,
    pub incoming_locales: Vec<Symbol>,
    pub offered_capabilities: Vec<Symbol>,
    pub desired_capabilities: Vec<Symbol>,
    pub properties: Fields,
}

/// 2.7.2.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// Set in the answer to a begin: the channel that the peer's one came on.
    pub remote_channel: Option<u16>,
    pub next_outgoing_id: u32,
    pub incoming_window: u32,
    pub outgoing_window: u32,
    pub handle_max: u32,
    pub offered_capabilities: Vec<Symbol>,
    pub desired_capabilities: Vec<Symbol>,
    pub properties: Fields,
}

/// 2.7.3.
#[derive(Clone, Debug, PartialEq)]
pub struct Attach {
    pub name: Text,
    pub handle: u32,
    /// Of the side that sends the attach.
    pub role: Role,
    pub snd_settle_mode: SenderSettleMode,
    pub rcv_settle_mode: ReceiverSettleMode,
    pub source: Option<Source>,
    pub target: Option<Target>,
    pub unsettled: Unsettled,
    pub incomplete_unsettled: bool,
    /// A sender must set it; that is for the link to check, as a refusing attach may leave it out.
    pub initial_delivery_count: Option<u32>,
    /// `None` and 0 both mean no limit.
    pub max_message_size: Option<u64>,
    pub offered_capabilities: Vec<Symbol>,
    pub desired_capabilities: Vec<Symbol>,
    pub properties: Fields,
}

/// Delivery tags and the last known state of each (2.7.3).
pub type Unsettled = Vec<(Bytes, Option<DeliveryState>)>;

/// 2.7.4.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    pub next_incoming_id: Option<u32>,
    pub incoming_window: u32,
    pub next_outgoing_id: u32,
    pub outgoing_window: u32,
    /// `None` if only the session is spoken of.
    pub handle: Option<u32>,
    pub delivery_count: Option<u32>,
    pub link_credit: Option<u32>,
    pub available: Option<u32>,
    pub drain: bool,
    pub echo: bool,
    pub properties: Fields,
}

/// 2.7.5; the payload stands behind it in the frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transfer {
    pub handle: u32,
    /// Here and below: set in the first transfer of a delivery, and may be left out in those that continue it.
    pub delivery_id: Option<u32>,
    pub delivery_tag: Option<Bytes>,
    pub message_format: Option<u32>,
    /// Null means unsettled in the first transfer, and "as before" in those that follow.
    pub settled: Option<bool>,
    pub more: bool,
    pub rcv_settle_mode: Option<ReceiverSettleMode>,
    pub state: Option<DeliveryState>,
    pub resume: bool,
    pub aborted: bool,
    pub batchable: bool,
}

/// 2.7.6.
#[derive(Clone, Debug, PartialEq)]
pub struct Disposition {
    /// Of the side that sends the disposition: a receiver speaks of what it was sent.
    pub role: Role,
    pub first: u32,
    /// `None`: `first` alone.
    pub last: Option<u32>,
    pub settled: bool,
    pub state: Option<DeliveryState>,
    pub batchable: bool,
}

/// 2.7.7.
#[derive(Clone, Debug, PartialEq)]
pub struct Detach {
    pub handle: u32,
    pub closed: bool,
    pub error: Option<AmqpError>,
}

/// 2.7.8.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    pub error: Option<AmqpError>,
}

/// 2.7.9.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Close {
    pub error: Option<AmqpError>,
}

/// 2.8.1; a boolean on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Sender,
    Receiver,
}

/// 2.8.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenderSettleMode {
    Unsettled = 0,
    Settled = 1,
    #[default]
    Mixed = 2,
}

/// 2.8.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiverSettleMode {
    #[default]
    First = 0,
    Second = 1,
}

impl Open {
    /// An open with the defaults of 2.7.1.
    pub fn new(container_id: impl Into<Text>) -> Self {
        Self {
            container_id: container_id.into(),
            hostname: None,
            max_frame_size: u32::MAX,
            channel_max: u16::MAX,
            idle_time_out: None,
            outgoing_locales: Vec::new(),
            incoming_locales: Vec::new(),
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Fields::default(),
        }
    }
}

impl Begin {
    /// A begin with the defaults of 2.7.2.
    pub fn new(next_outgoing_id: u32, incoming_window: u32, outgoing_window: u32) -> Self {
        Self {
            remote_channel: None,
            next_outgoing_id,
            incoming_window,
            outgoing_window,
            handle_max: u32::MAX,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Fields::default(),
        }
    }
}

impl Attach {
    /// An attach with the defaults of 2.7.3.
    pub fn new(name: impl Into<Text>, handle: u32, role: Role) -> Self {
        Self {
            name: name.into(),
            handle,
            role,
            snd_settle_mode: SenderSettleMode::default(),
            rcv_settle_mode: ReceiverSettleMode::default(),
            source: None,
            target: None,
            unsettled: Vec::new(),
            incomplete_unsettled: false,
            initial_delivery_count: None,
            max_message_size: None,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Fields::default(),
        }
    }
}
