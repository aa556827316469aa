//! Bytes to performatives.

use bytes::Bytes;

use super::composite::{Composite, open, required};
use super::descriptor;
use super::error::Malformed;
use super::format;
use super::performative::{
    Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, ReceiverSettleMode, Role,
    SenderSettleMode, Transfer,
};
use super::read::{Budget, Origin};
use super::state::{AmqpError, DeliveryState};
use super::terminus::{Source, Target};
use super::value_ref::ValueRef;

/// Takes the fields of the performative with the descriptor `code`, which has been read, off the front of `rest`.
pub(super) fn take_performative(
    code: Option<u8>,
    rest: &mut &[u8],
    origin: Origin<'_>,
) -> Result<Performative, Malformed> {
    let mut budget = Budget::PERFORMATIVE;
    let fields = ValueRef::take(rest)?;
    let list = open(name(code)?, fields, origin, &mut budget)?;
    Ok(match code {
        Some(descriptor::OPEN) => Performative::Open(Box::new(open_fields(list)?)),
        Some(descriptor::BEGIN) => Performative::Begin(Box::new(begin(list)?)),
        Some(descriptor::ATTACH) => Performative::Attach(Box::new(attach(list)?)),
        Some(descriptor::FLOW) => Performative::Flow(Box::new(flow(list)?)),
        Some(descriptor::TRANSFER) => Performative::Transfer(transfer(list)?),
        Some(descriptor::DISPOSITION) => Performative::Disposition(disposition(list)?),
        Some(descriptor::DETACH) => Performative::Detach(detach(list)?),
        Some(descriptor::END) => Performative::End(End { error: error_only(list)? }),
        _ => Performative::Close(Close { error: error_only(list)? }),
    })
}

/// The name of a performative in errors.
const fn name(code: Option<u8>) -> Result<&'static str, Malformed> {
    Ok(match code {
        Some(descriptor::OPEN) => "open",
        Some(descriptor::BEGIN) => "begin",
        Some(descriptor::ATTACH) => "attach",
        Some(descriptor::FLOW) => "flow",
        Some(descriptor::TRANSFER) => "transfer",
        Some(descriptor::DISPOSITION) => "disposition",
        Some(descriptor::DETACH) => "detach",
        Some(descriptor::END) => "end",
        Some(descriptor::CLOSE) => "close",
        _ => return Err(Malformed::Descriptor("a performative")),
    })
}

fn open_fields(mut list: Composite<'_, '_>) -> Result<Open, Malformed> {
    let open = Open {
        container_id: required("container-id", list.string("container-id")?)?,
        hostname: list.string("hostname")?,
        max_frame_size: list.uint("max-frame-size")?.unwrap_or(u32::MAX),
        channel_max: list.ushort("channel-max")?.unwrap_or(u16::MAX),
        idle_time_out: list.uint("idle-time-out")?,
        outgoing_locales: list.symbols("outgoing-locales")?,
        incoming_locales: list.symbols("incoming-locales")?,
        offered_capabilities: list.symbols("offered-capabilities")?,
        desired_capabilities: list.symbols("desired-capabilities")?,
        properties: list.fields("properties")?,
    };
    list.finish()?;
    Ok(open)
}

fn begin(mut list: Composite<'_, '_>) -> Result<Begin, Malformed> {
    let begin = Begin {
        remote_channel: list.ushort("remote-channel")?,
        next_outgoing_id: required("next-outgoing-id", list.uint("next-outgoing-id")?)?,
        incoming_window: required("incoming-window", list.uint("incoming-window")?)?,
        outgoing_window: required("outgoing-window", list.uint("outgoing-window")?)?,
        handle_max: list.uint("handle-max")?.unwrap_or(u32::MAX),
        offered_capabilities: list.symbols("offered-capabilities")?,
        desired_capabilities: list.symbols("desired-capabilities")?,
        properties: list.fields("properties")?,
    };
    list.finish()?;
    Ok(begin)
}

fn attach(mut list: Composite<'_, '_>) -> Result<Attach, Malformed> {
    let attach = Attach {
        name: required("name", list.string("name")?)?,
        handle: required("handle", list.uint("handle")?)?,
        role: role(&mut list)?,
        snd_settle_mode: match list.ubyte("snd-settle-mode")? {
            Some(0) => SenderSettleMode::Unsettled,
            Some(1) => SenderSettleMode::Settled,
            None | Some(2) => SenderSettleMode::Mixed,
            Some(_) => return Err(Malformed::Choice("snd-settle-mode")),
        },
        rcv_settle_mode: receiver_settle_mode(&mut list)?.unwrap_or_default(),
        source: list.nested(Source::read)?,
        target: list.nested(Target::read)?,
        unsettled: list.pairs("unsettled", |rest, origin, budget| {
            let ValueRef::Binary(tag) = ValueRef::take(rest)? else { return Err(Malformed::Type("unsettled")) };
            let state = match rest.first() {
                Some(&format::NULL) => {
                    *rest = &rest[1..];
                    None
                }
                _ => Some(DeliveryState::read(rest, origin, budget)?),
            };
            Ok((origin.bytes(tag), state))
        })?,
        incomplete_unsettled: list.flag("incomplete-unsettled")?,
        initial_delivery_count: list.uint("initial-delivery-count")?,
        max_message_size: list.ulong("max-message-size")?,
        offered_capabilities: list.symbols("offered-capabilities")?,
        desired_capabilities: list.symbols("desired-capabilities")?,
        properties: list.fields("properties")?,
    };
    list.finish()?;
    Ok(attach)
}

fn flow(mut list: Composite<'_, '_>) -> Result<Flow, Malformed> {
    let flow = Flow {
        next_incoming_id: list.uint("next-incoming-id")?,
        incoming_window: required("incoming-window", list.uint("incoming-window")?)?,
        next_outgoing_id: required("next-outgoing-id", list.uint("next-outgoing-id")?)?,
        outgoing_window: required("outgoing-window", list.uint("outgoing-window")?)?,
        handle: list.uint("handle")?,
        delivery_count: list.uint("delivery-count")?,
        link_credit: list.uint("link-credit")?,
        available: list.uint("available")?,
        drain: list.flag("drain")?,
        echo: list.flag("echo")?,
        properties: list.fields("properties")?,
    };
    list.finish()?;
    Ok(flow)
}

#[inline]
fn transfer(mut list: Composite<'_, '_>) -> Result<Transfer, Malformed> {
    let transfer = Transfer {
        handle: required("handle", list.uint("handle")?)?,
        delivery_id: list.uint("delivery-id")?,
        delivery_tag: list.binary("delivery-tag")?,
        message_format: list.uint("message-format")?,
        settled: list.bool("settled")?,
        more: list.flag("more")?,
        rcv_settle_mode: receiver_settle_mode(&mut list)?,
        state: list.nested(DeliveryState::read)?,
        resume: list.flag("resume")?,
        aborted: list.flag("aborted")?,
        batchable: list.flag("batchable")?,
    };
    list.finish()?;
    Ok(transfer)
}

#[inline]
fn disposition(mut list: Composite<'_, '_>) -> Result<Disposition, Malformed> {
    let disposition = Disposition {
        role: role(&mut list)?,
        first: required("first", list.uint("first")?)?,
        last: list.uint("last")?,
        settled: list.flag("settled")?,
        state: list.nested(DeliveryState::read)?,
        batchable: list.flag("batchable")?,
    };
    list.finish()?;
    Ok(disposition)
}

fn detach(mut list: Composite<'_, '_>) -> Result<Detach, Malformed> {
    let detach = Detach {
        handle: required("handle", list.uint("handle")?)?,
        closed: list.flag("closed")?,
        error: list.nested(AmqpError::read)?,
    };
    list.finish()?;
    Ok(detach)
}

fn error_only(mut list: Composite<'_, '_>) -> Result<Option<AmqpError>, Malformed> {
    let error = list.nested(AmqpError::read)?;
    list.finish()?;
    Ok(error)
}

fn role(list: &mut Composite<'_, '_>) -> Result<Role, Malformed> {
    let receiver = required("role", list.bool("role")?)?;
    Ok(if receiver { Role::Receiver } else { Role::Sender })
}

fn receiver_settle_mode(list: &mut Composite<'_, '_>) -> Result<Option<ReceiverSettleMode>, Malformed> {
    match list.ubyte("rcv-settle-mode")? {
        None => Ok(None),
        Some(0) => Ok(Some(ReceiverSettleMode::First)),
        Some(1) => Ok(Some(ReceiverSettleMode::Second)),
        Some(_) => Err(Malformed::Choice("rcv-settle-mode")),
    }
}

/// A performative of its own: a copy, so that what lives as long as a link does not hold the read buffer.
pub(super) fn copied(code: Option<u8>, bytes: &[u8]) -> Result<Performative, Malformed> {
    let bytes = Bytes::copy_from_slice(bytes);
    let mut rest = &bytes[..];
    let performative = take_performative(code, &mut rest, Origin::Shared(&bytes))?;
    finish(code, rest)?;
    Ok(performative)
}

/// A performative of numbers, and rarely a few bytes that are copied.
pub(super) fn borrowed(code: Option<u8>, bytes: &[u8]) -> Result<Performative, Malformed> {
    let mut rest = bytes;
    let performative = take_performative(code, &mut rest, Origin::Borrowed)?;
    finish(code, rest)?;
    Ok(performative)
}

/// Only a transfer may have a payload.
fn finish(code: Option<u8>, rest: &[u8]) -> Result<(), Malformed> {
    if rest.is_empty() { Ok(()) } else { Err(Malformed::TrailingBytes(name(code)?)) }
}
