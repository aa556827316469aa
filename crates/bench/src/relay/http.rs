//! Just enough HTTP and SQS to send, receive and delete: one queue for everybody, and no second receive.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::Asked;
use crate::workload::http::{self, Head};

/// Takes all complete requests of `input`; returns their length.
pub(super) fn understand(input: &[u8], queue: &mut VecDeque<Vec<u8>>, asked: &mut Asked) -> io::Result<usize> {
    let mut at = 0;
    while let Some(head) = http::head(&input[at..]).map_err(|_| io::ErrorKind::InvalidData)? {
        let Some(body) = input.get(at + head.len..at + head.len + head.content_length.unwrap_or(0)) else { break };
        let answer = answer(&head, body, queue);
        write!(
            asked.reply,
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        )?;
        asked.reply.extend_from_slice(&answer);
        at += head.len + body.len();
    }
    Ok(at)
}

fn answer(head: &Head<'_>, body: &[u8], queue: &mut VecDeque<Vec<u8>>) -> Vec<u8> {
    match head.header("x-amz-target").and_then(|target| target.strip_prefix("AmazonSQS.")) {
        Some("CreateQueue") => br#"{"QueueUrl":"http://127.0.0.1/000000000000/relay"}"#.to_vec(),
        Some("SendMessage") => {
            queue.extend(message_body(body).map(<[u8]>::to_vec));
            br#"{"MessageId":"0","MD5OfMessageBody":"0"}"#.to_vec()
        }
        Some("ReceiveMessage") => match queue.pop_front() {
            Some(body) => [br#"{"Messages":[{"ReceiptHandle":"0","Body":""#, &body[..], br#""}]}"#].concat(),
            None => b"{}".to_vec(),
        },
        _ => br#"{"Successful":[],"Failed":[]}"#.to_vec(),
    }
}

/// The string behind `"MessageBody":"`; the generator's bodies hold no escapes.
fn message_body(request: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = br#""MessageBody":""#;
    let from = request.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let len = request[from..].iter().position(|byte| *byte == b'"')?;
    Some(&request[from..from + len])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(action: &str, body: &str) -> Vec<u8> {
        let len = body.len();
        format!("POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.{action}\r\nContent-Length: {len}\r\n\r\n{body}")
            .into_bytes()
    }

    #[test]
    fn what_is_sent_is_received_once() {
        let mut queue = VecDeque::new();
        let mut asked = Asked::default();
        let send = request("SendMessage", r#"{"QueueUrl":"u","MessageBody":"hello"}"#);
        let input = [&send[..], &request("ReceiveMessage", "{}"), &request("ReceiveMessage", "{}"), b"POST"].concat();
        assert_eq!(understand(&input, &mut queue, &mut asked).unwrap(), input.len() - 4);
        let reply = String::from_utf8(asked.reply).unwrap();
        assert_eq!(reply.matches(r#""Body":"hello""#).count(), 1);
        assert_eq!(reply.matches("HTTP/1.1 200 OK").count(), 3);
    }

    #[test]
    fn a_cut_body_is_awaited() {
        let send = request("SendMessage", r#"{"MessageBody":"hello"}"#);
        let mut queue = VecDeque::new();
        let used = understand(&send[..send.len() - 1], &mut queue, &mut Asked::default()).unwrap();
        assert_eq!((used, queue.len()), (0, 0));
    }
}
