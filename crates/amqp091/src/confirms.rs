//! Confirms: the broker answers publishes in their order.

use model::{Io, Refusal};

use crate::channel::{Channel, Mode};
use crate::codec;
use crate::codec::method::confirm;
use crate::error::Fault;
use crate::shared::Shared;

/// Counts the publishes of a channel and their answers.
#[derive(Debug, Default)]
pub(crate) struct Confirms {
    published: u64,
    answered: u64,
}

impl Confirms {
    pub(crate) fn published(&mut self) {
        self.published += 1;
    }

    /// The tag of the publish that was answered.
    fn answered(&mut self) -> u64 {
        debug_assert!(self.answered < self.published, "an answer without a publish");
        self.answered += 1;
        self.answered
    }
}

impl Channel {
    pub(crate) fn select_confirms(&mut self, select: &confirm::Select, io: &mut Io<'_>) -> Result<(), Fault> {
        match self.mode {
            Mode::Plain => self.mode = Mode::Confirms(Confirms::default()),
            Mode::Confirms(_) => {}
            Mode::Transactional(_) => return Err(Fault::Mode("tx", "confirm")),
        }
        if !select.no_wait {
            self.say(confirm::SelectOk {}, io);
        }
        Ok(())
    }

    /// A publish was answered: it has reached its queues, or was refused.
    pub(crate) fn confirmed(
        &mut self,
        refusal: Option<Refusal>,
        shared: &mut Shared,
        io: &mut Io<'_>,
    ) -> Result<(), Fault> {
        let Mode::Confirms(confirms) = &mut self.mode else { return Ok(()) };
        let tag = confirms.answered();
        match refusal {
            // Nobody is bound there: RabbitMQ confirms that too.
            None | Some(Refusal::NoSuchQueue(_)) => shared.confirm(self.id.number, tag, io),
            Some(Refusal::NoSuchExchange(name)) => return Err(shared.no_exchange(&name)),
            Some(Refusal::Denied(denial)) => return Err(shared.denied(&denial)),
            Some(Refusal::Internal(name)) => return Err(Fault::Internal(name, shared.vhost.clone())),
            Some(_) => codec::write_nack(io.output.buffer(), self.id.number, tag, false, false),
        }
        Ok(())
    }
}
