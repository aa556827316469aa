use model::Effect;

use crate::admin::backup::BackingUp;
use crate::admin::browse::Browse;
use crate::admin::change;
use crate::admin::desk::Desk;
use crate::admin::export::{Deleting, Exporting};
use crate::admin::failure::Failure;
use crate::admin::import::{Importing, Piece};
use crate::admin::inspect;
use crate::admin::request::Command;
use crate::admin::send::Sending;
use crate::admin::tail::Tailing;

/// A request that is being carried out.
pub(crate) trait Work {
    /// Called once: some have nothing to wait for.
    fn begin(&mut self, desk: &mut Desk<'_>) -> Progress {
        let _ = desk;
        Progress::Waits
    }

    /// Takes one effect; those that belong to an earlier request are for nobody.
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure>;

    /// The client has read: there may be room for more.
    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let _ = desk;
        Ok(Progress::Waits)
    }

    /// Whether an alarm of the broker makes it wait.
    fn publishes(&self) -> bool {
        false
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Waits,
    Finished,
}

/// Asks the broker the first question of a request.
pub(crate) fn start(command: Command, desk: &mut Desk<'_>) -> Result<Box<dyn Work>, Failure> {
    Ok(match command {
        Command::Status {} => Box::new(inspect::status(desk)),
        Command::Queues { namespace, prefix, internal } => {
            Box::new(inspect::queues(namespace, &prefix, internal, desk))
        }
        Command::Queue(name) => Box::new(inspect::Detail::start(&name, desk)),
        Command::Topics { namespace } => Box::new(inspect::topics(namespace, desk)),
        Command::Connections {} => Box::new(inspect::connections(desk)),
        Command::WhyDisk { most } => Box::new(inspect::Why::start(most, desk)),
        Command::Peek { namespace, queue, count } => Box::new(Browse::start(namespace, &queue, count, desk)),
        Command::Send(send) => Box::new(Sending::start(send, desk)?),
        Command::Purge { namespace, queue, leased } => Box::new(change::purge(namespace, &queue, leased, desk)),
        Command::Move { namespace, from, to, max } => {
            Box::new(change::Moving::start(namespace, (&from, &to), max, desk))
        }
        Command::Export(export) => Box::new(Exporting::start(export, desk)),
        Command::Exported(exported) => Box::new(Deleting::start(&exported, desk)),
        Command::Import(import) => Box::new(Importing::start(import, desk)?),
        Command::ImportPiece { base64 } => Box::new(Piece::take(&base64, desk)?),
        Command::Backup { folder } => Box::new(BackingUp::start(folder, desk)?),
        Command::Tail(tail) => Box::new(Tailing::start(tail, desk)?),
        Command::Create(create) => Box::new(change::create(&create, desk)?),
        Command::Delete { namespace, queue, if_unused, if_empty } => {
            Box::new(change::delete(namespace, &queue, (if_unused, if_empty), desk))
        }
    })
}

/// One question, one item.
pub(crate) struct Once {
    pub(crate) token: model::Token,
    pub(crate) show: fn(model::Reply, &mut Desk<'_>) -> Result<(), Failure>,
}

impl Work for Once {
    fn apply(&mut self, effect: Effect, desk: &mut Desk<'_>) -> Result<Progress, Failure> {
        let Effect::Reply { token, reply } = effect else { return Ok(Progress::Waits) };
        if token != self.token {
            return Ok(Progress::Waits);
        }
        (self.show)(reply?, desk)?;
        Ok(Progress::Finished)
    }
}
