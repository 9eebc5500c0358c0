//! The checks, in the order of their weight. Each says what was proved and no more (design, rule 3).

use gavelscope_client::state::{
    AuctionPhase, AuctionView, Carrier, LinkPhase, SessionState, TransportKind, Trust,
};

use crate::{Finding, Outcome};

/// The one check without which nothing is called healthy.
pub(crate) const ECHO: &str = "GS-ECHO";

/// So long without a sign of life is longer than any heartbeat of the contract (20 s) with its grace (25 s).
const SILENCE_MS: u32 = 45_000;
/// A clock that is further off than this makes dates in logs misleading; the countdown is corrected for it.
const CLOCK_OFF_MS: u32 = 2_000;

pub(crate) fn all(state: &SessionState) -> Vec<Finding> {
    vec![
        link(state),
        join(state),
        echo(state),
        cluster(state),
        delivery(state),
        way(state),
        gaps(state),
        room_claim(state),
        pods(state),
        queue(state),
        contract(state),
        clock(state),
    ]
}

fn finding(
    code: &str,
    outcome: Outcome,
    sentence: impl Into<String>,
    evidence: String,
    fix: Option<&str>,
) -> Finding {
    Finding {
        code: code.to_owned(),
        outcome,
        sentence: sentence.into(),
        evidence,
        fix: fix.map(str::to_owned),
    }
}

fn link(state: &SessionState) -> Finding {
    let connection = &state.connection;
    let trouble = connection
        .trouble
        .clone()
        .unwrap_or_else(|| "no trouble reported".to_owned());
    let evidence = format!(
        "{} reconnects, attempt {}; {trouble}",
        connection.reconnects, connection.attempt
    );
    match connection.phase {
        phase if connection.moving && phase != LinkPhase::Closed => finding(
            "GS-LINK",
            Outcome::Inconclusive,
            "The pod is being replaced, and the session moves to another one.",
            evidence,
            None,
        ),
        phase if phase.is_underway() && !connection.was_online => finding(
            "GS-LINK",
            Outcome::Inconclusive,
            "The first connection is on its way.",
            evidence,
            None,
        ),
        LinkPhase::Idle
        | LinkPhase::Resolving
        | LinkPhase::Connecting
        | LinkPhase::Handshaking
        | LinkPhase::Backoff => finding(
            "GS-LINK",
            Outcome::Fail,
            "There is no connection: what you see is old until it is back.",
            evidence,
            Some(
                "Nothing to do; it is tried again by itself. If it stays so, check your network and the server.",
            ),
        ),
        LinkPhase::Closed => finding(
            "GS-LINK",
            Outcome::Inconclusive,
            "The session has ended.",
            evidence,
            None,
        ),
        LinkPhase::Online | LinkPhase::Suspect => {
            let silence = connection.heard_at.map_or(0, |heard| heard.age_at(state.at));
            if silence > SILENCE_MS {
                let evidence = format!("nothing heard for {} s", silence / 1_000);
                let sentence = "The connection is open but silent: it may be dead.";
                let fix = "Wait for the reconnect, or leave and connect again.";
                finding("GS-LINK", Outcome::Warn, sentence, evidence, Some(fix))
            } else {
                finding("GS-LINK", Outcome::Pass, "The connection stands.", evidence, None)
            }
        }
    }
}

fn open(state: &SessionState) -> impl Iterator<Item = &AuctionView> {
    state
        .auctions
        .iter()
        .map(AsRef::as_ref)
        .filter(|auction| !matches!(auction.phase, AuctionPhase::Completed | AuctionPhase::Deleted))
}

fn join(state: &SessionState) -> Finding {
    let refused = open(state).find(|auction| auction.room.trouble.is_some());
    let missing = state.measurements.acks_missing;
    let evidence = format!("{missing} joins without an acknowledgement");
    if let Some(auction) = refused {
        let why = auction.room.trouble.clone().unwrap_or_default();
        let sentence = "You are not in the auction's room: its events do not reach you.";
        let fix =
            "Sign in again. If that does not help, the backend does not let this account into the room.";
        return finding(
            "GS-JOIN",
            Outcome::Fail,
            sentence,
            format!("{evidence}; {why}"),
            Some(fix),
        );
    }
    match open(state).next() {
        None => finding(
            "GS-JOIN",
            Outcome::Inconclusive,
            "No auction is open.",
            evidence,
            None,
        ),
        Some(_) if open(state).all(|auction| auction.room.joined) => finding(
            "GS-JOIN",
            Outcome::Pass,
            "The server acknowledged the join.",
            evidence,
            None,
        ),
        Some(_) => finding(
            "GS-JOIN",
            Outcome::Inconclusive,
            "The join has no answer yet.",
            evidence,
            None,
        ),
    }
}

fn echo(state: &SessionState) -> Finding {
    let measured = &state.measurements;
    let evidence = match (measured.echo.median, measured.echo.p95) {
        (Some(median), Some(p95)) => {
            format!(
                "{} echoes, half within {median} ms, 95 % within {p95} ms; {} missing",
                measured.echo.count, measured.echoes_missing
            )
        }
        _ => format!("no echo yet; {} missing", measured.echoes_missing),
    };
    if measured.echoes_missing > 0 {
        let sentence = "Bids are accepted, and the room is not told: the prices you see can be late.";
        let fix =
            "Operator: the pods do not share their rooms. Set REDIS_URL on every pod, or run one replica.";
        finding(ECHO, Outcome::Fail, sentence, evidence, Some(fix))
    } else if measured.echo.count > 0 {
        finding(
            ECHO,
            Outcome::Pass,
            "Your bids come back as events.",
            evidence,
            None,
        )
    } else {
        let sentence = if state.bids.is_empty() {
            "You have not bid yet, so nothing has come back."
        } else {
            "None of your bids has come back as an event yet."
        };
        finding(ECHO, Outcome::Inconclusive, sentence, evidence, None)
    }
}

/// What the pod says of itself. It is the pod that knows, so this comes before what was concluded from missing bids.
fn cluster(state: &SessionState) -> Finding {
    let connection = &state.connection;
    match &connection.pod_alone {
        Some(alone) => finding(
            "GS-CLUSTER",
            Outcome::Fail,
            "The server's parts have lost each other: bids that others take are read late, and every bid counts as ever.",
            format!(
                "pod {} says so since {} s: {}",
                alone.pod,
                alone.since.age_at(state.at) / 1_000,
                alone.reason
            ),
            Some(
                "Nothing for a bidder to do: price and clock are read from the server, and bids are safe. Operator: look \
                 after Redis; every pod that has lost it says so in its log and in /health.",
            ),
        ),
        None => finding(
            "GS-CLUSTER",
            Outcome::Inconclusive,
            "The pod does not say that it has lost the others; whether it would is not known.",
            "no cluster_degraded was heard on this connection".to_owned(),
            None,
        ),
    }
}

/// What the session concluded from what should have come and did not (polled mode).
fn delivery(state: &SessionState) -> Finding {
    let polls = state.measurements.polls;
    let evidence = format!("{polls} readings because events did not arrive");
    let online = matches!(state.connection.phase, LinkPhase::Online | LinkPhase::Suspect);
    let polled = open(state).find(|auction| auction.trust == Trust::Polled);
    match polled {
        // Without a link nothing arrives, and that is another finding.
        Some(auction) if online => finding(
            "GS-DELIVERY",
            Outcome::Fail,
            "Events do not reach you though you are connected: price and clock are read from the server instead.",
            format!("{}; {evidence}", auction.doubt.clone().unwrap_or_default()),
            Some(
                "Bids count as ever. Operator: the pods do not share their rooms, or the lot's clock has died. Set \
                 REDIS_URL on every pod, or run one replica.",
            ),
        ),
        _ if open(state).any(|auction| auction.trust == Trust::Live && auction.sequence > 0) => finding(
            "GS-DELIVERY",
            Outcome::Pass,
            "Nothing that should have come is missing.",
            evidence,
            None,
        ),
        _ => finding(
            "GS-DELIVERY",
            Outcome::Inconclusive,
            "Too little has happened to tell whether events arrive.",
            evidence,
            None,
        ),
    }
}

/// Whether the session could connect as it was told to.
fn way(state: &SessionState) -> Finding {
    let connection = &state.connection;
    let evidence = format!(
        "{} over {}",
        match connection.transport {
            TransportKind::RustSocketio => "rust_socketio",
            TransportKind::Wire => "wire",
        },
        match connection.carrier {
            Carrier::Websocket => "a websocket",
            Carrier::Polling => "long polling",
        }
    );
    match &connection.changed_over {
        Some(why) => finding(
            "GS-WAY",
            Outcome::Warn,
            why.clone(),
            evidence,
            Some(
                "Nothing for a bidder to do. Operator: let websockets through; polling needs each client on one pod.",
            ),
        ),
        None if connection.was_online => finding(
            "GS-WAY",
            Outcome::Pass,
            "The connection is made the way that was chosen.",
            evidence,
            None,
        ),
        None => finding(
            "GS-WAY",
            Outcome::Inconclusive,
            "No connection came about yet.",
            evidence,
            None,
        ),
    }
}

fn gaps(state: &SessionState) -> Finding {
    let measured = &state.measurements;
    let evidence = format!(
        "{} missing, {} repeated, of {} events",
        measured.gaps, measured.repeats, measured.events
    );
    if measured.gaps > 0 {
        let sentence = "Some bids were not told to you; they were read from the server instead.";
        let fix = "If it happens again and again: fewer pods, a better network, or Redis between the pods.";
        finding("GS-GAPS", Outcome::Warn, sentence, evidence, Some(fix))
    } else if state.auctions.iter().any(|auction| auction.sequence > 0) {
        finding(
            "GS-GAPS",
            Outcome::Pass,
            "No bid is missing between the first and the last.",
            evidence,
            None,
        )
    } else {
        finding(
            "GS-GAPS",
            Outcome::Inconclusive,
            "Nobody has bid yet.",
            evidence,
            None,
        )
    }
}

fn room_claim(state: &SessionState) -> Finding {
    let Some(auction) = open(state).find(|auction| auction.room.joined) else {
        let evidence = "no room joined".to_owned();
        return finding(
            "GS-ROOM-SIZE",
            Outcome::Inconclusive,
            "No room size was claimed.",
            evidence,
            None,
        );
    };
    match auction.room.here {
        None => {
            let evidence = "the join's answer has no room size".to_owned();
            finding(
                "GS-ROOM-SIZE",
                Outcome::Inconclusive,
                "The server does not say how large the room is.",
                evidence,
                None,
            )
        }
        Some(0) => finding(
            "GS-ROOM-SIZE",
            Outcome::Warn,
            "The server says the room is empty although you are in it: its room sizes cannot be believed.",
            "claimed: 0; known to be in it: at least 1, this socket".to_owned(),
            Some("Operator: do not judge by roomSize; judge by whether bids come back."),
        ),
        Some(here) => {
            let evidence = match auction.room.cluster {
                Some(cluster) => format!("claimed: {here} on this pod, {cluster} over all pods"),
                None => format!("claimed: {here} on this pod; over all pods unknown"),
            };
            finding(
                "GS-ROOM-SIZE",
                Outcome::Pass,
                "The claimed room size is possible.",
                evidence,
                None,
            )
        }
    }
}

fn pods(state: &SessionState) -> Finding {
    let measured = &state.measurements;
    let names: Vec<&str> = measured.pods.iter().map(|seen| seen.pod.as_str()).collect();
    let evidence = if names.is_empty() {
        "no answer names its pod".to_owned()
    } else {
        names.join(", ")
    };
    match names.len() {
        0 => finding(
            "GS-PODS",
            Outcome::Inconclusive,
            "The server does not say which pod serves you.",
            evidence,
            None,
        ),
        1 => finding("GS-PODS", Outcome::Pass, "One pod serves you.", evidence, None),
        several => {
            let sentence = format!("{several} pods serve you.");
            let crossing = measured.echo.count > 0 && measured.echoes_missing == 0;
            let outcome = if crossing {
                Outcome::Pass
            } else {
                Outcome::Inconclusive
            };
            finding("GS-PODS", outcome, sentence, evidence, None)
        }
    }
}

fn queue(state: &SessionState) -> Finding {
    let dropped = state.measurements.dropped;
    let evidence = format!("{dropped} messages dropped");
    if dropped > 0 {
        let sentence = "Events came faster than this machine took them; some were dropped and read anew.";
        finding(
            "GS-QUEUE",
            Outcome::Warn,
            sentence,
            evidence,
            Some("Close what else keeps this machine busy."),
        )
    } else {
        finding(
            "GS-QUEUE",
            Outcome::Pass,
            "Nothing was dropped here.",
            evidence,
            None,
        )
    }
}

fn contract(state: &SessionState) -> Finding {
    let measured = &state.measurements;
    let evidence = format!(
        "{} malformed, {} of unknown name, {} unknown fields",
        measured.malformed, measured.unknown_events, measured.unknown_fields
    );
    if measured.malformed > 0 {
        let sentence =
            "Some events are not what an auction backend says; they are in the feed and were not used.";
        let fix = "Copy their raw lines from the feed for the operator.";
        finding("GS-CONTRACT", Outcome::Warn, sentence, evidence, Some(fix))
    } else if measured.events == 0 {
        finding(
            "GS-CONTRACT",
            Outcome::Inconclusive,
            "No event has arrived yet.",
            evidence,
            None,
        )
    } else {
        finding(
            "GS-CONTRACT",
            Outcome::Pass,
            "Every event is understood.",
            evidence,
            None,
        )
    }
}

fn clock(state: &SessionState) -> Finding {
    let (Some(offset), Some(error)) = (state.clock.offset_ms, state.clock.error_ms) else {
        let evidence = "no sample".to_owned();
        return finding(
            "GS-CLOCK",
            Outcome::Inconclusive,
            "The server's clock is not known yet.",
            evidence,
            None,
        );
    };
    let evidence = format!(
        "{offset:+} ms, give or take {error} ms, from {} samples",
        state.clock.samples
    );
    if let Some(doubt) = &state.clock.doubt {
        let fix = "Bid earlier than the last second. It is known better once an answer comes back quickly.";
        return finding("GS-CLOCK", Outcome::Warn, doubt.clone(), evidence, Some(fix));
    }
    if offset.unsigned_abs() > CLOCK_OFF_MS.saturating_add(error) {
        let sentence = "This machine's clock and the server's differ; the countdown is corrected for it.";
        finding(
            "GS-CLOCK",
            Outcome::Warn,
            sentence,
            evidence,
            Some("Let this machine set its clock from the network."),
        )
    } else {
        finding("GS-CLOCK", Outcome::Pass, "The clocks agree.", evidence, None)
    }
}
