//! Whether one pod tells later than the others.

use std::collections::BTreeSet;

use crate::checks::room::measured;
use crate::checks::skipped;
use crate::evidence::{Evidence, RoomProbe};
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-SLOW-POD";

/// A pod that is so much later than the others, ms, is slow; what is less, a busy machine explains.
const SLOW_MS: u32 = 150;

/// So much later, and not only by what a busy machine explains.
pub(crate) fn much_later(time: u32, usual: u32) -> bool {
    time > usual.saturating_mul(3) && time > usual.saturating_add(SLOW_MS)
}

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
        let slow = |time: u32| usual_ms.is_some_and(|usual| much_later(time, usual));
        Self {
            usual_ms,
            late: times.into_iter().filter(|(_, time)| slow(*time)).collect(),
        }
    }
}

/// The socket that hears the latest, and when; of two that are alike, whichever place they have, the same.
fn slowest_of(room: &RoomProbe, hearing: &Hearing) -> Option<(usize, u32)> {
    let pod = |socket: usize| room.sockets.get(socket).and_then(|socket| socket.pod.as_deref());
    hearing
        .late
        .iter()
        .copied()
        .max_by_key(|(socket, time)| (*time, pod(*socket)))
}

fn connected_to(evidence: &Evidence) -> Option<&str> {
    let pod = evidence.session.as_ref()?.connection.pod.as_ref()?;
    Some(pod.as_str())
}

/// What a slow pod means for who is connected to it, or to another.
fn meaning(slow: Option<&str>, connected: Option<&str>) -> &'static str {
    match (slow, connected) {
        (Some(slow), Some(connected)) if slow == connected => {
            "You are connected to it: do not wait for the last second, bid earlier."
        }
        (Some(_), Some(_)) => {
            "You are connected to another pod. After a reconnect it may be this one: then do not wait for the last second."
        }
        _ => "While you are connected to it, do not wait for the last second: bid earlier.",
    }
}

pub(super) fn lateness(evidence: &Evidence) -> Finding {
    let (room, _) = match measured(evidence, CODE, "a pod is slow") {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let hearing = Hearing::of(room);
    let Some(usual) = hearing.usual_ms else {
        return skipped(CODE, "Nobody heard anything, so nobody was late.");
    };
    let said = |outcome, sentence: String| {
        Finding::new(CODE, outcome, sentence).fact("Usually heard after", format!("{usual} ms"))
    };
    let Some((slowest, worst)) = slowest_of(room, &hearing) else {
        return said(Outcome::Pass, "No pod is slower than the others.".to_owned());
    };
    let pod_of = |socket: usize| room.sockets.get(socket)?.pod.as_deref();
    let is_late = |socket: usize| hearing.late.iter().any(|(late, _)| *late == socket);
    // A pod through which others hear in time is not what makes this socket late.
    let slow =
        |pod: &&str| (0..room.sockets.len()).all(|socket| pod_of(socket) != Some(*pod) || is_late(socket));
    let pods: BTreeSet<&str> = hearing
        .late
        .iter()
        .filter_map(|(socket, _)| pod_of(*socket))
        .filter(slow)
        .collect();
    let through = pod_of(slowest).filter(slow);
    let mut finding = said(
        Outcome::Warn,
        format!(
            "One of the pods is slow: what you see through {} comes {} ms later than through the others.",
            through.unwrap_or("it"),
            worst.saturating_sub(usual)
        ),
    )
    .resting(Confidence::Likely, "everything that was heard through it")
    .fact("Heard through it after", format!("{worst} ms"))
    .fact("Sockets that hear late", hearing.late.len().to_string())
    .means(meaning(through, connected_to(evidence)))
    .fix(format!(
        "Operator: look at the load of {}, and at its network.",
        through.unwrap_or("that pod")
    ));
    if !pods.is_empty() {
        finding = finding.fact("Slow", pods.into_iter().collect::<Vec<_>>().join(", "));
    }
    finding
}
