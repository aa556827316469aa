//! Requests that change queues.

use model::{Command, Declare, DeclareMode, Effect, Namespace, QueueRef, Reply, Token};
use serde_json::json;

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::request::{Create, queue_ref};
use crate::admin::work::{Once, Progress, Work};

/// Messages that one command moves, so that no step of the broker takes long.
const MOVED_AT_ONCE: u64 = 1_000;

pub(crate) fn purge(namespace: u16, queue: &str, leased: bool, desk: &mut Desk<'_>) -> Once {
    let queue = queue_ref(namespace, queue);
    Once { token: desk.ask(|token| Command::Purge { token, queue, leased }), show: show_count }
}

pub(crate) fn delete(namespace: u16, queue: &str, (if_unused, if_empty): (bool, bool), desk: &mut Desk<'_>) -> Once {
    let queue = queue_ref(namespace, queue);
    Once { token: desk.ask(|token| Command::Delete { token, queue, if_unused, if_empty }), show: show_count }
}

pub(crate) fn create(create: &Create, desk: &mut Desk<'_>) -> Result<Once, Failure> {
    let (namespace, name) = (Namespace(create.namespace), create.queue.as_str().into());
    let settings = create.settings()?;
    let token = desk.ask(|token| {
        Command::Declare(Box::new(Declare {
            token,
            namespace,
            name,
            settings,
            mode: DeclareMode::Same,
            own: model::Own::No,
        }))
    });
    let show = |reply, desk: &mut Desk<'_>| {
        let Reply::Declared { existed, info, .. } = reply else { return Err(Failure::Unexpected) };
        desk.item(&json!({ "name": info.name.to_text(), "alias": info.alias, "created": !existed }));
        Ok(())
    };
    Ok(Once { token, show })
}

fn show_count(reply: Reply, desk: &mut Desk<'_>) -> Result<(), Failure> {
    let Reply::Count(count) = reply else { return Err(Failure::Unexpected) };
    desk.item(&json!({ "count": count }));
    Ok(())
}

/// Moves messages in portions until there is none left or there were enough.
pub(crate) struct Moving {
    token: Token,
    from: QueueRef,
    to: QueueRef,
    asked: u64,
    left: u64,
    moved: u64,
}

impl Moving {
    /// `max`: `None` for all that were ready when their turn came.
    pub(crate) fn start(namespace: u16, (from, to): (&str, &str), max: Option<u64>, desk: &mut Desk<'_>) -> Self {
        let (from, to) = (queue_ref(namespace, from), queue_ref(namespace, to));
        let left = max.unwrap_or(u64::MAX);
        let mut moving = Self { token: Token::default(), from, to, asked: 0, left, moved: 0 };
        moving.ask(desk);
        moving
    }

    fn ask(&mut self, desk: &mut Desk<'_>) {
        let (from, to, max) = (self.from.clone(), self.to.clone(), self.left.min(MOVED_AT_ONCE));
        self.asked = max;
        self.token = desk.ask(|token| Command::Move { token, from, to, max });
    }
}

impl Work for Moving {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        if token != self.token {
            return Ok(Progress::Waits);
        }
        let Reply::Count(count) = reply? else { return Err(Failure::Unexpected) };
        self.moved += count;
        self.left = self.left.saturating_sub(count);
        if count < self.asked || self.left == 0 {
            desk.item(&json!({ "count": self.moved }));
            return Ok(Progress::Finished);
        }
        self.ask(desk);
        Ok(Progress::Waits)
    }
}
