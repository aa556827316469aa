//! A full disk: the writer waits, loses nothing, and goes on by itself.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use journal::disk::simulated::SimulatedDisk;
use journal::{Batch, Committer, Error, Events, Lsn, Options, Space};

use crate::support::{batch, content, open_ignoring, small};

#[derive(Debug)]
enum Event {
    Durable(Lsn),
    Space(Space),
    Failed(Error),
}

#[derive(Clone)]
struct Sink(Sender<Event>);

impl Events for Sink {
    fn durable(&mut self, lsn: Lsn) {
        let _ = self.0.send(Event::Durable(lsn));
    }
    fn failed(&mut self, error: Error) {
        let _ = self.0.send(Event::Failed(error));
    }
    fn space(&mut self, space: Space) {
        let _ = self.0.send(Event::Space(space));
    }
}

fn one(lsn: u64) -> Batch {
    batch(lsn, lsn, &[content(lsn, 0, 3000)])
}

/// The last record that was confirmed before both the keeper and the writer say that there is no room.
fn until_stalled(events: &Receiver<Event>) -> u64 {
    let (mut durable, mut short, mut stalled) = (0, false, false);
    loop {
        match events.recv().unwrap() {
            Event::Durable(lsn) => durable = lsn.0,
            Event::Space(space) => (short, stalled) = (short || space.short, stalled || space.stalled),
            Event::Failed(error) => panic!("{error}"),
        }
        if short && stalled {
            return durable;
        }
    }
}

/// Runs a store on a disk of 100 KB until it is full, then does `then` and returns what was durable in the end.
fn fill(options: Options, capacity: Option<u64>, then: impl FnOnce(&SimulatedDisk, &journal::Submitter)) -> (u64, u64) {
    let disk = SimulatedDisk::new(1);
    let opened = open_ignoring(Arc::new(disk.clone()), options).unwrap();
    if let Some(bytes) = capacity {
        disk.limit_capacity(bytes);
    }
    let (committer, submitter) = Committer::new(1 << 20);
    let (sender, events) = channel();
    let (sink, other) = (Sink(sender.clone()), Sink(sender));
    let (writer, keeper) = (opened.writer, opened.keeper);
    let threads = [thread::spawn(move || committer.run(writer, sink)), thread::spawn(move || keeper.run(other))];
    (1..=60).for_each(|lsn| submitter.submit(one(lsn)));
    let confirmed = until_stalled(&events);
    then(&disk, &submitter);
    submitter.close();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let last = events.try_iter().filter_map(|event| match event {
        Event::Durable(lsn) => Some(lsn.0),
        Event::Space(_) | Event::Failed(_) => None,
    });
    let last = last.last().unwrap_or(confirmed);
    disk.crash();
    let next = open_ignoring(Arc::new(disk), small()).unwrap().next.0;
    assert!(next > last, "record {last} was confirmed, the next is {next}");
    (confirmed, last)
}

#[test]
fn it_goes_on_when_there_is_room() {
    let (sender, settled) = channel();
    let (confirmed, last) = fill(small(), Some(100_000), |disk, submitter| {
        disk.limit_capacity(10_000_000);
        // Everything submitted before is done before this.
        submitter.submit(one(61));
        sender.send(()).unwrap();
        let full = |disk: &SimulatedDisk| disk.bytes() < 61 * 4096;
        while full(disk) {
            thread::yield_now();
        }
    });
    settled.recv().unwrap();
    assert!(confirmed < 60);
    assert!(last > confirmed);
}

/// What is in it can be read, and consumed, when there is no room for anything else.
#[test]
fn a_full_store_opens_on_a_full_disk() {
    let disk = SimulatedDisk::new(1);
    let mut opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    (1..=3).for_each(|lsn| assert_eq!(opened.writer.append(&[one(lsn)]).unwrap(), Lsn(lsn)));
    drop(opened);
    disk.limit_capacity(disk.bytes() + 2 * 4096);
    let mut opened = open_ignoring(Arc::new(disk), small()).unwrap();
    assert_eq!(opened.store.read(Lsn(3), Lsn(3)).unwrap(), [content(3, 0, 3000)]);
    assert!(matches!(opened.writer.append(&[one(4)]), Err(Error::Full { .. })));
}

#[test]
fn closing_ends_the_wait() {
    let (confirmed, last) = fill(small(), Some(100_000), |_, _| ());
    assert_eq!(confirmed, last);
}

#[test]
fn the_limit_of_the_store_is_a_full_disk() {
    let options = Options { max_bytes: Some(100_000), ..small() };
    // Between the spares and the log a file is counted nowhere for a moment.
    let most = 100_000 + small().segment_bytes + 4096;
    let (confirmed, last) = fill(options, None, |disk, _| {
        let bytes = disk.bytes();
        assert!(bytes <= most, "{bytes} bytes");
    });
    assert_eq!(confirmed, last);
}

/// While publishers learn that they have to wait, there is room for what they have sent; and it is over with the shortage.
#[test]
fn it_is_short_before_the_reserve_is_taken() {
    const RESERVE: u64 = 200_000;
    let disk = SimulatedDisk::new(1);
    disk.limit_capacity(1_000_000);
    let options = Options { reserve_bytes: RESERVE, ..small() };
    let mut opened = open_ignoring(Arc::new(disk.clone()), options).unwrap();
    let (sender, events) = channel();
    let (mut sink, mut lsn, mut short) = (Sink(sender), 0, None);
    let mut serve = |keeper: &mut journal::Keeper| {
        keeper.serve(&mut sink).unwrap();
        let told =
            events.try_iter().filter_map(|event| if let Event::Space(space) = event { Some(space) } else { None });
        told.last().map(|space| space.short)
    };
    while opened.writer.append(&[one(lsn + 1)]).is_ok() {
        lsn += 1;
        match serve(&mut opened.keeper) {
            Some(true) => short = short.or(Some(lsn)),
            Some(false) => assert_eq!(short, None, "record {lsn} has made room"),
            None => {}
        }
    }
    // Each in a block, and told once a segment.
    let left = (lsn - short.expect("it was told")) * 4096;
    assert!(left + (32 << 10) >= RESERVE, "{left} bytes were written after that");
    assert!(left < 2 * RESERVE, "{left} bytes were left");
    disk.limit_capacity(10_000_000);
    assert_eq!(serve(&mut opened.keeper), Some(false));
}
