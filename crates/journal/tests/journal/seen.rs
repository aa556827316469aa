//! What random histories came to.

/// How often it came to what these histories are about.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Openings with a checkpoint, with cold files, with a torn tail.
    pub(crate) checkpoints: u64,
    pub(crate) cold: u64,
    pub(crate) cut: u64,
    /// Stalls on a full disk that ended with room.
    pub(crate) stalls: u64,
    /// Cold files that were rewritten.
    pub(crate) rewritten: u64,
    /// Frames that were sealed.
    pub(crate) sealed: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, more: &Self) {
        self.checkpoints += more.checkpoints;
        self.cold += more.cold;
        self.cut += more.cut;
        self.stalls += more.stalls;
        self.rewritten += more.rewritten;
        self.sealed += more.sealed;
    }

    pub(crate) fn min(&self) -> u64 {
        let Self { checkpoints, cold, cut, stalls, rewritten, sealed } = *self;
        [checkpoints, cold, cut, stalls, rewritten, sealed].into_iter().min().unwrap()
    }
}
