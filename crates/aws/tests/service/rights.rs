//! What somebody is told whose rights do not reach so far.

use model::{
    Action, Command, Delivery, Denial, Effect, MessageNumber, Name, Outcome, QueueInfo, Refusal, Reply, Token, What,
};
use serde_json::{Value, json};

use crate::harness::{Client, ORDERS, START, URL, client, deliver, drained, named, orders, question};

fn login(user: &str) -> Result<Reply, Refusal> {
    Ok(Reply::Authenticated { user: Name::from(user), account: None, last_message: None })
}

fn ann() -> Client {
    let mut client = client();
    client.login = login("ann");
    client
}

fn denied(action: Action, queue: &str) -> Refusal {
    Refusal::Denied(Box::new(Denial::new("ann", action, &What::Queue(&Name::from(queue)))))
}

fn text(action: &str, queue: &str) -> String {
    format!(
        "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: sqs:{action} on resource: \
         arn:aws:sqs:us-east-1:000000000000:{queue} because no identity-based policy allows the sqs:{action} action"
    )
}

/// Checks what is answered, in words that AWS's clients understand.
#[track_caller]
fn is_denied(client: &mut Client, action: &str, queue: &str) {
    client.fails(403, "AccessDeniedException", "AccessDenied", &text(action, queue));
    assert!(client.commands().is_empty(), "nothing more is asked");
}

/// A handle of a message of `orders`.
fn handle() -> Value {
    let mut client = client();
    client.ask("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 0}));
    client.command();
    let message = model::Message {
        address: model::Address::default(),
        header: model::Header::default(),
        encoding: model::EncodingId::PLAIN,
        properties: bytes::Bytes::new(),
        body: model::Body::default(),
    };
    client.apply(deliver(std::sync::Arc::new(message), 1));
    client.apply(drained());
    client.success()["Messages"][0]["ReceiptHandle"].clone()
}

/// What a broker without rights says.
fn allowed(command: &Command) -> Effect {
    let reply = |token: Token, reply| Effect::Reply { token, reply: Ok(reply) };
    match command {
        Command::Inspect { token, .. } => reply(*token, Reply::Queue(Box::new(orders()))),
        Command::Publish(publish) => {
            Effect::Confirm { token: publish.token.unwrap(), message: MessageNumber(1), routed: true }
        }
        command => reply(command.token().unwrap(), Reply::Done),
    }
}

/// Every operation that asks the broker about a queue, with what it asks before it is done.
fn operations() -> Vec<(&'static str, Value, &'static str, usize)> {
    let handle = handle();
    let receipt = json!({"Id": "1", "ReceiptHandle": handle});
    let change = json!({"Id": "1", "ReceiptHandle": handle, "VisibilityTimeout": 9});
    vec![
        ("SendMessage", json!({"QueueUrl": URL, "MessageBody": "x"}), "sendmessage", 1),
        ("SendMessage", json!({"QueueUrl": URL, "MessageBody": "x".repeat(2_000)}), "sendmessage", 2),
        ("SendMessageBatch", json!({"QueueUrl": URL, "Entries": [{"Id": "1", "MessageBody": "x"}]}), "sendmessage", 2),
        ("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 20}), "receivemessage", 1),
        ("ReceiveMessage", json!({"QueueUrl": URL}), "receivemessage", 2),
        ("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": handle}), "deletemessage", 2),
        ("DeleteMessageBatch", json!({"QueueUrl": URL, "Entries": [receipt]}), "deletemessage", 2),
        (
            "ChangeMessageVisibility",
            json!({"QueueUrl": URL, "ReceiptHandle": handle, "VisibilityTimeout": 9}),
            "changemessagevisibility",
            2,
        ),
        ("ChangeMessageVisibilityBatch", json!({"QueueUrl": URL, "Entries": [change]}), "changemessagevisibility", 2),
        ("CreateQueue", json!({"QueueName": "orders"}), "createqueue", 1),
        ("DeleteQueue", json!({"QueueUrl": URL}), "deletequeue", 1),
        ("GetQueueUrl", json!({"QueueName": "orders"}), "getqueueurl", 1),
        ("GetQueueAttributes", json!({"QueueUrl": URL, "AttributeNames": ["All"]}), "getqueueattributes", 1),
        (
            "SetQueueAttributes",
            json!({"QueueUrl": URL, "Attributes": {"VisibilityTimeout": "9"}}),
            "setqueueattributes",
            2,
        ),
        ("PurgeQueue", json!({"QueueUrl": URL}), "purgequeue", 2),
        ("ListQueueTags", json!({"QueueUrl": URL}), "listqueuetags", 1),
        ("TagQueue", json!({"QueueUrl": URL, "Tags": {"a": "b"}}), "tagqueue", 2),
        ("UntagQueue", json!({"QueueUrl": URL, "TagKeys": ["a"]}), "untagqueue", 1),
    ]
}

#[test]
fn every_operation_may_be_denied_at_every_step() {
    for (operation, input, action, steps) in operations() {
        for step in 0..steps {
            let mut client = ann();
            client.ask(operation, input.clone());
            for _ in 0..step {
                let command = client.commands().remove(0);
                client.apply(allowed(&command));
            }
            let commands = client.commands();
            let command = commands.first().unwrap_or_else(|| panic!("{operation} asks nothing in step {step}"));
            // The name that it has elsewhere is told to nobody who may not see it.
            let refusal = denied(Action::See, if step == 0 { "its own name" } else { "orders" });
            let refusal = if operation == "CreateQueue" { denied(Action::Configure, "orders") } else { refusal };
            client.refuse(command.token().unwrap(), refusal);
            is_denied(&mut client, action, "orders");
        }
    }
}

#[test]
fn a_namespace_may_be_denied() {
    let mut client = ann();
    let denial = || Refusal::Denied(Box::new(Denial::new("ann", Action::Enter, &What::Namespace)));
    client.ask("ReceiveMessage", json!({"QueueUrl": "http://localhost/000000000001/orders"}));
    let Command::Enter { token, .. } = client.command() else { panic!("another account is another namespace") };
    client.refuse(token, denial());
    let expected = text("receivemessage", "orders")
        .replace("sqs:us-east-1:000000000000", "sqs:us-east-1:000000000001")
        .replace("identity", "resource");
    client.fails(403, "AccessDeniedException", "AccessDenied", &expected);
    client.region = "eu-west-1".to_owned();
    client.ask("ListQueues", json!({}));
    let Command::Enter { token, .. } = client.command() else { panic!("another region is another namespace") };
    client.refuse(token, denial());
    let expected = text("listqueues", "").replace("us-east-1", "eu-west-1");
    client.fails(403, "AccessDeniedException", "AccessDenied", &expected);
}

/// For whoever may not see it, a queue is the same whether it exists or not: the broker asks for the name alone, and
/// so it is denied before anybody looks.
#[test]
fn a_queue_that_may_not_be_seen_is_not_told_from_none() {
    let mut answers = Vec::new();
    for name in ["orders", "its own name"] {
        let mut client = ann();
        client.ask("GetQueueUrl", json!({"QueueName": "orders"}));
        let (token, _) = question(client.command());
        client.refuse(token, denied(Action::See, name));
        answers.push(client.answer().text);
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn dead_letters_need_a_right_of_their_own() {
    let policy = r#"{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead-1", "maxReceiveCount": 3}"#;
    let attributes = json!({ "RedrivePolicy": policy });
    let mut client = ann();
    client.ask("CreateQueue", json!({"QueueName": "orders", "Attributes": attributes}));
    let (token, name) = question(client.command());
    assert_eq!(name, "dead-1");
    client.reply(token, Reply::Queue(Box::new(named("dead.1"))));
    let token = client.command().token().unwrap();
    client.refuse(token, denied(Action::Write, "dead.1"));
    is_denied(&mut client, "sendmessage", "dead-1");
    client.ask("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": attributes}));
    client.describe(orders());
    client.describe(named("dead.1"));
    let token = client.command().token().unwrap();
    client.refuse(token, denied(Action::Configure, "orders"));
    is_denied(&mut client, "setqueueattributes", "orders");
}

fn entries(count: u32) -> Value {
    let entries: Vec<Value> = (1..=count).map(|id| json!({"Id": id.to_string(), "MessageBody": "x"})).collect();
    json!({"QueueUrl": URL, "Entries": entries})
}

#[test]
fn a_batch_is_denied_as_a_whole_unless_something_was_done() {
    let mut client = ann();
    client.ask("SendMessageBatch", entries(3));
    client.describe(orders());
    for command in client.commands() {
        client.refuse(command.token().unwrap(), denied(Action::Write, "orders"));
    }
    is_denied(&mut client, "sendmessage", "orders");

    client.ask("SendMessageBatch", entries(2));
    let commands = client.commands();
    client.apply(allowed(&commands[0]));
    client.refuse(commands[1].token().unwrap(), denied(Action::Write, "orders"));
    let answer = client.success();
    assert_eq!((&answer["Successful"][0]["Id"], &answer["Failed"][0]["Id"]), (&json!("1"), &json!("2")));
    let failed = &answer["Failed"][0];
    assert_eq!((&failed["Code"], &failed["SenderFault"]), (&json!("AccessDenied"), &json!(true)));

    client.ask("SendMessageBatch", entries(1));
    let token = client.command().token().unwrap();
    client.refuse(token, Refusal::Login);
    let message = "The security token included in the request is invalid.";
    client.fails(403, "UnrecognizedClientException", "InvalidClientTokenId", message);
}

#[test]
fn a_right_that_is_taken_away_ends_a_long_poll() {
    let mut client = ann();
    client.ask("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    client.command();
    let refusal = denied(Action::Read, "orders");
    client.apply(Effect::Cancelled { consumer: model::ConsumerIndex(0), refusal });
    is_denied(&mut client, "receivemessage", "orders");
}

#[test]
fn who_may_read_a_queue_may_empty_it() {
    let mut client = ann();
    client.ask("PurgeQueue", json!({"QueueUrl": URL}));
    client.describe(orders());
    let commands = client.commands();
    assert!(matches!(commands[..], [Command::Purge { .. }, Command::Alter { .. }]), "{commands:?}");
    client.reply(commands[0].token().unwrap(), Reply::Count(3));
    client.refuse(commands[1].token().unwrap(), denied(Action::Configure, "orders"));
    assert_eq!(client.success(), json!({}));
}

#[test]
fn an_alarm_names_no_queue_to_whom_rights_have_limits() {
    let culprit = model::Culprit { queue: Name::from("secret"), messages: 1, bytes: 2 };
    let alarm = model::Alarm { short_of: model::Resource::Disk, culprit: Some(std::sync::Arc::new(culprit)) };
    for (user, told) in [("ann", false), ("", true)] {
        let mut client = client();
        client.login = login(user);
        client.apply(Effect::Throttle { reason: Some(alarm.clone()) });
        client.ask("SendMessage", json!({"QueueUrl": URL, "MessageBody": "x"}));
        let answer = client.answer();
        assert_eq!((answer.status, answer.text.contains("secret")), (403, told), "{}", answer.text);
        assert!(answer.text.contains("RequestThrottled") && answer.text.contains("short of disk"));
    }
}

/// Rights are to names, and AWS's clients say aliases: nobody is asked for a right to those.
#[test]
fn the_own_name_of_a_queue_is_found_before_a_right_is_asked_for() {
    let send = json!({"QueueUrl": "http://localhost:4566/000000000000/orders-eu", "MessageBody": "x"});
    let mut client = ann();
    for _ in 0..2 {
        client.ask("SendMessage", send.clone());
        let mut command = client.command();
        if let Command::Inspect { token, .. } = command {
            client.reply(token, Reply::Queue(Box::new(named("orders.eu"))));
            command = client.command();
        }
        let Command::Publish(publish) = &command else { panic!("{command:?}") };
        assert_eq!(publish.message.address.key, Name::from("orders.eu"));
        client.apply(allowed(&command));
        client.success();
    }
    client.now = START.plus(1_001);
    client.ask("SendMessage", send.clone());
    client.describe(named("orders.eu"));
    assert!(matches!(client.command(), Command::Publish(_)));
    client.close();
    let mut nobody = crate::harness::client();
    nobody.ask("SendMessage", send);
    assert!(matches!(nobody.command(), Command::Publish(_)), "without limits there is nothing to ask");
}

#[test]
fn what_one_user_was_told_is_not_told_to_the_next() {
    let mut client = ann();
    let batch = |client: &mut Client| client.ask("SendMessageBatch", entries(1));
    batch(&mut client);
    client.describe(orders());
    let command = client.command();
    client.apply(allowed(&command));
    client.success();
    batch(&mut client);
    let command = client.command();
    assert!(matches!(command, Command::Publish(_)), "she knows the queue");
    client.apply(allowed(&command));
    client.success();
    client.login = login("bob");
    batch(&mut client);
    assert!(matches!(client.command(), Command::Inspect { .. }), "he does not");
    client.close();
}

/// Receipts are good for whoever may read their queue: without the right, nobody learns whether one is.
#[test]
fn receipts_of_others_tell_nothing() {
    let mut client = ann();
    client.ask("DeleteMessage", json!({"QueueUrl": URL, "ReceiptHandle": handle()}));
    client.describe(QueueInfo { ..orders() });
    let Command::Settle(settle) = client.command() else { panic!("no settle") };
    let expected = Delivery { queue: ORDERS, seq: 1, attempt: 1 };
    assert_eq!((settle.queue, settle.first, settle.attempt), (expected.queue, 1, Some(1)));
    assert_eq!(settle.outcome, Outcome::Accepted);
    client.refuse(settle.token.unwrap(), denied(Action::Read, "orders"));
    is_denied(&mut client, "deletemessage", "orders");
}
