use model::{Command, Effect, Reply, Token};
use serde_json::json;

use crate::admin::desk::Desk;
use crate::admin::failure::Failure;
use crate::admin::work::{Progress, Work};
use crate::json::ProgressObject;

/// The running store is copied into a folder.
pub(crate) struct BackingUp {
    token: Token,
}

impl BackingUp {
    pub(crate) fn start(folder: String, desk: &mut Desk<'_>) -> Result<Self, Failure> {
        if !folder.starts_with('/') {
            return Err(Failure::Invalid("the folder must be an absolute path: the broker has another current one"));
        }
        Ok(Self { token: desk.ask(|token| Command::Backup { token, folder }) })
    }
}

impl Work for BackingUp {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        match effect {
            // One who does not read is not told everything.
            Effect::Progress { token, done, total } if token == self.token && desk.has_room() => {
                desk.progress(&ProgressObject { done, total, ..ProgressObject::default() });
                Ok(Progress::Waits)
            }
            Effect::Reply { token, reply } if token == self.token => {
                let Reply::BackedUp { lsn, bytes } = reply? else { return Err(Failure::Unexpected) };
                desk.item(&json!({ "lsn": lsn.0, "bytes": bytes }));
                Ok(Progress::Finished)
            }
            _ => Ok(Progress::Waits),
        }
    }
}
