use bytes::BufMut;
use model::{Body, Command, Commands, Encodings, Output, Time, Token};
use serde::Serialize;

use crate::admin::failure::Failure;
use crate::json::ProgressObject;

/// Bytes that a client has not read yet, beyond which nothing more is made for it.
const UNREAD_BYTES: usize = 1024 * 1024;

/// Where a running request asks the broker and answers its client.
pub(crate) struct Desk<'a> {
    pub(crate) id: u64,
    pub(crate) now: Time,
    pub(crate) encodings: &'a Encodings,
    pub(crate) commands: &'a mut Commands,
    pub(crate) account: &'a mut Account,
    pub(crate) output: &'a mut Output,
}

/// What a connection counts over all its requests.
#[derive(Debug, Default)]
pub(crate) struct Account {
    tokens: u64,
    unread: usize,
    /// The body of a message that is still to come.
    pub(crate) pieces: Body,
}

#[derive(Serialize)]
struct Line<'a, T> {
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a ProgressObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<u64>,
}

impl<T> Default for Line<'_, T> {
    fn default() -> Self {
        Self { id: None, item: None, progress: None, note: None, error: None, done: None, now: None }
    }
}

impl Desk<'_> {
    /// Pushes the command that `make` gives this token.
    pub(crate) fn ask(&mut self, make: impl FnOnce(Token) -> Command) -> Token {
        self.account.tokens += 1;
        let token = Token(self.account.tokens);
        self.commands.push(make(token));
        token
    }

    pub(crate) fn tell(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Whether the client reads fast enough to be given more.
    pub(crate) fn has_room(&self) -> bool {
        self.account.has_room()
    }

    pub(crate) fn item<T: Serialize>(&mut self, item: &T) {
        let line = Line { id: Some(self.id), item: Some(item), ..Line::default() };
        self.account.write(self.output, &line);
    }

    /// How far a long request has come.
    pub(crate) fn progress(&mut self, progress: &ProgressObject) {
        let line = Line::<()> { id: Some(self.id), progress: Some(progress), ..Line::default() };
        self.account.write(self.output, &line);
    }

    /// Something that people want to know while they wait.
    pub(crate) fn note(&mut self, note: &str) {
        let line = Line::<()> { id: Some(self.id), note: Some(note), ..Line::default() };
        self.account.write(self.output, &line);
    }

    pub(crate) fn done(&mut self) {
        let line = Line::<()> { id: Some(self.id), done: Some(true), now: Some(self.now.0), ..Line::default() };
        self.account.write(self.output, &line);
    }
}

impl Account {
    pub(crate) fn has_room(&self) -> bool {
        self.unread <= UNREAD_BYTES
    }

    /// The client has been handed this much.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    pub(crate) fn fail(&mut self, output: &mut Output, id: Option<u64>, failure: &Failure) {
        self.write(output, &Line::<()> { id, error: Some(failure.to_string()), ..Line::default() });
    }

    fn write<T: Serialize>(&mut self, output: &mut Output, line: &Line<'_, T>) {
        let before = output.len();
        let buffer = output.buffer();
        serde_json::to_writer((&mut *buffer).writer(), line)
            .expect("strings, numbers and lists always have a JSON form");
        buffer.put_u8(b'\n');
        self.unread += output.len() - before;
    }
}
