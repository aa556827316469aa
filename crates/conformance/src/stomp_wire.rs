//! STOMP 1.2 over a bare socket: frames as bytes, and a blocking client that never answers on its own.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::poll::DEADLINE;

/// A frame of either side, with unescaped headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub command: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Frame {
    pub fn new(command: &str) -> Self {
        Self { command: command.to_owned(), ..Self::default() }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// A body that must have no NUL, as no header tells its length: STOMP's text.
    pub fn text(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A body with `content-length`: STOMP's bytes.
    pub fn bytes(self, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        self.header("content-length", body.len()).text(body)
    }

    /// The first header of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{}\n", self.command).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(format!("{}:{}\n", escape(name), escape(value)).into_bytes());
        }
        bytes.push(b'\n');
        bytes.extend(&self.body);
        bytes.push(0);
        bytes
    }

    /// Reads one whole frame; `UnexpectedEof` when the server closed.
    pub fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut command = String::new();
        // Line ends between frames are heart-beats.
        while command.is_empty() {
            command = line(from)?;
        }
        let mut frame = Self::new(&command);
        loop {
            let line = line(from)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            frame.headers.push((unescape(name), unescape(value)));
        }
        match frame.get("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => {
                frame.body.resize(length, 0);
                from.read_exact(&mut frame.body)?;
                let mut end = [1];
                from.read_exact(&mut end)?;
                if end != [0] { Err(malformed(&format!("{end:?} behind the body"))) } else { Ok(frame) }
            }
            Some(Err(error)) => Err(malformed(&error.to_string())),
            None => {
                from.read_until(0, &mut frame.body)?;
                frame
                    .body
                    .pop()
                    .filter(|end| *end == 0)
                    .map(|_| frame)
                    .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

/// One connection, after its CONNECTED.
pub struct Stomp {
    socket: TcpStream,
    input: BufReader<TcpStream>,
}

impl Stomp {
    /// Connects without heart-beats; a refusal is an error with the text of the ERROR frame.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_with(address, Frame::new("CONNECT"))
    }

    /// As [`Self::connect`], with the headers of `connect` too.
    pub fn connect_with(address: SocketAddr, connect: Frame) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        socket.set_write_timeout(Some(DEADLINE))?;
        let mut stomp = Self { input: BufReader::new(socket.try_clone()?), socket };
        let connect = connect.header("accept-version", "1.2").header("host", "/");
        stomp.send(&connect.header("login", "guest").header("passcode", "guest").encode())?;
        let connected = stomp.read()?;
        if connected.command != "CONNECTED" {
            return Err(malformed(&format!("{connected:?}")));
        }
        Ok(stomp)
    }

    /// How long [`Self::read`] waits.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(patience))
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// The next frame; ERROR is an error with its text.
    pub fn read(&mut self) -> io::Result<Frame> {
        let frame = Frame::read(&mut self.input)?;
        if frame.command == "ERROR" {
            let text = format!("{:?}: {}", frame.headers, String::from_utf8_lossy(&frame.body));
            return Err(io::Error::other(text));
        }
        Ok(frame)
    }

    /// Whether more has been read from the socket than was taken as frames.
    pub fn has_more(&self) -> bool {
        self.input.buffer().iter().any(|byte| !matches!(byte, b'\n' | b'\r'))
    }
}

/// Without its line end.
fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|error| malformed(&error.to_string()))
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\r', "\\r").replace('\n', "\\n").replace(':', "\\c")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('c') => ':',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    out
}

fn malformed(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back() {
        let text = Frame::new("SEND").header("a:b", "c\\\n").text("body");
        let bytes = Frame::new("MESSAGE").bytes(*b"\0\n\0");
        let stream = [b"\n\r\n".to_vec(), text.encode(), b"\n".to_vec(), bytes.encode()].concat();
        let mut input = &stream[..];
        assert_eq!(Frame::read(&mut input).ok(), Some(text));
        assert_eq!(Frame::read(&mut input).ok(), Some(bytes));
        assert_eq!(Frame::read(&mut input).map_err(|error| error.kind()), Err(io::ErrorKind::UnexpectedEof));
        let cut = &stream[..stream.len() - 1];
        let kind = Frame::read(&mut &cut[stream.len() - 3..]).map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::UnexpectedEof));
    }
}
