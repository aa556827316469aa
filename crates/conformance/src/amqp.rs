//! AMQP 0-9-1 as bytes, naively: frames that a good client would not send, and what the broker says to them.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::device::socket;

pub const PROTOCOL: [u8; 8] = *b"AMQP\0\0\x09\x01";

/// What [`Framer::login`] agrees on, as RabbitMQ's clients do.
pub const FRAME_MAX: u32 = 131_072;

/// First bytes of frames.
pub mod kind {
    pub const METHOD: u8 = 1;
    pub const HEADER: u8 = 2;
    pub const BODY: u8 = 3;
    pub const HEARTBEAT: u8 = 8;
}

/// Class and method.
pub type Id = (u16, u16);

/// One connection that sends exactly what it is told.
pub struct Framer {
    socket: TcpStream,
    input: BufReader<TcpStream>,
}

/// A frame from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub channel: u16,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Class and method of a method frame, and its arguments.
    pub fn method(&self) -> Option<(Id, &[u8])> {
        let (&[a, b, c, d], arguments) = self.payload.split_first_chunk()?;
        (self.kind == kind::METHOD).then_some(((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])), arguments))
    }
}

impl Framer {
    pub fn open(address: SocketAddr) -> Self {
        let socket = socket(address);
        Self { input: BufReader::new(socket.try_clone().expect("a TCP socket")), socket }
    }

    /// As far as connection.start.
    pub fn started(address: SocketAddr) -> Self {
        let mut framer = Self::open(address);
        framer.say(&PROTOCOL);
        framer.expect(0, (10, 10));
        framer
    }

    /// As far as connection.tune, which is answered with `frame_max` and `heartbeat`, in seconds.
    pub fn tuned(address: SocketAddr, frame_max: u32, heartbeat: u16) -> Self {
        let mut framer = Self::started(address);
        framer.say(&start_ok(&[0; 4], "PLAIN", b"\0guest\0guest"));
        framer.expect(0, (10, 30));
        let limits = [&1000_u16.to_be_bytes()[..], &frame_max.to_be_bytes(), &heartbeat.to_be_bytes()].concat();
        framer.say(&method(0, (10, 31), &limits));
        framer
    }

    /// As far as connection.open-ok.
    pub fn login(address: SocketAddr) -> Self {
        let mut framer = Self::tuned(address, FRAME_MAX, 0);
        framer.say(&method(0, (10, 40), b"\x01/\0\0"));
        framer.expect(0, (10, 41));
        framer
    }

    /// As far as channel.open-ok of channel 1.
    pub fn connect(address: SocketAddr) -> Self {
        let mut framer = Self::login(address);
        framer.say(&method(1, (20, 10), &[0]));
        framer.expect(1, (20, 11));
        framer
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

    pub fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 7];
        self.input.read_exact(&mut head)?;
        let [kind, c, d, l0, l1, l2, l3] = head;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        let mut payload = vec![0; length + 1];
        self.input.read_exact(&mut payload)?;
        if payload.pop() != Some(0xCE) {
            return Err(io::Error::other("no end of the frame where it should be"));
        }
        Ok(Frame { kind, channel: u16::from_be_bytes([c, d]), payload })
    }

    /// The next frame, which must be the method `id` on `channel`; its arguments.
    pub fn expect(&mut self, channel: u16, id: Id) -> Vec<u8> {
        self.expect_for("", channel, id)
    }

    fn expect_for(&mut self, what: &str, channel: u16, id: Id) -> Vec<u8> {
        let frame = self.read().unwrap_or_else(|error| panic!("{what}: {error} instead of {id:?}"));
        match frame.method() {
            Some((found, arguments)) if (found, frame.channel) == (id, channel) => arguments.to_vec(),
            _ => panic!("{what}: instead of {id:?} on channel {channel}: {frame:?}"),
        }
    }

    /// connection.close with its code and text, answered, and the end of the connection behind it; all because of
    /// `what`.
    pub fn refused(&mut self, what: &str) -> (u16, String) {
        let said = code_and_text(&self.expect_for(what, 0, (10, 50)));
        // Fails only when the broker closed already.
        let _ = self.write(&method(0, (10, 51), &[]));
        self.closed();
        said
    }

    /// channel.close of channel 1 with its code and text, answered; because of `what`.
    pub fn channel_refused(&mut self, what: &str) -> (u16, String) {
        let said = code_and_text(&self.expect_for(what, 1, (20, 40)));
        self.say(&method(1, (20, 41), &[]));
        said
    }

    /// The end of the connection, with nothing before.
    pub fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.input.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the broker did not close: {error}"),
        }
        assert!(rest.is_empty(), "{rest:02x?}");
    }

    /// Channel 1 answers.
    pub fn works(&mut self) {
        self.say(&method(1, (50, 10), &declare("")));
        self.expect(1, (50, 11));
    }
}

pub fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short enough for the test");
    [&[kind][..], &channel.to_be_bytes(), &length.to_be_bytes(), payload, &[0xCE]].concat()
}

pub fn method(channel: u16, (class, method): Id, arguments: &[u8]) -> Vec<u8> {
    frame(kind::METHOD, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat())
}

/// connection.start-ok; `properties` with their length.
pub fn start_ok(properties: &[u8], mechanism: &str, response: &[u8]) -> Vec<u8> {
    let arguments = [properties, &short(mechanism.as_bytes()), &long(response), &short(b"en_US")].concat();
    method(0, (10, 11), &arguments)
}

/// Arguments of queue.declare: exclusive, without a table.
pub fn declare(name: &str) -> Vec<u8> {
    [&[0, 0][..], &short(name.as_bytes()), &[0b100], &[0; 4]].concat()
}

/// basic.publish to the default exchange.
pub fn publish(queue: &str, flags: u8) -> Vec<u8> {
    method(1, (60, 40), &[&[0, 0, 0][..], &short(queue.as_bytes()), &[flags]].concat())
}

/// A content header on channel 1; `properties` with their flags.
pub fn header(class: u16, size: u64, properties: &[u8]) -> Vec<u8> {
    frame(kind::HEADER, 1, &[&class.to_be_bytes()[..], &[0, 0], &size.to_be_bytes(), properties].concat())
}

/// A string of at most 255 bytes, whatever its bytes.
pub fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect("short enough for the test")][..], text].concat()
}

/// A string or table with its length in four bytes.
pub fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("short enough for the test").to_be_bytes()[..], bytes].concat()
}

/// Tables within tables, without names, until they are `length` bytes long together; with their length.
pub fn nested_tables(length: usize) -> Vec<u8> {
    let mut table = Vec::new();
    while table.len() < length {
        table = [&[0, b'F'][..], &long(&table)].concat();
    }
    long(&table)
}

fn code_and_text(arguments: &[u8]) -> (u16, String) {
    let text = arguments.get(3..3 + usize::from(arguments[2])).expect("a short string");
    (u16::from_be_bytes([arguments[0], arguments[1]]), String::from_utf8_lossy(text).into_owned())
}
