//! What came of the scratch room, for the checks that judge it.

use crate::checks::not_probed;
use crate::evidence::{Evidence, RoomProbe, Scratch};
use crate::matrix::Partition;
use crate::report::{Confidence, Finding, Outcome};

/// Everybody who was in the scratch room, and what came of it; or why there is nothing to judge.
pub(super) fn measured<'a>(
    evidence: &'a Evidence,
    code: &str,
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
        let sentence = "Whether pods hear each other could not be measured.";
        let finding = Finding::new(code, Outcome::Inconclusive, sentence)
            .resting(Confidence::Weak, "nothing was measured")
            .fact("Why", why);
        let has_a_way = probe
            .path
            .as_ref()
            .is_some_and(|path| path.websocket_trouble.is_none());
        return Err(Box::new(if has_a_way {
            finding.fix("Sign in and run the diagnosis again; our own backend lets only its users probe.")
        } else {
            finding
                .because("The sockets of the probe could not connect, either: see the finding about the way.")
        }));
    };
    Ok((room, room.matrix.partition()))
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
    .fix("Operator: look at the load of the pods and of this machine, and run the diagnosis again.")
}
