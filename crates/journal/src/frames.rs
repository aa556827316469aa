//! Where the frames of one file lie: 8 bytes each, in memory for the files used last, beside the segment for all others.
//!
//! A segment that is full gets a sidecar `.idx`; a cold file has the same bytes at its end.
//!
//! ```text
//!  0        4         5          8          16             20            24
//! ┌────────┬─────────┬──────────┬──────────┬──────────────┬─────────────┬──────────────────────────────┬─────┐
//! │ "CWIX" │ version │ reserved │ store_id │ count u32    │ reserved    │ count × [lsn u32 │ block u32] │ crc │
//! └────────┴─────────┴──────────┴──────────┴──────────────┴─────────────┴──────────────────────────────┴─────┘
//! ```
//! `lsn` is relative to the file's first record, `block` counts blocks from the file's beginning.

use std::io::IoSlice;

use crate::batch::Lsn;
use crate::cursor::Cursor;
use crate::disk::{Disk, failed, read_whole};
use crate::error::Error;
use crate::frame::{HEADER, Header, Parsed, VERSION};
use crate::gap::Lost;
use crate::limits::BLOCK;
use crate::names;
use crate::source::Source;

const MAGIC: [u8; 4] = *b"CWIX";
const FIXED: usize = 24;
const PLACE: usize = 8;

/// The frames of a file that have records, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    places: Vec<Place>,
}

/// A frame, relative to its file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Place {
    lsn: u32,
    block: u32,
}

/// A frame: where it begins in its file, and its first record.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) offset: u64,
    pub(crate) first: Lsn,
}

impl Frames {
    /// Adds a frame that begins with `lsn`, in a file that begins with `first`.
    pub(crate) fn push(&mut self, first: Lsn, lsn: Lsn, offset: u64) {
        let lsn = u32::try_from(lsn.0 - first.0).expect("a file holds fewer than 2^32 records");
        let block = u32::try_from(offset / BLOCK as u64).expect("a file is shorter than 2^32 blocks");
        self.places.push(Place { lsn, block });
    }

    /// The last frame that begins with `lsn` or a record before.
    pub(crate) fn locate(&self, first: Lsn, lsn: Lsn) -> Option<Location> {
        let relative = lsn.0.checked_sub(first.0)?;
        let index = self.places.partition_point(|place| u64::from(place.lsn) <= relative).checked_sub(1)?;
        Some(self.places[index].location(first))
    }

    pub(crate) fn iter(&self, first: Lsn) -> impl Iterator<Item = Location> {
        self.places.iter().map(move |place| place.location(first))
    }

    pub(crate) fn encode(&self, store_id: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + self.places.len() * PLACE + 4);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        out.extend_from_slice(&store_id.to_le_bytes());
        out.extend_from_slice(&(self.places.len() as u32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for place in &self.places {
            out.extend_from_slice(&place.lsn.to_le_bytes());
            out.extend_from_slice(&place.block.to_le_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// Reads what [`Frames::encode`] made; `None` if it is anything else.
    pub(crate) fn decode(bytes: &[u8], store_id: u64) -> Option<Self> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        let mut cursor = Cursor::new(body);
        let sound = cursor.take(4)? == MAGIC && cursor.u32()? == u32::from(VERSION) && cursor.u64()? == store_id;
        let count = cursor.u32()? as usize;
        cursor.u32()?;
        if !sound || u32::from_le_bytes(*crc) != crc32c::crc32c(body) || body.len() != FIXED + count * PLACE {
            return None;
        }
        let places = (0..count).map(|_| Some(Place { lsn: cursor.u32()?, block: cursor.u32()? }));
        let places: Vec<Place> = places.collect::<Option<_>>()?;
        places
            .windows(2)
            .all(|pair| pair[0].lsn < pair[1].lsn && pair[0].block < pair[1].block)
            .then_some(Self { places })
    }

    /// The frames of the full segment `number` with the records `first..end`, from its sidecar or from the segment.
    pub(crate) fn load(disk: &dyn Disk, store_id: u64, number: u64, first: Lsn, end: Lsn) -> Result<Self, Error> {
        let sidecar = read_whole(disk, &names::sidecar(number))?;
        let sound = sidecar.and_then(|bytes| Self::decode(&bytes, store_id)).filter(|frames| frames.fit(first, end));
        sound.map_or_else(|| Self::scan(disk, store_id, number, first, end), Ok)
    }

    /// Writes the sidecar of a segment. It is not synced: a bad one is as good as none.
    pub(crate) fn save(&self, disk: &dyn Disk, store_id: u64, number: u64) -> Result<(), Error> {
        let name = names::sidecar(number);
        let unfinished = format!("{name}.new");
        let written = disk.create(&unfinished).and_then(|file| {
            file.write_at(&[IoSlice::new(&self.encode(store_id))], 0)?;
            disk.rename(&unfinished, &name)
        });
        written.map_err(|error| {
            // What is left of it goes at the next open.
            let _ = disk.remove(&unfinished);
            failed(disk, "write", &unfinished)(error)
        })
    }

    /// Finds the frames by their headers. Damage is stepped over: whoever looks for a record in it is led to it.
    fn scan(disk: &dyn Disk, store_id: u64, number: u64, first: Lsn, end: Lsn) -> Result<Self, Error> {
        let source = Source::open(disk, names::segment(number))?;
        if end.0 - first.0 > u64::from(u32::MAX) {
            return Err(source.corrupt(0, "no segment holds so many records"));
        }
        let len = source.size()?;
        // Frames of an earlier use of the file have earlier records, too.
        let (mut frames, mut next) = (Self::default(), Lost { at: BLOCK as u64, block_no: 0, lsn: first });
        while next.lsn < end {
            let mut bytes = [0; HEADER];
            let read = source.file.read_at(&mut bytes, next.at).map_err(failed(disk, "read", &source.name))?;
            let behind = match Header::parse(&bytes[..read], store_id) {
                Parsed::Frame(header, _) if header.first_lsn == next.lsn.0 => {
                    let lsn = next.lsn.plus(header.rec_count.into());
                    Lost { at: next.at + header.span(), block_no: header.block_no + 1, lsn }
                }
                _ => match next.next(&source, store_id, len)? {
                    Some((at, header)) => Lost { at, block_no: header.block_no, lsn: Lsn(header.first_lsn) },
                    None => Lost { lsn: end, ..next },
                },
            };
            if behind.lsn > next.lsn {
                frames.push(first, next.lsn, next.at);
            }
            next = behind;
        }
        Ok(frames)
    }

    fn fit(&self, first: Lsn, end: Lsn) -> bool {
        let (begin, last) = (self.places.first(), self.places.last());
        begin.is_none_or(|place| place.lsn == 0) && last.is_none_or(|place| first.plus(place.lsn.into()) < end)
    }
}

impl Place {
    fn location(self, first: Lsn) -> Location {
        Location { offset: u64::from(self.block) * BLOCK as u64, first: first.plus(self.lsn.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Frames {
        let mut frames = Frames::default();
        [(10, 4096), (12, 8192), (20, 20_480)].iter().for_each(|&(lsn, at)| frames.push(Lsn(10), Lsn(lsn), at));
        frames
    }

    #[test]
    fn a_record_is_found_in_the_frame_before() {
        let at = |lsn| frames().locate(Lsn(10), Lsn(lsn)).map(|location| (location.offset, location.first.0));
        assert_eq!(at(9), None);
        assert_eq!(at(11), Some((4096, 10)));
        assert_eq!(at(12), Some((8192, 12)));
        assert_eq!(at(99), Some((20_480, 20)));
    }

    #[test]
    fn no_bit_may_change() {
        let bytes = frames().encode(7);
        assert_eq!(Frames::decode(&bytes, 7), Some(frames()));
        assert_eq!(Frames::decode(&bytes, 8), None);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frames::decode(&damaged, 7), None, "bit {bit}");
        }
        (0..bytes.len()).for_each(|len| assert_eq!(Frames::decode(&bytes[..len], 7), None));
    }
}
