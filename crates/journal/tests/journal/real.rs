//! Folders of the operating system.

use std::fs;
use std::io::IoSlice;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use journal::disk::real::RealDisk;
use journal::disk::volatile::VolatileDisk;
use journal::{Disk, Error, Lsn, Options, TornTail, open};
use tempfile::TempDir;

use crate::support::{Collect, Deaf, batch, content, open_ignoring, small};

fn records(disk: Arc<dyn Disk>) -> Vec<Vec<u8>> {
    let mut records = Collect::default();
    open(disk, small(), &mut records).unwrap();
    records.0.into_iter().map(|(_, _, record)| record).collect()
}

#[test]
fn a_second_process_is_refused() {
    let folder = TempDir::new().unwrap();
    let disk = Arc::new(RealDisk::new(folder.path()).unwrap());
    let opened = open_ignoring(disk.clone(), small()).unwrap();
    let other = Arc::new(RealDisk::new(folder.path()).unwrap());
    let Err(Error::Locked { path }) = open_ignoring(other.clone(), small()).map(drop) else { panic!("not locked") };
    assert_eq!(path, folder.path().join("LOCK"));
    drop(opened);
    open_ignoring(other, small()).unwrap();
}

#[test]
fn files_are_for_their_owner_only() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("a/b");
    let opened = open_ignoring(Arc::new(RealDisk::new(&root).unwrap()), Options::default()).unwrap();
    for name in ["IDENTITY", "LOCK", "log/0000000001.seg"] {
        assert_eq!(fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let secret = opened.identity.clone();
    assert_ne!(secret.secret, [0; 32]);
    assert!(!format!("{secret:?}").contains("secret"));
    drop(opened);
    assert_eq!(open_ignoring(Arc::new(RealDisk::new(&root).unwrap()), small()).unwrap().identity, secret);
    let other = open_ignoring(Arc::new(RealDisk::new(folder.path().join("c")).unwrap()), small()).unwrap();
    assert_ne!(other.identity, secret);
}

/// Whether the file system lets it bypass the cache or not, and whatever memory the blocks come from.
#[test]
fn what_is_written_durably_is_what_everyone_reads() {
    const BLOCK: usize = 4096;
    let folder = TempDir::new().unwrap();
    for disk in [Arc::new(RealDisk::new(folder.path()).unwrap()) as Arc<dyn Disk>, volatile(&folder)] {
        let file = disk.create("file").unwrap();
        file.write_at(&[IoSlice::new(&[1; 8 * BLOCK])], 0).unwrap();
        let other = disk.open("file").unwrap();
        let read = || {
            [&file, &other].map(|handle| {
                let mut bytes = vec![0; 8 * BLOCK];
                assert_eq!(handle.read_at(&mut bytes, 0).unwrap(), bytes.len());
                bytes.chunks(BLOCK / 2).map(|half| half[0]).collect::<Vec<_>>()
            })
        };
        read();
        let memory = vec![2; 4 * BLOCK];
        let page = memory.as_ptr().align_offset(BLOCK);
        file.write_durably(&memory[page..page + 2 * BLOCK], BLOCK as u64).unwrap();
        let expected =
            |runs: &[(usize, u8)]| -> Vec<u8> { runs.iter().flat_map(|&(halves, byte)| vec![byte; halves]).collect() };
        assert_eq!(read(), [(); 2].map(|()| expected(&[(2, 1), (4, 2), (10, 1)])));
        // Neither this memory nor this place can go past the cache.
        file.write_durably(&[3; BLOCK + 1][1..], 5 * BLOCK as u64 / 2).unwrap();
        assert_eq!(read(), [(); 2].map(|()| expected(&[(2, 1), (3, 2), (2, 3), (9, 1)])));
        disk.rename("file", "renamed").unwrap();
        file.write_durably(&memory[page..page + BLOCK], 0).unwrap();
        assert_eq!(read(), [(); 2].map(|()| expected(&[(5, 2), (2, 3), (9, 1)])));
        disk.remove("renamed").unwrap();
    }
}

fn volatile(folder: &TempDir) -> Arc<dyn Disk> {
    Arc::new(VolatileDisk::new(folder.path()).unwrap())
}

#[test]
fn records_come_back_from_a_real_folder() {
    let folder = TempDir::new().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()).unwrap());
    let mut opened = open_ignoring(Arc::clone(&disk), Options::default()).unwrap();
    let keeper = opened.keeper;
    let thread = std::thread::spawn(move || keeper.run(Deaf));
    let mut expected = Vec::new();
    // More slices than one system call takes, then a record of the greatest length.
    for lengths in [vec![100; 3000], vec![journal::MAX_RECORD], vec![0, 5000]] {
        let first = expected.len() as u64 + 1;
        let group: Vec<Vec<u8>> = (first..).zip(&lengths).map(|(lsn, &len)| content(lsn, 1, len)).collect();
        let batches: Vec<_> =
            (first..).zip(&group).map(|(lsn, record)| batch(lsn, 9, std::slice::from_ref(record))).collect();
        expected.extend(group);
        assert_eq!(opened.writer.append(&batches).unwrap(), Lsn(expected.len() as u64));
    }
    let read = opened.store.read(Lsn(1), Lsn(expected.len() as u64)).unwrap();
    assert!(read.iter().eq(&expected));
    drop((opened.writer, opened.store));
    thread.join().unwrap();
    assert_eq!(records(disk), expected);
}

#[test]
fn a_truncated_tail_is_cut() {
    let folder = TempDir::new().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()).unwrap());
    let mut opened = open_ignoring(Arc::clone(&disk), small()).unwrap();
    opened.writer.append(&[batch(1, 0, &[content(1, 0, 10)])]).unwrap();
    opened.writer.append(&[batch(2, 0, &[content(2, 0, 5000)])]).unwrap();
    drop(opened);
    let file = fs::OpenOptions::new().write(true).open(folder.path().join("log/0000000001.seg")).unwrap();
    file.set_len(3 * 4096 + 100).unwrap();
    let opened = open_ignoring(Arc::clone(&disk), small()).unwrap();
    assert_eq!(opened.cut, Some(TornTail { segment: 1, offset: 2 * 4096, bytes: 4096 }));
    assert_eq!(opened.next, Lsn(2));
    drop(opened);
    assert_eq!(records(disk), [content(1, 0, 10)]);
}

/// Leaves a store without any destructor having written anything, as SIGKILL does.
fn killed(disk: VolatileDisk, folder: &TempDir, syncs: bool) {
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let mut opened = open_ignoring(Arc::clone(&disk), small()).unwrap();
    opened.writer.append(&[batch(1, 0, &[content(1, 0, 10), content(2, 0, 6000)])]).unwrap();
    assert_eq!(opened.store.read(Lsn(2), Lsn(2)).unwrap(), [content(2, 0, 6000)]);
    drop(opened);
    let next_process: Arc<dyn Disk> = Arc::new(RealDisk::new(folder.path()).unwrap());
    if syncs {
        assert_eq!(records(next_process), [content(1, 0, 10), content(2, 0, 6000)]);
    } else {
        assert!(open_ignoring(next_process, small()).is_err(), "nothing was lost");
        assert_eq!(records(disk).len(), 2, "the same process sees its writes");
    }
}

#[test]
fn a_volatile_disk_keeps_what_was_synced() {
    let folder = TempDir::new().unwrap();
    killed(VolatileDisk::new(folder.path()).unwrap(), &folder, true);
}

#[test]
fn a_volatile_disk_that_skips_sync_loses_it() {
    let folder = TempDir::new().unwrap();
    killed(VolatileDisk::skip_sync(folder.path()).unwrap(), &folder, false);
}

#[test]
fn unsynced_writes_stay_in_the_process() {
    let folder = TempDir::new().unwrap();
    let disk = VolatileDisk::new(folder.path()).unwrap();
    let file = disk.create("x").unwrap();
    let other = disk.open("x").unwrap();
    file.write_at(&[std::io::IoSlice::new(b"abc"), std::io::IoSlice::new(b"def")], 4094).unwrap();
    let mut buffer = [9; 8];
    assert_eq!(other.read_at(&mut buffer, 4092).unwrap(), 8);
    assert_eq!(&buffer, b"\0\0abcdef");
    assert_eq!((other.size().unwrap(), fs::metadata(folder.path().join("x")).unwrap().len()), (4100, 0));
    disk.rename("x", "y").unwrap();
    disk.open("y").unwrap().sync_data().unwrap();
    assert_eq!(fs::read(folder.path().join("y")).unwrap()[4092..], *b"\0\0abcdef");
    assert_eq!(other.read_at(&mut buffer, 4098).unwrap(), 2);
}

#[test]
fn behind_the_end_of_a_file_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let volatile = VolatileDisk::new(folder.path()).unwrap();
    let real = RealDisk::new(folder.path()).unwrap();
    let disks: [&dyn Disk; 2] = [&volatile, &real];
    for (number, disk) in disks.into_iter().enumerate() {
        let file = disk.create(&format!("file-{number}")).unwrap();
        file.write_at(&[std::io::IoSlice::new(b"abc")], 0).unwrap();
        let mut buffer = [0; 8];
        for (offset, read) in [(0, 3), (2, 1), (3, 0), (1 << 20, 0)] {
            assert_eq!(file.read_at(&mut buffer, offset).unwrap(), read, "disk {number}, from {offset}");
        }
    }
}
