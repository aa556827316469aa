//! The operations of SQS.

mod attributes;
mod create;
mod delete;
mod list;
mod message_attributes;
mod purge;
mod receive;
mod redrive;
mod selection;
mod send;
mod tags;
mod target;
mod visibility;

pub(crate) use message_attributes::{MAX_ATTRIBUTES, is_attribute_name};
pub(crate) use redrive::Redrive;
pub(crate) use send::LARGEST_MESSAGE;
pub(crate) use target::{queue_arn, split_url, spoken_name};

use bytes::Bytes;
use serde::Deserialize;

use crate::call::{Call, Started, Stop};
use crate::error::Fault;

/// Operations of SQS that are not built.
const UNBUILT: [&str; 6] = [
    "AddPermission",
    "CancelMessageMoveTask",
    "ListDeadLetterSourceQueues",
    "ListMessageMoveTasks",
    "RemovePermission",
    "StartMessageMoveTask",
];

const BUILT: [&str; 17] = [
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "CreateQueue",
    "DeleteMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListQueueTags",
    "ListQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
    "SendMessageBatch",
    "SetQueueAttributes",
    "TagQueue",
    "UntagQueue",
];

/// Whether SQS has an operation of this name, built or not.
pub(crate) fn is_operation(name: &str) -> bool {
    BUILT.contains(&name) || UNBUILT.contains(&name)
}

/// Starts an operation.
pub(crate) fn start(call: Call<'_>, operation: &str) -> Result<Started, Stop> {
    match operation {
        "SendMessage" => send::start(call),
        "SendMessageBatch" => send::start_batch(call),
        "ReceiveMessage" => receive::start(call),
        "DeleteMessage" => delete::start(call),
        "DeleteMessageBatch" => delete::start_batch(call),
        "ChangeMessageVisibility" => visibility::start(call),
        "ChangeMessageVisibilityBatch" => visibility::start_batch(call),
        "CreateQueue" => create::start(call),
        "DeleteQueue" => delete::start_queue(call),
        "GetQueueUrl" => target::start(call),
        "ListQueues" => list::start(call),
        "GetQueueAttributes" => attributes::start_get(call),
        "SetQueueAttributes" => attributes::start_set(call),
        "PurgeQueue" => purge::start(call),
        "ListQueueTags" => tags::start_list(call),
        "TagQueue" => tags::start_tag(call),
        "UntagQueue" => tags::start_untag(call),
        unbuilt if UNBUILT.contains(&unbuilt) => {
            Err(Fault::Unsupported(format!("{unbuilt} is not implemented by this endpoint.")).into())
        }
        other => Err(Fault::UnknownOperation(other.to_owned()).into()),
    }
}

/// A request's JSON; no body at all is an empty object.
fn input<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, Fault> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Fault::Serialization(error.to_string()))
}
