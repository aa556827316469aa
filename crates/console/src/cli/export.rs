use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::admin::request::{Command, Export, Exported};
use crate::cli::arguments::ExportArguments;
use crate::cli::client::{Client, Line};
use crate::cli::error::CliError;
use crate::cli::progress::Bar;
use crate::cli::text::one_line;
use crate::json::ProgressObject;

/// Where the lines go.
enum Target<'a> {
    Out(&'a mut dyn Write),
    File(BufWriter<File>),
}

#[derive(Default)]
struct Tally {
    exported: u64,
    removed: u64,
    /// As it was at the beginning.
    about: Option<ProgressObject>,
}

/// Sequence numbers of what one request brought.
#[derive(Default)]
struct Portion {
    count: u64,
    first: u64,
    last: u64,
}

#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

#[derive(Deserialize)]
struct Deleted {
    count: u64,
}

/// Writes messages to a file or to `out`, one a line. What is removed is written, and on disk, before.
pub(super) fn run(arguments: &ExportArguments, socket: &Path, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let file = arguments.file.as_deref().filter(|path| *path != Path::new("-"));
    let mut client = Client::connect(socket)?;
    let mut tally = Tally::default();
    let mut target = match file {
        Some(path) => Target::File(BufWriter::new(create(path).map_err(|source| unwritable(path, source))?)),
        None => Target::Out(&mut *out),
    };
    let written = export(arguments, &mut client, &mut target, &mut tally);
    let nothing_came = tally.about.is_none();
    drop(target);
    if let Some(path) = file.filter(|path| nothing_came && path.is_file()) {
        // Refused: the file is as empty as it was made.
        let _ = std::fs::remove_file(path);
    }
    match written {
        // Whoever read it has gone, as `head` does.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        other => other?,
    }
    match file {
        Some(path) => tell(&tally, arguments, path, json, out).map_err(CliError::Output),
        None => {
            if let Some(left) = left_out(&tally) {
                eprintln!("{left}");
            }
            Ok(())
        }
    }
}

fn export(
    arguments: &ExportArguments,
    client: &mut Client,
    target: &mut Target<'_>,
    tally: &mut Tally,
) -> Result<(), CliError> {
    let (namespace, queue) = (arguments.queue.namespace, &arguments.queue.queue);
    let mut left = arguments.max;
    let mut bar = None;
    loop {
        let request = Export { namespace, queue: queue.clone(), max: left, take: arguments.remove };
        let portion = portion(&Command::Export(request), client, target, tally, &mut bar)?;
        target.flush()?;
        if !arguments.remove || portion.count == 0 {
            return Ok(());
        }
        let Portion { first, last, .. } = portion;
        let removed = delete(&Exported { namespace, queue: queue.clone(), first, last }, client)?;
        tally.removed += removed;
        if removed != portion.count {
            return Err(CliError::NotRemoved { count: portion.count - removed, first, last });
        }
        // What came since the beginning stays.
        let total = tally.about.as_ref().map_or(0, |about| about.total);
        left = Some(total.saturating_sub(tally.exported));
        if left == Some(0) {
            return Ok(());
        }
    }
}

/// Writes what one request brings.
fn portion(
    request: &Command,
    client: &mut Client,
    target: &mut Target<'_>,
    tally: &mut Tally,
    bar: &mut Option<Bar>,
) -> Result<Portion, CliError> {
    client.ask(request)?;
    let mut portion = Portion::default();
    loop {
        match client.next_line()? {
            Line { error: Some(error), .. } => return Err(CliError::Refused(one_line(&error))),
            Line { progress: Some(about), .. } => {
                bar.get_or_insert_with(|| Bar::of_messages(about.total));
                tally.about.get_or_insert(about);
            }
            Line { item: Some(item), .. } => {
                let Numbered { seq } = serde_json::from_str(item.get())?;
                target.write(item.get())?;
                portion.first = if portion.count == 0 { seq } else { portion.first.min(seq) };
                portion.last = portion.last.max(seq);
                portion.count += 1;
                tally.exported += 1;
                if let Some(bar) = bar {
                    bar.add(1);
                }
            }
            Line { done: Some(true), .. } => return Ok(portion),
            _ => {}
        }
    }
}

fn delete(exported: &Exported, client: &mut Client) -> Result<u64, CliError> {
    client.ask(&Command::Exported(exported.clone()))?;
    let mut count = 0;
    loop {
        match client.next_line()? {
            Line { error: Some(error), .. } => return Err(CliError::Refused(one_line(&error))),
            Line { item: Some(item), .. } => count = serde_json::from_str::<Deleted>(item.get())?.count,
            Line { done: Some(true), .. } => return Ok(count),
            _ => {}
        }
    }
}

fn tell(tally: &Tally, arguments: &ExportArguments, path: &Path, json: bool, out: &mut dyn Write) -> io::Result<()> {
    let Tally { exported, removed, about } = tally;
    let (leased, delayed) = about.as_ref().map_or((0, 0), |about| (about.leased, about.delayed));
    if json {
        let object = json!({ "exported": exported, "removed": removed, "leased": leased, "delayed": delayed });
        return writeln!(out, "{object}");
    }
    let what = if arguments.remove { "moved" } else { "wrote" };
    let messages = if *exported == 1 { "message" } else { "messages" };
    let queue = one_line(&arguments.queue.queue);
    writeln!(out, "{what} {exported} {messages} of {queue} to {}", one_line(&path.display().to_string()))?;
    left_out(tally).map_or(Ok(()), |left| writeln!(out, "{left}"))
}

/// What was in the queue and could not be looked at.
fn left_out(tally: &Tally) -> Option<String> {
    let about = tally.about.as_ref().filter(|about| about.leased + about.delayed > 0)?;
    Some(format!("not in it: {} that receivers have, {} that are not yet due", about.leased, about.delayed))
}

/// A new file, or what is there and is none (a pipe, a device).
fn create(path: &Path) -> io::Result<File> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => OpenOptions::new().write(true).open(path),
        _ => OpenOptions::new().write(true).create_new(true).open(path),
    }
}

fn unwritable(path: &Path, source: io::Error) -> CliError {
    CliError::Unwritable { path: path.to_owned(), source }
}

impl Target<'_> {
    fn write(&mut self, line: &str) -> Result<(), CliError> {
        match self {
            Self::Out(out) => writeln!(out, "{line}"),
            Self::File(file) => writeln!(file, "{line}"),
        }
        .map_err(CliError::Output)
    }

    /// Afterwards it is where a crash does not reach it, as far as that is up to this program.
    fn flush(&mut self) -> Result<(), CliError> {
        match self {
            Self::Out(out) => out.flush(),
            Self::File(file) => file.flush().and_then(|()| match file.get_ref().metadata()?.is_file() {
                true => file.get_ref().sync_all(),
                false => Ok(()),
            }),
        }
        .map_err(CliError::Output)
    }
}
