//! `BACKUP`: what a backup consists of. It is text, and written last, so that half a backup is recognised.
//!
//! ```text
//! causeway backup 1
//! last 4711
//! bytes 123456
//! file 1b2c3d4e 52 IDENTITY
//! file 5f6a7b8c 65536 log/0000000007.seg
//! crc 9d8e7f6a
//! ```
//! The checksums are CRC-32C, the last one of all lines before it.

use std::fmt::Write;
use std::io::{ErrorKind, IoSlice};

use crate::batch::Lsn;
use crate::checkpoint;
use crate::crypt::KEY_FILES;
use crate::disk::{Disk, failed, read_whole};
use crate::error::Error;
use crate::identity;
use crate::limits::CHUNK;
use crate::names::{LOG, Name};
use crate::source::Source;

pub(crate) const NAME: &str = "BACKUP";
const UNFINISHED: &str = "BACKUP.new";
const TITLE: &str = "causeway backup 1";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The last record.
    pub(crate) last: Lsn,
    pub(crate) files: Vec<Copied>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) crc: u32,
}

/// How far a long work is, in bytes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

impl Manifest {
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| file.bytes.saturating_add(sum))
    }

    pub(crate) fn encode(&self) -> String {
        let mut text = format!("{TITLE}\nlast {}\nbytes {}\n", self.last.0, self.bytes());
        for Copied { name, bytes, crc } in &self.files {
            // Writing into a string does not fail.
            let _ = writeln!(text, "file {crc:08x} {bytes} {name}");
        }
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once("\ncrc ")?;
        let body = text.get(..=body.len())?;
        if u32::from_str_radix(crc, 16).ok()? != crc32c::crc32c(body.as_bytes()) {
            return None;
        }
        let mut lines = body.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let last = Lsn(lines.next()?.strip_prefix("last ")?.parse().ok()?);
        let bytes: u64 = lines.next()?.strip_prefix("bytes ")?.parse().ok()?;
        let files = lines.map(Copied::decode).collect::<Option<Vec<_>>>()?;
        let manifest = Self { last, files };
        (manifest.bytes() == bytes).then_some(manifest)
    }

    pub(crate) fn load(disk: &dyn Disk) -> Result<Self, Error> {
        let fault = |reason| Error::Backup { path: disk.path(NAME), reason };
        let Some(bytes) = read_whole(disk, NAME)? else { return Err(fault("is missing: this is no whole backup")) };
        let text = String::from_utf8(bytes).ok();
        text.and_then(|text| Self::decode(&text)).ok_or_else(|| fault("is damaged"))
    }

    /// Durable when this returns, and with it the names of the files.
    pub(crate) fn save(&self, disk: &dyn Disk) -> Result<(), Error> {
        disk.sync_dir(LOG).map_err(failed(disk, "sync", LOG))?;
        disk.sync_dir("").map_err(failed(disk, "sync", ""))?;
        let file = disk.create(UNFINISHED).map_err(failed(disk, "create", UNFINISHED))?;
        file.write_at(&[IoSlice::new(self.encode().as_bytes())], 0).map_err(failed(disk, "write", UNFINISHED))?;
        file.sync_data().map_err(failed(disk, "sync", UNFINISHED))?;
        disk.rename(UNFINISHED, NAME).map_err(failed(disk, "rename", UNFINISHED))?;
        disk.sync_dir("").map_err(failed(disk, "sync", ""))
    }
}

impl Copied {
    fn decode(line: &str) -> Option<Self> {
        let (crc, rest) = line.strip_prefix("file ")?.split_once(' ')?;
        let (bytes, name) = rest.split_once(' ')?;
        let of_log = || name.strip_prefix(LOG)?.strip_prefix('/').map(Name::parse);
        let known = name == identity::NAME
            || KEY_FILES.contains(&name)
            || checkpoint::FILES.contains(&name)
            || matches!(of_log(), Some(Name::File(_)));
        let copied =
            Self { name: name.to_owned(), bytes: bytes.parse().ok()?, crc: u32::from_str_radix(crc, 16).ok()? };
        known.then_some(copied)
    }
}

/// Makes the folders of a store or a backup on a disk that must be empty.
pub(crate) fn prepare(disk: &dyn Disk) -> Result<(), Error> {
    let log = match disk.list(LOG) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        other => other.map_err(failed(disk, "list", LOG))?,
    };
    if !log.is_empty() || !disk.list("").map_err(failed(disk, "list", ""))?.is_empty() {
        return Err(Error::Backup { path: disk.path(""), reason: "is not empty" });
    }
    disk.create_dir(LOG).map_err(failed(disk, "create", LOG))?;
    disk.sync_dir("").map_err(failed(disk, "sync", ""))
}

/// Copies the first `bytes` of a file to the file of the same name; durable when this returns, but for the name.
pub(crate) fn copy(
    from: &dyn Disk,
    to: &dyn Disk,
    name: &str,
    bytes: u64,
    advance: &mut dyn FnMut(u64) -> Result<(), Error>,
) -> Result<Copied, Error> {
    let source = Source::open(from, name.to_owned())?;
    let file = to.create(name).map_err(failed(to, "create", name))?;
    let (mut at, mut crc) = (0, 0);
    let mut chunk = vec![0; CHUNK];
    while at < bytes {
        let part = &mut chunk[..(bytes - at).min(CHUNK as u64) as usize];
        source.read(part, at)?;
        crc = crc32c::crc32c_append(crc, part);
        file.write_at(&[IoSlice::new(part)], at).map_err(failed(to, "write", name))?;
        at += part.len() as u64;
        advance(part.len() as u64)?;
    }
    file.sync_data().map_err(failed(to, "sync", name))?;
    Ok(Copied { name: name.to_owned(), bytes, crc })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_may_change() {
        let file = |name: &str, bytes| Copied { name: name.to_owned(), bytes, crc: 0x0123_abcd };
        let manifest = Manifest { last: Lsn(99), files: vec![file("IDENTITY", 52), file("log/0000000007.seg", 4096)] };
        let text = manifest.encode();
        assert_eq!(Manifest::decode(&text), Some(manifest));
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] ^= 1;
            assert_eq!(Manifest::decode(&String::from_utf8(damaged).unwrap()), None, "byte {at}");
            assert_eq!(Manifest::decode(&text[..at]), None);
        }
        let outside = Manifest { last: Lsn(1), files: vec![file("log/../../x.seg", 1)] };
        assert_eq!(Manifest::decode(&outside.encode()), None);
    }
}
