use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use model::{
    Action, Alarm, CloseReason, Command, Consume, ConsumerIndex, Death, DeathReason, Declare, Deliver, Delivery,
    Denial, Effect, EncodingId, Exchange, History, Message, MessageNumber, Mode, Name, QueueCounts, QueueId, QueueInfo,
    Refusal, Reply, Resource, Settlement, Tags, Time, Token, What,
};

use super::chance::Chance;

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

/// Messages that it remembers, to deliver.
const MESSAGES: usize = 16;

/// A broker and a shell that keep the contract, and are in a different mood each time.
#[derive(Debug, Default)]
pub(super) struct FakeBroker {
    pub(super) commands: VecDeque<Command>,
    pub(super) effects: VecDeque<Effect>,
    consumers: BTreeMap<u32, Consumer>,
    /// Consumers so far.
    made: u32,
    messages: VecDeque<Arc<Message>>,
    /// Which consumer has them.
    leased: BTreeMap<(QueueId, u64), u32>,
    next_seq: u64,
}

#[derive(Debug)]
struct Consumer {
    number: u32,
    queue: QueueId,
    mode: Mode,
    messages: i64,
    bytes: i64,
    drain: bool,
}

impl FakeBroker {
    /// Carries out a command, or does something on its own.
    pub(super) fn work(&mut self, chance: &mut Chance) {
        match chance.below(5) {
            0 | 1 => {
                if let Some(command) = self.commands.pop_front() {
                    self.carry_out(command, chance);
                }
            }
            2 | 3 => self.deliver(chance),
            _ => self.surprise(chance),
        }
    }

    fn carry_out(&mut self, command: Command, chance: &mut Chance) {
        let refuses = chance.one_in(40);
        match command {
            Command::Authenticate(asked) => {
                let known = Ok(Reply::Authenticated { user: "bob".into(), account: None, last_message: None });
                self.reply(asked.token, if refuses { Err(Refusal::Login) } else { known });
            }
            Command::Access { token, .. } => self.reply(token, if refuses { Err(denied()) } else { Ok(Reply::Done) }),
            Command::Publish(publish) => {
                let Some(token) = publish.token else { return };
                if refuses {
                    let refusal = if chance.one_in(2) { denied() } else { Refusal::Full("q".into()) };
                    return self.reply(token, Err(refusal));
                }
                if !publish.quiet {
                    self.effects.push_back(Effect::Confirm { token, message: MessageNumber(1), routed: true });
                }
                self.messages.push_front(publish.message);
                self.messages.truncate(MESSAGES);
            }
            Command::Declare(declare) => self.declare(&declare, refuses, chance),
            Command::Consume(consume) => self.consume(&consume, refuses),
            Command::Cancel { consumer } => drop(self.consumers.remove(&consumer.0)),
            Command::Credit { consumer, add, drain } => {
                if let Some(it) = self.consumers.get_mut(&consumer.0) {
                    it.messages += i64::from(add.messages);
                    it.bytes = it.bytes.saturating_add(add.bytes as i64);
                    it.drain = drain;
                }
            }
            Command::Settle(settle) => {
                if settle.transaction.is_none() {
                    (settle.first..=settle.last).for_each(|seq| self.ended((settle.queue, seq)));
                }
                let Some(token) = settle.token else { return };
                self.reply(token, if refuses { Err(Refusal::NotLeased) } else { Ok(Reply::Count(1)) });
            }
            Command::Delete { token, .. } => {
                let refusal = if refuses { Refusal::InUse("q".into()) } else { Refusal::NoSuchQueue("q".into()) };
                self.reply(token, if chance.one_in(2) && !refuses { Ok(Reply::Count(3)) } else { Err(refusal) });
            }
            Command::Claim(model::Claim { token, .. })
            | Command::Bind { token, .. }
            | Command::Commit { token, .. }
            | Command::Rollback { token, .. } => {
                self.reply(token, if refuses { Err(Refusal::Invalid("no".into())) } else { Ok(Reply::Done) });
            }
            Command::Unhold { token, .. } => self.reply(token, Ok(Reply::Done)),
            _ => {}
        }
    }

    fn declare(&mut self, declare: &Declare, refuses: bool, chance: &mut Chance) {
        let Declare { token, namespace, name, settings, .. } = declare;
        let (id, mut settings) = (QueueId { shard: 0, n: 1 }, settings.clone());
        if chance.one_in(2) {
            settings.extras = Vec::new();
        }
        settings.internal |= chance.one_in(40);
        let (created, altered, counts) = (Time(0), Time(0), QueueCounts::default());
        let (namespace, name) = (*namespace, name.clone());
        let info = QueueInfo { id, namespace, name, alias: None, settings, created, altered, counts };
        let made = Reply::Declared { queue: id, existed: chance.one_in(2), info: Box::new(info) };
        self.reply(*token, if refuses { Err(Refusal::Exclusive("q".into())) } else { Ok(made) });
    }

    fn consume(&mut self, consume: &Consume, refuses: bool) {
        if refuses {
            return self.reply(consume.token, Err(Refusal::InUse("q".into())));
        }
        self.made += 1;
        let queue = QueueId { shard: 0, n: 1 + self.made };
        let (messages, bytes, mode) = (consume.credit.messages.into(), consume.credit.bytes as i64, consume.mode);
        let consumer = Consumer { number: self.made, queue, mode, messages, bytes, drain: false };
        self.consumers.insert(consume.consumer.0, consumer);
        self.reply(consume.token, Ok(Reply::Consuming { queue, decided: Vec::new() }));
    }

    fn reply(&mut self, token: Token, reply: Result<Reply, Refusal>) {
        self.effects.push_back(Effect::Reply { token, reply });
    }

    fn ended(&mut self, place: (QueueId, u64)) {
        let Some(number) = self.leased.remove(&place) else { return };
        if let Some(consumer) = self.consumers.values_mut().find(|consumer| consumer.number == number) {
            consumer.messages += 1;
        }
    }

    fn deliver(&mut self, chance: &mut Chance) {
        let at = chance.below(self.consumers.len());
        let Some((index, consumer)) = self.consumers.iter_mut().nth(at) else { return };
        if consumer.drain && (consumer.messages <= 0 || chance.one_in(8)) {
            (consumer.drain, consumer.messages) = (false, 0);
            self.effects.push_back(Effect::Drained { consumer: ConsumerIndex(*index) });
            return;
        }
        let Some(message) = self.messages.get(chance.below(self.messages.len())) else { return };
        if consumer.messages <= 0 || consumer.bytes <= 0 {
            return;
        }
        let mut message = message.clone();
        match chance.below(8) {
            0 => Arc::make_mut(&mut message).encoding = EncodingId::MQTT,
            1 => {
                let message = Arc::make_mut(&mut message);
                message.encoding = EncodingId(77);
                message.properties = Bytes::from_static(b"\0\x01\x02");
            }
            2 => Arc::make_mut(&mut message).address.key = "a\nb:c".into(),
            _ => {}
        }
        self.next_seq += 1 + if chance.one_in(8) { 2 } else { 0 };
        let settled = match consumer.mode {
            Mode::Leasing { settlement: Settlement::Explicit, .. } => false,
            Mode::Leasing { .. } | Mode::Cursor { .. } => true,
        };
        consumer.messages -= 1;
        consumer.bytes -= (message.properties.len() + message.body.len()) as i64;
        let delivery = Delivery { queue: consumer.queue, seq: self.next_seq, attempt: 1 };
        if !settled {
            self.leased.insert((delivery.queue, delivery.seq), consumer.number);
        }
        self.effects.push_back(Effect::Deliver(Deliver {
            consumer: ConsumerIndex(*index),
            delivery,
            message,
            number: MessageNumber(self.next_seq),
            arrived: Time(0),
            first_acquired: Time(0),
            failed: 0,
            redelivered: chance.one_in(4),
            settled,
            retained: chance.one_in(4),
            history: chance.one_in(6).then(|| Arc::new(history())),
            tags: Tags::new(),
        }));
    }

    fn surprise(&mut self, chance: &mut Chance) {
        match chance.below(80) {
            0 => {
                let reason = if chance.one_in(2) { CloseReason::Ended } else { CloseReason::Revoked };
                self.effects.push_back(Effect::Close { reason });
            }
            1 => self.effects.push_back(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) }),
            2 => {
                let at = chance.below(self.consumers.len());
                let Some(index) = self.consumers.keys().nth(at).copied() else { return };
                self.consumers.remove(&index);
                let refusal = if chance.one_in(2) { denied() } else { Refusal::NoSuchQueue("q".into()) };
                self.effects.push_back(Effect::Cancelled { consumer: ConsumerIndex(index), refusal });
            }
            _ => {}
        }
    }
}

fn history() -> History {
    let death = Death {
        queue: "a\nqueue".into(),
        reason: DeathReason::Undeliverable,
        detail: "why: it\ncannot".into(),
        count: 1,
        time: Time(0),
        exchange: Exchange::Topic,
        key: "k".into(),
    };
    History { deaths: vec![death], exchange: Exchange::Default, key: "dead".into() }
}

fn denied() -> Refusal {
    Refusal::Denied(Box::new(Denial::new("bob", Action::Write, &What::Queue(&Name::from("q")))))
}
