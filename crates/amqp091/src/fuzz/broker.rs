use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use model::{
    Action, Address, Alarm, CloseReason, Command, Consume, ConsumerIndex, Death, DeathReason, Declare, DeclareMode,
    Deliver, Delivery, Denial, Effect, EncodingId, Exchange, Fetch, Header, History, Message, MessageNumber, Mode,
    Name, Namespace, QueueCounts, QueueId, QueueInfo, QueueSettings, Refusal, Reply, Resource, Settlement, Tags, Time,
    Token, TransactionRef, What,
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
    logins: u32,
    consumers: BTreeMap<u32, Consumer>,
    messages: VecDeque<Arc<Message>>,
    /// Which consumer has them.
    leased: BTreeMap<(QueueId, u64), u32>,
    /// Outcomes in open transactions.
    staged: BTreeMap<u32, Vec<(QueueId, u64)>>,
    next_seq: u64,
    made: u32,
}

#[derive(Debug)]
struct Consumer {
    queue: QueueId,
    settlement: Settlement,
    messages: i64,
    bytes: i64,
    is_fetch: bool,
}

impl FakeBroker {
    /// Carries out a command, or does something on its own.
    pub(super) fn work(&mut self, chance: &mut Chance) {
        match chance.below(5) {
            0..=2 => {
                if let Some(command) = self.commands.pop_front() {
                    self.carry_out(command, chance);
                }
            }
            3 => self.deliver(chance),
            _ => self.surprise(chance),
        }
    }

    /// Does all that it was asked to. False if there was nothing.
    pub(super) fn finish(&mut self, chance: &mut Chance) -> bool {
        while let Some(command) = self.commands.pop_front() {
            self.carry_out(command, chance);
        }
        let fetches: Vec<u32> = self.consumers.iter().filter(|(_, it)| it.is_fetch).map(|(index, _)| *index).collect();
        fetches.into_iter().for_each(|index| self.drained(index));
        !self.effects.is_empty()
    }

    fn carry_out(&mut self, command: Command, chance: &mut Chance) {
        let refuses = chance.one_in(16);
        match command {
            Command::Authenticate(asked) => self.authenticate(asked.token, refuses, chance),
            Command::Access { token, .. } => self.done(token, refuses, denied()),
            Command::Publish(publish) => self.publish(publish, refuses, chance),
            Command::Declare(declare) => self.declare(&declare, refuses, chance),
            Command::Consume(consume) => self.consume(&consume, refuses, chance),
            Command::Fetch(fetch) => self.fetch(&fetch, refuses, chance),
            Command::Cancel { consumer } => drop(self.consumers.remove(&consumer.0)),
            Command::Credit { consumer, add, .. } => {
                if let Some(it) = self.consumers.get_mut(&consumer.0) {
                    it.messages += i64::from(add.messages);
                    it.bytes += add.bytes as i64;
                }
            }
            Command::Settle(settle) => {
                for seq in settle.first..=settle.last {
                    match settle.transaction {
                        Some(index) => self.staged.entry(index.0).or_default().push((settle.queue, seq)),
                        None => self.ended((settle.queue, seq)),
                    }
                }
            }
            Command::Commit { token, transaction: TransactionRef::Own(index) } => {
                let staged = self.staged.remove(&index.0).unwrap_or_default();
                if !refuses {
                    staged.into_iter().for_each(|place| self.ended(place));
                }
                self.done(token, refuses, Refusal::NoSuchExchange("x".into()));
            }
            Command::Rollback { token, transaction: TransactionRef::Own(index) } => {
                self.staged.remove(&index.0);
                self.reply(token, Ok(Reply::Done));
            }
            Command::Delete { token, .. } => {
                let refusal = [Refusal::NoSuchQueue("q".into()), Refusal::InUse("q".into())][chance.below(2)].clone();
                self.reply(token, if refuses { Err(refusal) } else { Ok(Reply::Count(3)) });
            }
            Command::Purge { token, .. } => self.reply(token, Ok(Reply::Count(1))),
            Command::Bind { token, .. }
            | Command::Unbind { token, .. }
            | Command::BindExchange { token, .. }
            | Command::UnbindExchange { token, .. }
            | Command::DeleteExchange { token, .. } => {
                let refusal = if chance.one_in(2) { denied() } else { Refusal::NoSuchExchange("x".into()) };
                self.done(token, refuses, refusal);
            }
            Command::DeclareExchange { token, .. } => {
                self.done(token, refuses, Refusal::Different("x".into(), "type", "direct".into()))
            }
            Command::Unhold { token, .. } => self.reply(token, Ok(Reply::Done)),
            _ => {}
        }
    }

    fn authenticate(&mut self, token: Token, refuses: bool, chance: &mut Chance) {
        self.logins += 1;
        let message = chance.one_in(8).then(|| Bytes::from_static(b"v=..."));
        match message {
            // A newer secret is never asked for more.
            Some(challenge) if self.logins == 1 => self.effects.push_back(Effect::Challenge { token, challenge }),
            last_message if !refuses => {
                let last_message = last_message.filter(|_| self.logins < 3);
                let user = if chance.one_in(8) { "root" } else { "guest" }.into();
                self.reply(token, Ok(Reply::Authenticated { user, account: None, last_message }));
            }
            _ => {
                let refusals = [Refusal::Login, Refusal::LoginUnavailable("later".into()), denied()];
                self.reply(token, Err(refusals[chance.below(3)].clone()));
            }
        }
    }

    fn publish(&mut self, publish: model::Publish, refuses: bool, chance: &mut Chance) {
        self.messages.push_front(publish.message.clone());
        self.messages.truncate(MESSAGES);
        let Some(token) = publish.token else { return };
        if refuses {
            let refusals = [
                Refusal::Full("q".into()),
                Refusal::NoSuchQueue("q".into()),
                Refusal::NoSuchExchange("x".into()),
                denied(),
            ];
            return self.reply(token, Err(refusals[chance.below(4)].clone()));
        }
        if publish.mandatory && chance.one_in(2) {
            self.effects.push_back(Effect::Returned { token: Some(token), message: publish.message });
        }
        if !publish.quiet {
            self.effects.push_back(Effect::Confirm { token, message: MessageNumber(1), routed: true });
        }
    }

    fn declare(&mut self, declare: &Declare, refuses: bool, chance: &mut Chance) {
        let Declare { token, name, settings, mode, .. } = declare;
        let missing = *mode == DeclareMode::Passive && chance.one_in(2);
        if refuses || missing {
            let refusals = [Refusal::NoSuchQueue("q".into()), Refusal::Exclusive("q".into())];
            return self.reply(*token, Err(refusals[usize::from(!missing)].clone()));
        }
        let name = if *mode == DeclareMode::Generated { format!("{name}7").into() } else { name.clone() };
        let settings = if chance.one_in(8) { QueueSettings::default() } else { settings.clone() };
        let info = info(name, settings);
        self.reply(*token, Ok(Reply::Declared { queue: info.id, existed: chance.one_in(2), info: Box::new(info) }));
    }

    fn consume(&mut self, consume: &Consume, refuses: bool, chance: &mut Chance) {
        if refuses {
            let refusals = [Refusal::InUse("q".into()), Refusal::NoSuchQueue("q".into()), Refusal::IsLog, denied()];
            return self.reply(consume.token, Err(refusals[chance.below(4)].clone()));
        }
        let Mode::Leasing { settlement, .. } = consume.mode else { return };
        let queue = self.attach(consume.consumer, settlement, consume.credit.messages.into(), false);
        self.reply(consume.token, Ok(Reply::Consuming { queue, decided: Vec::new() }));
    }

    fn fetch(&mut self, fetch: &Fetch, refuses: bool, chance: &mut Chance) {
        if refuses {
            return self.reply(fetch.token, Err(Refusal::NoSuchQueue("q".into())));
        }
        let queue = self.attach(fetch.consumer, fetch.settlement, 1, true);
        self.reply(fetch.token, Ok(Reply::Fetching { queue, ready: chance.below(3) as u64 }));
    }

    fn attach(&mut self, index: ConsumerIndex, settlement: Settlement, messages: i64, is_fetch: bool) -> QueueId {
        self.made += 1;
        let queue = QueueId { shard: 0, n: self.made % 3 };
        let bytes = crate::consumers::CREDIT_BYTES as i64;
        self.consumers.insert(index.0, Consumer { queue, settlement, messages, bytes, is_fetch });
        queue
    }

    fn done(&mut self, token: Token, refuses: bool, refusal: Refusal) {
        self.reply(token, if refuses { Err(refusal) } else { Ok(Reply::Done) });
    }

    fn reply(&mut self, token: Token, reply: Result<Reply, Refusal>) {
        self.effects.push_back(Effect::Reply { token, reply });
    }

    fn ended(&mut self, place: (QueueId, u64)) {
        let Some(index) = self.leased.remove(&place) else { return };
        if let Some(consumer) = self.consumers.get_mut(&index).filter(|it| !it.is_fetch) {
            consumer.messages += 1;
        }
    }

    fn deliver(&mut self, chance: &mut Chance) {
        let at = chance.below(self.consumers.len());
        let Some((index, consumer)) = self.consumers.iter_mut().nth(at) else { return };
        let (index, is_fetch) = (*index, consumer.is_fetch);
        let message = match self.messages.get(chance.below(self.messages.len() + 2)) {
            Some(message) => message.clone(),
            None => Arc::new(foreign(chance)),
        };
        if consumer.messages <= 0 || consumer.bytes <= 0 {
            return;
        }
        self.next_seq += 1 + u64::from(chance.one_in(8));
        let settled = consumer.settlement == Settlement::Presettled;
        consumer.messages -= 1;
        consumer.bytes -= (message.properties.len() + message.body.len()) as i64;
        let delivery = Delivery { queue: consumer.queue, seq: self.next_seq, attempt: 1 + chance.below(2) as u32 };
        if !settled {
            self.leased.insert((delivery.queue, delivery.seq), index);
        }
        self.effects.push_back(Effect::Deliver(Deliver {
            consumer: ConsumerIndex(index),
            delivery,
            message,
            number: MessageNumber(self.next_seq),
            arrived: Time(0),
            first_acquired: Time(0),
            failed: 0,
            redelivered: chance.one_in(4),
            settled,
            retained: false,
            history: chance.one_in(4).then(|| Arc::new(history(chance))),
            tags: Tags::new(),
        }));
        if is_fetch {
            self.drained(index);
        }
    }

    fn drained(&mut self, index: u32) {
        self.consumers.remove(&index);
        self.effects.push_back(Effect::Drained { consumer: ConsumerIndex(index) });
    }

    fn surprise(&mut self, chance: &mut Chance) {
        match chance.below(40) {
            0 => {
                let reason = if chance.one_in(2) { CloseReason::Ended } else { CloseReason::Revoked };
                self.effects.push_back(Effect::Close { reason });
            }
            1 => self.effects.push_back(Effect::Throttle { reason: Some(SHORT_OF_MEMORY) }),
            2 => self.effects.push_back(Effect::Throttle { reason: None }),
            3..=20 => {
                let at = chance.below(self.consumers.len());
                let Some((index, consumer)) = self.consumers.iter().nth(at) else { return };
                let index = *index;
                if consumer.is_fetch && chance.one_in(2) {
                    self.drained(index);
                } else if chance.one_in(3) {
                    self.consumers.remove(&index);
                    let refusal = if chance.one_in(2) { denied() } else { Refusal::NoSuchQueue("q".into()) };
                    self.effects.push_back(Effect::Cancelled { consumer: ConsumerIndex(index), refusal });
                }
            }
            _ => {}
        }
    }
}

fn info(name: Name, settings: QueueSettings) -> QueueInfo {
    let (id, namespace, counts) = (QueueId { shard: 0, n: 1 }, Namespace(0), QueueCounts::default());
    QueueInfo { id, namespace, name, alias: None, settings, created: Time(0), altered: Time(0), counts }
}

/// A message of another protocol.
fn foreign(chance: &mut Chance) -> Message {
    let key = ["a", "", &"k".repeat(300)][chance.below(3)].into();
    Message {
        address: Address { namespace: Namespace(0), exchange: Exchange::Topic, key },
        header: Header { durable: chance.one_in(2), ..Header::default() },
        encoding: EncodingId::PLAIN,
        properties: Bytes::new(),
        body: Bytes::from(vec![b'x'; chance.below(9_000)]).into(),
    }
}

fn history(chance: &mut Chance) -> History {
    let death = |count| Death {
        queue: "q".into(),
        reason: DeathReason::Expired,
        detail: Name::default(),
        count,
        time: Time(5_000),
        exchange: Exchange::Named("x".into()),
        key: "k".into(),
    };
    let deaths = (1..=chance.below(3) as u64).map(death).collect();
    History { deaths, exchange: Exchange::Default, key: "dead".into() }
}

fn denied() -> Refusal {
    Refusal::Denied(Box::new(Denial::new("guest", Action::Read, &What::Queue(&Name::from("q")))))
}
