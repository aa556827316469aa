//! Performatives to bytes.

use bytes::BytesMut;

use super::descriptor;
use super::list_writer::ListWriter;
use super::performative::{
    Attach, Begin, Detach, Disposition, Flow, Open, Performative, ReceiverSettleMode, Role, SenderSettleMode, Transfer,
    Unsettled,
};
use super::state::{AmqpError, DeliveryState};
use super::write::{self, put_bool, put_ubyte, put_uint, put_ulong, put_ushort};

/// Appends a performative, without a frame around it.
pub(super) fn put_performative(out: &mut BytesMut, performative: &Performative) {
    match performative {
        Performative::Open(open) => put_open(out, open),
        Performative::Begin(begin) => put_begin(out, begin),
        Performative::Attach(attach) => put_attach(out, attach),
        Performative::Flow(flow) => put_flow(out, flow),
        Performative::Transfer(transfer) => put_transfer(out, transfer),
        Performative::Disposition(disposition) => {
            let Disposition { role, first, last, settled, state, batchable } = disposition;
            put_disposition(out, *role, *first, *last, *settled, state.as_ref(), *batchable);
        }
        Performative::Detach(detach) => put_detach(out, detach),
        Performative::End(end) => put_error_only(out, descriptor::END, end.error.as_ref()),
        Performative::Close(close) => put_error_only(out, descriptor::CLOSE, close.error.as_ref()),
    }
}

pub(super) fn put_flow(out: &mut BytesMut, flow: &Flow) {
    let mut list = ListWriter::new(out, descriptor::FLOW);
    list.uint(flow.next_incoming_id);
    list.put(|out| put_uint(out, flow.incoming_window));
    list.put(|out| put_uint(out, flow.next_outgoing_id));
    list.put(|out| put_uint(out, flow.outgoing_window));
    list.uint(flow.handle);
    list.uint(flow.delivery_count);
    list.uint(flow.link_credit);
    list.uint(flow.available);
    list.flag(flow.drain);
    list.flag(flow.echo);
    list.fields(&flow.properties);
    list.finish();
}

#[inline]
pub(super) fn put_disposition(
    out: &mut BytesMut,
    role: Role,
    first: u32,
    last: Option<u32>,
    settled: bool,
    state: Option<&DeliveryState>,
    batchable: bool,
) {
    let mut list = ListWriter::new(out, descriptor::DISPOSITION);
    list.put(|out| put_bool(out, role == Role::Receiver));
    list.put(|out| put_uint(out, first));
    list.uint(last);
    list.flag(settled);
    list.option(state, |out, state| state.write(out));
    list.flag(batchable);
    list.finish();
}

fn put_open(out: &mut BytesMut, open: &Open) {
    let mut list = ListWriter::new(out, descriptor::OPEN);
    list.string(Some(&open.container_id));
    list.string(open.hostname.as_ref());
    list.uint_unless(u32::MAX, open.max_frame_size);
    list.option(Some(open.channel_max).filter(|max| *max != u16::MAX), put_ushort);
    list.uint(open.idle_time_out);
    list.symbols(&open.outgoing_locales);
    list.symbols(&open.incoming_locales);
    list.symbols(&open.offered_capabilities);
    list.symbols(&open.desired_capabilities);
    list.fields(&open.properties);
    list.finish();
}

fn put_begin(out: &mut BytesMut, begin: &Begin) {
    let mut list = ListWriter::new(out, descriptor::BEGIN);
    list.option(begin.remote_channel, put_ushort);
    list.put(|out| put_uint(out, begin.next_outgoing_id));
    list.put(|out| put_uint(out, begin.incoming_window));
    list.put(|out| put_uint(out, begin.outgoing_window));
    list.uint_unless(u32::MAX, begin.handle_max);
    list.symbols(&begin.offered_capabilities);
    list.symbols(&begin.desired_capabilities);
    list.fields(&begin.properties);
    list.finish();
}

fn put_attach(out: &mut BytesMut, attach: &Attach) {
    let mut list = ListWriter::new(out, descriptor::ATTACH);
    list.string(Some(&attach.name));
    list.put(|out| put_uint(out, attach.handle));
    list.put(|out| put_bool(out, attach.role == Role::Receiver));
    let sender = Some(attach.snd_settle_mode).filter(|mode| *mode != SenderSettleMode::default());
    list.option(sender, |out, mode| put_ubyte(out, mode as u8));
    let receiver = Some(attach.rcv_settle_mode).filter(|mode| *mode != ReceiverSettleMode::default());
    list.option(receiver, |out, mode| put_ubyte(out, mode as u8));
    list.option(attach.source.as_ref(), |out, source| source.write(out));
    list.option(attach.target.as_ref(), |out, target| target.write(out));
    list.option((!attach.unsettled.is_empty()).then_some(&attach.unsettled), put_unsettled);
    list.flag(attach.incomplete_unsettled);
    list.uint(attach.initial_delivery_count);
    list.option(attach.max_message_size, put_ulong);
    list.symbols(&attach.offered_capabilities);
    list.symbols(&attach.desired_capabilities);
    list.fields(&attach.properties);
    list.finish();
}

fn put_unsettled(out: &mut BytesMut, unsettled: &Unsettled) {
    let map = write::Open::map(out);
    for (tag, state) in unsettled {
        write::put_binary(out, tag);
        match state {
            Some(state) => state.write(out),
            None => write::put_null(out),
        }
    }
    map.close(out, unsettled.len() * 2);
}

fn put_transfer(out: &mut BytesMut, transfer: &Transfer) {
    let mut list = ListWriter::new(out, descriptor::TRANSFER);
    list.put(|out| put_uint(out, transfer.handle));
    list.uint(transfer.delivery_id);
    list.binary(transfer.delivery_tag.as_deref());
    list.uint(transfer.message_format);
    list.bool(transfer.settled);
    list.flag(transfer.more);
    list.option(transfer.rcv_settle_mode, |out, mode| put_ubyte(out, mode as u8));
    list.option(transfer.state.as_ref(), |out, state| state.write(out));
    list.flag(transfer.resume);
    list.flag(transfer.aborted);
    list.flag(transfer.batchable);
    list.finish();
}

fn put_detach(out: &mut BytesMut, detach: &Detach) {
    let mut list = ListWriter::new(out, descriptor::DETACH);
    list.put(|out| put_uint(out, detach.handle));
    list.flag(detach.closed);
    list.option(detach.error.as_ref(), |out, error| error.write(out));
    list.finish();
}

fn put_error_only(out: &mut BytesMut, code: u8, error: Option<&AmqpError>) {
    let mut list = ListWriter::new(out, code);
    list.option(error, |out, error| error.write(out));
    list.finish();
}
