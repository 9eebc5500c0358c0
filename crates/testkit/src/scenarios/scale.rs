//! Which trouble there is, and how much of it.

use std::time::Duration;

/// The trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// The server is killed, and back later.
    Killed,
    /// The server's process is stopped, and set going later.
    Stopped,
    /// The link is half-open: nothing is heard, nothing is closed.
    HalfOpen,
    /// Everything is late, and not evenly.
    Slow,
    /// The link is cut and back, again and again.
    Flapping,
    /// Another pod takes the place of the one that is there, as in a rolling restart.
    Replaced,
    /// Answers to bids are lost after the server stored them.
    AnswersLost,
    /// The server says all kinds of nonsense between its events.
    Hostile,
}

impl Scenario {
    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Killed => "server killed and back",
            Self::Stopped => "process stopped (SIGSTOP)",
            Self::HalfOpen => "half-open link",
            Self::Slow => "300 ms ± 200 ms delay",
            Self::Flapping => "link flapping every 2 s",
            Self::Replaced => "pod replaced (rolling restart)",
            Self::AnswersLost => "answers to bids lost",
            Self::Hostile => "hostile events",
        }
    }
}

/// How long everything takes.
#[derive(Debug, Clone)]
pub struct Scale {
    /// Whether it is the long form.
    pub long: bool,
    /// How many bids have to be decided in all, at least.
    pub bids: u32,
    /// How often the trouble comes.
    pub rounds: u32,
    /// How long it lasts, by turns.
    pub lasts: Vec<Duration>,
}

impl Scale {
    /// The short form is for every test run, the long one for `GAVELSCOPE_SOAK=1`.
    pub fn of(scenario: Scenario, long: bool) -> Self {
        let seconds = |short: &[u64], long_ones: &[u64]| -> Vec<Duration> {
            let chosen = if long { long_ones } else { short };
            chosen.iter().copied().map(Duration::from_secs).collect()
        };
        let (lasts, rounds, bids) = match scenario {
            Scenario::Killed => (seconds(&[1, 3], &[1, 30]), (2, 8), (16, 1_250)),
            // The shorter ones so that it wakes just when somebody looks for the last time whether a bid arrived.
            Scenario::Stopped => (seconds(&[6], &[60, 12, 17]), (1, 9), (12, 1_250)),
            Scenario::HalfOpen => (Vec::new(), (1, 5), (12, 1_250)),
            Scenario::Slow => (Vec::new(), (1, 1), (12, 1_250)),
            Scenario::Flapping => (seconds(&[6], &[30]), (1, 6), (12, 1_250)),
            Scenario::Replaced => (Vec::new(), (1, 10), (12, 1_250)),
            Scenario::AnswersLost => (Vec::new(), (3, 30), (16, 1_250)),
            Scenario::Hostile => (Vec::new(), (1, 8), (20, 1_250)),
        };
        Self {
            long,
            lasts,
            rounds: if long { rounds.1 } else { rounds.0 },
            bids: if long { bids.1 } else { bids.0 },
        }
    }

    pub(super) fn lasts(&self, round: u32) -> Duration {
        let turn = usize::try_from(round).unwrap_or(0) % self.lasts.len().max(1);
        self.lasts.get(turn).copied().unwrap_or_default()
    }
}
