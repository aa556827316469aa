//! Protocols, credentials, and what is not built.

use bytes::Bytes;
use http::Request;
use model::{CloseReason, Command, Effect, Namespace, Reply};
use serde_json::{Value, json};

use crate::harness::{Client, URL, authorization, client, orders};

fn get(target: &str) -> Request<Bytes> {
    Request::get(target).header("host", "localhost:4566").body(Bytes::new()).unwrap()
}

fn signed(request: http::request::Builder, body: &'static str) -> Request<Bytes> {
    request.header("authorization", authorization("123456789012", "eu-west-1")).body(body.into()).unwrap()
}

#[test]
fn everybody_learns_who_they_are() {
    let mut client = client();
    let form = Request::post("/").header("content-type", "application/x-www-form-urlencoded");
    client.send(signed(form, "Action=GetCallerIdentity&Version=2011-06-15"));
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.content_type), (200, "text/xml"));
    let inside = "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn><UserId>123456789012</UserId>\
                  <Account>123456789012</Account></GetCallerIdentityResult>";
    assert!(answer.text.contains(inside), "{}", answer.text);
    assert!(answer.text.starts_with("<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"));

    let query = Request::get("/?Action=GetCallerIdentity&Version=2011-06-15").header("accept", "application/json");
    client.send(signed(query, ""));
    let answer: Value = client.success();
    let result = &answer["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
    assert_eq!(result["Account"], "123456789012");

    let target = Request::post("/").header("x-amz-target", "AWSSecurityTokenServiceV20110615.GetCallerIdentity");
    client.send(signed(target, "{}"));
    let expected =
        json!({"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "123456789012"});
    assert_eq!(client.success(), expected);
    assert!(client.commands().is_empty(), "the broker is not asked");
}

#[test]
fn requests_without_a_good_signature_are_refused_in_their_own_protocol() {
    let sqs = || Request::post("/").header("x-amz-target", "AmazonSQS.ListQueues");
    let mut client = client();
    client.send(sqs().body("{}".into()).unwrap());
    let code = "MissingAuthenticationToken";
    client.fails(403, "MissingAuthenticationTokenException", code, "Request is missing Authentication Token");
    client.send(sqs().header("authorization", "AWS4-HMAC-SHA256 Credential=test").body("{}".into()).unwrap());
    let message =
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.";
    client.fails(403, "IncompleteSignatureException", "IncompleteSignature", message);
    client.send(get("/?Action=GetCallerIdentity"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text.contains("<Code>MissingAuthenticationToken</Code>")), (403, true));
}

#[test]
fn what_is_not_built_says_so_at_once() {
    let mut client = client();
    client.ask("StartMessageMoveTask", json!({"SourceArn": "x"}));
    let code = "AWS.SimpleQueueService.UnsupportedOperation";
    client.fails(400, "UnsupportedOperation", code, "StartMessageMoveTask is not implemented by this endpoint.");
    client.ask("Nonsense", json!({}));
    let message = "The operation Nonsense is not known to this endpoint.";
    client.fails(400, "UnknownOperationException", "UnknownOperation", message);
    client.send(signed(Request::post("/").header("x-amz-target", "Kinesis_20131202.ListStreams"), "{}"));
    let message = "The operation Kinesis_20131202.ListStreams is not known to this endpoint.";
    client.fails(400, "UnknownOperationException", "UnknownOperation", message);

    client.send(get("/?Action=SendMessage&Version=2012-11-05&MessageBody=x"));
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.content_type), (400, "text/xml"));
    assert!(answer.text.contains("<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>"), "{}", answer.text);
    assert!(answer.text.contains("AWS JSON 1.0 protocol only") && answer.text.contains("<Detail/>"));
    client.send(get("/?Action=Publish&Version=2010-03-31"));
    assert!(client.answer().text.contains("<Code>InvalidAction</Code>"));

    client.send(get("/"));
    let answer = client.answer();
    assert_eq!((answer.status, &*answer.text), (404, "<UnknownOperationException/>"));
    let json = Request::post("/").header("content-type", "application/x-amz-json-1.0").body("{}".into()).unwrap();
    client.send(json);
    let answer = client.answer();
    assert_eq!((answer.status, answer.text.contains("#UnknownOperationException")), (404, true));
}

#[test]
fn garbage_is_refused_in_json() {
    let mut client = client();
    for body in ["{", "[]", "\"x\"", r#"{"QueueUrl": 1}"#, r#"{"MaxNumberOfMessages": "1"}"#, "\u{0}"] {
        client.ask_text("ReceiveMessage", body.to_owned());
        let answer = client.answer();
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text.contains("#SerializationException"), "{body}: {}", answer.text);
    }
    client.ask_text("ReceiveMessage", String::new());
    let message = "The request must contain the parameter QueueUrl.";
    client.fails(400, "MissingRequiredParameterException", "MissingParameter", message);
    client.ask("ReceiveMessage", json!({"QueueUrl": "http://localhost:4566"}));
    let message = "The address http://localhost:4566 is not valid for this endpoint.";
    client.fails(404, "InvalidAddress", "InvalidAddress", message);
}

#[track_caller]
fn enters(client: &mut Client, expected: &str, namespace: u16) {
    match client.command() {
        Command::Enter { token, name } => {
            assert_eq!(name.to_text(), expected);
            client.reply(token, Reply::Namespace(Namespace(namespace)));
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn namespace_of_fetch(client: &mut Client) -> u16 {
    match client.command() {
        Command::Fetch(fetch) => {
            client.apply(crate::harness::drained());
            assert_eq!(client.success(), json!({}));
            match fetch.queue {
                model::QueueRef::Named(namespace, _) => namespace.0,
                model::QueueRef::Id(id) => panic!("{id:?}"),
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_account_and_region_is_a_namespace_that_is_entered_once() {
    let mut client = client();
    let receive = |url: &str| json!({"QueueUrl": url, "WaitTimeSeconds": 0});
    client.ask("ReceiveMessage", receive(URL));
    assert_eq!(namespace_of_fetch(&mut client), 0, "the first account in the configured region");
    client.region = "eu-west-1".to_owned();
    client.ask("ReceiveMessage", receive(URL));
    enters(&mut client, "000000000000/eu-west-1", 3);
    assert_eq!(namespace_of_fetch(&mut client), 3);
    client.ask("ReceiveMessage", receive("http://any.host/000000000000/orders"));
    assert_eq!(namespace_of_fetch(&mut client), 3, "it is remembered");
    client.access_key = "123456789012".to_owned();
    client.ask("ReceiveMessage", receive("orders"));
    enters(&mut client, "123456789012/eu-west-1", 4);
    assert_eq!(namespace_of_fetch(&mut client), 4, "a bare name is the caller's own queue");
    client.ask("ReceiveMessage", receive(URL));
    assert_eq!(namespace_of_fetch(&mut client), 3, "a URL names its account");
}

#[test]
fn a_closed_connection_gives_up_its_receive() {
    let mut client = client();
    client.ask("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    assert!(matches!(client.command(), Command::Fetch(_)));
    client.close();
    let commands = client.commands();
    assert!(matches!(commands[..], [Command::Cancel { .. }]), "{commands:?}");
    assert!(!client.is_answered());
}

#[test]
fn the_broker_may_end_a_connection_and_stale_effects_are_dropped() {
    let mut client = client();
    client.apply(crate::harness::drained());
    client.ask("GetQueueUrl", json!({"QueueName": "orders"}));
    client.apply(crate::harness::drained());
    client.reply(model::Token(u64::MAX), Reply::Done);
    assert!(!client.is_answered());
    client.describe(orders());
    assert_eq!(client.success(), json!({"QueueUrl": URL}));
    client.ask("ReceiveMessage", json!({"QueueUrl": URL, "WaitTimeSeconds": 20}));
    client.apply(Effect::Close { reason: CloseReason::ShuttingDown });
    assert_eq!(client.answer().status, 503);
}
