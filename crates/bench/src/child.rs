//! Programs and folders that this run has made, and that end with it: on success, on error, on a signal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, exit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a program may take to end by itself.
const GRACE: Duration = Duration::from_secs(3);

static KEPT: Mutex<Kept> = Mutex::new(Kept { children: BTreeMap::new(), folders: Vec::new() });
static FOLDERS: AtomicU64 = AtomicU64::new(0);

struct Kept {
    children: BTreeMap<u32, std::process::Child>,
    folders: Vec<PathBuf>,
}

/// A running program; dropping it ends it.
pub struct Child {
    pid: u32,
}

/// A new folder; dropping it removes it with all it holds.
pub struct Scratch {
    path: PathBuf,
}

/// From now on, the first signal to end also ends what was started and removes what was made.
pub fn end_on_signals() -> Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let mut kept = kept();
            for child in kept.children.values_mut() {
                end(child);
            }
            for folder in &kept.folders {
                // Nobody is left to tell.
                let _ = fs::remove_dir_all(folder);
            }
            exit(128 + signal);
        }
    });
    Ok(())
}

impl Child {
    pub fn spawn(command: &mut Command) -> Result<Self> {
        // The lock is held over the start, so that no signal finds a child that is not yet listed.
        let mut kept = kept();
        let child = command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        let pid = child.id();
        kept.children.insert(pid, child);
        Ok(Self { pid })
    }

    pub const fn pid(&self) -> u32 {
        self.pid
    }

    pub fn has_ended(&self) -> Result<Option<ExitStatus>> {
        let mut kept = kept();
        let child = kept.children.get_mut(&self.pid).expect("listed until dropped");
        Ok(child.try_wait()?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut kept = kept();
        if let Some(mut child) = kept.children.remove(&self.pid) {
            end(&mut child);
        }
    }
}

impl Scratch {
    /// Makes a folder inside `parent`.
    pub fn new(parent: &Path, name: &str) -> Result<Self> {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("bench-{}-{number}-{name}", std::process::id()));
        let mut kept = kept();
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        kept.folders.push(path.clone());
        Ok(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut kept = kept();
        kept.folders.retain(|path| *path != self.path);
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} stays: {error}", self.path.display());
        }
    }
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks, waits, and then insists. The pid is ours until the child is waited for, so it cannot mean another process.
fn end(child: &mut std::process::Child) {
    let ended = |child: &mut std::process::Child| !matches!(child.try_wait(), Ok(None));
    if ended(child) {
        return;
    }
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended in between.
        let _ = kill_process(pid, Signal::TERM);
    }
    let start = Instant::now();
    while start.elapsed() < GRACE {
        if ended(child) {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    if child.kill().is_ok() {
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_child_has_ended_and_a_dropped_folder_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(parent.path(), "x").unwrap();
        fs::write(scratch.path().join("file"), "x").unwrap();
        let child = Child::spawn(Command::new("sleep").arg("600")).unwrap();
        let proc = PathBuf::from(format!("/proc/{}", child.pid()));
        assert!(child.has_ended().unwrap().is_none() && proc.exists());
        drop(child);
        assert!(!proc.exists());
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
