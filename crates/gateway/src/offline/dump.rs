use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

use journal::{Disk, Encryption, Lsn};
use serde_json::json;

use super::{failed, say};
use crate::exit::Failure;

/// What `describe` says of a record that is none, or that a newer program wrote.
const UNREADABLE: &str = "a record is not in its format";

/// Which records to print, and how.
pub(super) struct Wanted {
    pub(super) from: u64,
    pub(super) max: Option<u64>,
    pub(super) json: bool,
}

/// Prints a line for each record that is there.
pub(super) fn dump(
    data: &Path,
    disk: &dyn Disk,
    encryption: &Encryption,
    wanted: &Wanted,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let mut left = wanted.max.unwrap_or(u64::MAX);
    if left == 0 {
        return Ok(());
    }
    let dumped = journal::dump(disk, encryption, Lsn(wanted.from), |lsn, time, record| {
        let line = if wanted.json { object(lsn, time, record) } else { line(lsn, time, record) };
        say(&mut out, line).unwrap_or_else(|failure| failure.exit());
        left -= 1;
        if left == 0 {
            // The journal would read on to the end; nothing of it is open for writing.
            flush(&mut out).map_or_else(|failure| failure.exit(), |()| std::process::exit(0));
        }
    });
    flush(&mut out)?;
    dumped.map_err(|error| failed(data, &error))
}

fn flush(out: &mut dyn Write) -> Result<(), Failure> {
    out.flush().map_err(|error| Failure::Start(format!("cannot write the output: {error}")))
}

fn line(lsn: Lsn, time: u64, record: &[u8]) -> String {
    let time = if time == 0 { "-".to_owned() } else { console::show_time(time) };
    format!("{:<8}  {time:<24}  {}", lsn.0, text(record))
}

fn object(lsn: Lsn, time: u64, record: &[u8]) -> String {
    let time = (time > 0).then_some(time);
    json!({"lsn": lsn.0, "time": time, "kind": record.first(), "bytes": record.len(), "text": text(record)}).to_string()
}

/// What the record says, in one line that does not speak to the terminal.
fn text(record: &[u8]) -> String {
    let described = broker::record::describe(record);
    let mut text = String::with_capacity(described.len());
    if described.starts_with(UNREADABLE) {
        let kind = record.first().map_or_else(|| "none".to_owned(), u8::to_string);
        let _ = write!(text, "kind {kind}, {} bytes: ", record.len());
    }
    for c in described.chars() {
        if c.is_control() {
            let _ = write!(text, "{}", c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_is_a_number() {
        assert_eq!(text(&[250, 1, 2]), "kind 250, 3 bytes: a record is not in its format: unknown kind");
        assert!(text(&[]).starts_with("kind none, 0 bytes: "), "{}", text(&[]));
    }

    #[test]
    fn lines_line_up() {
        assert!(line(Lsn(7), 0, &[250]).starts_with("7         -                         kind 250"));
        assert!(line(Lsn(7), 1_000, &[250]).starts_with("7         1970-01-01T00:00:01.000Z  kind 250"));
    }
}
