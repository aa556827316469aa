//! Random histories of an owner on a bad disk. `CAUSEWAY_SEEDS=n` tries n of them, `CAUSEWAY_SEED=s` only that one.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Changes, Disk, Durability, Error, Lsn, Opened, Options, open};

use crate::nonces::Nonces;
use crate::owner::{Held, Record, Restored};
use crate::seen::Seen;
use crate::support::{Deaf, Random, Wrapped, batch, ensure, small, some_encryption};

const SEEDS: u64 = 2000;
const STEPS: usize = 25;
const CHECKPOINTS: [&str; 2] = ["CHECKPOINT", "CHECKPOINT.copy"];
/// Of every fortieth history.
const MANY_STEPS: usize = 300;

#[test]
fn what_is_held_is_there() {
    let number = |name: &str| std::env::var(name).ok().map(|seed| seed.parse::<u64>().unwrap());
    let seeds = match number("CAUSEWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CAUSEWAY_SEEDS").unwrap_or(SEEDS),
    };
    let many = seeds.end - seeds.start >= SEEDS;
    let mut seen = Seen::default();
    for seed in seeds {
        let mut world = World::new(seed);
        world.run().unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        seen.add(&world.seen);
    }
    // Otherwise the histories are not what they should be.
    assert!(!many || seen.min() > SEEDS / 50, "{seen:?}");
}

/// Every change of checkpoints, deletions and rewrites is one that the power may fail in.
#[test]
fn a_power_cut_in_any_change_of_a_clean_up_loses_nothing_held() {
    let step = if std::env::var("CAUSEWAY_SEEDS").is_ok() { 1 } else { 8 };
    for durability in [Durability::Fsync, Durability::Os] {
        // A file of the checkpoint may be lost at the same time, whatever was deleted by then.
        let run = |cut: Option<u64>, lost: Option<&str>| {
            let mut world = World::new(11);
            let encryption = some_encryption(cut.unwrap_or_default());
            world.options = Options { durability, spares: 1, encryption, ..small() };
            world.reopen()?;
            if let Some(nth) = cut {
                world.disk.cut_power_at(nth);
            }
            let sound = world.clean_up()?;
            ensure(sound || cut.is_some(), || "a sound disk failed".into())?;
            world.disk.crash();
            if let Some(name) = lost {
                world.lose_checkpoint(name);
            }
            if durability != Durability::Fsync {
                world.confirmed = 0;
            }
            world.reopen()?;
            world.read_all()?;
            // Once more, over what was left behind.
            ensure(world.clean_up()?, || "a sound disk failed".into())?;
            world.disk.restart();
            world.reopen()?;
            world.read_all()?;
            Ok::<_, String>((world.disk.operations(), world.seen.rewritten))
        };
        let (changes, rewritten) = run(None, None).unwrap();
        assert!(rewritten > 0);
        for nth in (1..=changes).step_by(step) {
            let lost = [None, Some(CHECKPOINTS[0]), Some(CHECKPOINTS[1])];
            // All of them if there is time.
            let lost = if step == 1 { &lost[..] } else { &lost[nth as usize % 3..][..1] };
            for &lost in lost {
                run(Some(nth), lost).unwrap_or_else(|fault| panic!("{durability:?}, change {nth}, {lost:?}: {fault}"));
            }
        }
    }
}

struct World {
    disk: SimulatedDisk,
    /// Of everything that was ever sealed.
    nonces: Arc<Nonces>,
    options: Options,
    random: Random,
    opened: Option<Opened>,
    /// Every record that was handed in, from number 1 on.
    records: Vec<Record>,
    /// What is held after them.
    held: Held,
    /// Up to here they were confirmed.
    confirmed: u64,
    /// Where the checkpoint begins that is being written.
    begun: Option<u64>,
    last_epoch: u64,
    steps: usize,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let durability = [Durability::Fsync, Durability::Fsync, Durability::Os, Durability::None][random.below(4)];
        let encryption = some_encryption(random.next());
        let options = Options { durability, spares: random.below(3), encryption, ..small() };
        Self {
            disk: SimulatedDisk::new(seed),
            nonces: Arc::default(),
            options,
            random,
            opened: None,
            records: Vec::new(),
            held: Held::new(),
            confirmed: 0,
            begun: None,
            last_epoch: 0,
            steps: if seed % 40 == 39 { MANY_STEPS } else { STEPS },
            seen: Seen::default(),
        }
    }

    fn run(&mut self) -> Result<(), String> {
        self.reopen()?;
        for _ in 0..self.steps {
            if !self.step()? {
                self.end();
                self.reopen()?;
            }
        }
        self.disk.restart();
        self.reopen()?;
        self.read_all()?;
        self.nonces.check()?;
        self.seen.sealed += self.nonces.frames();
        self.damage()
    }

    /// Flips bits anywhere: what is read is right, or refused.
    fn damage(&mut self) -> Result<(), String> {
        self.opened = None;
        self.disk.restart();
        for _ in 0..3 {
            let mut names: Vec<String> = self.disk.names("log").iter().map(|name| format!("log/{name}")).collect();
            names.extend(self.disk.names("").into_iter().filter(|name| name != "LOCK"));
            let name = &names[self.random.below(names.len())];
            let size = self.disk.open(name).unwrap().size().unwrap();
            if size > 0 {
                self.disk.flip_bit(name, self.random.below(size as usize) as u64, self.random.below(8) as u8);
            }
        }
        let mut restored = Restored::default();
        let repair = self.random.below(2) == 0;
        let options = Options { repair, ..self.options.clone() };
        let Ok(mut opened) = open(Arc::new(self.disk.clone()), options, &mut restored) else { return Ok(()) };
        let sound = |lsn: u64, read: &[u8]| read == self.records[lsn as usize - 1].encode(lsn);
        ensure(restored.records.iter().all(|(lsn, record)| sound(*lsn, record)), || "damage was replayed".into())?;
        for round in 0..2 {
            for lsn in 1..opened.next.0 {
                let read = opened.store.read(Lsn(lsn), Lsn(lsn));
                ensure(read.is_err() || sound(lsn, &read.unwrap()[0]), || format!("damaged record {lsn}"))?;
            }
            if round == 0 {
                let served = opened.keeper.serve(&mut Deaf);
                ensure(served.is_ok(), || format!("serve: {served:?}"))?;
            }
        }
        Ok(())
    }

    /// Messages that mostly go soon, and checkpoints that let them go.
    fn clean_up(&mut self) -> Result<bool, String> {
        for _ in 0..12 {
            if !(self.append()? && self.append()? && self.checkpoint()? && self.checkpoint()? && self.serve()?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Does something. `Ok(false)`: the store failed, as it should on such a disk.
    fn step(&mut self) -> Result<bool, String> {
        match self.random.below(40) {
            0..16 => self.append(),
            16..22 => self.checkpoint(),
            22..28 => self.serve(),
            28..30 => self.read_all().map(|()| true),
            30..33 => {
                self.disk.cut_power_at(self.random.below(60) as u64 + 1);
                Ok(true)
            }
            33 => {
                self.disk.fail_sync_at(self.random.below(8) as u64 + 1);
                Ok(true)
            }
            34 => {
                self.disk.limit_capacity(60_000 + self.random.below(200_000) as u64);
                Ok(true)
            }
            35 => {
                // An orderly end.
                self.opened = None;
                self.reopen().map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// Damages one of the two files of the checkpoint, if there are two.
    fn lose_checkpoint(&mut self, name: &str) {
        let sizes = CHECKPOINTS.map(|name| self.disk.open(name).and_then(|file| file.size()).unwrap_or_default());
        if sizes.iter().all(|size| *size > 0) {
            let size = sizes[usize::from(name == CHECKPOINTS[1])];
            self.disk.flip_bit(name, self.random.below(size as usize) as u64, self.random.below(8) as u8);
        }
    }

    /// Ends the process, and maybe the system.
    fn end(&mut self) {
        if self.random.below(2) == 0 {
            self.disk.restart();
        } else {
            self.disk.crash();
            if self.options.durability != Durability::Fsync {
                self.confirmed = 0;
            }
        }
        self.opened = None;
        if let Some(name) = CHECKPOINTS.get(self.random.below(8)) {
            self.lose_checkpoint(name);
        }
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.opened = None;
        self.begun = None;
        if self.random.below(8) == 0 {
            self.options.encryption = some_encryption(self.random.next());
        }
        let mut restored = Restored::default();
        let opened = loop {
            let disk = Wrapped { below: Arc::new(self.disk.clone()), sync: Arc::clone(&self.nonces) };
            match open(Arc::new(disk), self.options.clone(), &mut restored) {
                Ok(opened) => break opened,
                // A fault that was arranged before.
                Err(Error::Io { .. } | Error::Full { .. }) => self.disk.crash(),
                Err(error) => return Err(format!("open: {error}")),
            }
            if self.options.durability != Durability::Fsync {
                self.confirmed = 0;
            }
            restored = Restored::default();
        };
        self.seen.checkpoints += u64::from(opened.checkpoint.is_some());
        self.seen.cold += u64::from(!self.cold_files().is_empty());
        self.seen.cut += u64::from(opened.cut.is_some());
        let next = opened.next.0;
        ensure(next > self.confirmed, || format!("record {} is lost, next is {next}", self.confirmed))?;
        ensure(next as usize <= self.records.len() + 1, || format!("next is {next}"))?;
        ensure(opened.epoch > self.last_epoch, || "the epoch does not rise".into())?;
        self.last_epoch = opened.epoch;
        self.records.truncate(next as usize - 1);
        self.confirmed = next - 1;
        let (first, end) = opened.checkpoint.map_or((1, 0), |(first, end)| (first.0, end.0));
        // What was released within the checkpoint itself is dead at its end.
        if let Some((_, fault)) = restored.fault.take_if(|(lsn, _)| *lsn > end) {
            return Err(fault);
        }
        self.replayed(&restored, first)?;
        let live: u64 = self.held.values().map(|(_, bytes)| u64::from(*bytes)).sum();
        let space = opened.writer.space().map_err(|error| format!("space: {error}"))?;
        self.opened = Some(opened);
        ensure(space.live == live, || format!("{} bytes are live, not {live}", space.live))?;
        if self.random.below(3) == 0 { self.read_all() } else { Ok(()) }
    }

    /// All records from the checkpoint on were replayed, and led to the right state.
    fn replayed(&mut self, restored: &Restored, first: u64) -> Result<(), String> {
        self.held.clear();
        for (lsn, record) in (1..).zip(&self.records) {
            record.apply(lsn, &mut self.held, &mut Changes::default());
        }
        ensure(restored.held == self.held, || "another state".into())?;
        let expected = (first..).zip(self.records.iter().skip(first as usize - 1));
        let expected = expected.map(|(lsn, record)| (lsn, record.encode(lsn)));
        ensure(expected.eq(restored.records.iter().cloned()), || "other records were replayed".into())
    }

    /// What is held can be read; what is not is right or refused.
    fn read_all(&mut self) -> Result<(), String> {
        let store = &self.opened.as_ref().unwrap().store;
        let some = self.random.below(8) as u64;
        for (lsn, record) in (1..=self.confirmed).zip(&self.records) {
            if lsn % 8 != some && !self.held.contains_key(&lsn) {
                continue;
            }
            match store.read(Lsn(lsn), Lsn(lsn)) {
                Ok(read) => ensure(read == [record.encode(lsn)], || format!("record {lsn} differs"))?,
                Err(Error::Io { .. }) => return Ok(()),
                Err(error) if self.held.contains_key(&lsn) => return Err(format!("record {lsn}: {error}")),
                Err(Error::Released { .. }) => {}
                Err(error) => return Err(format!("dead record {lsn}: {error}")),
            }
        }
        Ok(())
    }

    fn cold_files(&self) -> Vec<String> {
        self.disk.names("log").into_iter().filter(|name| name.ends_with(".cold")).collect()
    }

    fn serve(&mut self) -> Result<bool, String> {
        let before = self.cold_files();
        let served = self.serve_keeper();
        let after = self.cold_files();
        self.seen.rewritten += u64::from(before.iter().any(|name| !after.contains(name)) && after.len() > 1);
        served
    }

    fn serve_keeper(&mut self) -> Result<bool, String> {
        match self.opened.as_mut().unwrap().keeper.serve(&mut Deaf) {
            Ok(()) => Ok(true),
            Err(Error::Io { .. }) => Ok(false),
            Err(error) => Err(format!("serve: {error}")),
        }
    }

    fn append(&mut self) -> Result<bool, String> {
        let mut group = Vec::new();
        for _ in 0..=self.random.below(3) {
            let records = (0..self.random.below(5)).map(|_| self.some_record()).collect::<Vec<_>>();
            group.push(self.batch(records));
        }
        self.hand_in(&group)
    }

    /// Begins a checkpoint, or ends one; now and then both at once.
    fn checkpoint(&mut self) -> Result<bool, String> {
        let mut records = Vec::new();
        if self.begun.is_none() {
            self.begun = Some(self.records.len() as u64 + 1);
            let held: Vec<_> = self.held.iter().map(|(&lsn, &(count, len))| (lsn, count, len)).collect();
            let (one, two) = held.split_at(held.len() / 2);
            records.push(Record::State { first: true, held: one.to_vec() });
            records.push(Record::State { first: false, held: two.to_vec() });
            if self.random.below(2) == 0 {
                let batch = self.batch(records);
                return self.hand_in(&[batch]);
            }
        }
        records.push(self.some_record());
        let checkpoint = self.begun.take().map(Lsn);
        let batch = Batch { checkpoint, ..self.batch(records) };
        self.hand_in(&[batch])
    }

    fn some_record(&mut self) -> Record {
        let held: Vec<u64> = self.held.keys().copied().collect();
        match self.random.below(10) {
            0..4 if !held.is_empty() => {
                // The old ones rather than any.
                let lsn = held[self.random.below(held.len()).min(self.random.below(held.len()))];
                let count = self.random.below(self.held[&lsn].0 as usize) as u32 + 1;
                Record::Release { lsn, count }
            }
            4 if !held.is_empty() => Record::Hold { lsn: held[self.random.below(held.len())], count: 3 },
            _ => {
                let len = [20, 300, 3000, 15_000][self.random.below(8).saturating_sub(4)];
                let holders = [0, 1, 1, 1, 400][self.random.below(5)];
                Record::Message { holders, salt: self.random.next(), len: self.random.below(len) }
            }
        }
    }

    fn batch(&mut self, records: Vec<Record>) -> Batch {
        let first = self.records.len() as u64 + 1;
        let mut changes = Changes::default();
        let mut bytes = Vec::new();
        for (lsn, mut record) in (first..).zip(records) {
            // Chosen before those before it were applied.
            let possible = match &record {
                Record::Release { lsn, count } => self.held.get(lsn).is_some_and(|(held, _)| held >= count),
                Record::Hold { lsn, .. } => self.held.contains_key(lsn),
                Record::Message { .. } | Record::State { .. } => true,
            };
            if !possible {
                record = Record::Message { holders: 0, salt: 0, len: 1 };
            }
            record.apply(lsn, &mut self.held, &mut changes);
            bytes.push(record.encode(lsn));
            self.records.push(record);
        }
        Batch { holds: changes.holds, releases: changes.releases, ..batch(first, first, &bytes) }
    }

    fn hand_in(&mut self, group: &[Batch]) -> Result<bool, String> {
        let (disk, mut stalled) = (&self.disk, false);
        let more_room = self.random.below(2) == 0;
        let Opened { writer, keeper, .. } = self.opened.as_mut().unwrap();
        let appended = writer.append_or(group, &mut |_, error| {
            if !more_room {
                return Err(error);
            }
            stalled = true;
            disk.limit_capacity(u64::MAX);
            keeper.serve(&mut Deaf)
        });
        self.seen.stalls += u64::from(stalled && appended.is_ok());
        match appended {
            Ok(durable) => {
                self.confirmed = durable.0;
                ensure(durable.0 == self.records.len() as u64, || format!("durable {durable:?}"))?;
                Ok(true)
            }
            Err(Error::Io { .. } | Error::Full { .. } | Error::Poisoned) => Ok(false),
            Err(error) => Err(format!("append: {error}")),
        }
    }
}
