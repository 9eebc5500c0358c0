//! What chance alone explains of a difference between two reports.

/// So many times on either side, at the least. Were they all of one kind, the median of either eight would come after all of the
/// other eight 26 times in 1,000 (a precedence test); of seven, 70 times.
const ENOUGH: u32 = 8;
/// A difference that chance brings about less often than this is none of chance.
const SELDOM: f64 = 0.05;

/// Times of one kind, as they spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// How many there were.
    pub(super) count: u32,
    /// The middle one, ms.
    pub(super) median: u32,
    /// 95 of 100 are not above this, ms.
    pub(super) p95: u32,
}

/// Half of the slower ones came after nearly all of the faster, and there were enough of both.
pub(super) fn times_are_apart(one: Times, other: Times) -> bool {
    let (faster, slower) = if one.median < other.median {
        (one, other)
    } else {
        (other, one)
    };
    faster.count.min(slower.count) >= ENOUGH && slower.median > faster.p95
}

/// So many of so many, either time: whether the shares differ by more than chance (Fisher's exact test, both sides).
pub(super) fn shares_are_apart((one, of_one): (u32, u32), (other, of_other): (u32, u32)) -> bool {
    let (one, of_one, of_other) = (f64::from(one), f64::from(of_one), f64::from(of_other));
    let all = one + f64::from(other);
    let (least, most) = ((all - of_other).max(0.0), all.min(of_one));
    // How likely each way is to deal all of them out to the two, each beside the way before it: logarithms, because the
    // factors of thousands are out of any range.
    let mut ways = vec![(least, 0.0_f64)];
    let (mut here, mut likely) = (least, 0.0_f64);
    while here < most {
        likely += ((of_one - here) * (all - here)).ln() - ((here + 1.0) * (of_other - all + here + 1.0)).ln();
        here += 1.0;
        ways.push((here, likely));
    }
    let likeliest = ways.iter().map(|(_, likely)| *likely).fold(0.0, f64::max);
    let share = |likely: f64| (likely - likeliest).exp();
    let found = ways
        .iter()
        .find(|(here, _)| *here >= one)
        .map_or(0.0, |(_, likely)| share(*likely));
    let whole: f64 = ways.iter().map(|(_, likely)| share(*likely)).sum();
    // What is as unlikely as what was found, or more so; a little room, because these are no whole numbers.
    let as_odd: f64 = ways
        .iter()
        .map(|(_, likely)| share(*likely))
        .filter(|share| *share <= found * 1.000_001)
        .sum();
    as_odd / whole < SELDOM
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `Durations::spread` does it.
    fn spread(mut times: Vec<u32>) -> Times {
        times.sort_unstable();
        let at = |hundredths: usize| times[(times.len() * hundredths).div_ceil(100) - 1];
        Times {
            count: u32::try_from(times.len()).unwrap(),
            median: at(50),
            p95: at(95),
        }
    }

    /// The same numbers in every run.
    struct Draws(u64);

    impl Draws {
        fn up_to(&mut self, limit: u32) -> u32 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((self.0 >> 33) % u64::from(limit)).unwrap()
        }

        /// Most are short and few are long, as times are.
        fn times(&mut self, count: u32) -> Times {
            spread(
                (0..count)
                    .map(|_| 10 + self.up_to(100) * self.up_to(100))
                    .collect(),
            )
        }
    }

    #[test]
    fn times_of_one_kind_are_seldom_told_apart() {
        for (one, other) in [(8, 8), (8, 9), (9, 8), (12, 30), (20, 20), (100, 100)] {
            let mut draws = Draws(7);
            let apart = (0..4_000)
                .filter(|_| times_are_apart(draws.times(one), draws.times(other)))
                .count();
            assert!(
                apart < 4_000 * 4 / 100,
                "{apart} of 4,000, with {one} and {other}"
            );
        }
    }

    #[test]
    fn times_of_two_kinds_are_told_apart_from_eight_on() {
        let of = |count, around: u32| spread((0..count).map(|place| around + place % 5).collect());
        assert!(times_are_apart(of(8, 12), of(8, 39)) && times_are_apart(of(8, 39), of(8, 12)));
        assert!(!times_are_apart(of(7, 12), of(100, 39)), "too few");
        assert!(!times_are_apart(of(1, 13), of(1, 39)), "one and one");
        let wide = spread(vec![5, 6, 8, 12, 13, 30, 60, 90]);
        assert!(!times_are_apart(wide, of(8, 39)), "some took as long before");
    }

    #[test]
    fn shares_are_told_apart_as_in_the_tables() {
        // Two-sided: 1/10, 1/35, 1/126 and 1/11.
        assert!(!shares_are_apart((3, 3), (0, 3)));
        assert!(shares_are_apart((4, 4), (0, 4)) && shares_are_apart((0, 4), (4, 4)));
        assert!(shares_are_apart((5, 5), (0, 5)));
        assert!(!shares_are_apart((0, 100), (1, 10)));
        assert!(!shares_are_apart((1, 3), (0, 0)), "nothing to compare with");
        assert!(!shares_are_apart((0, 0), (0, 0)));
        assert!(!shares_are_apart((10, 1_000), (12, 1_000)));
        assert!(shares_are_apart((900, 20_000), (0, 20_000)));
    }
}
