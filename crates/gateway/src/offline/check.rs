use std::io::Write;
use std::path::Path;

use indicatif::BinaryBytes;
use journal::{Disk, Encryption, Fault, Report};
use serde_json::json;

use super::progress::Bar;
use super::{count, failed, say};
use crate::exit::Failure;

/// Reads and verifies the whole store, and names each place that is damaged.
pub(super) fn check(
    data: &Path,
    disk: &dyn Disk,
    encryption: &Encryption,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bar = Bar::new("checking");
    let checked = journal::check(disk, encryption, |progress| bar.show(progress));
    drop(bar);
    let report = checked.map_err(|error| failed(data, &error))?;
    if json {
        say_json(&report, out)?
    } else {
        say_lines(&report, out)?
    }
    match report.faults.len() as u64 {
        0 => Ok(()),
        places => Err(Failure::store(data, format_args!("damaged in {}", count(places, "place")))),
    }
}

fn say_lines(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    for Fault { file, offset, reason } in &report.faults {
        say(out, format_args!("{file} is damaged at byte {offset}: {reason}"))?;
    }
    if let Some((file, offset)) = &report.torn {
        let what = "a write that was never confirmed, which a start will cut";
        say(out, format_args!("{file} ends at byte {offset} with {what}"))?;
    }
    let Report { files, bytes, records, .. } = report;
    let (files, bytes) = (count(*files, "file"), BinaryBytes(*bytes));
    let found = if report.faults.is_empty() { "sound" } else { "read" };
    say(out, format_args!("{found}: {} in {files}, {bytes}", count(*records, "record")))
}

/// One object for each damage and a last one that counts.
fn say_json(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    for Fault { file, offset, reason } in &report.faults {
        say(out, json!({"file": file, "offset": offset, "reason": reason}))?;
    }
    let torn = report.torn.as_ref().map(|(file, offset)| json!({"file": file, "offset": offset}));
    let Report { files, bytes, records, faults, .. } = report;
    say(out, json!({"files": files, "bytes": bytes, "records": records, "faults": faults.len(), "torn": torn}))
}
