//! HTTP/1.1 as far as a load generator needs it: heads, lengths, chunks, keep-alive.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use thiserror::Error;

const HEAD_LIMIT: usize = 64 << 10;
const BODY_LIMIT: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    #[error("the head is longer than 64 KiB")]
    TooLong,
    #[error("the head is not text")]
    NotText,
    #[error("Content-Length is not a number up to 16 MiB")]
    ContentLength,
    #[error("a chunk's size is not a hexadecimal number up to 16 MiB")]
    Chunk,
}

/// A request's or response's head; `len` includes the empty line.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    pub start: &'a str,
    lines: &'a str,
    pub len: usize,
    pub content_length: Option<usize>,
}

/// A keep-alive connection that opens itself again when the server has closed it.
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    input: Vec<u8>,
}

pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Head<'_> {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn keeps_alive(&self) -> bool {
        match self.header("connection") {
            Some(value) if value.eq_ignore_ascii_case("close") => false,
            Some(value) if value.eq_ignore_ascii_case("keep-alive") => true,
            _ => self.start.starts_with("HTTP/1.1"),
        }
    }
}

/// The head at the start of `input`; `None` while it is incomplete.
pub fn head(input: &[u8]) -> Result<Option<Head<'_>>, Malformed> {
    let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if input.len() > HEAD_LIMIT { Err(Malformed::TooLong) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&input[..end]).map_err(|_| Malformed::NotText)?;
    let (start, lines) = text.split_once("\r\n").unwrap_or((text, ""));
    let mut head = Head { start, lines, len: end + 4, content_length: None };
    if let Some(value) = head.header("content-length") {
        let len = value.parse().ok().filter(|len| *len <= BODY_LIMIT);
        head.content_length = Some(len.ok_or(Malformed::ContentLength)?);
    }
    Ok(Some(head))
}

impl Client {
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, input: Vec::new() }
    }

    /// Sends a whole request and reads the whole response.
    ///
    /// A kept connection that turns out to be closed before any byte of the response is replaced once.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Response> {
        if self.stream.is_some() {
            match self.attempt(request) {
                Err(Failure::Stale) => self.stream = None,
                Err(Failure::Other(error)) => return Err(error),
                Ok(response) => return Ok(response),
            }
        }
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)
            .with_context(|| format!("connecting {}", self.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        self.stream = Some(stream);
        match self.attempt(request) {
            Ok(response) => Ok(response),
            Err(Failure::Stale) => bail!("the server closed a new connection without an answer"),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    fn attempt(&mut self, request: &[u8]) -> Result<Response, Failure> {
        let stream = self.stream.as_mut().ok_or(Failure::Stale)?;
        self.input.clear();
        stream.write_all(request).map_err(|_| Failure::Stale)?;
        match more(stream, &mut self.input) {
            Ok(0) => return Err(Failure::Stale),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Err(Failure::Stale),
            Err(error) => return Err(Failure::Other(error.into())),
            Ok(_) => {}
        }
        let (response, keeps) = respond(stream, &mut self.input).map_err(Failure::Other)?;
        if !keeps {
            self.stream = None;
        }
        Ok(response)
    }
}

enum Failure {
    /// Closed before any answer.
    Stale,
    Other(anyhow::Error),
}

/// Reads the rest of a response; also whether the connection stays usable.
fn respond(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<(Response, bool)> {
    loop {
        if let Some(head) = head(input)? {
            let status = head.start.split(' ').nth(1).and_then(|word| word.parse().ok());
            let status = status.with_context(|| format!("not a status line: {}", head.start))?;
            let (from, keeps) = (head.len, head.keeps_alive());
            let chunked = head.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
            let length = head.content_length;
            let body = match length {
                _ if chunked => read_chunks(stream, input, from)?,
                Some(length) => read_length(stream, input, from, length)?,
                None => return Ok((Response { status, body: read_to_end(stream, input, from)? }, false)),
            };
            return Ok((Response { status, body }, keeps));
        }
        ensure!(more(stream, input)? > 0, "the server closed the connection within a head");
    }
}

fn read_length(stream: &mut TcpStream, input: &mut Vec<u8>, from: usize, length: usize) -> Result<Vec<u8>> {
    while input.len() < from + length {
        ensure!(more(stream, input)? > 0, "the server closed the connection within a body");
    }
    Ok(input[from..from + length].to_vec())
}

fn read_to_end(stream: &mut TcpStream, input: &mut Vec<u8>, from: usize) -> Result<Vec<u8>> {
    while more(stream, input)? > 0 {
        ensure!(input.len() < from + BODY_LIMIT, "the body is longer than 16 MiB");
    }
    Ok(input[from..].to_vec())
}

fn read_chunks(stream: &mut TcpStream, input: &mut Vec<u8>, from: usize) -> Result<Vec<u8>> {
    loop {
        if let Some(body) = chunks(&input[from..])? {
            return Ok(body);
        }
        ensure!(more(stream, input)? > 0, "the server closed the connection within a chunk");
    }
}

/// The joined chunks; `None` while the last one has not come. Trailers are not supported: nobody sends them here.
fn chunks(mut input: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let mut body = Vec::new();
    loop {
        let Some(line) = input.windows(2).position(|window| window == b"\r\n") else {
            return if input.len() > HEAD_LIMIT { Err(Malformed::Chunk) } else { Ok(None) };
        };
        let text = std::str::from_utf8(&input[..line]).map_err(|_| Malformed::Chunk)?;
        let size = text.split(';').next().and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
        let size =
            size.filter(|size| *size <= BODY_LIMIT && body.len() + size <= BODY_LIMIT).ok_or(Malformed::Chunk)?;
        let Some(rest) = input.get(line + 2..).filter(|rest| rest.len() >= size + 2) else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&rest[..size]);
        input = &rest[size + 2..];
    }
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 16 << 10];
    let read = stream.read(&mut buffer)?;
    input.extend_from_slice(&buffer[..read]);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let input = b"HTTP/1.1 200 OK\r\nContent-length:  5\r\nX: y\r\n\r\nhello";
        let found = head(input).unwrap().unwrap();
        assert_eq!((found.start, found.content_length, found.len), ("HTTP/1.1 200 OK", Some(5), input.len() - 5));
        assert_eq!(found.header("x"), Some("y"));
        assert!(found.keeps_alive());
        for cut in 0..found.len {
            assert_eq!(head(&input[..cut]), Ok(None));
        }
    }

    #[test]
    fn hostile_heads() {
        assert_eq!(head(b"x\r\nContent-Length: -1\r\n\r\n"), Err(Malformed::ContentLength));
        assert_eq!(head(b"x\r\nContent-Length: 99999999999\r\n\r\n"), Err(Malformed::ContentLength));
        assert_eq!(head(b"\xff\r\n\r\n"), Err(Malformed::NotText));
        assert_eq!(head(&vec![b'x'; HEAD_LIMIT + 1]), Err(Malformed::TooLong));
    }

    #[test]
    fn keep_alive_by_version_and_header() {
        for (text, keeps) in [
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(head(text.as_bytes()).unwrap().unwrap().keeps_alive(), keeps, "{text}");
        }
    }

    #[test]
    fn chunked_bodies() {
        assert_eq!(chunks(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"), Ok(Some(b"abcde".to_vec())));
        assert_eq!(chunks(b"3\r\nabc\r\n2\r\nd"), Ok(None));
        assert_eq!(chunks(b"zz\r\n"), Err(Malformed::Chunk));
        assert_eq!(chunks(b"ffffffff\r\n"), Err(Malformed::Chunk));
    }
}
