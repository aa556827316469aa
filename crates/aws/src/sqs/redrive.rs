//! `RedrivePolicy`: where messages go that are received too often.

use model::{DeadLetter, Name, Namespace};
use serde_json::{Map, Value};

use super::target::{queue_arn, spoken_name};
use crate::call::{Age, Call, Stop};
use crate::characters::is_account;
use crate::error::Fault;
use crate::json::Object;

/// A policy as a client wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redrive {
    raw: String,
    region: String,
    account: String,
    queue: String,
    max_receive_count: u32,
}

impl Redrive {
    /// `{"deadLetterTargetArn": "arn:aws:sqs:region:account:name", "maxReceiveCount": 1…1000}`; `None` if it is empty.
    /// The ARN is checked before anybody looks whether that queue exists.
    pub(crate) fn read(raw: &str) -> Result<Option<Self>, Fault> {
        if raw.is_empty() {
            return Ok(None);
        }
        let invalid = |reason: &str| Fault::value(raw, "RedrivePolicy", reason);
        let policy: Map<String, Value> =
            serde_json::from_str(raw).map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
        let mandatory = |name: &str| {
            let missing = || invalid(&format!("Redrive policy does not contain mandatory attribute: {name}."));
            policy.get(name).ok_or_else(missing)
        };
        let count = mandatory("maxReceiveCount")?;
        let arn = mandatory("deadLetterTargetArn")?;
        let number = count.as_u64().or_else(|| count.as_str().and_then(|text| text.parse().ok()));
        let max_receive_count =
            number.and_then(|number| u32::try_from(number).ok()).filter(|number| (1..=1_000).contains(number));
        let max_receive_count = max_receive_count.ok_or_else(|| {
            let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
            invalid(&format!(
                "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
            ))
        })?;
        let parts: Vec<&str> = arn.as_str().unwrap_or_default().splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "sqs", region, account, queue] if is_account(account) && !queue.is_empty() => Ok(Some(Self {
                raw: raw.to_owned(),
                region: (*region).to_owned(),
                account: (*account).to_owned(),
                queue: (*queue).to_owned(),
                max_receive_count,
            })),
            _ => Err(invalid("Invalid value for deadLetterTargetArn.")),
        }
    }

    /// The name of the queue for dead letters.
    pub(crate) fn into_queue(self) -> String {
        self.queue
    }

    /// The policy in the core's words. The queue must exist, in the same account and region.
    pub(crate) fn resolve(&self, call: &Call<'_>, namespace: Namespace) -> Result<DeadLetter, Stop> {
        let invalid = |reason: &str| Stop::Fault(Fault::value(&self.raw, "RedrivePolicy", reason));
        if self.region != call.caller.region || call.namespace(&self.account)? != namespace {
            return Err(invalid("Dead-letter target owner should be same as the source."));
        }
        let name = Name::from(self.queue.as_str());
        let info = call.find_queue(namespace, &name, Age::New)?;
        let info = info.ok_or_else(|| invalid("Dead letter target does not exist."))?;
        Ok(DeadLetter::to_queue(info.name.clone(), Some(self.max_receive_count)))
    }
}

/// The policy as AWS writes it; `None` if the queue never counts, or sends its dead letters to an exchange.
pub(crate) fn written(dead_letter: &DeadLetter, region: &str, account: &str) -> Option<String> {
    let (max, queue) = (dead_letter.max_deliveries?, dead_letter.queue()?);
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    object.text("deadLetterTargetArn", &queue_arn(region, account, &spoken_name(queue)));
    object.field("maxReceiveCount").extend_from_slice(max.to_string().as_bytes());
    object.end();
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
        for (raw, reason) in [
            ("[]".to_owned(), "Redrive policy is not a valid JSON map."),
            ("{}".to_owned(), "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
            (
                r#"{"maxReceiveCount": 3}"#.to_owned(),
                "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
            ),
            (
                format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "0"}}"#),
                "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
            ),
            (
                r#"{"deadLetterTargetArn": "dead", "maxReceiveCount": 1}"#.to_owned(),
                "Invalid value for deadLetterTargetArn.",
            ),
        ] {
            let fault = Redrive::read(&raw).unwrap_err().to_string();
            assert_eq!(fault, format!("Value {raw} for parameter RedrivePolicy is invalid. Reason: {reason}"));
        }
        assert_eq!(Redrive::read(""), Ok(None));
        let good = format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "5"}}"#);
        assert_eq!(Redrive::read(&good).unwrap().unwrap().max_receive_count, 5);
    }
}
