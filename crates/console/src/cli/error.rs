use std::io;
use std::path::PathBuf;

use crate::admin::LINE_BYTES;

/// Why a subcommand failed, in one line.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("no broker is running on {} (cannot connect to {}: {source})", data.display(), socket.display())]
    NoBroker { data: PathBuf, socket: PathBuf, source: io::Error },
    #[error("only the broker's user may give it commands (cannot connect to {}: {source})", socket.display())]
    NotAllowed { socket: PathBuf, source: io::Error },
    /// The broker's own words.
    #[error("{0}")]
    Refused(String),
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error("the name of the folder {} is no text that the broker could be told", .0.display())]
    NotText(PathBuf),
    /// Messages that were written out and are still there: somebody else took or deleted the others.
    #[error("{count} messages of {first} to {last} were written and could not be removed: they were gone")]
    NotRemoved { count: u64, first: u64, last: u64 },
    /// A line of an import, and what became of the others.
    #[error("line {line}: {reason}; {}", went_in(*imported, *from))]
    Line { line: usize, reason: String, imported: u64, from: usize },
    /// Nobody knows what became of a batch.
    #[error("{source}; {imported} messages went in, and those of lines {first} to {last} perhaps")]
    Unsure { source: Box<Self>, imported: u64, first: usize, last: usize },
    #[error("the message is too long: a request takes at most {LINE_BYTES} bytes; other protocols take longer ones")]
    TooLong,
    #[error("the broker ended the connection before it had answered")]
    Lost,
    #[error("the connection to the broker failed: {0}")]
    Connection(io::Error),
    #[error("the broker's answer was not understood: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("a line of more than {0} bytes")]
    LongAnswer(u64),
    #[error("cannot write: {0}")]
    Output(io::Error),
}

fn went_in(imported: u64, from: usize) -> String {
    match imported {
        0 => "nothing went in".into(),
        1 => format!("1 message went in, none from line {from} on"),
        many => format!("{many} messages went in, none from line {from} on"),
    }
}
