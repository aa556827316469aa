use std::borrow::Cow;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::admin::LINE_BYTES;
use crate::admin::request::Command;
use crate::cli::error::CliError;
use crate::json::ProgressObject;

/// Bytes of the longest line that is read: one with the largest message.
pub(super) const LONGEST_LINE: u64 = 512 * 1024 * 1024;

/// A connection to the admin socket of a broker.
pub(super) struct Client {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

/// One line of an answer.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    pub(super) progress: Option<ProgressObject>,
    #[serde(borrow)]
    pub(super) note: Option<Cow<'a, str>>,
    pub(super) error: Option<String>,
    pub(super) done: Option<bool>,
    pub(super) now: Option<u64>,
}

#[derive(Serialize)]
struct Request<'a> {
    id: u64,
    #[serde(flatten)]
    command: &'a Command,
}

impl Client {
    pub(super) fn connect(socket: &Path) -> Result<Self, CliError> {
        let stream = UnixStream::connect(socket).map_err(|source| match source.kind() {
            ErrorKind::PermissionDenied => CliError::NotAllowed { socket: socket.to_owned(), source },
            _ => {
                let data = socket.parent().unwrap_or(socket).to_owned();
                CliError::NoBroker { data, socket: socket.to_owned(), source }
            }
        })?;
        Ok(Self { stream: BufReader::new(stream), line: Vec::new() })
    }

    pub(super) fn ask(&mut self, command: &Command) -> Result<(), CliError> {
        let mut line = serde_json::to_vec(&Request { id: 1, command })?;
        if line.len() > LINE_BYTES {
            return Err(CliError::TooLong);
        }
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).map_err(CliError::Connection)
    }

    pub(super) fn next_line(&mut self) -> Result<Line<'_>, CliError> {
        self.line.clear();
        let mut bounded = (&mut self.stream).take(LONGEST_LINE);
        bounded.read_until(b'\n', &mut self.line).map_err(CliError::Connection)?;
        match self.line.last() {
            Some(b'\n') => Ok(serde_json::from_slice(&self.line)?),
            Some(_) if self.line.len() as u64 == LONGEST_LINE => Err(CliError::LongAnswer(LONGEST_LINE)),
            _ => Err(CliError::Lost),
        }
    }
}
