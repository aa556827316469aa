//! AMQP 1.0 as bytes, naively: values, frames and performatives that a good client would not send, and what the broker
//! says to them.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::device::socket;

pub const SASL_HEADER: [u8; 8] = *b"AMQP\x03\x01\0\0";
pub const HEADER: [u8; 8] = *b"AMQP\0\x01\0\0";

/// Codes of the performatives (2.7, 5.3.3).
pub mod code {
    pub const OPEN: u8 = 0x10;
    pub const BEGIN: u8 = 0x11;
    pub const ATTACH: u8 = 0x12;
    pub const FLOW: u8 = 0x13;
    pub const TRANSFER: u8 = 0x14;
    pub const DISPOSITION: u8 = 0x15;
    pub const DETACH: u8 = 0x16;
    pub const END: u8 = 0x17;
    pub const CLOSE: u8 = 0x18;
    pub const SASL_MECHANISMS: u8 = 0x40;
    pub const SASL_INIT: u8 = 0x41;
    pub const SASL_OUTCOME: u8 = 0x44;
}

/// One connection that sends exactly what it is told.
pub struct Linker {
    socket: TcpStream,
    input: BufReader<TcpStream>,
}

/// A frame from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub channel: u16,
    /// The whole frame in bytes.
    pub size: usize,
    pub body: Vec<u8>,
}

impl Frame {
    /// The performative's code; `None` of an empty frame.
    pub fn code(&self) -> Option<u8> {
        match self.body[..] {
            [0, 0x53, code, ..] => Some(code),
            _ => None,
        }
    }

    /// True if the text occurs somewhere in it.
    pub fn says(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

impl Linker {
    pub fn open(address: SocketAddr) -> Self {
        let socket = socket(address);
        Self { input: BufReader::new(socket.try_clone().expect("a TCP socket")), socket }
    }

    /// As far as the list of mechanisms.
    pub fn greeted(address: SocketAddr) -> Self {
        let mut linker = Self::open(address);
        linker.say(&SASL_HEADER);
        assert_eq!(linker.header(), SASL_HEADER);
        linker.expect(code::SASL_MECHANISMS);
        linker
    }

    /// As far as the second protocol header.
    pub fn login(address: SocketAddr) -> Self {
        let mut linker = Self::greeted(address);
        linker.say(&sasl(code::SASL_INIT, &[symbol("ANONYMOUS")]));
        let outcome = linker.expect(code::SASL_OUTCOME);
        assert!(outcome.body.ends_with(&[0x50, 0]), "{outcome:02x?}");
        linker.say(&HEADER);
        assert_eq!(linker.header(), HEADER);
        linker
    }

    /// Opened with `fields` behind the container id.
    pub fn opened(address: SocketAddr, fields: &[Vec<u8>]) -> Self {
        let mut linker = Self::login(address);
        linker.say(&performative(0, code::OPEN, &[&[string("raw")][..], fields].concat()));
        linker.expect(code::OPEN);
        linker
    }

    /// With a session on channel 0.
    pub fn connect(address: SocketAddr) -> Self {
        let mut linker = Self::opened(address, &[]);
        linker.say(&performative(0, code::BEGIN, &begin()));
        linker.expect(code::BEGIN);
        linker
    }

    /// With a sender to the queue `queue` on handle 0, and its credit.
    pub fn sender(address: SocketAddr, queue: &str) -> Self {
        let mut linker = Self::connect(address);
        linker.say(&performative(0, code::ATTACH, &attach("sender", 0, queue)));
        linker.expect(code::ATTACH);
        linker.expect(code::FLOW);
        linker
    }

    pub fn say(&mut self, bytes: &[u8]) {
        self.write(bytes).expect("the broker reads");
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    pub fn close_writing(&self) {
        // Fails only when the broker closed already.
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub fn header(&mut self) -> [u8; 8] {
        let mut header = [0; 8];
        self.input.read_exact(&mut header).expect("a protocol header");
        header
    }

    /// The next frame, be it empty.
    pub fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 8];
        self.input.read_exact(&mut head)?;
        let [s0, s1, s2, s3, doff, _kind, c, d] = head;
        let (size, start) = (u32::from_be_bytes([s0, s1, s2, s3]) as usize, 4 * usize::from(doff));
        let mut rest = vec![0; size.checked_sub(8).ok_or(io::ErrorKind::InvalidData)?];
        self.input.read_exact(&mut rest)?;
        let body = rest.get(start - 8..).ok_or(io::ErrorKind::InvalidData)?.to_vec();
        Ok(Frame { channel: u16::from_be_bytes([c, d]), size, body })
    }

    /// The next performative, which must have `code`.
    pub fn expect(&mut self, code: u8) -> Frame {
        self.expect_for("", code)
    }

    fn expect_for(&mut self, what: &str, code: u8) -> Frame {
        loop {
            let frame = self.read().unwrap_or_else(|error| panic!("{what}: {error} instead of {code:#x}"));
            // Empty frames, and flows that nobody asked for, may come at any time.
            if frame.code() == Some(code) {
                return frame;
            }
            let passing = frame.body.is_empty() || frame.code() == Some(code::FLOW);
            assert!(passing, "{what}: {:x?} {} instead of {code:#x}", frame.code(), frame.body.escape_ascii());
        }
    }

    /// A performative that ends something because of `what`, with one of the conditions in it; the whole frame.
    pub fn told(&mut self, what: &str, code: u8, conditions: &[&str]) -> Frame {
        let frame = self.expect_for(what, code);
        let named = conditions.iter().any(|condition| frame.says(condition));
        assert!(named, "{what}: {} says none of {conditions:?}", frame.body.escape_ascii());
        frame
    }

    /// A close because of `what`, answered, and the end of the connection behind it.
    pub fn refused(&mut self, what: &str, conditions: &[&str]) {
        self.told(what, code::CLOSE, conditions);
        // Fails only when the broker closed already.
        let _ = self.write(&performative(0, code::CLOSE, &[]));
        self.closed();
    }

    /// The end of the connection, with nothing before.
    pub fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.input.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the broker did not close: {error}"),
        }
        assert!(rest.is_empty(), "{}", rest.escape_ascii());
    }

    /// A session begins and ends.
    pub fn works(&mut self) {
        self.say(&performative(9, code::BEGIN, &begin()));
        self.expect(code::BEGIN);
        self.say(&performative(9, code::END, &[]));
        self.expect(code::END);
    }
}

/// A frame of type `kind` (0 AMQP, 1 SASL).
pub fn frame(kind: u8, channel: u16, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + body.len()).expect("short enough for the test");
    [&size.to_be_bytes()[..], &[2, kind], &channel.to_be_bytes(), body].concat()
}

pub fn performative(channel: u16, code: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    frame(0, channel, &described(code, &list(fields)))
}

pub fn sasl(code: u8, fields: &[Vec<u8>]) -> Vec<u8> {
    frame(1, 0, &described(code, &list(fields)))
}

/// A begin with a large window.
pub fn begin() -> Vec<Vec<u8>> {
    vec![null(), uint(0), uint(2048), uint(2048)]
}

/// An attach of a sender to a queue.
pub fn attach(name: &str, handle: u32, queue: &str) -> Vec<Vec<u8>> {
    let source = described(0x28, &list(&[]));
    let target = described(0x29, &list(&[string(queue)]));
    vec![string(name), uint(handle), vec![0x42], null(), null(), source, target, null(), null(), uint(0)]
}

/// An attach of a receiver from a queue.
pub fn attach_receiver(name: &str, handle: u32, queue: &str) -> Vec<Vec<u8>> {
    let source = described(0x28, &list(&[string(queue)]));
    let target = described(0x29, &list(&[]));
    vec![string(name), uint(handle), vec![0x41], null(), null(), source, target]
}

/// A transfer on handle 0 with `payload` behind it.
pub fn transfer(delivery: u32, tag: &[u8], payload: &[u8]) -> Vec<u8> {
    let fields = [uint(0), uint(delivery), binary(tag), uint(0)];
    frame(0, 0, &[described(code::TRANSFER, &list(&fields)), payload.to_vec()].concat())
}

/// A message whose body is the string `text`.
pub fn message(text: &str) -> Vec<u8> {
    described(0x77, &string(text))
}

pub fn described(code: u8, value: &[u8]) -> Vec<u8> {
    [&[0, 0x53, code][..], value].concat()
}

pub fn null() -> Vec<u8> {
    vec![0x40]
}

pub fn uint(value: u32) -> Vec<u8> {
    [&[0x70][..], &value.to_be_bytes()].concat()
}

pub fn string(text: &str) -> Vec<u8> {
    variable(0xB1, text.as_bytes())
}

pub fn symbol(text: &str) -> Vec<u8> {
    variable(0xB3, text.as_bytes())
}

pub fn binary(bytes: &[u8]) -> Vec<u8> {
    variable(0xB0, bytes)
}

pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    compound(0xD0, items.len(), &items.concat())
}

/// A list, map or array of the wide form that says to have `count` elements.
pub fn compound(constructor: u8, count: usize, items: &[u8]) -> Vec<u8> {
    let count = u32::try_from(count).expect("short enough for the test");
    variable(constructor, &[&count.to_be_bytes()[..], items].concat())
}

/// A constructor, a length of four bytes, and what is so long.
pub fn variable(constructor: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short enough for the test");
    [&[constructor][..], &length.to_be_bytes(), bytes].concat()
}

/// Lists within lists until they are `length` bytes long together.
pub fn nested_lists(length: usize) -> Vec<u8> {
    let mut nested = vec![0x45];
    while nested.len() < length {
        nested = compound(0xD0, 1, &nested);
    }
    nested
}
