use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::exit::Failure;

/// From the operating system; nobody can guess them.
///
/// # Errors
/// The system has no such call: it only waits before it has any randomness.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        match getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(Failure::Start(format!("no randomness: {error}"))),
        }
    }
    Ok(bytes)
}
