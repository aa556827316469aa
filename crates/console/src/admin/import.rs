//! Messages come in whole, a batch at a time: all of it or nothing.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{
    Body, Command, Effect, Message, Namespace, Publish, QueueRef, Reply, Token, TransactionIndex, TransactionRef,
};
use serde_json::json;

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::{Import, queue_ref};
use crate::admin::work::{Progress, Work};

/// Messages of one request: all are on their way at once.
pub(crate) const BATCH: usize = 256;
/// Bytes of a body that comes in pieces: the largest message that a broker can be set to take.
const BODY_BYTES: usize = 256 * 1024 * 1024;
/// The only one that a connection has.
const TRANSACTION: TransactionIndex = TransactionIndex(0);

/// Publishes a batch in one transaction.
pub(crate) struct Importing {
    /// Publishes are numbered without gaps from here on.
    first: Token,
    /// What became of each: its place in the request.
    places: Vec<usize>,
    answered: usize,
    /// Those that the queue's settings let it drop.
    dropped: u64,
    expired: u64,
    failed: Option<(usize, String)>,
    /// The commit or the rollback.
    end: Option<Token>,
}

impl Importing {
    pub(crate) fn start(import: Import, desk: &mut Desk<'_>) -> Result<Self, Failure> {
        if import.messages.len() > BATCH {
            return Err(Failure::Limit("messages of one request", BATCH as u64));
        }
        let pieces = std::mem::take(&mut desk.account.pieces);
        if import.pieces && import.messages.len() != 1 {
            return Err(Failure::Invalid("a body in pieces belongs to one message"));
        }
        let mut pieces = import.pieces.then_some(pieces);
        let (namespace, queue) = (Namespace(import.namespace), queue_ref(import.namespace, &import.queue));
        let mut importing = Self {
            first: Token::default(),
            places: Vec::new(),
            answered: 0,
            dropped: 0,
            expired: 0,
            failed: None,
            end: None,
        };
        let mut messages = Vec::new();
        for (index, object) in import.messages.into_iter().enumerate() {
            match object.into_message(namespace, pieces.take(), desk.encodings) {
                Ok(message) if message.header.expires.is_some_and(|at| at <= desk.now) => importing.expired += 1,
                Ok(message) => messages.push((index, message)),
                Err(error) => {
                    importing.failed = Some((index, error.to_string()));
                    break;
                }
            }
        }
        if importing.failed.is_none() {
            importing.publish(messages, &queue, desk);
        }
        Ok(importing)
    }

    fn publish(&mut self, messages: Vec<(usize, Message)>, queue: &QueueRef, desk: &mut Desk<'_>) {
        if messages.is_empty() {
            return;
        }
        desk.tell(Command::Begin { transaction: TRANSACTION });
        for (index, message) in messages {
            let publish = Publish {
                queue: Some(queue.clone()),
                transaction: Some(TRANSACTION),
                create: false,
                ..Publish::new(Arc::new(message))
            };
            let token = desk.ask(|token| Command::Publish(Publish { token: Some(token), ..publish }));
            if self.places.is_empty() {
                self.first = token;
            }
            self.places.push(index);
        }
    }

    /// The message that this is the answer for.
    fn place(&self, token: Token) -> Option<usize> {
        self.places.get(usize::try_from(token.0.checked_sub(self.first.0)?).ok()?).copied()
    }

    fn go_on_if_answered(&mut self, desk: &mut Desk<'_>) -> Progress {
        if self.answered == self.places.len() && self.end.is_none() {
            let transaction = TransactionRef::Own(TRANSACTION);
            self.end = Some(desk.ask(|token| match self.failed {
                None => Command::Commit { token, transaction },
                Some(_) => Command::Rollback { token, transaction },
            }));
        }
        Progress::Waits
    }

    fn finish(&mut self, desk: &mut Desk<'_>) -> Progress {
        let failed = self.failed.take().map(|(index, reason)| json!({ "index": index, "reason": reason }));
        let imported = if failed.is_some() { 0 } else { self.places.len() as u64 - self.dropped };
        desk.item(&json!({
            "imported": imported, "dropped": self.dropped, "expired": self.expired, "failed": failed
        }));
        Progress::Finished
    }

    /// Nothing was asked of the broker.
    pub(crate) fn is_idle(&self) -> bool {
        self.places.is_empty()
    }
}

impl Work for Importing {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match effect {
            Effect::Confirm { token, routed, .. } if self.end.is_none() && self.place(token).is_some() => {
                self.answered += 1;
                self.dropped += u64::from(!routed);
                Ok(self.go_on_if_answered(desk))
            }
            Effect::Reply { token, reply } if Some(token) == self.end => {
                match reply {
                    Ok(Reply::Done) => {}
                    Ok(_) => return Err(Failure::Unexpected),
                    Err(refusal) => self.failed = self.failed.take().or_else(|| Some((0, refusal.to_string()))),
                }
                Ok(self.finish(desk))
            }
            Effect::Reply { token, reply: Err(refusal) } => {
                if let Some(index) = self.place(token).filter(|_| self.end.is_none()) {
                    self.answered += 1;
                    self.failed.get_or_insert((index, refusal.to_string()));
                    return Ok(self.go_on_if_answered(desk));
                }
                Ok(Progress::Waits)
            }
            _ => Ok(Progress::Waits),
        }
    }

    fn begin(&mut self, desk: &mut Desk<'_>) -> Progress {
        if self.is_idle() { self.finish(desk) } else { Progress::Waits }
    }

    fn publishes(&self) -> bool {
        true
    }
}

/// Keeps one more piece of the body of the next message.
pub(crate) struct Piece;

impl Piece {
    pub(crate) fn take(base64: &str, desk: &mut Desk<'_>) -> Result<Self, Failure> {
        let pieces: &mut Body = &mut desk.account.pieces;
        let piece = Bytes::from(STANDARD.decode(base64)?);
        if pieces.len() + piece.len() > BODY_BYTES {
            *pieces = Body::default();
            return Err(Failure::Limit("bytes of a body", BODY_BYTES as u64));
        }
        pieces.push(piece);
        Ok(Self)
    }
}

impl Work for Piece {
    fn apply(&mut self, _effect: Effect, _desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        Ok(Progress::Waits)
    }

    fn begin(&mut self, _desk: &mut Desk<'_>) -> Progress {
        Progress::Finished
    }
}
