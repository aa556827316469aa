//! Stores that a program once wrote, kept below `golden/` to see that later ones can read them.
//!
//! Most bytes of a store are zeros, so a file is kept as what is not, under its name with `.runs`. Numbers are little
//! endian:
//!
//! ```text
//! ┌────────┬──────────┬───────────────────────────────────────────┐
//! │ "CWGR" │ size u64 │ runs × [ offset u64 │ length u32 │ bytes ] │
//! └────────┴──────────┴───────────────────────────────────────────┘
//! ```

use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8] = b"CWGR";
const SUFFIX: &str = "runs";
/// So many zeros end a run.
const GAP: usize = 32;

/// A file of a kept store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoldenFile {
    /// Below the data folder.
    pub name: String,
    pub size: u64,
    /// Where bytes that are not zeros begin, and they.
    pub runs: Vec<(u64, Vec<u8>)>,
}

/// The files of the store that is kept under this name.
pub fn read(name: &str) -> Vec<GoldenFile> {
    let folder = folder(name);
    let mut files = Vec::new();
    for path in files_of(&folder).into_iter().filter(|path| path.extension().is_some_and(|it| it == SUFFIX)) {
        let bytes = fs::read(folder.join(&path)).expect("a kept file");
        let name = path.with_extension("").to_str().expect("names are ASCII").to_owned();
        files.push(GoldenFile::decode(name, &bytes));
    }
    assert!(!files.is_empty(), "{} holds no store", folder.display());
    files
}

/// Makes a data folder of the store that is kept under this name.
pub fn unpack(name: &str, data: &Path) {
    for file in read(name) {
        let path = data.join(&file.name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder for the store");
        fs::write(path, file.bytes()).expect("a file of the store");
    }
}

/// Keeps the store of a broker that is stopped under this name, instead of what was kept there.
pub fn pack(name: &str, data: &Path) {
    let folder = folder(name);
    for old in files_of(&folder).into_iter().filter(|path| path.extension().is_some_and(|it| it == SUFFIX)) {
        fs::remove_file(folder.join(old)).expect("a kept file");
    }
    for path in files_of(data).into_iter().filter(|path| is_kept(path)) {
        let bytes = fs::read(data.join(&path)).expect("a file of the store");
        let name = path.to_str().expect("names are ASCII").to_owned();
        let kept = folder.join(format!("{name}.{SUFFIX}"));
        fs::create_dir_all(kept.parent().expect("a file has a folder")).expect("a folder to keep it in");
        fs::write(kept, GoldenFile::of(name, &bytes).encode()).expect("a kept file");
    }
}

impl GoldenFile {
    pub fn of(name: String, bytes: &[u8]) -> Self {
        let mut runs: Vec<(u64, Vec<u8>)> = Vec::new();
        for at in (0..bytes.len()).filter(|&at| bytes[at] != 0) {
            match runs.last_mut() {
                Some((start, run)) if at - (*start as usize + run.len()) < GAP => {
                    run.extend(&bytes[*start as usize + run.len()..=at]);
                }
                _ => runs.push((at as u64, vec![bytes[at]])),
            }
        }
        Self { name, size: bytes.len() as u64, runs }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size as usize];
        for (at, run) in &self.runs {
            bytes[*at as usize..][..run.len()].copy_from_slice(run);
        }
        bytes
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = [MAGIC, &self.size.to_le_bytes()].concat();
        for (at, run) in &self.runs {
            out.extend(at.to_le_bytes());
            out.extend(u32::try_from(run.len()).expect("files are small").to_le_bytes());
            out.extend(run);
        }
        out
    }

    fn decode(name: String, bytes: &[u8]) -> Self {
        let mut rest = bytes.strip_prefix(MAGIC).expect("a kept file begins so");
        let mut take = |length: usize| {
            let (taken, left) = rest.split_at_checked(length)?;
            rest = left;
            Some(taken)
        };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        let size = number(take(8).expect("a size"));
        let mut runs = Vec::new();
        while let Some(at) = take(8) {
            let length = number(take(4).expect("a length"));
            runs.push((number(at), take(length as usize).expect("a whole run").to_vec()));
        }
        Self { name, size, runs }
    }
}

/// Spares, the lock and files that a broker was about to make say nothing.
fn is_kept(path: &Path) -> bool {
    let ends = |end: &str| path.extension().is_some_and(|it| it == end);
    !path.ends_with("LOCK") && !ends("spare") && !ends("new") && !ends("sock")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// All files below `folder`, by name, each as its path from there.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&inner)) else { continue };
        for entry in entries.map(|entry| entry.expect("a readable folder")) {
            let path = inner.join(entry.file_name());
            if entry.path().is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_as_it_was() {
        let mut bytes = vec![0; 10_000];
        bytes[5] = 1;
        bytes[30] = 2;
        bytes[4_096..4_200].fill(3);
        bytes[9_999] = 4;
        let file = GoldenFile::of("log/a.seg".to_owned(), &bytes);
        assert_eq!(
            file.runs.iter().map(|(at, run)| (*at, run.len())).collect::<Vec<_>>(),
            [(5, 26), (4_096, 104), (9_999, 1)]
        );
        let again = GoldenFile::decode(file.name.clone(), &file.encode());
        assert_eq!((&again, again.bytes()), (&file, bytes));
    }
}
