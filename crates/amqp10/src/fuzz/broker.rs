use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use model::{
    Action, Alarm, CloseReason, Command, Consume, ConsumerIndex, Credentials, Death, DeathReason, Declare, DeclareMode,
    Deliver, Delivery, Denial, Effect, EncodingId, Exchange, History, Message, MessageNumber, Mode, Name, Namespace,
    QueueCounts, QueueId, QueueInfo, QueueRef, QueueSettings, Refusal, Reply, Resource, Settlement, Tags, Time, Token,
    What,
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
    messages: VecDeque<Arc<Message>>,
    /// Queues and consumers so far.
    made: u32,
    next_seq: u64,
}

#[derive(Debug)]
struct Consumer {
    queue: QueueId,
    /// `None` for one that only looks.
    settlement: Option<Settlement>,
    messages: u32,
    bytes: i64,
    drains: bool,
}

impl FakeBroker {
    /// Carries out a command, or does something on its own.
    pub(super) fn work(&mut self, chance: &mut Chance) {
        match chance.below(5) {
            0 | 1 => drop(self.answer(chance)),
            2 | 3 => self.deliver(chance),
            _ => self.surprise(chance),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.commands.is_empty() && self.effects.is_empty()
    }

    /// Carries out a command. False if there is none.
    pub(super) fn answer(&mut self, chance: &mut Chance) -> bool {
        let Some(command) = self.commands.pop_front() else { return false };
        self.carry_out(command, chance);
        true
    }

    fn carry_out(&mut self, command: Command, chance: &mut Chance) {
        let refuses = chance.one_in(24);
        match command {
            Command::Authenticate(asked) => {
                let asks_more = !matches!(asked.credentials, Credentials::Nothing);
                self.authenticate(asked.token, (refuses, asks_more), chance);
            }
            Command::Access { token, .. } => self.reply(token, if refuses { Err(denied()) } else { Ok(Reply::Done) }),
            Command::Publish(publish) => {
                let Some(token) = publish.token else { return };
                if refuses {
                    let refusals = [Refusal::Full("q".into()), Refusal::NoSuchQueue("q".into()), denied()];
                    return self.reply(token, Err(refusals[chance.below(3)].clone()));
                }
                if !publish.quiet {
                    let routed = !chance.one_in(4);
                    self.effects.push_back(Effect::Confirm { token, message: MessageNumber(1), routed });
                }
                self.messages.push_front(publish.message);
                self.messages.truncate(MESSAGES);
            }
            Command::Declare(declare) => self.declare(&declare, refuses, chance),
            Command::Consume(consume) => self.consume(&consume, refuses),
            Command::Cancel { consumer } => drop(self.consumers.remove(&consumer.0)),
            Command::Credit { consumer, add, drain } => {
                if let Some(it) = self.consumers.get_mut(&consumer.0) {
                    it.messages += add.messages;
                    it.bytes += add.bytes as i64;
                    it.drains |= drain;
                }
                self.end_drain(consumer.0, chance);
            }
            Command::Settle(settle) => {
                if let Some(token) = settle.token {
                    self.reply(token, if refuses { Err(Refusal::NotLeased) } else { Ok(Reply::Count(1)) });
                }
            }
            Command::Delete { token, .. } => {
                let gone = [Refusal::NoSuchQueue("q".into()), Refusal::InUse("q".into())];
                let refusal = Err(gone[chance.below(2)].clone());
                self.reply(token, if chance.one_in(4) { refusal } else { Ok(Reply::Count(3)) });
            }
            Command::Claim(model::Claim { token, .. })
            | Command::DeclareExchange { token, .. }
            | Command::Bind { token, .. }
            | Command::Commit { token, .. }
            | Command::Rollback { token, .. } => {
                self.reply(token, if refuses { Err(Refusal::Invalid("no".into())) } else { Ok(Reply::Done) });
            }
            Command::Inspect { token, .. } => {
                let settings = QueueSettings { internal: chance.one_in(2), ..QueueSettings::default() };
                let info = info(QueueId::default(), Namespace(0), "q".into(), settings);
                let gone = Refusal::NoSuchQueue("q".into());
                self.reply(token, if refuses { Err(gone) } else { Ok(Reply::Queue(Box::new(info))) });
            }
            Command::Unhold { token, .. } => self.reply(token, Ok(Reply::Done)),
            _ => {}
        }
    }

    fn authenticate(&mut self, token: Token, (refuses, asks_more): (bool, bool), chance: &mut Chance) {
        let message = chance.one_in(8).then(|| Bytes::from_static(b"v=..."));
        match message {
            Some(challenge) if chance.one_in(2) && asks_more => {
                self.effects.push_back(Effect::Challenge { token, challenge });
            }
            last_message if !refuses => {
                let user = ["", "guest"][chance.below(2)].into();
                self.reply(token, Ok(Reply::Authenticated { user, account: None, last_message }));
            }
            _ => {
                let refusals = [Refusal::Login, Refusal::LoginUnavailable("later".into()), denied()];
                self.reply(token, Err(refusals[chance.below(3)].clone()));
            }
        }
    }

    fn declare(&mut self, declare: &Declare, refuses: bool, chance: &mut Chance) {
        let Declare { token, namespace, name, settings, mode, own: _ } = declare;
        self.made += 1;
        let (queue, mut settings) = (QueueId { shard: 0, n: self.made }, settings.clone());
        if chance.one_in(4) {
            settings.extras = vec![("amqp.source".to_owned(), "topic://other".to_owned())];
        }
        let info = info(queue, *namespace, name.clone(), settings);
        let existed = *mode != DeclareMode::Generated && chance.one_in(2);
        let made = Reply::Declared { queue, existed, info: Box::new(info) };
        let refusals = [Refusal::Exclusive("q".into()), Refusal::NoSuchQueue("q".into())];
        self.reply(*token, if refuses { Err(refusals[chance.below(2)].clone()) } else { Ok(made) });
    }

    fn consume(&mut self, consume: &Consume, refuses: bool) {
        if refuses {
            return self.reply(consume.token, Err(Refusal::InUse("q".into())));
        }
        let settlement = match consume.mode {
            Mode::Leasing { settlement, .. } => Some(settlement),
            Mode::Cursor { .. } => None,
        };
        self.made += 1;
        let queue = match consume.queue {
            QueueRef::Id(id) => id,
            QueueRef::Named(..) => QueueId { shard: 0, n: self.made },
        };
        let bytes = consume.credit.bytes as i64;
        let consumer = Consumer { queue, settlement, messages: 0, bytes, drains: false };
        self.consumers.insert(consume.consumer.0, consumer);
        self.reply(consume.token, Ok(Reply::Consuming { queue, decided: Vec::new() }));
    }

    fn reply(&mut self, token: Token, reply: Result<Reply, Refusal>) {
        self.effects.push_back(Effect::Reply { token, reply });
    }

    /// A drain ends when there is no more, or no credit.
    fn end_drain(&mut self, index: u32, chance: &mut Chance) {
        let Some(consumer) = self.consumers.get_mut(&index) else { return };
        let out = consumer.messages == 0 || consumer.bytes <= 0;
        if consumer.drains && (out || chance.one_in(2)) {
            (consumer.messages, consumer.drains) = (0, false);
            self.effects.push_back(Effect::Drained { consumer: ConsumerIndex(index) });
        }
    }

    fn deliver(&mut self, chance: &mut Chance) {
        let at = chance.below(self.consumers.len());
        let Some((index, consumer)) = self.consumers.iter_mut().nth(at) else { return };
        let index = *index;
        let Some(message) = self.messages.get(chance.below(self.messages.len())).cloned() else { return };
        if consumer.messages == 0 || consumer.bytes <= 0 {
            return self.end_drain(index, chance);
        }
        self.next_seq += 1;
        consumer.messages -= 1;
        let mut message = message;
        if chance.one_in(8) {
            let other = Arc::make_mut(&mut message);
            (other.encoding, other.properties) = (EncodingId::PLAIN, Bytes::new());
            other.address.exchange = [Exchange::Default, Exchange::Topic][chance.below(2)].clone();
        }
        consumer.bytes -= (message.properties.len() + message.body.len()) as i64;
        let delivery = Delivery { queue: consumer.queue, seq: self.next_seq, attempt: 1 };
        self.effects.push_back(Effect::Deliver(Deliver {
            consumer: ConsumerIndex(index),
            delivery,
            message,
            number: MessageNumber(self.next_seq),
            arrived: Time(0),
            first_acquired: Time(0),
            failed: chance.below(3) as u32,
            redelivered: chance.one_in(4),
            settled: consumer.settlement != Some(Settlement::Explicit),
            retained: false,
            history: chance.one_in(8).then(|| Arc::new(history())),
            tags: Tags::new(),
        }));
        self.end_drain(index, chance);
    }

    fn surprise(&mut self, chance: &mut Chance) {
        match chance.below(60) {
            0 => {
                let reason = if chance.one_in(2) { CloseReason::TakenOver } else { CloseReason::Revoked };
                self.effects.push_back(Effect::Close { reason });
            }
            1 => self.effects.push_back(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) }),
            2 | 3 => self.effects.push_back(Effect::Throttle { reason: None }),
            4..=8 => {
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

fn info(id: QueueId, namespace: Namespace, name: Name, settings: QueueSettings) -> QueueInfo {
    let (created, altered, counts) = (Time(0), Time(0), QueueCounts::default());
    QueueInfo { id, namespace, name, alias: None, settings, created, altered, counts }
}

fn history() -> History {
    let death = Death {
        queue: "q".into(),
        reason: DeathReason::Rejected,
        detail: "why".into(),
        count: 2,
        time: Time(5),
        exchange: Exchange::Topic,
        key: "k".into(),
    };
    History { deaths: vec![death], exchange: Exchange::Default, key: "dead".into() }
}

fn denied() -> Refusal {
    Refusal::Denied(Box::new(Denial::new("guest", Action::Write, &What::Queue(&Name::from("q")))))
}
