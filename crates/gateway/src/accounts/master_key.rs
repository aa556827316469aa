use std::fmt::Display;
use std::path::Path;

use auth::MasterKey;
use config::Config;

use super::private_file;
use crate::exit::Failure;
use crate::random;

const MAX_TEXT: u64 = 4_096;

/// The configured one, or that of the data folder, which is made if there is none.
pub(crate) fn read_or_make(config: &Config) -> Result<MasterKey, Failure> {
    match &config.master_key {
        Some(key) => Ok(MasterKey::new(*key.expose())),
        None => of_file(&config.data.join("master.key")).map(MasterKey::new),
    }
}

fn of_file(path: &Path) -> Result<[u8; 32], Failure> {
    let failed = |error: &dyn Display| Failure::Start(format!("master key {}: {error}", path.display()));
    let read = || private_file::read(path, MAX_TEXT).map_err(|error| failed(&error));
    let parse = |text: String| parse(&text).ok_or_else(|| failed(&"it is not 64 hexadecimal digits"));
    if let Some(text) = read()? {
        return parse(text);
    }
    private_file::make_folder(path).map_err(|error| failed(&error))?;
    let lock = private_file::lock(path).map_err(|error| failed(&error))?;
    if let Some(text) = read()? {
        return parse(text);
    }
    let key: [u8; 32] = random::bytes()?;
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    private_file::replace(path, &format!("{digits}\n"), &lock).map_err(|error| failed(&error))?;
    Ok(key)
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim();
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/master.key");
        let key = of_file(&path).unwrap();
        assert_eq!(of_file(&path).unwrap(), key);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_ne!(of_file(&folder.path().join("other")).unwrap(), key);
        for text in ["", "00", &"0".repeat(65), &"x".repeat(64), &"ü".repeat(32)] {
            fs::write(&path, text).unwrap();
            assert!(of_file(&path).is_err(), "{text:?}");
        }
    }
}
