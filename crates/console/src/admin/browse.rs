use model::{Command, Consume, ConsumerIndex, Credit, CreditMode, Effect, Mode, Position, QueueRef, Reply, Token};

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::queue_ref;
use crate::admin::work::{Progress, Work};
use crate::json::MessageObject;

/// The only consumer that a connection has at a time.
pub(crate) const CONSUMER: ConsumerIndex = ConsumerIndex(0);
/// Messages that are looked at before the client has read them.
const PORTION: u64 = 16;

/// Looks at messages in portions, each with a cursor of its own that drains: so "there are no more" is never mistaken
/// for the end of an earlier portion.
pub(crate) struct Browse {
    queue: QueueRef,
    /// Messages still to show.
    left: u64,
    from: Position,
    phase: Phase,
}

enum Phase {
    Opening(Token),
    Reading {
        portion: u64,
    },
    /// The client has to read first.
    Resting,
}

impl Browse {
    pub(crate) fn start(namespace: u16, queue: &str, count: u64, desk: &mut Desk<'_>) -> Self {
        let queue = queue_ref(namespace, queue);
        let mut browse = Self { queue, left: count, from: Position::First, phase: Phase::Resting };
        browse.open(desk);
        browse
    }

    fn open(&mut self, desk: &mut Desk<'_>) {
        let (queue, from) = (self.queue.clone(), self.from);
        self.phase = Phase::Opening(desk.ask(|token| {
            Command::Consume(Box::new(Consume {
                token,
                consumer: CONSUMER,
                queue,
                mode: Mode::Cursor { from },
                credit: Credit::messages(0),
                credit_mode: CreditMode::Explicit,
                selector: None,
                exclusive: false,
                priority: 0,
            }))
        }));
    }

    /// After each message of a portion.
    fn shown(&mut self, portion: u64, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        self.left -= 1;
        if portion > 1 {
            self.phase = Phase::Reading { portion: portion - 1 };
            return Ok(Progress::Waits);
        }
        desk.tell(Command::Cancel { consumer: CONSUMER });
        if self.left == 0 {
            return Ok(Progress::Finished);
        }
        self.phase = Phase::Resting;
        self.go_on(desk)
    }
}

impl Work for Browse {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match (effect, &self.phase) {
            (Effect::Reply { token, reply }, Phase::Opening(asked)) if token == *asked => {
                let Reply::Consuming { .. } = reply? else { return Err(Failure::Unexpected) };
                let portion = self.left.min(PORTION);
                if portion == 0 {
                    desk.tell(Command::Cancel { consumer: CONSUMER });
                    return Ok(Progress::Finished);
                }
                let add = Credit::messages(portion as u32);
                desk.tell(Command::Credit { consumer: CONSUMER, add, drain: true });
                self.phase = Phase::Reading { portion };
                Ok(Progress::Waits)
            }
            (Effect::Deliver(deliver), &Phase::Reading { portion }) if deliver.consumer == CONSUMER => {
                desk.item(&MessageObject::new(&deliver, desk.encodings));
                self.from = Position::Seq(deliver.delivery.seq.saturating_add(1));
                self.shown(portion, desk)
            }
            (Effect::Drained { consumer: CONSUMER }, Phase::Reading { .. }) => {
                desk.tell(Command::Cancel { consumer: CONSUMER });
                Ok(Progress::Finished)
            }
            (Effect::Cancelled { consumer: CONSUMER, refusal }, Phase::Reading { .. }) => Err(refusal.into()),
            _ => Ok(Progress::Waits),
        }
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        if matches!(self.phase, Phase::Resting) && desk.has_room() {
            self.open(desk);
        }
        Ok(Progress::Waits)
    }
}
