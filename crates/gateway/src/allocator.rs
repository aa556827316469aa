//! The allocator, and how soon it gives memory back.

use std::os::unix::process::CommandExt;
use std::process::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the allocator reads before `main`: milliseconds after which it gives freed memory back. By itself it waits a second,
/// in which a burst can take half as much again as `memory_limit` allows.
const VARIABLE: &str = "MIMALLOC_PURGE_DELAY";
const DELAY: &str = "10";

/// Begins the program anew, in the same process, with that variable; one that is set already stays. If that fails the program
/// goes on, and may take more memory.
pub(crate) fn give_back_soon() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let mut arguments = std::env::args_os();
    let (name, Ok(program)) = (arguments.next().unwrap_or_default(), std::env::current_exe()) else { return };
    let _ = Command::new(program).arg0(name).args(arguments).env(VARIABLE, DELAY).exec();
}
