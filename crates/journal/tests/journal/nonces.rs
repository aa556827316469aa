//! A disk that remembers what was sealed with which key and nonce.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::sync::Mutex;

use journal::{Disk, File};

use crate::support::Syncing;

const SEALED: u8 = 3;
const BLOCK: u64 = 4096;

/// Checksums of contents, by the sealed key that stands in the header of their file, and their nonce. A key is sealed with a nonce of its
/// own, so its sealed form stands for it.
#[derive(Default)]
pub(crate) struct Nonces {
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    contents: BTreeMap<(Vec<u8>, Vec<u8>), (usize, u32)>,
    frames: u64,
    fault: Option<String>,
}

impl Nonces {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.seen.lock().unwrap().fault.take().map_or(Ok(()), Err)
    }

    /// How many different sealed frames there were.
    pub(crate) fn frames(&self) -> u64 {
        self.seen.lock().unwrap().frames
    }

    fn add(&self, key: &[u8], nonce: &[u8], content: &[u8]) {
        let mut seen = self.seen.lock().unwrap();
        let sum = (content.len(), crc32c::crc32c(content));
        match seen.contents.insert((key.to_vec(), nonce.to_vec()), sum) {
            Some(before) if before != sum => {
                seen.fault = Some(format!("key {key:02x?} and nonce {nonce:02x?} sealed two contents"));
            }
            Some(_) => {}
            None => seen.frames += u64::from(content.starts_with(b"CWFR")),
        }
    }

    fn look(&self, below: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
        match &bytes[..4] {
            // Made for this header, and for no other.
            b"CWSG" => self.add(&bytes[56..116], b"segment", &bytes[..116]),
            b"CWCL" => self.add(&bytes[84..144], b"cold", &bytes[..144]),
            b"CWCP" => self.add(&bytes[24..84], b"checkpoint", bytes),
            b"CWFR" if offset >= BLOCK => {
                let mut header = [0; 116];
                below.read_at(&mut header, 0)?;
                let length = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
                // What is written again at recovery may be a part of it.
                if let Some(frame) = bytes.get(..68 + length) {
                    self.add(&header[56..], &frame[68..80], frame);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Syncing for Nonces {
    fn write_at(&self, below: &dyn File, slices: &[IoSlice<'_>], offset: u64) -> io::Result<()> {
        if slices.first().is_some_and(|slice| slice.get(4) == Some(&SEALED)) {
            let slices: Vec<&[u8]> = slices.iter().map(|slice| &slice[..]).collect();
            self.look(below, &slices.concat(), offset)?;
        }
        below.write_at(slices, offset)
    }

    fn sync_data(&self, below: &dyn File) -> io::Result<()> {
        below.sync_data()
    }

    fn sync_dir(&self, below: &dyn Disk, folder: &str) -> io::Result<()> {
        below.sync_dir(folder)
    }
}
