//! How often, by key: a bucket each, filled steadily (governor's GCRA). Keys are kept as hashes, so no address or e-mail
//! lies in memory for the limit's sake, and there are at most so many of them.

use std::hash::{BuildHasher, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// So many keys are told apart (a few megabytes); of more than that, those that are new share buckets.
const KEYS: usize = 100_000;
/// How many buckets they share.
const SHARED: u64 = 1_024;
/// How often idle keys are forgotten at the most.
const SWEEP: Duration = Duration::from_secs(10);

type Buckets<C> = RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A limit of how often.
pub(super) struct Rate<C: Clock = DefaultClock> {
    /// None where there is no limit.
    buckets: Option<Buckets<C>>,
    clock: C,
    hasher: RandomState,
    swept: Mutex<C::Instant>,
    keys: usize,
}

impl<C: Clock> std::fmt::Debug for Rate<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rate").finish_non_exhaustive()
    }
}

impl Rate {
    /// So many in a time, of which `saved` may come at once; 0 is no limit.
    pub(super) fn new(count: u32, per: Duration, saved: u32) -> Self {
        Self::with_clock(count, per, saved, DefaultClock::default(), KEYS)
    }
}

impl<C: Clock + Clone> Rate<C> {
    fn with_clock(count: u32, per: Duration, saved: u32, clock: C, keys: usize) -> Self {
        let quota = NonZeroU32::new(saved)
            .and_then(|saved| Some(Quota::with_period(per.checked_div(count)?)?.allow_burst(saved)));
        Self {
            buckets: quota.map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), clock.clone())),
            hasher: RandomState::new(),
            swept: Mutex::new(clock.now()),
            clock,
            keys,
        }
    }

    /// Spends one; where there is none left, how long until there is.
    pub(super) fn spend(&self, key: &impl Hash) -> Result<(), Duration> {
        let Some(buckets) = &self.buckets else {
            return Ok(());
        };
        let full = self.sweep(buckets);
        let mut key = self.hasher.hash_one(key);
        if full {
            key %= SHARED;
        }
        buckets
            .check_key(&key)
            .map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Forgets the keys whose buckets are full again, now and then; whether there are too many keys.
    fn sweep(&self, buckets: &Buckets<C>) -> bool {
        let now = self.clock.now();
        // Whoever finds it locked leaves it to who sweeps.
        if let Ok(mut swept) = self.swept.try_lock()
            && Duration::from(now.duration_since(*swept)) >= SWEEP
        {
            *swept = now;
            buckets.retain_recent();
            buckets.shrink_to_fit();
        }
        buckets.len() >= self.keys
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn three_a_second(keys: usize) -> (Rate<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (
            Rate::with_clock(3, Duration::from_secs(1), 6, clock.clone(), keys),
            clock,
        )
    }

    #[test]
    fn what_is_saved_up_may_come_at_once_and_then_it_is_so_many_a_second() {
        let (rate, clock) = three_a_second(10);
        assert_eq!((0..6).filter(|_| rate.spend(&"a").is_ok()).count(), 6);
        let wait = rate.spend(&"a").unwrap_err();
        assert!(wait <= Duration::from_millis(334), "{wait:?}");
        assert!(rate.spend(&"b").is_ok(), "another one's is another bucket");
        clock.advance(wait);
        assert!(
            rate.spend(&"a").is_ok(),
            "whoever waits as long as told is let through"
        );
        assert!(rate.spend(&"a").is_err());
    }

    #[test]
    fn idle_keys_are_forgotten() {
        let (rate, clock) = three_a_second(10_000);
        for key in 0..5_000 {
            rate.spend(&key).unwrap();
        }
        let kept = || rate.buckets.as_ref().unwrap().len();
        assert_eq!(kept(), 5_000);
        clock.advance(SWEEP);
        rate.spend(&"another").unwrap();
        assert!(kept() <= 1, "{} keys are kept", kept());
    }

    #[test]
    fn there_are_never_more_keys_than_memory_for_them() {
        let (rate, _) = three_a_second(100);
        let refused = (0..100_000).filter(|key| rate.spend(key).is_err()).count();
        let kept = rate.buckets.as_ref().unwrap().len();
        assert!(kept <= 100 + 1_024, "{kept} keys are kept");
        assert!(refused > 0, "those who share a bucket use it up together");
    }

    #[test]
    fn no_limit_is_none() {
        let rate = Rate::new(0, Duration::from_secs(1), 0);
        assert!((0..10_000).all(|_| rate.spend(&"a").is_ok()));
    }
}
