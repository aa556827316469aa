//! Making a store of a backup.

use crate::disk::{Disk, failed};
use crate::error::Error;
use crate::identity;
use crate::manifest::{Copied, Manifest, Progress, copy, prepare};
use crate::names::LOG;

/// Copies the backup on `from` to the empty disk `to`, and verifies it on the way. What is there without an identity,
/// which comes last, is not opened as a store.
pub fn restore(from: &dyn Disk, to: &dyn Disk, mut progress: impl FnMut(Progress)) -> Result<(), Error> {
    let manifest = Manifest::load(from)?;
    prepare(to)?;
    let (mut done, total) = (0, manifest.bytes());
    let mut advance = |bytes| {
        done += bytes;
        progress(Progress { done, total });
        Ok(())
    };
    let (last, rest): (Vec<_>, Vec<_>) = manifest.files.iter().partition(|file| file.name == identity::NAME);
    for file in rest {
        restore_file(from, to, file, &mut advance)?;
    }
    to.sync_dir(LOG).map_err(failed(to, "sync", LOG))?;
    to.sync_dir("").map_err(failed(to, "sync", ""))?;
    for file in last {
        restore_file(from, to, file, &mut advance)?;
    }
    to.sync_dir("").map_err(failed(to, "sync", ""))
}

fn restore_file(
    from: &dyn Disk,
    to: &dyn Disk,
    file: &Copied,
    advance: &mut dyn FnMut(u64) -> Result<(), Error>,
) -> Result<(), Error> {
    if copy(from, to, &file.name, file.bytes, advance)? == *file {
        return Ok(());
    }
    let reason = "differs from what was copied into the backup";
    Err(Error::Backup { path: from.path(&file.name), reason })
}
