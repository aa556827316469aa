//! Credit for the peer's messages.

use model::Io;

use crate::codec::{self, Flow};
use crate::endpoint::Endpoint;
use crate::links::End;

impl Endpoint {
    /// Gives a sender its credit again when half of it is used.
    #[inline]
    pub(crate) fn grant_if_low(&mut self, index: u16, io: &mut Io<'_>) {
        let credit = self.options.link_credit;
        let low = match self.links.get_mut(index).map(|link| &link.end) {
            Some(End::Inbound(it)) => it.credit + it.unconfirmed <= credit / 2,
            Some(End::Coordinator(it)) => it.credit <= credit / 2,
            _ => false,
        };
        if low {
            self.grant(index, io);
        }
    }

    /// Gives a sender what credit it may have, and tells it so. While the broker is short of room it gets none.
    pub(crate) fn grant(&mut self, index: u16, io: &mut Io<'_>) {
        let (most, throttled) = (self.options.link_credit, self.throttled);
        let Some(link) = self.links.get_mut(index).filter(|link| link.is_live()) else { return };
        let Some(channel) = link.channel else { return };
        let output = link.output;
        match &mut link.end {
            End::Inbound(it) if !throttled => it.credit = it.credit.max(most.saturating_sub(it.unconfirmed)),
            End::Coordinator(it) => it.credit = most,
            End::Inbound(_) | End::Outbound(_) => return,
        }
        self.write_credit(channel, index, output, io);
    }

    pub(crate) fn write_credit(&mut self, channel: u16, index: u16, output: u32, io: &mut Io<'_>) {
        let (credit, count) = match self.links.get_mut(index).map(|link| &link.end) {
            Some(End::Inbound(it)) => (it.credit, it.delivery_count),
            Some(End::Coordinator(it)) => (it.credit, it.delivery_count),
            _ => return,
        };
        let Ok(session) = self.session(channel) else { return };
        let mut flow = session.state();
        (flow.handle, flow.delivery_count, flow.link_credit) = (Some(output), Some(count), Some(credit));
        codec::encode_flow(io.output.buffer(), channel, &flow);
    }

    /// A flow of the peer on a link on which it sends (2.6.7).
    pub(crate) fn sender_flow(&mut self, channel: u16, index: u16, flow: &Flow, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let (output, is_live) = (link.output, link.is_live());
        let (credit, count) = match &mut link.end {
            End::Inbound(it) => (&mut it.credit, &mut it.delivery_count),
            End::Coordinator(it) => (&mut it.credit, &mut it.delivery_count),
            End::Outbound(_) => return,
        };
        if let Some(said) = flow.delivery_count {
            // It may give up credit.
            let advanced = said.wrapping_sub(*count);
            if advanced <= *credit {
                (*credit, *count) = (*credit - advanced, said);
            }
        }
        if flow.echo && is_live {
            self.write_credit(channel, index, output, io);
        }
        self.grant_if_low(index, io);
    }

    /// The broker is short of room, or no longer.
    pub(crate) fn throttle(&mut self, throttled: bool, io: &mut Io<'_>) {
        self.throttled = throttled;
        if !throttled {
            let live: Vec<u16> = self.links.iter().filter(|(_, link)| link.is_live()).map(|(index, _)| index).collect();
            for index in live {
                self.grant_if_low(index, io);
            }
        }
    }
}
