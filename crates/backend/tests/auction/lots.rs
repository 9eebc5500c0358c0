//! Lots under the hammer: the clock, the pause between two, sold and unsold, the end, and the money.

use std::time::Duration;

use gavelscope_backend::{DemoSpec, Settings};
use gavelscope_contract::Money;
use gavelscope_contract::auction::{AuctionStatus, ClubStatus};
use serde_json::json;

use crate::common::{Hall, settings, spec};

/// A pause between two lots long enough to act in.
fn slow_pause() -> Settings {
    Settings {
        countdown_step: Duration::from_secs(30),
        ..settings()
    }
}

#[tokio::test]
async fn a_late_bid_leaves_the_anti_snipe_time_on_the_clock() {
    let (hall, clock) = Hall::with_clock(spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    hall.bid(0, 2_000_000).await.ok();
    clock.jump(Duration::from_secs(595));
    let bid = hall.bid(1, 3_000_000).await.ok();
    let moved = socket.event("anti_snipe").await;
    let expected = bid["serverNow"].as_i64().unwrap() + 10_000;
    assert_eq!(moved["endsAt"], expected);
    assert_eq!(moved["lotId"], format!("{}-lot-1", hall.auction));
    let snapshot = hall.snapshot().await;
    assert_eq!(snapshot.auction.timer_ends_at.unwrap().millis(), expected);
}

#[tokio::test]
async fn an_early_bid_moves_no_clock() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let before = hall.snapshot().await.auction.timer_ends_at;
    hall.bid(0, 2_000_000).await.ok();
    assert_eq!(hall.snapshot().await.auction.timer_ends_at, before);
    assert!(
        hall.all_events()
            .await
            .iter()
            .all(|event| event.name != "anti_snipe")
    );
}

#[tokio::test]
async fn the_hammer_falls_by_itself_and_the_next_lot_follows_a_three_two_one() {
    let (hall, clock) = Hall::with_clock(spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    hall.bid(0, 2_000_000).await.ok();
    assert!(socket.event("tick").await["endsAt"].is_i64());
    clock.jump(Duration::from_secs(601));
    let sold = socket.event("sold").await;
    assert_eq!(
        (&sold["unsold"], &sold["winningBid"]["amount"]),
        (&json!(false), &json!(2_000_000))
    );
    for expected in [3, 2, 1, 0] {
        assert_eq!(socket.event("next_team_countdown").await["seconds"], expected);
    }
    let next = socket.event("lot_started").await;
    assert_eq!(
        (&next["lotNumber"], &next["isUnsoldRetry"]),
        (&json!(2), &json!(false))
    );
}

#[tokio::test]
async fn a_bid_between_two_lots_is_refused_and_changes_nothing() {
    let hall = Hall::begun(slow_pause(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    hall.bid(0, 2_000_000).await.ok();
    let callers = hall.callers.clone();
    let completing = tokio::spawn(async move { callers.command(0, "complete-lot").await });
    socket.event("next_team_countdown").await;
    let answer = hall.bid(1, 3_000_000).await;
    assert_eq!(answer.verdict(), (400, "lot_closed"));
    let snapshot = hall.snapshot().await;
    assert_eq!(
        (snapshot.auction.bid_sequence, snapshot.auction.current_bid),
        (1, None)
    );
    assert_eq!(snapshot.auction.status, AuctionStatus::Active);
    completing.abort();
}

#[tokio::test]
async fn a_bid_past_the_deadline_is_late_even_if_the_hammer_is() {
    let (hall, clock) = Hall::with_clock(spec(2)).await;
    clock.jump(Duration::from_secs(601));
    // Whichever comes first, this bid or the clock's task: the lot is over.
    let answer = hall.bid(1, 3_000_000).await;
    assert_eq!(answer.verdict(), (400, "lot_closed"));
}

#[tokio::test]
async fn completing_twice_completes_one_lot() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid(0, 2_000_000).await.ok();
    let (one, other) = tokio::join!(hall.command(0, "complete-lot"), hall.command(0, "complete-lot"));
    assert_eq!((one.status, other.status), (200, 200));
    assert!(one.body.is_null() && other.body.is_null());
    let sold: Vec<_> = hall
        .all_events()
        .await
        .into_iter()
        .filter(|e| e.name == "sold")
        .collect();
    assert_eq!(sold.len(), 1, "the hammer fell once");
    assert_eq!(hall.snapshot().await.auction.current_lot, 2);
}

#[tokio::test]
async fn completing_a_lot_that_is_gone_leaves_the_next_one_alone() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let first = hall.snapshot().await.auction.current_lot_id.unwrap();
    hall.command(0, &format!("complete-lot?lotId={first}")).await.ok();
    assert_eq!(
        hall.snapshot().await.auction.current_lot,
        2,
        "answered once the next lot is there"
    );
    hall.command(0, &format!("complete-lot?lotId={first}")).await.ok();
    let auction = hall.snapshot().await.auction;
    assert_eq!((auction.current_lot, auction.current_lot_id.is_some()), (2, true));
}

#[tokio::test]
async fn unsold_clubs_come_again_and_the_money_adds_up_at_the_end() {
    let hall = Hall::begun(settings(), spec(3)).await;
    let mut socket = hall.in_the_room(0).await;
    // Lot 1 sold to 0, lot 2 to nobody, lots 3 and 4 to 1, then lot 2 again, to 2.
    for (who, amount) in [
        (Some(0), 2_000_000),
        (None, 0),
        (Some(1), 3_000_000),
        (Some(1), 4_000_000),
    ] {
        if let Some(who) = who {
            hall.bid(who, amount).await.ok();
        }
        hall.command(0, "complete-lot").await.ok();
    }
    let again = loop {
        let started = socket.event("lot_started").await;
        if started["lotNumber"] == 5 {
            break started;
        }
    };
    assert_eq!(
        (&again["isUnsoldRetry"], &again["club"]["id"]),
        (&json!(true), &json!("club-02"))
    );
    hall.bid(2, 1_500_000).await.ok();
    hall.command(0, "complete-lot").await.ok();
    let complete = socket.event("auction_complete").await;
    assert_eq!(
        (&complete["clubsSold"], &complete["clubsUnsold"]),
        (&json!(4), &json!(0))
    );
    assert_eq!(complete["finalWinningBid"]["amount"], 1_500_000);
    assert_eq!(hall.snapshot().await.auction.status, AuctionStatus::Completed);
    assert_eq!(
        hall.bid(2, 5_000_000).await.verdict(),
        (400, "auction_not_active")
    );
    check_the_money(&hall).await;
    let people = hall
        .running
        .store()
        .participants_of(&hall.demo.league)
        .await
        .unwrap();
    let won: Vec<_> = people[1]
        .clubs_won
        .iter()
        .map(gavelscope_contract::ClubId::as_str)
        .collect();
    assert_eq!(won, ["club-03", "club-04"], "in the order of buying");
}

/// Every pound that is gone from a purse is the price of a club.
async fn check_the_money(hall: &Hall) {
    let store = hall.running.store();
    let people = store.participants_of(&hall.demo.league).await.unwrap();
    let clubs = store.clubs_of(&hall.demo.auction).await.unwrap();
    for person in &people {
        let spent = person.total_spent.unwrap();
        assert_eq!(
            person.budget_remaining.saturating_add(spent),
            Money::from_pounds(20_000_000)
        );
        let bought = clubs
            .clubs
            .iter()
            .filter(|club| club.winner_id.as_ref() == Some(&person.user_id));
        let paid: i64 = bought.clone().map(|club| club.winning_bid.unwrap().pence()).sum();
        assert_eq!(paid, spent.pence());
        assert_eq!(bought.count(), person.clubs_won.len());
    }
    let sold = clubs
        .clubs
        .iter()
        .filter(|club| club.status == ClubStatus::Sold)
        .count();
    assert_eq!(sold, clubs.summary.sold_clubs as usize);
}

#[tokio::test]
async fn an_auction_in_which_nobody_bids_ends_after_one_more_round() {
    let two_lots = DemoSpec { lots: 2, ..spec(2) };
    let hall = Hall::begun(settings(), two_lots).await;
    let mut socket = hall.in_the_room(0).await;
    for _ in 0..4 {
        hall.command(0, "complete-lot").await.ok();
    }
    let complete = socket.event("auction_complete").await;
    assert_eq!(
        (&complete["clubsSold"], &complete["clubsUnsold"]),
        (&json!(0), &json!(2))
    );
    assert_eq!(complete["finalWinningBid"], json!(null));
}

#[tokio::test]
async fn an_auction_ends_when_nobody_can_buy_any_more() {
    let one_slot = DemoSpec {
        club_slots: 1,
        ..spec(2)
    };
    let hall = Hall::begun(settings(), one_slot).await;
    for who in [0, 1] {
        hall.bid(who, 2_000_000).await.ok();
        hall.command(0, "complete-lot").await.ok();
    }
    let snapshot = hall.snapshot().await;
    assert_eq!(snapshot.auction.status, AuctionStatus::Completed);
    let events = hall.all_events().await;
    assert_eq!(
        events.last().unwrap().payload["reason"],
        "No manager can buy another club"
    );
    assert_eq!(events.last().unwrap().payload["clubsUnsold"], 2);
}

#[tokio::test]
async fn a_pause_keeps_the_time_that_was_left_and_takes_no_bids() {
    let (hall, clock) = Hall::with_clock(spec(2)).await;
    assert_eq!(hall.command(0, "resume").await.verdict(), (400, "wrong_state"));
    clock.jump(Duration::from_secs(400));
    let left = hall.command(0, "pause").await.ok()["remainingTime"]
        .as_f64()
        .unwrap();
    assert!((190.0..=200.0).contains(&left), "{left}");
    assert_eq!(hall.command(0, "pause").await.verdict(), (400, "wrong_state"));
    assert_eq!(
        hall.bid(1, 2_000_000).await.verdict(),
        (400, "auction_not_active")
    );
    clock.jump(Duration::from_secs(5_000));
    let snapshot = hall.snapshot().await;
    assert_eq!(snapshot.auction.paused_remaining_time, Some(left));
    assert_eq!(snapshot.auction.timer_ends_at, None);
    assert_eq!(hall.command(0, "resume").await.ok()["remainingTime"], left);
    let snapshot = hall.snapshot().await;
    let ends_in = snapshot.auction.timer_ends_at.unwrap().millis() - snapshot.server_now.unwrap();
    assert!((190_000..=200_000).contains(&ends_in), "{ends_in}");
    hall.bid(1, 2_000_000).await.ok();
}

#[tokio::test]
async fn a_pause_between_two_lots_holds_the_three_two_one() {
    let hall = Hall::begun(slow_pause(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    let callers = hall.callers.clone();
    let completing = tokio::spawn(async move { callers.command(0, "complete-lot").await });
    socket.event("next_team_countdown").await;
    hall.command(0, "pause").await.ok();
    assert_eq!(
        completing.await.unwrap().status,
        200,
        "there is nothing to wait for now"
    );
    assert_eq!(
        socket.event("auction_paused").await["stream"]["passing"],
        json!(null)
    );
    let resumed = hall.command(0, "resume").await.ok();
    assert!(resumed["remainingTime"].as_f64().unwrap() > 60.0);
    assert_eq!(socket.event("auction_resumed").await["newEndTime"], json!(null));
}

#[tokio::test]
async fn the_commissioner_chooses_the_next_lot_between_two() {
    let hall = Hall::begun(slow_pause(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    assert_eq!(
        hall.command(0, "start-lot/club-03").await.verdict(),
        (400, "wrong_state")
    );
    let callers = hall.callers.clone();
    let completing = tokio::spawn(async move { callers.command(0, "complete-lot").await });
    socket.event("next_team_countdown").await;
    assert_eq!(
        hall.command(0, "start-lot/none").await.verdict(),
        (404, "club_not_found")
    );
    let started = hall.command(0, "start-lot/club-03").await.ok();
    assert_eq!(started["club"]["id"], "club-03");
    assert_eq!(socket.event("lot_started").await["club"]["id"], "club-03");
    assert_eq!(completing.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_deleted_auction_is_gone_and_everybody_has_their_money_back() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    hall.bid(0, 2_000_000).await.ok();
    hall.command(0, "complete-lot").await.ok();
    let reset = format!("/api/leagues/{}/auction/reset", hall.league);
    assert_eq!(hall.post(0, &reset).await.verdict(), (400, "wrong_state"));
    let path = format!("/api/auction/{}", hall.auction);
    let deleted = hall
        .call(reqwest::Method::DELETE, &path, Some(0), None)
        .await
        .ok();
    assert_eq!(
        deleted["deletedData"],
        json!({"auction": 1, "bids": 1, "participants_reset": 2})
    );
    assert_eq!(socket.event("auction_deleted").await["auctionId"], hall.auction);
    assert_eq!(hall.get(0, &path).await.verdict(), (404, "auction_not_found"));
    let people = hall
        .running
        .store()
        .participants_of(&hall.demo.league)
        .await
        .unwrap();
    assert!(
        people
            .iter()
            .all(|p| p.budget_remaining == Money::from_pounds(20_000_000))
    );
    let start = format!("/api/leagues/{}/auction/start", hall.league);
    assert_eq!(
        hall.post(0, &start).await.ok()["status"],
        "waiting",
        "another one can be held"
    );
}
