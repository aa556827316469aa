use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use indicatif::BinaryBytes;
use journal::{Compacted, Disk, Options};
use serde_json::json;

use super::progress::Bar;
use super::{count, failed, say};
use crate::exit::Failure;
use crate::store::NEWEST;

/// Gives back what is not held any more as of the last checkpoint.
pub(super) fn compact(
    data: &Path,
    disk: Arc<dyn Disk>,
    options: Options,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let stats = journal::stats(&*disk, &options.encryption).map_err(|error| failed(data, &error))?;
    let bar = Bar::spinner("compacting");
    // Damage is no business of this command: whoever starts the broker decides about it.
    let compacted = journal::compact(disk, Options { repair: false, ..options });
    drop(bar);
    let Compacted { before, after: now, otherwise } = compacted.map_err(|error| failed(data, &error))?;
    if json {
        let live = stats.checkpoint.map(|_| now.live);
        return say(
            out,
            json!({"before": before.bytes, "after": now.bytes, "live": live, "encrypted_otherwise": otherwise}),
        );
    }
    let [before, now, live] = [before.bytes, now.bytes, now.live].map(BinaryBytes);
    let why = match stats.checkpoint {
        Some(_) => format!("{live} of that was needed at the last checkpoint"),
        None if stats.format < NEWEST => {
            format!("format {} gives nothing back: `causeway store finalize` changes it", stats.format)
        }
        None => "nothing can be given back before the first checkpoint".to_owned(),
    };
    say(out, format_args!("the store took {before} and takes {now}; {why}"))?;
    if otherwise == 0 {
        return Ok(());
    }
    let files = count(otherwise, "file");
    say(
        out,
        format_args!(
            "{files} of the last checkpoint are not encrypted as set: start and stop the broker, and compact again"
        ),
    )
}
