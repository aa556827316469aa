use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A value that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for whoever needs it; do not print it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Far more than any secret; a wrong path must not fill the memory.
const SECRET_FILE_BYTES: u64 = 64 << 10;

/// The text of a secret's file without the white space around it.
pub(crate) fn read_secret(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}
