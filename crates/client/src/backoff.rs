//! How long to wait before the next attempt.

use std::time::Duration;

use rand::RngExt;

/// The first wait is up to this long.
const FIRST: Duration = Duration::from_millis(250);
/// No wait is longer than this.
const LONGEST: Duration = Duration::from_secs(15);

/// Full jitter: anything up to the doubled bound, so that a thousand clients do not come back at once.
pub fn wait_before(attempt: u32, random: &mut impl rand::Rng) -> Duration {
    let bound = FIRST
        .saturating_mul(2u32.saturating_pow(attempt.min(16)))
        .min(LONGEST);
    let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.random_range(0..=millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_never_beyond() {
        let mut random = rand::rng();
        for attempt in 0..100 {
            let bound = Duration::from_millis(250 * 2u64.pow(attempt.min(10)));
            let longest = (0..200).map(|_| wait_before(attempt, &mut random)).max().unwrap();
            assert!(
                longest <= bound.min(LONGEST),
                "attempt {attempt} waited {longest:?}"
            );
        }
        let late = (0..200).map(|_| wait_before(40, &mut random)).max().unwrap();
        assert!(
            late > LONGEST / 2,
            "200 draws of 15 s reach past the middle, got {late:?}"
        );
    }
}
