//! `ReceiveMessage`.
//!
//! One `Fetch` for each request; the messages are written into the answer as they are delivered. A queue is only
//! looked up (at most once a second for each connection) when a request leaves the waiting time to its queue.

use std::borrow::Cow;

use model::{
    Command, Commands, ConsumerIndex, Deliver, Effect, EncodingId, Exchange, Fetch, Lease, Message, Name, Outcome,
    QueueRef, Reply, Settle, Settlement, Tally, Time, Unconvertible,
};
use serde::Deserialize;

use super::attributes::{Place, wait_seconds};
use super::input;
use super::selection::{Names, Selection, SystemName, SystemSelection};
use super::target::{Target, queue_arn, spoken_name};
use crate::call::{Age, Call, Progress, Scene, Started, Stop, Waiting};
use crate::encoding;
use crate::error::Fault;
use crate::hash;
use crate::json::{self, Object};
use crate::properties::{Attribute, Content, Properties};
use crate::receipt::Receipt;
use crate::service::Shared;
use crate::text::Text;

/// Seconds of the longest visibility time-out.
pub(crate) const LONGEST_VISIBILITY: i64 = 43_200;
pub(crate) const LONGEST_WAIT: i64 = 20;
/// Fetches that follow the first one of a request, as long as they bring nothing that can be shown.
const FETCHES: u32 = 100;
/// Fetches of a connection follow each other, so one number does for all.
const FETCH: ConsumerIndex = ConsumerIndex(0);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Receive<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    attribute_names: Names<'a>,
    #[serde(borrow, default)]
    message_system_attribute_names: Names<'a>,
    #[serde(borrow, default)]
    message_attribute_names: Names<'a>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
}

/// `ReceiveMessage`.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Receive<'_> = input(call.body())?;
    let max = input.max_number_of_messages.unwrap_or(1);
    if !(1..=10).contains(&max) {
        return Err(Fault::value(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.").into());
    }
    if let Some(wait) = input.wait_time_seconds.filter(|wait| !(0..=LONGEST_WAIT).contains(wait)) {
        return Err(Fault::value(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.").into());
    }
    if let Some(hidden) = input.visibility_timeout.filter(|hidden| !(0..=LONGEST_VISIBILITY).contains(hidden)) {
        return Err(Fault::value(hidden, "VisibilityTimeout", "Must be between 0 and 43200, if provided.").into());
    }
    let system = SystemSelection::of([&input.attribute_names, &input.message_system_attribute_names])?;
    let Target { namespace, name, account } = Target::of(&call, input.queue_url.as_ref())?;
    let place = system
        .has(SystemName::DeadLetterQueueSourceArn)
        .then(|| Place { region: call.caller.region.clone(), account: account.to_owned() });
    let wait = match input.wait_time_seconds {
        Some(seconds) => seconds.unsigned_abs(),
        None => wait_seconds(call.queue(namespace, &name, Age::Recent)?),
    };
    let selection = Selection::of(input.message_attribute_names)?;
    let token = call.memory.next_token();
    let fetch = Fetch {
        token,
        consumer: FETCH,
        queue: QueueRef::Named(namespace, name),
        max: u32::try_from(max).expect("1 to 10"),
        settlement: Settlement::Explicit,
        lease: Lease::Deadline(input.visibility_timeout.map(|seconds| seconds.unsigned_abs() * 1_000)),
        until: (wait > 0).then(|| call.now.plus(wait * 1_000)),
    };
    call.push(Command::Fetch(Box::new(fetch.clone())));
    let (messages, tally) = (Vec::new(), Tally::default());
    Ok(Started::Waits(Box::new(Receiving { fetch, again: FETCHES, system, selection, place, messages, tally })))
}

/// A fetch under way.
struct Receiving {
    fetch: Fetch,
    /// Fetches that it may still begin because one brought only what SQS cannot carry.
    again: u32,
    system: SystemSelection,
    selection: Selection,
    /// Where the queue is, if ARNs are asked for.
    place: Option<Place>,
    /// The messages so far: `{…},{…}`.
    messages: Vec<u8>,
    tally: Tally,
}

impl Waiting for Receiving {
    fn apply(&mut self, now: Time, effect: Effect, scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        match effect {
            Effect::Deliver(deliver) if deliver.consumer == FETCH => {
                match self.push_message(now, &deliver, scene.shared) {
                    Ok(lost) => self.tally.delivered(lost),
                    Err(Unconvertible(why)) => {
                        self.tally.undeliverable += 1;
                        if !is_dead_letter(&deliver) {
                            scene.commands.push(poisonous(&deliver, why));
                        }
                    }
                }
                Ok(Progress::Waits)
            }
            Effect::Drained { consumer: FETCH } if self.brought_nothing() && self.again > 0 => {
                self.again -= 1;
                self.tell_losses(scene.commands);
                scene.commands.push(Command::Fetch(Box::new(self.fetch.clone())));
                Ok(Progress::Waits)
            }
            Effect::Drained { consumer: FETCH } => Ok(Progress::Answered(self.answer(scene.commands))),
            Effect::Cancelled { consumer: FETCH, refusal } if self.messages.is_empty() => {
                self.tell_losses(scene.commands);
                Err(refusal.into())
            }
            Effect::Cancelled { consumer: FETCH, .. } => Ok(Progress::Answered(self.answer(scene.commands))),
            Effect::Reply { token, reply: Err(refusal) } if token == self.fetch.token => Err(refusal.into()),
            Effect::Reply { token, reply: Ok(reply) } if token == self.fetch.token => match reply {
                Reply::Fetching { .. } => Ok(Progress::Waits),
                other => Err(crate::call::unexpected(&"Fetch", &other)),
            },
            _ => Ok(Progress::Waits),
        }
    }

    fn abandon(&mut self, commands: &mut Commands) {
        commands.push(Command::Cancel { consumer: FETCH });
        self.tell_losses(commands);
    }
}

/// One that SQS cannot carry stays where it is, hidden for its visibility time-out: somebody else may read it there.
fn is_dead_letter(deliver: &Deliver) -> bool {
    deliver.history.as_ref().is_some_and(|history| !history.deaths.is_empty())
}

/// A message that SQS cannot carry goes to the dead letters, with the reason.
fn poisonous(deliver: &Deliver, why: &'static str) -> Command {
    let attempt = Some(deliver.delivery.attempt);
    Command::Settle(Settle { attempt, ..Settle::one(deliver.delivery, Outcome::Poison(why)) })
}

impl Receiving {
    /// There were messages, but none that could be shown: behind them there may be others.
    fn brought_nothing(&self) -> bool {
        self.messages.is_empty() && self.tally.undeliverable > 0
    }

    fn tell_losses(&mut self, commands: &mut Commands) {
        if !self.tally.is_empty() {
            commands.push(Command::Tally(std::mem::take(&mut self.tally)));
        }
    }

    fn answer(&mut self, commands: &mut Commands) -> Vec<u8> {
        self.tell_losses(commands);
        if self.messages.is_empty() {
            return b"{}".to_vec();
        }
        self.messages.extend_from_slice(b"]}");
        std::mem::take(&mut self.messages)
    }

    /// How much the message lost on the way into its SQS form.
    fn push_message(&mut self, now: Time, deliver: &Deliver, shared: &Shared) -> Result<u32, Unconvertible> {
        let message = &*deliver.message;
        if message.encoding == EncodingId::SQS {
            let properties = Properties::read(&message.properties);
            self.push_converted(now, deliver, shared, &properties, &message.body);
            return Ok(0);
        }
        let hub = shared.encodings.to_hub(message);
        let converted = encoding::encode(&hub, topic_of(message).as_deref())?;
        let properties = Properties::read(&converted.properties);
        self.push_converted(now, deliver, shared, &properties, &converted.body);
        Ok(converted.lost)
    }

    fn push_converted(
        &mut self,
        now: Time,
        deliver: &Deliver,
        shared: &Shared,
        properties: &Properties<'_>,
        body: &model::Body,
    ) {
        let first = self.messages.is_empty();
        self.messages.reserve(320 + body.len());
        let out = &mut self.messages;
        out.extend_from_slice(if first { b"{\"Messages\":[" } else { b"," });
        let mut object = Object::begin(out);
        let id = object.field("MessageId");
        id.push(b'"');
        shared.ids.push_message_id(id, deliver.number);
        id.push(b'"');
        let handle = object.field("ReceiptHandle");
        handle.push(b'"');
        shared.receipts.push(handle, &Receipt { delivery: deliver.delivery, received: now });
        handle.push(b'"');
        let digest = properties.digest.unwrap_or_else(|| hash::of_body(body));
        hash::push_quoted(object.field("MD5OfBody"), &digest);
        let text = object.field("Body");
        text.push(b'"');
        body.pieces().iter().for_each(|piece| json::escaped(text, piece));
        text.push(b'"');
        if !self.system.is_empty() {
            let source = source_arn(self.place.as_ref(), deliver);
            push_system(&mut object, self.system, deliver, (properties, source.as_deref()));
        }
        push_attributes(&mut object, &self.selection, properties);
        object.end();
    }
}

/// The topic that a message came through.
fn topic_of(message: &Message) -> Option<Cow<'_, str>> {
    let topic = |key: &'_ Name| !key.is_empty();
    match message.address.exchange {
        Exchange::Topic if topic(&message.address.key) => Some(message.address.key.to_text()),
        _ => None,
    }
}

/// The queue that dead-lettered this message to the one it is received from.
fn source_arn(place: Option<&Place>, deliver: &Deliver) -> Option<String> {
    let (place, death) = (place?, deliver.history.as_ref()?.deaths.first()?);
    Some(queue_arn(&place.region, &place.account, &spoken_name(&death.queue)))
}

fn push_system(
    object: &mut Object<'_>,
    wanted: SystemSelection,
    deliver: &Deliver,
    (properties, source): (&Properties<'_>, Option<&str>),
) {
    let numbers = [
        (SystemName::ApproximateFirstReceiveTimestamp, "ApproximateFirstReceiveTimestamp", deliver.first_acquired.0),
        (SystemName::ApproximateReceiveCount, "ApproximateReceiveCount", u64::from(deliver.delivery.attempt)),
        (SystemName::SentTimestamp, "SentTimestamp", deliver.arrived.0),
    ];
    let texts = [
        (SystemName::SenderId, "SenderId", properties.sender),
        (SystemName::AwsTraceHeader, "AWSTraceHeader", properties.trace),
        (SystemName::MessageGroupId, "MessageGroupId", properties.group),
        (SystemName::DeadLetterQueueSourceArn, "DeadLetterQueueSourceArn", source),
    ];
    let numbers = numbers.iter().filter(|(name, ..)| wanted.has(*name));
    let texts = texts.iter().filter(|(name, _, value)| wanted.has(*name) && value.is_some());
    if numbers.clone().next().is_none() && texts.clone().next().is_none() {
        return;
    }
    let mut system = Object::begin(object.field("Attributes"));
    for (_, name, value) in numbers {
        json::quoted_number(system.field(name), *value);
    }
    for (_, name, value) in texts {
        system.text(name, value.unwrap_or_default());
    }
    system.end();
}

fn push_attributes(object: &mut Object<'_>, selection: &Selection, properties: &Properties<'_>) {
    let selected = || properties.attributes.iter().filter(|attribute| selection.has(attribute.name));
    if selected().next().is_none() {
        return;
    }
    hash::push_quoted(object.field("MD5OfMessageAttributes"), &hash::of_attributes(selected()));
    let mut attributes = Object::begin(object.field("MessageAttributes"));
    for Attribute { name, data_type, content } in selected() {
        let mut value = Object::begin(attributes.named(name));
        value.text("DataType", data_type);
        match content {
            Content::Text(text) => value.text("StringValue", text),
            Content::Binary(bytes) => json::binary(value.field("BinaryValue"), bytes),
        }
        value.end();
    }
    attributes.end();
}
