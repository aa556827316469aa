//! moto's server, from the virtual environment that `bench peers install` makes.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Face, Launch, free_address};

pub(super) fn launch(program: &Path, _folder: &Path) -> Result<Launch> {
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()]);
    Ok(Launch::new(command, vec![(Face::Sqs, address)]))
}
