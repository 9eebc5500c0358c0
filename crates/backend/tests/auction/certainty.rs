//! A bid that is sent twice is one bid.

use serde_json::json;

use crate::common::{Hall, settings, spec};

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_leaves_one_bid() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let first = hall.bid_with_key(0, 2_000_000, Some("k-1")).await.ok();
    hall.bid(1, 3_000_000).await.ok();
    let again = hall.bid_with_key(0, 2_000_000, Some("k-1")).await.ok();
    assert_eq!(first, again);
    assert_eq!(first["bid"]["clientBidId"], "k-1");
    assert_eq!(hall.snapshot().await.auction.bid_sequence, 2);
}

#[tokio::test]
async fn a_refusal_is_remembered_like_a_success() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid(1, 3_000_000).await.ok();
    let first = hall.bid_with_key(0, 3_000_000, Some("k")).await;
    assert_eq!(first.verdict(), (400, "bid_too_low"));
    hall.bid(0, 4_000_000).await.ok();
    hall.bid(1, 5_000_000).await.ok();
    let again = hall.bid_with_key(0, 3_000_000, Some("k")).await;
    assert_eq!((again.status, again.body), (first.status, first.body));
}

#[tokio::test]
async fn a_key_with_another_amount_is_refused() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid_with_key(0, 2_000_000, Some("k")).await.ok();
    let answer = hall.bid_with_key(0, 2_000_001, Some("k")).await;
    assert_eq!(answer.verdict(), (422, "key_reused"));
}

#[tokio::test]
async fn keys_belong_to_their_user() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid_with_key(0, 2_000_000, Some("k")).await.ok();
    let other = hall.bid_with_key(1, 3_000_000, Some("k")).await.ok();
    assert_eq!(other["bid"]["userId"], hall.id(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_copies_at_once_are_one_bid() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let copies = (0..10).map(|_| {
        let callers = hall.callers.clone();
        tokio::spawn(async move { callers.bid_with_key(0, 2_000_000, Some("k")).await.ok() })
    });
    let mut answers = Vec::new();
    for copy in copies.collect::<Vec<_>>() {
        answers.push(copy.await.unwrap());
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "all get the same answer"
    );
    assert_eq!(hall.snapshot().await.bids.len(), 1);
}

#[tokio::test]
async fn the_key_comes_back_in_the_event_and_in_the_bids() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    hall.bid_with_key(0, 2_000_000, Some("mine")).await.ok();
    assert_eq!(socket.event("bid_update").await["clientBidId"], "mine");
    assert_eq!(socket.event("bid_placed").await["bid"]["clientBidId"], "mine");
    assert_eq!(
        hall.snapshot().await.bids[0].client_bid_id.as_deref(),
        Some("mine")
    );
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let long = "k".repeat(201);
    for key in ["", long.as_str()] {
        let answer = hall.bid_with_key(0, 2_000_000, Some(key)).await;
        assert_eq!(answer.verdict(), (422, "invalid_body"));
    }
    assert_eq!(hall.snapshot().await.auction.current_bid, None);
    assert_eq!(json!(hall.snapshot().await.bids), json!([]));
}
