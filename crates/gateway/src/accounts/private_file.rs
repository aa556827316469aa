//! Files that only the broker's own user may read, replaced whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Gid, Uid, fchown, flock};

/// Nobody but the owner.
const MODE: u32 = 0o600;

/// Held while a file is changed; given back when dropped, or by the system if the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] File);

/// Waits for whoever changes `path` now.
pub(super) fn lock(path: &Path) -> io::Result<Lock> {
    let lock = beside(path, "lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(&lock)?;
    give_to_owner(&file, path)?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(Lock(file))
}

/// `None`: there is none.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    if file.take(most + 1).read_to_string(&mut text)? as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(Some(text))
}

/// Whoever reads `path` finds the old text or the new one, also after a power cut. The lock must be held.
pub(super) fn replace(path: &Path, text: &str, _lock: &Lock) -> io::Result<()> {
    let new = beside(path, "new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(MODE).open(&new)?;
    give_to_owner(&file, path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder(path))?.sync_all()
}

/// Makes the folder that `path` is to be in.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder(path))
}

/// The administrator of the machine may run this program for the user that the broker runs as: the file stays, or
/// becomes, that user's.
fn give_to_owner(file: &File, path: &Path) -> io::Result<()> {
    let owner = fs::metadata(path).or_else(|_| fs::metadata(folder(path)))?;
    let mine = file.metadata()?;
    if (owner.uid(), owner.gid()) == (mine.uid(), mine.gid()) || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    fchown(file, Some(Uid::from_raw(owner.uid())), Some(Gid::from_raw(owner.gid())))?;
    Ok(())
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
