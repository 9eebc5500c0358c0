//! What came of the scratch room, for the checks that judge it.

use crate::checks::not_probed;
use crate::evidence::{Evidence, PathEvidence, ProbeEvidence, RoomProbe, Scratch};
use crate::matrix::Partition;
use crate::report::{Confidence, Finding, Outcome};

/// Everybody who was in the scratch room, and what came of it; or why it cannot be told whether `what`.
pub(super) fn measured<'a>(
    evidence: &'a Evidence,
    code: &str,
    what: &str,
) -> Result<(&'a RoomProbe, Partition), Box<Finding>> {
    let probe = evidence
        .probe
        .as_ref()
        .ok_or_else(|| Box::new(not_probed(code)))?;
    let room = probe.room.as_ref().filter(|room| room.matrix.rows.len() > 1);
    let Some(room) = room else {
        let why = probe
            .room
            .as_ref()
            .and_then(|room| room.trouble.clone())
            .or_else(|| probe.cut_short.clone())
            .unwrap_or_else(|| "no scratch room was reached".to_owned());
        let sentence = format!("Whether {what} could not be measured.");
        let finding = Finding::new(code, Outcome::Inconclusive, sentence)
            .resting(Confidence::Weak, "nothing was measured")
            .fact("Why", why);
        return Err(Box::new(settled_by(finding, probe)));
    };
    Ok((room, room.matrix.partition()))
}

/// What kept the sockets out, and what would let them in.
fn settled_by(finding: Finding, probe: &ProbeEvidence) -> Finding {
    let no_way = |path: &PathEvidence| {
        path.websocket_trouble.is_some() || path.tls.as_ref().is_some_and(|tls| tls.distrust.is_some())
    };
    if probe.path.as_ref().is_some_and(no_way) {
        return finding
            .because("The sockets of the probe could not connect, either: GS-PATH and GS-TLS say why.")
            .fix("Mend the way to the backend first, then run the diagnosis again.");
    }
    // Who is turned away at the door of the first scratch room has lost no socket.
    let turned_away = probe
        .room
        .as_ref()
        .is_some_and(|room| room.trouble.is_some() && room.lost == 0 && room.sockets.is_empty());
    if turned_away && probe.cut_short.is_none() {
        finding.fix("Sign in and run the diagnosis again; gaveld lets only its users probe.")
    } else {
        finding.fix("Run the diagnosis again, and let it come to its end.")
    }
}

/// Something came in a room of a league that can be put down to nobody: whoever seems not to be heard may be heard late.
pub(super) fn came_too_late(room: &RoomProbe) -> bool {
    room.scratch == Some(Scratch::LeagueRooms) && room.strangers > 0
}

pub(super) fn too_late(said: impl Fn(Outcome, String) -> Finding) -> Finding {
    said(
        Outcome::Inconclusive,
        "What is said takes so long here that it cannot be told from what is not said at all.".to_owned(),
    )
    .resting(
        Confidence::Weak,
        "messages that came too late to be put down to anybody",
    )
    .fix("Operator: run the diagnosis again when the pods and this machine have less to do.")
}
