//! Attributes of queues: read, checked, shown; `GetQueueAttributes` and `SetQueueAttributes`.
//!
//! What the core itself acts on stands in the queue's settings and is shown from there, for queues of every protocol.
//! The rest stands in the settings' `extras` under `aws.` and the attribute's name.

use model::{Alteration, Command, DeadLetter, QueueInfo, QueueRef, QueueSettings};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::input;
use super::redrive::{self, Redrive};
use super::selection::Names;
use super::send::LARGEST_MESSAGE;
use super::target::{Target, queue_arn, shown_name};
use crate::call::{Age, Call, Started, Stop, empty_answer};
use crate::error::Fault;
use crate::json::Object;
use crate::text::{Pairs, Text};

/// Attributes of one request; more than there are names.
const ATTRIBUTES: usize = 32;
/// Bytes of a value: policies are the longest.
const VALUE_BYTES: usize = 64 * 1024;
pub(crate) const EXTRA_PREFIX: &str = "aws.";
const MILLISECONDS: u64 = 1_000;

pub(crate) type AttributePairs<'a> = Pairs<'a, Text<'a>, ATTRIBUTES>;

/// Attributes that are numbers: the least and the greatest.
const NUMBERS: [(&str, u64, u64); 6] = [
    ("DelaySeconds", 0, 900),
    ("KmsDataKeyReusePeriodSeconds", 60, 86_400),
    ("MaximumMessageSize", 1_024, LARGEST_MESSAGE as u64),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ("VisibilityTimeout", 0, 43_200),
];

/// All that can be asked for, in the order in which they are shown.
const SHOWN: [&str; 20] = [
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
];

/// Attributes of only FIFO queues, with what is said of them for another queue.
const FIFO_ONLY: [(&str, &str); 4] = [
    ("FifoQueue", "Unknown Attribute FifoQueue."),
    ("ContentBasedDeduplication", "Unknown Attribute ContentBasedDeduplication."),
    ("DeduplicationScope", "You can specify the DeduplicationScope only when FifoQueue is set to true."),
    ("FifoThroughputLimit", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."),
];

/// Attributes that a client gives, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Milliseconds.
    pub(crate) delay: Option<u64>,
    /// Milliseconds.
    pub(crate) lease: Option<u64>,
    /// Milliseconds.
    pub(crate) ttl: Option<u64>,
    pub(crate) redrive: Option<Option<Redrive>>,
    /// Others, with their prefix; an empty value removes one.
    pub(crate) extras: Vec<(String, String)>,
}

impl Wanted {
    pub(crate) fn of(pairs: &AttributePairs<'_>) -> Result<Self, Fault> {
        if pairs.count > ATTRIBUTES {
            return Err(Fault::AttributeName(format!("{} attributes are more than there are.", pairs.count)));
        }
        let mut wanted = Self::default();
        for (name, value) in &pairs.kept {
            wanted.take(name, value)?;
        }
        let given = |name: &str| wanted.extras.iter().rev().find(|(extra, _)| extra[EXTRA_PREFIX.len()..] == *name);
        let has_key = given("KmsMasterKeyId").is_some_and(|(_, key)| !key.is_empty());
        let managed = given("SqsManagedSseEnabled").is_some_and(|(_, value)| value == "true");
        if has_key && managed {
            let text = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.";
            return Err(Fault::AttributeName(text.to_owned()));
        }
        if has_key {
            wanted.set_extra("SqsManagedSseEnabled", "false");
        } else if managed {
            wanted.set_extra("KmsMasterKeyId", "");
        }
        Ok(wanted)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        if let Some((_, text)) = FIFO_ONLY.iter().find(|(fifo, _)| *fifo == name) {
            return Err(Fault::AttributeName((*text).to_owned()));
        }
        let invalid = || Fault::AttributeValue(name.to_owned());
        if value.len() > VALUE_BYTES {
            return Err(invalid());
        }
        if let Some((_, least, greatest)) = NUMBERS.iter().find(|(number, ..)| *number == name) {
            let number = value.parse().ok().filter(|number| (least..=greatest).contains(&number));
            return number.map(|number| self.take_number(name, number)).ok_or_else(invalid);
        }
        match name {
            "RedrivePolicy" => self.redrive = Some(Redrive::read(value)?),
            "SqsManagedSseEnabled" => match value {
                "true" | "false" => self.set_extra(name, value),
                _ => return Err(invalid()),
            },
            "Policy" | "RedriveAllowPolicy" | "KmsMasterKeyId" => {
                let is_json = || serde_json::from_str::<IgnoredAny>(value).is_ok();
                let json_wanted = name != "KmsMasterKeyId" && !value.is_empty();
                if json_wanted && !is_json() {
                    return Err(invalid());
                }
                self.set_extra(name, value);
            }
            _ => return Err(Fault::unknown_attribute(name)),
        }
        Ok(())
    }

    fn take_number(&mut self, name: &str, number: u64) {
        match name {
            "DelaySeconds" => self.delay = Some(number * MILLISECONDS),
            "VisibilityTimeout" => self.lease = Some(number * MILLISECONDS),
            "MessageRetentionPeriod" => self.ttl = Some(number * MILLISECONDS),
            // Its default is not shown.
            "KmsDataKeyReusePeriodSeconds" if number == 300 => self.set_extra(name, ""),
            _ => self.set_extra(name, &number.to_string()),
        }
    }

    fn set_extra(&mut self, name: &str, value: &str) {
        self.extras.push((format!("{EXTRA_PREFIX}{name}"), value.to_owned()));
    }

    pub(crate) fn into_alteration(self, dead_letter: Option<Option<DeadLetter>>) -> Alteration {
        let Self { delay, lease, ttl, redrive: _, extras } = self;
        Alteration { ttl: ttl.map(Some), delay, lease, dead_letter, extras }
    }

    /// The dead-letter queue that is wanted: `Some(None)` if none is.
    pub(crate) fn dead_letter(&self, call: &Call<'_>, target: &Target<'_>) -> Result<Option<Option<DeadLetter>>, Stop> {
        Ok(match &self.redrive {
            None => None,
            Some(None) => Some(None),
            Some(Some(redrive)) => Some(Some(redrive.resolve(call, target.namespace)?)),
        })
    }
}

fn extra<'i>(settings: &'i QueueSettings, name: &str) -> Option<&'i str> {
    let own = |extra: &str| extra.strip_prefix(EXTRA_PREFIX) == Some(name);
    settings.extras.iter().find(|(extra, _)| own(extra)).map(|(_, value)| value.as_str())
}

/// Bytes that a message to this queue may have.
pub(crate) fn maximum_message_size(info: &QueueInfo) -> usize {
    extra(&info.settings, "MaximumMessageSize").and_then(|text| text.parse().ok()).unwrap_or(LARGEST_MESSAGE)
}

/// Seconds that a receive waits which does not say how long.
pub(crate) fn wait_seconds(info: &QueueInfo) -> u64 {
    extra(&info.settings, "ReceiveMessageWaitTimeSeconds").and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Where a queue is, for its ARN.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) region: String,
    pub(crate) account: String,
}

/// An attribute as it is shown; `None` if this queue has none of this name.
pub(crate) fn shown(info: &QueueInfo, place: &Place, name: &str) -> Option<String> {
    let settings = &info.settings;
    let seconds = |milliseconds: u64| Some((milliseconds / MILLISECONDS).to_string());
    match name {
        "QueueArn" => Some(queue_arn(&place.region, &place.account, &shown_name(info))),
        "ApproximateNumberOfMessages" => Some(info.counts.ready.to_string()),
        "ApproximateNumberOfMessagesNotVisible" => Some(info.counts.leased.to_string()),
        "ApproximateNumberOfMessagesDelayed" => Some(info.counts.delayed.to_string()),
        "CreatedTimestamp" => seconds(info.created.0),
        "LastModifiedTimestamp" => seconds(info.altered.0),
        "VisibilityTimeout" => seconds(settings.lease),
        "DelaySeconds" => seconds(settings.delay),
        // A queue that keeps its messages for ever shows the longest time that AWS has.
        "MessageRetentionPeriod" => settings.ttl.map_or_else(|| Some("1209600".to_owned()), seconds),
        "MaximumMessageSize" => Some(maximum_message_size(info).to_string()),
        "ReceiveMessageWaitTimeSeconds" => Some(wait_seconds(info).to_string()),
        "SqsManagedSseEnabled" => Some(extra(settings, name).unwrap_or("true").to_owned()),
        "RedrivePolicy" => {
            settings.dead_letter.as_ref().and_then(|dead| redrive::written(dead, &place.region, &place.account))
        }
        "Policy" | "RedriveAllowPolicy" | "KmsMasterKeyId" | "KmsDataKeyReusePeriodSeconds" => {
            extra(settings, name).map(str::to_owned)
        }
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetAttributes<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    attribute_names: Names<'a>,
}

/// `GetQueueAttributes`.
pub(crate) fn start_get(call: Call<'_>) -> Result<Started, Stop> {
    let input: GetAttributes<'_> = input(call.body())?;
    let Target { namespace, name, account } = Target::of(&call, input.queue_url.as_ref())?;
    let is_name = |name: &str| SHOWN.contains(&name) || name == "FifoThroughputLimit" || name == "All";
    if let Some(unknown) = input.attribute_names.kept.iter().find(|name| !is_name(name)) {
        return Err(Fault::unknown_attribute(unknown).into());
    }
    let info = call.queue(namespace, &name, Age::New)?;
    let asked =
        |name: &str| input.attribute_names.kept.iter().any(|asked| matches!(&**asked, "All") || **asked == *name);
    let place = Place { region: call.caller.region.clone(), account: account.to_owned() };
    let values: Vec<_> = SHOWN
        .into_iter()
        .filter(|name| asked(name))
        .filter_map(|name| shown(info, &place, name).map(|value| (name, value)))
        .collect();
    let mut out = Vec::with_capacity(1_024);
    let mut object = Object::begin(&mut out);
    if !values.is_empty() {
        let mut attributes = Object::begin(object.field("Attributes"));
        values.iter().for_each(|(name, value)| attributes.text(name, value));
        attributes.end();
    }
    object.end();
    Ok(Started::Answered(out))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAttributes<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<AttributePairs<'a>>,
}

/// `SetQueueAttributes`.
pub(crate) fn start_set(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: SetAttributes<'_> = input(call.body())?;
    let pairs = input.attributes.ok_or(Fault::MissingParameter("Attributes"))?;
    let target = Target::of(&call, input.queue_url.as_ref())?;
    call.queue(target.namespace, &target.name, Age::New)?;
    let wanted = Wanted::of(&pairs)?;
    let dead_letter = wanted.dead_letter(&call, &target)?;
    let Target { namespace, name, .. } = target;
    call.memory.forget_queue(namespace, &name);
    let queue = QueueRef::Named(namespace, name);
    let alteration = Box::new(wanted.into_alteration(dead_letter));
    Ok(call.ask_one(|token| Command::Alter { token, queue, alteration }, empty_answer))
}
