//! How many pods there are, as far as anything tells.

use std::collections::BTreeSet;

use crate::evidence::Evidence;
use crate::turns::{PodCount, Search, Turns, chance_of_a_miss, chance_of_an_omission, pod_count};

/// How many pods there are, as far as anything tells.
pub(super) struct Known {
    /// Pods that named themselves.
    pub(super) named: BTreeSet<String>,
    /// Those of them that the probe met.
    met: BTreeSet<String>,
    /// Those of them that held a socket of the probe.
    pub(super) holding: BTreeSet<String>,
    /// Sockets of the probe that did not get in, or did not stay.
    lost: u32,
    searches: Vec<Search>,
    /// By searching.
    pub(super) count: Option<PodCount>,
    /// Every answer had a name, so that searching tells nothing new.
    by_name: bool,
    /// By the pods' own words.
    pub(super) claimed: Option<u32>,
}

impl Known {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let mut known = Self {
            named: BTreeSet::new(),
            met: BTreeSet::new(),
            holding: BTreeSet::new(),
            lost: 0,
            searches: Vec::new(),
            count: None,
            by_name: false,
            claimed: None,
        };
        if let Some(session) = &evidence.session {
            let seen = session.measurements.pods.iter();
            known.named.extend(seen.map(|seen| seen.pod.0.clone()));
        }
        if let Some(probe) = &evidence.probe {
            known
                .met
                .extend(probe.health.iter().filter_map(|health| health.pod.clone()));
            // One that says it does not hear all of them does not know how many there are.
            let well = probe.health.iter().filter(|health| health.status == "healthy");
            known.claimed = well.filter_map(|health| health.pods).max();
            if let Some(turns) = &probe.turns {
                known.met.extend(turns.pods.iter().cloned());
                known.count = pod_count(&turns.searches);
                known.searches.clone_from(&turns.searches);
                known.by_name = turns.by_name();
            }
            if let Some(room) = &probe.room {
                known
                    .holding
                    .extend(room.sockets.iter().filter_map(|socket| socket.pod.clone()));
                known.met.extend(known.holding.iter().cloned());
                known.lost = room.lost;
            }
            known.named.extend(known.met.iter().cloned());
        }
        known
    }

    /// What searching adds to the names.
    fn guessed(&self) -> Option<PodCount> {
        self.count.filter(|_| !self.by_name)
    }

    fn searched(&self) -> u32 {
        self.guessed().map_or(1, |count| count.likely)
    }

    pub(super) fn names(&self) -> u32 {
        u32::try_from(self.named.len()).unwrap_or(u32::MAX)
    }

    /// The number of pods that were reached, at least.
    pub(super) fn reached(&self) -> u32 {
        self.names().max(self.searched()).max(1)
    }

    /// The number of pods that held a socket, where that is not guessed.
    pub(super) fn surely(&self) -> Option<usize> {
        if !self.holding.is_empty() {
            return Some(self.holding.len());
        }
        let strict = self.count.filter(|count| count.turns == Turns::Strict)?;
        usize::try_from(strict.likely).ok()
    }

    /// In words.
    pub(super) fn words(&self, islands: usize) -> String {
        let islands = u32::try_from(islands).unwrap_or(u32::MAX);
        let number = self.reached().max(islands);
        let exact = number == self.names()
            || self
                .count
                .is_some_and(|count| count.turns == Turns::Strict && count.likely == number);
        if exact {
            format!("{number}")
        } else {
            format!("about {number}")
        }
    }

    /// Pods that answered and hold no socket of the probe, where sockets know their pods.
    pub(super) fn without_a_socket(&self) -> Vec<String> {
        if self.holding.is_empty() {
            return Vec::new();
        }
        self.met.difference(&self.holding).cloned().collect()
    }

    /// Sockets were lost, and may all have been on one pod that holds no other.
    pub(super) fn lost_a_pod(&self) -> bool {
        self.holding.is_empty() && self.lost > 0
    }

    /// The chance that no socket of so many was on one of the pods.
    pub(super) fn missed(&self, sockets: usize) -> f64 {
        let at_least = self.guessed().map_or(1, |count| count.least);
        if !self.named.is_empty() && self.holding.len() == self.named.len() && self.names() >= at_least {
            return 0.0;
        }
        let sockets = u32::try_from(sockets).unwrap_or(u32::MAX);
        match self.guessed() {
            // One after the other: as many sockets as pods reach all of them.
            Some(PodCount {
                turns: Turns::Strict,
                likely,
                ..
            }) if sockets >= likely => 0.0,
            Some(PodCount {
                turns: Turns::Drawn, ..
            }) => chance_of_an_omission(&self.searches, self.names().max(2), sockets),
            _ => chance_of_a_miss(self.reached(), sockets),
        }
    }
}
