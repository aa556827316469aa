use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use journal::Progress;

const BAR: &str = "{prefix}  {bar:40}  {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {eta} left";
const SPINNER: &str = "{prefix}  {spinner}  {elapsed}";
const TICK: Duration = Duration::from_millis(120);

/// Shows on standard error how far a long work is, if that is a terminal, and leaves nothing behind.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// For work that says how much there is.
    pub(super) fn new(what: &'static str) -> Self {
        Self::of(ProgressBar::no_length(), BAR, what)
    }

    /// For work that does not.
    pub(super) fn spinner(what: &'static str) -> Self {
        let bar = Self::of(ProgressBar::new_spinner(), SPINNER, what);
        bar.0.enable_steady_tick(TICK);
        bar
    }

    fn of(bar: ProgressBar, template: &str, what: &'static str) -> Self {
        // The templates are sound: tested below.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(bar.with_style(style).with_prefix(what))
    }

    pub(super) fn show(&self, progress: Progress) {
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_sound() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
