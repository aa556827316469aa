//! Queues: made, found, listed, described, changed, purged, deleted; their tags.

use aws::{Aws, AwsOptions};
use model::{
    Alteration, Command, DeadLetter, Declare, DeclareMode, Encodings, Inspect, Name, Namespace, QueueInfo, QueueRef,
    QueueSettings, Refusal, Reply, Token,
};
use serde_json::{Value, json};

use crate::harness::{Client, ORDERS, START, URL, client, client_of, named, orders, orders_with, question};

fn declared(client: &mut Client) -> Declare {
    match client.command() {
        Command::Declare(declare) => *declare,
        other => panic!("{other:?}"),
    }
}

fn answer_declared(client: &mut Client, token: Token, existed: bool, info: QueueInfo) {
    client.reply(token, Reply::Declared { queue: ORDERS, existed, info: Box::new(info) });
}

fn alteration(client: &mut Client) -> (Token, Alteration) {
    match client.command() {
        Command::Alter { token, queue: QueueRef::Named(Namespace(0), name), alteration } => {
            assert_eq!(name.to_text(), "orders");
            (token, *alteration)
        }
        other => panic!("{other:?}"),
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn a_new_queue_has_the_defaults_of_sqs() {
    let mut client = client();
    client.ask("CreateQueue", json!({"QueueName": "orders"}));
    let declare = declared(&mut client);
    assert_eq!(
        (declare.mode, declare.namespace, &declare.name),
        (DeclareMode::IfAbsent, Namespace(0), &"orders".into())
    );
    let expected = QueueSettings { ttl: Some(345_600_000), lease: 30_000, delay: 0, ..QueueSettings::default() };
    assert_eq!(declare.settings, expected);
    answer_declared(&mut client, declare.token, false, orders());
    assert_eq!(client.success(), json!({"QueueUrl": URL}));
}

#[test]
fn attributes_and_tags_become_settings() {
    let mut client = client();
    let attributes = json!({
        "DelaySeconds": "5", "VisibilityTimeout": "0", "MessageRetentionPeriod": "60", "MaximumMessageSize": "2048",
        "ReceiveMessageWaitTimeSeconds": "20", "Policy": "{}",
        "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead-eu\",\"maxReceiveCount\":3}",
    });
    client.ask("CreateQueue", json!({"QueueName": "orders", "Attributes": attributes, "tags": {"b": "", "a": "1"}}));
    let (token, name) = question(client.command());
    assert_eq!(name, "dead-eu");
    client.reply(token, Reply::Queue(Box::new(named("dead.eu"))));
    let Declare { settings, .. } = declared(&mut client);
    assert_eq!((settings.delay, settings.lease, settings.ttl), (5_000, 0, Some(60_000)));
    let dead_letter = DeadLetter::to_queue("dead.eu".into(), Some(3));
    assert_eq!(settings.dead_letter, Some(dead_letter), "the core's own name");
    let extras = [
        pair("aws.MaximumMessageSize", "2048"),
        pair("aws.Policy", "{}"),
        pair("aws.ReceiveMessageWaitTimeSeconds", "20"),
        pair("aws.tag.a", "=1"),
        pair("aws.tag.b", "="),
    ];
    assert_eq!(settings.extras, extras, "in order of name");
}

#[test]
fn creating_again_is_fine_unless_an_attribute_differs() {
    let mut client = client();
    let mut create = |attributes: Value, info: QueueInfo| {
        client.ask("CreateQueue", json!({"QueueName": "orders", "Attributes": attributes}));
        let token = declared(&mut client).token;
        answer_declared(&mut client, token, true, info);
        client.answer()
    };
    assert_eq!(create(json!({}), orders()).status, 200);
    assert_eq!(create(json!({"VisibilityTimeout": "30", "DelaySeconds": "0"}), orders()).status, 200);
    let answer = create(json!({"VisibilityTimeout": "30", "DelaySeconds": "1"}), orders());
    assert!(answer.text.contains("a different value for attribute DelaySeconds\""), "{}", answer.text);
    assert_eq!(answer.query_error.as_deref(), Some("QueueAlreadyExists;Sender"));
    let answer = create(json!({"MaximumMessageSize": "2048"}), orders_with(&[("MaximumMessageSize", "2048")]));
    assert_eq!(answer.status, 200);
    let answer = create(json!({"MaximumMessageSize": "2049"}), orders_with(&[("MaximumMessageSize", "2048")]));
    assert!(answer.text.contains("attribute MaximumMessageSize\""));
}

#[test]
fn names_and_attributes_are_checked_before_the_broker_is_asked() {
    let mut client = client();
    let name = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    for bad in ["", "a.b", "a b", &"x".repeat(81)] {
        client.ask("CreateQueue", json!({"QueueName": bad}));
        client.fails_invalid(name);
    }
    let mut fails = |attributes: Value, shape: &str, message: &str| {
        client.ask("CreateQueue", json!({"QueueName": "q", "Attributes": attributes}));
        client.fails(400, shape, shape, message);
    };
    let unknown = "InvalidAttributeName";
    fails(json!({"Nonsense": "1"}), unknown, "Unknown Attribute Nonsense.");
    fails(json!({"QueueArn": "1"}), unknown, "Unknown Attribute QueueArn.");
    fails(json!({"FifoQueue": "false"}), unknown, "Unknown Attribute FifoQueue.");
    fails(json!({"ContentBasedDeduplication": "true"}), unknown, "Unknown Attribute ContentBasedDeduplication.");
    let only = "You can specify the DeduplicationScope only when FifoQueue is set to true.";
    fails(json!({"DeduplicationScope": "queue"}), unknown, only);
    let sse =
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.";
    fails(json!({"SqsManagedSseEnabled": "true", "KmsMasterKeyId": "k"}), unknown, sse);
    for (name, value) in [
        ("DelaySeconds", "901"),
        ("DelaySeconds", ""),
        ("VisibilityTimeout", "43201"),
        ("MessageRetentionPeriod", "59"),
        ("MaximumMessageSize", "1048577"),
        ("ReceiveMessageWaitTimeSeconds", "-1"),
        ("SqsManagedSseEnabled", "yes"),
        ("Policy", "no JSON"),
    ] {
        fails(json!({name: value}), "InvalidAttributeValue", &format!("Invalid value for the parameter {name}."));
    }
    client.ask("CreateQueue", json!({"QueueName": "q.fifo", "Attributes": {"FifoQueue": "true"}}));
    let code = "AWS.SimpleQueueService.UnsupportedOperation";
    client.fails(400, "UnsupportedOperation", code, "FIFO queues are not implemented by this endpoint.");
    assert!(client.commands().is_empty());
}

#[test]
fn a_dead_letter_queue_must_be_there() {
    let mut client = client();
    let policy = |arn: &str| format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":1}}");
    let mut create = |policy: &str| {
        client.ask("CreateQueue", json!({"QueueName": "q", "Attributes": {"RedrivePolicy": policy}}));
    };
    let near = policy("arn:aws:sqs:us-east-1:000000000000:dead");
    create(&near);
    let far = policy("arn:aws:sqs:eu-west-1:000000000000:dead");
    let (token, _) = question(client.command());
    client.refuse(token, Refusal::NoSuchQueue("dead".to_owned()));
    let begin = format!("Value {near} for parameter RedrivePolicy is invalid. Reason: ");
    client.fails_invalid(&format!("{begin}Dead letter target does not exist."));
    client.ask("CreateQueue", json!({"QueueName": "q", "Attributes": {"RedrivePolicy": far}}));
    let begin = format!("Value {far} for parameter RedrivePolicy is invalid. Reason: ");
    client.fails_invalid(&format!("{begin}Dead-letter target owner should be same as the source."));
}

#[test]
fn urls_follow_the_host_or_the_configuration() {
    let mut client = client();
    client.ask("GetQueueUrl", json!({"QueueName": "orders-eu"}));
    client.describe(QueueInfo { alias: Some("orders-eu".to_owned()), ..named("orders.eu") });
    assert_eq!(client.success(), json!({"QueueUrl": "http://localhost:4566/000000000000/orders-eu"}));
    client.ask("GetQueueUrl", json!({"QueueName": "none"}));
    let (token, _) = question(client.command());
    client.refuse(token, Refusal::NoSuchQueue("none".to_owned()));
    client.fails_no_such_queue();

    let external_host = Some("broker.example:80".to_owned());
    let options =
        AwsOptions { region: "us-east-1".to_owned(), secret: [0; 32], encodings: Encodings::default(), external_host };
    let mut client = client_of(&Aws::new(options));
    client.ask("GetQueueUrl", json!({"QueueName": "orders"}));
    client.describe(orders());
    assert_eq!(client.success(), json!({"QueueUrl": "http://broker.example:80/000000000000/orders"}));
}

#[test]
fn queues_are_listed_in_pages_by_the_names_that_aws_knows() {
    let mut client = client();
    let mut list = |input: Value, prefix: &str| {
        client.ask("ListQueues", input);
        let Command::Inspect { token, what: Inspect::Queues { namespace, prefix: asked, internal } } = client.command()
        else {
            panic!("no question for queues")
        };
        assert_eq!((namespace, asked.to_text(), internal), (Some(Namespace(0)), prefix.into(), false));
        let alias = QueueInfo { alias: Some("a-x".to_owned()), ..named("a.x") };
        client.reply(token, Reply::Queues(vec![named("a-z"), alias, named("a_b"), named("ab")]));
        client.success()
    };
    let url = |name: &&str| format!("http://localhost:4566/000000000000/{name}");
    let urls = |names: &[&str]| json!(names.iter().map(url).collect::<Vec<_>>());
    assert_eq!(list(json!({}), ""), json!({"QueueUrls": urls(&["a-x", "a-z", "a_b", "ab"])}));
    assert_eq!(list(json!({"QueueNamePrefix": "a-"}), "a"), json!({"QueueUrls": urls(&["a-x", "a-z"])}));
    assert_eq!(list(json!({"QueueNamePrefix": "b"}), "b"), json!({}), "no key without a queue");
    let page = list(json!({"MaxResults": 3}), "");
    assert_eq!(page["QueueUrls"], urls(&["a-x", "a-z", "a_b"]));
    let rest = list(json!({"MaxResults": 3, "NextToken": page["NextToken"]}), "");
    assert_eq!(rest, json!({"QueueUrls": urls(&["ab"])}));
    client.ask("ListQueues", json!({"NextToken": "!"}));
    client.fails_invalid("Invalid or expired next token.");
    client.ask("ListQueues", json!({"MaxResults": 1001}));
    client.fails_invalid(
        "Value 1001 for parameter MaxResults is invalid. Reason: MaxResults must be between 1 and 1000.",
    );
}

#[test]
fn attributes_are_shown_from_the_settings_of_any_queue() {
    let mut client = client();
    client.ask("GetQueueAttributes", json!({"QueueUrl": URL, "AttributeNames": ["All"]}));
    let mut info = orders_with(&[("ReceiveMessageWaitTimeSeconds", "7"), ("KmsMasterKeyId", "k"), ("tag.x", "=1")]);
    info.settings.dead_letter = Some(DeadLetter::to_queue("dead.eu".into(), Some(4)));
    client.describe(info);
    let expected = json!({"Attributes": {
        "QueueArn": "arn:aws:sqs:us-east-1:000000000000:orders",
        "ApproximateNumberOfMessages": "3",
        "ApproximateNumberOfMessagesNotVisible": "2",
        "ApproximateNumberOfMessagesDelayed": "1",
        "CreatedTimestamp": "1800000000",
        "LastModifiedTimestamp": "1800000005",
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "7",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead-eu\",\"maxReceiveCount\":4}",
        "KmsMasterKeyId": "k",
    }});
    assert_eq!(client.success(), expected);
    client.ask("GetQueueAttributes", json!({"QueueUrl": URL, "AttributeNames": ["VisibilityTimeout", "FifoQueue"]}));
    client.describe(orders());
    assert_eq!(client.success(), json!({"Attributes": {"VisibilityTimeout": "30"}}));
    client.ask("GetQueueAttributes", json!({"QueueUrl": URL}));
    client.describe(orders());
    assert_eq!(client.success(), json!({}));
    client.ask("GetQueueAttributes", json!({"QueueUrl": URL, "AttributeNames": ["Nonsense"]}));
    let name = "InvalidAttributeName";
    client.fails(400, name, name, "Unknown Attribute Nonsense.");
}

#[test]
fn attributes_are_changed_and_removed() {
    let mut client = client();
    let mut set = |attributes: Value| {
        client.ask("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": attributes}));
        client.describe(orders());
        let (token, alteration) = alteration(&mut client);
        client.reply(token, Reply::Done);
        assert_eq!(client.success(), json!({}));
        alteration
    };
    let changed = set(json!({"VisibilityTimeout": "9", "MessageRetentionPeriod": "60", "DelaySeconds": "1"}));
    let expected =
        Alteration { lease: Some(9_000), ttl: Some(Some(60_000)), delay: Some(1_000), ..Alteration::default() };
    assert_eq!(changed, expected);
    let removed = set(json!({"RedrivePolicy": "", "Policy": "", "KmsDataKeyReusePeriodSeconds": "300"}));
    assert_eq!(removed.dead_letter, Some(None));
    assert_eq!(removed.extras, [pair("aws.KmsDataKeyReusePeriodSeconds", ""), pair("aws.Policy", "")]);
    let keyed = set(json!({"KmsMasterKeyId": "k"}));
    assert_eq!(keyed.extras, [pair("aws.KmsMasterKeyId", "k"), pair("aws.SqsManagedSseEnabled", "false")]);

    client.ask("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": {"FifoQueue": "true"}}));
    client.describe(orders());
    client.fails(400, "InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute FifoQueue.");
}

#[test]
fn a_purge_takes_everything_and_rests_for_a_minute() {
    let mut client = client();
    client.ask("PurgeQueue", json!({"QueueUrl": URL}));
    client.describe(orders());
    let commands = client.commands();
    let [Command::Purge { token: first, leased: true, .. }, Command::Alter { token: second, alteration, .. }] =
        &commands[..]
    else {
        panic!("{commands:?}")
    };
    assert_eq!(alteration.extras, [pair("aws.purged", &START.0.to_string())]);
    client.reply(*first, Reply::Count(6));
    assert!(!client.is_answered());
    client.reply(*second, Reply::Done);
    assert_eq!(client.success(), json!({}));

    let purged = START.0.to_string();
    client.now = START.plus(59_999);
    client.ask("PurgeQueue", json!({"QueueUrl": URL}));
    client.describe(orders_with(&[("purged", &purged)]));
    let message = "Only one PurgeQueue operation on orders is allowed every 60 seconds.";
    client.fails(403, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", message);
    client.now = START.plus(60_000);
    client.ask("PurgeQueue", json!({"QueueUrl": URL}));
    client.describe(orders_with(&[("purged", &purged)]));
    assert_eq!(client.commands().len(), 2);
}

#[test]
fn a_queue_is_deleted_whatever_it_holds() {
    let mut client = client();
    client.ask("DeleteQueue", json!({"QueueUrl": URL}));
    let Command::Delete { token, queue, if_unused: false, if_empty: false } = client.command() else {
        panic!("no delete")
    };
    assert_eq!(queue, QueueRef::Named(Namespace(0), Name::from("orders")));
    client.reply(token, Reply::Done);
    assert_eq!(client.success(), json!({}));
    client.ask("DeleteQueue", json!({"QueueUrl": URL}));
    let Command::Delete { token, .. } = client.command() else { panic!("no delete") };
    client.refuse(token, Refusal::NoSuchQueue("orders".to_owned()));
    client.fails_no_such_queue();
}

#[test]
fn tags_are_kept_even_empty_ones() {
    let mut client = client();
    client.ask("TagQueue", json!({"QueueUrl": URL, "Tags": {"tag1": "value1", "tag3": ""}}));
    client.describe(orders());
    let (token, alteration) = alteration(&mut client);
    assert_eq!(alteration.extras, [pair("aws.tag.tag1", "=value1"), pair("aws.tag.tag3", "=")]);
    client.reply(token, Reply::Done);
    client.success();
    client.ask("ListQueueTags", json!({"QueueUrl": URL}));
    client.describe(orders_with(&[("Policy", "{}"), ("tag.tag1", "=value1"), ("tag.tag3", "=")]));
    assert_eq!(client.success(), json!({"Tags": {"tag1": "value1", "tag3": ""}}));
    client.ask("ListQueueTags", json!({"QueueUrl": URL}));
    client.describe(orders());
    assert_eq!(client.success(), json!({}));
    client.ask("UntagQueue", json!({"QueueUrl": URL, "TagKeys": ["tag1"]}));
    assert_eq!(self::alteration(&mut client).1.extras, [pair("aws.tag.tag1", "")]);
}

#[test]
fn a_queue_has_at_most_fifty_tags() {
    let mut client = client();
    let names: Vec<String> = (0..50).map(|i| format!("tag.t{i}")).collect();
    let full = || orders_with(&names.iter().map(|name| (name.as_str(), "=")).collect::<Vec<_>>());
    client.ask("TagQueue", json!({"QueueUrl": URL, "Tags": {"t51": ""}}));
    client.describe(full());
    client.fails_invalid("Too many tags added for queue.");
    client.ask("TagQueue", json!({"QueueUrl": URL, "Tags": {"t49": "replaced"}}));
    client.describe(full());
    assert_eq!(alteration(&mut client).1.extras, [pair("aws.tag.t49", "=replaced")]);
}
