//! AMQP 0-9-1 on one queue, through the default exchange.

pub mod frame;
mod session;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};

use super::dialect::{Care, Dialect, Inbox, Name, PREFETCH, Progress, Receiving, Replies, Sending, Taken};
use super::stamp::Stamp;
use frame::{BODY, Frame, HEADER, Id, METHOD};
use session::Session;

/// What every consumer here calls itself.
pub const CONSUMER: &str = "bench";

const NO_ACK: u8 = 2;
const DURABLE: u8 = 2;
const AUTO_DELETE: u8 = 8;
const NO_ARGUMENTS: [u8; 4] = [0; 4];

pub struct Amqp091 {
    pub care: Care,
}

impl Dialect for Amqp091 {
    fn fans_out(&self) -> bool {
        false
    }

    fn confirms(&self) -> bool {
        self.care == Care::Confirmed
    }

    fn subscribe(&self, address: SocketAddr, name: &Name, _index: usize) -> Result<Receiving> {
        let mut session = Session::open(address)?;
        let bits = AUTO_DELETE | if self.confirms() { DURABLE } else { 0 };
        let queue = frame::string(name);
        let declare = [&[0, 0], &queue[..], &[bits], &NO_ARGUMENTS].concat();
        session.ask(frame::QUEUE_DECLARE, &declare, frame::QUEUE_DECLARE_OK)?;
        let bits = match self.care {
            Care::Transient => NO_ACK,
            Care::Confirmed => {
                let [high, low] = PREFETCH.to_be_bytes();
                session.ask(frame::BASIC_QOS, &[0, 0, 0, 0, high, low, 0], frame::BASIC_QOS_OK)?;
                0
            }
        };
        let consume = [&[0, 0], &queue[..], &frame::string(CONSUMER), &[bits], &NO_ARGUMENTS].concat();
        session.ask(frame::BASIC_CONSUME, &consume, frame::BASIC_CONSUME_OK)?;
        let inbox = Deliveries { acknowledges: self.confirms(), tag: 0, left: 0, stamp: None };
        Ok(Receiving { stream: session.stream, inbox: Box::new(inbox) })
    }

    fn publish(&self, address: SocketAddr, name: &Name, _index: usize, size: usize) -> Result<Sending> {
        let mut session = Session::open(address)?;
        if self.confirms() {
            session.ask(frame::CONFIRM_SELECT, &[0], frame::CONFIRM_SELECT_OK)?;
        }
        let template = frame::publish(name, self.confirms(), size, session.frame_max);
        Ok(Sending { stream: session.stream, replies: Box::new(Confirms::default()), template })
    }
}

/// The message that is arriving.
struct Deliveries {
    acknowledges: bool,
    tag: u64,
    /// Bytes of its body still to come.
    left: u64,
    stamp: Option<Stamp>,
}

impl Inbox for Deliveries {
    fn take(&mut self, input: &[u8], reply: &mut Vec<u8>) -> Result<Option<Taken>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(None) };
        match frame.kind {
            METHOD => self.begin(frame)?,
            HEADER => {
                self.left = frame.body_size()?;
                ensure!(self.left > 0, "an empty message arrived");
            }
            BODY => return Ok(Some(Taken { len, stamp: self.body(frame.payload, reply)? })),
            _ => {}
        }
        Ok(Some(Taken { len, stamp: None }))
    }
}

impl Deliveries {
    fn begin(&mut self, frame: Frame<'_>) -> Result<()> {
        let (method, arguments) = frame.method()?;
        ensure!(method == frame::BASIC_DELIVER, "a subscriber got {}", complaint(method, arguments));
        let (_consumer, rest) = frame::short(arguments)?;
        self.tag = u64::from_be_bytes(*rest.first_chunk().context("a delivery without a tag")?);
        Ok(())
    }

    /// The stamp when this is the last part.
    fn body(&mut self, part: &[u8], reply: &mut Vec<u8>) -> Result<Option<Stamp>> {
        if self.stamp.is_none() {
            self.stamp = Some(Stamp::read(part).context("a payload without a stamp arrived")?);
        }
        let left = self.left.checked_sub(part.len() as u64);
        self.left = left.context("a body is longer than its header says")?;
        if self.left > 0 {
            return Ok(None);
        }
        if self.acknowledges {
            frame::write_ack(self.tag, false, reply);
        }
        Ok(self.stamp.take())
    }
}

/// What the broker has confirmed, in whatever order and portions.
#[derive(Default)]
struct Confirms {
    /// Every message up to this tag.
    up_to: u64,
    beyond: BTreeSet<u64>,
}

impl Replies for Confirms {
    fn take(&mut self, input: &[u8], progress: &mut Progress) -> Result<Option<usize>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(None) };
        if frame.kind == METHOD {
            let (method, arguments) = frame.method()?;
            ensure!(method == frame::BASIC_ACK, "a publisher got {}", complaint(method, arguments));
            let (tag, multiple) = frame::acknowledgement(arguments)?;
            progress.confirmed += self.confirm(tag, multiple)?;
        }
        Ok(Some(len))
    }
}

impl Confirms {
    /// How many messages this confirms for the first time.
    fn confirm(&mut self, tag: u64, multiple: bool) -> Result<u64> {
        let before = self.up_to + self.beyond.len() as u64;
        if multiple {
            self.beyond = self.beyond.split_off(&(tag + 1));
            self.up_to = self.up_to.max(tag);
        } else if tag == self.up_to + 1 {
            self.up_to = tag;
        } else if tag <= self.up_to || !self.beyond.insert(tag) {
            bail!("message {tag} is confirmed twice");
        }
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
        Ok(self.up_to + self.beyond.len() as u64 - before)
    }
}

/// A method for an error message: a close tells its reason.
fn complaint(method: Id, arguments: &[u8]) -> String {
    let close = [frame::CONNECTION_CLOSE, frame::CHANNEL_CLOSE].contains(&method);
    match arguments.get(2..).filter(|_| close).and_then(|text| frame::short(text).ok()) {
        Some((text, _)) => format!("a close: {}", String::from_utf8_lossy(text)),
        None => format!("method {method:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confirms_in_any_order_count_once() {
        let mut confirms = Confirms::default();
        let counts = [(2, false), (4, false), (1, false), (3, true), (9, true), (10, false)];
        let counts = counts.map(|(tag, multiple)| confirms.confirm(tag, multiple).unwrap());
        assert_eq!(counts, [1, 1, 1, 1, 5, 1]);
        assert_eq!((confirms.up_to, confirms.beyond.len()), (10, 0));
        assert!(confirms.confirm(10, false).is_err());
    }

    #[test]
    fn a_close_tells_its_reason() {
        let arguments = [&[1, 0x94][..], &frame::string("NOT_FOUND - no queue"), &[0, 50, 0, 10]].concat();
        assert_eq!(complaint(frame::CHANNEL_CLOSE, &arguments), "a close: NOT_FOUND - no queue");
        assert_eq!(complaint((10, 60), &[0]), "method (10, 60)");
    }
}
