//! `SendMessage` and `SendMessageBatch`.

use std::sync::Arc;

use model::{
    Address, Alarm, Command, Culprit, Effect, EncodingId, Message, MessageNumber, Namespace, Publish, QueueInfo,
    Refusal, Resource, Token,
};
use serde_json::{Value, json};

use crate::harness::{Client, START, URL, client, named, orders, orders_with, question};

#[track_caller]
pub(crate) fn published(command: Command) -> (Token, Arc<Message>) {
    match command {
        Command::Publish(Publish { token: Some(token), message, create: false, mandatory: false, .. }) => {
            (token, message)
        }
        other => panic!("no publish: {other:?}"),
    }
}

fn confirm(client: &mut Client, token: Token, number: u64) {
    client.apply(Effect::Confirm { token, message: MessageNumber(number), routed: true });
}

fn message(body: &str) -> Value {
    json!({"QueueUrl": URL, "MessageBody": body})
}

#[test]
fn a_message_is_one_durable_publish() {
    let mut client = client();
    client.ask("SendMessage", message("hello"));
    let (token, sent) = published(client.command());
    assert_eq!(sent.address, Address::queue(Namespace(0), "orders".into()));
    assert_eq!((sent.encoding, sent.body.joined()), (EncodingId::SQS, "hello".into()));
    assert!(sent.header.durable && sent.header.not_before.is_none());
    assert!(!client.is_answered(), "not before it is safe");
    confirm(&mut client, token, 5);
    let answer = client.success();
    assert_eq!(answer["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(answer["MessageId"].as_str().unwrap().len(), 36);
    assert_eq!(answer.as_object().unwrap().len(), 2);
    client.ask("SendMessage", message("hello"));
    let (token, _) = published(client.command());
    confirm(&mut client, token, 6);
    assert_ne!(client.success()["MessageId"], answer["MessageId"]);
}

#[test]
fn digests_of_attributes_are_those_of_aws() {
    let mut client = client();
    let string = |value: &str| json!({"DataType": "String", "StringValue": value});
    let attributes = json!({"Help.Me": string("Me"), "Hello": string("There"), "General": string("Kenobi")});
    let trace = string("Root=1-5759e988-bd862e3fe1be46a994272793");
    let mut input = message("msg");
    input["MessageAttributes"] = attributes;
    client.ask("SendMessage", input.clone());
    let (token, _) = published(client.command());
    confirm(&mut client, token, 1);
    let answer = client.success();
    assert_eq!(answer["MD5OfMessageBody"], "6e2baaf3b97dbeef01c0043275f9a0e7");
    assert_eq!(answer["MD5OfMessageAttributes"], "4c360f3fdafd970e05fae2f149d997f5");
    input["MessageSystemAttributes"] = json!({"AWSTraceHeader": trace});
    client.ask("SendMessage", input);
    let (token, _) = published(client.command());
    confirm(&mut client, token, 2);
    let answer = client.success();
    assert_eq!(answer["MD5OfMessageAttributes"], "4c360f3fdafd970e05fae2f149d997f5", "system attributes are apart");
    assert_eq!(answer["MD5OfMessageSystemAttributes"], "62a56dd927315f2b2e12832b84617ea5", "as botocore's moto has it");
}

#[test]
fn delays_are_seconds_from_now() {
    let mut client = client();
    let mut delayed = |seconds: i64| {
        let mut input = message("x");
        input["DelaySeconds"] = json!(seconds);
        client.ask("SendMessage", input);
    };
    delayed(900);
    let (token, sent) = published(client.command());
    assert_eq!(sent.header.not_before, Some(START.plus(900_000)));
    confirm(&mut client, token, 1);
    client.success();
    for bad in [-1, 901] {
        let mut input = message("x");
        input["DelaySeconds"] = json!(bad);
        client.ask("SendMessage", input);
        client.fails_invalid(&format!(
            "Value {bad} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
        ));
    }
}

#[test]
fn what_cannot_be_sent_is_refused_without_the_broker() {
    let mut client = client();
    let missing = "The request must contain the parameter MessageBody.";
    for input in [json!({"QueueUrl": URL}), message("")] {
        client.ask("SendMessage", input);
        client.fails(400, "MissingRequiredParameterException", "MissingParameter", missing);
    }
    client.ask("SendMessage", message("\u{8}"));
    let text = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
    client.fails(400, "InvalidMessageContents", "InvalidMessageContents", text);
    for group in ["", "group 123", &"a".repeat(129)] {
        let mut input = message("x");
        input["MessageGroupId"] = json!(group);
        client.ask("SendMessage", input);
        client.fails_invalid(&format!(
            "Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include \
             alphanumeric and punctuation characters. 1 to 128 in length."
        ));
    }
    let mut input = message("x");
    input["MessageDeduplicationId"] = json!("d");
    client.ask("SendMessage", input);
    client.fails_invalid(
        "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.",
    );
    let mut input = message("x");
    input["MessageAttributes"] = json!({"ErrorDetails": {"DataType": "String", "StringValue": ""}});
    client.ask("SendMessage", input);
    client.fails_invalid("Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.");
    assert!(client.commands().is_empty());
}

#[test]
fn long_messages_obey_their_queue_which_is_looked_up_once_a_second() {
    let mut client = client();
    let limited = || orders_with(&[("MaximumMessageSize", "2048")]);
    client.ask("SendMessage", message(&"x".repeat(2_048)));
    client.describe(limited());
    let (token, _) = published(client.command());
    confirm(&mut client, token, 1);
    client.success();
    let too_long = "One or more parameters are invalid. Reason: Message must be shorter than 2048 bytes.";
    client.ask("SendMessage", message(&"x".repeat(2_049)));
    client.fails_invalid(too_long);
    let mut input = message(&"x".repeat(2_040));
    input["MessageAttributes"] = json!({"a": {"DataType": "String", "StringValue": "12"}});
    client.ask("SendMessage", input);
    client.fails_invalid(too_long);
    client.now = START.plus(1_001);
    client.ask("SendMessage", message(&"x".repeat(1_048_577)));
    client.describe(orders());
    client.fails_invalid("One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.");
    client.now = START.plus(9_000);
    client.ask("SendMessage", message(&"x".repeat(1_024)));
    published(client.command());
}

#[test]
fn a_queue_is_reached_by_its_alias_too() {
    let mut client = client();
    let aliased = || QueueInfo { alias: Some("orders".to_owned()), ..named("orders/") };
    client.ask("SendMessage", message("x"));
    let (token, sent) = published(client.command());
    assert_eq!(sent.address.key, "orders".into());
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    client.describe(aliased());
    let (token, sent) = published(client.command());
    assert_eq!((&sent.address.key, sent.body.joined()), (&"orders/".into(), "x".into()));
    confirm(&mut client, token, 1);
    client.success();
    client.ask("SendMessage", message("x"));
    let (token, sent) = published(client.command());
    assert_eq!(sent.address.key, "orders/".into(), "remembered for a while");
    confirm(&mut client, token, 2);
    client.success();
}

#[test]
fn a_queue_that_is_not_there_is_no_place_for_messages() {
    let mut client = client();
    client.ask("SendMessage", message("x"));
    let (token, _) = published(client.command());
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    let (token, _) = question(client.command());
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    client.fails_no_such_queue();
    client.ask("SendMessage", message("x"));
    let (token, _) = published(client.command());
    client.refuse(token, Refusal::Full("orders".to_owned()));
    client.fails(403, "OverLimit", "OverLimit", "queue \"orders\" is full");
}

#[test]
fn a_broker_that_is_short_of_memory_is_not_sent_to() {
    let mut client = client();
    let culprit = Culprit { queue: "orders".into(), messages: 3, bytes: 70 };
    let alarm = Alarm { short_of: Resource::Memory, culprit: Some(culprit.into()) };
    client.apply(Effect::Throttle { reason: Some(alarm) });
    client.ask("SendMessage", message("x"));
    let text =
        "The broker accepts no messages for now: short of memory; queue orders holds most: 3 messages, 70 bytes.";
    client.fails(403, "RequestThrottled", "RequestThrottled", text);
    client.apply(Effect::Throttle { reason: None });
    client.ask("SendMessage", message("x"));
    published(client.command());
}

fn batch(entries: Value) -> Value {
    json!({"QueueUrl": URL, "Entries": entries})
}

#[test]
fn the_entries_of_a_batch_fail_one_by_one() {
    let mut client = client();
    let entries = json!([
        {"Id": "a", "MessageBody": "one"},
        {"Id": "b", "MessageBody": "\u{0}"},
        {"Id": "c", "MessageBody": "x".repeat(1_025)},
        {"Id": "d", "MessageBody": "two", "MessageAttributes": {"Foo": {"DataType": "String", "StringValue": "Bar"}}},
        {"Id": "e", "MessageBody": "three"},
    ]);
    client.ask("SendMessageBatch", batch(entries));
    client.describe(orders_with(&[("MaximumMessageSize", "1024")]));
    let tokens: Vec<Token> = client.commands().into_iter().map(|command| published(command).0).collect();
    assert_eq!(tokens.len(), 3, "all at once");
    client.refuse(tokens[2], Refusal::Full("orders".to_owned()));
    confirm(&mut client, tokens[1], 2);
    assert!(!client.is_answered());
    confirm(&mut client, tokens[0], 1);
    let answer = client.success();
    let ids = |list: &Value| list.as_array().unwrap().iter().map(|entry| entry["Id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&answer["Successful"]), ["a", "d"]);
    assert_eq!(answer["Successful"][1]["MD5OfMessageAttributes"], "ae7155c6026991b6d54b11589678bf9c");
    assert_eq!(ids(&answer["Failed"]), ["b", "c", "e"]);
    let long = json!({
        "Id": "c", "SenderFault": true, "Code": "InvalidParameterValue",
        "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
    });
    assert_eq!(answer["Failed"][1], long);
    assert_eq!(answer["Failed"][0]["Code"], "InvalidMessageContents");
}

#[test]
fn a_batch_that_fails_entirely_is_answered_at_once() {
    let mut client = client();
    client.ask("SendMessageBatch", batch(json!([{"Id": "a", "MessageBody": ""}])));
    client.describe(orders());
    let answer = client.success();
    assert_eq!((&answer["Failed"][0]["Code"], answer.get("Successful")), (&json!("MissingParameter"), None));
}

#[test]
fn batches_have_one_to_ten_entries_with_ids_of_their_own() {
    let mut client = client();
    let entries = |ids: &[&str]| json!(ids.iter().map(|id| json!({"Id": id, "MessageBody": "x"})).collect::<Vec<_>>());
    let prefix = "AWS.SimpleQueueService.";
    let mut fails = |entries: Value, shape: &str, message: &str| {
        client.ask("SendMessageBatch", batch(entries));
        client.fails(400, shape, &format!("{prefix}{shape}"), message);
    };
    let empty = "There should be at least one SendMessageBatchRequestEntry in the request.";
    fails(json!([]), "EmptyBatchRequest", empty);
    let many = "Maximum number of entries per request are 10. You have sent 20.";
    fails(entries(&["a"; 20]), "TooManyEntriesInBatchRequest", many);
    let id = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
    for bad in ["", "invalid:id", &"testLongId".repeat(10)] {
        fails(entries(&["a", bad]), "InvalidBatchEntryId", id);
    }
    fails(entries(&["a", "b", "a"]), "BatchEntryIdsNotDistinct", "Id a repeated.");
    client.ask(
        "SendMessageBatch",
        batch(json!([
            {"Id": "a", "MessageBody": "x".repeat(1_048_576)}, {"Id": "b", "MessageBody": "y"},
        ])),
    );
    client.describe(orders());
    let message = "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.";
    client.fails(400, "BatchRequestTooLong", &format!("{prefix}BatchRequestTooLong"), message);
}

#[test]
fn escapes_in_a_body_are_resolved() {
    let mut client = client();
    client.ask_text("SendMessage", format!("{{\"QueueUrl\": \"{URL}\", \"MessageBody\": \"\\u00e9\\n\\\"\"}}"));
    assert_eq!(published(client.command()).1.body.joined(), "é\n\"");
}
