//! SQS: two SDKs, and the two wire protocols as bytes.

use std::io::{BufReader, Write as _};

use conformance::device::socket;
use conformance::sqs::{Answer, Sqs, read_answer};
use conformance::{Broker, Face, Options, clients};
use serde_json::json;

#[test]
fn boto3_queues() {
    clients::python("20_sqs_queues.py", &broker());
}

#[test]
fn boto3_messages() {
    clients::python("20_sqs_messages.py", &broker());
}

#[test]
fn boto3_batches() {
    clients::python("20_sqs_batches.py", &broker());
}

#[test]
fn aws_sdk_js() {
    clients::node("20_sqs.mjs", &broker());
}

#[test]
fn json_errors_name_both_identities() {
    let broker = broker();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = sqs.queue_url("never");
    let answer = sqs.request("SendMessage", &json!({"QueueUrl": url, "MessageBody": "x"})).unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.query_error.as_deref(), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["__type"], "com.amazonaws.sqs#QueueDoesNotExist");
}

#[test]
fn unknown_operations_are_answered_at_once() {
    let broker = broker();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    for action in ["Nonsense", "StartMessageMoveTask", "TagQueue", ""] {
        let answer = sqs.request(action, &json!({})).unwrap();
        assert!((400..=501).contains(&answer.status) && answer.status != 500, "{action}: {answer:?}");
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("an error in JSON");
        assert!(body["__type"].is_string(), "{action}: {body}");
    }
    sqs.call("ListQueues", &json!({})).expect("the connection goes on");
}

/// Clients of the older protocol learn in their own language that only JSON is served.
#[test]
fn the_query_protocol_is_refused_in_xml() {
    let broker = broker();
    let requests = [
        ("POST", "/", "Action=CreateQueue&QueueName=by-query"),
        ("POST", "/000000000000/by-query", "Action=SendMessage&MessageBody=x"),
        ("GET", "/?Action=ListQueues", ""),
    ];
    for (method, path, form) in requests {
        let answer = exchange(&broker, method, path, form);
        let body = text(&answer);
        assert_eq!(answer.status, 400, "{body}");
        assert!(body.contains("<Type>Sender</Type>"), "{body}");
        assert!(body.contains("<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>"), "{body}");
        assert!(body.contains("<RequestId>"), "{body}");
    }
    let answer = exchange(&broker, "GET", "/nowhere", "");
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

/// STS speaks nothing else.
#[test]
fn sts_is_served_in_the_query_protocol() {
    let broker = broker();
    let answer = exchange(&broker, "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(answer.status, 200, "{}", text(&answer));
    assert!(text(&answer).contains("<Account>000000000000</Account>"), "{}", text(&answer));
}

#[test]
fn queues_and_messages_survive_stop_and_kill() {
    let mut broker = Broker::start("", Options::default().fixed_ports());
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let url = sqs.queue_url("kept");
    let created = sqs.call("CreateQueue", &json!({"QueueName": "kept", "Attributes": {"VisibilityTimeout": "33"}}));
    let created = created.unwrap()["QueueUrl"].as_str().unwrap().replacen("https:", "http:", 1);
    assert_eq!(created, url, "the relay of a broker with TLS is without");
    for body in ["one", "two", "three"] {
        sqs.call("SendMessage", &json!({"QueueUrl": url, "MessageBody": body})).unwrap();
    }
    let received = sqs.call("ReceiveMessage", &json!({"QueueUrl": url, "VisibilityTimeout": 600})).unwrap();
    let handle = received["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_owned();
    broker.stop_cleanly();
    broker.restart();

    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let wanted = json!({"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]});
    let attributes = sqs.call("GetQueueAttributes", &wanted).unwrap();
    assert_eq!(attributes["Attributes"]["VisibilityTimeout"], "33");
    // A handle from before is still good.
    sqs.call("DeleteMessage", &json!({"QueueUrl": url, "ReceiptHandle": handle})).unwrap();
    broker.kill9();
    broker.restart();
    let mut sqs = Sqs::connect(broker.address(Face::Aws)).unwrap();
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let input = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20});
        let answer = sqs.call("ReceiveMessage", &input).unwrap();
        let messages = answer["Messages"].as_array().expect("both are left");
        bodies.extend(messages.iter().map(|message| message["Body"].as_str().unwrap().to_owned()));
    }
    bodies.sort();
    assert_eq!(bodies, ["three", "two"]);
}

fn broker() -> Broker {
    Broker::start("", Options::default())
}

fn exchange(broker: &Broker, method: &str, path: &str, form: &str) -> Answer {
    let mut peer = socket(broker.address(Face::Aws));
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature={:064}\r\n\r\n{form}",
        broker.address(Face::Aws),
        form.len(),
        0
    );
    peer.write_all(request.as_bytes()).expect("the AWS face listens");
    read_answer(&mut BufReader::new(peer)).expect("an answer")
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
