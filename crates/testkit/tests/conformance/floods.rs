//! More events than anybody reads.

use gavelscope_contract::event::Raw;
use serde_json::{Value, json};

use crate::servers::KINDS;
use crate::way::{Came, Each, Player, WAYS};

const FLOOD: u64 = 10_000;

/// Whether a reader who keeps up gets every event, because what there is no room for waits at the server's end.
pub const HOLDS_BACK: Each<bool> = [true, true, true];

/// Reads until so many events have come or were dropped; returns their numbers.
async fn numbers(player: &mut Player) -> Vec<u64> {
    let mut numbers = Vec::new();
    while (numbers.len() as u64) + u64::from(player.dropped()) < FLOOD {
        let Came::Event(event) = player.next().await.unwrap() else {
            panic!("nothing but events was sent")
        };
        if event.name == "n" {
            let payload: Value = match &event.raw {
                Raw::Value(value) => (**value).clone(),
                raw => serde_json::from_str(&raw.to_text()).unwrap(),
            };
            numbers.push(payload["seq"].as_u64().unwrap());
        }
    }
    numbers
}

fn in_order(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_arrives_in_order_and_what_does_not_is_counted() {
    for kind in KINDS {
        for way in WAYS {
            let mut player = way.connect(kind.shared(), None).await.unwrap();
            player.before("connected").await.unwrap();
            player.tell("flood", json!({ "count": FLOOD })).await;
            let numbers = numbers(&mut player).await;
            assert!(in_order(&numbers), "{kind:?}, {way}");
            if *way.of(&HOLDS_BACK) {
                assert_eq!(player.dropped(), 0, "{kind:?}, {way}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_nobody_reads_is_bounded_and_counted() {
    for kind in KINDS {
        for way in WAYS {
            let mut player = way.connect(kind.shared(), None).await.unwrap();
            player.before("connected").await.unwrap();
            player.tell("flood", json!({ "count": FLOOD })).await;
            // As long as nothing is read the queue fills, and no further than its bound.
            while player.link.inbound.len() < player.link.inbound.max_capacity() {
                tokio::task::yield_now().await;
            }
            let numbers = numbers(&mut player).await;
            assert!(in_order(&numbers), "{kind:?}, {way}");
            assert!(!numbers.is_empty(), "{kind:?}, {way}");
            // And the link still works.
            assert_eq!(
                player.ask("echo", json!(1)).await,
                Ok(vec![json!(1)]),
                "{kind:?}, {way}"
            );
        }
    }
}
