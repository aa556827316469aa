use std::fs::File;
use std::io::Read as _;

use crate::exit::Failure;

/// From the operating system; nobody can guess them.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Failure::Start(format!("no randomness: {error}")))?;
    Ok(bytes)
}
