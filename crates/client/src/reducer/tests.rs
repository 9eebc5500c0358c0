use gavelscope_contract::auction::{AuctionSnapshot, ClubList, ClubStatus, EventPage};
use gavelscope_contract::league::ParticipantList;
use gavelscope_contract::{Money, Received, UserId};
use serde_json::{Value, json};

use super::*;

fn heard(state: &mut AuctionState, name: &str, payload: Value) -> Vec<Effect> {
    at(state, 1, name, payload)
}

fn at(state: &mut AuctionState, now: i64, name: &str, payload: Value) -> Vec<Effect> {
    let received = Received::from_value(name, Some(payload));
    event(state, received.event().unwrap(), Millis(now))
}

fn timer(lot: u32, ends_at: i64, server_now: i64) -> Value {
    json!({"lotId": format!("a-lot-{lot}"), "seq": 1, "endsAt": ends_at, "serverNow": server_now})
}

fn started(lot: u32, club: &str) -> Value {
    json!({"club": {"id": club, "name": club}, "lotNumber": lot, "timer": timer(lot, 10_000, 0)})
}

fn bid(seq: u64, user: &str, pounds: u32) -> Value {
    json!({"lotId": "a-lot-1", "amount": pounds, "bidder": {"userId": user}, "seq": seq,
        "serverTime": "2026-11-23T01:25:04Z"})
}

fn placed(mut payload: Value, epoch: &str, seq: u64) -> Value {
    payload["stream"] = json!({"epoch": epoch, "seq": seq});
    payload
}

fn read(lot: u32, status: &str, sequence: u64, extra: &Value) -> AuctionSnapshot {
    let mut auction = json!({"id": "a", "leagueId": "l", "status": status, "currentLot": lot,
        "currentClubId": "c", "currentLotId": null, "timerEndsAt": "1970-01-01T00:00:10Z",
        "pausedRemainingTime": null, "currentBid": null, "currentBidder": null, "bidSequence": sequence});
    let mut answer = json!({"bids": [], "currentClub": null});
    for (name, value) in extra.as_object().unwrap() {
        match name.as_str() {
            "stream" | "bids" => answer[name] = value.clone(),
            _ => auction[name] = value.clone(),
        }
    }
    answer["auction"] = auction;
    serde_json::from_value(answer).unwrap()
}

/// Lot 1 is open, and nothing is missing.
fn open() -> AuctionState {
    let mut state = AuctionState::new("a".into());
    state.sync = Sync::Fresh;
    heard(&mut state, "lot_started", started(1, "c"));
    state
}

fn price(state: &AuctionState) -> Option<Money> {
    state.lot.as_ref().and_then(|lot| lot.price)
}

fn listed(status: &str, winner: &str) -> ClubList {
    serde_json::from_value(json!({
        "clubs": [{"id": "c", "name": "C", "status": status, "lotNumber": 1, "winner": winner, "winningBid": 9}],
        "summary": {"totalClubs": 1, "soldClubs": 1, "unsoldClubs": 0, "remainingClubs": 0}
    }))
    .unwrap()
}

fn after(sold: Value) -> AuctionState {
    let mut state = open();
    heard(&mut state, "sold", sold);
    // The next sale must not make the one before forgotten.
    heard(
        &mut state,
        "sold",
        json!({"clubId": "d", "winningBid": {"userId": "v", "amount": 1}}),
    );
    state
}

#[test]
fn a_list_that_names_a_late_bid_does_not_overrule_the_hammer() {
    let mut state = after(
        json!({"clubId": "c", "winningBid": {"userId": "u", "userName": "U", "amount": 8}, "unsold": false}),
    );
    let told = state.clubs_told;
    clubs(&mut state, &listed("sold", "Late"), told);
    let club = &state.clubs[0];
    assert_eq!(
        (club.status, club.winner.as_deref(), club.winning_bid),
        (ClubStatus::Sold, Some("U"), Some(Money::from_pounds(8)))
    );
}

#[test]
fn a_list_that_sells_what_the_hammer_did_not_sell_is_not_believed() {
    let mut state = after(json!({"clubId": "c", "winningBid": null, "unsold": true}));
    let told = state.clubs_told;
    clubs(&mut state, &listed("sold", "Late"), told);
    let club = &state.clubs[0];
    assert_eq!(
        (club.status, club.winner.as_deref(), club.winning_bid),
        (ClubStatus::Unsold, None, None)
    );
}

#[test]
fn managers_that_were_asked_for_before_a_hammer_are_asked_for_again() {
    let list = |budget: u32| -> ParticipantList {
        serde_json::from_value(
            json!({"count": 1, "participants": [{"userId": "u", "budgetRemaining": budget}]}),
        )
        .unwrap()
    };
    let mut state = after(json!({"clubId": "c", "winningBid": null, "unsold": true}));
    let told = state.managers_told;
    heard(
        &mut state,
        "sold",
        json!({"clubId": "e", "winningBid": {"userId": "u", "amount": 8},
            "participants": [{"userId": "u", "budgetRemaining": 12}]}),
    );
    assert_eq!(participants(&mut state, &list(20), told), [Effect::Participants]);
    assert_eq!(state.participants[0].budget_remaining, Money::from_pounds(12));
    let told = state.managers_told;
    assert_eq!(participants(&mut state, &list(11), told), []);
    assert_eq!(state.participants[0].budget_remaining, Money::from_pounds(11));
}

#[test]
fn a_lower_bid_that_was_accepted_after_a_higher_one_is_shown_as_what_it_is() {
    let mut state = open();
    heard(&mut state, "bid_update", bid(1, "u", 10));
    heard(&mut state, "bid_update", bid(2, "v", 9));
    assert_eq!(price(&state), Some(Money::from_pounds(10)));
    let below: Vec<bool> = state.lot.unwrap().bids.iter().map(|bid| bid.below).collect();
    assert_eq!(below, [false, true]);
}

#[test]
fn a_bid_after_the_hammer_changes_no_price() {
    let mut state = open();
    heard(&mut state, "bid_update", bid(1, "u", 10));
    let sold = json!({"clubId": "c", "winningBid": {"userId": "u", "amount": 10}, "timer": timer(1, 10_000, 10_000)});
    heard(&mut state, "sold", sold.clone());
    heard(&mut state, "bid_update", bid(2, "v", 11));
    let late =
        json!({"bids": [{"userId": "u", "amount": 10}, {"userId": "v", "amount": 11}], "currentBid": 11});
    snapshot(&mut state, &read(1, "active", 2, &late), Millis(5), Millis(6));
    let lot = state.lot.as_ref().unwrap();
    assert_eq!(
        (lot.price, &lot.leader),
        (Some(Money::from_pounds(10)), &Some(UserId::from("u")))
    );
    assert!(lot.bids[1].below && state.phase == AuctionPhase::Between);
    let before = state.clone();
    heard(&mut state, "sold", sold);
    assert_eq!(state.last_sale, before.last_sale, "said once more");
}

#[test]
fn a_hammer_of_the_first_offer_does_not_fall_on_the_second() {
    let mut state = open();
    let unsold =
        json!({"clubId": "c", "winningBid": null, "unsold": true, "timer": timer(1, 10_000, 10_000)});
    heard(&mut state, "sold", unsold.clone());
    let mut again = started(2, "c");
    again["isUnsoldRetry"] = true.into();
    heard(&mut state, "lot_started", again);
    heard(&mut state, "sold", unsold);
    assert_eq!(state.phase, AuctionPhase::Bidding);
    // Without a lot in it, it could be of either.
    let effects = heard(
        &mut state,
        "sold",
        json!({"clubId": "c", "winningBid": null, "unsold": true}),
    );
    assert!(effects.contains(&Effect::Snapshot));
    assert_eq!(state.phase, AuctionPhase::Bidding);
}

#[test]
fn a_clock_never_goes_back_and_a_pause_from_before_a_resume_is_not_believed() {
    let mut state = open();
    heard(&mut state, "auction_paused", json!({"remainingTime": 4.0}));
    assert_eq!(state.phase, AuctionPhase::Paused);
    let resumed = json!({"newEndTime": "1970-01-01T00:00:30Z", "remainingTime": 4.0});
    heard(&mut state, "auction_resumed", resumed.clone());
    assert_eq!(state.phase, AuctionPhase::Bidding);
    heard(&mut state, "tick", timer(1, 10_000, 5_900));
    assert_eq!(
        state.lot.as_ref().unwrap().ends_at,
        Some(30_000),
        "a tick from before the pause"
    );
    let effects = heard(&mut state, "auction_paused", json!({"remainingTime": 4.0}));
    assert!(effects.contains(&Effect::Snapshot) && state.phase == AuctionPhase::Bidding);
    // The same resume once more, after another pause.
    state.sync = Sync::Fresh;
    heard(&mut state, "auction_paused", json!({"remainingTime": 2.0}));
    assert_eq!(state.phase, AuctionPhase::Paused);
    heard(&mut state, "auction_resumed", resumed);
    assert_eq!(state.phase, AuctionPhase::Paused);
    // A clock that ends later runs: the resume was missed.
    heard(&mut state, "tick", timer(1, 40_000, 38_500));
    assert_eq!(state.phase, AuctionPhase::Bidding);
}

#[test]
fn of_two_snapshots_with_one_end_the_paused_one_is_the_later_unless_the_other_was_asked_for_after_it() {
    let mut state = open();
    let active = read(1, "active", 0, &json!({}));
    let paused = read(1, "paused", 0, &json!({"pausedRemainingTime": 4.0}));
    snapshot(&mut state, &paused, Millis(5), Millis(9));
    snapshot(&mut state, &active, Millis(4), Millis(10));
    assert_eq!(state.phase, AuctionPhase::Paused, "it overtook");
    snapshot(&mut state, &active, Millis(20), Millis(21));
    assert_eq!(state.phase, AuctionPhase::Bidding, "it was asked for later");
}

#[test]
fn a_server_that_went_back_is_believed_when_it_says_so_twice() {
    let mut state = open();
    heard(&mut state, "bid_update", bid(1, "u", 10));
    let reset = read(0, "waiting", 0, &json!({"currentClubId": null}));
    assert_eq!(
        snapshot(&mut state, &reset, Millis(0), Millis(50)),
        [],
        "an old answer is no news"
    );
    let effects = snapshot(&mut state, &reset, Millis(60), Millis(70));
    assert!(effects.contains(&Effect::Snapshot) && state.phase == AuctionPhase::Bidding);
    snapshot(&mut state, &reset, Millis(71), Millis(80));
    assert_eq!((state.phase, state.sequence), (AuctionPhase::Waiting, 0));
}

/// In the stream of our own backend, at its third event.
fn in_stream() -> AuctionState {
    let mut state = AuctionState::new("a".into());
    let known = read(
        1,
        "active",
        0,
        &json!({"stream": {"epoch": "e", "seq": 3, "passing": true}}),
    );
    snapshot(&mut state, &known, Millis(1), Millis(2));
    state
}

fn page_of(oldest: u64, events: &[(u64, &str, Value)]) -> EventPage {
    let events: Vec<Value> = events
        .iter()
        .map(|(seq, name, payload)| json!({"seq": seq, "name": name, "payload": placed(payload.clone(), "e", *seq)}))
        .collect();
    let latest = oldest.max(6);
    serde_json::from_value(json!({"epoch": "e", "latest": latest, "oldest": oldest, "events": events}))
        .unwrap()
}

#[test]
fn a_hole_in_the_stream_is_filled_in_order_before_what_waited() {
    let mut state = in_stream();
    let effects = heard(&mut state, "bid_update", placed(bid(3, "w", 12), "e", 6));
    assert_eq!(effects, [Effect::Wait { since: Millis(1) }]);
    assert_eq!(state.gaps, 0, "it may only have been overtaken");
    let fill = Effect::Fill {
        epoch: "e".to_owned(),
        after: 3,
    };
    let effects = waited(&mut state, Millis(1));
    assert!(effects.contains(&fill), "{effects:?}");
    assert_eq!(state.gaps, 2);
    assert_eq!(price(&state), None, "what waits is not shown");
    let page_4_5 = page_of(
        1,
        &[
            (4, "bid_update", bid(1, "u", 10)),
            (5, "bid_update", bid(2, "v", 11)),
        ],
    );
    assert_eq!(page(&mut state, &page_4_5, Millis(9)), []);
    assert_eq!((state.sequence, &state.sync), (3, &Sync::Fresh));
    let users: Vec<&str> = state
        .lot
        .iter()
        .flat_map(|lot| &lot.bids)
        .map(|bid| bid.user.as_str())
        .collect();
    assert_eq!(users, ["u", "v", "w"]);
    assert_eq!(state.reached.as_ref().map(|reached| reached.seq), Some(6));
}

#[test]
fn a_page_that_leaves_a_hole_or_counts_anew_leads_to_a_snapshot() {
    let hole = |state: &mut AuctionState| {
        heard(state, "bid_update", placed(bid(3, "w", 12), "e", 6));
        waited(state, Millis(1));
    };
    let mut forgotten = in_stream();
    hole(&mut forgotten);
    assert!(page(&mut forgotten, &page_of(5, &[]), Millis(9)).contains(&Effect::Snapshot));
    let mut other = in_stream();
    hole(&mut other);
    let mut anew = page_of(1, &[]);
    anew.epoch = "f".to_owned();
    assert!(page(&mut other, &anew, Millis(9)).contains(&Effect::Snapshot));
    let mut empty = in_stream();
    hole(&mut empty);
    assert_eq!(
        page(&mut empty, &page_of(1, &[]), Millis(9)).last(),
        Some(&Effect::Snapshot)
    );
    let mut lost = in_stream();
    hole(&mut lost);
    link_lost(&mut lost);
    assert_eq!(
        page(
            &mut lost,
            &page_of(1, &[(4, "bid_update", bid(1, "u", 10))]),
            Millis(9)
        ),
        []
    );
    assert_eq!(lost.sequence, 0, "nobody waits for it any more");
}

#[test]
fn a_tick_tells_that_something_was_said_before_it() {
    let mut state = in_stream();
    let mut tick = timer(1, 10_000, 3_000);
    tick["stream"] = json!({"epoch": "e", "seq": 4, "passing": true});
    assert_eq!(
        heard(&mut state, "tick", tick),
        [Effect::Wait { since: Millis(1) }]
    );
    let effects = waited(&mut state, Millis(1));
    assert!(
        matches!(effects.last(), Some(Effect::Fill { after: 3, .. })),
        "{effects:?}"
    );
}

#[test]
fn a_full_buffer_is_dropped_and_said() {
    let mut state = AuctionState::new("a".into());
    let mut said = Vec::new();
    for seq in 0..=MOST_KEPT {
        said = heard(
            &mut state,
            "bid_update",
            bid(u64::try_from(seq).unwrap() + 5, "u", 10),
        );
    }
    assert!(
        matches!(said[..], [Effect::Note(_), Effect::Snapshot]),
        "{said:?}"
    );
    let Sync::Behind(kept) = &state.sync else {
        panic!("it waits")
    };
    assert_eq!(kept.len(), 1);
}

fn passing_tick(epoch: &str, seq: u64) -> Value {
    let mut tick = timer(1, 10_000, 3_000);
    tick["stream"] = json!({"epoch": epoch, "seq": seq, "passing": true});
    tick
}

#[test]
fn what_was_only_overtaken_closes_the_hole_by_itself() {
    let mut state = in_stream();
    // The clock's pod is ahead of what another pod said.
    at(&mut state, 10, "tick", passing_tick("e", 5));
    assert!(matches!(state.sync, Sync::Behind(_)));
    assert_eq!(
        at(&mut state, 11, "bid_update", placed(bid(2, "v", 11), "e", 5)),
        []
    );
    assert_eq!(
        at(&mut state, 12, "bid_update", placed(bid(1, "u", 10), "e", 4)),
        []
    );
    assert_eq!((state.sequence, &state.sync), (2, &Sync::Fresh));
    assert_eq!((state.gaps, state.patience), (0, None));
    let before = state.clone();
    assert_eq!(waited(&mut state, Millis(10)), [], "nobody waits any more");
    assert_eq!(state, before);
}

#[test]
fn half_of_what_was_heard_of_is_not_all_of_it() {
    let mut state = in_stream();
    at(&mut state, 10, "tick", passing_tick("e", 5));
    let effects = at(&mut state, 11, "bid_update", placed(bid(1, "u", 10), "e", 4));
    assert_eq!(
        effects,
        [Effect::Wait { since: Millis(11) }],
        "no. 5 was said, too"
    );
    assert_eq!((state.sequence, price(&state)), (1, Some(Money::from_pounds(10))));
    assert_eq!(waited(&mut state, Millis(10)), [], "that hole is closed");
    let effects = waited(&mut state, Millis(11));
    assert!(matches!(effects.last(), Some(Effect::Fill { after: 4, .. })));
    assert_eq!(state.gaps, 1);
}

#[test]
fn more_that_waits_does_not_make_the_wait_longer() {
    let mut state = in_stream();
    for (now, seq) in [(10, 5), (20, 6), (30, 7)] {
        at(
            &mut state,
            now,
            "bid_update",
            placed(bid(seq - 3, "u", 10), "e", seq),
        );
    }
    assert_eq!(state.patience.map(|patience| patience.since), Some(Millis(10)));
}

#[test]
fn the_fields_bids_are_waited_for_in_the_same_way() {
    let mut state = open();
    heard(&mut state, "bid_update", bid(1, "u", 10));
    assert_eq!(
        at(&mut state, 5, "bid_update", bid(3, "w", 12)),
        [Effect::Wait { since: Millis(5) }]
    );
    at(&mut state, 6, "bid_update", bid(2, "v", 11));
    assert_eq!((state.sequence, state.gaps), (3, 0));
    at(&mut state, 7, "bid_update", bid(6, "w", 15));
    let effects = waited(&mut state, Millis(7));
    assert!(
        effects.contains(&Effect::Snapshot) && state.gaps == 2,
        "{effects:?}"
    );
}

#[test]
fn a_stream_that_begins_anew_is_read_once_and_what_the_old_one_still_said_is_part_of_it() {
    let mut state = in_stream();
    let effects = at(&mut state, 10, "tick", passing_tick("f", 4));
    assert!(
        matches!(effects[..], [Effect::Note(_), Effect::Snapshot]),
        "{effects:?}"
    );
    assert_eq!(
        at(&mut state, 12, "bid_update", placed(bid(1, "u", 10), "e", 4)),
        []
    );
    let now_f = json!({"stream": {"epoch": "f", "seq": 4, "passing": true},
        "bids": [{"userId": "u", "amount": 10, "bidSequence": 1}], "currentBid": 10});
    let effects = snapshot(&mut state, &read(1, "active", 1, &now_f), Millis(20), Millis(25));
    assert!(!effects.contains(&Effect::Snapshot), "{effects:?}");
    assert_eq!((&state.sync, state.sequence), (&Sync::Fresh, 1));
    assert_eq!(price(&state), Some(Money::from_pounds(10)));
}
