//! Which files are worth rewriting.

use crate::checkpoint::Checkpoint;
use crate::holders::Live;
use crate::index::Entry;
use crate::limits::{BLOCK, MAX_RUN};

/// What a record takes in a cold file besides its bytes.
const PER_RECORD: u64 = 16;
/// A rewrite must give back at least so much of what it replaces, in parts of it.
const LEAST_GAIN: u64 = 16;
/// Slack of the log for each of a segment's bytes.
const SLACK: u64 = 64;

/// An old file and what is held in it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Candidate {
    pub(super) entry: Entry,
    pub(super) live: Live,
    /// It is damaged, and stays as it is.
    pub(super) stuck: bool,
}

/// When the old files take too much.
#[derive(Copy, Clone)]
pub(super) struct Goal {
    /// Bytes of all old files for two of those that are held.
    pub(super) per_two: u64,
    pub(super) segment_bytes: u64,
    /// It is enough when room is not short any more.
    pub(super) until_room: bool,
}

impl Goal {
    /// Half as much again as is held, and some slack.
    pub(super) fn normal(segment_bytes: u64) -> Self {
        Self { per_two: 3, segment_bytes, until_room: false }
    }

    /// As little as possible.
    pub(super) fn least(segment_bytes: u64) -> Self {
        Self { per_two: 2, segment_bytes, until_room: false }
    }

    /// As little as there must be: publishers wait for room, and that is worth more copying.
    pub(super) fn room(segment_bytes: u64) -> Self {
        Self { until_room: true, ..Self::least(segment_bytes) }
    }

    fn is_met(&self, files: &[Candidate]) -> bool {
        let bytes: u64 = files.iter().map(|file| file.entry.bytes).sum();
        let live: u64 = files.iter().map(|file| file.live.bytes).sum();
        let slack = if self.per_two > 2 { self.segment_bytes / SLACK } else { 0 };
        bytes <= (live / 2).saturating_mul(self.per_two).saturating_add(slack)
    }

    /// The neighbours that are to be rewritten into one file next: those that give back most for each byte copied.
    pub(super) fn choose(&self, files: &[Candidate]) -> Option<(usize, usize)> {
        if self.is_met(files) {
            return None;
        }
        let mut best: Option<(f64, usize, usize)> = None;
        for begin in 0..files.len() {
            let mut run = Run::default();
            for (index, file) in files.iter().enumerate().skip(begin).take(MAX_RUN) {
                run.add(file);
                let span = file.entry.end.0 - files[begin].entry.first.0;
                if file.stuck || run.after > self.segment_bytes.max(file.entry.bytes) || span > u64::from(u32::MAX) {
                    break;
                }
                let worth = run.worth();
                if worth > best.map_or(0.0, |(worth, ..)| worth) {
                    best = Some((worth, begin, index + 1));
                }
            }
        }
        best.map(|(_, begin, end)| (begin, end))
    }
}

impl Candidate {
    pub(super) fn new(entry: Entry, checkpoint: &Checkpoint, stuck: bool) -> Self {
        let live = checkpoint.table.live(entry.first..entry.end);
        Self { entry, live, stuck }
    }

    /// Bytes that a rewrite of this file takes, without header and index.
    fn rewritten(&self) -> u64 {
        let Self { entry, live, .. } = self;
        if entry.file.cold && entry.held > 0 {
            let share = live.bytes as f64 / entry.held as f64;
            return (entry.bytes.saturating_sub(2 * BLOCK as u64) as f64 * share) as u64;
        }
        live.bytes.saturating_add(live.count.saturating_mul(PER_RECORD)).min(entry.bytes)
    }
}

/// Neighbours, as they are and as they would be.
#[derive(Default)]
struct Run {
    before: u64,
    after: u64,
}

impl Run {
    fn add(&mut self, file: &Candidate) {
        self.before += file.entry.bytes;
        self.after += file.rewritten();
    }

    /// Bytes given back for each byte copied; 0 if too few.
    fn worth(&self) -> f64 {
        let after = self.after + 2 * BLOCK as u64;
        let gain = self.before.saturating_sub(after);
        if gain < self.before / LEAST_GAIN || gain < BLOCK as u64 {
            return 0.0;
        }
        gain as f64 / after as f64
    }
}
