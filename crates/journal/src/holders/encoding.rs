//! The table of holders in a `CHECKPOINT`.
//!
//! Blocks that have a holder, ascending: how many numbers lie between it and the one before (a varint), a kind, and
//!
//! ```text
//! 0  repeat, count   varints: so many blocks, one after the other, in which each record has so many holders
//! 1  (length, count) varints: runs of records, until the block is full
//! 2  bits            one for each record, the lowest of the first byte first
//! 3  bytes           one for each record
//! 4  u32             one for each record
//! ```

use std::collections::BTreeMap;

use super::block::{Block, LSNS};
use super::{Live, Slot, Table};
use crate::cursor::{Cursor, put_varint};

const SAME: u8 = 0;
const RUNS: u8 = 1;
const BITS: u8 = 2;
const BYTES: u8 = 3;
const WIDE: u8 = 4;

/// How a block is written.
enum Form {
    /// Every record has so many holders.
    Same(u32),
    Bytes(u8, Vec<u8>),
}

impl Table {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.blocks.len() as u64);
        let mut next = 0;
        let mut blocks = self.blocks.iter().peekable();
        while let Some((&number, slot)) = blocks.next() {
            put_varint(out, number - next);
            next = number + 1;
            match form(&slot.block, slot.live) {
                Form::Same(count) => {
                    let begin = number;
                    while blocks.next_if(|(number, slot)| **number == next && same(slot) == Some(count)).is_some() {
                        next += 1;
                    }
                    out.push(SAME);
                    put_varint(out, next - begin);
                    put_varint(out, count.into());
                }
                Form::Bytes(kind, bytes) => {
                    out.push(kind);
                    out.extend_from_slice(&bytes);
                }
            }
        }
    }

    /// Reads a table. `segments` says what is alive in which segment; no more than `most` records may have a holder.
    pub(crate) fn decode(cursor: &mut Cursor<'_>, segments: BTreeMap<u64, Live>, most: u64) -> Option<Self> {
        let mut table = Self { segments, ..Self::default() };
        table.segments.values().for_each(|live| table.total.add(*live));
        let mut left = cursor.varint()?;
        let mut next = 0_u64;
        let mut live = 0_u64;
        while left > 0 {
            let begin = next.checked_add(cursor.varint()?)?;
            let (repeat, slot) = decode_blocks(cursor)?;
            live = u64::from(slot.live).checked_mul(repeat)?.checked_add(live)?;
            if repeat > left || live > most || slot.live == 0 {
                return None;
            }
            next = begin.checked_add(repeat)?;
            next.checked_mul(LSNS as u64)?;
            table.blocks.extend((begin..next).map(|number| (number, slot.clone())));
            left -= repeat;
        }
        (live == table.total.count).then_some(table)
    }
}

fn same(slot: &Slot) -> Option<u32> {
    let count = slot.block.get(0);
    let all = usize::from(slot.live) == LSNS && (1..LSNS).all(|at| slot.block.get(at) == count);
    all.then_some(count)
}

fn form(block: &Block, live: u16) -> Form {
    let slot = Slot { block: block.clone(), live };
    if let Some(count) = same(&slot) {
        return Form::Same(count);
    }
    let (kind, plain): (u8, Vec<u8>) = match block {
        Block::Bits(bits) => (BITS, bits.iter().flat_map(|word| word.to_le_bytes()).collect()),
        Block::Bytes(bytes) => (BYTES, bytes.to_vec()),
        Block::Wide(counts) => (WIDE, counts.iter().flat_map(|count| count.to_le_bytes()).collect()),
    };
    let runs = runs(block, plain.len());
    runs.map_or(Form::Bytes(kind, plain), |runs| Form::Bytes(RUNS, runs))
}

/// The block in runs if that is shorter than `longest`.
fn runs(block: &Block, longest: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < LSNS {
        let count = block.get(at);
        let end = (at + 1..LSNS).find(|&next| block.get(next) != count).unwrap_or(LSNS);
        put_varint(&mut out, (end - at) as u64);
        put_varint(&mut out, count.into());
        if out.len() >= longest {
            return None;
        }
        at = end;
    }
    Some(out)
}

fn decode_blocks(cursor: &mut Cursor<'_>) -> Option<(u64, Slot)> {
    let mut counts = [0; LSNS];
    let mut repeat = 1;
    match cursor.u8()? {
        SAME => {
            repeat = cursor.varint()?;
            counts = [u32::try_from(cursor.varint()?).ok()?; LSNS];
        }
        RUNS => {
            let mut at = 0;
            while at < LSNS {
                let length =
                    usize::try_from(cursor.varint()?).ok().filter(|length| (1..=LSNS - at).contains(length))?;
                counts[at..at + length].fill(u32::try_from(cursor.varint()?).ok()?);
                at += length;
            }
        }
        BITS => {
            let bits = cursor.take(LSNS / 8)?;
            counts = std::array::from_fn(|at| (bits[at / 8] >> (at % 8) & 1).into());
        }
        BYTES => {
            let bytes = cursor.take(LSNS)?;
            counts = std::array::from_fn(|at| bytes[at].into());
        }
        WIDE => {
            for count in &mut counts {
                *count = cursor.u32()?;
            }
        }
        _ => return None,
    }
    let live = counts.iter().filter(|&&count| count > 0).count() as u16;
    (repeat > 0).then(|| (repeat, Slot { block: Block::of(&counts), live }))
}
