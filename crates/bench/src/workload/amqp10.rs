//! AMQP 1.0 on one queue: one link a connection.

pub mod frame;
mod session;
pub mod value;

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};

use super::dialect::{Care, Dialect, Inbox, Name, PREFETCH, Progress, Receiving, Replies, Sending, Taken};
use super::stamp::Stamp;
use frame::{DISPOSITION, FLOW, Role, Settled, TRANSFER};
use session::Session;
use value::{Described, Fields};

/// Of a link whose deliveries are settled before they are sent.
const CREDIT: u32 = 500;
/// A transfer's own fields, and the head of its data section, take less.
const ROOM: usize = 64;

pub struct Amqp10 {
    pub care: Care,
}

impl Dialect for Amqp10 {
    fn fans_out(&self) -> bool {
        false
    }

    fn confirms(&self) -> bool {
        self.care == Care::Confirmed
    }

    fn needs_credit(&self) -> bool {
        true
    }

    fn subscribe(&self, address: SocketAddr, name: &Name, index: usize) -> Result<Receiving> {
        let link = format!("{name}-s{index}");
        let session = Session::open(address, &link, Role::Receiver, self.settled(), name)?;
        let credit = if self.confirms() { u32::from(PREFETCH) } else { CREDIT };
        let mut inbox = Deliveries {
            credit,
            next_incoming: session.next_incoming,
            count: session.delivery_count,
            // So that the first look gives credit.
            granted: session.delivery_count.wrapping_sub(credit),
            id: 0,
            stamp: None,
        };
        let mut flow = Vec::new();
        inbox.rest(&mut flow);
        std::io::Write::write_all(&mut &session.stream, &flow)?;
        Ok(Receiving { stream: session.stream, inbox: Box::new(inbox) })
    }

    fn publish(&self, address: SocketAddr, name: &Name, index: usize, size: usize) -> Result<Sending> {
        let link = format!("{name}-p{index}");
        let session = Session::open(address, &link, Role::Sender, self.settled(), name)?;
        let most = session.frame_max;
        ensure!(size + ROOM <= most, "a message is one frame here, and the broker takes {most} bytes");
        let replies = Dispositions { window: u64::from(session.incoming_window), credit: 0 };
        let template = frame::transfer(self.settled(), size);
        Ok(Sending { stream: session.stream, replies: Box::new(replies), template })
    }
}

impl Amqp10 {
    const fn settled(&self) -> Settled {
        match self.care {
            Care::Transient => Settled::Before,
            Care::Confirmed => Settled::After,
        }
    }
}

/// The delivery that is arriving, and the credit for more.
struct Deliveries {
    credit: u32,
    /// Number of the next frame with a transfer.
    next_incoming: u32,
    /// Deliveries so far.
    count: u32,
    /// What `count` was when credit was last given.
    granted: u32,
    id: u32,
    stamp: Option<Stamp>,
}

impl Inbox for Deliveries {
    fn take(&mut self, input: &[u8], reply: &mut Vec<u8>) -> Result<Option<Taken>> {
        let Some((body, len)) = frame::next(input)? else { return Ok(None) };
        if body.is_empty() {
            return Ok(Some(Taken { len, stamp: None }));
        }
        let (performative, payload) = frame::read(body)?;
        let stamp = match performative.code {
            TRANSFER => self.transfer(performative.fields, payload, reply)?,
            FLOW | DISPOSITION => None,
            _ => bail!("a subscriber got {}", complaint(&performative)),
        };
        Ok(Some(Taken { len, stamp }))
    }

    fn rest(&mut self, reply: &mut Vec<u8>) {
        if self.count.wrapping_sub(self.granted) >= self.credit / 2 {
            self.granted = self.count;
            frame::write_flow(self.next_incoming, frame::INCOMING_WINDOW, self.count, self.credit, reply);
        }
    }
}

impl Deliveries {
    /// The stamp when this is the last part.
    fn transfer(&mut self, mut fields: Fields<'_>, payload: &[u8], reply: &mut Vec<u8>) -> Result<Option<Stamp>> {
        self.next_incoming = self.next_incoming.wrapping_add(1);
        fields.skip(1)?;
        let id = fields.uint()?;
        fields.skip(2)?;
        let (settled, more) = (fields.flag()?, fields.flag()?);
        if self.stamp.is_none() {
            self.id = id.context("a delivery without an id")?;
            self.stamp = Some(Stamp::read(value::data(payload)?).context("a payload without a stamp arrived")?);
        }
        if more {
            return Ok(None);
        }
        self.count = self.count.wrapping_add(1);
        if !settled {
            frame::write_accepted(Role::Receiver, self.id, reply);
        }
        Ok(self.stamp.take())
    }
}

/// What the broker lets the publisher send, and what it has accepted.
struct Dispositions {
    /// Frames in all.
    window: u64,
    /// Deliveries in all.
    credit: u64,
}

impl Replies for Dispositions {
    fn take(&mut self, input: &[u8], progress: &mut Progress) -> Result<Option<usize>> {
        let Some((body, len)) = frame::next(input)? else { return Ok(None) };
        if body.is_empty() {
            return Ok(Some(len));
        }
        let (performative, _) = frame::read(body)?;
        match performative.code {
            FLOW => {
                self.flow(performative.fields)?;
                progress.allowed = Some(self.window.min(self.credit));
            }
            DISPOSITION => progress.confirmed += accepted(performative.fields)?,
            _ => bail!("a publisher got {}", complaint(&performative)),
        }
        Ok(Some(len))
    }
}

impl Dispositions {
    /// Both counts begin at 0, which is also what null means before the broker has seen anything.
    fn flow(&mut self, mut fields: Fields<'_>) -> Result<()> {
        let next = fields.uint()?.unwrap_or(0);
        self.window = u64::from(next) + u64::from(fields.uint()?.context("a flow without a window")?);
        fields.skip(2)?;
        if fields.uint()?.is_some() {
            let count = fields.uint()?.unwrap_or(0);
            self.credit = u64::from(count) + u64::from(fields.uint()?.unwrap_or(0));
        }
        Ok(())
    }
}

/// How many deliveries this settles; anything but acceptance is an error.
fn accepted(mut fields: Fields<'_>) -> Result<u64> {
    const ACCEPTED: u64 = 0x24;
    fields.skip(1)?;
    let first = fields.uint()?.context("a disposition of nothing")?;
    let last = fields.uint()?.unwrap_or(first);
    let settled = fields.flag()?;
    let (state, _) = value::described(fields.take()?)?;
    ensure!(state.code == ACCEPTED, "the broker gives deliveries {first} to {last} the state {:#x}", state.code);
    Ok(if settled { u64::from(last.wrapping_sub(first)) + 1 } else { 0 })
}

/// A performative for an error message: one that ends something tells why.
fn complaint(found: &Described<'_>) -> String {
    let mut fields = found.fields;
    let reason =
        (0..3).find_map(|_| value::described(fields.take().ok()?).ok().filter(|(one, _)| one.code == frame::ERROR));
    match reason {
        Some((mut error, _)) => {
            let mut text = || String::from_utf8_lossy(error.fields.take().unwrap_or(&[])).into_owned();
            format!("performative {:#x}: {} {}", found.code, text(), text())
        }
        None => format!("performative {:#x}", found.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_the_lesser_of_window_and_link() {
        let mut replies = Dispositions { window: 10, credit: 0 };
        let mut allowed = |fields: &[u32], handle: &[u8]| {
            let fields: Vec<Vec<u8>> = fields.iter().map(|number| value::uint(*number)).collect();
            let [next, window, count, credit] = &fields[..] else { unreachable!() };
            let frame = frame::performative(FLOW, &[next, window, &[0x43], &[0x43], handle, count, credit]);
            let mut progress = Progress::default();
            assert_eq!(replies.take(&frame, &mut progress).unwrap(), Some(frame.len()));
            progress.allowed
        };
        assert_eq!(allowed(&[0, 2048, 0, 100], &[0x43]), Some(100));
        assert_eq!(allowed(&[50, 40, 0, 7], &[value::NULL]), Some(90), "a flow of the session keeps the link's credit");
        assert_eq!(allowed(&[90, 2048, 90, 100], &[0x43]), Some(190));
    }

    #[test]
    fn dispositions_count_what_they_settle() {
        let mut bytes = Vec::new();
        frame::write_disposition(Role::Receiver, 5, 14, &mut bytes);
        let mut replies = Dispositions { window: 0, credit: 0 };
        let mut progress = Progress::default();
        replies.take(&bytes, &mut progress).unwrap();
        assert_eq!(progress, Progress { confirmed: 10, allowed: None });
        let rejected = value::list(0x25, &[]);
        let frame = frame::performative(DISPOSITION, &[&[value::TRUE], &[0x43], &[0x43], &[value::TRUE], &rejected]);
        assert!(replies.take(&frame, &mut progress).is_err());
    }

    #[test]
    fn parts_are_one_delivery_and_half_the_credit_brings_more() {
        let mut inbox = Deliveries { credit: 2, next_incoming: 7, count: 0, granted: 0, id: 0, stamp: None };
        let part = |fields: &[&[u8]], payload: &[u8]| {
            let body = [value::list(TRANSFER as u8, fields), payload.to_vec()].concat();
            frame::frame(0, &body)
        };
        let (id, tag) = (value::uint(3), value::binary(b"t"));
        let data = [&[0, 0x53, 0x75, 0xa0, 20], &[9; 16][..]].concat();
        let first = part(&[&[0x43], &id, &tag, &[0x43], &[value::FALSE], &[value::TRUE]], &data);
        let mut reply = Vec::new();
        assert_eq!(inbox.take(&first, &mut reply).unwrap(), Some(Taken { len: first.len(), stamp: None }));
        let last = part(&[&[0x43]], &[1; 4]);
        assert_eq!(inbox.take(&last, &mut reply).unwrap().unwrap().stamp, Stamp::read(&[9; 16]));
        let mut expected = Vec::new();
        frame::write_accepted(Role::Receiver, 3, &mut expected);
        assert_eq!(reply, expected);
        inbox.rest(&mut reply);
        frame::write_flow(9, frame::INCOMING_WINDOW, 1, 2, &mut expected);
        assert_eq!(reply, expected);
    }

    #[test]
    fn an_end_tells_its_reason() {
        let error = value::list(frame::ERROR as u8, &[&value::symbol("amqp:not-found"), &value::string("no queue")]);
        let bytes = frame::performative(frame::DETACH, &[&[0x43], &[value::TRUE], &error]);
        let (found, _) = frame::read(frame::next(&bytes).unwrap().unwrap().0).unwrap();
        let text = complaint(&found);
        assert!(text.contains("amqp:not-found") && text.contains("no queue"), "{text}");
    }
}
