//! `docs/transports.md` says what the suite expects, in a table that is held to it.

use crate::acks::{ANSWERED_OUT_OF_ORDER, ANSWERS_CHECKS, OUTLIVES_SILENCE};
use crate::floods::HOLDS_BACK;
use crate::losses::{BREAKS, LEAVINGS, Told};
use crate::payloads::{EVENTS, Kind, Seen};
use crate::refusals::TELLS_WHY;
use crate::way::Each;

/// A row: the behaviour, and a cell for each way.
fn row(behaviour: &str, cells: &Each<String>) -> String {
    format!("| {behaviour} | {} |", cells.join(" | "))
}

fn choice(values: Each<bool>, yes: &str, no: &str) -> Each<String> {
    values.map(|value| if value { yes } else { no }.to_owned())
}

fn seen(seen: Seen) -> String {
    match seen {
        Seen::Whole => "arrives",
        Seen::Mangled => "arrives as something else",
        Seen::Counted => "is counted and shown as undecodable",
        Seen::Vanishes => "**is lost, and nobody is told**",
        Seen::Unreadable => "**ends the connection**, told as that",
        Seen::EndsTheLink => "**ends the connection**",
    }
    .to_owned()
}

fn told(told: Told) -> &'static str {
    match told {
        Told::ClosedByServer => "closed by the server",
        Told::Broke => "broken",
        Told::UnknownSession => "unknown session",
    }
}

/// Kinds with the same cells share a row.
fn events() -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, Each<Seen>)> = Vec::new();
    for Kind { what, seen, .. } in EVENTS {
        match groups.iter_mut().find(|(_, cells)| cells == seen) {
            Some((kinds, _)) => kinds.push(what),
            None => groups.push((vec![what], *seen)),
        }
    }
    groups
        .iter()
        .map(|(kinds, cells)| row(&format!("an event: {}", kinds.join("; ")), &cells.map(seen)))
        .collect()
}

fn rows() -> Vec<String> {
    let same = |text: &str| [(); 3].map(|()| text.to_owned());
    let mut rows = events();
    rows.extend([
        row(
            "what is sent: every kind of JSON, up to 900 kB",
            &same("arrives, and its answer comes back"),
        ),
        row(
            "a slow answer",
            &choice(
                ANSWERED_OUT_OF_ORDER,
                "holds nothing up",
                "holds up the next question",
            ),
        ),
        row(
            "an answer that never comes (no handler)",
            &choice(
                OUTLIVES_SILENCE,
                "is told; the connection goes on",
                "is told; the connection is given up",
            ),
        ),
        row(
            "10,000 events at once, read",
            &choice(
                HOLDS_BACK,
                "all, in order",
                "in order; what is dropped is counted",
            ),
        ),
        row(
            "10,000 events at once, not read",
            &same("bounded, in order; what is dropped is counted"),
        ),
        row(
            "the server refuses the sign-in",
            &choice(TELLS_WHY, "told with its reason", "told"),
        ),
        row(
            "the server or a proxy refuses websockets",
            &["told as that", "told as that", "connects"].map(str::to_owned),
        ),
        row(
            "a balancer that deals requests out to pods in turn",
            &["connects", "connects", "**cannot work**, told as that"].map(str::to_owned),
        ),
        row(
            "a check of the link that costs the server nothing",
            &choice(ANSWERS_CHECKS, "a websocket ping", "none"),
        ),
    ]);
    for leaving in LEAVINGS {
        let cells = leaving.told.map(|words| {
            let words: Vec<&str> = words.iter().map(|word| told(*word)).collect();
            words.join(" or ")
        });
        rows.push(row(leaving.what, &cells));
    }
    rows.push(row(
        "the server is killed, or TCP is cut",
        &BREAKS.map(|word| told(word).to_owned()),
    ));
    rows.push(row(
        "nothing comes through any more",
        &BREAKS.map(|word| format!("{}, when the heartbeat is overdue", told(word))),
    ));
    rows
}

#[test]
fn the_documentation_says_what_the_suite_expects() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/transports.md");
    let text = std::fs::read_to_string(path).unwrap();
    let written: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("| behaviour "))
        // The head and the line under it.
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let rows = rows();
    assert_eq!(
        written,
        rows,
        "the table of docs/transports.md should be:\n{}",
        rows.join("\n")
    );
}
