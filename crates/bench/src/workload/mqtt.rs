//! MQTT 3.1.1 on one topic: every subscriber gets every message.

pub mod frame;
pub mod session;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use super::dialect::{Dialect, Inbox, Name, Progress, Receiving, Replies, Sending, Taken};
use super::stamp::Stamp;
use frame::{PUBACK, PUBLISH};
use session::Kept;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// Of both publishers and subscribers: 0 or 1.
    pub qos: u8,
    /// Whether the subscribers' sessions outlive their connections, so that the broker has to keep QoS 1 messages.
    pub kept: Kept,
}

impl Dialect for Mqtt {
    fn check(&self) -> Result<()> {
        ensure!(self.qos <= 1, "QoS 0 and 1 are what can be measured");
        Ok(())
    }

    fn fans_out(&self) -> bool {
        true
    }

    fn confirms(&self) -> bool {
        self.qos > 0
    }

    fn subscribe(&self, address: SocketAddr, name: &Name, index: usize) -> Result<Receiving> {
        let mut stream = session::open(address, &subscriber(name, index), self.kept)?;
        session::subscribe(&mut stream, &topic(name), self.qos)?;
        Ok(Receiving { stream, inbox: Box::new(Publishes) })
    }

    fn publish(&self, address: SocketAddr, name: &Name, index: usize, size: usize) -> Result<Sending> {
        let stream = session::open(address, &format!("{name}-p{index}"), Kept::No)?;
        Ok(Sending { stream, replies: Box::new(Pubacks), template: frame::publish(&topic(name), self.qos, size) })
    }

    fn forget(&self, address: SocketAddr, name: &Name, subscribers: usize) -> Result<()> {
        let kept = if self.kept == Kept::Yes { subscribers } else { 0 };
        (0..kept).try_for_each(|index| session::forget(address, &subscriber(name, index)))
    }
}

fn topic(name: &Name) -> String {
    format!("bench/{name}")
}

fn subscriber(name: &Name, index: usize) -> String {
    format!("{name}-s{index}")
}

/// Acknowledges every PUBLISH that asks for it.
struct Publishes;

impl Inbox for Publishes {
    fn take(&mut self, input: &[u8], reply: &mut Vec<u8>) -> Result<Option<Taken>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(None) };
        if frame.kind != PUBLISH {
            return Ok(Some(Taken { len, stamp: None }));
        }
        let publish = frame.publish()?;
        let stamp = Stamp::read(publish.payload).context("a payload without a stamp arrived")?;
        reply.extend(publish.packet_id.iter().flat_map(|id| frame::puback(*id)));
        Ok(Some(Taken { len, stamp: Some(stamp) }))
    }
}

struct Pubacks;

impl Replies for Pubacks {
    fn take(&mut self, input: &[u8], progress: &mut Progress) -> Result<Option<usize>> {
        let Some((frame, len)) = frame::next(input)? else { return Ok(None) };
        ensure!(frame.kind == PUBACK, "the broker sent packet type {} to a publisher", frame.kind);
        progress.confirmed += 1;
        Ok(Some(len))
    }
}
