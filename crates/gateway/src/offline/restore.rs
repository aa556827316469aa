use std::path::Path;

use indicatif::BinaryBytes;
use journal::Progress;
use journal::disk::real::RealDisk;
use serde_json::json;

use super::progress::Bar;
use super::{failed, say};
use crate::exit::Failure;

/// Makes a store in `data` of the backup in `backup`, verifying what it copies.
pub(crate) fn restore(backup: &Path, data: &Path, json: bool) -> Result<(), Failure> {
    let disk = |path: &Path| RealDisk::new(path).map_err(|error| Failure::store(path, error));
    if !backup.is_dir() {
        return Err(Failure::Start(format!("there is no backup: {} is no folder", backup.display())));
    }
    if !is_empty(data)? {
        return Err(Failure::store(data, "is not empty: a backup is restored into an empty or new one"));
    }
    let (from, to) = (disk(backup)?, disk(data)?);
    let bar = Bar::new("restoring");
    let mut copied = 0;
    let restored = journal::restore(&from, &to, |progress: Progress| {
        copied = progress.done;
        bar.show(progress);
    });
    drop(bar);
    match restored {
        Ok(()) => {
            let out = &mut std::io::stdout().lock();
            if json {
                return say(out, json!({"bytes": copied}));
            }
            say(out, format_args!("restored {} into {}", BinaryBytes(copied), data.display()))
        }
        Err(error) if copied == 0 => Err(failed(data, &error)),
        Err(error) => {
            let left = "what was copied is no store, and can be removed";
            Err(Failure::store(data, format_args!("{error}; {left}")))
        }
    }
}

/// What is no part of the store, and may be there before it.
const BESIDE: [&str; 5] = ["users.toml", "users.toml.lock", "master.key", "master.key.lock", "permissions.toml"];

/// Whether nothing is there, or nothing of a store in it.
fn is_empty(folder: &Path) -> Result<bool, Failure> {
    let is_beside = |entry: std::fs::DirEntry| entry.file_name().to_str().is_some_and(|name| BESIDE.contains(&name));
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.all(|entry| entry.is_ok_and(is_beside))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::store(folder, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use bytes::BytesMut;
    use journal::{Batch, Changes, Error, Events, Lsn, Options, ReplayError, Store, put_record};

    use super::*;

    struct Silent;

    impl Events for Silent {
        fn failed(&mut self, error: Error) {
            panic!("{error}");
        }
    }

    fn records(data: &Path) -> Vec<String> {
        let mut records = Vec::new();
        let disk = RealDisk::new(data).unwrap();
        journal::dump(&disk, &journal::Encryption::default(), Lsn(1), |_, _, record| {
            records.push(String::from_utf8_lossy(record).into_owned())
        })
        .unwrap();
        records
    }

    /// A store with one record, and a backup of it.
    fn back_up(data: &Path, backup: &Path) {
        let mut replay = |_: Lsn, _: u64, _: &[u8], _: &Store, _: &mut Changes| Ok::<(), ReplayError>(());
        let disk = Arc::new(RealDisk::new(data).unwrap());
        let mut opened = journal::open(disk, Options::default(), &mut replay).unwrap();
        let mut payload = BytesMut::new();
        put_record(&mut payload, b"kept");
        let payload = payload.freeze().into();
        opened.writer.append(&[Batch { first: opened.next, count: 1, payload, ..Batch::default() }]).unwrap();
        let (handle, keeper) = (opened.keeper.handle(), opened.keeper);
        let keeping = std::thread::spawn(move || keeper.run(Silent));
        handle.backup(Arc::new(RealDisk::new(backup).unwrap()), |_| ()).unwrap();
        drop(opened.writer);
        keeping.join().unwrap();
    }

    #[test]
    fn a_backup_becomes_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
        back_up(&data, &backup);
        restore(&backup, &restored, false).unwrap();
        assert_eq!(records(&restored), records(&data));
        assert_eq!(records(&restored), ["kept"]);
        let Err(Failure::Start(again)) = restore(&backup, &restored, false) else { panic!("it was overwritten") };
        assert!(again.contains("is not empty") && again.lines().count() == 1, "{again}");
    }

    #[test]
    fn a_damaged_backup_becomes_none() {
        let folder = tempfile::tempdir().unwrap();
        let [data, backup, restored] = ["data", "backup", "restored"].map(|name| folder.path().join(name));
        back_up(&data, &backup);
        let segment = backup.join("log/0000000001.seg");
        let mut bytes = fs::read(&segment).unwrap();
        bytes[4_096 + 70] ^= 1;
        fs::write(&segment, bytes).unwrap();
        let Err(Failure::Start(refused)) = restore(&backup, &restored, false) else { panic!("it was accepted") };
        assert!(refused.contains("0000000001.seg") && refused.contains("can be removed"), "{refused}");
        assert_eq!(refused.lines().count(), 1, "{refused}");
        assert!(!restored.join("IDENTITY").exists());
    }
}
