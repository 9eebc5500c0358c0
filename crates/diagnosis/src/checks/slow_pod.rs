//! Whether one pod tells later than the others.

use std::collections::BTreeSet;

use crate::checks::room::measured;
use crate::checks::skipped;
use crate::evidence::{Evidence, RoomProbe};
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-SLOW-POD";

/// A pod that is so much later than the others, ms, is slow; what is less, a busy machine explains.
const SLOW_MS: u32 = 150;

/// The middle of the times after which a socket hears the others, ms.
fn hears_after(room: &RoomProbe, to: usize) -> Option<u32> {
    let mut times: Vec<u32> = room
        .matrix
        .rows
        .iter()
        .filter_map(|row| row.get(to)?.median_ms)
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

/// How fast the sockets of a scratch room hear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hearing {
    /// After how long most of them hear, ms; none where nobody heard anything.
    pub usual_ms: Option<u32>,
    /// Those that hear much later than most, by their places in the matrix, with their time, ms.
    pub late: Vec<(usize, u32)>,
}

impl Hearing {
    /// As it was measured.
    pub fn of(room: &RoomProbe) -> Self {
        let times: Vec<(usize, u32)> = (0..room.matrix.rows.len())
            .filter_map(|to| Some((to, hears_after(room, to)?)))
            .collect();
        let mut sorted: Vec<u32> = times.iter().map(|(_, time)| *time).collect();
        sorted.sort_unstable();
        let usual_ms = sorted.get(sorted.len() / 2).copied();
        let slow = |time: u32| {
            usual_ms.is_some_and(|usual| time > usual.saturating_mul(3) && time > usual + SLOW_MS)
        };
        Self {
            usual_ms,
            late: times.into_iter().filter(|(_, time)| slow(*time)).collect(),
        }
    }
}

pub(super) fn lateness(evidence: &Evidence) -> Finding {
    let (room, _) = match measured(evidence, CODE) {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let hearing = Hearing::of(room);
    let Some(usual) = hearing.usual_ms else {
        return skipped(CODE, "Nobody heard anything, so nobody was late.");
    };
    let pods: BTreeSet<String> = hearing
        .late
        .iter()
        .filter_map(|(socket, _)| room.sockets.get(*socket)?.pod.clone())
        .collect();
    let said = |outcome, sentence: String| {
        Finding::new(CODE, outcome, sentence).fact("Usually heard after", format!("{usual} ms"))
    };
    let Some(worst) = hearing.late.iter().map(|(_, time)| *time).max() else {
        return said(Outcome::Pass, "No pod is slower than the others.".to_owned());
    };
    let mut finding = said(
        Outcome::Warn,
        format!("One of the pods is slow: what you see through it is {worst} ms late."),
    )
    .resting(Confidence::Likely, "everything that was heard through it")
    .fact("Sockets that hear late", hearing.late.len().to_string())
    .means("Bid earlier than the last second while you are connected to it.")
    .fix("Operator: look at that pod's load and its network.");
    if !pods.is_empty() {
        finding = finding.fact("Slow", pods.into_iter().collect::<Vec<_>>().join(", "));
    }
    finding
}
