//! Who hears whom: what the delivery of probes between sockets proves about the pods that hold them.

use serde::{Deserialize, Serialize};

/// How much of what one socket said another one heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// What was said.
    pub said: u32,
    /// What was heard of it.
    pub heard: u32,
    /// The middle of the times that it took, ms.
    pub median_ms: Option<u32>,
}

impl Heard {
    /// Something was said, and all of it was heard.
    pub const fn all(self) -> bool {
        self.said > 0 && self.heard == self.said
    }

    /// Something was said more than once, and nothing of it was heard.
    pub const fn nothing(self) -> bool {
        self.said > 1 && self.heard == 0
    }

    /// Some of it was heard and some was not.
    pub const fn some(self) -> bool {
        self.heard > 0 && self.heard < self.said
    }
}

/// Who heard whom: `rows[from][to]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// A row for every socket that spoke, a column for every one that listened, both in the same order.
    pub rows: Vec<Vec<Heard>>,
}

/// A pair of sockets, by their places in the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// Who spoke.
    pub from: u32,
    /// Who listened.
    pub to: u32,
}

/// What a matrix proves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// Sockets that hear each other, directly or through a third; the largest group first.
    pub groups: Vec<Vec<u32>>,
    /// Groups between which nothing crosses in either direction, as was asked more than once; the largest first.
    pub islands: Vec<Vec<u32>>,
    /// Pairs of which the second hears the first, and the first hears nothing of the second.
    pub one_way: Vec<Pair>,
    /// Pairs of which the second heard some of what the first said.
    pub partial: Vec<Pair>,
    /// Sockets that did not even hear themselves: what they say reaches nobody, or their pod answers nobody.
    pub mute: Vec<u32>,
    /// Something was asked of every pair.
    pub complete: bool,
}

impl Partition {
    /// Everybody hears everybody, all of it.
    pub fn whole(&self) -> bool {
        self.complete
            && self.groups.len() == 1
            && self.one_way.is_empty()
            && self.partial.is_empty()
            && self.mute.is_empty()
    }

    /// There are groups between which nothing crosses.
    pub fn split(&self) -> bool {
        self.islands.len() > 1
    }
}

impl Matrix {
    /// Every pair was asked more than once.
    pub fn asked_again(&self) -> bool {
        self.rows.iter().flatten().all(|cell| cell.said > 1)
    }

    fn cell(&self, from: usize, to: usize) -> Option<Heard> {
        self.rows.get(from)?.get(to).copied()
    }

    /// What the matrix proves.
    pub fn partition(&self) -> Partition {
        let size = self.rows.len();
        let mut partition = Partition {
            complete: size > 0,
            ..Partition::default()
        };
        let (mut mutual, mut any): (Vec<usize>, Vec<usize>) = ((0..size).collect(), (0..size).collect());
        for from in 0..size {
            for to in 0..size {
                let back = self.cell(to, from);
                let Some(there) = self.cell(from, to).filter(|cell| cell.said > 0) else {
                    partition.complete = false;
                    // Nobody was asked, so nothing is known to be apart.
                    unite(&mut any, from, to);
                    continue;
                };
                if there.heard == 0 && !(there.nothing() && back.is_some_and(Heard::nothing)) {
                    unite(&mut any, from, to);
                }
                let pair = Pair {
                    from: index(from),
                    to: index(to),
                };
                if there.some() {
                    partition.partial.push(pair);
                }
                if from == to {
                    if there.nothing() {
                        partition.mute.push(index(from));
                    }
                    continue;
                }
                if there.heard > 0 {
                    unite(&mut any, from, to);
                    if back.is_some_and(Heard::nothing) {
                        partition.one_way.push(pair);
                    }
                    if back.is_some_and(|back| back.heard > 0) {
                        unite(&mut mutual, from, to);
                    }
                }
            }
        }
        partition.groups = listed(&mutual);
        partition.islands = listed(&any);
        partition
    }
}

/// Makes one group of two.
fn unite(group_of: &mut [usize], one: usize, other: usize) {
    let (kept, joined) = (group_of[one], group_of[other]);
    for group in group_of.iter_mut().filter(|group| **group == joined) {
        *group = kept;
    }
}

/// The members of every group, the largest group first.
fn listed(group_of: &[usize]) -> Vec<Vec<u32>> {
    let mut names: Vec<usize> = Vec::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (socket, name) in group_of.iter().enumerate() {
        if let Some(place) = names.iter().position(|known| known == name) {
            groups[place].push(index(socket));
        } else {
            names.push(*name);
            groups.push(vec![index(socket)]);
        }
    }
    groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), group.first().copied()));
    groups
}

fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sockets on pods that share their rooms as the groups say.
    fn of(size: usize, heard: impl Fn(usize, usize) -> u32) -> Matrix {
        let cell = |from, to| Heard {
            said: 3,
            heard: heard(from, to),
            median_ms: None,
        };
        Matrix {
            rows: (0..size)
                .map(|from| (0..size).map(|to| cell(from, to)).collect())
                .collect(),
        }
    }

    #[test]
    fn nobody_asked_is_not_whole() {
        assert!(!Matrix::default().partition().whole());
        assert!(!of(2, |_, _| 0).partition().whole());
    }

    #[test]
    fn who_sends_but_does_not_hear_is_told_from_who_is_apart() {
        // The second hears nobody but itself; everybody hears the second.
        let partition = of(3, |from, to| if to == 1 && from != 1 { 0 } else { 3 }).partition();
        assert_eq!(partition.groups, [vec![0, 2], vec![1]]);
        assert!(!partition.split());
        let pairs: Vec<_> = partition
            .one_way
            .iter()
            .map(|pair| (pair.from, pair.to))
            .collect();
        assert_eq!(pairs, [(1, 0), (1, 2)]);
        assert!(!partition.whole());
    }

    #[test]
    fn a_delivery_that_comes_and_goes_is_no_split_and_not_whole() {
        let partition = of(2, |from, to| if (from, to) == (0, 1) { 2 } else { 3 }).partition();
        assert!(!partition.split() && !partition.whole());
        assert_eq!(partition.partial, [Pair { from: 0, to: 1 }]);
    }

    #[test]
    fn who_was_asked_once_or_not_at_all_is_not_apart() {
        for asked in 0..=1 {
            let mut matrix = of(3, |from, to| if from == to { 3 } else { 0 });
            for row in &mut matrix.rows {
                for cell in row.iter_mut().filter(|cell| cell.heard == 0) {
                    cell.said = asked;
                }
            }
            let partition = matrix.partition();
            assert!(!partition.split() && !partition.whole() && partition.one_way.is_empty());
        }
        let nobody = Matrix {
            rows: vec![
                vec![
                    Heard {
                        said: 0,
                        heard: 0,
                        median_ms: None
                    };
                    4
                ];
                4
            ],
        };
        assert!(!nobody.partition().split());
    }

    #[test]
    fn a_pair_that_was_never_asked_leaves_it_open() {
        let mut matrix = of(2, |_, _| 3);
        matrix.rows[1][0].said = 0;
        matrix.rows[1][0].heard = 0;
        let partition = matrix.partition();
        assert!(!partition.complete && !partition.whole() && partition.one_way.is_empty());
    }

    proptest! {
        #[test]
        fn the_groups_are_the_pods_that_share_whatever_the_order(pods in prop::collection::vec(0_usize..4, 1..12)) {
            let partition = of(pods.len(), |from, to| if pods[from] == pods[to] { 3 } else { 0 }).partition();
            let mut distinct = pods.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(partition.groups.len(), distinct.len());
            prop_assert_eq!(&partition.groups, &partition.islands);
            prop_assert_eq!(partition.whole(), distinct.len() == 1);
            prop_assert!(partition.one_way.is_empty() && partition.partial.is_empty());
            for group in &partition.groups {
                prop_assert!(group.iter().all(|socket| pods[*socket as usize] == pods[group[0] as usize]));
            }
        }
    }
}
