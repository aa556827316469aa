//! `PurgeQueue`.

use model::{Alteration, Command, Effect, QueueRef, Refusal, Time, Token};
use serde::Deserialize;

use super::input;
use super::target::{Target, shown_name};
use crate::call::{Age, Call, Progress, Scene, Started, Stop, Waiting};
use crate::error::Fault;
use crate::text::Text;

/// Milliseconds between two purges of a queue.
const INTERVAL: u64 = 60_000;
/// When the queue was last purged, in its settings, so that every connection and process knows it.
const PURGED: &str = "aws.purged";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Purge<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

/// `PurgeQueue`: drops every message, those in flight too.
pub(crate) fn start(mut call: Call<'_>) -> Result<Started, Stop> {
    let input: Purge<'_> = input(call.body())?;
    let Target { namespace, name, .. } = Target::of(&call, input.queue_url.as_ref())?;
    let info = call.queue(namespace, &name, Age::New)?;
    let last = info.settings.extra(PURGED).and_then(|text| text.parse().ok()).map(Time);
    if last.is_some_and(|last| call.now.since(last) < INTERVAL) {
        return Err(Fault::PurgeInProgress(shown_name(info)).into());
    }
    let queue = QueueRef::Named(namespace, name);
    let extras = vec![(PURGED.to_owned(), call.now.0.to_string())];
    let alteration = Box::new(Alteration { extras, ..Alteration::default() });
    let tokens = [call.memory.next_token(), call.memory.next_token()];
    call.push(Command::Purge { token: tokens[0], queue: queue.clone(), leased: true });
    call.push(Command::Alter { token: tokens[1], queue, alteration });
    Ok(Started::Waits(Box::new(Purging { missing: tokens.to_vec(), mark: tokens[1] })))
}

struct Purging {
    missing: Vec<Token>,
    /// Of the command that notes when it was.
    mark: Token,
}

impl Waiting for Purging {
    fn apply(&mut self, _now: Time, effect: Effect, _scene: &mut Scene<'_>) -> Result<Progress, Fault> {
        if let Effect::Reply { token, reply } = effect
            && self.missing.contains(&token)
        {
            let is_mark = token == self.mark;
            match reply {
                // Who may read a queue may empty it, even if he may not note that he did.
                Err(Refusal::Denied(_)) if is_mark => {}
                reply => drop(reply?),
            }
            self.missing.retain(|missing| *missing != token);
        }
        Ok(if self.missing.is_empty() { Progress::Answered(b"{}".to_vec()) } else { Progress::Waits })
    }
}
