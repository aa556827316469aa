//! Outcomes: what the peer says of what it was sent, and what this side says of what it was sent.

use std::collections::VecDeque;

use bytes::BytesMut;
use model::{Command, Io, Outcome, Settle, TransactionIndex};

use crate::codec::{self, DeliveryState, Disposition, Modified, Role};
use crate::endpoint::Endpoint;
use crate::error::{LinkError, Wrong};
use crate::links::Link;
use crate::token::Request;

/// Outcomes for the core that are joined as long as they follow each other.
#[derive(Default)]
pub(crate) struct Settles {
    range: Option<Settle>,
    /// What the peer waits for, once `range` is done.
    answer: Option<Answer>,
    /// The same for what the core was told already, in order.
    asked: VecDeque<Answer>,
    /// The number of the first of them.
    first: u32,
}

/// A disposition of the peer that did not settle: this side does, when the outcome is on disk.
struct Answer {
    channel: u16,
    /// Which session it is that has the channel.
    session: u32,
    first: u32,
    last: u32,
    state: DeliveryState,
}

impl Settles {
    /// An outcome that nobody waits for.
    #[inline]
    pub(crate) fn push(&mut self, settle: Settle, io: &mut Io<'_>) {
        match &mut self.range {
            Some(range) if self.answer.is_none() && follows(range, &settle) => range.last = settle.last,
            _ => {
                self.flush(io);
                self.range = Some(settle);
            }
        }
    }

    /// An outcome that delivery `id` of a session is settled after.
    fn push_answered(
        &mut self,
        settle: Settle,
        (channel, session): (u16, u32),
        id: u32,
        state: &DeliveryState,
        io: &mut Io<'_>,
    ) {
        match (&mut self.range, &mut self.answer) {
            (Some(range), Some(answer))
                if follows(range, &settle)
                    && answer.session == session
                    && answer.last.wrapping_add(1) == id
                    && answer.state == *state =>
            {
                (range.last, answer.last) = (settle.last, id);
            }
            _ => {
                self.flush(io);
                self.range = Some(settle);
                self.answer = Some(Answer { channel, session, first: id, last: id, state: state.clone() });
            }
        }
    }

    pub(crate) fn flush(&mut self, io: &mut Io<'_>) {
        let Some(mut settle) = self.range.take() else { return };
        if let Some(answer) = self.answer.take() {
            let number = self.first.wrapping_add(self.asked.len() as u32);
            self.asked.push_back(answer);
            settle.token = Some(Request::Settle(number).token());
        }
        io.commands.push(Command::Settle(settle));
    }

    /// The answer that has this number: answers come in order.
    fn answered(&mut self, number: u32) -> Option<Answer> {
        if number != self.first {
            return None;
        }
        let answer = self.asked.pop_front()?;
        self.first = self.first.wrapping_add(1);
        Some(answer)
    }
}

fn follows(range: &Settle, next: &Settle) -> bool {
    range.queue == next.queue
        && range.last + 1 == next.first
        && range.outcome == next.outcome
        && range.transaction == next.transaction
}

/// Acceptances for the peer. Those that follow each other become one disposition as long as it has not been written
/// to the socket: the one at the end of the buffer is then replaced.
#[derive(Default)]
pub(crate) struct Answers {
    channel: u16,
    first: u32,
    last: u32,
    settled: bool,
    frame: Vec<u8>,
}

impl Answers {
    #[inline]
    pub(crate) fn accepted(&mut self, channel: u16, id: u32, settled: bool, out: &mut BytesMut) {
        let goes_on = self.channel == channel && self.settled == settled && self.last.wrapping_add(1) == id;
        if goes_on && !self.frame.is_empty() && out.ends_with(&self.frame) {
            out.truncate(out.len() - self.frame.len());
        } else {
            (self.channel, self.first, self.settled) = (channel, id, settled);
        }
        self.last = id;
        let start = out.len();
        let last = (self.last != self.first).then_some(self.last);
        let state = Some(&DeliveryState::ACCEPTED);
        codec::encode_disposition(out, channel, Role::Receiver, self.first, last, settled, state);
        self.frame.clear();
        self.frame.extend_from_slice(&out[start..]);
    }
}

impl Endpoint {
    pub(crate) fn disposition(
        &mut self,
        channel: u16,
        disposition: &Disposition,
        io: &mut Io<'_>,
    ) -> Result<(), Wrong> {
        let Disposition { role, first, last, settled, state, .. } = disposition;
        let session = self.session(channel)?;
        // This side has forgotten what it received when it says its outcome.
        if *role == Role::Sender {
            return Ok(());
        }
        let ids = session.unsettled.between(*first, last.unwrap_or(*first));
        let (outcome, transaction) = match self.outcome(state.as_ref()) {
            Ok(Some(outcome)) => outcome,
            // Settled without an outcome: the source's default (3.5.3).
            Ok(None) if *settled => (Outcome::Released, None),
            Ok(None) => return Ok(()),
            Err(error) => {
                self.refuse_outcome(channel, ids, &error, io);
                return Ok(());
            }
        };
        let state = state.clone().unwrap_or(DeliveryState::RELEASED);
        for id in ids {
            let Some(session) = self.sessions[usize::from(channel)].as_deref_mut() else { break };
            let Some(sent) = session.unsettled.get_mut(id) else { continue };
            let (delivery, link, staged) = (sent.delivery, sent.link, sent.staged);
            if staged.is_some() {
                // Its transaction has it; the peer only forgets it.
                if *settled {
                    session.unsettled.take(id);
                }
                continue;
            }
            let mut settle = Settle::one(delivery, outcome);
            if let Some(transaction) = transaction {
                settle.transaction = Some(transaction);
                sent.staged = Some(transaction);
                if *settled {
                    session.unsettled.take(id);
                }
                self.transactions.stage(transaction, (channel, link, id), &settle, delivery);
                self.settles.push(settle, io);
                continue;
            }
            session.unsettled.take(id);
            let number = session.number;
            if *settled {
                self.settles.push(settle, io);
            } else {
                self.settles.push_answered(settle, (channel, number), id as u32, &state, io);
            }
        }
        Ok(())
    }

    /// What a delivery state means for the core; `None` if it is no outcome.
    fn outcome(&self, state: Option<&DeliveryState>) -> Result<Option<(Outcome, Option<TransactionIndex>)>, LinkError> {
        let (outcome, transaction) = match state {
            None | Some(DeliveryState::Received(_)) => return Ok(None),
            Some(DeliveryState::Outcome(outcome)) => (outcome, None),
            Some(DeliveryState::Transactional(state)) => {
                let transaction = self.transactions.find(&state.txn_id).ok_or(LinkError::NoTransaction)?;
                let Some(outcome) = &state.outcome else { return Ok(None) };
                (outcome, Some(transaction))
            }
        };
        let outcome = match outcome {
            codec::Outcome::Accepted => Outcome::Accepted,
            codec::Outcome::Released => Outcome::Released,
            // As ActiveMQ: what a receiver rejects is for the dead letters, and never lost.
            codec::Outcome::Rejected(_) => Outcome::Poison(""),
            codec::Outcome::Modified(Modified { undeliverable_here: true, .. }) => Outcome::Rejected,
            codec::Outcome::Modified(modified) => {
                Outcome::Modified { failed: modified.delivery_failed, not_before: None }
            }
            codec::Outcome::Declared(_) => return Ok(None),
        };
        Ok(Some((outcome, transaction)))
    }

    /// An outcome in a transaction that is not there: the link cannot go on (4.4.3).
    fn refuse_outcome(&mut self, channel: u16, ids: impl Iterator<Item = u64>, error: &LinkError, io: &mut Io<'_>) {
        for id in ids {
            let Some(session) = self.sessions[usize::from(channel)].as_deref_mut() else { return };
            let Some(link) = session.unsettled.get_mut(id).map(|sent| sent.link) else { continue };
            if self.links.get(link).is_some_and(Link::is_live) {
                self.refuse(link, error, io);
            }
        }
    }

    /// The core has carried out an outcome that the peer waits for.
    pub(crate) fn settled(&mut self, number: u32, io: &mut Io<'_>) {
        let Some(Answer { channel, session, first, last, state }) = self.settles.answered(number) else { return };
        if !self.session(channel).is_ok_and(|it| it.number == session && !it.refused) {
            return;
        }
        let last = (last != first).then_some(last);
        codec::encode_disposition(io.output.buffer(), channel, Role::Sender, first, last, true, Some(&state));
    }
}
