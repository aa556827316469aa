//! One SQS queue and the requests to it: AWS JSON 1.0, bodies that say who sent them and as which number.

use std::borrow::Cow;
use std::io::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use super::http::Client;
use super::signer::{AccessKey, PLACE, SIGNED_HEADERS, Signer, TARGET};

/// A body begins with so many hexadecimal digits: four of the sender, twelve of the number.
pub const TAG_LEN: usize = 16;

/// No message comes back by itself within a run.
const VISIBILITY_SECONDS: &str = "600";

pub struct Queue {
    address: SocketAddr,
    /// As a JSON string, quotes included.
    url: String,
    signer: Signer,
    /// Otherwise the signatures have the form of one and are none.
    signs: bool,
}

/// What a body says about its sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub sender: u16,
    pub number: u64,
}

/// A SendMessage, written once and patched in place.
pub struct SendRequest {
    bytes: Vec<u8>,
    tag_at: usize,
    sender: u16,
    signer: Option<Signer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Received<'a> {
    #[serde(borrow)]
    body: Cow<'a, str>,
    #[serde(borrow)]
    receipt_handle: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveAnswer<'a> {
    #[serde(borrow, default)]
    messages: Option<Vec<Received<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAnswer {
    queue_url: String,
}

impl Queue {
    pub fn create(address: SocketAddr, name: &str, key: Option<&AccessKey>) -> Result<Self> {
        let signer = Signer::new(key.unwrap_or(&AccessKey::default()), address)?;
        let mut queue = Self { address, url: String::new(), signer, signs: key.is_some() };
        let attributes = json!({ "VisibilityTimeout": VISIBILITY_SECONDS });
        let body = json!({ "QueueName": name, "Attributes": attributes }).to_string();
        let answer = queue.ask("CreateQueue", &body)?;
        let answer: CreateAnswer = serde_json::from_slice(&answer).context("the answer to CreateQueue")?;
        queue.url = serde_json::to_string(&answer.queue_url)?;
        Ok(queue)
    }

    pub fn delete(&self) -> Result<()> {
        self.ask("DeleteQueue", &format!(r#"{{"QueueUrl":{}}}"#, self.url)).map(|_| ())
    }

    pub const fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// The body of the answer.
    pub fn exchange(&self, client: &mut Client, request: &[u8]) -> Result<Vec<u8>> {
        let response = client.exchange(request)?;
        let shown = &response.body[..response.body.len().min(300)];
        ensure!(response.status == 200, "status {}: {}", response.status, String::from_utf8_lossy(shown));
        Ok(response.body)
    }

    pub fn send_request(&self, sender: u16, size: usize) -> SendRequest {
        assert!(size >= TAG_LEN, "a body holds its tag");
        let front = format!(r#"{{"QueueUrl":{},"MessageBody":""#, self.url);
        let mut bytes = Vec::new();
        self.write("SendMessage", format_args!(r#"{front}{:x<size$}"}}"#, ""), &mut bytes);
        let tag_at = bytes.len() - size - r#""}"#.len();
        SendRequest { bytes, tag_at, sender, signer: self.signs.then(|| self.signer.clone()) }
    }

    pub fn write_receive(&self, at_most: u8, request: &mut Vec<u8>) {
        let url = &self.url;
        self.write("ReceiveMessage", format_args!(r#"{{"QueueUrl":{url},"MaxNumberOfMessages":{at_most}}}"#), request);
    }

    pub fn write_delete(&self, message: &Received<'_>, request: &mut Vec<u8>) -> Result<()> {
        let (url, handle) = (&self.url, serde_json::to_string(&message.receipt_handle)?);
        self.write("DeleteMessage", format_args!(r#"{{"QueueUrl":{url},"ReceiptHandle":{handle}}}"#), request);
        Ok(())
    }

    pub fn write_delete_batch(&self, messages: &[Received<'_>], request: &mut Vec<u8>) -> Result<()> {
        let entry = |(index, message): (usize, &Received<'_>)| json!({ "Id": index.to_string(), "ReceiptHandle": message.receipt_handle });
        let entries = serde_json::to_string(&messages.iter().enumerate().map(entry).collect::<Vec<_>>())?;
        let url = &self.url;
        self.write("DeleteMessageBatch", format_args!(r#"{{"QueueUrl":{url},"Entries":{entries}}}"#), request);
        Ok(())
    }

    fn ask(&self, action: &str, body: &str) -> Result<Vec<u8>> {
        let mut request = Vec::new();
        self.write(action, format_args!("{body}"), &mut request);
        self.exchange(&mut self.client(), &request).with_context(|| action.to_owned())
    }

    /// Replaces `request` by a whole request.
    fn write(&self, action: &str, body: std::fmt::Arguments<'_>, request: &mut Vec<u8>) {
        let body = body.to_string();
        let Signer { date, credential, .. } = &self.signer;
        request.clear();
        write!(
            request,
            "POST / HTTP/1.1\r\nHost: {}\r\n{TARGET}AmazonSQS.{action}\r\n\
             X-Amz-Date: {date}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential={credential}, \
             SignedHeaders={SIGNED_HEADERS}, {PLACE}{:0>64}\r\n\
             Content-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            0,
            body.len()
        )
        .expect("writing to memory does not fail");
        if self.signs {
            self.signer.sign(request);
        }
    }
}

impl SendRequest {
    /// The request for this sender's message `number`.
    pub fn patch(&mut self, number: u64) -> &[u8] {
        let tag = &mut self.bytes[self.tag_at..self.tag_at + TAG_LEN];
        write!(&mut *tag, "{:04x}{number:012x}", self.sender).expect("the tag is sixteen digits");
        if let Some(signer) = &self.signer {
            signer.sign(&mut self.bytes);
        }
        &self.bytes
    }
}

impl<'a> Received<'a> {
    /// The messages in an answer to ReceiveMessage.
    pub fn parse(answer: &'a [u8]) -> Result<Vec<Self>> {
        let answer: ReceiveAnswer<'a> = serde_json::from_slice(answer).context("the answer to ReceiveMessage")?;
        Ok(answer.messages.unwrap_or_default())
    }

    pub fn tag(&self) -> Result<Tag> {
        let (sender, rest) = self.body.split_at_checked(4).context("a body without a tag arrived")?;
        let number = rest.get(..TAG_LEN - 4).context("a body without a tag arrived")?;
        Ok(Tag { sender: u16::from_str_radix(sender, 16)?, number: u64::from_str_radix(number, 16)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::http;

    fn queue() -> Queue {
        let address = "127.0.0.1:1".parse().unwrap();
        let signer = Signer::new(&AccessKey::default(), address).unwrap();
        Queue { address, url: r#""http://h/0/q""#.to_owned(), signer, signs: false }
    }

    fn body(request: &[u8]) -> serde_json::Value {
        let head = http::head(request).unwrap().unwrap();
        assert_eq!(request.len(), head.len + head.content_length.unwrap());
        serde_json::from_slice(&request[head.len..]).unwrap()
    }

    #[test]
    fn a_send_is_patched_in_place() {
        let mut send = queue().send_request(0xabc, 20);
        send.patch(7);
        let sent = body(send.patch(255));
        assert_eq!(sent, json!({ "QueueUrl": "http://h/0/q", "MessageBody": "0abc0000000000ffxxxx" }));
    }

    #[test]
    fn a_request_has_the_headers_of_an_sdk() {
        let mut request = Vec::new();
        queue().write_receive(1, &mut request);
        let head = http::head(&request).unwrap().unwrap();
        assert_eq!(head.start, "POST / HTTP/1.1");
        assert_eq!(head.header("x-amz-target"), Some("AmazonSQS.ReceiveMessage"));
        assert_eq!(head.header("content-type"), Some("application/x-amz-json-1.0"));
        assert!(head.header("authorization").unwrap().starts_with("AWS4-HMAC-SHA256 Credential=test/"));
        assert_eq!(body(&request), json!({ "QueueUrl": "http://h/0/q", "MaxNumberOfMessages": 1 }));
    }

    #[test]
    fn what_is_received_is_deleted_by_its_handle() {
        let answer = br#"{"Messages": [{"MessageId": "m", "ReceiptHandle": "a\/\"b", "Body": "0002000000000009xx"}]}"#;
        let messages = Received::parse(answer).unwrap();
        assert_eq!(messages[0].tag().unwrap(), Tag { sender: 2, number: 9 });
        let mut request = Vec::new();
        queue().write_delete(&messages[0], &mut request).unwrap();
        assert_eq!(body(&request), json!({ "QueueUrl": "http://h/0/q", "ReceiptHandle": "a/\"b" }));
        queue().write_delete_batch(&messages, &mut request).unwrap();
        assert_eq!(body(&request)["Entries"], json!([{ "Id": "0", "ReceiptHandle": "a/\"b" }]));
    }

    #[test]
    fn answers_without_messages() {
        for answer in [&b"{}"[..], br#"{"Messages":[]}"#, br#"{"Messages":null}"#] {
            assert!(Received::parse(answer).unwrap().is_empty());
        }
        let strange = Received { body: "short".into(), receipt_handle: "".into() };
        assert!(strange.tag().is_err());
    }
}
