//! A folder's files as they are now, to be put back later.

use std::fs;
use std::path::{Path, PathBuf};

/// Relative paths and contents of the plain files; sockets are left out.
pub(crate) type Snapshot = Vec<(PathBuf, Vec<u8>)>;

pub(crate) fn take(folder: &Path) -> Snapshot {
    let mut files = Vec::new();
    collect(folder, Path::new(""), &mut files);
    files
}

/// Makes `folder` what it was.
pub(crate) fn put_back(snapshot: &Snapshot, folder: &Path) {
    fs::remove_dir_all(folder).expect("the folder is ours");
    for (path, content) in snapshot {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("the folder is ours");
        fs::write(path, content).expect("the folder is ours");
    }
}

fn collect(root: &Path, below: &Path, files: &mut Snapshot) {
    for entry in fs::read_dir(root.join(below)).expect("a folder") {
        let entry = entry.expect("a readable folder");
        let (path, kind) = (below.join(entry.file_name()), entry.file_type().expect("a readable entry"));
        if kind.is_dir() {
            collect(root, &path, files);
        } else if kind.is_file() {
            files.push((path, fs::read(entry.path()).expect("a readable file")));
        }
    }
}
