//! AMQP 1.0 frames and performatives: written beforehand, and read without copying (2.3, 2.7).

use super::value::{self, Described, FALSE, Malformed, NULL, TRUE};
use crate::workload::batch::{Number, Template};

pub const PROTOCOL: [u8; 8] = *b"AMQP\0\x01\0\0";
pub const SASL: [u8; 8] = *b"AMQP\x03\x01\0\0";

pub const OPEN: u64 = 0x10;
pub const BEGIN: u64 = 0x11;
pub const ATTACH: u64 = 0x12;
pub const FLOW: u64 = 0x13;
pub const TRANSFER: u64 = 0x14;
pub const DISPOSITION: u64 = 0x15;
pub const DETACH: u64 = 0x16;
pub const END: u64 = 0x17;
pub const CLOSE: u64 = 0x18;
pub const SASL_MECHANISMS: u64 = 0x40;
pub const SASL_INIT: u64 = 0x41;
pub const SASL_OUTCOME: u64 = 0x44;
pub const ERROR: u64 = 0x1d;

/// What this side takes.
pub const FRAME_MAX: u32 = 128 << 10;
/// Frames that may be under way to this side.
pub const INCOMING_WINDOW: u32 = 1 << 16;

const HEAD: usize = 8;
const SIZE_LIMIT: usize = 512 << 10;
const AMQP_TYPE: u8 = 0;
const SASL_TYPE: u8 = 1;
const ACCEPTED: [u8; 4] = [0, 0x53, 0x24, 0x45];

/// Whether a delivery is settled when it is sent, or only by a disposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Before,
    After,
}

/// Which end of the link writes the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Sender,
    Receiver,
}

/// The body of the first frame of `input`, empty for a heart-beat, and the frame's length in bytes; `None` while it is
/// incomplete.
pub fn next(input: &[u8]) -> Result<Option<(&[u8], usize)>, Malformed> {
    let Some(&[a, b, c, d, offset, ..]) = input.first_chunk::<HEAD>() else { return Ok(None) };
    let size = u32::from_be_bytes([a, b, c, d]) as usize;
    let body = usize::from(offset) * 4;
    if size > SIZE_LIMIT || body < HEAD || size < body {
        return Err(Malformed::Size(size));
    }
    Ok(input.get(body..size).map(|body| (body, size)))
}

pub fn sasl_init() -> Vec<u8> {
    let fields = [value::symbol("PLAIN"), value::binary(b"\0guest\0guest")];
    frame(SASL_TYPE, &value::list(SASL_INIT as u8, &[&fields[0], &fields[1]]))
}

pub fn open(container: &str) -> Vec<u8> {
    let (container, host) = (value::string(container), value::string("localhost"));
    performative(OPEN, &[&container, &host, &value::uint(FRAME_MAX), &value::ushort(0)])
}

/// `window` counts frames that may be under way to the side that writes this.
pub fn begin(remote_channel: Option<u16>, window: u32) -> Vec<u8> {
    let remote = remote_channel.map_or_else(|| vec![NULL], value::ushort);
    performative(BEGIN, &[&remote, &value::uint(0), &value::uint(window), &value::uint(INCOMING_WINDOW)])
}

/// Both termini are the same node.
pub fn attach(name: &str, role: Role, settled: Settled, address: &str) -> Vec<u8> {
    let address = value::string(address);
    let (source, target) = (value::list(0x28, &[&address]), value::list(0x29, &[&address]));
    let mode = [0x50, if settled == Settled::Before { 1 } else { 0 }];
    let name = value::string(name);
    let fields: &[&[u8]] = &[&name, &[0x43], &[role.bit()], &mode, &[0x50, 0], &source, &target];
    match role {
        Role::Receiver => performative(ATTACH, fields),
        // No unsettled deliveries, none incomplete, and the first is number 0.
        Role::Sender => performative(ATTACH, &[fields, &[&[NULL], &[NULL], &[0x43]]].concat()),
    }
}

/// Of a receiver whose session has got frames up to `next_incoming` and takes `window` more, and whose link has got
/// `count` deliveries and takes `credit` more.
pub fn write_flow(next_incoming: u32, window: u32, count: u32, credit: u32, out: &mut Vec<u8>) {
    let [next, window, count, credit] = [next_incoming, window, count, credit].map(value::uint);
    let outgoing = value::uint(INCOMING_WINDOW);
    let fields: &[&[u8]] = &[&next, &window, &[0x43], &outgoing, &[0x43], &count, &credit];
    out.extend_from_slice(&performative(FLOW, fields));
}

/// One delivery is accepted and settled.
pub fn write_accepted(role: Role, id: u32, out: &mut Vec<u8>) {
    write_disposition(role, id, id, out);
}

/// Deliveries `first` to `last` are accepted and settled.
pub fn write_disposition(role: Role, first: u32, last: u32, out: &mut Vec<u8>) {
    const LIST: u8 = 1 + 1 + 5 + 5 + 1 + ACCEPTED.len() as u8;
    const SIZE: u8 = HEAD as u8 + 3 + 2 + LIST;
    out.extend_from_slice(&[0, 0, 0, SIZE, 2, AMQP_TYPE, 0, 0, 0, 0x53, DISPOSITION as u8, 0xc0, LIST, 5, role.bit()]);
    out.push(0x70);
    out.extend_from_slice(&first.to_be_bytes());
    out.push(0x70);
    out.extend_from_slice(&last.to_be_bytes());
    out.push(TRUE);
    out.extend_from_slice(&ACCEPTED);
}

/// A message of `size` bytes on link 0, in one frame. Delivery id and delivery tag are its number.
pub fn transfer(settled: Settled, size: usize) -> Template {
    let fields: [&[u8]; 5] = [&[0x43], &value::uint(0), &value::binary(&[0; 4]), &[0x43], settled.field()];
    let mut body = value::list(TRANSFER as u8, &fields);
    // Behind descriptor, list head, handle and constructor.
    let id_at = HEAD + 3 + 3 + 1 + 1;
    let tag_at = id_at + 4 + 2;
    if settled == Settled::After {
        body.extend_from_slice(&value::list(0x70, &[&[TRUE]]));
    }
    body.extend_from_slice(&[0, 0x53, 0x75, 0xb0]);
    body.extend_from_slice(&(size as u32).to_be_bytes());
    let payload_at = HEAD + body.len();
    body.resize(body.len() + size, b'x');
    let numbers = vec![Number::Word(id_at), Number::Word(tag_at)];
    Template { bytes: frame(AMQP_TYPE, &body), numbers, payload_at }
}

pub fn performative(code: u64, fields: &[&[u8]]) -> Vec<u8> {
    frame(AMQP_TYPE, &value::list(code as u8, fields))
}

/// The performative of a frame's body and the payload behind it.
pub fn read(body: &[u8]) -> Result<(Described<'_>, &[u8]), Malformed> {
    value::described(body)
}

pub fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = ((HEAD + body.len()) as u32).to_be_bytes();
    [&size[..], &[2, kind, 0, 0], body].concat()
}

impl Role {
    const fn bit(self) -> u8 {
        match self {
            Self::Sender => FALSE,
            Self::Receiver => TRUE,
        }
    }
}

impl Settled {
    const fn field(self) -> &'static [u8] {
        match self {
            Self::Before => &[TRUE],
            Self::After => &[FALSE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::batch::Batch;
    use crate::workload::stamp::Stamp;

    #[test]
    fn transfers_read_back_with_their_numbers() {
        for (settled, flag) in [(Settled::Before, true), (Settled::After, false)] {
            let mut batch = Batch::new(&transfer(settled, 300), 2);
            let bytes = batch.patch(2, 4, 0x0102_0303, 8).to_vec();
            let (_, len) = next(&bytes).unwrap().unwrap();
            let (body, rest) = next(&bytes[len..]).unwrap().unwrap();
            assert_eq!(len + rest, bytes.len());
            let (mut transfer, payload) = read(body).unwrap();
            assert_eq!(transfer.code, TRANSFER);
            let fields = &mut transfer.fields;
            assert_eq!((fields.uint(), fields.uint()), (Ok(Some(0)), Ok(Some(0x0102_0304))));
            assert_eq!(fields.take(), Ok(&[0xa0, 4, 1, 2, 3, 4][..]));
            assert_eq!((fields.uint(), fields.flag()), (Ok(Some(0)), Ok(flag)));
            let data = value::data(payload).unwrap();
            assert_eq!(data.len(), 300);
            assert_eq!(Stamp::read(data), Some(Stamp { nanos: 8, sender: 4, number: 0x0102_0304 }));
            for cut in 0..len {
                assert_eq!(next(&bytes[..cut]), Ok(None), "cut at {cut}");
            }
        }
    }

    #[test]
    fn dispositions_read_back() {
        let mut bytes = Vec::new();
        write_disposition(Role::Receiver, 70_000, 70_009, &mut bytes);
        let (body, len) = next(&bytes).unwrap().unwrap();
        assert_eq!(len, bytes.len());
        let (mut disposition, rest) = read(body).unwrap();
        assert_eq!((disposition.code, rest), (DISPOSITION, &[][..]));
        let fields = &mut disposition.fields;
        assert_eq!((fields.flag(), fields.uint()), (Ok(true), Ok(Some(70_000))));
        assert_eq!((fields.uint(), fields.flag()), (Ok(Some(70_009)), Ok(true)));
        assert_eq!(fields.take(), Ok(&ACCEPTED[..]));
    }

    #[test]
    fn hostile_frames_are_refused() {
        assert_eq!(next(&[0xff, 0, 0, 0, 2, 0, 0, 0]), Err(Malformed::Size(0xff00_0000)));
        assert_eq!(next(&[0, 0, 0, 8, 1, 0, 0, 0]), Err(Malformed::Size(8)));
        assert_eq!(next(&[0, 0, 0, 7, 2, 0, 0, 0]), Err(Malformed::Size(7)));
        assert_eq!(next(&[0, 0, 0, 8, 2, 0, 0, 0]), Ok(Some((&[][..], 8))));
    }
}
