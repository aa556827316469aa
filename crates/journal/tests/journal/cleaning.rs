//! What a checkpoint lets go: deleting, rewriting, opening without reading what is old.

use std::sync::Arc;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Encryption, Error, Events, Hold, Kind, Lsn, Opened, Options, Space, stats};

use crate::support::{Deaf, Found, batch, content, open_ignoring, small};

const LEN: usize = 4000;

fn hold(lsn: u64) -> Hold {
    Hold { lsn: Lsn(lsn), bytes: LEN as u32, count: 1 }
}

/// A store of one record per batch.
struct Queue {
    disk: SimulatedDisk,
    opened: Opened,
    next: u64,
}

impl Queue {
    fn new() -> Self {
        let disk = SimulatedDisk::new(1);
        let opened = open_ignoring(Arc::new(disk.clone()), options()).unwrap();
        Self { disk, opened, next: 1 }
    }

    fn put(&mut self, holds: Vec<Hold>, releases: Vec<Hold>, checkpoint: bool) -> u64 {
        let lsn = self.next;
        let checkpoint = checkpoint.then_some(Lsn(lsn));
        let batch = Batch { holds, releases, checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, LEN)]) };
        self.opened.writer.append(&[batch]).unwrap();
        self.next += 1;
        lsn
    }

    fn message(&mut self) -> u64 {
        self.put(vec![hold(self.next)], Vec::new(), false)
    }

    fn release(&mut self, lsn: u64) {
        self.put(Vec::new(), vec![hold(lsn)], false);
    }

    fn checkpoint(&mut self) {
        self.put(Vec::new(), Vec::new(), true);
        self.opened.keeper.serve(&mut Deaf).unwrap();
    }

    fn reopen(&mut self) {
        self.disk.restart();
        self.opened = open_ignoring(Arc::new(self.disk.clone()), options()).unwrap();
        assert_eq!(self.opened.next, Lsn(self.next));
    }

    fn check(&self, lsn: u64) {
        assert_eq!(self.opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, LEN)], "record {lsn}");
    }
}

fn options() -> Options {
    Options { spares: 1, ..small() }
}

/// The last that was told of room.
#[derive(Default)]
struct Told(Option<Space>);

impl Events for Told {
    fn failed(&mut self, error: Error) {
        panic!("{error}");
    }

    fn space(&mut self, space: Space) {
        self.0 = Some(space);
    }
}

/// What would not pay otherwise is given back when publishers wait for it, but no more than that.
#[test]
fn when_room_is_short_the_last_bit_is_given_back() {
    // Of three messages one is gone: that is borne.
    let keep = |limited: Options| {
        let (mut queue, mut kept) = (Queue::new(), Vec::new());
        for _ in 0..30 {
            let gone = queue.message();
            kept.extend([queue.message(), queue.message()]);
            queue.put(Vec::new(), vec![hold(gone)], false);
        }
        queue.checkpoint();
        queue.disk.restart();
        queue.opened = open_ignoring(Arc::new(queue.disk.clone()), limited).unwrap();
        queue.put(Vec::new(), Vec::new(), true);
        let mut told = Told::default();
        queue.opened.keeper.serve(&mut told).unwrap();
        kept.iter().for_each(|&lsn| queue.check(lsn));
        (queue.disk.bytes(), told.0.unwrap())
    };
    let (roomy, space) = keep(options());
    assert!(!space.short && space.live == 60 * LEN as u64, "{space:?}");
    let reserve_bytes = 64 << 10;
    // So much too little that some files must be rewritten, and not all.
    let max_bytes = Some(roomy + reserve_bytes - (16 << 10));
    let (tight, space) = keep(Options { max_bytes, reserve_bytes, ..options() });
    assert!(!space.short, "{space:?}");
    let (least, space) = keep(Options { max_bytes: Some(roomy), reserve_bytes: roomy, ..options() });
    assert!(space.short, "{space:?}");
    assert!(roomy > tight && tight > least, "{roomy}, {tight}, {least}");
}

#[test]
fn one_live_record_in_each_segment_pins_no_segment() {
    let mut queue = Queue::new();
    let mut kept = Vec::new();
    // Fifty segments, each with one record that stays; the rest is consumed at once.
    for round in 0..50 {
        kept.push(queue.message());
        for _ in 0..7 {
            let lsn = queue.message();
            queue.release(lsn);
        }
        if round % 5 == 4 {
            queue.checkpoint();
        }
        if round % 20 == 19 {
            queue.reopen();
        }
    }
    queue.checkpoint();
    let live = (kept.len() * LEN) as u64;
    let bound = live * 3 / 2 + 2 * options().segment_bytes;
    // The current segment may be followed by one that the checkpoint is in; a checkpoint of one record needs none.
    let taken = queue.disk.bytes();
    assert!(taken <= bound + 2 * 4096, "{taken} bytes for {live}, allowed are {bound}");
    kept.iter().for_each(|&lsn| queue.check(lsn));
    queue.reopen();
    kept.iter().for_each(|&lsn| queue.check(lsn));
    kept.iter().for_each(|&lsn| queue.release(lsn));
    queue.checkpoint();
    assert!(queue.disk.bytes() <= 2 * options().segment_bytes + 4096);
    assert!(matches!(queue.opened.store.read(Lsn(kept[3]), Lsn(kept[3])), Err(Error::Released { .. })));
}

#[test]
fn a_release_without_a_checkpoint_deletes_nothing() {
    let mut queue = Queue::new();
    let kept: Vec<u64> = (0..40).map(|_| queue.message()).collect();
    queue.checkpoint();
    kept.iter().for_each(|&lsn| queue.release(lsn));
    queue.opened.keeper.serve(&mut Deaf).unwrap();
    kept.iter().for_each(|&lsn| queue.check(lsn));
}

#[test]
fn without_its_checkpoint_a_cleaned_store_is_refused() {
    for kept in [0, 1] {
        let mut queue = Queue::new();
        for lsn in 1..=20 {
            let holds = if lsn <= kept { vec![hold(lsn)] } else { Vec::new() };
            queue.put(holds, Vec::new(), false);
        }
        queue.checkpoint();
        queue.disk.restart();
        ["CHECKPOINT", "CHECKPOINT.copy"].iter().for_each(|name| journal::Disk::remove(&queue.disk, name).unwrap());
        match open_ignoring(Arc::new(queue.disk.clone()), options()).map(drop) {
            Err(Error::Corrupt { file, .. }) => assert_eq!(file, "CHECKPOINT"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn opening_reads_nothing_from_before_the_checkpoint() {
    let mut queue = Queue::new();
    let kept: Vec<u64> = (0..200).map(|_| queue.message()).collect();
    (0..200).filter(|index| index % 3 > 0 && *index > 100).for_each(|index| queue.release(kept[index]));
    queue.checkpoint();
    let Queue { disk, opened, .. } = &mut queue;
    opened.keeper.serve(&mut Deaf).unwrap();
    disk.restart();
    let before = stats(disk, &Encryption::default()).unwrap();
    let old: Vec<&str> = before.files.iter().filter(|file| file.kind != Kind::Hot).map(|file| &*file.name).collect();
    assert!(old.len() > 20, "{old:?}");
    let read = |disk: &SimulatedDisk| {
        old.iter().map(|name| (*name, disk.bytes_read(&format!("log/{name}")))).collect::<Vec<_>>()
    };
    let earlier = read(disk);
    queue.reopen();
    assert_eq!(read(&queue.disk), earlier);
    queue.check(kept[0]);
    assert_ne!(read(&queue.disk), earlier);
}

#[test]
fn the_index_of_an_old_segment_is_found_without_its_sidecar() {
    let mut queue = Queue::new();
    let kept: Vec<u64> = (0..200).map(|_| queue.message()).collect();
    queue.checkpoint();
    let sidecars: Vec<String> = queue.disk.names("log").into_iter().filter(|name| name.ends_with(".idx")).collect();
    assert!(sidecars.len() > 20);
    for (index, name) in sidecars.iter().enumerate() {
        let name = format!("log/{name}");
        if index % 2 == 0 {
            journal::Disk::remove(&queue.disk, &name).unwrap();
        } else {
            queue.disk.flip_bit(&name, 20 + index as u64 % 8, 1);
        }
    }
    queue.reopen();
    kept.iter().for_each(|&lsn| queue.check(lsn));
}

#[test]
fn a_damaged_segment_is_named_and_kept() {
    let mut queue = Queue::new();
    let kept: Vec<u64> = (0..60).map(|_| queue.message()).collect();
    (0..60).filter(|index| index % 6 > 0).for_each(|index| queue.release(kept[index]));
    queue.disk.flip_bit("log/0000000003.seg", 4096 + 500, 0);
    queue.put(Vec::new(), Vec::new(), true);
    let mut found = Found::default();
    queue.opened.keeper.serve(&mut found).unwrap();
    assert!(matches!(&found.0[..], [Error::Corrupt { file, offset: 4096, .. }] if file == "log/0000000003.seg"));
    for index in (0..60).step_by(6) {
        match queue.opened.store.read(Lsn(kept[index]), Lsn(kept[index])) {
            Ok(read) => assert_eq!(read, [content(kept[index], 0, LEN)]),
            Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error}"),
        }
    }
    // Not tried again before the next opening.
    queue.put(Vec::new(), Vec::new(), true);
    queue.opened.keeper.serve(&mut found).unwrap();
    assert_eq!(found.0.len(), 1);
    assert!(queue.disk.names("log").iter().any(|name| name == "0000000003.seg"));
}
