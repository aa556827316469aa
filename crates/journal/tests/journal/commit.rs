//! Group commit, loads and trims through the committer; the writer's own rules.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use journal::disk::simulated::SimulatedDisk;
use journal::{Answers, Batch, Committer, Disk, Error, Events, File, Load, Lsn, Opened, Options, Submitter};

use crate::support::{Syncing, Wrapped, batch, content, open_ignoring, small};

#[derive(Debug)]
enum Event {
    Durable(Lsn),
    Loaded(u64, Result<Vec<Bytes>, Error>),
    Failed(Error),
}

#[derive(Clone)]
struct Sink(Sender<Event>);

impl Events for Sink {
    fn durable(&mut self, lsn: Lsn) {
        self.0.send(Event::Durable(lsn)).unwrap();
    }
    fn failed(&mut self, error: Error) {
        self.0.send(Event::Failed(error)).unwrap();
    }
}

impl Answers for Sink {
    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, Error>) {
        self.0.send(Event::Loaded(token, records)).unwrap();
    }
}

fn one(lsn: u64) -> Batch {
    batch(lsn, lsn, &[content(lsn, 0, 100)])
}

/// Bytes of records that may wait.
const ROOM: usize = 1 << 20;

/// Runs a committer and its reader on threads.
fn run(opened: Opened) -> (Submitter, Receiver<Event>, thread::JoinHandle<()>) {
    let (committer, submitter) = Committer::new(ROOM);
    let (sender, events) = channel();
    let (reader, sink) = (committer.reader(), Sink(sender));
    let answers = sink.clone();
    let (writer, store) = (opened.writer, opened.store);
    let thread = thread::spawn(move || {
        let reader = thread::spawn(move || reader.run(store, answers));
        committer.run(writer, sink);
        reader.join().unwrap();
    });
    (submitter, events, thread)
}

/// A sync that says when it begins and waits until it may end.
struct Gate {
    begun: Sender<()>,
    may_end: Mutex<Receiver<()>>,
}

impl Syncing for Gate {
    fn sync_data(&self, below: &dyn File) -> io::Result<()> {
        // Both ends are gone once the test lets everything pass.
        let _ = self.begun.send(());
        let _ = self.may_end.lock().unwrap().recv();
        below.sync_data()
    }

    fn sync_dir(&self, below: &dyn Disk, folder: &str) -> io::Result<()> {
        below.sync_dir(folder)
    }
}

/// A store whose syncs begin and end when the test says so; those of opening it have passed.
fn gated() -> (Opened, Receiver<()>, Sender<()>) {
    let simulated: Arc<dyn Disk> = Arc::new(SimulatedDisk::new(1));
    drop(open_ignoring(Arc::clone(&simulated), small()).unwrap());
    let ((begun, began), (end, may_end)) = (channel(), channel());
    for _ in 0..2 {
        end.send(()).unwrap(); // recovery and the epoch
    }
    let gate = Gate { begun, may_end: Mutex::new(may_end) };
    let disk = Wrapped { below: simulated, sync: Arc::new(gate) };
    let opened = open_ignoring(Arc::new(disk), small()).unwrap();
    assert_eq!(began.try_iter().count(), 2);
    (opened, began, end)
}

#[test]
fn what_waits_during_a_flush_is_one_frame() {
    let (opened, began, end) = gated();
    let store = opened.store.clone();
    let before = store.counters();
    let (submitter, events, thread) = run(opened);

    submitter.submit(one(1));
    began.recv().unwrap();
    (2..=20).for_each(|lsn| submitter.submit(one(lsn)));
    submitter.load(Load { first: Lsn(1), last: Lsn(20), token: 7 });
    assert!(events.try_recv().is_err(), "durable before the sync ended");
    assert!(store.read(Lsn(1), Lsn(1)).is_err(), "readable before the sync ended");
    end.send(()).unwrap();
    assert!(matches!(events.recv().unwrap(), Event::Durable(Lsn(1))));
    began.recv().unwrap();
    assert!(events.try_recv().is_err());
    end.send(()).unwrap();
    assert!(matches!(events.recv().unwrap(), Event::Durable(Lsn(20))));
    let Event::Loaded(7, Ok(records)) = events.recv().unwrap() else { panic!("not loaded") };
    assert!(records.iter().enumerate().all(|(index, record)| *record == content(index as u64 + 1, 0, 100)));
    assert_eq!(records.len(), 20);

    let after = store.counters();
    assert_eq!((after.frames - before.frames, after.syncs - before.syncs), (2, 2));
    drop(end);
    submitter.close();
    thread.join().unwrap();
}

#[test]
fn who_submits_more_than_there_is_room_for_waits() {
    let (opened, began, end) = gated();
    let (submitter, events, thread) = run(opened);
    submitter.submit(one(1));
    began.recv().unwrap();
    // The first is being written; the second may wait whatever its length, the third has to wait outside.
    submitter.submit(batch(2, 2, &[content(2, 0, ROOM)]));
    let (said, says) = channel();
    let other = thread::spawn({
        let submitter = submitter.clone();
        move || {
            said.send("about to").unwrap();
            submitter.submit(one(3));
            said.send("done").unwrap();
        }
    });
    assert_eq!(says.recv().unwrap(), "about to");
    for _ in 0..1_000 {
        thread::yield_now();
        assert!(says.try_recv().is_err(), "there was no room");
    }
    drop(end);
    assert_eq!(says.recv().unwrap(), "done");
    other.join().unwrap();
    submitter.close();
    thread.join().unwrap();
    let durable = events.try_iter().map(|event| match event {
        Event::Durable(lsn) => lsn.0,
        other => panic!("{other:?}"),
    });
    assert_eq!(durable.last(), Some(3));
}

#[test]
fn closing_flushes_what_was_submitted() {
    let disk = Arc::new(SimulatedDisk::new(2));
    let opened = open_ignoring(disk.clone(), small()).unwrap();
    let (submitter, events, thread) = run(opened);
    for lsn in 1..=500 {
        submitter.submit(one(lsn));
        submitter.load(Load { first: Lsn(lsn), last: Lsn(lsn), token: lsn });
    }
    submitter.close();
    submitter.submit(one(501));
    thread.join().unwrap();
    let (mut durable, mut loaded) = (0, 0);
    for event in events.try_iter() {
        match event {
            Event::Durable(lsn) => durable = lsn.0,
            Event::Loaded(token, records) => {
                loaded += 1;
                assert_eq!(token, loaded);
                assert!(token <= durable, "load {token} was served before its record was durable");
                assert_eq!(records.unwrap(), [content(token, 0, 100)]);
            }
            Event::Failed(error) => panic!("{error}"),
        }
    }
    assert_eq!((durable, loaded), (500, 500));
    drop(submitter);
    disk.crash();
    assert_eq!(open_ignoring(disk, small()).unwrap().next, Lsn(501));
}

#[test]
fn the_last_submitter_closes() {
    let opened = open_ignoring(Arc::new(SimulatedDisk::new(3)), small()).unwrap();
    let (submitter, events, thread) = run(opened);
    let other = submitter.clone();
    drop(submitter);
    other.submit(one(1));
    drop(other);
    thread.join().unwrap();
    assert!(matches!(events.try_recv().unwrap(), Event::Durable(Lsn(1))));
}

#[test]
fn a_failed_sync_ends_it() {
    let disk = SimulatedDisk::new(4);
    let opened = open_ignoring(Arc::new(disk.clone()), small()).unwrap();
    disk.fail_sync_at(1);
    let (submitter, events, thread) = run(opened);
    submitter.submit(one(1));
    thread.join().unwrap();
    submitter.submit(one(2));
    assert!(matches!(events.try_recv().unwrap(), Event::Failed(Error::Io { operation: "write", .. })));
    assert!(events.try_recv().is_err());
}

#[test]
fn a_load_of_what_is_not_there_fails_alone() {
    let opened = open_ignoring(Arc::new(SimulatedDisk::new(5)), small()).unwrap();
    let (submitter, events, thread) = run(opened);
    submitter.load(Load { first: Lsn(1), last: Lsn(2), token: 1 });
    submitter.submit(one(1));
    submitter.close();
    thread.join().unwrap();
    let events: Vec<Event> = events.try_iter().collect();
    assert!(events.iter().any(|event| matches!(event, Event::Durable(Lsn(1)))));
    assert!(events.iter().any(|event| matches!(event, Event::Loaded(1, Err(Error::NotWritten { .. })))));
}

#[test]
fn batches_must_continue_the_log() {
    let mut opened = open_ignoring(Arc::new(SimulatedDisk::new(6)), small()).unwrap();
    opened.writer.append(&[one(1), one(2)]).unwrap();
    assert!(matches!(opened.writer.append(&[one(4)]), Err(Error::Batch { first: Lsn(4), .. })));
    assert!(matches!(opened.writer.append(&[one(3)]), Err(Error::Poisoned)));
}

#[test]
fn a_group_above_the_limit_becomes_several_frames() {
    let options = Options { max_frame_bytes: 1000, ..small() };
    let mut opened = open_ignoring(Arc::new(SimulatedDisk::new(7)), options).unwrap();
    // 4 + 100 each, 9 to a frame; then one that no frame should hold.
    let records: Vec<Vec<u8>> = (1..=20).map(|lsn| content(lsn, 0, 100)).collect();
    opened.writer.append(&[batch(1, 0, &records[..7]), batch(8, 0, &records[7..])]).unwrap();
    assert_eq!(opened.store.counters().frames, 3);
    opened.writer.append(&[batch(21, 0, &[content(21, 0, 5), content(22, 0, 2000), content(23, 0, 5)])]).unwrap();
    assert_eq!(opened.store.counters().frames, 6);
    let read = opened.store.read(Lsn(1), Lsn(22)).unwrap();
    assert!(read[..20].iter().eq(&records));
    assert_eq!(read[21], content(22, 0, 2000));
}
