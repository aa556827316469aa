//! The files that the rules look at, in memory.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::project::Project;

pub(crate) struct Tree {
    files: Vec<File>,
    /// The answer of `cargo metadata --no-deps`.
    pub(crate) metadata: Value,
}

pub(crate) struct File {
    /// From the top of the work tree, with `/`.
    pub(crate) path: String,
    /// Empty for what is not text.
    pub(crate) text: String,
}

impl Tree {
    /// All files that are tracked, or would be after `git add --all`.
    pub(crate) fn of_project(project: &Project) -> Result<Self> {
        let mut files = Vec::new();
        for path in list(&project.root)? {
            let place = project.root.join(&path);
            // Deleted files stay listed until that is committed; links are judged where they point to.
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_file()) {
                let bytes = fs::read(&place).with_context(|| path.clone())?;
                files.push(File { path, text: text_of(bytes) });
            }
        }
        Ok(Self { files, metadata: project.metadata.clone() })
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    pub(crate) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether a file, or a folder that holds one, has this path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let holds =
            |file: &File| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.files.iter().any(holds)
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

impl File {
    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The path inside of `crates/<name>/`, if the file is there.
    pub(crate) fn inside_crate(&self, name: &str) -> Option<&str> {
        self.path.strip_prefix("crates/")?.strip_prefix(name)?.strip_prefix('/')
    }
}

fn list(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    let output =
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root).output()?;
    ensure!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let mut paths: Vec<_> = names.split_terminator('\0').map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).unwrap_or_default()
}

#[cfg(test)]
impl Tree {
    /// A made-up tree of paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect(), metadata: Value::Null }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, arguments: &[&str]) {
        assert!(Command::new("git").args(arguments).current_dir(root).output().unwrap().status.success());
    }

    #[test]
    fn tracked_and_new_files_are_read_and_ignored_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "--quiet"]);
        for (name, bytes) in [("kept", &b"a\n"[..]), ("gone", b"b"), (".gitignore", b"*.log\n")] {
            fs::write(root.join(name), bytes).unwrap();
        }
        git(root, &["add", "kept", "gone"]);
        fs::remove_file(root.join("gone")).unwrap();
        fs::create_dir(root.join("new")).unwrap();
        fs::write(root.join("new/file"), "c").unwrap();
        fs::write(root.join("binary"), b"\0\xff").unwrap();
        fs::write(root.join("noise.log"), "d").unwrap();

        let tree = Tree::of_project(&Project { root: root.to_path_buf(), metadata: Value::Null }).unwrap();
        let found: Vec<_> = tree.files().iter().map(|file| (file.path.as_str(), file.text.as_str())).collect();
        assert_eq!(found, [(".gitignore", "*.log\n"), ("binary", ""), ("kept", "a\n"), ("new/file", "c")]);
    }

    #[test]
    fn folders_are_known_by_their_files() {
        let tree = Tree::of(&[("crates/mqtt/src/lib.rs", "")]);
        assert!(tree.has("crates/mqtt") && tree.has("crates/mqtt/src/lib.rs"));
        assert!(!tree.has("crates/mq") && !tree.has("crates/mqtt/src/lib"));
        assert_eq!(tree.files()[0].inside_crate("mqtt"), Some("src/lib.rs"));
        assert_eq!(tree.files()[0].inside_crate("mq"), None);
    }
}
