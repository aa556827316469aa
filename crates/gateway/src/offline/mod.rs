//! `causeway store …` and `causeway restore`: work on a store whose broker is stopped.

mod check;
mod compact;
mod dump;
mod finalize;
mod progress;
mod rekey;
mod restore;
mod stats;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use config::Config;
use journal::disk::real::RealDisk;
use journal::{Disk, Error};

pub(crate) use self::restore::restore;
use crate::command_line::StoreCommand;
use crate::exit::Failure;
use crate::store;

pub(crate) fn run(command: StoreCommand, config: &Config, json: bool) -> Result<(), Failure> {
    let data = &config.data;
    let disk = open(data)?;
    let encryption = crate::master_key::encryption(config)?;
    let mut out = std::io::stdout().lock();
    match command {
        StoreCommand::Check => check::check(data, &*disk, &encryption, json, &mut out),
        StoreCommand::Stats => stats::stats(data, &*disk, &encryption, json, &mut out),
        StoreCommand::Dump { from, max } => {
            dump::dump(data, &*disk, &encryption, &dump::Wanted { from, max, json }, &mut out)
        }
        StoreCommand::Compact => compact::compact(data, disk, store::options(config, encryption), json, &mut out),
        StoreCommand::Finalize => finalize::finalize(data, &*disk, &encryption, json, &mut out),
        StoreCommand::Rekey => rekey::rekey(data, &*disk, &encryption, config, json, &mut out),
    }
}

/// The disk of a store that is there; nothing is made.
fn open(data: &Path) -> Result<Arc<dyn Disk>, Failure> {
    if !data.join("log").is_dir() {
        return Err(Failure::store(data, "there is no store"));
    }
    let disk = RealDisk::new(data).map_err(|error| Failure::store(data, error))?;
    Ok(Arc::new(disk))
}

/// What the journal says, in the words of somebody who works on a store that is stopped.
fn failed(data: &Path, error: &Error) -> Failure {
    match error {
        Error::Locked { .. } => Failure::store(data, "a broker is running on it: stop it first"),
        Error::Key(fault) => store::no_key(data, fault),
        Error::Corrupt { .. } => Failure::store(data, format_args!("{error}; `causeway store check` names all damage")),
        other => Failure::store(data, other),
    }
}

/// Writes a line. A reader that went away, as `head` does, has what it wanted.
pub(crate) fn say(out: &mut dyn Write, line: impl Display) -> Result<(), Failure> {
    match writeln!(out, "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        written => written.map_err(|error| Failure::Start(format!("cannot write the output: {error}"))),
    }
}

/// `1 place`, `2 places`.
fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
