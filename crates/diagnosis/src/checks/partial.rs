//! Whether what is heard once is heard every time.

use std::collections::BTreeSet;

use crate::checks::room::measured;
use crate::evidence::{Evidence, Scratch};
use crate::matrix::Pair;
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-PARTIAL";

pub(super) fn steadiness(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, CODE, "events get lost between the pods") {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let pairs: BTreeSet<Pair> = partition.partial.iter().chain(&room.unsteady).copied().collect();
    let said = |outcome, sentence: &str| {
        Finding::new(CODE, outcome, sentence)
            .fact("Pairs heard now and then", pairs.len().to_string())
            .fact("Messages of others in the room", room.strangers.to_string())
            .fact("Sockets lost", room.lost.to_string())
    };
    if pairs.is_empty() {
        let finding = said(Outcome::Pass, "What is heard once is heard every time.");
        if room.matrix.asked_again() {
            finding
        } else {
            finding.resting(
                Confidence::Likely,
                "every pair of sockets, some of them asked again",
            )
        }
    } else if partition.partial.is_empty() && room.scratch == Some(Scratch::LeagueRooms) && !partition.split()
    {
        // Without a number on it, what was late cannot be told from what was lost.
        said(
            Outcome::Inconclusive,
            "Something was heard one time and not the next; asked again, with patience, it was heard each time.",
        )
        .resting(Confidence::Weak, "what came late, or was lost")
        .fix("Operator: run the diagnosis again when the pods and this machine have less to do.")
    } else if room.strangers > 0 || room.lost > 0 || was_cut_short(evidence) {
        said(
            Outcome::Inconclusive,
            "Something was heard one time and not the next, but others were in the room, a socket was lost, or the time was \
             up before all of it could come.",
        )
        .resting(Confidence::Weak, "a measurement that was disturbed")
        .fix("Run the diagnosis again.")
    } else {
        said(
            Outcome::Warn,
            "Your bids are safe, but some events get lost between the pods: a price can be late now and then.",
        )
        .resting(Confidence::Likely, "pairs of sockets, asked four times")
        .because("What connects the pods drops messages, or went away while it was measured.")
        .fix("Operator: see whether Redis has too much to do or drops slow subscribers (client-output-buffer-limit), then run the \
             diagnosis again.")
    }
}

/// What was said last had no time to be heard.
fn was_cut_short(evidence: &Evidence) -> bool {
    evidence
        .probe
        .as_ref()
        .is_some_and(|probe| probe.cut_short.is_some())
}
