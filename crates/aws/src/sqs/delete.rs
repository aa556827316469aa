//! `DeleteMessage`, `DeleteMessageBatch` and `DeleteQueue`; and what receipt handles of a queue have to be.

use model::{Command, Delivery, Namespace, Outcome, QueueRef, Refusal, Settle, Token};
use serde::Deserialize;

use super::input;
use super::target::Target;
use crate::batch::{self, Batch, EntryKind, EntryList};
use crate::call::{Age, Call, Started, Stop, empty_answer};
use crate::error::Fault;
use crate::receipt::Receipt;
use crate::text::Text;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
}

/// `DeleteMessage`. Succeeds as often as it is asked.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Delete<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let handle = input.receipt_handle.ok_or(Fault::MissingParameter("ReceiptHandle"))?;
    let receipt = receipt_of(&call, namespace, &name, &handle)?;
    Ok(call.ask_one(
        |token| settle(token, receipt.delivery, Outcome::Accepted),
        |reply| match reply {
            Err(Refusal::NotLeased) => Ok(b"{}".to_vec()),
            reply => empty_answer(reply),
        },
    ))
}

/// What a handle says, if it is one of this queue.
pub(crate) fn receipt_of(
    call: &Call<'_>,
    namespace: Namespace,
    name: &model::Name,
    handle: &str,
) -> Result<Receipt, Stop> {
    let receipt = call.shared.receipts.read(handle);
    let queue = call.queue(namespace, name, Age::Recent)?.id;
    match receipt {
        Some(receipt) if receipt.delivery.queue == queue => Ok(receipt),
        None => Err(Fault::ReceiptHandle.into()),
        Some(receipt) => {
            // The queue may have been made anew since it was last looked up.
            let queue = call.queue(namespace, name, Age::New)?.id;
            if receipt.delivery.queue == queue { Ok(receipt) } else { Err(Fault::ReceiptHandle.into()) }
        }
    }
}

/// The outcome of one delivery by its receipt.
pub(crate) fn settle(token: Token, delivery: Delivery, outcome: Outcome) -> Command {
    Command::Settle(Settle { token: Some(token), attempt: Some(delivery.attempt), ..Settle::one(delivery, outcome) })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteBatch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    entries: EntryList<DeleteEntry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
}

struct Deleting;

impl EntryKind for Deleting {
    fn forgives(refusal: &Refusal) -> bool {
        *refusal == Refusal::NotLeased
    }
}

/// `DeleteMessageBatch`.
pub(crate) fn start_batch(mut call: Call<'_>) -> Result<Started, Stop> {
    let DeleteBatch { queue_url, entries } = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, queue_url.as_ref())?;
    batch::check(&entries, "DeleteMessageBatchRequestEntry", |entry| entry.id.as_ref())?;
    let receipts = receipts_of(&call, namespace, &name, entries.kept.iter().map(|e| e.receipt_handle.as_deref()))?;
    let mut batch = Batch::new();
    for (entry, receipt) in entries.kept.into_iter().zip(receipts) {
        let id = entry.id.ok_or(Fault::MissingParameter("Id"))?;
        match receipt {
            Ok(receipt) => {
                let token = call.memory.next_token();
                call.push(settle(token, receipt.delivery, Outcome::Accepted));
                batch.expect(id, token, Deleting);
            }
            Err(fault) => batch.fail(id, fault),
        }
    }
    Ok(batch.into_started(call.shared))
}

/// The receipts of a batch's entries. Nothing may be asked after this: commands follow.
pub(crate) fn receipts_of<'e>(
    call: &Call<'_>,
    namespace: Namespace,
    name: &model::Name,
    handles: impl Iterator<Item = Option<&'e str>>,
) -> Result<Vec<Result<Receipt, Fault>>, Stop> {
    let read = |handle: Option<&str>| {
        let handle = handle.ok_or(Fault::MissingParameter("ReceiptHandle"))?;
        receipt_of(call, namespace, name, handle)
    };
    handles
        .map(|handle| match read(handle) {
            Ok(receipt) => Ok(Ok(receipt)),
            Err(Stop::Fault(fault)) if fault != Fault::NoSuchQueue => Ok(Err(fault)),
            Err(stop) => Err(stop),
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteQueue<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

/// `DeleteQueue`. The name is free again at once: AWS's 60 seconds have no purpose here.
pub(crate) fn start_queue(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: DeleteQueue<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    call.memory.forget_queue(namespace, &name);
    let queue = QueueRef::Named(namespace, name);
    Ok(call.ask_one(|token| Command::Delete { token, queue, if_unused: false, if_empty: false }, empty_answer))
}
