//! The journal under the broker: recovery, and the threads that write.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

use bytes::Bytes;
use journal::disk::{real::RealDisk, volatile::VolatileDisk};
use journal::{
    Answers, Changes, Committer, Damage, Disk, Error, Events, Identity, KeeperHandle, KeyFault, Opened, Progress,
    Repair, ReplayError, Space, Submitter,
};
use model::{Backup, Command, Lsn, Time};

use broker::{Broker, Holds};
use config::{Config, Durability};

use crate::engine::{Engine, put_holds};
use crate::exit::Failure;

/// The version of what a new store writes.
pub(crate) const NEWEST: u8 = 2;
/// Bytes of the first segment of a new store, so that a broker that gets little takes little.
const FIRST_SEGMENT: u64 = 1 << 20;
/// The part of the memory that one frame of the log may take.
const FRAME_SHARE: u64 = 32;
/// The part of the memory that what was read last may take, and how much at most.
const CACHE_SHARE: u64 = 16;
const CACHE_ROOM: usize = 16 << 20;
/// Bytes of a backup between two words on how it goes.
const PROGRESS_BYTES: u64 = 4 << 20;

/// A store that was recovered into a broker and not yet started.
pub(crate) struct Store {
    opened: Opened,
    committer: Committer,
    pub(crate) submitter: Submitter,
    /// What recovery found to be needed no more; it goes to the journal with the first records.
    pub(crate) holds: Holds,
}

/// Threads of a running store.
pub(crate) struct Running {
    submitter: Submitter,
    threads: Vec<JoinHandle<()>>,
}

impl Store {
    /// Opens or makes the store in `data` and lets `broker` recover from it. `room`: bytes of records that may wait for
    /// the disk.
    pub(crate) fn open(
        data: &Path,
        options: journal::Options,
        room: usize,
        broker: &mut Broker,
    ) -> Result<Self, Failure> {
        let repair = options.repair;
        let disk = disk(data).map_err(|error| Failure::store(data, error))?;
        let mut replay =
            |lsn: journal::Lsn, time: u64, record: &[u8], store: &journal::Store, changes: &mut Changes| {
                let mut holds = Holds::default();
                broker
                    .restore(Lsn(lsn.0), Time(time), record, &mut |lsn| read(store, lsn), &mut holds)
                    .map_err(ReplayError::new)?;
                changes.holds.extend(put_holds(holds.added));
                changes.releases.extend(put_holds(holds.released));
                Ok(())
            };
        let opened = journal::open(disk, options, &mut replay).map_err(|error| refused(data, &error, repair))?;
        if let Some(cut) = &opened.cut {
            tracing::warn!(segment = cut.segment, offset = cut.offset, "cut a torn tail: nothing confirmed was in it");
        }
        for damage in &opened.repaired {
            tracing::warn!("{}", repaired(damage));
        }
        if opened.checkpoint_copy_used {
            tracing::warn!("CHECKPOINT was damaged, missing or old: CHECKPOINT.copy was used in its place");
        }
        let mut holds = Holds::default();
        broker
            .finish_restore(&mut |lsn| read(&opened.store, lsn), &mut holds)
            .map_err(|error| failed_pages(data, error))?;
        if opened.format < NEWEST {
            tracing::warn!(
                format = opened.format,
                "the store has an older format, in which it only grows: `causeway store finalize` changes it"
            );
            broker.keep_old_format();
        }
        if opened.sealed_otherwise && opened.format >= NEWEST {
            tracing::info!("the store has files that are encrypted otherwise than is set: they go as they are cleaned");
            broker.want_checkpoint();
        }
        let (committer, submitter) = Committer::new(room);
        Ok(Self { opened, committer, submitter, holds })
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.opened.identity
    }

    /// What was cut away or stepped over because the configuration asked for it.
    pub(crate) fn repaired(&self) -> Vec<String> {
        self.opened.repaired.iter().map(repaired).collect()
    }

    /// The last record that is there.
    pub(crate) fn last(&self) -> Lsn {
        Lsn(self.opened.next.0 - 1)
    }

    /// `backups`: what the engine wants to be copied.
    pub(crate) fn start(self, engine: &Arc<Engine>, backups: Receiver<(u64, String)>) -> std::io::Result<Running> {
        let Self { opened: Opened { writer, store, keeper, .. }, committer, submitter, .. } = self;
        let told = || Told { engine: engine.clone() };
        let (events, answers, kept, reader) = (told(), told(), told(), committer.reader());
        let (handle, asked) = (keeper.handle(), told());
        // Not waited for: it ends with the process.
        thread("backup", move || backups.into_iter().for_each(|(job, folder)| asked.back_up(&handle, job, folder)))?;
        let threads = vec![
            thread("journal", move || committer.run(writer, events))?,
            thread("read", move || reader.run(store, answers))?,
            thread("keep", move || keeper.run(kept))?,
        ];
        Ok(Running { submitter, threads })
    }
}

/// What the journal is to know of the configuration.
pub(crate) fn options(config: &Config, encryption: journal::Encryption) -> journal::Options {
    journal::Options {
        segment_bytes: config.segment_size,
        first_segment_bytes: FIRST_SEGMENT.min(config.segment_size),
        max_bytes: config.disk_limit,
        // What is on its way to the broker and from there to the disk when publishers are told, and a segment for the others.
        reserve_bytes: 2 * crate::run::transit_room(config) as u64 + config.segment_size,
        durability: match config.durability {
            Durability::Fsync => journal::Durability::Fsync,
            Durability::Os => journal::Durability::Os,
            Durability::None => journal::Durability::None,
        },
        repair: config.repair,
        encryption,
        max_frame_bytes: usize::try_from(config.memory_limit / FRAME_SHARE)
            .unwrap_or(usize::MAX)
            .min(journal::MAX_FRAME),
        cache_bytes: usize::try_from(config.memory_limit / CACHE_SHARE).unwrap_or(usize::MAX).min(CACHE_ROOM),
        ..journal::Options::default()
    }
}

/// Why the store cannot be opened, and what can be done about damage.
pub(crate) fn refused(data: &Path, error: &Error, repair: bool) -> Failure {
    if let Error::Key(fault) = error {
        return no_key(data, fault);
    }
    let advice = match error {
        Error::Corrupt { .. } if error.is_in_checkpoint() => "; `causeway store check` names all damage",
        Error::Corrupt { file, .. } if !repair && file.ends_with(".seg") => {
            "; `causeway store check` names all damage and changes nothing, `--repair` starts and cuts the log there, or \
             leaves out what lies before the last checkpoint"
        }
        Error::Corrupt { .. } => {
            "; `causeway store check` names all damage; it cannot be cut, because the last checkpoint needs what is there"
        }
        _ => "",
    };
    Failure::store(data, format_args!("{error}{advice}"))
}

/// Which setting is wrong about a store whose keys cannot be had.
pub(crate) fn no_key(data: &Path, fault: &KeyFault) -> Failure {
    const SETTINGS: &str =
        "one of encryption_key, encryption_key_file, encryption_key_credential, encryption_key_command";
    let data = data.display();
    match fault {
        KeyFault::Needed(_) | KeyFault::NoneGiven => {
            Failure::Configuration(format!("data folder {data}: {fault}: set {SETTINGS}"))
        }
        KeyFault::Wrong { .. } => {
            Failure::Configuration(format!("data folder {data}: {fault}: it must come from {SETTINGS}"))
        }
        KeyFault::OldFormat | KeyFault::Plain => Failure::Configuration(format!("data folder {data}: {fault}")),
        KeyFault::Lost(_) => Failure::Start(format!("data folder {data}: {fault}")),
    }
}

fn repaired(damage: &Damage) -> String {
    let Damage { segment, offset, reason, repair } = damage;
    let done = match repair {
        Repair::Cut { bytes, segments: 0 } => format!("cut from there on: {bytes} bytes"),
        Repair::Cut { bytes, segments: 1 } => format!("cut from there on: {bytes} bytes, 1 later segment with them"),
        Repair::Cut { bytes, segments } => {
            format!("cut from there on: {bytes} bytes, {segments} later segments with them")
        }
        Repair::Skipped { bytes } => format!("left out {bytes} bytes: messages in them are lost"),
    };
    format!("segment {segment} was damaged at byte {offset} ({reason}); {done}")
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

fn read(store: &journal::Store, lsn: Lsn) -> Option<Bytes> {
    let lsn = journal::Lsn(lsn.0);
    let read = store.read(lsn, lsn).inspect_err(|error| tracing::error!("cannot read a page: {error}"));
    read.ok()?.pop()
}

fn failed_pages(data: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::Start(format!("the store in {} cannot be recovered: {error}", data.display()))
}

impl Running {
    /// Writes what was submitted and ends.
    pub(crate) fn stop(self) {
        self.submitter.close();
        drop(self.submitter);
        for thread in self.threads {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            if thread.join().is_err() {
                tracing::error!("thread {name} ended by a defect");
            }
        }
    }
}

/// What the threads of the journal tell the engine.
struct Told {
    engine: Arc<Engine>,
}

impl Told {
    /// Copies the store, as it is now, and tells the broker how that goes.
    fn back_up(&self, keeper: &KeeperHandle, job: u64, folder: String) {
        let tell = |progress| self.engine.tell(Command::BackingUp { job, progress });
        let (engine, mut told) = (self.engine.clone(), 0);
        let progress = move |Progress { done, total }| {
            if done - told >= PROGRESS_BYTES || done == total {
                told = done;
                engine.tell(Command::BackingUp { job, progress: Backup::At(done, total) });
            }
        };
        let made = to_disk(&folder)
            .map_err(|error| error.to_string())
            .and_then(|disk| keeper.backup(disk, progress).map_err(|error| error.to_string()));
        tell(match made {
            Ok(backup) => Backup::Done(Lsn(backup.last.0), backup.bytes),
            Err(error) => Backup::Failed(error),
        });
    }
}

fn to_disk(folder: &str) -> std::io::Result<Arc<dyn Disk>> {
    std::fs::create_dir_all(folder)?;
    Ok(Arc::new(RealDisk::new(Path::new(folder))?))
}

impl Events for Told {
    fn durable(&mut self, lsn: journal::Lsn) {
        self.engine.set_durable(Lsn(lsn.0));
    }

    fn failed(&mut self, error: Error) {
        // After a failed write or fsync nobody knows what the disk holds: confirm nothing more, say why, stop.
        Failure::Fatal(format!("the journal cannot be written: {error}")).exit();
    }

    fn space(&mut self, space: Space) {
        let Space { bytes, live, free, short, stalled } = space;
        if short {
            tracing::warn!(bytes, free, "no room for the next segment: publishers wait");
        }
        self.engine.tell(Command::Measured(model::Space { used: bytes, live, free, short, stalled }));
    }

    fn damaged(&mut self, error: Error) {
        tracing::error!("an old part of the store is damaged, and stays as it is: {error}");
    }
}

impl Answers for Told {
    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, Error>) {
        // Of what is not needed any more, nobody minds that it is gone.
        let gone = |error: &Error| matches!(error, Error::Released { .. });
        let records = records.inspect_err(|error| {
            if !gone(error) {
                tracing::error!("cannot read a message: {error}");
            }
        });
        // They are slices of whole frames, which they would keep in memory.
        let own = |records: Vec<Bytes>| records.iter().map(|record| Bytes::copy_from_slice(record)).collect();
        self.engine.loaded(token, records.ok().map(own));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &Error, repair: bool) -> String {
        match refused(Path::new("data"), error, repair) {
            Failure::Start(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn damage_comes_with_advice_that_helps() {
        let damage = |file: &str| Error::Corrupt { file: file.to_owned(), offset: 8_192, reason: "it is torn" };
        let segment = damage("log/0000000003.seg");
        let refused = text(&segment, false);
        assert!(refused.starts_with("data folder data: log/0000000003.seg is damaged at byte 8192: it is torn; "));
        assert!(refused.contains("`--repair` starts"), "{refused}");
        // It was tried, or would not help.
        assert!(!text(&segment, true).contains("--repair"));
        assert!(!text(&damage("CHECKPOINT"), false).contains("--repair"));
        assert_eq!(text(&Error::Poisoned, false).lines().count(), 1);
        assert!(!text(&Error::Poisoned, false).contains("check"));
    }

    #[test]
    fn what_was_repaired_is_told() {
        let cut = |segments| Repair::Cut { bytes: 70_000, segments };
        let damage = Damage { segment: 3, offset: 8_192, reason: "it is torn", repair: cut(2) };
        let told = "segment 3 was damaged at byte 8192 (it is torn); cut from there on: 70000 bytes, 2 later segments with them";
        assert_eq!(repaired(&damage), told);
        assert!(repaired(&Damage { repair: cut(0), ..damage }).ends_with(": 70000 bytes"));
        let skipped = Repair::Skipped { bytes: 4_096 };
        let told = "segment 3 was damaged at byte 8192 (it is torn); left out 4096 bytes: messages in them are lost";
        assert_eq!(repaired(&Damage { repair: skipped, ..damage }), told);
    }
}
