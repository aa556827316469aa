//! The audit log: who logged in, what was refused, what was changed. One JSON object a line; no secrets, no bodies.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use model::{Peer, Time};
use serde::Serialize;

/// Lines that may wait for the disk; what comes on top is dropped, and counted.
const WAITING_LINES: usize = 8_192;
/// Bytes after which a file is set aside, and how many of those are kept.
const FILE_BYTES: u64 = 64 << 20;
const FILES_KEPT: u32 = 8;
/// Characters of a name that a client gave.
const NAME_CHARACTERS: usize = 256;
/// How often the writer looks whether lines were dropped.
const LOOK: Duration = Duration::from_secs(1);

/// Where lines are handed in. Nobody waits for the disk.
#[derive(Clone)]
pub(crate) struct AuditLog(Option<Arc<Inner>>);

struct Inner {
    lines: SyncSender<String>,
    /// Since the writer looked, and in all.
    dropped: AtomicU64,
    dropped_ever: AtomicU64,
}

/// Writes what was handed in, until the last hander-in is gone.
pub(crate) struct AuditWriter {
    path: PathBuf,
    file: File,
    bytes: u64,
    lines: Receiver<String>,
    log: std::sync::Weak<Inner>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    pub(crate) time: u64,
    /// `login`, `refused`, `changed`, …
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) user: &'a str,
    pub(crate) protocol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) client: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) operation: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) reason: &'a str,
}

impl<'a> Event<'a> {
    pub(crate) fn of(time: Time, event: &'static str, peer: &'a Peer) -> Self {
        Self {
            time: time.0,
            event,
            user: "",
            protocol: peer.protocol,
            address: peer.address.map(|address| address.to_string()),
            client: "",
            operation: "",
            namespace: "",
            kind: "",
            name: "",
            reason: "",
        }
    }
}

impl AuditLog {
    pub(crate) const fn off() -> Self {
        Self(None)
    }

    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn open(path: &Path) -> std::io::Result<(Self, AuditWriter)> {
        let (file, bytes) = open(path)?;
        let (sender, lines) = sync_channel(WAITING_LINES);
        let inner = Arc::new(Inner { lines: sender, dropped: AtomicU64::new(0), dropped_ever: AtomicU64::new(0) });
        let log = Arc::downgrade(&inner);
        Ok((Self(Some(inner)), AuditWriter { path: path.to_owned(), file, bytes, lines, log }))
    }

    /// Hands a line in.
    pub(crate) fn write(&self, event: &Event<'_>) {
        let Some(inner) = &self.0 else { return };
        let line = serde_json::to_string(event).expect("strings and numbers always have a JSON form");
        if inner.lines.try_send(line).is_err() {
            inner.dropped.fetch_add(1, Ordering::Relaxed);
            inner.dropped_ever.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.0.as_ref().map_or(0, |inner| inner.dropped_ever.load(Ordering::Relaxed))
    }

    /// What the broker has let somebody change, or has refused.
    pub(crate) fn operation(&self, now: Time, audit: &broker::Audit) {
        if self.0.is_none() {
            return;
        }
        let event = if audit.allowed { "changed" } else { "refused" };
        let (user, client) = (audit.user.to_text(), audit.client.to_text());
        let (namespace, name) = (audit.namespace.to_text(), short(&audit.name));
        self.write(&Event {
            user: short(&user),
            client: short(&client),
            operation: audit.operation,
            namespace: &namespace,
            kind: audit.kind,
            name,
            ..Event::of(now, event, &audit.peer)
        });
    }
}

/// A client chooses how long its names are.
pub(crate) fn short(text: &str) -> &str {
    text.char_indices().nth(NAME_CHARACTERS).map_or(text, |(end, _)| &text[..end])
}

impl AuditWriter {
    /// To be called by a thread of its own. Ends with the last [`AuditLog`].
    pub(crate) fn run(mut self) {
        let mut failed = false;
        loop {
            let result = match self.lines.recv_timeout(LOOK) {
                Ok(line) => self.put(&line),
                Err(RecvTimeoutError::Timeout) => self.put_dropped(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = &result
                && !failed
            {
                tracing::error!("the audit log {}: {error}", self.path.display());
            }
            failed = result.is_err();
        }
    }

    fn put(&mut self, line: &str) -> std::io::Result<()> {
        if self.bytes >= FILE_BYTES {
            self.turn()?;
        }
        let mut text = String::with_capacity(line.len() + 1);
        text.push_str(line);
        text.push('\n');
        self.file.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }

    fn put_dropped(&mut self) -> std::io::Result<()> {
        let dropped = self.log.upgrade().map_or(0, |log| log.dropped.swap(0, Ordering::Relaxed));
        if dropped > 0 {
            tracing::warn!("{dropped} lines of the audit log were dropped: they came faster than the disk takes them");
            self.put(&format!("{{\"event\":\"dropped\",\"lines\":{dropped}}}"))?;
        }
        Ok(())
    }

    /// Sets the file aside and begins another.
    fn turn(&mut self) -> std::io::Result<()> {
        let name = |nth: u32| PathBuf::from(format!("{}.{nth}", self.path.display()));
        for nth in (1..FILES_KEPT).rev() {
            if name(nth).exists() {
                std::fs::rename(name(nth), name(nth + 1))?;
            }
        }
        std::fs::rename(&self.path, name(1))?;
        (self.file, self.bytes) = open(&self.path)?;
        Ok(())
    }
}

/// Opens a file to add to, which only its owner may read; and how long it is.
fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> String {
        let peer = Peer::local("test");
        serde_json::to_string(&Event { name: short(name), ..Event::of(Time(7), "refused", &peer) }).unwrap()
    }

    #[test]
    fn what_clients_say_is_one_escaped_line() {
        let text = line("a\nb\"\u{1b}[31m");
        assert_eq!(text, r#"{"time":7,"event":"refused","protocol":"test","name":"a\nb\"\u001b[31m"}"#);
        assert!(line(&"ü".repeat(10_000)).len() < 1_000);
    }

    #[test]
    fn full_files_are_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let (log, mut writer) = AuditLog::open(&path).unwrap();
        for nth in 0..FILES_KEPT + 3 {
            writer.put(&format!("{nth}")).unwrap();
            writer.bytes = FILE_BYTES;
        }
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files as u32, FILES_KEPT + 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "10\n");
        assert_eq!(std::fs::read_to_string(folder.path().join("audit.log.1")).unwrap(), "9\n");
        drop(log);
    }

    #[test]
    fn nobody_waits_and_what_is_dropped_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (log, writer) = AuditLog::open(&folder.path().join("audit.log")).unwrap();
        let peer = Peer::local("test");
        for _ in 0..WAITING_LINES + 5 {
            log.write(&Event::of(Time(1), "login", &peer));
        }
        let writer = std::thread::spawn(move || writer.run());
        let inner = log.0.as_ref().unwrap();
        assert_eq!(inner.dropped.load(Ordering::Relaxed), 5);
        drop(log);
        writer.join().unwrap();
    }
}
