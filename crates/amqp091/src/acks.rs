//! `basic.ack`, `basic.nack`, `basic.reject`, `basic.recover`.

use model::{Io, Outcome};

use crate::channel::{Channel, Mode};
use crate::codec::method::basic;
use crate::error::Fault;
use crate::shared::Shared;

impl Channel {
    pub(crate) fn ack(&mut self, ack: &basic::Ack, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        self.settle(ack.delivery_tag, ack.multiple, Outcome::Accepted, shared, io)
    }

    pub(crate) fn nack(&mut self, nack: &basic::Nack, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        let outcome = if nack.requeue { Outcome::Released } else { Outcome::Rejected };
        self.settle(nack.delivery_tag, nack.multiple, outcome, shared, io)
    }

    fn settle(
        &mut self,
        tag: u64,
        multiple: bool,
        outcome: Outcome,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let number = self.id.number;
        let mode = &mut self.mode;
        let mut each = |unsettled| match mode {
            Mode::Transactional(transaction) => transaction.settle(number, unsettled, outcome, shared, io),
            Mode::Plain | Mode::Confirms(_) => shared.settling.push(unsettled, outcome, None),
        };
        let there = if multiple {
            self.unacked.take_through(tag, each)
        } else {
            self.unacked.take(tag).map(&mut each).is_some()
        };
        if !there {
            return Err(Fault::DeliveryTag(tag));
        }
        self.send_held(shared, io);
        Ok(())
    }

    /// Gives everything back that is not settled; it comes again, to whoever has room.
    pub(crate) fn recover(&mut self, requeue: bool, shared: &mut Shared, io: &mut Io<'_>) -> Result<(), Fault> {
        if !requeue {
            return Err(Fault::NotImplemented("requeue=false".into()));
        }
        self.release_unacked(shared, io);
        self.send_held(shared, io);
        Ok(())
    }
}
