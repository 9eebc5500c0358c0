//! Every refusal of a bid, and the order in which they come (contract, section 1).

use gavelscope_backend::{DemoSpec, Settings};
use gavelscope_contract::Secret;
use reqwest::Method;
use serde_json::json;

use crate::common::{Hall, settings, spec};

#[tokio::test]
async fn a_bid_without_a_token_is_refused_before_its_body_is_looked_at() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let path = format!("/api/auction/{}/bid", hall.auction);
    for token in [
        None,
        Some("nonsense"),
        Some(hall.people[0].refresh_token.expose()),
    ] {
        let answer = hall
            .call_with(Method::POST, &path, token, Some(json!("not even an object")), &[])
            .await;
        assert_eq!(answer.verdict(), (401, "not_signed_in"));
    }
}

#[tokio::test]
async fn a_wrong_body_is_a_422_even_for_an_auction_that_does_not_exist() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let id = hall.id(0);
    for body in [
        json!([]),
        json!({"amount": 5_000_000}),
        json!({"userId": id}),
        json!({"userId": id, "amount": "abc"}),
        json!({"userId": id, "amount": null}),
        json!({"userId": id, "amount": -1}),
        json!({"userId": id, "amount": 5.001}),
        json!({"userId": 1, "amount": 5_000_000}),
    ] {
        let answer = hall
            .call(Method::POST, "/api/auction/none/bid", Some(0), Some(body.clone()))
            .await;
        assert_eq!(answer.verdict(), (422, "invalid_body"), "{body}");
        assert_eq!(answer.body["detail"][0]["loc"][0], "body", "{body}");
    }
}

#[tokio::test]
async fn an_amount_may_be_a_float_or_a_text() {
    let hall = Hall::begun(settings(), spec(2)).await;
    assert_eq!(hall.bid(0, "2000000").await.ok()["bid"]["amount"], 2_000_000);
    assert_eq!(hall.bid(1, 2_000_000.5).await.ok()["bid"]["amount"], 2_000_000.5);
}

#[tokio::test]
async fn who_and_where_come_before_how_much() {
    let mut hall = Hall::open(settings(), spec(2)).await;
    let outsider = hall.outsider().await;
    let not_you = json!({"userId": hall.id(1), "amount": 1});
    let answer = hall
        .call(Method::POST, "/api/auction/none/bid", Some(0), Some(not_you))
        .await;
    assert_eq!(
        answer.verdict(),
        (403, "not_you"),
        "before the auction is looked for"
    );
    let nowhere = json!({"userId": hall.id(0), "amount": 1});
    let answer = hall
        .call(Method::POST, "/api/auction/none/bid", Some(0), Some(nowhere))
        .await;
    assert_eq!(answer.verdict(), (404, "auction_not_found"));
    assert_eq!(hall.bid(outsider, 1).await.verdict(), (400, "auction_not_active"));
    hall.command(0, "begin").await.ok();
    assert_eq!(hall.bid(outsider, 1).await.verdict(), (403, "not_a_participant"));
    assert_eq!(hall.bid(0, 1).await.verdict(), (400, "below_minimum"));
}

#[tokio::test]
async fn a_user_whom_the_database_does_not_know_is_not_found() {
    let with_the_same_secret = || Settings {
        token_secret: Some(Secret::new("the same in two places")),
        ..settings()
    };
    let elsewhere = Hall::open(with_the_same_secret(), spec(2)).await;
    let mut hall = Hall::begun(with_the_same_secret(), spec(2)).await;
    hall.callers.people.push(elsewhere.people[1].clone());
    assert_eq!(hall.bid(2, 1).await.verdict(), (404, "user_not_found"));
}

#[tokio::test]
async fn the_purse_comes_before_the_block_and_each_rule_in_its_order() {
    let hall = Hall::begun(settings(), spec(3)).await;
    hall.bid(0, 5_000_000).await.ok();
    // Person 0 leads, and is refused for the purse first all the same.
    for (who, amount, code) in [
        (0, 999_999, "below_minimum"),
        (0, 20_000_001, "insufficient_budget"),
        (0, 19_500_000, "reserve_required"),
        (0, 4_000_000, "already_highest"),
        (0, 6_000_000, "already_highest"),
        (1, 5_000_000, "bid_too_low"),
        (1, 4_000_000, "bid_too_low"),
    ] {
        let answer = hall.bid(who, amount).await;
        assert_eq!(answer.verdict(), (400, code), "{who} bids {amount}");
        assert_eq!(answer.body["currentBid"], 5_000_000);
        assert_eq!(answer.body["minimumBid"], 5_000_000.01);
        assert_eq!(answer.body["maximumBid"], 19_000_000);
    }
    assert_eq!(
        hall.bid(1, 5_000_000.01).await.status,
        200,
        "the minimum that was named is taken"
    );
    assert_eq!(hall.bid(2, 19_000_000).await.status, 200, "so is the maximum");
}

#[tokio::test]
async fn a_full_roster_buys_nothing_more() {
    let one_slot = DemoSpec {
        club_slots: 1,
        ..spec(2)
    };
    let hall = Hall::begun(settings(), one_slot).await;
    hall.bid(0, 5_000_000).await.ok();
    hall.command(0, "complete-lot").await.ok();
    assert_eq!(hall.bid(0, 1_000_000).await.verdict(), (400, "roster_full"));
    assert_eq!(hall.bid(0, 500_000).await.verdict(), (400, "below_minimum"));
    assert_eq!(
        hall.bid(0, 16_000_000).await.verdict(),
        (400, "insufficient_budget")
    );
}

#[tokio::test]
async fn sentences_begin_as_those_of_the_field_do() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid(0, 5_000_000).await.ok();
    for (who, amount, sentence) in [
        (1, 1, "Bid must be at least £1,000,000"),
        (
            1,
            30_000_000,
            "Insufficient budget. You have £20,000,000 remaining",
        ),
        (
            1,
            19_500_000,
            "Must reserve £1,000,000 for 1 remaining slot(s). Max bid: £19,000,000",
        ),
        (0, 6_000_000, "You are already the highest bidder"),
        (
            1,
            5_000_000,
            "Bid must exceed current bid of £5,000,000. Please bid higher.",
        ),
    ] {
        assert_eq!(hall.bid(who, amount).await.body["detail"], sentence);
    }
}
