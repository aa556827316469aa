use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Namespace;
use serde::Deserialize;
use serde_json::json;

use crate::admin::import::BATCH;
use crate::admin::request::{Command, Import};
use crate::cli::arguments::ImportArguments;
use crate::cli::client::{Client, LONGEST_LINE, Line};
use crate::cli::error::CliError;
use crate::cli::progress::Bar;
use crate::cli::text::one_line;
use crate::json::ExportObject;

/// Bytes of lines that go into one batch; a longer line is one of its own.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes of a body that are sent at a time, of one that is too long for a request.
const PIECE_BYTES: usize = 1024 * 1024;

/// Lines that were read and not sent.
#[derive(Default)]
struct Batch {
    queue: String,
    /// Each with the number of its line.
    messages: Vec<(usize, ExportObject)>,
    bytes: usize,
}

#[derive(Default)]
struct Tally {
    imported: u64,
    dropped: u64,
    expired: u64,
}

#[derive(Deserialize)]
struct Outcome {
    imported: u64,
    dropped: u64,
    expired: u64,
    failed: Option<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    index: usize,
    reason: String,
}

/// Publishes the messages of a file or of standard input, one a line, in order. A file is read twice: if a line of it is
/// wrong, nothing is imported.
pub(super) fn run(arguments: &ImportArguments, socket: &Path, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let path = arguments.file.as_deref().filter(|path| *path != Path::new("-"));
    let unreadable = |path: &Path, source| CliError::File { path: path.to_owned(), source };
    let mut client = Client::connect(socket)?;
    let tally = match path {
        None => {
            let mut lines = Lines::new(io::stdin().lock(), path);
            import(arguments, &mut lines, &mut client, &Bar::of_unknown())?
        }
        Some(path) => {
            let mut file = File::open(path).map_err(|source| unreadable(path, source))?;
            let found = file.metadata().map_err(|source| unreadable(path, source))?;
            let bar = if found.is_file() {
                check(arguments, &mut Lines::new(BufReader::new(&file), Some(path)))?;
                file.rewind().map_err(|source| unreadable(path, source))?;
                Bar::of_bytes(found.len())
            } else {
                Bar::of_unknown()
            };
            import(arguments, &mut Lines::new(BufReader::new(&file), Some(path)), &mut client, &bar)?
        }
    };
    tell(&tally, arguments, json, out).map_err(CliError::Output)
}

/// Reads all lines, and sends none.
fn check(arguments: &ImportArguments, lines: &mut Lines<'_, impl BufRead>) -> Result<(), CliError> {
    while let Some((number, line)) = lines.next()? {
        let read = object(arguments, line).and_then(|(_, object)| {
            object.into_unchecked(Namespace::default(), None).map(drop).map_err(|error| error.to_string())
        });
        read.map_err(|reason| CliError::Line { line: number, reason, imported: 0, from: 1 })?;
    }
    Ok(())
}

fn import(
    arguments: &ImportArguments,
    lines: &mut Lines<'_, impl BufRead>,
    client: &mut Client,
    bar: &Bar,
) -> Result<Tally, CliError> {
    let (mut tally, mut batch) = (Tally::default(), Batch::default());
    while let Some((number, line)) = lines.next()? {
        let length = line.len();
        let (queue, object) = object(arguments, line).map_err(|reason| CliError::Line {
            line: number,
            reason,
            imported: tally.imported,
            from: batch.messages.first().map_or(number, |(first, _)| *first),
        })?;
        let full = batch.messages.len() == BATCH || batch.bytes + length > BATCH_BYTES || batch.queue != queue;
        if full && !batch.messages.is_empty() {
            send(arguments, std::mem::take(&mut batch), client, &mut tally, bar)?;
        }
        batch.queue = queue;
        batch.messages.push((number, object));
        batch.bytes += length;
    }
    if !batch.messages.is_empty() {
        send(arguments, batch, client, &mut tally, bar)?;
    }
    Ok(tally)
}

/// The queue that a line goes to, and its message without what the broker need not know.
fn object(arguments: &ImportArguments, line: &[u8]) -> Result<(String, ExportObject), String> {
    let object: ExportObject = serde_json::from_slice(line.trim_ascii_end()).map_err(|error| why(&error))?;
    let queue = arguments.queue.clone().unwrap_or_else(|| object.queue.clone());
    if queue.is_empty() {
        return Err("it names no queue, and neither does the command".into());
    }
    Ok((queue, object.bare()))
}

/// Of one line, so that its number need not be told again.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    format!("{} at column {}", &text[..end], error.column())
}

fn send(
    arguments: &ImportArguments,
    batch: Batch,
    client: &mut Client,
    tally: &mut Tally,
    bar: &Bar,
) -> Result<(), CliError> {
    let (first, last) = (batch.messages[0].0, batch.messages[batch.messages.len() - 1].0);
    let numbers: Vec<usize> = batch.messages.iter().map(|(number, _)| *number).collect();
    let imported = tally.imported;
    let request = Import {
        namespace: arguments.namespace,
        queue: batch.queue,
        messages: batch.messages.into_iter().map(|(_, object)| object).collect(),
        pieces: false,
    };
    let unsure = |source: CliError| match source {
        CliError::Refused(reason) => CliError::Line { line: first, reason, imported, from: first },
        source => CliError::Unsure { source: Box::new(source), imported, first, last },
    };
    let outcome = exchange(request, batch.bytes, client, bar).map_err(unsure)?;
    if let Some(Failed { index, reason }) = outcome.failed {
        let line = numbers.get(index).copied().unwrap_or(first);
        return Err(CliError::Line { line, reason: one_line(&reason), imported, from: first });
    }
    tally.imported += outcome.imported;
    tally.dropped += outcome.dropped;
    tally.expired += outcome.expired;
    bar.add(if bar.counts_bytes() { batch.bytes as u64 } else { numbers.len() as u64 });
    Ok(())
}

fn exchange(mut request: Import, bytes: usize, client: &mut Client, bar: &Bar) -> Result<Outcome, CliError> {
    if bytes > BATCH_BYTES
        && let [message] = request.messages.as_mut_slice()
    {
        let body = message.take_body().map_err(|error| CliError::Refused(error.to_string()))?;
        for piece in body.chunks(PIECE_BYTES) {
            ask(&Command::ImportPiece { base64: STANDARD.encode(piece) }, client, bar)?;
        }
        request.pieces = true;
    }
    ask(&Command::Import(request), client, bar)?.ok_or(CliError::Lost)
}

fn ask(command: &Command, client: &mut Client, bar: &Bar) -> Result<Option<Outcome>, CliError> {
    client.ask(command)?;
    let mut outcome = None;
    loop {
        match client.next_line()? {
            Line { error: Some(error), .. } => return Err(CliError::Refused(one_line(&error))),
            Line { item: Some(item), .. } => outcome = Some(serde_json::from_str(item.get())?),
            Line { note: Some(note), .. } => bar.say(&note),
            Line { done: Some(true), .. } => return Ok(outcome),
            _ => {}
        }
    }
}

fn tell(tally: &Tally, arguments: &ImportArguments, json: bool, out: &mut dyn Write) -> io::Result<()> {
    let Tally { imported, dropped, expired } = tally;
    if json {
        return writeln!(out, "{}", json!({ "imported": imported, "dropped": dropped, "expired": expired }));
    }
    let messages = if *imported == 1 { "message" } else { "messages" };
    let queue = arguments.queue.as_deref().map_or("their queues".into(), one_line);
    writeln!(out, "put {imported} {messages} into {queue}")?;
    if *expired > 0 {
        writeln!(out, "not put in: {expired} that had expired")?;
    }
    if *dropped > 0 {
        writeln!(out, "not put in: {dropped} that the queue drops by its settings")?;
    }
    Ok(())
}

/// Lines with their numbers, from 1; empty ones are passed over.
struct Lines<'a, R> {
    reader: R,
    path: Option<&'a Path>,
    line: Vec<u8>,
    number: usize,
}

impl<'a, R: BufRead> Lines<'a, R> {
    fn new(reader: R, path: Option<&'a Path>) -> Self {
        Self { reader, path, line: Vec::new(), number: 0 }
    }

    fn next(&mut self) -> Result<Option<(usize, &[u8])>, CliError> {
        loop {
            self.line.clear();
            let mut bounded = (&mut self.reader).take(LONGEST_LINE);
            let path = self.path.unwrap_or_else(|| Path::new("standard input"));
            let read = bounded.read_until(b'\n', &mut self.line);
            let count = read.map_err(|source| CliError::File { path: path.to_owned(), source })?;
            if count == 0 {
                return Ok(None);
            }
            if count as u64 == LONGEST_LINE {
                return Err(CliError::LongAnswer(LONGEST_LINE));
            }
            self.number += 1;
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((self.number, &self.line)));
            }
        }
    }
}
