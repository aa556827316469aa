//! Opening a store: lock, identity, recovery, a new epoch.

use std::sync::Arc;

use crate::batch::Lsn;
use crate::disk::{Disk, Lock, failed};
use crate::error::Error;
use crate::identity::Identity;
use crate::index::{Index, Shared};
use crate::limits::{BLOCK, Options};
use crate::preallocator::{Pool, Preallocator, remove_unfinished};
use crate::recovery::{Expect, Recovered, Replay, Tail, TornTail, recover};
use crate::segment::{LOG, Name, Segment, SegmentHeader};
use crate::store::Store;
use crate::writer::Writer;

const LOCK: &str = "LOCK";

/// An open store.
pub struct Opened {
    pub identity: Identity,
    /// Higher than at every earlier open of this store, and durable.
    pub epoch: u64,
    /// The number that the next record must have.
    pub next: Lsn,
    pub writer: Writer,
    pub store: Store,
    /// To be run on a thread of its own.
    pub preallocator: Preallocator,
    /// What was removed behind the last sound frame.
    pub cut: Option<TornTail>,
}

/// Opens the store on `disk`, making it if there is none, and calls `replay` with each record that was not trimmed, in
/// order. What was replayed is durable, including records whose writer never got to confirm them.
pub fn open(disk: Arc<dyn Disk>, options: Options, replay: &mut Replay<'_>) -> Result<Opened, Error> {
    let lock = lock(&*disk)?;
    disk.create_dir(LOG).map_err(failed(&*disk, "create", LOG))?;
    disk.sync_dir("").map_err(failed(&*disk, "sync", ""))?;
    let files = Files::list(&*disk)?;
    let identity = match Identity::load(&*disk)? {
        Some(identity) => identity,
        None if files.segments.is_empty() => Identity::create(&*disk)?,
        None => return Err(Identity::missing(&*disk)),
    };
    for name in &files.unfinished {
        remove_unfinished(&*disk, name)?;
    }
    let pool = Pool::open(&*disk, &files.spares, &options)?;
    // Names that an earlier process changed and did not get to sync.
    disk.sync_dir(LOG).map_err(failed(&*disk, "sync", LOG))?;
    let created = files.segments.is_empty();
    let Recovered { mut tail, index, cut } = if created {
        create(&*disk, &pool, &identity, &options)?
    } else {
        recover(&*disk, identity.store_id, &files.segments, replay)?
    };
    if !created {
        tail.expect.epoch += 1;
    }
    let (epoch, next) = (tail.expect.epoch, tail.expect.lsn);
    let (pool, shared) = (Arc::new(pool), Arc::new(Shared::new(index)));
    let store = Store::new(Arc::clone(&disk), Arc::clone(&shared), identity.store_id, options.cache_bytes);
    let preallocator = Preallocator { disk: Arc::clone(&disk), pool: Arc::clone(&pool), _lock: Arc::clone(&lock) };
    let mut writer = Writer::new(disk, shared, pool, tail, identity.store_id, &options, lock);
    if !created {
        writer.write_epoch()?;
    }
    Ok(Opened { identity, epoch, next, writer, store, preallocator, cut })
}

fn lock(disk: &dyn Disk) -> Result<Arc<dyn Lock>, Error> {
    match disk.lock(LOCK).map_err(failed(disk, "lock", LOCK))? {
        Some(lock) => Ok(lock.into()),
        None => Err(Error::Locked { path: disk.path(LOCK) }),
    }
}

/// The first segment of a new store; its header makes the first epoch durable.
fn create(disk: &dyn Disk, pool: &Pool, identity: &Identity, options: &Options) -> Result<Recovered, Error> {
    let expect = Expect { block_no: 1, prev_crc: 0, lsn: Lsn(1), epoch: 1, time: 0 };
    let header = SegmentHeader {
        store_id: identity.store_id,
        number: 1,
        epoch: expect.epoch,
        first_block: expect.block_no,
        first_lsn: expect.lsn.0,
        prev_crc: expect.prev_crc,
        recycled: false,
    };
    let segment = Segment::begin(disk, pool, header, BLOCK as u64, options.first_segment_bytes)?;
    let mut index = Index::default();
    index.begin_segment(segment.number, expect.lsn);
    Ok(Recovered { tail: Tail { segment, at: BLOCK as u64, expect }, index, cut: None })
}

/// What lies in the log's folder.
#[derive(Default)]
struct Files {
    /// Ascending; a number that is missing between others is there, too, so that recovery misses it.
    segments: Vec<u64>,
    spares: Vec<u64>,
    unfinished: Vec<String>,
}

impl Files {
    fn list(disk: &dyn Disk) -> Result<Self, Error> {
        let mut files = Self::default();
        for name in disk.list(LOG).map_err(failed(disk, "list", LOG))? {
            match Name::parse(&name) {
                Name::Segment(number) => files.segments.push(number),
                Name::Spare(serial) => files.spares.push(serial),
                Name::New => files.unfinished.push(format!("{LOG}/{name}")),
                Name::Foreign => {}
            }
        }
        files.segments.sort_unstable();
        if let Some(pair) = files.segments.windows(2).find(|pair| pair[1] != pair[0] + 1) {
            return Err(Error::Corrupt { segment: pair[0] + 1, offset: 0, reason: "the file is missing" });
        }
        files.spares.sort_unstable();
        Ok(files)
    }
}
