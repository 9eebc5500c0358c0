//! How many pods take turns, told from requests that did not find the pod they were for.
//!
//! A polling session lives on one pod. A request for it over a fresh connection is answered there, and refused with
//! `Invalid session` everywhere else (contract, section 2). So the number of requests until one is answered tells how
//! many pods there are: exactly as many where the balancer goes round strictly, that many on average where it draws.

use serde::{Deserialize, Serialize};

/// A bound holds with this chance on each side.
const DOUBT: f64 = 0.025;
/// So many searches of the same length are no accident: the balancer goes round.
const STRICT: usize = 4;

/// One polling session, and how many requests over fresh connections it took to find it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// Requests that were answered or refused as unknown; others do not count.
    pub requests: u32,
    /// The last of them was answered.
    pub found: bool,
}

/// What the number rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Turns {
    /// Every search took as many requests as every other: the balancer goes round.
    Strict,
    /// The balancer draws, or others' requests lie in between.
    Drawn,
    /// Every request found its session at once: one pod, or a balancer that keeps this address on one.
    None,
}

/// How many pods take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PodCount {
    /// What the number rests on.
    pub turns: Turns,
    /// The likeliest number.
    pub likely: u32,
    /// Fewer would be a chance of less than 1 in 40.
    pub least: u32,
    /// More would be a chance of less than 1 in 40; none where nothing bounds it.
    pub most: Option<u32>,
}

/// How many pods take turns, by searches made one after the other; none where no request was answered or refused.
pub fn pod_count(searches: &[Search]) -> Option<PodCount> {
    let requests: u32 = searches.iter().map(|search| search.requests).sum();
    let found = u32::try_from(searches.iter().filter(|search| search.found).count()).ok()?;
    if requests == 0 {
        return None;
    }
    if found == 0 {
        // Nothing was ever found again: more pods than one, and nothing more can be said.
        let chance = upper(requests, 0, false);
        return Some(PodCount {
            turns: Turns::Drawn,
            likely: whole(1.0 / chance).max(2),
            least: whole((1.0 / chance).ceil()).max(2),
            most: None,
        });
    }
    if requests == found && searches.iter().all(|search| search.found) {
        let most = whole((1.0 / lower(requests, found)).floor());
        return Some(PodCount {
            turns: Turns::None,
            likely: 1,
            least: 1,
            most: Some(most.max(1)),
        });
    }
    let first = searches.first().map_or(0, |search| search.requests);
    let strict = searches.len() >= STRICT
        && searches
            .iter()
            .all(|search| search.found && search.requests == first);
    if strict {
        return Some(PodCount {
            turns: Turns::Strict,
            likely: first,
            least: first,
            most: Some(first),
        });
    }
    let ends_found = searches.last().is_some_and(|search| search.found);
    let likely = whole((f64::from(requests) / f64::from(found)).round()).max(2);
    Some(PodCount {
        turns: Turns::Drawn,
        likely,
        // One request went astray, so there is more than one pod.
        least: whole((1.0 / upper(requests, found, ends_found)).ceil()).clamp(2, likely),
        most: Some(whole((1.0 / lower(requests, found)).floor()).max(likely)),
    })
}

/// The chance that `draws` of a balancer that draws among `pods` left one of them out.
pub fn chance_of_a_miss(pods: u32, draws: u32) -> f64 {
    // Inclusion and exclusion over which pods are left out.
    let all: f64 = (0..=pods)
        .map(|left_out| {
            let sign = if left_out % 2 == 0 { 1.0 } else { -1.0 };
            let share = f64::from(pods - left_out) / f64::from(pods.max(1));
            sign * choose(pods, left_out) * share.powi(i32::try_from(draws).unwrap_or(i32::MAX))
        })
        .sum();
    (1.0 - all).clamp(0.0, 1.0)
}

/// A chance of having left a pod out that is not worth asking more.
pub(crate) const SMALL: f64 = 0.1;
/// More pods than this are as good as this many.
const MANY: u32 = 40;

/// The chance that a balancer that draws left a pod out of so many draws, by what searching has shown: over every number of
/// pods, each as likely as the searches make it, where few are more usual than many (the prior falls with the square). There
/// are so many at the least.
pub fn chance_of_an_omission(searches: &[Search], least: u32, draws: u32) -> f64 {
    let requests: u32 = searches.iter().map(|search| search.requests).sum();
    let found = u32::try_from(searches.iter().filter(|search| search.found).count()).unwrap_or(u32::MAX);
    let astray = f64::from(requests.saturating_sub(found));
    let likelihood = |pods: u32| {
        let answered = 1.0 / f64::from(pods);
        let misses = if astray > 0.0 {
            astray * (1.0 - answered).ln()
        } else {
            0.0
        };
        (f64::from(found) + 2.0) * answered.ln() + misses
    };
    let pods = least.clamp(1, MANY)..=MANY;
    let best = pods.clone().map(likelihood).fold(f64::NEG_INFINITY, f64::max);
    let (all, missed) = pods.fold((0.0, 0.0), |(all, missed), pods| {
        let weight = (likelihood(pods) - best).exp();
        (all + weight, missed + weight * chance_of_a_miss(pods, draws))
    });
    if all > 0.0 { missed / all } else { 1.0 }
}

/// The least chance of being answered that makes so many answers in so many requests not too unlikely
/// (Clopper and Pearson, 1934).
fn lower(requests: u32, found: u32) -> f64 {
    search(|chance| at_least(requests, found, chance) < DOUBT)
}

/// The greatest such chance. Where the last request was an answered one, asking ended *because* it was: then the
/// requests before it are what was drawn.
fn upper(requests: u32, found: u32, ends_found: bool) -> f64 {
    let (requests, found) = if ends_found {
        (requests - 1, found - 1)
    } else {
        (requests, found)
    };
    search(|chance| 1.0 - at_least(requests, found + 1, chance) > DOUBT)
}

/// The chance that lies between those where it holds and those where it does not.
fn search(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// How likely at least `found` of `requests` are answered, each with that chance.
fn at_least(requests: u32, found: u32, chance: f64) -> f64 {
    (found..=requests)
        .map(|count| {
            let (hits, misses) = (
                i32::try_from(count).unwrap_or(i32::MAX),
                i32::try_from(requests - count).unwrap_or(i32::MAX),
            );
            choose(requests, count) * chance.powi(hits) * (1.0 - chance).powi(misses)
        })
        .sum()
}

fn choose(of: u32, taken: u32) -> f64 {
    (0..taken).fold(1.0, |ways, step| {
        ways * f64::from(of - step) / f64::from(step + 1)
    })
}

/// A count that is no larger than any number of pods.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is clamped to what fits before it is cast"
)]
fn whole(value: f64) -> u32 {
    value.clamp(0.0, 1_000_000.0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(requests: u32) -> Search {
        Search {
            requests,
            found: true,
        }
    }

    #[test]
    fn a_balancer_that_goes_round_gives_the_number_exactly() {
        for pods in 2..=9 {
            let count = pod_count(&[found(pods); 4]).unwrap();
            assert_eq!(
                (count.turns, count.least, count.likely),
                (Turns::Strict, pods, pods)
            );
            assert_eq!(count.most, Some(pods));
        }
    }

    #[test]
    fn one_pod_needs_more_than_a_few_searches_to_be_told_from_two() {
        assert_eq!(pod_count(&[found(1); 3]).unwrap().most, Some(3));
        let count = pod_count(&[found(1); 6]).unwrap();
        assert_eq!((count.turns, count.likely, count.most), (Turns::None, 1, Some(1)));
    }

    #[test]
    fn nothing_asked_tells_nothing_and_nothing_found_bounds_it_from_below_alone() {
        assert_eq!(pod_count(&[]), None);
        let count = pod_count(&[Search {
            requests: 20,
            found: false,
        }])
        .unwrap();
        assert!(count.least >= 5 && count.most.is_none(), "{count:?}");
    }

    #[test]
    fn eight_draws_from_three_pods_miss_one_in_one_of_eight_cases() {
        // 3·(2/3)^8 − 3·(1/3)^8
        assert!((chance_of_a_miss(3, 8) - 0.116_6).abs() < 0.001);
        assert!(chance_of_a_miss(1, 1) < 1e-12 && chance_of_a_miss(2, 1) > 0.999);
    }

    #[test]
    fn an_omission_is_less_likely_the_more_is_asked_and_more_likely_the_more_pods_there_may_be() {
        let three = [4, 1, 3, 2, 7, 1].map(found);
        let chance = |draws| chance_of_an_omission(&three, 2, draws);
        assert!(
            chance(6) > 0.2 && chance(11) < 0.1,
            "{} {}",
            chance(6),
            chance(11)
        );
        assert!(chance(20) < chance(11) && chance(1) > 0.99);
        assert!(chance_of_an_omission(&three, 4, 11) > chance(11));
        assert!(chance_of_an_omission(&[found(1); 6], 1, 8) < 0.01);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Of all balancers that draw, at most one in twenty is outside of what was said.
        #[test]
        fn what_was_said_holds_nineteen_times_in_twenty(pods in 1_u32..8, seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut draw = || {
                // xorshift64*: any even draw will do.
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % u64::from(pods) == 0
            };
            let mut outside = 0;
            for _ in 0..200 {
                let searches: Vec<Search> = (0..6)
                    .map(|_| {
                        let mut requests = 1;
                        while !draw() {
                            requests += 1;
                        }
                        found(requests)
                    })
                    .collect();
                let count = pod_count(&searches).unwrap();
                if pods < count.least || count.most.is_some_and(|most| pods > most) {
                    outside += 1;
                }
            }
            prop_assert!(outside <= 24, "{outside} of 200 outside for {pods} pods");
        }
    }
}
