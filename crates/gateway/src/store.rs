//! The journal under the broker: recovery, and the threads that write.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use journal::disk::{real::RealDisk, volatile::VolatileDisk};
use journal::{Committer, Disk, Events, Identity, Opened, ReplayError, Submitter};
use model::{Lsn, Time};

use crate::engine::Engine;
use crate::exit::Failure;

/// Takes each record that recovery finds, with the time of its frame.
pub(crate) type Restore<'a> = dyn FnMut(Lsn, Time, &[u8]) -> Result<(), ReplayError> + 'a;

/// A store that was recovered into a broker and not yet started.
pub(crate) struct Store {
    opened: Opened,
    committer: Committer,
    pub(crate) submitter: Submitter,
}

/// Threads of a running store.
pub(crate) struct Running {
    submitter: Submitter,
    journal: JoinHandle<()>,
}

impl Store {
    /// Opens or makes the store in `data`, giving every record to `restore`. `room`: bytes of records that may wait for the
    /// disk.
    pub(crate) fn open(data: &Path, room: usize, restore: &mut Restore<'_>) -> Result<Self, Failure> {
        let disk = disk(data).map_err(|error| Failure::store(data, error))?;
        let mut replay = |lsn: journal::Lsn, time: u64, record: &[u8]| restore(Lsn(lsn.0), Time(time), record);
        let opened = journal::open(disk, journal::Options::default(), &mut replay)
            .map_err(|error| Failure::store(data, error))?;
        if let Some(cut) = &opened.cut {
            tracing::warn!(segment = cut.segment, offset = cut.offset, "cut a torn tail: nothing confirmed was in it");
        }
        let (committer, submitter) = Committer::new(room);
        Ok(Self { opened, committer, submitter })
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.opened.identity
    }

    /// The last record that is there.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.opened.next.0 - 1)
    }

    pub(crate) fn start(self, engine: &Arc<Engine>) -> std::io::Result<Running> {
        let Self { opened: Opened { writer, store, preallocator, .. }, committer, submitter } = self;
        let events = Told { engine: engine.clone() };
        let journal =
            std::thread::Builder::new().name("journal".into()).spawn(move || committer.run(writer, store, events))?;
        // Not waited for: it ends with the writer.
        std::thread::Builder::new().name("preallocate".into()).spawn(move || preallocator.run())?;
        Ok(Running { submitter, journal })
    }
}

impl Running {
    /// Writes what was submitted and ends.
    pub(crate) fn stop(self) {
        self.submitter.close();
        if self.journal.join().is_err() {
            tracing::error!("the journal thread ended by a defect");
        }
    }
}

/// What the journal thread tells the engine.
struct Told {
    engine: Arc<Engine>,
}

impl Events for Told {
    fn durable(&mut self, lsn: journal::Lsn) {
        self.engine.set_durable(Lsn(lsn.0));
    }

    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, journal::Error>) {
        let records = records.inspect_err(|error| tracing::error!("cannot read a message: {error}"));
        self.engine.loaded(token, records.ok());
    }

    fn failed(&mut self, error: journal::Error) {
        // After a failed write or fsync nobody knows what the disk holds: confirm nothing more, say why, stop.
        Failure::Fatal(format!("the journal cannot be written: {error}")).exit();
    }
}

/// The real disk, or one for crash tests: "volatile" keeps unsynced writes in this process, so that SIGKILL is a power
/// cut; "volatile-nosync" also lies about syncing, to prove that the tests would notice.
fn disk(data: &Path) -> Result<Arc<dyn Disk>, std::io::Error> {
    std::fs::create_dir_all(data)?;
    Ok(match std::env::var(config::DISK_VARIABLE).as_deref() {
        Ok("volatile") => Arc::new(VolatileDisk::new(data)?),
        Ok("volatile-nosync") => Arc::new(VolatileDisk::skip_sync(data)?),
        _ => Arc::new(RealDisk::new(data)?),
    })
}
