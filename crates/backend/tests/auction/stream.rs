//! The stream of an auction's room: numbered without holes, kept, and free of addresses.

use gavelscope_backend::Settings;
use gavelscope_contract::Received;
use gavelscope_contract::event::Decoded;
use serde_json::Value;

use crate::common::{Hall, settings, spec};

/// Plays a whole auction; what one socket in the room heard, up to the end.
async fn heard(hall: &Hall) -> Vec<(String, Value)> {
    let mut socket = hall.in_the_room(1).await;
    hall.command(0, "begin").await.ok();
    for lot in 0..4 {
        hall.bid_with_key(0, 2_000_000, Some(&format!("a{lot}"))).await;
        hall.bid(1, 3_000_000).await;
        if lot == 1 {
            hall.command(0, "pause").await.ok();
            hall.command(0, "resume").await.ok();
        }
        hall.command(0, "complete-lot").await.ok();
    }
    let mut events = Vec::new();
    loop {
        let event = socket.any().await;
        let last = event.0 == "auction_complete";
        events.push(event);
        if last {
            return events;
        }
    }
}

#[tokio::test]
async fn positions_are_contiguous_and_the_history_says_the_same() {
    let hall = Hall::open(settings(), spec(2)).await;
    let before = hall.events(0).await.latest;
    let events = heard(&hall).await;
    let mut last = before;
    let mut kept = Vec::new();
    for (name, payload) in &events {
        let position = &payload["stream"];
        assert!(position["epoch"].is_string(), "{name} has a place in the stream");
        let seq = position["seq"].as_u64().unwrap();
        if position["passing"] == true {
            assert!(
                seq <= last || name == "auction_snapshot",
                "{name} is not ahead of what was said"
            );
        } else {
            assert_eq!(seq, last + 1, "{name} follows without a hole");
            last = seq;
            kept.push((name.clone(), payload.clone()));
        }
    }
    let history: Vec<_> = hall
        .all_events()
        .await
        .into_iter()
        .filter(|e| e.seq > before)
        .collect();
    assert_eq!(history.len(), kept.len());
    for (stored, (name, payload)) in history.iter().zip(&kept) {
        assert_eq!((&stored.name, &stored.payload), (name, payload));
    }
    let fleeting = ["tick", "auction_snapshot"];
    assert!(kept.iter().all(|(name, _)| !fleeting.contains(&name.as_str())));
}

#[tokio::test]
async fn every_event_is_of_the_contract_and_none_tells_an_address() {
    let hall = Hall::open(settings(), spec(2)).await;
    for (name, payload) in heard(&hall).await {
        let text = payload.to_string();
        assert!(!text.contains('@') && !text.contains("mail"), "{name}: {text}");
        let received = Received::from_value(&name, Some(payload));
        assert!(
            matches!(received.decoded, Decoded::Known(_)),
            "{name}: {:?}",
            received.decoded
        );
        assert_eq!(received.unknown_fields, 0, "{name}: {text}");
    }
}

#[tokio::test]
async fn a_gap_is_filled_from_where_it_begins() {
    let hall = Hall::begun(settings(), spec(2)).await;
    hall.bid(0, 2_000_000).await.ok();
    let all = hall.events(0).await;
    assert_eq!((all.oldest, all.latest), (1, all.events.len() as u64));
    let rest = hall.events(all.latest - 1).await;
    assert_eq!(rest.events, all.events[all.events.len() - 1..]);
    assert!(hall.events(all.latest).await.events.is_empty());
    assert!(hall.events(u64::MAX).await.events.is_empty());
    let path = format!("/api/auction/{}/events?after=-1", hall.auction);
    assert_eq!(hall.get(0, &path).await.verdict(), (422, "invalid_body"));
    let snapshot = hall.snapshot().await.stream.unwrap();
    assert_eq!(
        (snapshot.epoch, snapshot.seq, snapshot.passing),
        (all.epoch, all.latest, true)
    );
}

#[tokio::test]
async fn the_history_is_bounded_and_says_where_it_begins() {
    let bounded = Settings {
        kept_events: 6,
        ..settings()
    };
    let hall = Hall::begun(bounded, spec(2)).await;
    for number in 1..=6 {
        hall.bid(number % 2, 2_000_000 + number * 1_000).await.ok();
    }
    let page = hall.events(0).await;
    assert_eq!((page.events.len(), page.oldest), (6, page.latest - 5));
    assert_eq!(page.events[0].seq, page.oldest);
}

#[tokio::test]
async fn ticks_come_twice_a_second_and_count_no_further() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let mut socket = hall.in_the_room(1).await;
    let before = hall.snapshot().await.stream.unwrap().seq;
    let first = socket.event("tick").await;
    let second = socket.event("tick").await;
    assert_eq!(
        (&first["stream"]["passing"], &first["stream"]["seq"]),
        (&Value::Bool(true), &before.into())
    );
    let apart = second["serverNow"].as_i64().unwrap() - first["serverNow"].as_i64().unwrap();
    assert!((490..900).contains(&apart), "{apart} ms");
    assert_eq!(hall.snapshot().await.stream.unwrap().seq, before);
}

#[tokio::test]
async fn a_snapshot_that_is_known_already_is_not_sent_again() {
    let hall = Hall::begun(settings(), spec(2)).await;
    let path = format!("/api/auction/{}", hall.auction);
    let token = hall.people[1].access_token.expose().to_owned();
    let ask = |tag: Option<String>| {
        let mut request = hall.http.get(format!("{}{path}", hall.url)).bearer_auth(&token);
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        async move { request.send().await.unwrap() }
    };
    let tag_of = |response: &reqwest::Response| response.headers()["etag"].to_str().unwrap().to_owned();
    let first = ask(None).await;
    let tag = tag_of(&first);
    let again = ask(Some(tag.clone())).await;
    assert_eq!((again.status().as_u16(), tag_of(&again)), (304, tag.clone()));
    hall.bid(0, 2_000_000).await.ok();
    let after = ask(Some(tag.clone())).await;
    assert_eq!(after.status().as_u16(), 200, "a bid changes it");
    assert_ne!(tag_of(&after), tag);
    assert!(after.text().await.unwrap().contains("2000000"));
}
