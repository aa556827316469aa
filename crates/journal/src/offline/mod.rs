//! What can be done with a store that is not open.

mod check;
mod compact;
mod dump;
mod restore;
mod stats;
mod survey;
mod walk;

pub use self::check::{Fault, Report, check};
pub use self::compact::{Compacted, compact};
pub use self::dump::dump;
pub use self::restore::restore;
pub use self::stats::{FileStats, Kind, Stats, stats};
