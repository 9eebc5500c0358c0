//! What may follow what, and which word of a bid belongs to which entry.

use gavelscope_contract::auction::Bidder;
use gavelscope_contract::{LotId, RefusalCode, Timestamp};

use super::*;

fn ledger_with(key: &str, fate: Fate) -> Ledger {
    let mut ledger = Ledger::default();
    let draft = Draft {
        key: key.into(),
        auction_id: "a".into(),
        lot: 1,
        club: "Everton FC".into(),
        club_id: Some("c".into()),
        amount: Money::from_pounds(5),
    };
    ledger.draft(draft, Millis(100));
    if fate != Fate::Draft {
        ledger.sent(key, Millis(100));
    }
    match fate {
        Fate::Draft | Fate::Sent => {}
        Fate::Accepted => ledger.accepted(key, answered(10)),
        Fate::Unknown => ledger.unknown(key, None),
        Fate::Refused => ledger.refused(key, &Refusal::read(400, "{\"detail\":\"No\"}"), answered(10)),
        Fate::NotStored => ledger.judged(key, &Verdict::DoesNotCount("not there".into())),
        Fate::Undecidable => {
            ledger.unknown(key, None);
            ledger.judged(key, &Verdict::Undecidable("too late to tell".into()));
        }
        Fate::Confirmed => {
            drop(ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130)));
        }
    }
    assert_eq!(ledger.get(key).unwrap().fate, fate);
    ledger
}

fn answered(took_ms: u32) -> Answered {
    Answered {
        took_ms,
        ..Answered::default()
    }
}

fn update(user: &str, pounds: u32, key: Option<&str>) -> BidUpdate {
    BidUpdate {
        lot_id: LotId::new(&"a".into(), 1),
        amount: Money::from_pounds(pounds),
        bidder: Bidder {
            user_id: user.into(),
            display_name: None,
        },
        seq: 1,
        server_time: Timestamp::from_millis(0),
        client_bid_id: key.map(Into::into),
        stream: None,
    }
}

#[test]
fn an_echo_confirms_and_is_timed_once() {
    for fate in [Fate::Sent, Fate::Accepted, Fate::Unknown, Fate::NotStored] {
        let mut ledger = ledger_with("k", fate);
        let first = ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130));
        assert_eq!(first.as_deref(), Some("k"), "{fate:?}");
        assert_eq!(
            ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(190)),
            None
        );
        let entry = ledger.get("k").unwrap();
        assert_eq!(
            (entry.fate, entry.echo_ms),
            (Fate::Confirmed, Some(30)),
            "{fate:?}"
        );
    }
}

#[test]
fn the_answer_after_the_echo_takes_nothing_back() {
    let mut ledger = ledger_with("k", Fate::Confirmed);
    ledger.accepted("k", answered(77));
    ledger.unknown("k", None);
    let entry = ledger.get("k").unwrap();
    assert_eq!((entry.fate, entry.answer_ms), (Fate::Confirmed, Some(77)));
}

#[test]
fn somebody_elses_bid_of_the_same_amount_confirms_nothing() {
    let mut ledger = ledger_with("k", Fate::Sent);
    assert_eq!(
        ledger.echo(&"a".into(), &update("you", 5, None), &"me".into(), Millis(130)),
        None
    );
    assert_eq!(ledger.get("k").unwrap().fate, Fate::Sent);
}

#[test]
fn a_stored_bid_confirms_one_entry_and_not_the_next_one_of_its_amount() {
    for told in [Fate::Accepted, Fate::Confirmed] {
        let mut ledger = ledger_with("taken", told);
        let draft = Draft {
            key: "again".into(),
            auction_id: "a".into(),
            lot: 1,
            club: "Everton FC".into(),
            club_id: Some("c".into()),
            amount: Money::from_pounds(5),
        };
        ledger.draft(draft, Millis(200));
        ledger.sent("again", Millis(200));
        let bid: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
        ledger.seen_in_snapshot(&"a".into(), 1, &[bid], &"me".into());
        ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(230));
        let fate = |ledger: &Ledger, key| ledger.get(key).unwrap().fate;
        assert_eq!(
            (fate(&ledger, "taken"), fate(&ledger, "again")),
            (Fate::Confirmed, Fate::Sent),
            "{told:?}"
        );
        let refusal = Refusal::read(400, r#"{"detail":"You are already the highest bidder"}"#);
        ledger.refused("again", &refusal, answered(10));
        assert_eq!(fate(&ledger, "again"), Fate::Refused);
    }
}

#[test]
fn two_stored_bids_of_one_amount_confirm_two_entries() {
    let mut ledger = ledger_with("one", Fate::Confirmed);
    let draft = Draft {
        key: "other".into(),
        auction_id: "a".into(),
        lot: 1,
        club: "Everton FC".into(),
        club_id: Some("c".into()),
        amount: Money::from_pounds(5),
    };
    ledger.draft(draft, Millis(200));
    ledger.sent("other", Millis(200));
    ledger.accepted("other", answered(10));
    let bid: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
    ledger.seen_in_snapshot(&"a".into(), 1, std::slice::from_ref(&bid), &"me".into());
    assert_eq!(ledger.get("other").unwrap().fate, Fate::Accepted);
    ledger.seen_in_snapshot(&"a".into(), 1, &[bid.clone(), bid], &"me".into());
    assert_eq!(ledger.get("other").unwrap().fate, Fate::Confirmed);
}

#[test]
fn an_accepted_bid_counts_until_it_is_seen() {
    for (fate, accepted) in [
        (Fate::Sent, None),
        (Fate::Unknown, None),
        (Fate::Refused, None),
        (Fate::Accepted, Some(Money::from_pounds(5))),
        (Fate::Confirmed, None),
    ] {
        let ledger = ledger_with("k", fate);
        assert_eq!(ledger.accepted_on(&"a".into(), 1), accepted, "{fate:?}");
        assert_eq!(ledger.accepted_on(&"a".into(), 2), None, "another lot");
    }
}

#[test]
fn a_bid_that_never_left_is_not_confirmed_by_another_one_of_its_amount() {
    // The other one is so old that it was forgotten here.
    let mut ledger = ledger_with("unsent", Fate::Sent);
    ledger.not_sent("unsent", "the server could not be reached");
    let bid: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
    ledger.seen_in_snapshot(&"a".into(), 1, &[bid], &"me".into());
    ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(230));
    assert_eq!(ledger.get("unsent").unwrap().fate, Fate::NotStored);
}

#[test]
fn what_is_found_of_a_bid_without_an_answer_is_not_the_other_one_of_its_amount() {
    let mut ledger = ledger_with("taken", Fate::Confirmed);
    let draft = Draft {
        key: "again".into(),
        auction_id: "a".into(),
        lot: 1,
        club: "Everton FC".into(),
        club_id: Some("c".into()),
        amount: Money::from_pounds(5),
    };
    ledger.draft(draft, Millis(200));
    ledger.sent("again", Millis(200));
    ledger.unknown("again", None);
    ledger.judged("again", &Verdict::Counts("the server has it".into()));
    assert_eq!(ledger.get("again").unwrap().fate, Fate::NotStored);
}

#[test]
fn a_refused_bid_is_not_mistaken_for_the_repeat_that_was_taken() {
    let mut ledger = ledger_with("refused", Fate::Refused);
    let draft = Draft {
        key: "again".into(),
        auction_id: "a".into(),
        lot: 1,
        club: "Everton FC".into(),
        club_id: Some("c".into()),
        amount: Money::from_pounds(5),
    };
    ledger.draft(draft, Millis(200));
    ledger.sent("again", Millis(200));
    assert_eq!(
        ledger
            .echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(230))
            .as_deref(),
        Some("again")
    );
    assert_eq!(ledger.get("refused").unwrap().refusal, Some(RefusalCode::Other));
}

#[test]
fn a_bid_found_in_a_snapshot_is_confirmed() {
    let mut ledger = ledger_with("k", Fate::Unknown);
    let bid: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
    ledger.seen_in_snapshot(&"a".into(), 1, &[bid], &"me".into());
    assert_eq!(ledger.get("k").unwrap().fate, Fate::Confirmed);
}

#[test]
fn no_open_bid_is_ever_forgotten() {
    let mut ledger = ledger_with("open", Fate::Unknown);
    for n in 0..1_000 {
        let key = format!("k{n}");
        let draft = Draft {
            key: key.clone(),
            auction_id: "a".into(),
            lot: 1,
            club: String::new(),
            club_id: None,
            amount: Money::from_pounds(n),
        };
        ledger.draft(draft, Millis(1));
        ledger.sent(&key, Millis(1));
        ledger.accepted(&key, answered(1));
    }
    assert!(ledger.get("open").is_some());
    assert_eq!(ledger.entries().count(), Ledger::KEPT);
}

#[test]
fn a_forgotten_bid_confirms_no_other_one_of_its_amount() {
    let mut ledger = ledger_with("forgotten", Fate::Confirmed);
    let mut bid = |key: &str, pounds| {
        let draft = Draft {
            key: key.to_owned(),
            auction_id: "a".into(),
            lot: 1,
            club: String::new(),
            club_id: None,
            amount: Money::from_pounds(pounds),
        };
        ledger.draft(draft, Millis(1));
        ledger.sent(key, Millis(1));
    };
    for n in 0..300 {
        bid(&format!("k{n}"), 1_000 + n);
    }
    bid("again", 5);
    assert!(ledger.get("forgotten").is_none(), "the others are open");
    ledger.unknown("again", None);
    let stored: Bid = serde_json::from_str(r#"{"userId":"me","amount":5.0}"#).unwrap();
    ledger.seen_in_snapshot(&"a".into(), 1, std::slice::from_ref(&stored), &"me".into());
    ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(230));
    assert_eq!(ledger.get("again").unwrap().fate, Fate::Unknown);
    ledger.judged("again", &Verdict::Counts("the server has it".into()));
    assert_eq!(ledger.get("again").unwrap().fate, Fate::NotStored);
    ledger.seen_in_snapshot(&"a".into(), 1, &[stored.clone(), stored], &"me".into());
    assert_eq!(
        ledger.get("again").unwrap().fate,
        Fate::Confirmed,
        "two are stored"
    );
}

const ALL: [Fate; 8] = [
    Fate::Draft,
    Fate::Sent,
    Fate::Unknown,
    Fate::Refused,
    Fate::Accepted,
    Fate::Confirmed,
    Fate::NotStored,
    Fate::Undecidable,
];

/// A word of a bid that comes from somewhere.
type Word<'a> = &'a dyn Fn(&mut Ledger);

/// Every word that can come, put to an entry of every fate.
#[test]
fn a_fate_only_moves_forward_whatever_word_comes() {
    let no = Refusal::read(400, r#"{"detail":"Bid must exceed current bid"}"#);
    let words: [(&str, Word); 8] = [
        ("sent", &|l| l.sent("k", Millis(200))),
        ("accepted", &|l| l.accepted("k", answered(9))),
        ("refused", &|l| l.refused("k", &no, answered(9))),
        ("not sent", &|l| l.not_sent("k", "no network")),
        ("unknown", &|l| l.unknown("k", None)),
        ("absent", &|l| {
            l.judged("k", &Verdict::DoesNotCount("not there".into()));
        }),
        ("undecidable", &|l| {
            l.judged("k", &Verdict::Undecidable("over".into()));
        }),
        ("echo", &|l| {
            l.echo(
                &"a".into(),
                &update("me", 5, Some("k")),
                &"me".into(),
                Millis(300),
            );
        }),
    ];
    for before in ALL {
        for (word, say) in &words {
            let mut ledger = ledger_with("k", before);
            ledger.take_moves();
            say(&mut ledger);
            let after = ledger.get("k").unwrap().fate;
            assert!(
                after == before || (may_follow(before, after) && standing(after) > standing(before)),
                "{before:?} and then {word}: {after:?}"
            );
            if after != before {
                let moves = ledger.take_moves();
                assert_eq!(
                    moves.last().map(|entry| entry.fate),
                    Some(after),
                    "{word} is handed on"
                );
                assert!(moves.last().unwrap().sentence.contains("£5"), "{moves:?}");
            }
        }
    }
}

#[test]
fn what_may_follow_stands_higher() {
    for now in ALL {
        for next in ALL {
            if may_follow(now, next) {
                assert!(standing(now) < standing(next), "{now:?} {next:?}");
            }
        }
        assert!(!may_follow(Fate::Confirmed, now) && !may_follow(Fate::Refused, now));
    }
}

#[test]
fn every_move_is_handed_on_once_and_in_order() {
    let mut ledger = ledger_with("k", Fate::Accepted);
    ledger.echo(
        &"a".into(),
        &update("me", 5, Some("k")),
        &"me".into(),
        Millis(130),
    );
    let fates: Vec<Fate> = ledger.take_moves().iter().map(|entry| entry.fate).collect();
    assert_eq!(fates, [Fate::Draft, Fate::Sent, Fate::Accepted, Fate::Confirmed]);
    assert_eq!(ledger.take_moves(), []);
}

#[test]
fn what_an_earlier_run_left_open_is_unknown_and_what_it_decided_is_not_taken_in() {
    for before in ALL {
        let left = ledger_with("k", before).get("k").unwrap().clone();
        let mut ledger = Ledger::default();
        ledger.take_in(left.clone());
        ledger.take_in(left);
        if is_open(before) {
            let entry = ledger.get("k").unwrap();
            assert_eq!((entry.fate, entry.earlier), (Fate::Unknown, true), "{before:?}");
            assert!(
                entry.sentence.contains("before the application ended"),
                "{entry:?}"
            );
            assert_eq!(ledger.entries().count(), 1, "once");
        } else {
            assert_eq!(ledger.entries().count(), 0, "{before:?}");
        }
    }
}

#[test]
fn an_echo_of_an_earlier_bid_is_not_timed() {
    let mut ledger = Ledger::default();
    ledger.take_in(ledger_with("k", Fate::Sent).get("k").unwrap().clone());
    let first = ledger.echo(
        &"a".into(),
        &update("me", 5, Some("k")),
        &"me".into(),
        Millis(9_000_000),
    );
    let entry = ledger.get("k").unwrap();
    assert_eq!((first, entry.fate, entry.echo_ms), (None, Fate::Confirmed, None));
}

#[test]
fn a_bid_with_another_key_is_another_bid() {
    let mut ledger = ledger_with("k", Fate::Unknown);
    ledger.echo(
        &"a".into(),
        &update("me", 5, Some("made elsewhere")),
        &"me".into(),
        Millis(130),
    );
    assert_eq!(ledger.get("k").unwrap().fate, Fate::Unknown);
    assert!(!ledger.server_honours_keys());
}

#[test]
fn a_server_honours_keys_once_it_carried_one_of_mine_back() {
    let mut silent = ledger_with("k", Fate::Sent);
    silent.accepted("k", answered(9));
    silent.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130));
    assert!(!silent.server_honours_keys(), "the field's backend never does");
    let mut by_echo = ledger_with("k", Fate::Sent);
    by_echo.echo(
        &"a".into(),
        &update("me", 5, Some("k")),
        &"me".into(),
        Millis(130),
    );
    assert!(by_echo.server_honours_keys());
    let mut by_answer = ledger_with("k", Fate::Sent);
    let carried = |key: &str| Answered {
        key: Some(key.into()),
        ..answered(9)
    };
    by_answer.accepted("k", carried("another"));
    assert!(!by_answer.server_honours_keys());
    let mut by_answer = ledger_with("k", Fate::Sent);
    by_answer.accepted("k", carried("k"));
    assert!(by_answer.server_honours_keys());
}

#[test]
fn a_second_request_that_fails_says_nothing_about_the_first() {
    let refusals = [
        (401, r#"{"detail":"Authentication required"}"#, Fate::Unknown),
        (429, r#"{"detail":"slow down"}"#, Fate::Unknown),
        (404, r#"{"detail":"Auction not found"}"#, Fate::Unknown),
        (
            400,
            r#"{"detail":"You are already the highest bidder"}"#,
            Fate::Unknown,
        ),
        (400, r#"{"detail":"Bid must exceed current bid"}"#, Fate::Refused),
        (409, r#"{"detail":"…","code":"price_moved"}"#, Fate::Refused),
    ];
    for (status, body, fate) in refusals {
        let mut ledger = ledger_with("k", Fate::Unknown);
        ledger.sent("k", Millis(300));
        ledger.not_sent("k", "nobody answers");
        assert_eq!(ledger.get("k").unwrap().fate, Fate::Unknown);
        ledger.refused("k", &Refusal::read(status, body), answered(9));
        let entry = ledger.get("k").unwrap();
        assert_eq!((entry.fate, entry.attempts), (fate, 2), "{status} {body}");
    }
}

#[test]
fn a_bid_on_a_lot_that_is_over_holds_nothing_up() {
    let ledger = ledger_with("k", Fate::Unknown);
    assert!(ledger.open_on(&"a".into(), 1));
    assert!(!ledger.open_on(&"a".into(), 2));
    assert!(!ledger.open_on(&"b".into(), 1));
}

/// The field's backend takes bids after the hammer, shows them, and loses them (contract, section 4, 5).
#[test]
fn a_bid_above_the_hammer_does_not_count_whatever_it_is_answered() {
    let late = [(Some(4), true), (Some(5), false), (Some(6), false), (None, true)];
    for (price, is_late) in late {
        for before in [Fate::Sent, Fate::Unknown, Fate::Accepted] {
            let mut ledger = ledger_with("k", before);
            ledger.hammer(&"a".into(), 1, price.map(Money::from_pounds));
            ledger.accepted("k", answered(9));
            ledger.echo(&"a".into(), &update("me", 5, None), &"me".into(), Millis(130));
            let entry = ledger.get("k").unwrap();
            let expected = if is_late { Fate::NotStored } else { Fate::Confirmed };
            assert_eq!(entry.fate, expected, "{before:?}, hammer at {price:?}: {entry:?}");
            assert_eq!(
                entry.sentence.contains("the hammer had fallen"),
                is_late,
                "{entry:?}"
            );
        }
    }
}

#[test]
fn a_lot_that_is_offered_again_has_no_hammer_yet() {
    let mut ledger = ledger_with("k", Fate::Sent);
    ledger.hammer(&"b".into(), 1, None);
    ledger.hammer(&"a".into(), 2, None);
    ledger.hammers.insert(("a".into(), 1), None);
    ledger.lot_started(&"a".into(), 1);
    ledger.accepted("k", answered(9));
    assert_eq!(ledger.get("k").unwrap().fate, Fate::Accepted);
}
