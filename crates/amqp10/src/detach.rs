//! Links end: by a detach of the peer, with their session, or because of an error.

use model::{Command, ConsumerIndex, Hold, Io, Outcome, QueueId, QueueRef, Refusal, Reply, Settle};

use crate::attach::{write_detach, write_refusal};
use crate::codec::Detach;
use crate::endpoint::Endpoint;
use crate::error::{LinkError, Wrong};
use crate::links::{End, Link, LinkRef, State};
use crate::outbound::Own;
use crate::token::Request;

impl Endpoint {
    pub(crate) fn detach(&mut self, channel: u16, detach: &Detach, io: &mut Io<'_>) -> Result<(), Wrong> {
        let link = self.session(channel)?.link(detach.handle)?;
        self.leave(link, Some(detach.closed), io);
        Ok(())
    }

    /// The peer is done with a link. `Some(closed)`: its detach is to be answered; `None`: its session is over.
    pub(crate) fn leave(&mut self, index: u16, answer: Option<bool>, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let Some(channel) = link.channel else { return };
        let (input, output) = (link.input, link.output);
        if let Ok(session) = self.session(channel)
            && let Some(slot) = session.inputs.get_mut(input as usize)
            && *slot == Some(index)
        {
            *slot = None;
        }
        let Some(link) = self.links.get_mut(index) else { return };
        let state = std::mem::replace(&mut link.state, State::Leaving(None));
        let mut due = None;
        match state {
            State::Leaving(_) => {}
            State::Refused => self.release_place(index, io),
            State::Asked(asked) => {
                if let Some(closed) = answer {
                    write_refusal(link, *asked, channel, io);
                    write_detach(channel, output, closed, None, io);
                }
                self.abandon(index, channel, io);
                self.end_node(index, answer.unwrap_or(false), io);
                self.release_place(index, io);
            }
            State::Live => {
                self.abandon(index, channel, io);
                // An end of the session closes nothing: what is durable stays.
                let waits = self.end_node(index, answer.unwrap_or(false), io);
                match answer {
                    Some(closed) if waits => due = Some(closed),
                    Some(closed) => write_detach(channel, output, closed, None, io),
                    None => {}
                }
                self.release_place(index, io);
            }
        }
        if let Some(link) = self.links.get_mut(index) {
            link.state = State::Leaving(due);
            // What a sender was not told of its messages yet, it still is.
            let speaks = answer.is_some() && matches!(link.end, End::Inbound(_));
            link.channel = link.channel.filter(|_| due.is_some() || speaks);
        }
        if due.is_none()
            && let Ok(session) = self.session(channel)
        {
            session.give_back_output(output);
        }
    }

    /// Ends a link with an error: it is closed.
    pub(crate) fn refuse(&mut self, index: u16, error: &LinkError, io: &mut Io<'_>) {
        let Some(link) = self.links.get_mut(index) else { return };
        let Some(channel) = link.channel else { return };
        let output = link.output;
        match std::mem::replace(&mut link.state, State::Refused) {
            State::Asked(asked) => write_refusal(link, *asked, channel, io),
            State::Live => {}
            other => {
                link.state = other;
                return;
            }
        }
        self.abandon(index, channel, io);
        self.end_node(index, false, io);
        write_detach(channel, output, true, Some(error), io);
    }

    /// Gives back everything that is on its way over a link, and ends its consumer.
    fn abandon(&mut self, index: u16, channel: u16, io: &mut Io<'_>) {
        let consumer = ConsumerIndex(index.into());
        match self.links.get_mut(index).map(|link| &mut link.end) {
            Some(End::Outbound(outbound)) => {
                outbound.held.clear();
                if std::mem::take(&mut outbound.is_consuming) {
                    io.commands.push(Command::Cancel { consumer });
                }
            }
            Some(End::Coordinator(controller)) => {
                self.partial_bytes -= controller.partial.take().map_or(0, |it| it.bytes);
                return self.roll_back_all(index, io);
            }
            Some(End::Inbound(inbound)) => {
                self.partial_bytes -= inbound.partial.take().map_or(0, |it| it.bytes);
                return;
            }
            None => return,
        }
        let Ok(session) = self.session(channel) else { return };
        let mut back: Vec<_> = session.unsettled.take_all(|sent| sent.link == index && sent.staged.is_none());
        // Those that wait for a transaction are the transaction's.
        session.unsettled.take_all(|sent| sent.link == index);
        let mut waiting = Vec::new();
        session.waiting.retain(|it| {
            let ours = it.link == index;
            if ours && it.begun.is_none() && !it.deliver.settled {
                waiting.push(it.deliver.delivery);
            }
            !ours
        });
        back.sort_unstable_by_key(|sent| (sent.delivery.queue, sent.delivery.seq));
        for delivery in back.iter().map(|sent| sent.delivery).chain(waiting) {
            self.settles.push(Settle::one(delivery, Outcome::Released), io);
        }
        self.settles.flush(io);
    }

    /// Deletes the queue that a link had for itself. True if the answer has to be waited for.
    fn end_node(&mut self, index: u16, closed: bool, io: &mut Io<'_>) -> bool {
        let name = self.links.name_of(index);
        let queue: Option<QueueId> = match self.links.get_mut(index).map(|link| &mut link.end) {
            Some(End::Outbound(outbound)) => match outbound.own {
                Own::Private(queue) => queue,
                Own::Durable(queue) if closed => Some(queue),
                Own::Durable(_) | Own::Nothing => None,
            },
            Some(End::Inbound(inbound)) => inbound.temporary.take(),
            Some(End::Coordinator(_)) | None => None,
        };
        let Some(queue) = queue else { return false };
        let (token, queue) = (Request::Deleted(name).token(), QueueRef::Id(queue));
        io.commands.push(Command::Delete { token, queue, if_unused: true, if_empty: false });
        true
    }

    /// Frees a link's place once nothing of the core's is on its way to it.
    fn release_place(&mut self, index: u16, io: &mut Io<'_>) {
        // Nobody holds such a number, so this is only answered, behind all that was said before.
        let hold = Hold { queue: QueueId::default(), number: u32::MAX };
        let token = Request::Left(self.links.name_of(index)).token();
        io.commands.push(Command::Unhold { token, hold });
    }

    /// A node that was deleted because of a detach.
    pub(crate) fn node_is_deleted(&mut self, name: LinkRef, reply: Result<Reply, Refusal>, io: &mut Io<'_>) {
        let Some(Link { channel: Some(channel), output, state, .. }) = self.links.named(name) else { return };
        let State::Leaving(due) = state else { return };
        let Some(closed) = due.take() else { return };
        let (channel, output) = (*channel, *output);
        let error = match reply {
            Ok(_) | Err(Refusal::NoSuchQueue(_)) => None,
            Err(refusal) => Some(LinkError::Refused(refusal)),
        };
        write_detach(channel, output, closed, error.as_ref(), io);
        if let Ok(session) = self.session(channel) {
            session.give_back_output(output);
        }
    }

    /// Nothing comes any more for a link that was left.
    pub(crate) fn place_is_free(&mut self, name: LinkRef) {
        if self.links.named(name).is_some_and(|link| matches!(link.state, State::Leaving(_))) {
            self.links.remove(name.index);
        }
    }

    /// The core ended a consumer: its queue was deleted, or the right to it was taken away.
    pub(crate) fn cancelled(&mut self, consumer: ConsumerIndex, refusal: Refusal, io: &mut Io<'_>) {
        let index = consumer.0 as u16;
        let Some(outbound) = self.links.get_mut(index).and_then(Link::outbound) else { return };
        outbound.is_consuming = false;
        outbound.own = Own::Nothing;
        let error = match refusal {
            Refusal::NoSuchQueue(_) => LinkError::Deleted,
            Refusal::Denied(_) => LinkError::Refused(refusal),
            other => LinkError::Gone(other),
        };
        self.refuse(index, &error, io);
    }
}
