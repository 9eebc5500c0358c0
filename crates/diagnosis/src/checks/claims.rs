//! What the backend says of itself, beside what was measured (contract, section 4, 1).

use std::collections::{BTreeMap, BTreeSet};

use gavelscope_client::state::Trust;

use crate::checks::sharing::Sharing;
use crate::checks::skipped;
use crate::evidence::Evidence;
use crate::report::{Confidence, Finding, Outcome};

pub(super) const HEALTH: &str = "GS-HEALTH";
pub(super) const ROOM_SIZE: &str = "GS-ROOM-SIZE";
pub(super) const CLUSTER: &str = "GS-CLUSTER";

/// Says itself that events do not get from pod to pod.
fn admits(state: &str) -> bool {
    matches!(state, "degraded" | "down")
}

/// What the pods say of what connects them, and only that. It is the pod that knows, so this comes before what was
/// concluded from missing bids.
pub(super) fn cluster(evidence: &Evidence) -> Finding {
    let alone = evidence.session.as_ref().and_then(|session| {
        session
            .connection
            .pod_alone
            .as_ref()
            .map(|alone| (alone, session.at))
    });
    if let Some((alone, at)) = alone {
        return Finding::new(
            CLUSTER,
            Outcome::Fail,
            "Your bids are safe, but the prices you see can be late: the pod that you are connected to has lost the others.",
        )
        .resting(Confidence::Likely, "the word of the pod that holds the connection")
        .claim("Pod", alone.pod.0.clone())
        .claim("Since", format!("{} s", alone.since.age_at(at) / 1_000))
        .claim("Its reason", alone.reason.clone())
        .means("Price and clock are read from the server; their age stands beside them.")
        .fix(
            "Operator: look at Redis and at this pod's way to it; its log and /health say what is wrong. It comes back by \
             itself.",
        );
    }
    let mut states: BTreeSet<String> = BTreeSet::new();
    let mut reasons: BTreeMap<Option<&str>, &str> = BTreeMap::new();
    if let Some(probe) = &evidence.probe {
        for health in probe.last_health() {
            let Some(state) = &health.adapter else { continue };
            states.insert(state.clone());
            if let (true, Some(reason)) = (admits(state), &health.reason) {
                // One a pod: it says the same in other numbers each time.
                let kept = reasons.entry(health.pod.as_deref()).or_insert(reason);
                *kept = (*kept).max(reason.as_str());
            }
        }
    }
    states.extend(evidence.claim().and_then(|claim| claim.adapter.clone()));
    if states.is_empty() {
        return Finding::new(
            CLUSTER,
            Outcome::Inconclusive,
            "The server does not say how its pods are connected.",
        )
        .resting(Confidence::Weak, "nothing was said");
    }
    let said = |outcome, sentence: &str| {
        let finding = Finding::new(CLUSTER, outcome, sentence)
            .resting(Confidence::Weak, "the server's own words")
            .claim("Adapter", states.iter().cloned().collect::<Vec<_>>().join("; "));
        reasons.iter().fold(finding, |finding, (pod, reason)| {
            let label = pod.map_or_else(|| "Its reason".to_owned(), |pod| format!("Reason of {pod}"));
            finding.claim(&label, *reason)
        })
    };
    if states.iter().any(|state| admits(state)) {
        said(
            Outcome::Warn,
            "Your bids are safe, but the backend itself says that its pods do not hear each other now.",
        )
        .means("What other pods take may be shown late: price and clock are then read from the server, with their age beside.")
        .fix(Sharing::of(evidence.session.as_ref(), evidence.probe.as_ref()).fix())
    } else {
        // A word is no proof, and silence is not even a word.
        said(
            Outcome::Inconclusive,
            "No pod says that it has lost the others; that is their word, and no proof.",
        )
    }
}

/// What shows in a probe or a session that events get lost.
fn proves_loss(evidence: &Evidence) -> bool {
    let apart = evidence
        .probe
        .as_ref()
        .and_then(|probe| probe.room.as_ref())
        .map(|room| room.matrix.partition())
        .is_some_and(|partition| partition.split() || !partition.one_way.is_empty());
    let missing = evidence.session.as_ref().is_some_and(|session| {
        session.measurements.echoes_missing > 0
            || session.rooms.iter().any(|room| room.trust == Trust::Polled)
    });
    apart || missing
}

/// Whether the claims of `/health` can be believed.
pub(super) fn health(evidence: &Evidence) -> Finding {
    let mut claims: BTreeSet<String> = BTreeSet::new();
    let mut ready = false;
    let mut healthy = false;
    let mut sick = false;
    let mut judges_itself = false;
    if let Some(probe) = &evidence.probe {
        // What was said before something was found does not contradict it.
        for health in probe.last_health() {
            let mode = health.mode.clone().unwrap_or_else(|| "no mode".to_owned());
            let word = match health.multi_pod_ready {
                Some(true) => ", ready for several pods",
                Some(false) => ", not for several pods",
                None => "",
            };
            claims.insert(format!("{} ({}), {mode}{word}", health.status, health.code));
            ready |= health.multi_pod_ready == Some(true);
            healthy |= health.status == "healthy";
            // One that is being replaced takes nothing new, and is not sick.
            sick |= health.code >= 500 && health.status != "draining";
            judges_itself |= health.adapter.is_some();
        }
    }
    if let Some(claim) = evidence.claim() {
        claims.insert(claim.status.clone());
        ready |= claim.multi_pod_ready == Some(true);
        healthy |= claim.status == "healthy";
    }
    if claims.is_empty() {
        return skipped(HEALTH, "The server's /health was not read, or did not answer.");
    }
    let said = |outcome, sentence: &str| {
        claims
            .iter()
            .fold(Finding::new(HEALTH, outcome, sentence), |finding, claim| {
                finding.claim("/health", claim.clone())
            })
    };
    let broken = proves_loss(evidence);
    if sick {
        said(Outcome::Fail, "The backend says that it cannot work now.")
            .means("Bids may be refused; none is lost.")
            .fix("Operator: read in /health what is missing; usually it is the database.")
    } else if broken && (ready || healthy) {
        said(
            Outcome::Warn,
            "The backend calls itself healthy although events get lost between its pods: do not judge by /health.",
        )
        .because(if judges_itself {
            "A pod knows that its own messages come back to it, and does not notice that it misses those of others."
        } else {
            "The usual backend, on python-socketio, makes it from its configuration alone."
        })
        .fix("Operator: judge by whether bids come back, not by /health, roomSize or multi_pod_ready.")
    } else {
        said(
            Outcome::Pass,
            "Nothing that was measured contradicts what the backend says of itself.",
        )
        .resting(Confidence::Weak, "claims, and no contradiction")
    }
}

/// Whether the claimed room sizes are possible.
pub(super) fn room_size(evidence: &Evidence) -> Finding {
    // What is claimed, and what is known to be in the room at least.
    let mut claims: Vec<(u32, u32)> = Vec::new();
    if let Some(session) = &evidence.session {
        let joined = session.rooms.iter().filter(|room| room.claim.joined);
        claims.extend(joined.filter_map(|room| Some((room.claim.here?, 1))));
    }
    if let Some(room) = evidence.probe.as_ref().and_then(|probe| probe.room.as_ref()) {
        claims.extend(
            room.sockets
                .iter()
                .filter_map(|socket| Some((socket.claimed?, 1))),
        );
        // Over all pods everybody who joined before counts.
        claims.extend(
            room.sockets
                .iter()
                .filter_map(|socket| Some((socket.claimed_cluster?, 1))),
        );
    }
    claims.sort_unstable();
    let Some((least, known)) = claims.first().copied() else {
        return skipped(ROOM_SIZE, "The server does not say how large the room is.");
    };
    let most = claims.last().map_or(least, |(claimed, _)| *claimed);
    let said = |outcome, sentence: &str| {
        let claimed = if least == most {
            format!("{least}")
        } else {
            format!("{least} to {most}")
        };
        Finding::new(ROOM_SIZE, outcome, sentence)
            .claim("Room size", claimed)
            .fact("Known to be in it, at least", known.to_string())
    };
    if least < known {
        said(
            Outcome::Warn,
            "The server says a room is empty that we are in: its room sizes cannot be believed.",
        )
        .because("The usual backend, on python-socketio, looks its table up the wrong way round and always says 0.")
        .fix("Operator: do not judge by roomSize; judge by whether bids come back.")
    } else {
        said(Outcome::Pass, "The claimed room sizes are possible.")
    }
}
