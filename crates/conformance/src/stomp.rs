//! STOMP as bytes, naively: frames that a good client would not send, and what the broker says to them.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::device::socket;

/// One connection that sends exactly what it is told.
pub struct Stomper {
    socket: TcpStream,
    input: BufReader<TcpStream>,
}

/// A frame from the broker; header values are as they stand on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub command: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Frame {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Everything it says, for a human.
    pub fn text(&self) -> String {
        format!("{} {:?} {}", self.command, self.headers, String::from_utf8_lossy(&self.body))
    }
}

impl Stomper {
    pub fn open(address: SocketAddr) -> Self {
        let socket = socket(address);
        Self { input: BufReader::new(socket.try_clone().expect("a TCP socket")), socket }
    }

    /// Connects with version 1.2.
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_as(address, "1.2")
    }

    pub fn connect_as(address: SocketAddr, version: &str) -> Self {
        let mut stomper = Self::open(address);
        stomper.say(&format!("CONNECT\naccept-version:{version}\nhost:/\n\n\0"));
        let connected = stomper.expect("CONNECTED");
        assert_eq!(connected.header("version"), Some(version));
        stomper
    }

    pub fn say(&mut self, text: &str) {
        self.write(text.as_bytes()).expect("the broker reads");
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

    /// The next frame; line ends in front of it (heart-beats) are skipped.
    pub fn read(&mut self) -> io::Result<Frame> {
        let mut command = self.line()?;
        while command.is_empty() {
            command = self.line()?;
        }
        let mut frame = Frame { command, headers: self.headers()?, body: Vec::new() };
        if let Some(length) = frame.header("content-length") {
            let length: usize = length.parse().map_err(io::Error::other)?;
            frame.body = vec![0; length + 1];
            self.input.read_exact(&mut frame.body)?;
        } else {
            self.input.read_until(0, &mut frame.body)?;
        }
        if frame.body.pop() != Some(0) {
            return Err(io::Error::other(format!("no NUL behind {}", frame.text())));
        }
        Ok(frame)
    }

    fn headers(&mut self) -> io::Result<Vec<(String, String)>> {
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(headers);
            }
            let (key, value) = line.split_once(':').ok_or_else(|| io::Error::other(format!("header {line:?}")))?;
            headers.push((key.to_owned(), value.to_owned()));
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.input.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(io::Error::other)
    }

    /// The next frame, which must be a `command`.
    pub fn expect(&mut self, command: &str) -> Frame {
        let frame = self.read().unwrap_or_else(|error| panic!("{error} instead of {command}"));
        assert_eq!(frame.command, command, "{}", frame.text());
        frame
    }

    /// An ERROR, with the end of the connection behind it.
    pub fn refused(&mut self) -> Frame {
        let error = self.expect("ERROR");
        self.closed();
        error
    }

    /// The end of the connection; nothing but line ends may come before.
    pub fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.input.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the broker did not close: {error}"),
        }
        assert!(rest.iter().all(|byte| *byte == b'\n'), "{}", String::from_utf8_lossy(&rest));
    }

    /// Sends a message through a queue and back: the connection works.
    pub fn works(&mut self) {
        self.say("SUBSCRIBE\nid:works\ndestination:/queue/works\nack:auto\n\n\0");
        self.say("SEND\ndestination:/queue/works\n\nwell\0");
        assert_eq!(self.expect("MESSAGE").body, b"well");
        self.say("UNSUBSCRIBE\nid:works\nreceipt:works\n\n\0");
        assert_eq!(self.expect("RECEIPT").header("receipt-id"), Some("works"));
    }
}
