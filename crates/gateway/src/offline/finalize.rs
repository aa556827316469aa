use std::io::Write;
use std::path::Path;

use journal::{Disk, Encryption};
use serde_json::json;

use super::{failed, say};
use crate::exit::Failure;
use crate::store::NEWEST;

/// Changes the store to the newest format.
pub(super) fn finalize(
    data: &Path,
    disk: &dyn Disk,
    encryption: &Encryption,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let format = journal::stats(disk, encryption).map_err(|error| failed(data, &error))?.format;
    journal::finalize(disk).map_err(|error| failed(data, &error))?;
    let now = format.max(NEWEST);
    if json {
        return say(out, json!({"from": format, "to": now}));
    }
    if format == now {
        return say(out, format_args!("nothing to do: the store has format {format}, the newest"));
    }
    say(out, format_args!("the store had format {format} and now has format {now}, which older programs refuse"))
}
