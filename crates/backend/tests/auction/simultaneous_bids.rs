//! Of two simultaneous bids exactly one wins, two thousand times.

use gavelscope_backend::{DemoSpec, Settings, start};
use gavelscope_contract::Money;

use crate::common::databases::shared;
use crate::common::{Callers, Hall, settings, spec};

fn rich() -> DemoSpec {
    DemoSpec {
        lots: 1,
        club_slots: 1,
        timer_seconds: 3_600,
        anti_snipe_seconds: 0,
        budget: Money::from_pounds(4_000_000_000),
        ..spec(4)
    }
}

/// Bids of the same amount by two people who both do not lead; how many lost by 409, and by 400.
async fn race(here: &Callers, there: &Callers, pairs: u32) -> (u32, u32) {
    let (mut moved, mut too_low) = (0, 0);
    for number in 0..pairs {
        let amount = 1_000_000 + number * 1_000;
        // The leader is always in the other pair: nobody is refused for leading already.
        let (left, right) = if number % 2 == 0 { (0, 1) } else { (2, 3) };
        let (one, other) = tokio::join!(here.bid(left, amount), there.bid(right, amount));
        let (winner, loser) = match (one.status, other.status) {
            (200, _) => (one, other),
            _ => (other, one),
        };
        assert_eq!(winner.status, 200, "somebody wins pair {number}: {}", winner.body);
        match loser.verdict() {
            (409, "price_moved") => moved += 1,
            (400, "bid_too_low") => too_low += 1,
            other => panic!("pair {number}: the loser got {other:?}"),
        }
        assert_eq!(
            loser.body["currentBid"], amount,
            "the loser is told the new price"
        );
        assert_eq!(winner.body["bid"]["seq"], number + 1, "one bid a pair is counted");
    }
    (moved, too_low)
}

async fn check_the_books(hall: &Hall, pairs: u32) {
    let bids = hall.running.store().all_bids(&hall.demo.auction).await.unwrap();
    let counted: Vec<_> = bids
        .iter()
        .map(|bid| (bid.seq.unwrap(), bid.amount.pounds()))
        .collect();
    let expected: Vec<_> = (0..pairs)
        .map(|number| (u64::from(number) + 1, i64::from(1_000_000 + number * 1_000)))
        .collect();
    assert_eq!(counted, expected, "every pair left one bid, in order");
    let snapshot = hall.snapshot().await;
    assert_eq!(snapshot.auction.current_bid, bids.last().map(|bid| bid.amount));
    assert_eq!(
        snapshot.auction.current_bidder.map(|bidder| bidder.user_id),
        bids.last().map(|bid| bid.user_id.clone())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_thousand_simultaneous_pairs_each_has_exactly_one_winner() {
    let shared = shared(crate::ON);
    let settings = Settings {
        database: shared.database.clone(),
        ..settings()
    };
    let hall = Hall::begun(settings, rich()).await;
    let (moved, too_low) = race(&hall, &hall, 2_000).await;
    println!("lost by 409: {moved}, by 400: {too_low}");
    assert!(moved > 0, "some were really simultaneous");
    check_the_books(&hall, 2_000).await;
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_for_one_pod_alone() {
    let hall = Hall::begun(settings(), rich()).await;
    race(&hall, &hall, 200).await;
    check_the_books(&hall, 200).await;
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_different_amounts_at_once_the_higher_always_stands() {
    let hall = Hall::begun(settings(), rich()).await;
    for number in 1..=200 {
        let (low, high) = (1_000_000 + number * 2_000, 1_001_000 + number * 2_000);
        let (left, right) = if number % 2 == 0 { (0, 1) } else { (2, 3) };
        let (_, higher) = tokio::join!(hall.bid(left, low), hall.bid(right, high));
        assert_eq!(higher.status, 200, "a raise is never refused: {}", higher.body);
        let standing = hall.snapshot().await.auction.current_bid;
        assert_eq!(standing, Some(Money::from_pounds(high)));
    }
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_database_still_have_one_winner() {
    // Neither one's queue is seen by the other: what decides is the transaction in the database alone.
    let shared = shared(crate::ON);
    let settings = Settings {
        database: shared.database.clone(),
        ..settings()
    };
    let hall = Hall::begun(settings.clone(), rich()).await;
    let other = start(settings).await.unwrap();
    let there = Callers {
        url: other.url(),
        ..hall.callers.clone()
    };
    race(&hall, &there, 300).await;
    check_the_books(&hall, 300).await;
    other.stop().await;
    hall.running.stop().await;
}
