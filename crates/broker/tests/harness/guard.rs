//! Rights, for the tests of protocols over the real broker.
#![allow(clippy::disallowed_types, reason = "a guard is shared, and this one changes")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use model::{Action, Guard, Protected};

/// Lets its user do everything but what is on its list, in the words of refusals: `write topic a.b`.
#[derive(Debug, Default)]
pub(crate) struct Except {
    list: Mutex<Vec<String>>,
    gone: AtomicBool,
}

impl Except {
    pub(crate) fn of(list: &[&str]) -> Arc<Self> {
        let list = list.iter().map(|right| (*right).to_owned()).collect();
        Arc::new(Self { list: Mutex::new(list), gone: AtomicBool::new(false) })
    }

    /// Takes a right away.
    pub(crate) fn and(&self, right: &str) {
        self.list.lock().unwrap().push(right.to_owned());
    }

    /// The user is deleted.
    pub(crate) fn end(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Guard for Except {
    fn user(&self) -> &'static str {
        "bob"
    }

    fn stands(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }

    fn allows(&self, action: Action, protected: &Protected<'_>) -> bool {
        let what = &protected.what;
        let right = format!("{} {} {}", action.name(), what.kind(), what.name());
        !self.list.lock().unwrap().iter().any(|missing| missing == right.trim_end())
    }
}
