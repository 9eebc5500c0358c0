//! The one home of the clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::state::Millis;

/// What time it is, by this machine. Wall time for people, monotonic time for durations.
pub fn now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Whole milliseconds since an instant.
pub fn millis_since(start: Instant) -> u32 {
    u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX)
}
