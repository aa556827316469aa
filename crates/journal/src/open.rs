//! Opening a store: lock, identity, recovery, a new epoch.

use std::sync::Arc;

use crate::batch::Lsn;
use crate::checkpoint::{Checkpoint, Loaded};
use crate::crypt::{Access, Encryption, KeyFault, Nonces, Vault, Writes};
use crate::disk::{Disk, Lock, failed, remove_if_there};
use crate::error::Error;
use crate::files::{Files, Plan};
use crate::frame::{FIRST_VERSION, SEALED, VERSION};
use crate::frame_buffer::FrameBuffer;
use crate::holders::Table;
use crate::identity::Identity;
use crate::keeper::{Cleaner, Desk, Keeper};
use crate::limits::{BLOCK, Format, Options, round_up};
use crate::names::{FileId, LOG};
use crate::recovery::{Begin, Damage, Expect, Recovered, Tail, TornTail, recover};
use crate::replay::Replay;
use crate::segment::{FIRST_SEGMENT, Segment, SegmentHeader};
use crate::shared::Shared;
use crate::source::Source;
use crate::store::Store;
use crate::writer::{Settings, Writer};

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
    pub keeper: Keeper,
    /// The last checkpoint lies where files are encrypted otherwise than new ones are: the next one lets those go.
    pub sealed_otherwise: bool,
    /// What was removed behind the last sound frame.
    pub cut: Option<TornTail>,
    /// What was stepped over or cut because [`Options::repair`] asked for it.
    pub repaired: Vec<Damage>,
    /// The version of what is written.
    pub format: u8,
    /// The checkpoint that recovery began with: its first record and its last one.
    pub checkpoint: Option<(Lsn, Lsn)>,
    /// It is from `CHECKPOINT.copy`, because `CHECKPOINT` was damaged, missing or older. It is written again.
    pub checkpoint_copy_used: bool,
}

/// Opens the store on `disk`, making it if there is none, and hands `replay` the records from the last checkpoint on, in
/// order. What was replayed is durable, including records whose writer never got to confirm them.
pub fn open(disk: Arc<dyn Disk>, options: Options, replay: &mut dyn Replay) -> Result<Opened, Error> {
    let Entered { lock, files, identity, vault, format } = enter(&*disk, &options)?;
    let created = !files.has_log();
    let loaded = Loaded::load(&*disk, &vault, files.bytes())?;
    let desk = Arc::new(Desk::open(&*disk, &files.spares, &options, &vault)?);
    desk.state().checkpoint_bytes = loaded.as_ref().map_or(0, Loaded::len);
    let plan = files.plan(&*disk, &vault, loaded.as_ref().map(|loaded| &loaded.checkpoint))?;
    let sealed_otherwise = is_sealed_otherwise(&*disk, &vault, &plan)?;
    let paired = clear(&*disk, &plan, loaded.as_ref())?;
    let checkpoint_copy_used = loaded.as_ref().is_some_and(Loaded::is_of_copy);
    let checkpoint = loaded.map(|loaded| loaded.checkpoint);

    let shared = Arc::new(Shared::default());
    plan.old.iter().for_each(|entry| shared.index_mut().add_old(*entry));
    let store = Store::new(Arc::clone(&disk), Arc::clone(&shared), Arc::clone(&vault), options.cache_bytes);
    let recovered = match created {
        true => create(&*disk, &desk, &shared, &vault, format, &options)?,
        false => recover(begin(&*disk, &vault, &shared, &store, &checkpoint, &options), &plan.scanned, replay)?,
    };
    let Recovered { mut tail, table, cut, repaired } = recovered;
    let bounds = checkpoint.as_ref().map(|checkpoint| (checkpoint.first, checkpoint.end));
    if !created {
        tail.expect.epoch = epoch_after(&tail, checkpoint.as_ref());
    }
    let (epoch, next) = (tail.expect.epoch, tail.expect.lsn);
    shared.set_live(table.total().bytes);
    let keeper = Keeper {
        disk: Arc::clone(&disk),
        shared: Arc::clone(&shared),
        desk: Arc::clone(&desk),
        store: store.clone(),
        vault: Arc::clone(&vault),
        durability: options.durability,
        checkpoints: format > FIRST_VERSION,
        durable: checkpoint.map(Arc::new),
        paired,
        cleaner: Cleaner::default(),
        unsynced: tail.segment.number,
        _lock: Arc::clone(&lock),
    };
    let buffer = FrameBuffer::new().map_err(failed(&*disk, "map memory for", LOG))?;
    let mut writer = Writer {
        nonces: nonces(&*disk)?,
        settings: Settings::new(&options, writes_version(&vault, format)),
        disk,
        shared,
        desk,
        tail,
        table,
        last_checkpoint: bounds.map_or(Lsn(1), |(first, _)| first),
        vault,
        buffer,
        poisoned: false,
        _lock: lock,
    };
    if !created {
        writer.write_epoch()?;
    }
    Ok(Opened {
        identity,
        epoch,
        next,
        writer,
        store,
        keeper,
        sealed_otherwise,
        cut,
        repaired,
        format,
        checkpoint: bounds,
        checkpoint_copy_used,
    })
}

/// A store that is locked, and that can be read.
struct Entered {
    lock: Arc<dyn Lock>,
    files: Files,
    identity: Identity,
    vault: Arc<Vault>,
    format: u8,
}

fn enter(disk: &dyn Disk, options: &Options) -> Result<Entered, Error> {
    let lock = lock(disk)?;
    disk.create_dir(LOG).map_err(failed(disk, "create", LOG))?;
    disk.sync_dir("").map_err(failed(disk, "sync", ""))?;
    let files = Files::list(disk)?;
    let (identity, format) = identify(disk, &files, options.format)?;
    let (vault, format) = unlock(disk, &identity, format, &options.encryption)?;
    Ok(Entered { lock, files, identity, vault, format })
}

/// Makes both files of the checkpoint say the same, and then removes what is no part of the log according to it. Returns
/// whether they do: on a full disk they may not, and what is left over stays.
fn clear(disk: &dyn Disk, plan: &Plan, loaded: Option<&Loaded>) -> Result<bool, Error> {
    let remove = |names: &[String]| names.iter().try_for_each(|name| remove_if_there(disk, name));
    // First, because that may be the room which the checkpoint needs.
    remove(&plan.unfinished)?;
    let paired = loaded.map_or(Ok(true), |loaded| loaded.settle(disk))?;
    if paired {
        remove(&plan.leftovers)?;
    }
    // Also what an earlier process changed and did not get to sync.
    disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
    Ok(paired)
}

pub(crate) fn lock(disk: &dyn Disk) -> Result<Arc<dyn Lock>, Error> {
    match disk.lock(LOCK).map_err(failed(disk, "lock", LOCK))? {
        Some(lock) => Ok(lock.into()),
        None => Err(Error::Locked { path: disk.path(LOCK) }),
    }
}

/// Makes the store of version 1 on `disk` one of the newest version, which older programs refuse. Nothing else changes
/// before it is opened.
pub fn finalize(disk: &dyn Disk) -> Result<(), Error> {
    let _lock = lock(disk)?;
    let Some((identity, version)) = Identity::load(disk)? else { return Err(Identity::none(disk)) };
    if version < VERSION { identity.save(disk, VERSION) } else { Ok(()) }
}

/// The identity of the store, made if there is none, and the version to write.
fn identify(disk: &dyn Disk, files: &Files, format: Format) -> Result<(Identity, u8), Error> {
    match Identity::load(disk)? {
        Some((identity, version)) if version >= VERSION || format == Format::Keep => Ok((identity, version)),
        Some((identity, _)) => {
            identity.save(disk, VERSION)?;
            Ok((identity, VERSION))
        }
        None if files.has_log() => Err(Identity::missing(disk)),
        None => Ok((Identity::create(disk)?, VERSION)),
    }
}

/// The keys of the store, made if it is to be encrypted and has none, and its version: from then on older programs refuse it.
fn unlock(
    disk: &dyn Disk,
    identity: &Identity,
    version: u8,
    encryption: &Encryption,
) -> Result<(Arc<Vault>, u8), Error> {
    if matches!(encryption.writes, Writes::Sealed(_)) && version == FIRST_VERSION {
        return Err(Error::Key(KeyFault::OldFormat));
    }
    let vault = Vault::open(disk, identity.store_id, version, encryption, Access::Write)?;
    let version = match vault.has_key() && version < SEALED {
        // The keys come first: what says that they are there is right.
        true => identity.save(disk, SEALED).map(|()| SEALED)?,
        false => version,
    };
    Ok((Arc::new(vault), version))
}

/// Whether the first segment that recovery reads is sealed otherwise than new ones will be.
fn is_sealed_otherwise(disk: &dyn Disk, vault: &Vault, plan: &Plan) -> Result<bool, Error> {
    let Some(first) = plan.scanned.first().filter(|_| vault.has_key()) else { return Ok(false) };
    let key = Source::of_log(disk, vault, FileId::hot(*first))?.key;
    Ok(key.map(|key| key.algorithm) != vault.writes())
}

/// The version of what is written to a store of a version.
fn writes_version(vault: &Vault, format: u8) -> u8 {
    match vault.writes() {
        Some(_) => SEALED,
        None => format.min(VERSION),
    }
}

fn nonces(disk: &dyn Disk) -> Result<Nonces, Error> {
    let mut salt = [0; 8];
    disk.randomness(&mut salt).map_err(failed(disk, "make randomness for", LOG))?;
    Ok(Nonces::new(salt))
}

fn begin<'a>(
    disk: &'a dyn Disk,
    vault: &'a Vault,
    shared: &'a Shared,
    store: &'a Store,
    checkpoint: &Option<Checkpoint>,
    options: &Options,
) -> Begin<'a> {
    let known = checkpoint.as_ref();
    Begin {
        disk,
        vault,
        shared,
        store,
        table: known.map_or_else(Table::default, |checkpoint| checkpoint.table.clone()),
        first: known.map_or(Lsn(1), |checkpoint| checkpoint.first),
        settled: known.map_or(Lsn::NONE, |checkpoint| checkpoint.end),
        repair: options.repair,
    }
}

fn epoch_after(tail: &Tail, checkpoint: Option<&Checkpoint>) -> u64 {
    tail.expect.epoch.max(checkpoint.map_or(0, |checkpoint| checkpoint.epoch)) + 1
}

/// The first segment of a new store; its header makes the first epoch durable.
fn create(
    disk: &dyn Disk,
    desk: &Desk,
    shared: &Shared,
    vault: &Vault,
    format: u8,
    options: &Options,
) -> Result<Recovered, Error> {
    let expect = Expect { block_no: 1, prev_crc: 0, lsn: Lsn(1), epoch: 1, time: 0 };
    let header = SegmentHeader {
        version: writes_version(vault, format),
        // Nothing is before it.
        unsynced: false,
        store_id: vault.store_id,
        number: FIRST_SEGMENT,
        epoch: expect.epoch,
        first_block: expect.block_no,
        first_lsn: expect.lsn.0,
        prev_crc: expect.prev_crc,
        recycled: false,
    };
    let need = 2 * BLOCK as u64;
    let spare = match desk.take(need) {
        Some(spare) => spare,
        None => desk.make(disk, shared, round_up(options.first_segment_bytes.max(need)))?,
    };
    let segment = Segment::begin(disk, spare, header, vault)?;
    shared.begin_segment(segment.number, expect.lsn, segment.len);
    let mut table = Table::default();
    table.begin_segment(expect.lsn);
    Ok(Recovered { tail: Tail { segment, at: BLOCK as u64, expect }, table, cut: None, repaired: Vec::new() })
}
