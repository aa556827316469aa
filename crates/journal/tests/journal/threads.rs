//! Everything at once, on threads: commits, checkpoints, cleaning, reading, backups.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use bytes::Bytes;
use journal::disk::real::RealDisk;
use journal::{
    Answers, Batch, Committer, Disk, Encryption, Error, Events, Hold, KeeperHandle, Load, Lsn, Options, Store,
    Submitter, check, restore,
};
use tempfile::TempDir;

use crate::support::{batch, content, open_ignoring, small};

const RECORDS: u64 = 6_000;
const LEN: usize = 1_500;

struct Loud(Arc<AtomicU64>);

impl Events for Loud {
    fn durable(&mut self, lsn: Lsn) {
        self.0.store(lsn.0, Ordering::SeqCst);
    }
    fn failed(&mut self, error: Error) {
        panic!("{error}");
    }
    fn damaged(&mut self, error: Error) {
        panic!("{error}");
    }
}

struct Expect(Arc<Mutex<Vec<u64>>>);

impl Answers for Expect {
    fn loaded(&mut self, token: u64, records: Result<Vec<Bytes>, Error>) {
        assert_eq!(records.unwrap(), [content(token, 0, LEN)], "record {token}");
        self.0.lock().unwrap().push(token);
    }
}

fn hold(lsn: u64) -> Vec<Hold> {
    vec![Hold { lsn: Lsn(lsn), bytes: LEN as u32, count: 1 }]
}

/// Record `lsn` is released by record `lsn + 100`, but every twentieth stays.
fn stays(lsn: u64) -> bool {
    lsn.is_multiple_of(20)
}

fn write(submitter: &Submitter) {
    for lsn in 1..=RECORDS {
        let releases = match lsn.checked_sub(100).filter(|&old| old > 0 && !stays(old)) {
            Some(old) => hold(old),
            None => Vec::new(),
        };
        let checkpoint = lsn.is_multiple_of(97).then_some(Lsn(lsn));
        submitter.submit(Batch { holds: hold(lsn), releases, checkpoint, ..batch(lsn, lsn, &[content(lsn, 0, LEN)]) });
        if lsn.is_multiple_of(7) {
            let token = (lsn / 20 / 2 * 20).max(20).min(lsn / 20 * 20);
            if token > 0 {
                submitter.load(Load { first: Lsn(token), last: Lsn(token), token });
            }
        }
    }
}

/// Reads what stays, over and over, until the end.
fn read(store: &Store, durable: &AtomicU64) {
    loop {
        let end = durable.load(Ordering::SeqCst);
        for lsn in (20..=end).step_by(20) {
            assert_eq!(store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, LEN)], "record {lsn}");
        }
        if end == RECORDS {
            return;
        }
    }
}

fn back_up(handle: &KeeperHandle, folder: &TempDir) {
    for index in 0..3 {
        let (to, copy) = (folder.path().join(format!("b{index}")), folder.path().join(format!("c{index}")));
        let (to, copy) = (RealDisk::new(to).unwrap(), RealDisk::new(copy).unwrap());
        let made = handle.backup(Arc::new(to.clone()), |_| ()).unwrap();
        restore(&to, &copy, |_| ()).unwrap();
        assert_eq!(check(&copy, &Encryption::default(), |_| ()).unwrap().faults, []);
        let opened = open_ignoring(Arc::new(copy), small()).unwrap();
        assert_eq!(opened.next, made.last.plus(1));
        for lsn in (20..=made.last.0).step_by(20) {
            assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, LEN)], "record {lsn}");
        }
    }
}

#[test]
fn nobody_is_in_anybodys_way() {
    let folder = TempDir::new().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path().join("store")).unwrap());
    let options = Options { spares: 1, cache_bytes: 8 << 10, ..small() };
    let opened = open_ignoring(Arc::clone(&disk), options.clone()).unwrap();
    let (committer, submitter) = Committer::new(1 << 16);
    let (durable, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (reader, handle) = (committer.reader(), opened.keeper.handle());
    let (store, writer, keeper) = (opened.store.clone(), opened.writer, opened.keeper);
    thread::scope(|scope| {
        let (events, others, answers) =
            (Loud(Arc::clone(&durable)), Loud(Arc::default()), Expect(Arc::clone(&answered)));
        scope.spawn(move || committer.run(writer, events));
        scope.spawn(move || keeper.run(others));
        scope.spawn({
            let store = store.clone();
            move || reader.run(store, answers)
        });
        scope.spawn(|| read(&store, &durable));
        let backups = scope.spawn(|| back_up(&handle, &folder));
        write(&submitter);
        backups.join().unwrap();
        submitter.close();
    });
    assert!(answered.lock().unwrap().len() as u64 > RECORDS / 10);
    drop(store);
    assert_eq!(check(&*disk, &Encryption::default(), |_| ()).unwrap().faults, []);
    let opened = open_ignoring(disk, options).unwrap();
    assert_eq!(opened.next, Lsn(RECORDS + 1));
    for lsn in (20..=RECORDS).step_by(20) {
        assert_eq!(opened.store.read(Lsn(lsn), Lsn(lsn)).unwrap(), [content(lsn, 0, LEN)], "record {lsn}");
    }
}
