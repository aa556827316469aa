//! STOMP 1.2 frames: written beforehand, and read without copying.

use thiserror::Error;

use crate::workload::batch::{DIGITS, Number, Template};

/// A header longer than this is not what a broker sends here.
const HEAD_LIMIT: usize = 64 << 10;
const RECEIPT: &str = "receipt:";

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("a header has no end within {HEAD_LIMIT} bytes")]
    Head,
    #[error("the content-length is no number")]
    Length,
    #[error("a body does not end with NUL where it says")]
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub command: &'a [u8],
    /// All header lines, each with its line feed.
    pub headers: &'a [u8],
    pub body: &'a [u8],
}

/// The first frame of `input` and its length in bytes, empty lines before it included; `None` while it is incomplete.
pub fn next(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let skipped = beats(input);
    let input = &input[skipped..];
    let Some(command_len) = memchr::memchr(b'\n', input) else { return limited(input) };
    let (command, headers) = (trimmed(&input[..command_len]), &input[command_len + 1..]);
    let (mut at, mut length) = (0, None);
    loop {
        let Some(len) = memchr::memchr(b'\n', &headers[at..]) else { return limited(headers) };
        let line = trimmed(&headers[at..at + len]);
        if line.is_empty() {
            let body_at = command_len + 1 + at + len + 1;
            let headers = &headers[..at];
            let Some(body) = body(&input[body_at..], length)? else { return Ok(None) };
            return Ok(Some((Frame { command, headers, body }, skipped + body_at + body.len() + 1)));
        }
        if let Some(value) = value(line, b"content-length") {
            length = Some(std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(Malformed::Length)?);
        }
        at += len + 1;
    }
}

/// How many bytes at the start are heart-beats.
pub fn beats(input: &[u8]) -> usize {
    input.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

impl<'a> Frame<'a> {
    /// The first value of a header, as it is on the wire.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut lines = self.headers.split(|byte| *byte == b'\n');
        lines.find_map(|line| value(trimmed(line), name.as_bytes()))
    }
}

pub fn frame(command: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!("{command}\n{lines}\n\0").into_bytes()
}

pub fn write_ack(id: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"ACK\nid:");
    out.extend_from_slice(id);
    out.extend_from_slice(b"\n\n\0");
}

/// A message of `size` bytes; a durable one asks for a receipt.
pub fn send(destination: &str, durable: bool, size: usize) -> Template {
    let mut head = format!("SEND\ndestination:{destination}\ncontent-length:{size}\n");
    let mut numbers = Vec::new();
    if durable {
        head += "persistent:true\n";
        head += RECEIPT;
        numbers.push(Number::Decimal(head.len()));
        head += &"0".repeat(DIGITS);
        head += "\n";
    }
    head += "\n";
    let mut bytes = head.into_bytes();
    let payload_at = bytes.len();
    bytes.resize(payload_at + size, b'x');
    bytes.push(0);
    Template { bytes, numbers, payload_at }
}

fn limited<T>(head: &[u8]) -> Result<Option<T>, Malformed> {
    if head.len() > HEAD_LIMIT { Err(Malformed::Head) } else { Ok(None) }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(name)?.strip_prefix(b":")
}

/// What is before the NUL; `None` while that has not come.
fn body(input: &[u8], length: Option<usize>) -> Result<Option<&[u8]>, Malformed> {
    let Some(length) = length else { return Ok(memchr::memchr(0, input).map(|len| &input[..len])) };
    match input.get(length) {
        None => Ok(None),
        Some(0) => Ok(Some(&input[..length])),
        Some(_) => Err(Malformed::End),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::batch::Batch;
    use crate::workload::stamp::Stamp;

    #[test]
    fn sent_messages_read_back() {
        let mut batch = Batch::new(&send("/queue/q", true, 100), 2);
        let bytes = batch.patch(2, 1, 41, 9).to_vec();
        let (first, len) = next(&bytes).unwrap().unwrap();
        assert_eq!((first.command, first.body.len()), (&b"SEND"[..], 100));
        assert_eq!(first.header("receipt"), Some(&b"000000000041"[..]));
        assert_eq!(first.header("persistent"), Some(&b"true"[..]));
        let (second, more) = next(&bytes[len..]).unwrap().unwrap();
        assert_eq!(Stamp::read(second.body), Some(Stamp { nanos: 9, sender: 1, number: 42 }));
        assert_eq!(len + more, bytes.len());
        for cut in 0..len {
            assert_eq!(next(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn beats_carriage_returns_and_missing_lengths() {
        let bytes = b"\n\r\nMESSAGE\r\na:1\r\na:2\r\n\r\nbody\0\n";
        let (frame, len) = next(bytes).unwrap().unwrap();
        assert_eq!((frame.command, frame.header("a"), frame.body), (&b"MESSAGE"[..], Some(&b"1"[..]), &b"body"[..]));
        assert_eq!((len, next(&bytes[len..])), (bytes.len() - 1, Ok(None)));
    }

    #[test]
    fn hostile_frames_are_refused() {
        assert_eq!(next(b"MESSAGE\ncontent-length:x\n\n"), Err(Malformed::Length));
        assert_eq!(next(b"MESSAGE\ncontent-length:1\n\nab\0"), Err(Malformed::End));
        assert_eq!(next(&vec![b'a'; HEAD_LIMIT + 1]), Err(Malformed::Head));
    }
}
