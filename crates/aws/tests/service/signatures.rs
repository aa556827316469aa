//! What is shown to the shell of requests that botocore signed, and what no right signature makes good.

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::Request;
use model::{CloseReason, Command, Effect, Name, Refusal, Reply};
use serde_json::json;
use sha2::Sha256;

use crate::harness::{Client, START, URL, client};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// A request of 2027-01-15T08:00:00Z, which is `START`.
struct Vector {
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// Of its `Authorization`, if it has one.
    service: &'static str,
    signed: &'static str,
    signature: &'static str,
    body: &'static str,
}

const DATE: (&str, &str) = ("x-amz-date", "20270115T080000Z");
const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

/// botocore 1.43.11 as `AKIAIOSFODNN7EXAMPLE` in eu-west-1, to `http://localhost:4566`.
const SENT: Vector = Vector {
    target: "/",
    headers: &[DATE, JSON, ("x-amz-target", "AmazonSQS.SendMessage"), ("x-amzn-query-mode", "true")],
    service: "sqs",
    signed: "content-type;host;x-amz-date;x-amz-target;x-amzn-query-mode",
    signature: "7e62156381ccac89cb02f795e055e286db5838fa01534a8199bae86ef0227c21",
    body: "{\"QueueUrl\": \"http://localhost:4566/000000000000/orders\", \"MessageBody\": \"h\\u00e9llo \\\"world\\\"\"}",
};
const HASHED: Vector = Vector {
    target: "/",
    headers: &[
        DATE,
        JSON,
        ("x-amz-target", "AmazonSQS.GetQueueUrl"),
        ("x-amz-content-sha256", "f1b956558f056b898f85cb298d31cff61868ceb2cbc215d164e77d8eb2dfebfd"),
        ("x-spaced", "  a   b "),
    ],
    service: "sqs",
    signed: "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target;x-spaced",
    signature: "774eaba66d22014644577772808c05fdec431c7571a4a3fcc95abd658d649455",
    body: "{\"QueueName\": \"orders\"}",
};
const IDENTITY: Vector = Vector {
    target: "/",
    headers: &[DATE, ("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
    service: "sts",
    signed: "content-type;host;x-amz-date",
    signature: "2df9fd860467eb625e1d06dd1007db56d60d492de1da83f8355d507589bc26fe",
    body: "Action=GetCallerIdentity&Version=2011-06-15",
};
const PRESIGNED: Vector = Vector {
    target: "/?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20270115%2Feu-west-1%2Fsqs%2Faws4_request\
             &X-Amz-Date=20270115T080000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-amz-target\
             &X-Amz-Signature=9a98e0e4fc657c51590c93ffeb1fee5cbfa28056b50bcdd18a96701fc2dd6ea2",
    headers: &[("x-amz-target", "AmazonSQS.ListQueues")],
    service: "",
    signed: "",
    signature: "",
    body: "",
};
/// This one with `GET`.
const PRESIGNED_IDENTITY: Vector = Vector {
    target: "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20270115%2Feu-west-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20270115T080000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=bd7a77ae449d23c3ccbddde9598a28e360e57618afa979ccefe13637ddc6cfaa",
    headers: &[],
    service: "",
    signed: "",
    signature: "",
    body: "",
};

impl Vector {
    fn request(&self) -> Request<Bytes> {
        let method = if self.headers.is_empty() { "GET" } else { "POST" };
        let mut request = Request::builder().method(method).uri(self.target).header("host", "localhost:4566");
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        if !self.service.is_empty() {
            let scope = format!("AKIAIOSFODNN7EXAMPLE/20270115/eu-west-1/{}/aws4_request", self.service);
            let (signed, signature) = (self.signed, self.signature);
            let claim = format!("Credential={scope}, SignedHeaders={signed}, Signature={signature}");
            request = request.header("authorization", format!("AWS4-HMAC-SHA256 {claim}"));
        }
        request.body(Bytes::from(self.body)).unwrap()
    }
}

/// Whether the owner of the secret signed what was last shown to the shell.
fn is_signed(client: &Client) -> bool {
    let shown = client.shown.as_ref().unwrap();
    assert_eq!(shown.access_key, "AKIAIOSFODNN7EXAMPLE");
    let code = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key = shown.scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| code(&key, part));
    let digits: String = code(&key, &shown.string_to_sign).iter().map(|byte| format!("{byte:02x}")).collect();
    digits == shown.signature
}

/// One whose logins are looked at.
fn known() -> Client {
    let mut client = client();
    client.login = Ok(Reply::Authenticated { user: Name::from("ann"), account: None, last_message: None });
    client
}

#[test]
fn signatures_of_botocore_are_shown_as_they_were_made() {
    for (n, vector) in [SENT, HASHED, IDENTITY, PRESIGNED, PRESIGNED_IDENTITY].iter().enumerate() {
        let mut client = known();
        client.send(vector.request());
        assert!(is_signed(&client), "request {n}");
        assert_eq!(client.shown.as_ref().unwrap().scope.split('/').nth(1), Some("eu-west-1"));
        if client.is_answered() {
            assert_eq!(client.answer().status, 200, "request {n}");
        } else {
            assert_eq!(client.commands().len(), 1, "it is carried out");
        }
    }
}

#[test]
fn whatever_is_signed_cannot_be_changed() {
    let changes: [fn(&mut Request<Bytes>); 6] = [
        |request| *request.body_mut() = Bytes::from_static(b"{\"QueueName\": \"others\"}"),
        |request| *request.method_mut() = http::Method::PUT,
        |request| *request.uri_mut() = "/?Action=GetCallerIdentity".parse().unwrap(),
        |request| *request.uri_mut() = "/000000000000/orders".parse().unwrap(),
        |request| drop(request.headers_mut().insert("host", "other".parse().unwrap())),
        |request| drop(request.headers_mut().insert("x-amz-target", "AmazonSQS.PurgeQueue".parse().unwrap())),
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut client = client();
        let mut request = HASHED.request();
        change(&mut request);
        client.login = Err(Refusal::Login);
        client.send(request);
        assert!(!is_signed(&client), "change {n}");
        assert!(client.is_answered() && client.commands().is_empty(), "change {n}");
    }
}

/// What becomes of a request whose signature is right: code and text of the refusal.
fn doubt_of(client: &mut Client, request: Request<Bytes>) -> (u16, String, String) {
    client.send(request);
    assert!(client.commands().is_empty(), "nothing is done");
    let answer = client.answer();
    if answer.text.starts_with('<') {
        let inside =
            |tag: &str| answer.text.split(&format!("<{tag}>")).nth(1).unwrap().split('<').next().unwrap().into();
        return (answer.status, inside("Code"), inside("Message"));
    }
    let body: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    let code = answer.query_error.unwrap().split(';').next().unwrap().to_owned();
    (answer.status, code, body["message"].as_str().unwrap().to_owned())
}

#[test]
fn clocks_may_differ_by_fifteen_minutes() {
    const QUARTER: u64 = 900_000;
    let expired =
        "Signature expired: 20270115T080000Z is now earlier than 20270115T080001Z (20270115T081501Z - 15 min.)";
    let early =
        "Signature not yet current: 20270115T080000Z is still later than 20270115T075959Z (20270115T074459Z + 15 min.)";
    for vector in [&HASHED, &IDENTITY] {
        for (now, text) in [(START.0 + QUARTER + 1_000, expired), (START.0 - QUARTER - 1_000, early)] {
            let mut client = known();
            client.now = model::Time(now);
            let doubt = doubt_of(&mut client, vector.request());
            assert_eq!(doubt, (403, "SignatureDoesNotMatch".to_owned(), text.to_owned()));
        }
    }
    for now in [START.0 + QUARTER, START.0 - QUARTER] {
        let mut client = known();
        client.now = model::Time(now);
        client.send(HASHED.request());
        assert_eq!(client.commands().len(), 1);
    }
    let mut client = known();
    client.now = START.plus(61_000);
    let doubt = doubt_of(&mut client, PRESIGNED.request());
    assert_eq!(doubt, (400, "RequestExpired".to_owned(), "Request has expired.".to_owned()));
    client.now = START.plus(QUARTER + 1_000);
    assert_eq!(doubt_of(&mut client, PRESIGNED_IDENTITY.request()).1, "SignatureDoesNotMatch");
    client.now = START.plus(60_000);
    client.send(PRESIGNED_IDENTITY.request());
    assert_eq!(client.answer().status, 200);
}

#[test]
fn what_a_signature_does_not_cover_is_doubted() {
    let header = |request: &mut Request<Bytes>, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().unwrap());
    };
    let signed = |request: &mut Request<Bytes>, from: &str, to: &str| {
        let text = request.headers()["authorization"].to_str().unwrap().replacen(from, to, 1);
        request.headers_mut().insert("authorization", text.parse().unwrap());
    };
    let unsigned = "must be a 'SignedHeader' in the AWS Authorization.";
    let digest = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    type Change<'c> = &'c dyn Fn(&mut Request<Bytes>);
    let cases: [(Change<'_>, &str, &str); 13] = [
        (&|it| header(it, "x-amz-content-sha256", &"0".repeat(64)), "XAmzContentSHA256Mismatch", digest),
        (&|it| header(it, "x-amz-content-sha256", "UNSIGNED-PAYLOAD"), "XAmzContentSHA256Mismatch", digest),
        (
            &|it| header(it, "x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            "XAmzContentSHA256Mismatch",
            digest,
        ),
        (&|it| signed(it, ";x-amz-target", ""), "SignatureDoesNotMatch", unsigned),
        (&|it| signed(it, ";host", ""), "SignatureDoesNotMatch", unsigned),
        (&|it| signed(it, "x-spaced", "x-spaced;x-was-never-sent"), "SignatureDoesNotMatch", "does not match the sig"),
        (&|it| signed(it, "x-spaced", "x-spaced;host"), "SignatureDoesNotMatch", "does not match the sig"),
        (&|it| signed(it, "/sqs/", "/sts/"), "SignatureDoesNotMatch", "scoped to correct service: 'sqs'"),
        (&|it| signed(it, "20270115", "20270114"), "SignatureDoesNotMatch", "Date in Credential scope"),
        (&|it| header(it, "x-amz-date", "20270115T0800Z"), "IncompleteSignature", "ISO-8601 'basic format'"),
        (&|it| header(it, "x-amz-date", "Fri, 15 Jan 2027"), "SignatureDoesNotMatch", "Date in Credential scope"),
        (&|it| drop(it.headers_mut().remove("x-amz-date")), "IncompleteSignature", "'X-Amz-Date'"),
        (&|it| drop(it.headers_mut().remove("x-spaced")), "SignatureDoesNotMatch", "does not match the sig"),
    ];
    for (n, (change, code, text)) in cases.iter().enumerate() {
        let doubted = || {
            let mut request = HASHED.request();
            change(&mut request);
            request
        };
        let mut client = known();
        let (_, found, said) = doubt_of(&mut client, doubted());
        assert!(found == *code && said.contains(text), "case {n}: {found}: {said}");
        client.login = Err(Refusal::Login);
        assert_eq!(doubt_of(&mut client, doubted()).1, *code, "case {n}: the cause is told even so");
        // Where nobody is known, signatures are not verified, and need not be good.
        let mut client = crate::harness::client();
        client.send(doubted());
        assert_eq!(client.commands().len(), 1, "case {n}");
    }
}

/// A link that lets anybody ask who its owner is must not let him ask for more.
#[test]
fn a_presigned_link_is_good_for_its_own_operation_only() {
    let mut client = known();
    let mut request = PRESIGNED_IDENTITY.request();
    request.headers_mut().insert("x-amz-target", "AmazonSQS.ListQueues".parse().unwrap());
    let (status, code, _) = doubt_of(&mut client, request);
    assert_eq!((status, &*code), (403, "SignatureDoesNotMatch"));
}

#[test]
fn refused_logins_are_told_in_both_protocols() {
    let denial = model::Denial::new("ann", model::Action::Enter, &model::What::Namespace);
    for (refusal, status, code, text) in [
        (Refusal::Login, 403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        (Refusal::LoginUnavailable("no directory".to_owned()), 503, "ServiceUnavailable", ""),
        (Refusal::Denied(Box::new(denial)), 403, "AccessDenied", ""),
    ] {
        for vector in [&SENT, &PRESIGNED, &IDENTITY, &PRESIGNED_IDENTITY] {
            let mut client = client();
            client.login = Err(refusal.clone());
            let (found_status, found, said) = doubt_of(&mut client, vector.request());
            assert_eq!((found_status, &*found), (status, code));
            assert!(said.starts_with(text) && !said.contains("directory"), "{said}");
        }
    }
    let mut client = client();
    client.login = Err(Refusal::Login);
    client.send(SENT.request());
    assert!(client.answer().text.contains("com.amazon.coral.service#UnrecognizedClientException"));
    client.login = Ok(Reply::Done);
    assert_eq!(doubt_of(&mut client, IDENTITY.request()).0, 500);
}

#[test]
fn every_request_is_verified_and_waits_for_its_answer() {
    let mut client = client();
    client.holds = true;
    for _ in 0..2 {
        client.send(SENT.request());
        let Command::Authenticate(login) = client.command() else { panic!("no login") };
        client.apply(crate::harness::drained());
        client.apply(Effect::Challenge { token: login.token, challenge: Bytes::new() });
        client.apply(Effect::Reply { token: model::Token(u64::MAX), reply: Ok(Reply::Done) });
        assert!(!client.is_answered() && client.commands().is_empty());
        client.reply(login.token, Reply::Authenticated { user: Name::default(), account: None, last_message: None });
        let Command::Publish(_) = entered(&mut client) else { panic!("no message") };
        client.apply(Effect::Close { reason: CloseReason::ShuttingDown });
        assert_eq!(client.answer().status, 503);
    }
    client.send(SENT.request());
    client.commands();
    client.apply(Effect::Close { reason: CloseReason::Revoked });
    assert_eq!(client.answer().status, 503);
    client.send(SENT.request());
    client.commands();
    client.close();
    assert!(!client.is_answered() && client.commands().is_empty());
}

/// The command after the namespace is known.
fn entered(client: &mut Client) -> Command {
    match client.command() {
        Command::Enter { token, .. } => {
            client.reply(token, Reply::Namespace(model::Namespace(3)));
            client.command()
        }
        other => other,
    }
}

#[test]
fn the_shell_may_say_whose_account_it_is() {
    let mut client = client();
    client.login = Ok(Reply::Authenticated {
        user: Name::from("ann"),
        account: Some("000000000042".to_owned()),
        last_message: None,
    });
    client.send(IDENTITY.request());
    let text = client.answer().text;
    for part in
        ["<Arn>arn:aws:iam::000000000042:user/ann</Arn>", "<UserId>ann</UserId>", "<Account>000000000042</Account>"]
    {
        assert!(text.contains(part), "{text}");
    }
    client.ask("GetQueueUrl", json!({"QueueName": "orders"}));
    let Command::Enter { name, .. } = client.command() else { panic!("the account is a namespace") };
    assert_eq!(name.to_text(), "000000000042/us-east-1");
    client.close();

    client.login = Ok(Reply::Authenticated { user: Name::from("bob"), account: None, last_message: None });
    client.access_key = "123456789012".to_owned();
    client.ask("SendMessage", json!({"QueueUrl": "orders", "MessageBody": "x"}));
    let Command::Publish(publish) = client.command() else { panic!("no message") };
    assert_eq!(publish.message.address.namespace.0, 0, "a key is no account where users are known: {URL}");
}
