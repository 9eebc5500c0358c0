//! The other pods of this database, and those of them that this pod does not hear.
//!
//! Several pods on one database that do not hear each other are the incident that starts with "every pod is healthy". The
//! database shows it: every pod says there that it is alive, whatever connects it to the others or does not.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gavelscope_contract::PodId;
use tokio::time::Instant;

/// A pod that has said nothing for so long is gone. It says that it is alive every 2.5 s.
const GONE: Duration = Duration::from_secs(6);

/// A pod's row in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRow {
    /// Which start of it.
    pub boot: String,
    /// What it calls itself.
    pub name: String,
    /// Until when its word counts, ms since the epoch; moves on with every word.
    pub until: i64,
}

#[derive(Debug)]
struct Seen {
    name: String,
    until: i64,
    moved: Instant,
    /// How often it has spoken since it was first seen, or since it was last heard: a pod that was killed leaves its last
    /// word behind, and is no neighbour for it.
    words: u32,
}

/// So many words show that a pod lives which is not heard.
const WORDS: u32 = 2;

/// The other pods of this database.
#[derive(Debug, Default)]
pub(crate) struct Neighbours {
    seen: Mutex<HashMap<String, Seen>>,
}

impl Neighbours {
    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        // A map is whole after every statement, so a panic elsewhere does not spoil it.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the database says of the others, and which of them are heard.
    pub(crate) fn look(&self, rows: Vec<PodRow>, heard: &[PodId], now: Instant) {
        let mut seen = self.seen();
        seen.retain(|boot, _| rows.iter().any(|row| row.boot == *boot));
        for PodRow { boot, name, until } in rows {
            let known = seen.entry(boot).or_insert_with(|| Seen {
                name,
                until,
                moved: now,
                words: 0,
            });
            if known.until != until {
                known.until = until;
                known.moved = now;
                known.words += 1;
            }
            if heard.iter().any(|pod| pod.as_str() == known.name) {
                known.words = 0;
            }
        }
    }

    /// The living pods of this database that are not heard.
    pub(crate) fn unheard(&self, now: Instant) -> Vec<PodId> {
        let seen = self.seen();
        let mut names: Vec<PodId> = seen
            .values()
            .filter(|pod| pod.words >= WORDS && now.saturating_duration_since(pod.moved) < GONE)
            .map(|pod| PodId(pod.name.clone()))
            .collect();
        names.sort();
        names
    }
}

/// What is wrong, and what to do, in a sentence; none where nothing is.
pub(crate) fn trouble(unheard: &[PodId], has_redis: bool) -> Option<String> {
    let names: Vec<&str> = unheard.iter().map(PodId::as_str).collect();
    let others = match names.as_slice() {
        [] => return None,
        [one] => format!("The pod {one} uses"),
        several => format!("{} other pods ({}) use", several.len(), several.join(", ")),
    };
    let fix = if has_redis {
        "Give every pod the same REDIS_URL and the same channel"
    } else {
        "Set REDIS_URL on every pod, or run one replica"
    };
    Some(format!(
        "{others} this database, and this pod does not hear what is said there: bids that are taken there are not told here. \
         {fix}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, until: i64) -> PodRow {
        PodRow {
            boot: format!("boot-of-{name}"),
            name: name.to_owned(),
            until,
        }
    }

    #[test]
    fn a_pod_that_speaks_and_is_not_heard_is_told_from_one_that_was_killed() {
        let (neighbours, start) = (Neighbours::default(), Instant::now());
        let b = [PodId("b".to_owned())];
        for word in 1..=3 {
            assert!(neighbours.unheard(start).is_empty(), "it has not spoken twice");
            neighbours.look(vec![row("b", word), row("killed", 1)], &[], start);
        }
        assert_eq!(neighbours.unheard(start), b);
        assert!(neighbours.unheard(start + GONE).is_empty(), "it has gone silent");
        neighbours.look(vec![row("b", 4)], &b, start);
        assert!(neighbours.unheard(start).is_empty(), "it is heard");
        neighbours.look(vec![row("b", 5)], &[], start);
        assert!(
            neighbours.unheard(start).is_empty(),
            "its last word, before it was killed"
        );
        neighbours.look(Vec::new(), &[], start);
        assert!(neighbours.unheard(start).is_empty(), "it said goodbye");
    }

    #[test]
    fn the_sentence_names_them_and_says_what_to_do() {
        let pods = |names: &[&str]| {
            names
                .iter()
                .map(|name| PodId((*name).to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(trouble(&[], false), None);
        assert!(
            trouble(&pods(&["b", "c"]), false)
                .unwrap()
                .contains("2 other pods (b, c) use this database")
        );
        assert!(trouble(&pods(&["c"]), true).unwrap().contains("the same channel"));
    }
}
