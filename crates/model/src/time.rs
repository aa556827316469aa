/// Wall-clock milliseconds since the Unix epoch, made monotone by the shell and handed in as an argument.
///
/// Not `std::time::Instant`: expiry and schedules must survive a restart and mean the same on a standby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    pub const ZERO: Self = Self(0);

    /// `self` + `milliseconds`, saturating.
    pub fn plus(self, milliseconds: u64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to `self`, 0 if `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
