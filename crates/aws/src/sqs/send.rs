//! `SendMessage` and `SendMessageBatch`.
//!
//! A message of up to 1,024 bytes (the least that a queue's `MaximumMessageSize` can be) is published at once, under
//! the name that the client gave. Only for a larger one, a batch, or a queue that is reached by its alias (or may be, if
//! the caller's rights have limits) the queue is looked up, at most once a second for each connection.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use model::{
    Address, Alarm, Body, Command, Effect, EncodingId, Header, Message, MessageNumber, Name, Namespace, Publish,
    Refusal, Time, Token,
};
use serde::Deserialize;

use super::attributes::maximum_message_size;
use super::input;
use super::message_attributes::{self as attributes, AttributeInputs};
use super::target::Target;
use crate::batch::{self, Batch, EntryKind, EntryList};
use crate::call::{Age, Ask, Call, Progress, Scene, Started, Stop, Waiting};
use crate::characters::{is_group_id, is_speakable};
use crate::error::Fault;
use crate::hash::{self, Digest};
use crate::json::Object;
use crate::properties::{Attribute, Content, Properties};
use crate::service::Shared;
use crate::text::Text;

/// Bytes of a message's body and attributes, and of a whole batch.
pub(crate) const LARGEST_MESSAGE: usize = 1 << 20;
/// No queue's `MaximumMessageSize` is less.
const SMALLEST_MAXIMUM: usize = 1_024;
const LONGEST_DELAY: i64 = 900;

/// A `SendMessage` request, or an entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Outgoing<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<i64>,
    #[serde(borrow, default)]
    message_attributes: AttributeInputs<'a>,
    #[serde(borrow, default)]
    message_system_attributes: AttributeInputs<'a>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendBatch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    entries: EntryList<Outgoing<'a>>,
}

/// A checked message, but for its queue's own maximum.
struct Prepared {
    body: Bytes,
    properties: Vec<u8>,
    /// Bytes of body and attributes.
    size: usize,
    not_before: Option<Time>,
    digests: Digests,
}

/// What the sender is told, so that it can check what arrived.
#[derive(Clone, Copy)]
struct Digests {
    body: Digest,
    attributes: Option<Digest>,
    system_attributes: Option<Digest>,
}

/// `SendMessage`.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let mut outgoing: Outgoing<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, outgoing.queue_url.as_ref())?;
    refuse_while_throttled(&call)?;
    let prepared = prepare(&call, &mut outgoing)?;
    let known = match call.memory.queue(call.now, namespace, &name, Age::Recent) {
        None if prepared.size > SMALLEST_MAXIMUM || may_be_alias(&call, &name) => {
            return Err(Stop::Ask(Ask::Queue(namespace, name)));
        }
        None => None,
        Some(None) => return Err(Fault::NoSuchQueue.into()),
        Some(Some(info)) => Some(info),
    };
    let maximum = known.map_or(LARGEST_MESSAGE, maximum_message_size);
    if prepared.size > maximum {
        let text = format!("One or more parameters are invalid. Reason: Message must be shorter than {maximum} bytes.");
        return Err(Fault::InvalidParameter(text).into());
    }
    let key = known.map_or_else(|| name.clone(), |info| info.name.clone());
    let asked = call.memory.queue(call.now, namespace, &name, Age::New).is_some();
    let token = call.memory.next_token();
    let digests = publish(&mut call, token, Address::queue(namespace, key), prepared);
    Ok(Started::Waits(Box::new(Sending { token, namespace, name, asked, digests })))
}

/// Whose rights have limits may have rights to a queue and none to what it is called here: its own name is needed.
fn may_be_alias(call: &Call<'_>, name: &Name) -> bool {
    call.caller.is_named() && name.as_bytes().contains(&b'-')
}

fn refuse_while_throttled(call: &Call<'_>) -> Result<(), Fault> {
    let Some(alarm) = call.memory.throttle.clone() else { return Ok(()) };
    // Whose queue it is that holds most is not told to who might not see it.
    let culprit = alarm.culprit.filter(|_| !call.caller.is_named());
    Err(Fault::Throttled(Alarm { culprit, ..alarm }))
}

/// Checks everything that does not depend on the queue.
fn prepare(call: &Call<'_>, outgoing: &mut Outgoing<'_>) -> Result<Prepared, Fault> {
    let body = outgoing.message_body.take().filter(|body| !body.is_empty());
    let body = body.ok_or(Fault::MissingParameter("MessageBody"))?;
    if !is_speakable(&body) {
        return Err(Fault::MessageContents);
    }
    if let Some(group) = outgoing.message_group_id.as_deref().filter(|group| !is_group_id(group)) {
        let reason = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
        return Err(Fault::value(group, "MessageGroupId", reason));
    }
    if let Some(id) = outgoing.message_deduplication_id.as_deref() {
        let reason = "The request include parameter that is not valid for this queue type.";
        return Err(Fault::value(id, "MessageDeduplicationId", reason));
    }
    let not_before = match outgoing.delay_seconds {
        None => None,
        Some(seconds @ 0..=LONGEST_DELAY) => Some(call.now.plus(seconds.unsigned_abs() * 1_000)),
        Some(seconds) => {
            return Err(Fault::value(seconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."));
        }
    };
    let decoded = attributes::decode(&outgoing.message_attributes)?;
    let attributes = attributes::check(&outgoing.message_attributes, &decoded)?;
    let trace = attributes::check_system(&outgoing.message_system_attributes)?;
    let digests = Digests {
        body: hash::of_bytes(body.as_bytes()),
        attributes: (!attributes.is_empty()).then(|| hash::of_attributes(attributes.iter())),
        system_attributes: trace.as_ref().map(|trace| hash::of_attributes(std::iter::once(trace))),
    };
    let size = body.len() + attributes.iter().map(Attribute::size).sum::<usize>();
    let properties = Properties {
        sender: Some(call.caller.account()),
        group: outgoing.message_group_id.as_deref(),
        trace: trace.and_then(|trace| match trace.content {
            Content::Text(text) => Some(text),
            Content::Binary(_) => None,
        }),
        digest: Some(digests.body),
        attributes,
    };
    let properties = properties.write();
    Ok(Prepared { body: shared_with(call.body(), body), properties, size, not_before, digests })
}

/// The text's bytes, as a part of the request where it stands there without escapes.
fn shared_with(request: &Bytes, text: Text<'_>) -> Bytes {
    match text.0 {
        Cow::Borrowed(text) => request.slice_ref(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    }
}

fn publish(call: &mut Call<'_>, token: Token, address: Address, prepared: Prepared) -> Digests {
    let message = Message {
        address,
        header: Header { durable: true, not_before: prepared.not_before, ..Header::default() },
        encoding: EncodingId::SQS,
        properties: prepared.properties.into(),
        body: Body::from(prepared.body),
    };
    call.push(Command::Publish(Publish { token: Some(token), create: false, ..Publish::new(Arc::new(message)) }));
    prepared.digests
}

/// A message that was published and not yet confirmed.
struct Sending {
    token: Token,
    namespace: Namespace,
    name: Name,
    /// The queue was looked up for this request.
    asked: bool,
    digests: Digests,
}

impl Waiting for Sending {
    fn apply(&mut self, _now: Time, effect: Effect, scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        match effect {
            Effect::Confirm { token, message, routed: true } if token == self.token => {
                let mut out = Vec::with_capacity(256);
                let mut object = Object::begin(&mut out);
                self.digests.push_success(&mut object, Some(message), scene.shared);
                object.end();
                Ok(Progress::Answered(out))
            }
            Effect::Confirm { token, routed: false, .. } if token == self.token => self.look_up(scene),
            Effect::Reply { token, reply: Err(refusal) } if token == self.token => match refusal {
                Refusal::NoSuchQueue(_) => self.look_up(scene),
                refusal => Err(refusal.into()),
            },
            _ => Ok(Progress::Waits),
        }
    }
}

impl Sending {
    /// No queue has this name: perhaps one has it as its alias.
    fn look_up(&self, scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        if self.asked {
            return Err(Fault::NoSuchQueue);
        }
        scene.memory.forget_queue(self.namespace, &self.name);
        Ok(Progress::Ask(Ask::Queue(self.namespace, self.name.clone())))
    }
}

impl EntryKind for Digests {
    fn push_success(&self, object: &mut Object<'_>, number: Option<MessageNumber>, shared: &Shared) {
        hash::push_quoted(object.field("MD5OfMessageBody"), &self.body);
        for (name, digest) in
            [("MD5OfMessageAttributes", self.attributes), ("MD5OfMessageSystemAttributes", self.system_attributes)]
        {
            if let Some(digest) = digest {
                hash::push_quoted(object.field(name), &digest);
            }
        }
        if let Some(number) = number {
            let out = object.field("MessageId");
            out.push(b'"');
            shared.ids.push_message_id(out, number);
            out.push(b'"');
        }
    }
}

/// `SendMessageBatch`.
pub(crate) fn start_batch(mut call: Call<'_>) -> Result<Started, Stop> {
    let SendBatch { queue_url, mut entries } = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, queue_url.as_ref())?;
    refuse_while_throttled(&call)?;
    batch::check(&entries, "SendMessageBatchRequestEntry", |entry| entry.id.as_ref())?;
    let info = call.queue(namespace, &name, Age::Recent)?;
    let maximum = maximum_message_size(info);
    let address = Address::queue(namespace, info.name.clone());
    let prepared: Vec<_> = entries.kept.iter_mut().map(|entry| prepare(&call, entry)).collect();
    let total: usize = prepared.iter().flatten().map(|prepared| prepared.size).sum();
    if total > LARGEST_MESSAGE {
        return Err(Fault::BatchTooLong(total).into());
    }
    let mut batch = Batch::new();
    for (entry, prepared) in entries.kept.into_iter().zip(prepared) {
        let id = entry.id.ok_or(Fault::MissingParameter("Id"))?;
        match prepared.and_then(|prepared| fit_in_batch(prepared, maximum)) {
            Ok(prepared) => {
                let token = call.memory.next_token();
                let digests = publish(&mut call, token, address.clone(), prepared);
                batch.expect(id, token, digests);
            }
            Err(fault) => batch.fail(id, fault),
        }
    }
    Ok(batch.into_started(call.shared))
}

fn fit_in_batch(prepared: Prepared, maximum: usize) -> Result<Prepared, Fault> {
    if prepared.size <= maximum {
        return Ok(prepared);
    }
    let reason = format!("Message must be shorter than {maximum} bytes.");
    Err(Fault::InvalidParameter(format!("One or more parameters cannot be validated. Reason: {reason}")))
}
