//! `ChangeMessageVisibility` and its batch.

use model::Outcome;
use serde::Deserialize;

use super::delete::{receipt_of, receipts_of, settle};
use super::input;
use super::receive::LONGEST_VISIBILITY;
use super::target::Target;
use crate::batch::{self, Batch, EntryKind, EntryList};
use crate::call::{Call, Started, Stop, empty_answer};
use crate::error::Fault;
use crate::receipt::Receipt;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Change<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    entries: EntryList<Change<'a>>,
}

struct Changing;

impl EntryKind for Changing {}

/// `ChangeMessageVisibility`. 0 seconds give the message back at once.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Change<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let handle = input.receipt_handle.as_deref().ok_or(Fault::MissingParameter("ReceiptHandle"))?;
    let receipt = receipt_of(&call, namespace, &name, handle)?;
    let outcome = renewal(&call, &receipt, input.visibility_timeout)?;
    Ok(call.ask_one(|token| settle(token, receipt.delivery, outcome), empty_answer))
}

/// The lease's new end, at most 12 hours after the receive.
fn renewal(call: &Call<'_>, receipt: &Receipt, seconds: Option<i64>) -> Result<Outcome, Fault> {
    let seconds = seconds.ok_or(Fault::MissingParameter("VisibilityTimeout"))?;
    if !(0..=LONGEST_VISIBILITY).contains(&seconds) {
        let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
        return Err(Fault::value(seconds, "VisibilityTimeout", reason));
    }
    let end = call.now.plus(seconds.unsigned_abs() * 1_000);
    if seconds > 0 && end.since(receipt.received) > LONGEST_VISIBILITY.unsigned_abs() * 1_000 {
        let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
        return Err(Fault::value(seconds, "VisibilityTimeout", reason));
    }
    Ok(Outcome::Renew(end))
}

/// `ChangeMessageVisibilityBatch`.
pub(crate) fn start_batch(mut call: Call<'_>) -> Result<Started, Stop> {
    let ChangeBatch { queue_url, entries } = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, queue_url.as_ref())?;
    batch::check(&entries, "ChangeMessageVisibilityBatchRequestEntry", |entry| entry.id.as_ref())?;
    let receipts = receipts_of(&call, namespace, &name, entries.kept.iter().map(|e| e.receipt_handle.as_deref()))?;
    let mut batch = Batch::new();
    for (entry, receipt) in entries.kept.into_iter().zip(receipts) {
        let id = entry.id.ok_or(Fault::MissingParameter("Id"))?;
        let change = receipt.and_then(|receipt| Ok((receipt, renewal(&call, &receipt, entry.visibility_timeout)?)));
        match change {
            Ok((receipt, outcome)) => {
                let token = call.memory.next_token();
                call.push(settle(token, receipt.delivery, outcome));
                batch.expect(id, token, Changing);
            }
            Err(fault) => batch.fail(id, fault),
        }
    }
    Ok(batch.into_started(call.shared))
}
