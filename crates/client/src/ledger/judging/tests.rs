//! Every case of a bid without an answer.

use serde_json::json;

use super::*;
use crate::state::{Fate, Millis};

/// My bid of £5 on lot 3, Everton.
fn bid() -> LedgerEntry {
    LedgerEntry {
        key: "k".to_owned(),
        auction_id: "a".into(),
        lot: 3,
        club: "Everton FC".to_owned(),
        club_id: Some("everton".into()),
        amount: Money::from_pounds(5),
        fate: Fate::Unknown,
        sentence: String::new(),
        refusal: None,
        sent_at: Millis(0),
        answer_ms: None,
        echo_ms: None,
        pod: None,
        attempts: 1,
        earlier: true,
    }
}

fn seen(status: &str, lot: u32, bids: &serde_json::Value) -> Sight {
    let snapshot = json!({
        "auction": {
            "id": "a", "leagueId": "l", "status": status, "currentLot": lot, "currentClubId": null,
            "currentLotId": null, "timerEndsAt": null, "pausedRemainingTime": null, "currentBid": null,
            "currentBidder": null, "bidSequence": 9
        },
        "bids": bids, "currentClub": null
    });
    Sight::Seen(Box::new(serde_json::from_value(snapshot).unwrap()))
}

/// A bid as it is stored: whose, how much, and its key where the server keeps keys.
fn stored(user: &str, pounds: u32, key: Option<&str>) -> serde_json::Value {
    let mut bid = json!({"userId": user, "amount": pounds});
    if let Some(key) = key {
        bid["clientBidId"] = key.into();
    }
    bid
}

#[allow(clippy::unnecessary_wraps, reason = "as the evidence has it")]
fn history(whole: bool, said: &[(u32, &str, u32, Option<&str>)]) -> Option<History> {
    let bids = said
        .iter()
        .map(|(lot, user, pounds, key)| {
            let mut update = json!({
                "lotId": format!("a-lot-{lot}"), "amount": pounds, "bidder": {"userId": user}, "seq": 1,
                "serverTime": "2026-01-01T00:00:00Z"
            });
            if let Some(key) = key {
                update["clientBidId"] = (*key).into();
            }
            serde_json::from_value(update).unwrap()
        })
        .collect();
    Some(History { bids, whole })
}

/// What became of Everton: its status, its price, its winner's id where the backend says it.
fn clubs(status: &str, price: Option<u32>, winner_id: Option<&str>) -> Option<ClubList> {
    let mut club = json!({
        "id": "everton", "name": "Everton FC", "status": status, "lotNumber": 3, "winner": null, "winningBid": price
    });
    if let Some(winner) = winner_id {
        club["winnerId"] = winner.into();
    }
    let list = json!({
        "clubs": [club],
        "summary": {"totalClubs": 1, "soldClubs": 0, "unsoldClubs": 0, "remainingClubs": 0}
    });
    serde_json::from_value(list).unwrap()
}

/// The managers, and whether I own Everton.
#[allow(clippy::unnecessary_wraps, reason = "as the evidence has it")]
fn managers(mine: bool) -> Option<ParticipantList> {
    let club: &[&str] = &["everton"];
    let none: &[&str] = &[];
    let list = json!({"count": 2, "participants": [
        {"userId": "me", "budgetRemaining": 1, "clubsWon": if mine { club } else { none }},
        {"userId": "you", "budgetRemaining": 1, "clubsWon": if mine { none } else { club }}
    ]});
    Some(serde_json::from_value(list).unwrap())
}

/// Counts, does not, cannot be known, not yet.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Counts,
    Not,
    Undecidable,
    NotYet,
}

fn kind(verdict: &Verdict) -> Kind {
    match verdict {
        Verdict::Counts(_) => Kind::Counts,
        Verdict::DoesNotCount(_) => Kind::Not,
        Verdict::Undecidable(_) => Kind::Undecidable,
        Verdict::NotYet => Kind::NotYet,
    }
}

fn check(what: &str, evidence: &Evidence, early: Kind, last: Kind) {
    for (last_look, expected) in [(false, early), (true, last)] {
        let verdict = judge(&bid(), &"me".into(), evidence, last_look);
        assert_eq!(
            kind(&verdict),
            expected,
            "{what}, last look {last_look}: {verdict:?}"
        );
    }
}

#[test]
fn while_the_lot_is_on_the_block() {
    let on_block = |bids: serde_json::Value| Evidence {
        auction: seen("active", 3, &bids),
        ..Evidence::default()
    };
    let table = [
        ("nothing read", Evidence::default(), Kind::NotYet, Kind::NotYet),
        (
            "gone",
            Evidence {
                auction: Sight::Gone,
                ..Evidence::default()
            },
            Kind::Undecidable,
            Kind::Undecidable,
        ),
        ("no bids", on_block(json!([])), Kind::NotYet, Kind::Not),
        (
            "mine by its key",
            on_block(json!([stored("me", 5, Some("k"))])),
            Kind::Counts,
            Kind::Counts,
        ),
        (
            "mine by its amount",
            on_block(json!([stored("me", 5, None)])),
            Kind::Counts,
            Kind::Counts,
        ),
        (
            "mine, made elsewhere",
            on_block(json!([stored("me", 5, Some("x"))])),
            Kind::NotYet,
            Kind::Not,
        ),
        (
            "somebody else's",
            on_block(json!([stored("you", 5, None)])),
            Kind::NotYet,
            Kind::Not,
        ),
        (
            "another amount",
            on_block(json!([stored("me", 4, None)])),
            Kind::NotYet,
            Kind::Not,
        ),
    ];
    for (what, evidence, early, last) in table {
        check(what, &evidence, early, last);
    }
}

#[test]
fn on_our_own_backend_the_history_decides_once_the_lot_is_over() {
    let over = |history| Evidence {
        auction: seen("active", 4, &json!([stored("me", 5, None)])),
        history,
        ..Evidence::default()
    };
    check(
        "the bids of the next lot say nothing",
        &over(None),
        Kind::NotYet,
        Kind::Undecidable,
    );
    check(
        "it was said",
        &over(history(true, &[(3, "me", 5, Some("k"))])),
        Kind::Counts,
        Kind::Counts,
    );
    check(
        "it was said, and the beginning is gone",
        &over(history(false, &[(3, "me", 5, Some("k"))])),
        Kind::Counts,
        Kind::Counts,
    );
    check(
        "it never was",
        &over(history(true, &[(3, "you", 5, Some("y")), (2, "me", 5, None)])),
        Kind::Not,
        Kind::Not,
    );
    check(
        "the beginning is gone",
        &over(history(false, &[(3, "you", 6, Some("y"))])),
        Kind::NotYet,
        Kind::Undecidable,
    );
}

#[test]
fn elsewhere_only_the_result_is_left() {
    let over = |clubs, managers| Evidence {
        auction: seen("completed", 3, &json!([])),
        clubs,
        managers,
        ..Evidence::default()
    };
    let table = [
        (
            "won at my price",
            over(clubs("sold", Some(5), None), managers(true)),
            Kind::Counts,
        ),
        (
            "won at another price",
            over(clubs("sold", Some(6), None), managers(true)),
            Kind::Undecidable,
        ),
        (
            "outbid",
            over(clubs("sold", Some(6), None), managers(false)),
            Kind::Undecidable,
        ),
        (
            "sold for less",
            over(clubs("sold", Some(4), None), managers(false)),
            Kind::Not,
        ),
        (
            "not sold",
            over(clubs("unsold", None, None), managers(false)),
            Kind::Not,
        ),
        (
            "won, by the winner's id",
            over(clubs("sold", Some(5), Some("me")), None),
            Kind::Counts,
        ),
        (
            "lost, by the winner's id",
            over(clubs("sold", Some(4), Some("you")), None),
            Kind::Not,
        ),
        // The list is made from bids and can name one that came after the hammer: what is owned is what counts.
        (
            "the list says mine, the roster does not",
            over(clubs("sold", Some(5), Some("me")), managers(false)),
            Kind::Undecidable,
        ),
        (
            "sold, nobody knows to whom",
            over(clubs("sold", Some(4), None), None),
            Kind::Undecidable,
        ),
    ];
    for (what, evidence, expected) in table {
        let verdict = judge(&bid(), &"me".into(), &evidence, false);
        assert_eq!(kind(&verdict), expected, "{what}: {verdict:?}");
    }
    check(
        "offered again",
        &over(clubs("current", None, None), managers(false)),
        Kind::NotYet,
        Kind::Undecidable,
    );
    check("nothing read", &over(None, None), Kind::NotYet, Kind::Undecidable);
}

#[test]
fn an_auction_that_began_anew_says_nothing_of_then() {
    let evidence = Evidence {
        auction: seen("waiting", 0, &json!([])),
        ..Evidence::default()
    };
    check("reset", &evidence, Kind::Undecidable, Kind::Undecidable);
}
