//! Credit that the peer gives for messages: the core gets it as its own, and bytes as they are written.

use model::{Command, ConsumerIndex, Credit, Io};

use crate::codec::{self, Flow};
use crate::endpoint::Endpoint;
use crate::error::SessionError;
use crate::links::{End, Link};
use crate::outbound::CREDIT_BYTES;

/// Below so many bytes still to be written, written ones become credit.
const LOW_WATER_BYTES: usize = 64 * 1024;

impl Endpoint {
    /// What a flow says of a link (2.6.7).
    pub(crate) fn link_flow(
        &mut self,
        channel: u16,
        index: u16,
        flow: &Flow,
        io: &mut Io<'_>,
    ) -> Result<(), SessionError> {
        let Some(link) = self.links.get_mut(index) else { return Ok(()) };
        let End::Outbound(outbound) = &mut link.end else {
            self.sender_flow(channel, index, flow, io);
            return Ok(());
        };
        if let Some(credit) = flow.link_credit {
            // A peer that has not yet seen our attach counts from our first.
            let known = flow.delivery_count.unwrap_or(0);
            let on_the_way = outbound.delivery_count.wrapping_sub(known);
            outbound.credit = credit.saturating_sub(on_the_way);
            outbound.drain = flow.drain;
        }
        self.send_held(channel, index);
        self.ask(index, io);
        if flow.echo {
            self.write_link_state(channel, index, io);
        }
        Ok(())
    }

    /// Asks the core for what the peer takes.
    pub(crate) fn ask(&mut self, index: u16, io: &mut Io<'_>) {
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        // While a drain is on its way nobody knows what the core still has.
        if outbound.is_draining || !outbound.is_consuming {
            if outbound.drain && !outbound.is_consuming {
                self.end_drain(index, io);
            }
            return;
        }
        let (messages, drain) = (outbound.open(), outbound.drain);
        if messages == 0 && !(drain && outbound.credit > 0) {
            if drain {
                self.end_drain(index, io);
            }
            return;
        }
        outbound.at_core += messages;
        outbound.is_draining = drain;
        let (consumer, add) = (ConsumerIndex(index.into()), Credit { messages, bytes: 0 });
        io.commands.push(Command::Credit { consumer, add, drain });
    }

    /// The core has handed out all it will.
    pub(crate) fn drained(&mut self, consumer: ConsumerIndex, io: &mut Io<'_>) {
        let index = consumer.0 as u16;
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        outbound.is_draining = false;
        outbound.at_core = 0;
        // The core also stops when it has no bytes left; these come back with what is written.
        if outbound.drain && outbound.bytes > 0 {
            self.end_drain(index, io);
        } else if !outbound.drain {
            self.ask(index, io);
        }
    }

    /// Tells the peer that there is no more, once all that there was is sent.
    pub(crate) fn end_drain(&mut self, index: u16, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let Some(channel) = link.channel.filter(|_| link.is_live()) else { return };
        let Some(outbound) = link.outbound() else { return };
        if outbound.is_draining || outbound.at_core > 0 || outbound.waiting > 0 {
            return;
        }
        outbound.delivery_count = outbound.delivery_count.wrapping_add(outbound.credit);
        outbound.credit = 0;
        self.write_link_state(channel, index, io);
        if let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) {
            outbound.drain = false;
        }
    }

    fn write_link_state(&mut self, channel: u16, index: u16, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index).filter(|link| link.is_live()) else { return };
        let output = link.output;
        let Some(outbound) = link.outbound() else { return };
        let (count, credit, drain) = (outbound.delivery_count, outbound.credit, outbound.drain);
        let Ok(session) = self.session(channel) else { return };
        let mut flow = session.state();
        (flow.handle, flow.delivery_count, flow.link_credit) = (Some(output), Some(count), Some(credit));
        (flow.available, flow.drain) = (Some(0), drain);
        codec::encode_flow(io.output.buffer(), channel, &flow);
    }

    /// What was written gives its links credit again, in portions.
    pub(crate) fn flushed(&mut self, io: &mut Io<'_>) {
        if io.output.len() <= LOW_WATER_BYTES {
            let mut owing = std::mem::take(&mut self.owing);
            owing.retain(|index| self.pay(*index, io));
            self.owing = owing;
        }
        self.say_tally(io);
    }

    /// True if the link still owes something.
    fn pay(&mut self, index: u16, io: &mut Io<'_>) -> bool {
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return false };
        if !outbound.is_consuming {
            return false;
        }
        if outbound.owed < CREDIT_BYTES / 4 {
            return true;
        }
        let bytes = std::mem::take(&mut outbound.owed);
        outbound.bytes += bytes;
        outbound.is_owing = false;
        // A drain that ended for want of bytes goes on.
        let drain = outbound.drain && !outbound.is_draining && outbound.credit > 0;
        let messages = if drain { outbound.open() } else { 0 };
        outbound.at_core += messages;
        outbound.is_draining |= drain;
        let (consumer, add) = (ConsumerIndex(index.into()), Credit { messages, bytes: bytes as u64 });
        io.commands.push(Command::Credit { consumer, add, drain });
        false
    }
}
