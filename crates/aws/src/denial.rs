//! A denial in AWS's words: who may not do what with which ARN.

use bytes::Bytes;
use http::Request;
use model::{Action, Denial, Name};
use serde::Deserialize;

use crate::caller::{Caller, user_arn};
use crate::characters::is_account;
use crate::error::Fault;
use crate::request::Wish;
use crate::sqs::{Redrive, queue_arn, split_url, spoken_name};
use crate::text::Text;

/// What the operations of SQS call their queue.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Subject<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    queue_name: Option<Text<'a>>,
    #[serde(borrow, rename = "QueueOwnerAWSAccountId")]
    owner: Option<Text<'a>>,
    #[serde(borrow)]
    attributes: Option<Redriven<'a>>,
}

#[derive(Deserialize)]
struct Redriven<'a> {
    #[serde(borrow, rename = "RedrivePolicy")]
    policy: Option<Text<'a>>,
}

/// The fault in the words that AWS has for this request. Names the queue as the client did: whether there is one, and
/// what it is called elsewhere, is told to nobody who may not see it.
pub(crate) fn explained(fault: Fault, request: &Request<Bytes>, caller: &Caller) -> Fault {
    let Fault::Forbidden(denial) = fault else { return fault };
    let Wish::Target { operation, .. } = Wish::of(request) else {
        return Fault::Unauthorized(format!("Access to the resource is denied for user {}.", denial.user));
    };
    let subject: Subject<'_> = serde_json::from_slice(request.body()).unwrap_or_default();
    let (owner, queue) = match (&subject.queue_url, &subject.queue_name) {
        (Some(url), _) => split_url(url).unwrap_or_default(),
        (None, Some(name)) => (subject.owner.as_deref().filter(|owner| is_account(owner)), &**name),
        (None, None) => (None, ""),
    };
    let owner = owner.unwrap_or_else(|| caller.account());
    let user = user_arn(caller.account(), &denial.user);
    let (action, queue) = match dead_letters(&denial, &subject) {
        Some(dead_letters) => ("sendmessage".to_owned(), dead_letters),
        None => (operation.strip_suffix("Batch").unwrap_or(operation).to_ascii_lowercase(), queue.to_owned()),
    };
    let arn = queue_arn(&caller.region, owner, &queue);
    let policy = if owner == caller.account() { "identity" } else { "resource" };
    Fault::Unauthorized(format!(
        "User: {user} is not authorized to perform: sqs:{action} on resource: {arn} because no {policy}-based policy \
         allows the sqs:{action} action"
    ))
}

/// The queue for dead letters, as the client calls it, if it is that to which the user may not send.
fn dead_letters(denial: &Denial, subject: &Subject<'_>) -> Option<String> {
    let policy = subject.attributes.as_ref()?.policy.as_ref()?;
    let queue = Redrive::read(policy).ok()??.into_queue();
    let is_meant = || queue == denial.name || queue == spoken_name(&Name::from(denial.name.as_str()));
    (denial.action == Action::Write || denial.action == Action::See && is_meant()).then_some(queue)
}

#[cfg(test)]
mod tests {
    use model::What;

    use super::*;

    fn words(operation: &str, body: &'static str, action: Action, name: &str) -> String {
        let mut caller = Caller::default();
        caller.claim("AKIAEXAMPLE", "eu-west-1");
        caller.vouch(&Name::from("ann"), Some("000000000042"));
        let request = Request::post("/").header("x-amz-target", format!("AmazonSQS.{operation}"));
        let denial = Denial::new("ann", action, &What::Queue(&Name::from(name)));
        let fault = Fault::Forbidden(Box::new(denial));
        explained(fault, &request.body(Bytes::from(body)).unwrap(), &caller).to_string()
    }

    #[test]
    fn denials_name_user_action_and_resource() {
        let expected = |action: &str, arn: &str, policy: &str| {
            format!(
                "User: arn:aws:iam::000000000042:user/ann is not authorized to perform: sqs:{action} on resource: {arn} \
                 because no {policy}-based policy allows the sqs:{action} action"
            )
        };
        let own = "arn:aws:sqs:eu-west-1:000000000042:orders";
        let url = r#"{"QueueUrl": "http://localhost/000000000042/orders", "Entries": []}"#;
        let said = words("DeleteMessageBatch", url, Action::Read, "orders");
        assert_eq!(said, expected("deletemessage", own, "identity"));
        let named = r#"{"QueueName": "orders", "QueueOwnerAWSAccountId": "000000000001"}"#;
        let other = "arn:aws:sqs:eu-west-1:000000000001:orders";
        let said = words("GetQueueUrl", named, Action::See, "another name of it");
        assert_eq!(said, expected("getqueueurl", other, "resource"));
        let create = r#"{"QueueName": "orders", "Attributes": {"RedrivePolicy":
            "{\"deadLetterTargetArn\": \"arn:aws:sqs:eu-west-1:000000000042:dead-letters\", \"maxReceiveCount\": 1}"}}"#;
        let said = words("CreateQueue", create, Action::Configure, "orders");
        assert_eq!(said, expected("createqueue", own, "identity"));
        let dead = "arn:aws:sqs:eu-west-1:000000000042:dead-letters";
        let said = words("CreateQueue", create, Action::Write, "dead.letters");
        assert_eq!(said, expected("sendmessage", dead, "identity"));
        let said = words("CreateQueue", create, Action::See, "dead.letters");
        assert_eq!(said, expected("sendmessage", dead, "identity"));
        let said = words("CreateQueue", create, Action::See, "the own name of orders");
        assert_eq!(said, expected("createqueue", own, "identity"));
        let all = "arn:aws:sqs:eu-west-1:000000000042:";
        assert_eq!(words("ListQueues", "{}", Action::Enter, ""), expected("listqueues", all, "identity"));
        assert_eq!(words("SendMessage", "no JSON", Action::Write, "x"), expected("sendmessage", all, "identity"));
    }
}
