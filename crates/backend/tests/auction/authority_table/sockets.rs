//! Every call over a socket.

use gavelscope_backend::SOCKET_CALLS;
use serde_json::{Value, json};

use super::{Stage, Table, Who};
use crate::common::Socket;

/// How a refusal over a socket begins; there it is a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Ok,
    No(&'static str),
}

use Cell::{No, Ok};

/// A socket without a good token. Shown at the handshake it counts as none; shown with the call it is named as bad.
const UNKNOWN: Cell = No("Authentication required");
const NOT_YOU: Cell = No("The request names another user");
const OUTSIDE: Cell = No("User is not a participant");

struct Row {
    call: &'static str,
    /// Before it, this, which has to be done by whoever may.
    first: Option<&'static str>,
    says: fn(&Table, Who) -> Value,
    /// As another, participant, commissioner, other league; whoever is not signed in is refused everywhere.
    cells: [Cell; 4],
}

fn league(table: &Table, _: Who) -> Value {
    json!({"leagueId": table.hall.league})
}

fn auction(table: &Table, who: Who) -> Value {
    json!({"auctionId": table.hall.auction, "userId": table.named(who)})
}

fn probe(_: &Table, _: Who) -> Value {
    json!({"probeId": "p-1", "nonce": "n-1"})
}

fn rows() -> Vec<Row> {
    let row = |call, says, cells| Row {
        call,
        first: None,
        says,
        cells,
    };
    vec![
        row("join_auction", auction, [NOT_YOU, Ok, Ok, OUTSIDE]),
        row("join_league_room", league, [Ok, Ok, Ok, OUTSIDE]),
        // Leaving does no harm to others; what it tells is looked at below.
        row("leave_auction", auction, [Ok; 4]),
        row("leave_league", league, [Ok; 4]),
        row(
            "rejoin_rooms",
            |table, who| json!({"userId": table.named(who)}),
            [NOT_YOU, Ok, Ok, Ok],
        ),
        row("join_probe_room", probe, [Ok; 4]),
        Row {
            first: Some("join_probe_room"),
            ..row("probe", probe, [Ok; 4])
        },
    ]
}

#[test]
fn every_call_of_a_socket_has_its_row() {
    let mut served = SOCKET_CALLS.to_vec();
    let mut listed: Vec<_> = rows().iter().map(|row| row.call).collect();
    served.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, served, "a call without a row, or a row without a call");
}

/// Where a token is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    AtTheHandshake,
    WithTheCall,
}

#[tokio::test]
async fn every_cell_is_as_the_table_says() {
    let table = Table::at(Stage::Begun).await;
    for row in rows() {
        let unknown = std::iter::repeat_n(UNKNOWN, 6);
        for (who, expected) in Who::ALL.into_iter().zip(unknown.chain(row.cells)) {
            for shown in [Shown::AtTheHandshake, Shown::WithTheCall] {
                check(&table, &row, who, expected, shown).await;
            }
        }
    }
}

async fn check(table: &Table, row: &Row, who: Who, expected: Cell, shown: Shown) {
    let token = table.token(who);
    let auth = match shown {
        Shown::AtTheHandshake => json!({"token": token}),
        Shown::WithTheCall => json!({}),
    };
    let mut socket = Socket::open(&table.hall.url, auth).await;
    let payload = |of: fn(&Table, Who) -> Value| {
        let mut payload = of(table, who);
        if shown == Shown::WithTheCall && token.is_some() {
            payload["token"] = json!(token);
        }
        payload
    };
    if let Some(first) = row.first {
        let ack = socket.call(first, payload(row.says)).await;
        assert_eq!(
            ack["ok"],
            expected == Ok,
            "{first} by {who:?} before {}: {ack}",
            row.call
        );
    }
    let ack = socket.call(row.call, payload(row.says)).await;
    let error = ack["error"].as_str().unwrap_or_default();
    let place = format!("{} by {who:?}, token {shown:?}: {ack}", row.call);
    match expected {
        Ok => assert_eq!(ack["ok"], true, "{place}"),
        No(sentence) => {
            assert_eq!(ack["ok"], false, "{place}");
            let bad_token = shown == Shown::WithTheCall && expected == UNKNOWN && who != Who::NoToken;
            let sentence = if bad_token {
                "Invalid authentication token"
            } else {
                sentence
            };
            // A probe never gets as far as to be asked who it is from.
            let sentence = if row.call == "probe" {
                "Join the probe room first"
            } else {
                sentence
            };
            assert!(error.starts_with(sentence), "{place}");
        }
    }
    // Of a room that it was never let into, nobody is told how many are in it.
    if row.call.starts_with("leave") || expected != Ok {
        assert_eq!(
            (&ack["roomSize"], &ack["clusterRoomSize"]),
            (&Value::Null, &Value::Null),
            "{place}"
        );
    }
    socket.close().await;
}
