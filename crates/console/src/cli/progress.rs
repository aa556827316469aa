//! How far a long command has come, on standard error if that is a terminal.

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::text::one_line;

pub(super) struct Bar {
    bar: ProgressBar,
    counts_bytes: bool,
}

impl Bar {
    /// Of so many messages.
    pub(super) fn of_messages(total: u64) -> Self {
        Self::with(ProgressBar::new(total), false, "{wide_bar} {human_pos} of {human_len} messages, {eta} left")
    }

    /// Of so many bytes.
    pub(super) fn of_bytes(total: u64) -> Self {
        Self::with(ProgressBar::new(total), true, "{wide_bar} {binary_bytes} of {binary_total_bytes}, {eta} left")
    }

    /// Of messages, nobody knows how many.
    pub(super) fn of_unknown() -> Self {
        Self::with(ProgressBar::new_spinner(), false, "{spinner} {human_pos} messages")
    }

    fn with(bar: ProgressBar, counts_bytes: bool, template: &str) -> Self {
        bar.set_style(ProgressStyle::with_template(template).expect("the templates are written here"));
        Self { bar, counts_bytes }
    }

    pub(super) fn counts_bytes(&self) -> bool {
        self.counts_bytes
    }

    pub(super) fn add(&self, count: u64) {
        self.bar.inc(count);
    }

    pub(super) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// What the broker says meanwhile.
    pub(super) fn say(&self, note: &str) {
        self.bar.suspend(|| eprintln!("{}", one_line(note)));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
