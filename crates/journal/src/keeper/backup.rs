//! Errands of other threads.

/// A backup to be made.
pub(crate) struct Errand;
