//! What a session has seen anyway.

use gavelscope_client::state::{AuctionPhase, Carrier, LinkPhase, TransportKind, Trust};

use crate::checks::sharing::Sharing;
use crate::evidence::{RoomEvidence, SessionEvidence};
use crate::report::{Confidence, Finding, Outcome};

pub(super) const LINK: &str = "GS-LINK";
pub(super) const JOIN: &str = "GS-JOIN";
pub(crate) const ECHO: &str = "GS-ECHO";
pub(crate) const DELIVERY: &str = "GS-DELIVERY";
pub(super) const WAY: &str = "GS-WAY";
pub(super) const GAPS: &str = "GS-GAPS";
pub(super) const QUEUE: &str = "GS-QUEUE";
pub(super) const CONTRACT: &str = "GS-CONTRACT";
pub(super) const CLOCK: &str = "GS-CLOCK";

/// So long without a sign of life is longer than any heartbeat of the contract (20 s) with its grace (25 s).
const SILENCE_MS: u32 = 45_000;
/// A clock that is further off than this makes dates in logs misleading; the countdown is corrected for it.
const CLOCK_OFF_MS: u32 = 2_000;

/// So many bids are hardly all taken by the pod that the session is connected to, where there are others.
const ECHOES: u32 = 3;

fn open(session: &SessionEvidence) -> impl Iterator<Item = &RoomEvidence> {
    session
        .rooms
        .iter()
        .filter(|room| !matches!(room.phase, AuctionPhase::Completed | AuctionPhase::Deleted))
}

pub(super) fn link(session: &SessionEvidence) -> Finding {
    let connection = &session.connection;
    let said = |outcome, sentence: &str| {
        let mut finding = Finding::new(LINK, outcome, sentence)
            .fact("Reconnects", connection.reconnects.to_string())
            .fact("Attempt", connection.attempt.to_string());
        if let Some(trouble) = &connection.trouble {
            finding = finding.fact("Last trouble", trouble.clone());
        }
        let round_trip = session.measurements.round_trip.as_ref();
        if let Some(median) = round_trip.and_then(|spread| spread.median) {
            finding = finding.fact("There and back, half within", format!("{median} ms"));
        }
        finding
    };
    match connection.phase {
        phase if connection.moving && phase != LinkPhase::Closed => said(
            Outcome::Inconclusive,
            "The pod is being replaced, and the session moves to another one.",
        ),
        phase if phase.is_underway() && !connection.was_online => {
            said(Outcome::Inconclusive, "The first connection is on its way.")
        }
        LinkPhase::Idle
        | LinkPhase::Resolving
        | LinkPhase::Connecting
        | LinkPhase::Handshaking
        | LinkPhase::Backoff => said(
            Outcome::Fail,
            "There is no connection: what you see is old until it is back. It is being tried again.",
        )
        .means("Bids can still be sent, and you are told what became of each.")
        .fix("Check this machine's network, and ask the operator whether the server runs."),
        LinkPhase::Closed => said(Outcome::Inconclusive, "The session has ended."),
        LinkPhase::Online | LinkPhase::Suspect => {
            let silence = connection.heard_at.map_or(0, |heard| heard.age_at(session.at));
            if silence > SILENCE_MS {
                said(
                    Outcome::Warn,
                    "The connection is open but silent: it may be dead, and what you see may be old.",
                )
                .fact("Nothing heard for", format!("{} s", silence / 1_000))
                .fix("Leave the auction and connect again.")
            } else {
                said(Outcome::Pass, "The connection stands.")
            }
        }
    }
}

pub(super) fn join(session: &SessionEvidence) -> Finding {
    let missing = session.measurements.acks_missing;
    let said = |outcome, sentence: &str| {
        Finding::new(JOIN, outcome, sentence).fact("Joins without an acknowledgement", missing.to_string())
    };
    if let Some(trouble) = open(session).find_map(|room| room.claim.trouble.clone()) {
        return said(
            Outcome::Fail,
            "You are not in the auction's room: its events do not reach you.",
        )
        .fact("The server said", trouble)
        .fix("Sign in again. If that does not help, ask the operator why the server refuses this account.");
    }
    match open(session).next() {
        None => said(Outcome::Inconclusive, "No auction is open."),
        Some(_) if open(session).all(|room| room.claim.joined) => {
            said(Outcome::Pass, "The server acknowledged the join.")
        }
        Some(_) => said(Outcome::Inconclusive, "The join has no answer yet."),
    }
}

/// Whether bids that came back tell of the whole backend. A pod tells its own sockets of what it took, also where it tells
/// nobody else; one that has a name says so itself when it is alone, and of others it takes as many bids as hardly all reach
/// one pod.
pub(crate) fn echoes_are_enough(session: &SessionEvidence) -> bool {
    !session.measurements.pods.is_empty() || session.measurements.echo.count >= ECHOES
}

pub(super) fn echo(session: &SessionEvidence) -> Finding {
    let measured = &session.measurements;
    let said = |outcome, sentence: &str| {
        let mut finding = Finding::new(ECHO, outcome, sentence)
            .fact("Echoes", measured.echo.count.to_string())
            .fact("Missing", measured.echoes_missing.to_string());
        if let (Some(median), Some(p95)) = (measured.echo.median, measured.echo.p95) {
            finding = finding
                .fact("Half within", format!("{median} ms"))
                .fact("95 % within", format!("{p95} ms"));
        }
        finding
    };
    if measured.echoes_missing > 0 {
        said(
            Outcome::Fail,
            "Your bids are safe, but the prices you see can be late: an accepted bid of yours never came back as an event.",
        )
        .means("A bid counts when the server has accepted it. What others bid may be shown seconds late.")
        .because("The pods do not share their rooms, or the event was lost between them; the diagnosis tells which.")
        .fix(Sharing::of(Some(session), None).fix())
    } else if measured.echo.count > 0 {
        said(Outcome::Pass, "Your bids come back as events.").resting(
            if measured.echo.count > 1 {
                Confidence::Certain
            } else {
                Confidence::Likely
            },
            format!("{} of your own bids", measured.echo.count),
        )
    } else if session.bids == 0 {
        said(
            Outcome::Inconclusive,
            "You have not bid yet, so nothing has come back.",
        )
    } else {
        said(
            Outcome::Inconclusive,
            "None of your bids has come back as an event yet, and none is overdue.",
        )
    }
}

/// What the session concluded from what should have come and did not (polled mode).
pub(super) fn delivery(session: &SessionEvidence) -> Finding {
    let said = |outcome, sentence: &str| {
        Finding::new(DELIVERY, outcome, sentence).fact(
            "Readings because events did not arrive",
            session.measurements.polls.to_string(),
        )
    };
    let online = matches!(session.connection.phase, LinkPhase::Online | LinkPhase::Suspect);
    match open(session).find(|room| room.trust == Trust::Polled) {
        // Without a link nothing arrives, and that is another finding.
        Some(room) if online => said(
            Outcome::Fail,
            "Your bids are safe, but events do not reach you: price and clock are read from the server instead.",
        )
        .fact("What was missed", room.doubt.clone().unwrap_or_default())
        .means("The age of what you see stands beside the price.")
        .because("The pods do not share their rooms, or the lot's clock has died with its pod.")
        .fix(Sharing::of(Some(session), None).fix()),
        _ if open(session).any(|room| room.trust == Trust::Live && room.sequence > 0) => {
            said(Outcome::Pass, "Nothing that should have come is missing.")
        }
        _ => said(
            Outcome::Inconclusive,
            "Too little has happened to tell whether events arrive.",
        ),
    }
}

/// Whether the session could connect as it was told to.
pub(super) fn way(session: &SessionEvidence) -> Finding {
    let connection = &session.connection;
    let library = match connection.transport {
        TransportKind::RustSocketio => "rust_socketio",
        TransportKind::Wire => "wire",
    };
    let carrier = match connection.carrier {
        Carrier::Websocket => "a websocket",
        Carrier::Polling => "long polling",
    };
    let said = |outcome, sentence: &str| {
        Finding::new(WAY, outcome, sentence).fact("Carried by", format!("{library} over {carrier}"))
    };
    match &connection.changed_over {
        Some(why) => {
            let finding = said(Outcome::Warn, why);
            match connection.carrier {
                Carrier::Polling => {
                    finding.fix("Operator: let the balancer or proxy pass websocket upgrades.")
                }
                // What carries it now works as well as what was chosen.
                Carrier::Websocket => finding,
            }
        }
        None if connection.was_online => {
            said(Outcome::Pass, "The connection is made the way that was chosen.")
        }
        None => said(Outcome::Inconclusive, "No connection came about yet."),
    }
}

pub(super) fn gaps(session: &SessionEvidence) -> Finding {
    let measured = &session.measurements;
    let said = |outcome, sentence: &str| {
        Finding::new(GAPS, outcome, sentence)
            .fact("Missing", measured.gaps.to_string())
            .fact("Repeated", measured.repeats.to_string())
            .fact("Of events", measured.events.to_string())
    };
    if measured.gaps > 0 {
        said(
            Outcome::Warn,
            "Some bids were not told to you; they were read from the server instead.",
        )
        .fix("Run the diagnosis: it tells whether the pods lose events, or your connection does.")
    } else if session.rooms.iter().any(|room| room.sequence > 0) {
        said(Outcome::Pass, "No bid is missing between the first and the last.")
    } else {
        said(Outcome::Inconclusive, "Nobody has bid yet.")
    }
}

pub(super) fn queue(session: &SessionEvidence) -> Finding {
    let dropped = session.measurements.dropped;
    let said = |outcome, sentence: &str| {
        Finding::new(QUEUE, outcome, sentence).fact("Messages dropped here", dropped.to_string())
    };
    if dropped > 0 {
        said(
            Outcome::Warn,
            "Events came faster than this machine took them; some were dropped and read anew.",
        )
        .fix("Close other programs that keep this machine busy.")
    } else {
        said(Outcome::Pass, "Nothing was dropped here.")
    }
}

pub(super) fn contract(session: &SessionEvidence) -> Finding {
    let measured = &session.measurements;
    let said = |outcome, sentence: &str| {
        Finding::new(CONTRACT, outcome, sentence)
            .fact("Malformed", measured.malformed.to_string())
            .fact("Of unknown name", measured.unknown_events.to_string())
            .fact("Unknown fields", measured.unknown_fields.to_string())
    };
    if measured.malformed > 0 {
        said(
            Outcome::Warn,
            "Some events are not of the form that an auction backend uses; they are in the feed and were not used.",
        )
        .fix("Copy their raw lines from the feed and send them to the operator.")
    } else if measured.events == 0 {
        said(Outcome::Inconclusive, "No event has arrived yet.")
    } else {
        said(Outcome::Pass, "Every event is understood.")
    }
}

pub(super) fn clock(session: &SessionEvidence) -> Finding {
    let (Some(offset), Some(error)) = (session.clock.offset_ms, session.clock.error_ms) else {
        return Finding::new(
            CLOCK,
            Outcome::Inconclusive,
            "The server's clock is not known yet.",
        );
    };
    let said = |outcome, sentence: &str| {
        Finding::new(CLOCK, outcome, sentence)
            .fact("Ahead of ours", format!("{offset:+} ms, give or take {error} ms"))
            .fact("Samples", session.clock.samples.to_string())
    };
    if let Some(doubt) = &session.clock.doubt {
        return said(Outcome::Warn, doubt).fix(
            "Do not wait for the last second. The clock is known better once an answer comes back quickly.",
        );
    }
    if offset.unsigned_abs() > CLOCK_OFF_MS.saturating_add(error) {
        said(
            Outcome::Warn,
            "This machine's clock and the server's differ; the countdown is corrected for it.",
        )
        .fix("Let this machine set its clock from the network.")
    } else {
        said(Outcome::Pass, "The clocks agree.")
    }
}
