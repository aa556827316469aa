//! Commands for a store that no broker has open: they lock it themselves.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use console::{Bar, Table, show_size};
use journal::disk::real::RealDisk;
use journal::{FileStats, Kind, Lsn, Progress, Report, Stats};
use serde_json::json;

use crate::exit::Failure;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Read and verify everything; exit code 1 if something is damaged
    Check,
    /// Show the files and how much of each is needed
    Stats,
    /// Print what each record says, one a line; the form is no promise
    Dump {
        /// Number of the first record
        #[arg(long, value_name = "RECORD", default_value_t = 1)]
        from: u64,
    },
    /// Give back the space of what is not needed any more
    Compact,
    /// Make a store of a backup; the data folder must be new or empty
    Restore {
        /// What `causeway backup` has made
        #[arg(value_name = "DIR")]
        backup: PathBuf,
    },
}

/// Carries out `command` on the store in `data`.
pub(crate) fn run(command: &StoreCommand, data: &Path, json: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let failed = |error: journal::Error| Failure::store(data, error);
    let written = match command {
        StoreCommand::Restore { backup } => {
            let from = disk(backup)?;
            let to = RealDisk::new(data).map_err(|error| Failure::store(data, error))?;
            let bar = Bar::of_bytes(0);
            let mut last = 0;
            journal::restore(&from, &to, |progress| {
                bar.set(progress.done, progress.total);
                last = progress.total;
            })
            .map_err(failed)?;
            drop(bar);
            tell_restored(last, data, json, out)
        }
        StoreCommand::Check => {
            let bar = Bar::of_bytes(0);
            let progress = |Progress { done, total }| bar.set(done, total);
            let report = journal::check(&disk(data)?, progress).map_err(failed)?;
            drop(bar);
            let written = tell_report(&report, json, out);
            if !report.faults.is_empty() {
                written.map_err(unwritten)?;
                return Err(Failure::store(data, format!("{} damaged places", report.faults.len())));
            }
            written
        }
        StoreCommand::Stats => tell_stats(&journal::stats(&disk(data)?).map_err(failed)?, json, out),
        StoreCommand::Dump { from } => dump(&disk(data)?, Lsn(*from), json, out).map_err(failed)?,
        StoreCommand::Compact => {
            let disk = Arc::new(disk(data)?);
            let (before, after) = journal::compact(disk, journal::Options::default()).map_err(failed)?;
            if json {
                writeln!(out, "{}", json!({ "used_before": before.bytes, "used": after.bytes, "live": after.live }))
            } else {
                let [before, used, live] = [before.bytes, after.bytes, after.live].map(show_size);
                writeln!(out, "{before} before, {used} now, of which {live} are needed")
            }
        }
    };
    match written {
        // Whoever read it has gone, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(unwritten),
    }
}

fn unwritten(error: std::io::Error) -> Failure {
    Failure::Start(format!("cannot write: {error}"))
}

/// A folder that is there already.
fn disk(folder: &Path) -> Result<RealDisk, Failure> {
    if !folder.is_dir() {
        return Err(Failure::Start(format!("there is no folder {}", folder.display())));
    }
    RealDisk::new(folder).map_err(|error| Failure::store(folder, error))
}

fn tell_restored(bytes: u64, data: &Path, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    if json {
        return writeln!(out, "{}", json!({ "bytes": bytes }));
    }
    writeln!(out, "restored {} into {}", show_size(bytes), data.display())
}

fn tell_report(report: &Report, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let Report { files, bytes, records, faults, torn } = report;
    if json {
        let place = |(file, offset): (&String, u64)| json!({ "file": file, "offset": offset });
        let fault = |it: &journal::Fault| json!({ "file": it.file, "offset": it.offset, "reason": it.reason });
        let faults: Vec<_> = faults.iter().map(fault).collect();
        let torn = torn.as_ref().map(|(file, offset)| place((file, *offset)));
        let object = json!({ "files": files, "bytes": bytes, "records": records, "faults": faults, "torn": torn });
        return writeln!(out, "{object}");
    }
    for fault in faults {
        writeln!(out, "damaged: {} at byte {}: {}", fault.file, fault.offset, fault.reason)?;
    }
    if let Some((file, offset)) = torn {
        writeln!(out, "{file} ends at byte {offset} with a write that was never confirmed; the next start cuts it")?;
    }
    let what = if faults.is_empty() { "sound" } else { "otherwise sound" };
    writeln!(out, "{what}: {files} files, {}, {records} records", show_size(*bytes))
}

fn tell_stats(stats: &Stats, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let kind = |kind: &Kind| match kind {
        Kind::Old => "old",
        Kind::Cold => "cold",
        Kind::Hot => "hot",
    };
    if json {
        for FileStats { name, kind: of, first, end, bytes, live_records, live_bytes } in &stats.files {
            let object = json!({
                "file": name, "kind": kind(of), "first": first.0, "end": end.0, "bytes": bytes,
                "live_records": live_records, "live_bytes": live_bytes,
            });
            writeln!(out, "{object}")?;
        }
        return Ok(());
    }
    let Stats { store_id, format, checkpoint, spares, files } = stats;
    let since = checkpoint.map_or("none".into(), |(first, last)| format!("records {} to {}", first.0, last.0));
    writeln!(out, "store {store_id:016x}, format {format}. checkpoint: {since}. spare files: {spares}")?;
    let mut table = Table::new(&["FILE", "KIND", ">FIRST", ">END", ">SIZE", ">NEEDED", ">RECORDS NEEDED"]);
    for file in files {
        table.push(vec![
            file.name.clone(),
            kind(&file.kind).to_owned(),
            file.first.0.to_string(),
            file.end.0.to_string(),
            show_size(file.bytes),
            show_size(file.live_bytes),
            file.live_records.to_string(),
        ]);
    }
    table.write(out)
}

/// What the inner result is of is writing.
fn dump(disk: &RealDisk, from: Lsn, json: bool, out: &mut dyn Write) -> Result<std::io::Result<()>, journal::Error> {
    let mut written = Ok(());
    journal::dump(disk, from, |Lsn(lsn), time, record| {
        if written.is_ok() {
            let says = broker::record::describe(record);
            written = if json {
                writeln!(out, "{}", json!({ "record": lsn, "time": time, "bytes": record.len(), "says": says }))
            } else {
                writeln!(out, "{lsn}  {time}  {} B  {says}", record.len())
            };
        }
    })?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments {
        #[command(subcommand)]
        command: StoreCommand,
    }

    fn run_on(data: &Path, line: &str, json: bool) -> Result<String, String> {
        let parsed = Arguments::try_parse_from(["store"].into_iter().chain(line.split(' ')));
        let command = parsed.map_err(|error| error.to_string())?.command;
        let mut out = Vec::new();
        match run(&command, data, json, &mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(Failure::Start(text) | Failure::Configuration(text) | Failure::Fatal(text)) => Err(text),
        }
    }

    #[test]
    fn wrong_arguments_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (line, text) in [
            ("explode", "unrecognized subcommand 'explode'"),
            ("dump --from x", "invalid value 'x' for '--from <RECORD>'"),
            ("restore", "required arguments were not provided"),
            ("check --from 1", "unexpected argument '--from'"),
        ] {
            let error = run_on(folder.path(), line, false).unwrap_err();
            assert!(error.contains(text), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_no_store_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        for line in ["check", "stats", "dump", "compact"] {
            let error = run_on(&missing, line, false).unwrap_err();
            assert_eq!(error, format!("there is no folder {}", missing.display()));
        }
        assert!(!missing.exists());
        let error = run_on(&missing, &format!("restore {}", missing.display()), false).unwrap_err();
        assert!(error.starts_with("there is no folder "), "{error}");
        for line in ["check", "stats", "dump"] {
            let error = run_on(folder.path(), line, false).unwrap_err();
            assert!(error.starts_with("data folder ") && !error.contains('\n'), "{error}");
        }
    }
}
