//! Whether a websocket reaches the backend, and what is left where none does.

use crate::checks::not_probed;
use crate::evidence::{Evidence, ProbeEvidence, TurnsEvidence};
use crate::report::{Finding, Outcome};

pub(super) const CODE: &str = "GS-PATH";

/// Polling can work: its requests reach the pod that holds the session.
fn polling_works(turns: &TurnsEvidence) -> bool {
    let at_once = turns
        .searches
        .iter()
        .all(|search| search.found && search.requests == 1);
    turns.trouble.is_none() && !turns.searches.is_empty() && (at_once || turns.with_cookies == Some(true))
}

pub(super) fn way(evidence: &Evidence) -> Finding {
    let Some(ProbeEvidence {
        path: Some(path),
        turns,
        ..
    }) = &evidence.probe
    else {
        return not_probed(CODE);
    };
    let mut finding = match (&path.websocket_trouble, turns) {
        (None, _) if path.at_second_try => Finding::new(
            CODE,
            Outcome::Warn,
            "Connecting takes luck: the backend took a connection and did not answer it; only the next one was answered.",
        )
        .means("If the connection is lost, it can take several tries to be back.")
        .because("One of its pods may wait for something before it answers. With python-socketio that is a Redis that stands still.")
        .fix("Operator: see which pod's log tells of connections that were not accepted, and whether it reaches Redis."),
        (None, _) => Finding::new(CODE, Outcome::Pass, "A websocket reaches the backend."),
        (Some(_), _) if path.never_granted => Finding::new(
            CODE,
            Outcome::Fail,
            "Live events cannot reach you: the backend takes connections, and then does not answer them.",
        )
        .means("A bid may get no answer either, and count all the same: look at the auction before you bid again.")
        .because("The pod waits for something before it answers. With python-socketio that is a Redis that stands still.")
        .fix("Operator: see whether Redis answers, then read the pod's log."),
        (Some(_), Some(turns)) if polling_works(turns) => Finding::new(
            CODE,
            Outcome::Warn,
            "Websockets are refused on the way; long polling is what is left, and slower.",
        )
        .fix("Operator: let the balancer or proxy pass websocket upgrades."),
        (Some(_), Some(turns)) if turns.trouble.is_none() && !turns.searches.is_empty() => Finding::new(
            CODE,
            Outcome::Fail,
            "Live events cannot reach you: websockets are refused, and long polling meets pods that take turns.",
        )
        .means("Bids count, and the state can be read; nothing is told as it happens.")
        .fix("Operator: let websocket upgrades pass, or keep each client on one pod (sticky sessions)."),
        (Some(_), Some(_)) => Finding::new(CODE, Outcome::Fail, "The backend's Socket.IO cannot be reached.")
            .fix("Check the address and the Socket.IO path, and whether the server runs."),
        (Some(_), None) => Finding::new(
            CODE,
            Outcome::Warn,
            "No websocket reaches the backend; whether long polling would was not tried.",
        )
        .fix("Operator: let the balancer or proxy pass websocket upgrades."),
    };
    if let Some(trouble) = &path.websocket_trouble {
        finding = finding.fact("The websocket", trouble.clone());
    }
    for (label, time) in [
        ("Name", path.resolve_ms),
        ("TCP", path.tcp_ms),
        ("TLS", path.tls_ms),
        ("Upgrade", path.upgrade_ms),
        ("In all", path.total_ms),
    ] {
        if let Some(time) = time {
            finding = finding.fact(label, format!("{time} ms"));
        }
    }
    for (label, who) in [
        ("The server calls itself", &path.server_header),
        ("By way of", &path.via),
        ("Through the proxy", &path.proxy),
    ] {
        if let Some(who) = who {
            finding = finding.fact(label, who.clone());
        }
    }
    finding
}
