//! Receipts: `DeleteMessage`, `ChangeMessageVisibility` and their batches.

use std::sync::Arc;

use model::{
    Address, Command, EncodingId, Header, Message, Outcome, QueueId, QueueInfo, Refusal, Reply, Settle, Time, Token,
};
use serde_json::{Value, json};

use crate::harness::{Client, ORDERS, START, URL, client, deliver, drained, orders, question};

/// Handles of messages 1 to `count`, received now.
fn handles(client: &mut Client, count: u64) -> Vec<Value> {
    client.ask("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 0, "MaxNumberOfMessages": 10}));
    client.command();
    for seq in 1..=count {
        let message = Message {
            address: Address::default(),
            header: Header::default(),
            encoding: EncodingId::PLAIN,
            properties: bytes::Bytes::new(),
            body: model::Body::default(),
        };
        client.apply(deliver(Arc::new(message), seq));
    }
    client.apply(drained());
    let answer = client.success();
    answer["Messages"].as_array().unwrap().iter().map(|message| message["ReceiptHandle"].clone()).collect()
}

#[track_caller]
fn settled(command: Command) -> (Token, Settle) {
    match command {
        Command::Settle(settle) => (settle.token.unwrap(), settle),
        other => panic!("no settle: {other:?}"),
    }
}

const INVALID: &str = "The input receipt handle is invalid.";

#[test]
fn a_message_is_deleted_as_often_as_one_likes() {
    let mut client = client();
    let handle = handles(&mut client, 1).remove(0);
    let delete = json!({"QueueUrl": URL, "ReceiptHandle": handle});
    client.ask("DeleteMessage", delete.clone());
    client.describe(orders());
    let (token, settle) = settled(client.command());
    assert_eq!((settle.queue, settle.first, settle.last, settle.attempt), (ORDERS, 1, 1, Some(1)));
    assert_eq!(settle.outcome, Outcome::Accepted);
    client.reply(token, Reply::Count(1));
    assert_eq!(client.success(), json!({}));
    client.ask("DeleteMessage", delete);
    let (token, _) = settled(client.command());
    client.refuse(token, Refusal::NotLeased);
    assert_eq!(client.success(), json!({}));
}

#[test]
fn handles_that_are_not_of_this_queue_are_refused() {
    let mut client = client();
    let handle = handles(&mut client, 1).remove(0);
    let text = handle.as_str().unwrap();
    let tampered = format!("{}{}", if text.starts_with('A') { "B" } else { "A" }, &text[1..]);
    client.ask("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": "garbage"}));
    client.describe(orders());
    client.fails(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", INVALID);
    client.ask("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": tampered}));
    client.fails(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", INVALID);
    client.ask("DeleteMessage", json!({"QueueUrl": "other", "ReceiptHandle": handle}));
    let (token, name) = question(client.command());
    assert_eq!(name, "other");
    let other = QueueInfo { id: QueueId { shard: 0, n: 8 }, ..crate::harness::named("other") };
    client.reply(token, Reply::Queue(Box::new(other)));
    client.fails(400, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", INVALID);
    client.ask("DeleteMessage", json!({"QueueUrl": "none", "ReceiptHandle": handle}));
    let (token, _) = question(client.command());
    client.refuse(token, Refusal::NoSuchQueue("none".to_owned()));
    client.fails_no_such_queue();
    client.ask("DeleteMessage", json!({"QueueUrl": URL}));
    let missing = "The request must contain the parameter ReceiptHandle.";
    client.fails(400, "MissingRequiredParameterException", "MissingParameter", missing);
}

#[test]
fn a_queue_that_was_made_anew_is_looked_up_before_its_handles_are_refused() {
    let mut client = client();
    let old = QueueInfo { id: QueueId { shard: 0, n: 6 }, ..orders() };
    client.ask("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": "garbage"}));
    client.describe(old);
    client.answer();
    let handle = handles(&mut client, 1).remove(0);
    client.ask("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": handle}));
    client.describe(orders());
    settled(client.command());
}

#[test]
fn a_lease_is_renewed_or_given_back() {
    let mut client = client();
    let handle = handles(&mut client, 1).remove(0);
    let change = |seconds: i64| json!({"QueueUrl": URL, "ReceiptHandle": handle, "VisibilityTimeout": seconds});
    client.now = START.plus(500);
    client.ask("ChangeMessageVisibility", change(60));
    client.describe(orders());
    let (token, settle) = settled(client.command());
    assert_eq!((settle.outcome, settle.attempt), (Outcome::Renew(START.plus(60_500)), Some(1)));
    client.reply(token, Reply::Count(1));
    assert_eq!(client.success(), json!({}));
    client.ask("ChangeMessageVisibility", change(0));
    let (token, settle) = settled(client.command());
    assert_eq!(settle.outcome, Outcome::Renew(client.now));
    client.refuse(token, Refusal::NotLeased);
    let code = "AWS.SimpleQueueService.MessageNotInflight";
    client.fails(400, "MessageNotInflight", code, "The specified message isn't in flight.");

    let begin = |seconds: i64| format!("Value {seconds} for parameter VisibilityTimeout is invalid. Reason: ");
    for bad in [-1, 43_201] {
        client.ask("ChangeMessageVisibility", change(bad));
        let reason = "VisibilityTimeout must be an integer between 0 and 43200.";
        client.fails_invalid(&format!("{}{reason}", begin(bad)));
    }
    client.ask("ChangeMessageVisibility", change(43_200));
    let reason = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
    client.fails_invalid(&format!("{}{reason}", begin(43_200)));
    client.ask("ChangeMessageVisibility", json!({"QueueUrl": URL, "ReceiptHandle": handle}));
    let missing = "The request must contain the parameter VisibilityTimeout.";
    client.fails(400, "MissingRequiredParameterException", "MissingParameter", missing);
}

fn entries(handles: &[Value], seconds: Option<i64>) -> Value {
    let entry = |(i, handle): (usize, &Value)| {
        let mut entry = json!({"Id": format!("e{i}"), "ReceiptHandle": handle});
        if let Some(seconds) = seconds {
            entry["VisibilityTimeout"] = json!(seconds);
        }
        entry
    };
    json!({"QueueUrl": URL, "Entries": handles.iter().enumerate().map(entry).collect::<Vec<_>>()})
}

#[test]
fn batches_go_out_at_once_and_are_answered_together() {
    let mut client = client();
    let mut handles = handles(&mut client, 3);
    handles.insert(1, json!("garbage"));
    client.ask("DeleteMessageBatch", entries(&handles, None));
    client.describe(orders());
    let commands: Vec<_> = client.commands().into_iter().map(settled).collect();
    assert_eq!(commands.iter().map(|(_, settle)| settle.first).collect::<Vec<_>>(), [1, 2, 3]);
    client.refuse(commands[1].0, Refusal::NotLeased);
    client.reply(commands[0].0, Reply::Count(1));
    assert!(!client.is_answered());
    client.reply(commands[2].0, Reply::Count(1));
    let expected = json!({
        "Successful": [{"Id": "e0"}, {"Id": "e2"}, {"Id": "e3"}],
        "Failed": [{"Id": "e1", "SenderFault": true, "Code": "ReceiptHandleIsInvalid", "Message": INVALID}],
    });
    assert_eq!(client.success(), expected);
}

#[test]
fn visibility_batches_say_which_messages_are_not_in_flight() {
    let mut client = client();
    let handles = handles(&mut client, 2);
    client.ask("ChangeMessageVisibilityBatch", entries(&handles, Some(5)));
    client.describe(orders());
    let commands: Vec<_> = client.commands().into_iter().map(settled).collect();
    let until = Outcome::Renew(Time(client.now.0 + 5_000));
    assert!(commands.iter().all(|(_, settle)| settle.outcome == until));
    client.reply(commands[0].0, Reply::Count(1));
    client.refuse(commands[1].0, Refusal::NotLeased);
    let answer = client.success();
    assert_eq!(answer["Successful"], json!([{"Id": "e0"}]));
    assert_eq!(answer["Failed"][0]["Code"], "AWS.SimpleQueueService.MessageNotInflight");
    client.ask("ChangeMessageVisibilityBatch", entries(&vec![json!("x"); 20], Some(5)));
    let message = "Maximum number of entries per request are 10. You have sent 20.";
    let code = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest";
    client.fails(400, "TooManyEntriesInBatchRequest", code, message);
}
