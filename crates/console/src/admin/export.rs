//! Messages go out whole, in portions, as fast as the client reads.

use model::{
    Command, Consume, Credit, CreditMode, Effect, Inspect, Lease, Mode, Outcome, Position, QueueInfo, QueueRef, Reply,
    Settle, Settlement, Token,
};
use serde_json::json;

use crate::admin::browse::CONSUMER;
use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::{Export, Exported, queue_ref};
use crate::admin::work::{Progress, Work};
use crate::json::{ExportObject, ProgressObject};

/// Messages, and bytes of them, that one portion has at most; a portion of one message may be longer.
const PORTION: Credit = Credit { messages: 256, bytes: 512 * 1024 };

/// Looks at what was ready at the beginning, with a cursor of its own for each portion, or takes one portion under a lease
/// of this connection.
pub(crate) struct Exporting {
    queue: QueueRef,
    /// Its name, as it stands in what goes out.
    name: String,
    takes: bool,
    left: u64,
    from: Position,
    phase: Phase,
}

enum Phase {
    /// How much there is.
    Asking(Token),
    Opening(Token),
    /// So many of this portion have been shown.
    Reading(u64),
    /// The client has to read first.
    Resting,
}

impl Exporting {
    pub(crate) fn start(export: Export, desk: &mut Desk<'_>) -> Self {
        let queue = queue_ref(export.namespace, &export.queue);
        let what = Inspect::Queue(queue.clone());
        Self {
            phase: Phase::Asking(desk.ask(|token| Command::Inspect { token, what })),
            queue,
            name: export.queue,
            takes: export.take,
            left: export.max.unwrap_or(u64::MAX),
            from: Position::First,
        }
    }

    fn begin(&mut self, info: &QueueInfo, desk: &mut Desk<'_>) -> Progress {
        let counts = &info.counts;
        self.left = self.left.min(counts.ready);
        self.name = info.name.to_text().into_owned();
        let (leased, delayed) = (counts.leased, counts.delayed);
        desk.progress(&ProgressObject { done: 0, total: self.left, leased, delayed });
        if self.left == 0 {
            return Progress::Finished;
        }
        self.open(desk);
        Progress::Waits
    }

    fn open(&mut self, desk: &mut Desk<'_>) {
        let (queue, from) = (self.queue.clone(), self.from);
        let leasing = Mode::Leasing { settlement: Settlement::Explicit, lease: Lease::Connection };
        let mode = if self.takes { leasing } else { Mode::Cursor { from } };
        self.phase = Phase::Opening(desk.ask(|token| {
            Command::Consume(Box::new(Consume {
                token,
                consumer: CONSUMER,
                queue,
                mode,
                credit: Credit::messages(0),
                credit_mode: CreditMode::Explicit,
                selector: None,
                exclusive: false,
                priority: 0,
            }))
        }));
    }

    fn read(&mut self, desk: &mut Desk<'_>) {
        let messages = u32::try_from(self.left).unwrap_or(u32::MAX).min(PORTION.messages);
        desk.tell(Command::Credit { consumer: CONSUMER, add: Credit { messages, ..PORTION }, drain: true });
        self.phase = Phase::Reading(0);
    }

    /// A portion is over.
    fn drained(&mut self, shown: u64, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        desk.tell(Command::Cancel { consumer: CONSUMER });
        if shown == 0 || self.left == 0 || self.takes {
            return Ok(Progress::Finished);
        }
        self.phase = Phase::Resting;
        self.go_on(desk)
    }
}

impl Work for Exporting {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match (effect, &self.phase) {
            (Effect::Reply { token, reply }, Phase::Asking(asked)) if token == *asked => {
                let Reply::Queue(info) = reply? else { return Err(Failure::Unexpected) };
                return Ok(self.begin(&info, desk));
            }
            (Effect::Reply { token, reply }, Phase::Opening(asked)) if token == *asked => {
                let Reply::Consuming { .. } = reply? else { return Err(Failure::Unexpected) };
                self.read(desk);
            }
            (Effect::Deliver(deliver), &Phase::Reading(shown)) if deliver.consumer == CONSUMER && self.left > 0 => {
                desk.item(&ExportObject::new(&deliver, &self.name, desk.encodings));
                self.from = Position::Seq(deliver.delivery.seq.saturating_add(1));
                self.left -= 1;
                self.phase = Phase::Reading(shown + 1);
            }
            (Effect::Drained { consumer: CONSUMER }, &Phase::Reading(shown)) => return self.drained(shown, desk),
            (Effect::Cancelled { consumer: CONSUMER, refusal }, Phase::Reading(_)) => return Err(refusal.into()),
            _ => {}
        }
        Ok(Progress::Waits)
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        if matches!(self.phase, Phase::Resting) && desk.has_room() {
            self.open(desk);
        }
        Ok(Progress::Waits)
    }
}

/// The client has what it took; it is deleted here.
pub(crate) struct Deleting {
    phase: Settling,
    first: u64,
    last: u64,
}

enum Settling {
    Asking(Token),
    Waiting(Token),
}

impl Deleting {
    pub(crate) fn start(exported: &Exported, desk: &mut Desk<'_>) -> Self {
        let what = Inspect::Queue(queue_ref(exported.namespace, &exported.queue));
        let phase = Settling::Asking(desk.ask(|token| Command::Inspect { token, what }));
        Self { phase, first: exported.first, last: exported.last }
    }
}

impl Work for Deleting {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        match self.phase {
            Settling::Asking(asked) if token == asked => {
                let Reply::Queue(info) = reply? else { return Err(Failure::Unexpected) };
                let (queue, first, last) = (info.id, self.first, self.last);
                self.phase = Settling::Waiting(desk.ask(|token| {
                    Command::Settle(Settle {
                        token: Some(token),
                        queue,
                        first,
                        last,
                        attempt: None,
                        outcome: Outcome::Accepted,
                        transaction: None,
                    })
                }));
            }
            Settling::Waiting(asked) if token == asked => {
                let Reply::Count(count) = reply? else { return Err(Failure::Unexpected) };
                desk.item(&json!({ "count": count }));
                return Ok(Progress::Finished);
            }
            _ => {}
        }
        Ok(Progress::Waits)
    }
}
