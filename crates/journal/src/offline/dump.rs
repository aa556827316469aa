//! All records that are there.

use super::survey::Survey;
use super::walk::Walk;
use crate::batch::Lsn;
use crate::cold;
use crate::crypt::{Encryption, Vault};
use crate::disk::Disk;
use crate::error::Error;
use crate::frames::Frames;
use crate::hot;
use crate::index::Entry;
use crate::source::Source;

/// Hands `take` each record from `from` on that is there, held or not, with its number and the ms since 1970 of its batch;
/// 0 for those in cold files. What lies behind the last sound frame is not there.
pub fn dump(
    disk: &dyn Disk,
    encryption: &Encryption,
    from: Lsn,
    mut take: impl FnMut(Lsn, u64, &[u8]),
) -> Result<(), Error> {
    let survey = Survey::of(disk, encryption)?;
    for entry in survey.plan.old.iter().filter(|entry| entry.end > from) {
        dump_old(disk, &survey.vault, entry, from, &mut take)?;
    }
    for &number in &survey.plan.scanned {
        let mut walk = Walk::open(disk, &survey.vault, number)?;
        while let Some(frame) = walk.next_known(survey.first())? {
            for span in frame.spans.iter().filter(|span| span.lsn >= from) {
                take(span.lsn, frame.header.time, span.of(&frame.payload));
            }
        }
    }
    Ok(())
}

fn dump_old(
    disk: &dyn Disk,
    vault: &Vault,
    entry: &Entry,
    from: Lsn,
    take: &mut impl FnMut(Lsn, u64, &[u8]),
) -> Result<(), Error> {
    let Entry { file, first, end, .. } = *entry;
    let store_id = vault.store_id;
    let source = Source::of_log(disk, vault, file)?;
    if !file.cold {
        let frames = Frames::load(disk, store_id, file.first, first, end)?;
        for location in frames.iter(first) {
            let time = hot::read_header(&source, store_id, location)?.time;
            let (payload, spans) = hot::read(&source, store_id, location)?;
            spans.iter().filter(|span| span.lsn >= from).for_each(|span| take(span.lsn, time, span.of(&payload)));
        }
        return Ok(());
    }
    let frames = cold::read_frames(disk, vault, file)?;
    for location in frames.iter(first) {
        let table = cold::Table::read(&source, location.offset, store_id)?;
        let payload = table.read_payload(&source)?;
        table.spans().iter().filter(|span| span.lsn >= from).for_each(|span| take(span.lsn, 0, span.of(&payload)));
    }
    Ok(())
}
