//! AMQP 0-9-1 frames: written beforehand, and read without copying (specification 4.2).

use thiserror::Error;

use crate::workload::batch::Template;

pub const PROTOCOL: [u8; 8] = *b"AMQP\0\0\x09\x01";
pub const METHOD: u8 = 1;
pub const HEADER: u8 = 2;
pub const BODY: u8 = 3;
/// Type, channel and size before the payload, and one byte behind it.
pub const OVERHEAD: usize = 8;
/// The only channel that carries anything but the connection's own methods.
pub const CHANNEL: u16 = 1;

const HEAD: usize = OVERHEAD - 1;
const END: u8 = 0xce;
/// No broker sends longer frames unless it was asked to.
const SIZE_LIMIT: usize = 512 << 10;
const BASIC: u16 = 60;
const DELIVERY_MODE: u16 = 0x1000;
const PERSISTENT: u8 = 2;

/// Class and method.
pub type Id = (u16, u16);

pub const CONNECTION_START: Id = (10, 10);
pub const CONNECTION_START_OK: Id = (10, 11);
pub const CONNECTION_TUNE: Id = (10, 30);
pub const CONNECTION_TUNE_OK: Id = (10, 31);
pub const CONNECTION_OPEN: Id = (10, 40);
pub const CONNECTION_OPEN_OK: Id = (10, 41);
pub const CONNECTION_CLOSE: Id = (10, 50);
pub const CHANNEL_OPEN: Id = (20, 10);
pub const CHANNEL_OPEN_OK: Id = (20, 11);
pub const CHANNEL_CLOSE: Id = (20, 40);
pub const QUEUE_DECLARE: Id = (50, 10);
pub const QUEUE_DECLARE_OK: Id = (50, 11);
pub const BASIC_QOS: Id = (BASIC, 10);
pub const BASIC_QOS_OK: Id = (BASIC, 11);
pub const BASIC_CONSUME: Id = (BASIC, 20);
pub const BASIC_CONSUME_OK: Id = (BASIC, 21);
pub const BASIC_PUBLISH: Id = (BASIC, 40);
pub const BASIC_DELIVER: Id = (BASIC, 60);
pub const BASIC_ACK: Id = (BASIC, 80);
pub const CONFIRM_SELECT: Id = (85, 10);
pub const CONFIRM_SELECT_OK: Id = (85, 11);

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("a frame of {0} bytes")]
    Size(usize),
    #[error("a frame does not end where it says")]
    End,
    #[error("a method is shorter than its own fields")]
    Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub kind: u8,
    pub payload: &'a [u8],
}

/// The first frame of `input` and its length in bytes; `None` while it is incomplete.
pub fn next(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, Malformed> {
    let Some(&[kind, _, _, a, b, c, d]) = input.first_chunk::<HEAD>() else { return Ok(None) };
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    if size > SIZE_LIMIT {
        return Err(Malformed::Size(size));
    }
    let Some(rest) = input.get(HEAD..HEAD + size + 1) else { return Ok(None) };
    if rest[size] != END {
        return Err(Malformed::End);
    }
    Ok(Some((Frame { kind, payload: &rest[..size] }, OVERHEAD + size)))
}

impl<'a> Frame<'a> {
    /// Class and method, and the arguments behind them.
    pub fn method(self) -> Result<(Id, &'a [u8]), Malformed> {
        let (class, rest) = self.payload.split_first_chunk().ok_or(Malformed::Method)?;
        let (method, arguments) = rest.split_first_chunk().ok_or(Malformed::Method)?;
        Ok(((u16::from_be_bytes(*class), u16::from_be_bytes(*method)), arguments))
    }

    /// Of a content header: how many bytes the body has.
    pub fn body_size(self) -> Result<u64, Malformed> {
        let size = self.payload.get(4..).and_then(<[u8]>::first_chunk).ok_or(Malformed::Method)?;
        Ok(u64::from_be_bytes(*size))
    }
}

/// A short string, and what follows it.
pub fn short(input: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (len, rest) = input.split_first().ok_or(Malformed::Method)?;
    rest.split_at_checked(usize::from(*len)).ok_or(Malformed::Method)
}

/// Delivery tag and the bit `multiple` of an acknowledgement.
pub fn acknowledgement(arguments: &[u8]) -> Result<(u64, bool), Malformed> {
    let (tag, rest) = arguments.split_first_chunk().ok_or(Malformed::Method)?;
    let bits = rest.first().ok_or(Malformed::Method)?;
    Ok((u64::from_be_bytes(*tag), bits & 1 == 1))
}

pub fn method((class, method): Id, channel: u16, arguments: &[u8]) -> Vec<u8> {
    let payload = [&class.to_be_bytes(), &method.to_be_bytes(), arguments].concat();
    frame(METHOD, channel, &payload)
}

pub fn write_ack(tag: u64, multiple: bool, out: &mut Vec<u8>) {
    let [_, class, _, method] = [0, BASIC_ACK.0 as u8, 0, BASIC_ACK.1 as u8];
    out.extend_from_slice(&[METHOD, 0, CHANNEL as u8, 0, 0, 0, 13, 0, class, 0, method]);
    out.extend_from_slice(&tag.to_be_bytes());
    out.extend_from_slice(&[u8::from(multiple), END]);
}

/// A message of `size` bytes to `queue` through the default exchange, in frames of at most `frame_max` bytes.
pub fn publish(queue: &str, durable: bool, size: usize, frame_max: usize) -> Template {
    let arguments = [&[0, 0, 0], &string(queue)[..], &[0]].concat();
    let mut bytes = method(BASIC_PUBLISH, CHANNEL, &arguments);
    let mut header = [&BASIC.to_be_bytes()[..], &[0, 0], &(size as u64).to_be_bytes()].concat();
    if durable {
        header.extend_from_slice(&DELIVERY_MODE.to_be_bytes());
        header.push(PERSISTENT);
    } else {
        header.extend_from_slice(&[0, 0]);
    }
    bytes.extend_from_slice(&frame(HEADER, CHANNEL, &header));
    let payload_at = bytes.len() + HEAD;
    for part in vec![b'x'; size].chunks(frame_max - OVERHEAD) {
        bytes.extend_from_slice(&frame(BODY, CHANNEL, part));
    }
    Template { bytes, numbers: Vec::new(), payload_at }
}

pub fn string(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).expect("names made here are short");
    [&[len], text.as_bytes()].concat()
}

pub fn long_string(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&channel.to_be_bytes());
    bytes.extend_from_slice(&long_string(payload));
    bytes.push(END);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::batch::Batch;
    use crate::workload::stamp::Stamp;

    #[test]
    fn a_published_message_reads_back_from_several_frames() {
        let template = publish("q", true, 100, 60);
        let mut batch = Batch::new(&template, 1);
        let mut rest = batch.patch(1, 3, 7, 99);
        let mut take = || {
            let (frame, len) = next(rest).unwrap().unwrap();
            rest = &rest[len..];
            (frame, len)
        };
        let (frame, _) = take();
        assert_eq!(frame.method().unwrap(), (BASIC_PUBLISH, &[0, 0, 0, 1, b'q', 0][..]));
        let (frame, _) = take();
        assert_eq!((frame.kind, frame.body_size()), (HEADER, Ok(100)));
        assert_eq!(frame.payload[12..], [0x10, 0, 2]);
        let (first, len) = take();
        assert_eq!((first.kind, len), (BODY, 60));
        assert_eq!(Stamp::read(first.payload), Some(Stamp { nanos: 99, sender: 3, number: 7 }));
        let (second, _) = take();
        assert_eq!(first.payload.len() + second.payload.len(), 100);
        assert!(rest.is_empty());
    }

    #[test]
    fn acknowledgements_as_in_the_standard() {
        let mut bytes = Vec::new();
        write_ack(0x0102, true, &mut bytes);
        let arguments = [0, 0, 0, 0, 0, 0, 1, 2, 1];
        assert_eq!(bytes, method(BASIC_ACK, CHANNEL, &arguments));
        let (frame, _) = next(&bytes).unwrap().unwrap();
        assert_eq!(frame.method(), Ok((BASIC_ACK, &arguments[..])));
        assert_eq!(acknowledgement(&arguments), Ok((0x0102, true)));
    }

    #[test]
    fn cut_and_hostile_frames() {
        let bytes = method(CHANNEL_OPEN, 1, &[0]);
        for cut in 0..bytes.len() {
            assert_eq!(next(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let mut wrong = bytes.clone();
        *wrong.last_mut().unwrap() = 0;
        assert_eq!(next(&wrong), Err(Malformed::End));
        assert_eq!(next(&[1, 0, 0, 0xff, 0, 0, 0]), Err(Malformed::Size(0xff00_0000)));
        assert_eq!(Frame { kind: METHOD, payload: &[0, 10, 0] }.method(), Err(Malformed::Method));
        assert_eq!(short(&[3, b'a']), Err(Malformed::Method));
    }
}
