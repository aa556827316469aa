//! SQS over bare HTTP/1.1 (awsJson1_0), one kept connection: for load and for requests no SDK would send.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::poll::DEADLINE;

/// An answer to one request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The header `x-amzn-query-error`, where there is one.
    pub query_error: Option<String>,
    pub body: Vec<u8>,
}

/// One connection to the AWS face; the account is the access key's.
pub struct Sqs {
    socket: TcpStream,
    input: BufReader<TcpStream>,
    host: SocketAddr,
}

impl Sqs {
    pub fn connect(host: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(host)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { input: BufReader::new(socket.try_clone()?), socket, host })
    }

    /// The URL of a queue of account 000000000000.
    pub fn queue_url(&self, name: &str) -> String {
        format!("http://{}/000000000000/{name}", self.host)
    }

    /// A second handle on the socket, to shut it down from another thread.
    pub fn socket(&self) -> io::Result<TcpStream> {
        self.socket.try_clone()
    }

    /// `Action` with its JSON input; the JSON answer of a 200, else an error with the answer's text.
    pub fn call(&mut self, action: &str, input: &Value) -> io::Result<Value> {
        let answer = self.request(action, input)?;
        if answer.status != 200 {
            return Err(io::Error::other(format!("{action}: {answer:?}")));
        }
        serde_json::from_slice(&answer.body).map_err(io::Error::other)
    }

    pub fn request(&mut self, action: &str, input: &Value) -> io::Result<Answer> {
        let body = input.to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\
             X-Amz-Target: AmazonSQS.{action}\r\nX-Amz-Date: 20260101T000000Z\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={:064}\r\n\r\n",
            self.host,
            body.len(),
            0
        );
        self.socket.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        read_answer(&mut self.input)
    }
}

/// Reads one response whose body has a length.
pub fn read_answer(input: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut line = String::new();
    let mut next = |line: &mut String| -> io::Result<usize> {
        line.clear();
        match input.read_line(line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    };
    next(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
    let (mut length, mut query_error) = (0, None);
    while next(&mut line)? > 2 {
        let (name, value) = line.split_once(':').ok_or_else(|| io::Error::other(line.clone()))?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "x-amzn-query-error" => query_error = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(Answer { status, query_error, body })
}

/// The body that is answered to a bare GET.
pub fn get(host: SocketAddr, path: &str) -> String {
    let mut socket = crate::device::socket(host);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).expect("the broker reads");
    let answer = read_answer(&mut BufReader::new(socket)).expect("an answer");
    String::from_utf8_lossy(&answer.body).into_owned()
}
