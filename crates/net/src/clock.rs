use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Time;

/// Wall time that never goes back, for one thread.
#[derive(Debug, Default)]
pub struct Clock(Cell<u64>);

impl Clock {
    pub fn now(&self) -> Time {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = (wall.as_millis() as u64).max(self.0.get());
        self.0.set(now);
        Time(now)
    }
}
