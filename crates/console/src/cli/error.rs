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
    #[error("the message is too long: a request takes at most {LINE_BYTES} bytes; other protocols take longer ones")]
    TooLong,
    #[error("the broker ended the connection before it had answered")]
    Lost,
    #[error("the connection to the broker failed: {0}")]
    Connection(io::Error),
    #[error("the broker's answer was not understood: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("an answer of more than {0} bytes")]
    LongAnswer(u64),
    #[error("cannot write: {0}")]
    Output(io::Error),
}
