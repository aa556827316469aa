//! A store under test beside a model of what it must hold.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use journal::disk::simulated::SimulatedDisk;
use journal::{
    Algorithm, Batch, Changes, Disk, Encryption, Error, Events, File, Lock, Lsn, MasterKey, Opened, Options, Replay,
    ReplayError, Store, Writes, open, put_record,
};

/// Sizes small enough that a few records roll a segment.
pub(crate) fn small() -> Options {
    Options {
        segment_bytes: 32 << 10,
        first_segment_bytes: 16 << 10,
        max_frame_bytes: 6 << 10,
        spares: 2,
        cache_bytes: 16 << 10,
        ..Options::default()
    }
}

/// With a master key; `writes` says how new files are sealed.
pub(crate) fn encryption(writes: Option<Algorithm>) -> Encryption {
    let writes = writes.map_or(Writes::Plain, Writes::Sealed);
    Encryption { writes, key: Some(MasterKey::new([0x42; 32])) }
}

/// One of the three ways to write.
pub(crate) fn some_encryption(number: u64) -> Encryption {
    encryption([None, Some(Algorithm::Aes256Gcm), Some(Algorithm::ChaCha20Poly1305)][number as usize % 3])
}

/// Content that differs from record to record and from try to try.
pub(crate) fn content(lsn: u64, salt: u64, len: usize) -> Vec<u8> {
    let seed = lsn.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mut bytes = Vec::with_capacity(len + 8);
    for word in 0..len.div_ceil(8) as u64 {
        bytes.extend_from_slice(&seed.wrapping_add((word + 1).wrapping_mul(seed | 1)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(crate) fn batch(first: u64, time: u64, records: &[Vec<u8>]) -> Batch {
    let mut payload = BytesMut::new();
    records.iter().for_each(|record| put_record(&mut payload, record));
    Batch { first: Lsn(first), count: records.len() as u32, time, payload: payload.freeze().into(), ..Batch::default() }
}

pub(crate) fn open_ignoring(disk: Arc<dyn Disk>, options: Options) -> Result<Opened, Error> {
    open(disk, options, &mut Ignore)
}

pub(crate) struct Ignore;

impl Replay for Ignore {
    fn record(&mut self, _: Lsn, _: u64, _: &[u8], _: &Store, _: &mut Changes) -> Result<(), ReplayError> {
        Ok(())
    }
}

/// Number, time and bytes of each record.
#[derive(Default)]
pub(crate) struct Collect(pub(crate) Vec<(u64, u64, Vec<u8>)>);

impl Replay for Collect {
    fn record(&mut self, lsn: Lsn, time: u64, record: &[u8], _: &Store, _: &mut Changes) -> Result<(), ReplayError> {
        self.0.push((lsn.0, time, record.to_vec()));
        Ok(())
    }
}

/// What the store must hold.
#[derive(Default)]
pub(crate) struct Model {
    /// Every record ever handed in, from number 1 on; those of a lost suffix are replaced.
    records: Vec<Vec<u8>>,
    /// Up to here the store said "durable".
    durable: u64,
    epoch: u64,
    salt: u64,
}

pub(crate) struct Harness {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) simulated: SimulatedDisk,
    pub(crate) model: Model,
    pub(crate) opened: Option<Opened>,
    pub(crate) options: Options,
    /// The store was closed in order, so there is nothing to cut.
    closed: bool,
}

impl Harness {
    pub(crate) fn new(seed: u64) -> Self {
        let simulated = SimulatedDisk::new(seed);
        Self::on(Arc::new(simulated.clone()), simulated)
    }

    /// A harness on `disk`, which stands above `simulated`.
    pub(crate) fn on(disk: Arc<dyn Disk>, simulated: SimulatedDisk) -> Self {
        Self { disk, simulated, model: Model::default(), opened: None, options: small(), closed: false }
    }

    /// Opens the store; what it replays must be what the model says. `Ok(false)`: the disk failed meanwhile.
    pub(crate) fn open(&mut self) -> Result<bool, String> {
        let mut replayed = Collect::default();
        let result = open(Arc::clone(&self.disk), self.options.clone(), &mut replayed);
        let opened = match result {
            Ok(opened) => opened,
            Err(Error::Io { .. } | Error::Full { .. }) => return Ok(false),
            Err(error) => return Err(format!("open: {error}")),
        };
        self.model.check(&replayed.0, opened.next.0, opened.epoch)?;
        ensure(!self.closed || opened.cut.is_none(), || format!("cut after an orderly end: {:?}", opened.cut))?;
        self.closed = false;
        self.opened = Some(opened);
        self.check_reads()?;
        Ok(true)
    }

    /// Every record can be read, one by one and all at once.
    pub(crate) fn check_reads(&self) -> Result<(), String> {
        let store = &self.opened.as_ref().expect("open").store;
        let (first, last) = (1, self.model.durable);
        let all = store.read(Lsn(first), Lsn(last)).map_err(|error| format!("read {first}..={last}: {error}"))?;
        let one_by_one = (first..=last).step_by(3).map(|lsn| (lsn, store.read(Lsn(lsn), Lsn(lsn))));
        for (lsn, record) in one_by_one {
            let record = record.map_err(|error| format!("read {lsn}: {error}"))?;
            ensure(record.len() == 1 && record[0] == all[(lsn - first) as usize], || format!("read {lsn}"))?;
        }
        let expected = &self.model.records[first as usize - 1..last.max(first - 1) as usize];
        ensure(all.iter().map(Bytes::as_ref).eq(expected.iter().map(Vec::as_slice)), || "the records differ".into())
    }

    /// Appends batches of records with the given lengths. `Ok(false)`: the disk failed, and the writer with it.
    pub(crate) fn append(&mut self, batches: &[Vec<usize>]) -> Result<bool, String> {
        self.model.salt += 1;
        let mut next = self.model.records.len() as u64 + 1;
        let mut submitted = Vec::new();
        for lengths in batches {
            let records: Vec<Vec<u8>> =
                (next..).zip(lengths).map(|(lsn, &len)| content(lsn, self.model.salt, len)).collect();
            submitted.push(batch(next, self.model.salt, &records));
            next += records.len() as u64;
            self.model.records.extend(records);
        }
        let writer = &mut self.opened.as_mut().expect("open").writer;
        match writer.append(&submitted) {
            Ok(durable) => {
                ensure(durable.0 == next - 1, || format!("durable {durable:?}, not {}", next - 1))?;
                self.model.durable = durable.0;
                Ok(true)
            }
            Err(Error::Io { .. } | Error::Full { .. }) => {
                let again = writer.append(&[]);
                ensure(matches!(again, Err(Error::Poisoned)), || "a failed writer goes on".into())?;
                Ok(false)
            }
            Err(error) => Err(format!("append: {error}")),
        }
    }

    /// Lets the keeper work. `Ok(false)`: the disk failed, and the store with it.
    pub(crate) fn serve(&mut self) -> Result<bool, String> {
        match self.opened.as_mut().expect("open").keeper.serve(&mut Deaf) {
            Ok(()) => Ok(true),
            Err(Error::Io { .. }) => Ok(false),
            Err(error) => Err(format!("serve: {error}")),
        }
    }

    pub(crate) fn crash(&mut self) {
        self.simulated.crash();
        self.closed = false;
        self.opened = None;
    }

    pub(crate) fn restart(&mut self) {
        self.simulated.restart();
        self.opened = None;
    }

    pub(crate) fn close(&mut self) {
        self.opened = None;
        self.closed = true;
    }
}

impl Model {
    /// The replayed records are the durable ones and, maybe, some that were handed in right after them.
    fn check(&mut self, replayed: &[(u64, u64, Vec<u8>)], next: u64, epoch: u64) -> Result<(), String> {
        ensure(epoch > self.epoch, || format!("epoch {epoch} after {}", self.epoch))?;
        self.epoch = epoch;
        let first = replayed.first().map_or(next, |record| record.0);
        ensure(first == 1, || format!("begins at {first}"))?;
        ensure(next > self.durable, || format!("record {} is lost, next is {next}", self.durable))?;
        ensure(next <= self.records.len() as u64 + 1, || format!("next is {next}, nobody wrote so many"))?;
        ensure(replayed.len() as u64 == next - first, || "records are missing between others".into())?;
        let mut last_time = 0;
        for ((lsn, time, record), expected) in replayed.iter().zip(first..) {
            ensure(*lsn == expected, || format!("record {lsn} instead of {expected}"))?;
            ensure(*record == self.records[expected as usize - 1], || format!("record {lsn} differs"))?;
            ensure(*time >= last_time, || format!("time falls at record {lsn}"))?;
            last_time = *time;
        }
        self.records.truncate(next as usize - 1);
        self.durable = next - 1;
        Ok(())
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }
}

pub(crate) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Listens to nothing.
pub(crate) struct Deaf;

impl Events for Deaf {
    fn failed(&mut self, error: Error) {
        panic!("{error}");
    }
}

/// A disk that forwards everything, with another `write_at`, `sync_data` and `sync_dir`.
pub(crate) struct Wrapped<S> {
    pub(crate) below: Arc<dyn Disk>,
    pub(crate) sync: Arc<S>,
}

pub(crate) trait Syncing: Send + Sync + 'static {
    fn write_at(&self, below: &dyn File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        below.write_at(slices, offset)
    }
    fn sync_data(&self, below: &dyn File) -> io::Result<()>;
    fn sync_dir(&self, below: &dyn Disk, folder: &str) -> io::Result<()>;
}

impl<S: Syncing> Wrapped<S> {
    fn wrap(&self, below: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(WrappedFile { below, sync: Arc::clone(&self.sync) })
    }
}

impl<S: Syncing> Disk for Wrapped<S> {
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.below.create(name)?))
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(self.below.open(name)?))
    }
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.below.list(folder)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.below.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.below.remove(name)
    }
    fn create_dir(&self, folder: &str) -> io::Result<()> {
        self.below.create_dir(folder)
    }
    fn sync_dir(&self, folder: &str) -> io::Result<()> {
        self.sync.sync_dir(&*self.below, folder)
    }
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Lock>>> {
        self.below.lock(name)
    }
    fn randomness(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.below.randomness(buffer)
    }
    fn free(&self) -> io::Result<u64> {
        self.below.free()
    }
    fn path(&self, name: &str) -> PathBuf {
        self.below.path(name)
    }
}

struct WrappedFile<S> {
    below: Arc<dyn File>,
    sync: Arc<S>,
}

impl<S: Syncing> File for WrappedFile<S> {
    fn write_at(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.sync.write_at(&*self.below, slices, offset)
    }
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.below.read_at(buffer, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.sync.sync_data(&*self.below)
    }
    fn size(&self) -> io::Result<u64> {
        self.below.size()
    }
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Collects what the keeper found.
#[derive(Default)]
pub(crate) struct Found(pub(crate) Vec<Error>);

impl Events for Found {
    fn failed(&mut self, error: Error) {
        panic!("{error}");
    }
    fn damaged(&mut self, error: Error) {
        self.0.push(error);
    }
}
