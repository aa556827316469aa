//! The client of the admin socket: a subcommand of `causeway` becomes one request, its answer a table or JSON lines.

mod arguments;
mod backup;
mod client;
mod error;
mod export;
mod import;
mod message;
mod progress;
mod render;
mod request;
mod room;
mod table;
mod text;
mod units;

use std::io::{ErrorKind, Write};
use std::path::Path;

pub use crate::cli::arguments::CliCommand;
pub use crate::cli::error::CliError;

use crate::cli::client::{Client, Line};
use crate::cli::render::Renderer;

/// Carries out `command` with the broker whose admin socket this is, and writes what it answers to `out`: tables for
/// people, or with `json` the objects as they are, one in each line.
///
/// Blocks until the answer is complete; that of `tail` never is. If nobody reads `out` any more, that is the end.
///
/// # Errors
/// No broker there, the broker refused, or a file or `out` failed. The text is one line.
pub fn run(command: CliCommand, socket: &Path, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let command = match command {
        CliCommand::Export(arguments) => return export::run(&arguments, socket, json, out),
        CliCommand::Import(arguments) => return import::run(&arguments, socket, json, out),
        CliCommand::Backup(arguments) => return backup::run(&arguments, socket, json, out),
        other => other,
    };
    let request = request::of(&command)?;
    let mut client = Client::connect(socket)?;
    client.ask(&request)?;
    let mut renderer = if json { Renderer::Json } else { Renderer::for_people(&command) };
    loop {
        let written = match client.next_line()? {
            Line { error: Some(error), .. } => return Err(CliError::Refused(text::one_line(&error))),
            Line { item: Some(item), .. } => renderer.item(item.get(), out)?,
            Line { note: Some(note), .. } => renderer.note(&note, out),
            Line { done: Some(true), now, .. } => {
                let written = renderer.finish(now.unwrap_or_default(), out);
                return if is_over(&written) { Ok(()) } else { written.map_err(CliError::Output) };
            }
            _ => Ok(()),
        };
        if is_over(&written) {
            return Ok(());
        }
        written.map_err(CliError::Output)?;
    }
}

/// Whether the reader of our output went away, as `head` does.
fn is_over(written: &std::io::Result<()>) -> bool {
    written.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
