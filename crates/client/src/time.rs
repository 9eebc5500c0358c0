//! The one home of the clocks.
//!
//! What time it is comes from the wall clock once, and from then on from a clock that only goes forward: an NTP step or
//! a person who sets the clock must not move a countdown. Where the two have come apart for good (a step, or the
//! machine slept, during which the steady clock may stand still), [`jumped`] says so and begins anew.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::state::Millis;

/// The two clocks may differ by this much before it counts as a jump: more than they drift in a day, less than a nap.
const JUMP: i64 = 2_000;

/// When this process began to count, and the wall clock less the steady one, ms.
struct Steady {
    start: Instant,
    wall_less_steady: AtomicI64,
}

fn steady() -> &'static Steady {
    static STEADY: OnceLock<Steady> = OnceLock::new();
    STEADY.get_or_init(|| Steady {
        start: Instant::now(),
        wall_less_steady: AtomicI64::new(wall()),
    })
}

impl Steady {
    fn elapsed(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

fn wall() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// What time it is, by this machine.
pub fn now() -> Millis {
    let steady = steady();
    Millis(
        steady
            .elapsed()
            .saturating_add(steady.wall_less_steady.load(Ordering::Relaxed)),
    )
}

/// How far the wall clock has jumped against the steady one since it was last asked, ms; none for no jump. From then on
/// [`now`] agrees with the wall clock again.
pub fn jumped() -> Option<i64> {
    let steady = steady();
    let apart = wall() - steady.elapsed();
    let jump = jump(steady.wall_less_steady.load(Ordering::Relaxed), apart)?;
    steady.wall_less_steady.store(apart, Ordering::Relaxed);
    Some(jump)
}

fn jump(known: i64, apart: i64) -> Option<i64> {
    let jump = apart.saturating_sub(known);
    (jump.abs() >= JUMP).then_some(jump)
}

/// Whole milliseconds since an instant.
pub fn millis_since(start: Instant) -> u32 {
    millis(start.elapsed())
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nap_and_a_set_clock_are_jumps_and_drift_is_none() {
        assert_eq!(jump(1_000, 1_900), None);
        assert_eq!(jump(1_000, 61_000), Some(60_000));
        assert_eq!(jump(61_000, 1_000), Some(-60_000));
    }

    #[test]
    fn time_goes_forward() {
        let mut last = now();
        for _ in 0..10_000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }
}
