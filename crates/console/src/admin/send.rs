use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use model::{Address, Command, Effect, EncodingId, Header, Message, Namespace, Publish, Refusal, Token, limits};
use serde_json::json;

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::Send;
use crate::admin::work::{Progress, Work};

/// Messages of one request.
const COUNT: u64 = 10_000_000;
/// Messages on their way at once.
const UNCONFIRMED: u64 = 256;

/// Publishes one message so many times and counts the confirmations.
pub(crate) struct Sending {
    message: Arc<Message>,
    count: u64,
    published: u64,
    confirmed: u64,
    unrouted: u64,
    /// Publishes are numbered without gaps from here on: nothing else is asked meanwhile.
    first: Option<Token>,
    refused: u64,
    refusal: Option<Refusal>,
}

impl Sending {
    pub(crate) fn start(send: Send, desk: &mut Desk<'_>) -> Result<Self, Failure> {
        let count = send.count.unwrap_or(1);
        if count == 0 || count > COUNT {
            return Err(Failure::Limit("messages of one request", COUNT));
        }
        let mut sending = Self {
            message: Arc::new(message(send, desk)?),
            count,
            published: 0,
            confirmed: 0,
            unrouted: 0,
            first: None,
            refused: 0,
            refusal: None,
        };
        sending.publish(desk);
        Ok(sending)
    }

    fn publish(&mut self, desk: &mut Desk<'_>) {
        while self.refusal.is_none() && self.published < self.count && self.outstanding() < UNCONFIRMED {
            // A queue that does not exist is rather a slip than a wish: `create` makes them.
            let publish = Publish { create: false, ..Publish::new(self.message.clone()) };
            let token = desk.ask(|token| Command::Publish(Publish { token: Some(token), ..publish }));
            self.first.get_or_insert(token);
            self.published += 1;
        }
    }

    fn outstanding(&self) -> u64 {
        self.published - self.confirmed - self.refused
    }

    fn is_mine(&self, token: Token) -> bool {
        self.first.is_some_and(|first| (first.0..first.0 + self.published).contains(&token.0))
    }
}

impl Work for Sending {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match effect {
            Effect::Confirm { token, routed, .. } if self.is_mine(token) && self.outstanding() > 0 => {
                self.confirmed += 1;
                self.unrouted += u64::from(!routed);
            }
            Effect::Reply { token, reply: Err(refusal) } if self.is_mine(token) && self.outstanding() > 0 => {
                self.refused += 1;
                self.refusal.get_or_insert(refusal);
            }
            _ => return Ok(Progress::Waits),
        }
        self.publish(desk);
        if self.outstanding() > 0 {
            return Ok(Progress::Waits);
        }
        match self.refusal.take() {
            Some(refusal) if self.count == 1 => Err(refusal.into()),
            Some(refusal) => Err(Failure::Partly { refusal, sent: self.confirmed, count: self.count }),
            None => {
                desk.item(&json!({ "sent": self.confirmed, "unrouted": self.unrouted }));
                Ok(Progress::Finished)
            }
        }
    }

    fn publishes(&self) -> bool {
        true
    }
}

fn message(send: Send, desk: &Desk<'_>) -> Result<Message, Failure> {
    let namespace = Namespace(send.namespace);
    let address = match (send.queue, send.topic) {
        (Some(queue), None) => Address::queue(namespace, queue.into()),
        (None, Some(topic)) => Address::topic(namespace, checked(topic)?.into()),
        _ => return Err(Failure::Invalid("name either a queue or a topic")),
    };
    let body = match (send.body, send.body_base64) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(text)) => STANDARD.decode(text)?.into(),
        (None, None) => Bytes::new(),
        (Some(_), Some(_)) => return Err(Failure::Invalid("give either body or body_base64")),
    };
    let priority = send.priority.unwrap_or(Header::default().priority);
    if priority >= limits::PRIORITIES {
        return Err(Failure::Limit("priority", u64::from(limits::PRIORITIES) - 1));
    }
    let header = Header {
        durable: send.durable,
        priority,
        expires: send.ttl.map(|ttl| desk.now.plus(ttl)),
        not_before: send.delay.map(|delay| desk.now.plus(delay)),
        ..Header::default()
    };
    Ok(Message { address, header, encoding: EncodingId::PLAIN, properties: Bytes::new(), body: body.into() })
}

/// A topic that can be published to: a name, not a pattern.
fn checked(topic: String) -> Result<String, Failure> {
    if topic.is_empty() {
        return Err(Failure::Invalid("the topic is empty"));
    }
    if topic.len() > limits::KEY_BYTES {
        return Err(Failure::Limit("bytes of a topic", limits::KEY_BYTES as u64));
    }
    if topic.split('.').count() > limits::TOPIC_LEVELS {
        return Err(Failure::Limit("levels of a topic", limits::TOPIC_LEVELS as u64));
    }
    if topic.split('.').any(|word| word == "*" || word == "#") {
        return Err(Failure::Invalid("* and # are wildcards: they can be listened to, not sent to"));
    }
    Ok(topic)
}
