use std::io::Write;
use std::path::Path;

use indicatif::BinaryBytes;
use journal::{Algorithm, Disk, Encryption, FileStats, Kind, Lsn, Stats};
use serde_json::json;

use super::{count, failed, say};
use crate::exit::Failure;

const TITLES: [&str; 7] = ["FILE", "KIND", "FIRST", "LAST", "SIZE", "LIVE", "RECORDS"];
/// Columns from here on are numbers, and line up at their right.
const NUMBERS: usize = 2;

/// Shows the files of the log and what of them is held, as of the last checkpoint.
pub(super) fn stats(
    data: &Path,
    disk: &dyn Disk,
    encryption: &Encryption,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let stats = journal::stats(disk, encryption).map_err(|error| failed(data, &error))?;
    if json { say(out, object(&stats)) } else { table(&stats, out) }
}

fn table(stats: &Stats, out: &mut dyn Write) -> Result<(), Failure> {
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(stats.files.iter().chain([&total(stats)]).map(|file| row(file, stats.checkpoint.is_some())));
    if let Some(total) = rows.last_mut() {
        total[1].clear();
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; TITLES.len()] = std::array::from_fn(width);
    for row in &rows {
        let cell = |(column, cell): (usize, &String)| match widths[column] {
            width if column < NUMBERS => format!("{cell:<width$}"),
            width => format!("{cell:>width$}"),
        };
        let line: Vec<_> = row.iter().enumerate().map(cell).collect();
        say(out, line.join("  ").trim_end())?;
    }
    let checkpoint = match stats.checkpoint {
        Some((first, last)) => format!("live as of the checkpoint of records {} to {}", first.0, last.0),
        None => "no checkpoint yet".to_owned(),
    };
    let spares = count(stats.spares as u64, "spare file");
    say(out, format_args!("store {:016x}, format {}; {checkpoint}; {spares}", stats.store_id, stats.format))
}

/// What is live is not known before the first checkpoint.
fn row(file: &FileStats, live_is_known: bool) -> [String; TITLES.len()] {
    let last = last(file).map_or_else(|| "-".to_owned(), |lsn| lsn.0.to_string());
    let live = |text: String| if live_is_known { text } else { "-".to_owned() };
    [
        file.name.clone(),
        kind(file.kind).to_owned(),
        file.first.0.to_string(),
        last,
        BinaryBytes(file.bytes).to_string(),
        live(BinaryBytes(file.live_bytes).to_string()),
        live(file.live_records.to_string()),
    ]
}

/// The last record that may be in the file; none if it has no records.
fn last(file: &FileStats) -> Option<Lsn> {
    (file.end > file.first).then(|| Lsn(file.end.0 - 1))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Old => "old",
        Kind::Cold => "cold",
        Kind::Hot => "hot",
    }
}

/// As the setting calls it.
fn word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Aes256Gcm => config::Encryption::Aes256Gcm.name(),
        Algorithm::ChaCha20Poly1305 => config::Encryption::ChaCha20Poly1305.name(),
    }
}

fn total(stats: &Stats) -> FileStats {
    let sum = |of: fn(&FileStats) -> u64| stats.files.iter().map(of).sum();
    FileStats {
        name: "total".to_owned(),
        kind: Kind::Hot,
        first: stats.files.first().map_or(Lsn(1), |file| file.first),
        end: stats.files.last().map_or(Lsn(1), |file| file.end),
        bytes: sum(|file| file.bytes),
        encryption: None,
        live_records: sum(|file| file.live_records),
        live_bytes: sum(|file| file.live_bytes),
    }
}

fn object(stats: &Stats) -> serde_json::Value {
    let file = |file: &FileStats| {
        json!({
            "name": file.name,
            "kind": kind(file.kind),
            "first": file.first.0,
            "last": last(file).map(|lsn| lsn.0),
            "bytes": file.bytes,
            "encryption": file.encryption.map(word),
            "live_bytes": stats.checkpoint.map(|_| file.live_bytes),
            "live_records": stats.checkpoint.map(|_| file.live_records),
        })
    };
    let total = total(stats);
    json!({
        "store_id": format!("{:016x}", stats.store_id),
        "format": stats.format,
        "checkpoint": stats.checkpoint.map(|(first, last)| json!({"first": first.0, "last": last.0})),
        "files": stats.files.iter().map(file).collect::<Vec<_>>(),
        "spares": stats.spares,
        "bytes": total.bytes,
        "live_bytes": stats.checkpoint.map(|_| total.live_bytes),
        "live_records": stats.checkpoint.map(|_| total.live_records),
    })
}
