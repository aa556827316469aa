use model::{
    Binding, Command, Consume, Credit, CreditMode, Declare, DeclareMode, Deliver, Effect, Exchange, Lease, Lifetime,
    Mode, Name, Namespace, Overflow, Position, QueueRef, QueueSettings, Reply, Settlement, Token,
};
use serde_json::json;

use crate::admin::browse::CONSUMER;
use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::{Tail, queue_ref};
use crate::admin::work::{Progress, Work};
use crate::json::MessageObject;

/// Messages that may arrive before the client has read earlier ones.
const WINDOW: u32 = 32;
/// Messages and bytes that wait for a slow reader; then the oldest are dropped.
const WAITING_MESSAGES: u64 = 10_000;
const WAITING_BYTES: u64 = 16 * 1024 * 1024;

/// Shows messages as they arrive, until the client goes.
pub(crate) struct Tailing {
    phase: Phase,
    /// Messages that were shown and whose credit was not given back.
    owed: u32,
    next_seq: Option<u64>,
}

enum Phase {
    /// Topics need a queue first, then its binding.
    Declaring {
        token: Token,
        pattern: Name,
    },
    Binding {
        token: Token,
        queue: QueueRef,
    },
    Opening {
        token: Token,
    },
    Reading,
}

impl Tailing {
    pub(crate) fn start(tail: Tail, desk: &mut Desk<'_>) -> Result<Self, Failure> {
        let phase = match (tail.queue, tail.topic) {
            (Some(queue), None) => {
                let mode = Mode::Cursor { from: Position::Next };
                consume(queue_ref(tail.namespace, &queue), mode, desk)
            }
            (None, Some(pattern)) => declare(Namespace(tail.namespace), pattern.into(), desk),
            _ => return Err(Failure::Invalid("name either a queue or a topic")),
        };
        Ok(Self { phase, owed: 0, next_seq: None })
    }

    fn replied(&mut self, reply: Reply, desk: &mut Desk<'_>) -> Result<(), Failure> {
        self.phase = match (&self.phase, reply) {
            (Phase::Declaring { pattern, .. }, Reply::Declared { queue, .. }) => {
                bind(QueueRef::Id(queue), pattern.clone(), desk)
            }
            (Phase::Binding { queue, .. }, Reply::Done) => {
                let lease = Lease::Connection;
                consume(queue.clone(), Mode::Leasing { settlement: Settlement::Presettled, lease }, desk)
            }
            (Phase::Opening { .. }, Reply::Consuming { .. }) => {
                desk.note("listening");
                Phase::Reading
            }
            _ => return Err(Failure::Unexpected),
        };
        Ok(())
    }

    /// A binding that was refused leaves a queue behind that nobody needs.
    fn tidy_up(&self, desk: &mut Desk<'_>) {
        if let Phase::Binding { queue, .. } = &self.phase {
            let queue = queue.clone();
            desk.ask(|token| Command::Delete { token, queue, if_unused: false, if_empty: false });
        }
    }

    fn show(&mut self, deliver: &Deliver, desk: &mut Desk<'_>) {
        let seq = deliver.delivery.seq;
        if let Some(missed) = self.next_seq.and_then(|next| seq.checked_sub(next)).filter(|missed| *missed > 0) {
            desk.item(&json!({ "missed": missed }));
        }
        self.next_seq = Some(seq.saturating_add(1));
        desk.item(&MessageObject::new(deliver, desk.encodings));
        self.owed += 1;
    }

    fn give_credit(&mut self, desk: &mut Desk<'_>) {
        if self.owed >= WINDOW / 2 && desk.has_room() {
            let add = Credit { messages: std::mem::take(&mut self.owed), bytes: 0 };
            desk.tell(Command::Credit { consumer: CONSUMER, add, drain: false });
        }
    }

    fn token(&self) -> Option<Token> {
        match self.phase {
            Phase::Declaring { token, .. } | Phase::Binding { token, .. } | Phase::Opening { token } => Some(token),
            Phase::Reading => None,
        }
    }
}

impl Work for Tailing {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match effect {
            Effect::Reply { token, reply } if Some(token) == self.token() => {
                let done = reply.map_err(Failure::from).and_then(|reply| self.replied(reply, desk));
                done.inspect_err(|_| self.tidy_up(desk))?;
            }
            Effect::Deliver(deliver) if deliver.consumer == CONSUMER && matches!(self.phase, Phase::Reading) => {
                self.show(&deliver, desk);
                self.give_credit(desk);
            }
            Effect::Cancelled { consumer: CONSUMER, refusal } if matches!(self.phase, Phase::Reading) => {
                return Err(refusal.into());
            }
            _ => {}
        }
        Ok(Progress::Waits)
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        self.give_credit(desk);
        Ok(Progress::Waits)
    }
}

/// A queue that lives as long as this connection, and that no other can have made.
fn declare(namespace: Namespace, pattern: Name, desk: &mut Desk<'_>) -> Phase {
    let connection = desk.commands.connection;
    let name = format!("$admin.tail.{}.{}.{}", connection.thread, connection.slot, connection.generation);
    let settings = QueueSettings {
        durable: false,
        lifetime: Lifetime::Connection,
        internal: true,
        max_length: Some(WAITING_MESSAGES),
        max_bytes: Some(WAITING_BYTES),
        overflow: Overflow::DropHead,
        ..QueueSettings::default()
    };
    let token = desk.ask(|token| {
        let mode = DeclareMode::IfAbsent;
        Command::Declare(Box::new(Declare {
            token,
            namespace,
            name: name.into(),
            settings,
            mode,
            own: model::Own::Mine,
        }))
    });
    Phase::Declaring { token, pattern }
}

fn bind(queue: QueueRef, key: Name, desk: &mut Desk<'_>) -> Phase {
    let binding = Binding { exchange: Exchange::Topic, key, at_most_once: true, ..Binding::default() };
    let asked = queue.clone();
    let token = desk.ask(|token| Command::Bind { token, queue: asked, binding: Box::new(binding), replay: false });
    Phase::Binding { token, queue }
}

fn consume(queue: QueueRef, mode: Mode, desk: &mut Desk<'_>) -> Phase {
    let token = desk.ask(|token| {
        Command::Consume(Box::new(Consume {
            token,
            consumer: CONSUMER,
            queue,
            mode,
            credit: Credit::messages(WINDOW),
            credit_mode: CreditMode::Explicit,
            selector: None,
            exclusive: false,
            priority: 0,
        }))
    });
    Phase::Opening { token }
}
