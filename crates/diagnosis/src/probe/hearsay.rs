//! From what was said and heard to who hears whom, without what could be one thing or another.

use std::time::Duration;

use tokio::time::Instant;

use super::millis;
use crate::evidence::Scratch;
use crate::matrix::{Heard, Matrix, Pair};

/// What was said comes so late at the most; what comes later is nobody's.
pub(super) const LATEST: Duration = Duration::from_millis(1_500);

/// How something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// By joining for the first time. Whether that is heard tells who is together, and proves nothing where it is not: a
    /// pod may subscribe only now.
    Joining,
    /// One after the other.
    InTurn,
    /// Once more, with time for whatever is late.
    Patiently,
}

/// A thing that was said.
#[derive(Debug)]
pub(super) struct Stimulus {
    /// By which socket.
    pub(super) from: usize,
    /// In which of the rooms.
    pub(super) room: usize,
    pub(super) at: Instant,
    pub(super) manner: Manner,
    /// What tells it apart, where what is said carries something.
    pub(super) nonce: String,
    /// For every socket whether it was in the room by then, as far as was known.
    pub(super) there: Vec<bool>,
    /// For every socket when it was heard there.
    pub(super) heard: Vec<Option<Instant>>,
}

impl Stimulus {
    /// Whether a socket heard it; none where that may not have been in the room yet.
    pub(super) fn reached(&self, to: usize) -> Option<bool> {
        let heard = self.heard.get(to)?.is_some();
        (heard || self.there[to]).then_some(heard)
    }

    /// Everybody who was there has heard it.
    pub(super) fn reached_everybody(&self) -> bool {
        (0..self.heard.len()).all(|to| self.reached(to) != Some(false))
    }

    fn is(&self, manner: Manner) -> bool {
        self.manner == manner
    }
}

/// Everything that was said so far has reached everybody who was there.
pub(super) fn reached_all(said: &[Stimulus]) -> bool {
    said.iter().all(Stimulus::reached_everybody)
}

/// Who was heard by somebody one time and not the next, whatever the reason; or of whom too little is left that counts. Of
/// these seats, whose sockets still stand.
pub(super) fn unsteady(said: &[Stimulus], seats: &[usize], scratch: Scratch) -> Vec<usize> {
    let is_unsteady = |&from: &usize| {
        seats.iter().any(|&to| {
            let asked = said
                .iter()
                .filter(|said| said.from == from && said.is(Manner::InTurn) && said.reached(to).is_some())
                .count();
            if counted(said, from, to, scratch).count() < asked {
                return true;
            }
            let mut reached = said
                .iter()
                .filter(|said| said.from == from && said.is(Manner::InTurn))
                .filter_map(|said| said.reached(to));
            let first = reached.next();
            reached.any(|heard| Some(heard) != first)
        })
    };
    seats.iter().copied().filter(is_unsteady).collect()
}

/// The sockets that have been heard together with this one so far, in either direction or through a third; itself too.
pub(super) fn company(said: &[Stimulus], of: usize) -> Vec<usize> {
    let mut company = vec![of];
    let mut next = 0;
    while let Some(&member) = company.get(next) {
        next += 1;
        for stimulus in said {
            let heard = (0..stimulus.heard.len()).filter(|&to| stimulus.heard[to].is_some());
            let joined: Vec<usize> = if stimulus.from == member {
                heard.collect()
            } else if stimulus.reached(member) == Some(true) {
                vec![stimulus.from]
            } else {
                continue;
            };
            for socket in joined {
                if !company.contains(&socket) {
                    company.push(socket);
                }
            }
        }
    }
    company
}

/// What a message that names a room alone is put down to: the last that was said there and is still missing at this socket.
/// Those before it had their time.
pub(super) fn put_down(said: &[Stimulus], room: Option<usize>, to: usize, at: Instant) -> Option<usize> {
    let missing = |this: &Stimulus| {
        Some(this.room) == room && this.at <= at && this.heard.get(to).is_some_and(Option::is_none)
    };
    let of = |joining: bool| {
        said.iter()
            .rposition(|this| this.is(Manner::Joining) == joining && missing(this) && at - this.at <= LATEST)
    };
    // Who was told of it that late was surely to be told; others may never have been.
    let late = || {
        said.iter().rposition(|this| {
            this.is(Manner::Joining) && missing(this) && (this.there[to] || at - this.at <= LATEST)
        })
    };
    // What the joins set off has died away by the time that anybody speaks, or else it is very late.
    let last = said.iter().rfind(|said| Some(said.room) == room && said.at <= at);
    let joining = last.is_none_or(|last| last.is(Manner::Joining));
    of(joining).or_else(late)
}

/// Whether what a socket heard, or did not hear, of this cannot be told from what it heard of another. Where only the room
/// is named, a message that came late looks like the next one that was said there.
fn is_doubtful(said: &[Stimulus], this: usize, to: usize, scratch: Scratch) -> bool {
    if scratch == Scratch::ProbeRoom {
        return false;
    }
    // The earlier one is missing, the later one came, and whoever said the earlier one is heard at other times.
    let confused = |earlier: usize, later: usize| {
        let (missing, came) = (&said[earlier], &said[later]);
        missing.room == came.room
            && missing.from != came.from
            && missing.at < came.at
            && missing.reached(to) == Some(false)
            && came
                .heard
                .get(to)
                .copied()
                .flatten()
                .is_some_and(|at| at - missing.at <= LATEST)
            && said
                .iter()
                // What was so while they joined need not be so now.
                .any(|other| {
                    other.from == missing.from
                        && !other.is(Manner::Joining)
                        && other.reached(to) == Some(true)
                })
    };
    (0..said.len()).any(|other| confused(this, other) || confused(other, this))
}

/// What counts of everything that one socket said, by whether another heard it.
fn counted(said: &[Stimulus], from: usize, to: usize, scratch: Scratch) -> impl Iterator<Item = &Stimulus> {
    let of_both = move |place: &usize| {
        said[*place].from == from && !said[*place].is(Manner::Joining) && said[*place].reached(to).is_some()
    };
    (0..said.len())
        .filter(of_both)
        .filter(move |&place| !is_doubtful(said, place, to, scratch))
        .map(|place| &said[place])
}

/// Who heard whom, of these seats. Who was asked again counts by that alone: it is what is so now.
pub(super) fn matrix(said: &[Stimulus], seats: &[usize], scratch: Scratch) -> Matrix {
    let row = |from: usize| {
        let again = said
            .iter()
            .any(|said| said.from == from && said.is(Manner::Patiently));
        let cell = |to: usize| {
            let counted: Vec<&Stimulus> = counted(said, from, to, scratch)
                .filter(|said| said.is(Manner::Patiently) == again)
                .collect();
            let mut times: Vec<u32> = counted
                .iter()
                .filter_map(|said| Some(millis((*said.heard.get(to)?)? - said.at)))
                .collect();
            times.sort_unstable();
            Heard {
                said: u32::try_from(counted.len()).unwrap_or(u32::MAX),
                heard: u32::try_from(times.len()).unwrap_or(u32::MAX),
                // Of two the shorter: a machine that stood still once is no slow pod.
                median_ms: times.get(times.len().saturating_sub(1) / 2).copied(),
            }
        };
        seats.iter().copied().map(cell).collect()
    };
    Matrix {
        rows: seats.iter().copied().map(row).collect(),
    }
}

/// Pairs of which the second heard the first one time and not the next, over all that was said; by their places in the
/// matrix.
pub(super) fn unsteady_pairs(said: &[Stimulus], seats: &[usize], scratch: Scratch) -> Vec<Pair> {
    let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
    let mut pairs = Vec::new();
    for (row, &from) in seats.iter().enumerate() {
        for (column, &to) in seats.iter().enumerate() {
            let mut reached = counted(said, from, to, scratch).filter_map(|said| said.reached(to));
            let first = reached.next();
            if reached.any(|heard| Some(heard) != first) {
                pairs.push(Pair {
                    from: place(row),
                    to: place(column),
                });
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was said, each by whom, in which room, when (ms), how, and when who heard it (ms; below 0: never).
    fn said(all: &[(usize, usize, u64, Manner, &[i64])]) -> Vec<Stimulus> {
        let began = Instant::now();
        let after = |ms: u64| began + Duration::from_millis(ms);
        all.iter()
            .map(|&(from, room, at, manner, heard)| Stimulus {
                from,
                room,
                at: after(at),
                manner,
                nonce: String::new(),
                there: vec![true; heard.len()],
                heard: heard
                    .iter()
                    .map(|&ms| u64::try_from(ms).ok().map(after))
                    .collect(),
            })
            .collect()
    }

    fn cells(matrix: &Matrix, to: usize) -> Vec<(u32, u32)> {
        let cells = matrix.rows.iter().map(|row| (row[to].said, row[to].heard));
        cells.collect()
    }

    use Manner::{InTurn, Joining, Patiently};

    #[test]
    fn what_comes_late_in_a_room_of_a_league_is_not_put_down_to_who_spoke_next() {
        // The first and the third share a pod; the second is apart. What the first said at 0 came to the third at 450, after
        // the second had spoken in that room.
        let said = said(&[
            (0, 0, 0, InTurn, &[2, -1, -1]),
            (1, 0, 400, InTurn, &[-1, 402, 450]),
            (0, 0, 800, InTurn, &[802, -1, 803]),
            (1, 0, 1_200, InTurn, &[-1, 1_202, -1]),
        ]);
        assert_eq!(
            unsteady(&said, &[0, 1, 2], Scratch::LeagueRooms),
            [0, 1],
            "they are asked again"
        );
        let matrix = matrix(&said, &[0, 1, 2], Scratch::LeagueRooms);
        assert_eq!(cells(&matrix, 2), [(1, 1), (1, 0), (0, 0)]);
        assert!(unsteady_pairs(&said, &[0, 1, 2], Scratch::LeagueRooms).is_empty());
        // With a number on everything it is what it seems.
        assert_eq!(unsteady_pairs(&said, &[0, 1, 2], Scratch::ProbeRoom).len(), 2);
    }

    #[test]
    fn who_is_never_heard_makes_nothing_doubtful() {
        let said = said(&[
            (0, 0, 0, InTurn, &[2, -1]),
            (1, 0, 400, InTurn, &[-1, 402]),
            (0, 0, 800, InTurn, &[802, -1]),
            (1, 0, 1_200, InTurn, &[-1, 1_202]),
        ]);
        assert!(unsteady(&said, &[0, 1], Scratch::LeagueRooms).is_empty());
        let matrix = matrix(&said, &[0, 1], Scratch::LeagueRooms);
        assert_eq!(cells(&matrix, 0), [(2, 2), (2, 0)]);
        assert_eq!(cells(&matrix, 1), [(2, 0), (2, 2)]);
    }

    #[test]
    fn who_was_asked_again_counts_by_that_alone_and_what_changed_is_kept() {
        let said = said(&[
            (0, 0, 0, InTurn, &[2, 3]),
            (0, 1, 100, InTurn, &[102, -1]),
            (0, 0, 2_000, Patiently, &[2_002, -1]),
            (0, 1, 3_600, Patiently, &[3_602, -1]),
        ]);
        let matrix = matrix(&said, &[0, 1], Scratch::LeagueRooms);
        assert_eq!(matrix.rows[0][1].heard, 0);
        assert_eq!(matrix.rows[0][1].said, 2);
        assert_eq!(
            unsteady_pairs(&said, &[0, 1], Scratch::LeagueRooms),
            [Pair { from: 0, to: 1 }]
        );
    }

    #[test]
    fn a_join_that_was_not_heard_proves_nothing() {
        let said = said(&[
            (0, 0, 0, Joining, &[2]),
            (1, 0, 100, Joining, &[-1, 102]),
            (1, 0, 500, InTurn, &[502, 502]),
        ]);
        let matrix = matrix(&said, &[0, 1], Scratch::LeagueRooms);
        assert_eq!(cells(&matrix, 0), [(0, 0), (1, 1)]);
        assert!(
            unsteady(&said, &[0, 1], Scratch::LeagueRooms).is_empty()
                && unsteady_pairs(&said, &[0, 1], Scratch::LeagueRooms).is_empty()
        );
    }

    #[test]
    fn who_may_not_have_been_there_need_not_hear_and_may() {
        // The second joined before it was told that the first had; the third knew that both were there.
        let mut said = said(&[
            (0, 0, 0, Joining, &[2, -1, -1]),
            (1, 0, 1, Joining, &[-1, 3, -1]),
            (2, 0, 100, Joining, &[-1, 102, 102]),
        ]);
        said[0].there = vec![false; 3];
        said[1].there = vec![false; 3];
        said[2].there = vec![true, true, false];
        assert!(!reached_all(&said), "the first has not heard of the third");
        let at = said[2].at + Duration::from_millis(5);
        let place = put_down(&said, Some(0), 0, at).unwrap();
        said[place].heard[0] = Some(at);
        assert!(place == 2 && reached_all(&said));
        // What the second set off came after all.
        assert_eq!(put_down(&said, Some(0), 0, at), Some(1));
    }

    #[test]
    fn a_socket_that_was_lost_is_no_pod_that_is_apart() {
        // The third was lost after the first had spoken; what the first says later, it was not there to hear.
        let mut said = said(&[
            (0, 0, 0, InTurn, &[2, 3, 3]),
            (2, 0, 100, InTurn, &[-1, -1, -1]),
            (1, 0, 200, InTurn, &[202, 202, -1]),
            (0, 0, 300, InTurn, &[302, 302, -1]),
            (1, 0, 400, InTurn, &[402, 402, -1]),
        ]);
        for later in &mut said[2..] {
            later.there[2] = false;
        }
        let left = [0, 1];
        assert!(unsteady(&said, &left, Scratch::LeagueRooms).is_empty());
        let matrix = matrix(&said, &left, Scratch::LeagueRooms);
        assert!(matrix.rows.len() == 2 && matrix.partition().whole(), "{matrix:?}");
    }

    #[test]
    fn what_joins_set_off_in_one_room_has_nothing_to_do_with_what_is_said_in_another() {
        let said = said(&[(0, 0, 0, InTurn, &[2, -1]), (1, 1, 50, Joining, &[-1, 52])]);
        let at = said[0].at + Duration::from_millis(60);
        assert_eq!(put_down(&said, Some(0), 1, at), Some(0));
    }

    #[test]
    fn a_message_is_put_down_to_the_last_that_is_missing_and_was_said_where_it_came() {
        let mut said = said(&[
            (0, 0, 0, InTurn, &[2, -1]),
            (1, 1, 200, InTurn, &[203, 202]),
            (0, 0, 400, InTurn, &[402, -1]),
        ]);
        let at = said[0].at + Duration::from_millis(450);
        let to = |said: &[Stimulus], room| put_down(said, room, 1, at);
        assert_eq!(
            (to(&said, Some(0)), to(&said, Some(1)), to(&said, None)),
            (Some(2), None, None)
        );
        said[2].heard[1] = Some(at);
        assert_eq!(to(&said, Some(0)), Some(0), "one that was late, or overtaken");
        assert_eq!(put_down(&said, Some(0), 1, at + LATEST), None, "too late for any");
    }

    #[test]
    fn company_is_found_through_a_third_and_in_either_direction() {
        let said = said(&[
            (0, 0, 0, InTurn, &[1, 2, -1, -1]),
            (2, 1, 100, InTurn, &[-1, 101, 102, -1]),
            (3, 0, 500, InTurn, &[-1, -1, -1, 501]),
        ]);
        let mut of_the_first = company(&said, 0);
        of_the_first.sort_unstable();
        assert_eq!(of_the_first, [0, 1, 2]);
        assert_eq!(company(&said, 3), [3]);
    }
}
