//! What time it is: passed in everywhere, read from the system in one place.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the backend learns what time it is.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now(&self) -> i64;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| i64::try_from(since.as_millis()).ok())
            .unwrap_or_default()
    }
}
