use std::fmt::Display;
use std::path::{Path, PathBuf};

use auth::{Replacement, User, Users};

use super::private_file;
use crate::exit::Failure;

/// Far more than it may be: a wrong path must not fill the memory.
const MAX_TEXT: u64 = 64 << 20;

/// The users file of a broker.
#[derive(Clone, Debug)]
pub(crate) struct UsersFile {
    path: PathBuf,
}

impl UsersFile {
    pub(crate) fn new(path: &Path) -> Self {
        // A link stays a link: what it leads to is replaced.
        Self { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()) }
    }

    /// Nobody, if there is no file.
    pub(crate) fn read(&self) -> Result<Users, Failure> {
        let text = private_file::read(&self.path, MAX_TEXT).map_err(|error| self.failed(error))?;
        text.map_or_else(|| Ok(Users::default()), |text| Users::parse(&text).map_err(|error| self.failed(error)))
    }

    /// Changes the file, while nobody else can. If `change` fails, the file stays as it was.
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Users) -> Result<T, Failure>) -> Result<T, Failure> {
        private_file::make_folder(&self.path).map_err(|error| self.failed(error))?;
        let lock = private_file::lock(&self.path).map_err(|error| self.failed(error))?;
        let mut users = self.read()?;
        let done = change(&mut users)?;
        let text = users.to_text();
        let read_back = Users::parse(&text).map_err(|error| self.failed(error))?;
        assert_eq!(read_back, users, "what is written is what was meant");
        private_file::replace(&self.path, &text, &lock).map_err(|error| self.failed(error))?;
        Ok(done)
    }

    /// Puts hashes in place of others of the same passwords, but not where a user has another one meanwhile.
    pub(crate) fn replace_hashes(&self, replacements: Vec<Replacement>) -> Result<(), Failure> {
        self.edit(|users| {
            for Replacement { user, old, new } in replacements {
                let same = users.find(&user).filter(|user| user.hash.as_ref() == Some(&old));
                let Some(found) = same.map(|user| User { hash: Some(new), ..(**user).clone() }) else { continue };
                users.put(found).map_err(|wrong| self.failed(wrong))?;
            }
            Ok(())
        })
    }

    fn failed(&self, error: impl Display) -> Failure {
        Failure::Start(format!("users file {}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use auth::{Cost, Hash};

    use super::*;

    fn add(file: &UsersFile, name: &str) -> Result<(), Failure> {
        file.edit(|users| users.put(User::new(name)).map_err(|wrong| Failure::Start(wrong.to_string())))
    }

    #[test]
    fn changes_are_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/users.toml");
        let file = UsersFile::new(&path);
        assert!(file.read().unwrap().is_empty());
        add(&file, "alice").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let before = fs::read_to_string(&path).unwrap();
        assert!(add(&file, "").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        let mut names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["users.toml", "users.toml.lock"]);
    }

    #[test]
    fn a_damaged_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        fs::write(&path, "format = 1\n[[user]]\nname = \"a\"\nhash = \"x\"\n").unwrap();
        let file = UsersFile::new(&path);
        let Failure::Start(text) = add(&file, "bob").unwrap_err() else { panic!() };
        assert!(text.contains("line 4: user \"a\": the hash is of no known kind"), "{text}");
        assert!(fs::read_to_string(&path).unwrap().ends_with("\"x\"\n"));
    }

    #[test]
    fn changes_at_once_are_all_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.toml");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let file = UsersFile::new(&path);
                scope.spawn(move || (0..8).for_each(|n| add(&file, &format!("{thread} {n}")).unwrap()));
            }
        });
        assert_eq!(UsersFile::new(&path).read().unwrap().iter().count(), 32);
    }

    #[test]
    fn a_hash_is_replaced_only_if_it_is_still_that_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = UsersFile::new(&folder.path().join("users.toml"));
        let hash = |salt| Hash::new(b"secret", [salt; 16], Cost::default()).unwrap();
        add(&file, "alice").unwrap();
        let replace = |old, new| {
            let replacement = |user: &str| Replacement { user: user.to_owned(), old: hash(old), new: hash(new) };
            file.replace_hashes(vec![replacement("bob"), replacement("alice")]).unwrap();
            file.read().unwrap().find("alice").unwrap().hash.clone()
        };
        assert_eq!(replace(1, 2), None, "alice has no password any more");
        file.edit(|users| {
            users.put(User { hash: Some(hash(1)), ..User::new("alice") }).unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(replace(1, 2), Some(hash(2)));
        assert_eq!(replace(1, 3), Some(hash(2)));
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real"), folder.path().join("users.toml"));
        fs::write(&path, Users::default().to_text()).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(&UsersFile::new(&link), "alice").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&path).unwrap().contains("alice"));
    }
}
