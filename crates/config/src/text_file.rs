use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::error::{Cause, Error, Errors};
use crate::origin::Origin;

/// Far more than any configuration or secret: a wrong path must not fill the memory.
const TEXT_BYTES: u64 = 64 << 20;

/// Reads the configuration file, for [`Sources::file`](crate::Sources::file).
///
/// # Errors
/// One line that names the file, if it cannot be read, is not UTF-8 or is larger than 64 MiB.
pub fn read_file(path: &Path) -> Result<(PathBuf, String), Errors> {
    match read_text(path, TEXT_BYTES) {
        Ok(text) => Ok((path.to_owned(), text)),
        Err(error) => Err(Errors(vec![Error::new(Origin::file(path), Cause::Unreadable(error.to_string()))])),
    }
}

/// The text of a secret's file without the white space around it.
pub(crate) fn read_secret(path: &Path) -> io::Result<String> {
    read_text(path, TEXT_BYTES).map(|text| text.trim().to_owned())
}

fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(most + 1).read_to_string(&mut text)?;
    if read as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_than_allowed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_text(file.path(), 5).unwrap(), "12345");
        assert_eq!(read_text(file.path(), 4).unwrap_err().to_string(), "larger than 4 bytes");
    }
}
