use std::io::Write;
use std::path::Path;

use serde::Deserialize;

use crate::admin::request::Command;
use crate::cli::arguments::BackupArguments;
use crate::cli::client::{Client, Line};
use crate::cli::error::CliError;
use crate::cli::progress::Bar;
use crate::cli::text::one_line;
use crate::cli::units::show_size;

#[derive(Deserialize)]
struct BackedUp {
    lsn: u64,
    bytes: u64,
}

/// Has the running broker copy its store.
pub(super) fn run(arguments: &BackupArguments, socket: &Path, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let path = &arguments.folder;
    // The broker has another current folder.
    let folder = std::path::absolute(path).map_err(|source| CliError::File { path: path.clone(), source })?;
    let folder = folder.into_os_string().into_string().map_err(|_| CliError::NotText(path.clone()))?;
    let mut client = Client::connect(socket)?;
    client.ask(&Command::Backup { folder: folder.clone() })?;
    let bar = Bar::of_bytes(0);
    loop {
        match client.next_line()? {
            Line { error: Some(error), .. } => return Err(CliError::Refused(one_line(&error))),
            Line { progress: Some(progress), .. } => bar.set(progress.done, progress.total),
            Line { item: Some(item), .. } => {
                let BackedUp { lsn, bytes } = serde_json::from_str(item.get())?;
                let size = show_size(bytes);
                let written = if json {
                    writeln!(out, "{}", item.get())
                } else {
                    writeln!(out, "backed up {size} ({bytes} bytes) to {}, up to record {lsn}", one_line(&folder))
                };
                written.map_err(CliError::Output)?;
            }
            Line { done: Some(true), .. } => return Ok(()),
            _ => {}
        }
    }
}
