use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{
    Action, Alarm, CloseReason, Command, Consume, ConsumerIndex, Declare, Deliver, Delivery, Denial, Effect, Exchange,
    Message, MessageNumber, Mode, Name, QueueCounts, QueueId, QueueInfo, Refusal, Reply, Resource, Settlement, Tag,
    Tags, Time, Token, What,
};

use super::chance::Chance;
use crate::token::Request;

const SHORT_OF_MEMORY: Alarm = Alarm { short_of: Resource::Memory, culprit: None };

const SESSION: QueueId = QueueId { shard: 0, n: 1 };
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
    settlement: Settlement,
    messages: i64,
    bytes: i64,
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
        let refuses = chance.one_in(24);
        match command {
            Command::Authenticate(asked) => {
                let (user, account) = ("bob".into(), None);
                let known = Ok(Reply::Authenticated { user, account, last_message: None });
                self.reply(asked.token, if refuses { Err(Refusal::Login) } else { known });
            }
            Command::Access { token, .. } => self.reply(token, if refuses { Err(denied()) } else { Ok(Reply::Done) }),
            Command::Publish(publish) => {
                if let Some(token) = publish.token {
                    if refuses {
                        let refusal = if chance.one_in(2) { denied() } else { Refusal::Full("q".into()) };
                        return self.reply(token, Err(refusal));
                    }
                    self.effects.push_back(Effect::Confirm { token, message: MessageNumber(1), routed: true });
                }
                self.messages.push_front(publish.message);
                self.messages.truncate(MESSAGES);
            }
            Command::Declare(declare) => self.declare(&declare, refuses, chance),
            Command::Consume(consume) => self.consume(&consume, refuses, chance),
            Command::Cancel { consumer } => drop(self.consumers.remove(&consumer.0)),
            Command::Credit { consumer, add, .. } => {
                if let Some(it) = self.consumers.get_mut(&consumer.0) {
                    it.messages += i64::from(add.messages);
                    it.bytes += add.bytes as i64;
                }
            }
            Command::Settle(settle) => {
                (settle.first..=settle.last).for_each(|seq| self.ended((settle.queue, seq)));
            }
            Command::Decide { token, delivery, .. } => {
                self.ended((delivery.queue, delivery.seq));
                self.reply(token, if refuses { Err(Refusal::NotLeased) } else { Ok(Reply::Done) });
            }
            Command::Delete { token, .. } => {
                let gone = Refusal::NoSuchQueue("q".into());
                self.reply(token, if chance.one_in(2) { Err(gone) } else { Ok(Reply::Count(3)) });
            }
            Command::Claim(model::Claim { token, .. })
            | Command::Bind { token, .. }
            | Command::Unbind { token, .. }
            | Command::Alter { token, .. } => {
                self.reply(token, if refuses { Err(Refusal::Invalid("no".into())) } else { Ok(Reply::Done) });
            }
            Command::Unhold { token, .. } => self.reply(token, Ok(Reply::Done)),
            _ => {}
        }
    }

    fn declare(&mut self, declare: &Declare, refuses: bool, chance: &mut Chance) {
        let Declare { token, namespace, name, settings, .. } = declare;
        let mut settings = settings.clone();
        if chance.one_in(2) {
            settings.extras = ["0", "1", "2", "x"].map(|qos| (format!("mqtt.queue.{qos}"), qos.to_owned())).to_vec();
        }
        let (created, altered, counts) = (Time(0), Time(0), QueueCounts::default());
        let (namespace, name) = (*namespace, name.clone());
        let info = QueueInfo { id: SESSION, namespace, name, alias: None, settings, created, altered, counts };
        let made = Reply::Declared { queue: SESSION, existed: chance.one_in(2), info: Box::new(info) };
        self.reply(*token, if refuses { Err(Refusal::Exclusive("q".into())) } else { Ok(made) });
    }

    fn consume(&mut self, consume: &Consume, refuses: bool, chance: &mut Chance) {
        if refuses {
            return self.reply(consume.token, Err(Refusal::InUse("q".into())));
        }
        let Mode::Leasing { settlement, .. } = consume.mode else { return };
        self.made += 1;
        let is_session = Request::of(consume.token) == Request::ConsumeSession;
        let queue = if is_session { SESSION } else { QueueId { shard: 0, n: 1 + self.made } };
        let (messages, bytes) = (consume.credit.messages.into(), consume.credit.bytes as i64);
        self.consumers.insert(consume.consumer.0, Consumer { number: self.made, queue, settlement, messages, bytes });
        let mut decided = Vec::new();
        if is_session {
            for _ in 0..chance.below(3) {
                self.next_seq += 1;
                let mark = chance.below(8) as u32 + 1;
                if decided.iter().all(|(_, other)| *other != mark) {
                    decided.push((Delivery { queue, seq: self.next_seq, attempt: 1 }, mark));
                }
            }
        }
        self.reply(consume.token, Ok(Reply::Consuming { queue, decided }));
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
        let Some(message) = self.messages.get(chance.below(self.messages.len())).cloned() else { return };
        if consumer.messages <= 0 || consumer.bytes <= 0 {
            return;
        }
        self.next_seq += 1 + if chance.one_in(8) { chance.below(70_000) as u64 } else { 0 };
        let tags: Tags = (0..=chance.below(2)).map(|_| Tag(chance.below(3) as u64)).collect();
        let assured = message.header.durable && tags.iter().any(|tag| tag.0 > 0);
        let settled = match consumer.settlement {
            Settlement::Presettled => true,
            Settlement::Explicit => false,
            Settlement::ByMessage => !assured,
        };
        let mut message = message;
        if message.address.exchange != Exchange::Topic || chance.one_in(16) {
            let key = ["a.b", "a*", "$queue.a", ""][chance.below(4)];
            Arc::make_mut(&mut message).address.key = key.into();
        }
        consumer.messages -= 1;
        consumer.bytes -= message.body.len() as i64;
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
            history: None,
            tags,
        }));
    }

    fn surprise(&mut self, chance: &mut Chance) {
        match chance.below(40) {
            0 => {
                let reason = if chance.one_in(2) { CloseReason::TakenOver } else { CloseReason::Revoked };
                self.effects.push_back(Effect::Close { reason });
            }
            1 => self.effects.push_back(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) }),
            2..=8 => {
                let at = chance.below(self.consumers.len());
                let Some(index) = self.consumers.keys().nth(at).copied() else { return };
                // The session's own goes more rarely.
                if index > 0 || chance.one_in(8) {
                    self.consumers.remove(&index);
                    let refusal = if chance.one_in(2) { denied() } else { Refusal::NoSuchQueue("q".into()) };
                    self.effects.push_back(Effect::Cancelled { consumer: ConsumerIndex(index), refusal });
                }
            }
            _ => {}
        }
    }
}

fn denied() -> Refusal {
    Refusal::Denied(Box::new(Denial::new("bob", Action::Write, &What::Queue(&Name::from("q")))))
}
