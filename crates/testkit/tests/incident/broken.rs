//! A Redis that was never there, one that stands still, and a pod that listens elsewhere. The field's pods go on claiming
//! that all is well, and with a Redis that stands still their bids get no answer; `gaveld` says what is so, and a bid
//! never waits.

use std::time::Duration;

use gavelscope_client::rest::BidOutcome;
use gavelscope_client::state::{Fate, Trust};
use gavelscope_contract::Money;
use gavelscope_contract::event::Event;
use gavelscope_contract::health::{AdapterHealth, Health};
use gavelscope_testkit::fleet::{Adapter, FleetKind};

use crate::hall::{ADA, BRUNO, Hall};

/// How long a lot's clock is listened for that must not be heard; it ticks twice a second.
const SIX_TICKS: Duration = Duration::from_secs(3);

fn adapter(health: &Health) -> &AdapterHealth {
    let sockets = health.socketio.as_ref().unwrap();
    sockets.adapter.as_ref().expect("gaveld says how its adapter is")
}

fn is_degraded(health: &Health) -> bool {
    let state = adapter(health).state.as_str();
    health.status == "degraded" && matches!(state, "degraded" | "down")
}

fn is_connected(health: &Health) -> bool {
    health.status == "healthy" && adapter(health).state == "connected"
}

/// What every pod of the field says whatever became of its Redis.
async fn the_field_claims_to_be_ready(hall: &Hall) {
    for claim in hall.health().await {
        let sockets = claim.socketio.unwrap();
        assert_eq!(
            (claim.status.as_str(), sockets.mode.as_str()),
            ("healthy", "redis")
        );
        assert!(sockets.redis_configured && sockets.multi_pod_ready);
    }
}

/// A bid of that pod is told on it, and is read on the others, which are not told.
async fn only_its_own_pod_is_told(hall: &mut Hall, there: usize, pounds: u32) {
    for seat in &mut hall.seats {
        if seat.pod == there {
            seat.until_bid_heard(pounds).await;
        }
    }
    for seat in &mut hall.seats {
        seat.until_price(pounds).await;
        if seat.pod != there {
            let heard = seat.bids_heard();
            assert!(
                !heard.contains(&pounds),
                "it crossed from {there} to {}",
                seat.pod
            );
        }
    }
}

async fn every_seat_is_told_of_its_pods_trouble(hall: &mut Hall) {
    let names: Vec<_> = hall
        .fleet
        .pods()
        .iter()
        .map(|pod| pod.name().to_owned())
        .collect();
    for seat in &mut hall.seats {
        let name = &names[seat.pod];
        seat.until_heard(
            "that its pod has lost the others",
            |event| matches!(event, Event::ClusterDegraded(told) if told.pod.as_str() == name),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_dead_redis_the_field_says_yes_and_tells_nobody_elsewhere() {
    let mut hall = Hall::open(FleetKind::Python, Adapter::Dead).await;
    the_field_claims_to_be_ready(&hall).await;
    hall.bid(2, ADA, 2_000_000).await;
    only_its_own_pod_is_told(&mut hall, 2, 2_000_000).await;
    let me = hall.seat_on(0);
    me.until("polled mode", |view| view.trust == Trust::Polled).await;
    assert_eq!(me.bid().await.1, Fate::Confirmed);
    the_field_claims_to_be_ready(&hall).await;
    assert!(hall.fleet.pods()[2].log().contains("Cannot publish to redis"));
    hall.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_dead_redis_gaveld_says_that_it_is_degraded_and_tells_its_own_sockets() {
    let mut hall = Hall::open(FleetKind::Rust, Adapter::Dead).await;
    let claims = hall
        .until_health("every pod is degraded", |claims| claims.iter().all(is_degraded))
        .await;
    for claim in &claims {
        assert!(!claim.socketio.as_ref().unwrap().multi_pod_ready);
        let adapter = adapter(claim);
        assert_eq!(adapter.pods, None, "it cannot know");
        let reason = adapter.reason.as_deref().unwrap();
        assert!(reason.contains("connection refused"), "{reason}");
    }
    every_seat_is_told_of_its_pods_trouble(&mut hall).await;
    hall.bid(2, ADA, 2_000_000).await;
    only_its_own_pod_is_told(&mut hall, 2, 2_000_000).await;
    i_am_told_why(&mut hall).await;
    hall.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_redis_that_stands_still_a_bid_in_the_field_gets_no_answer_and_counts() {
    let mut hall = Hall::open(FleetKind::Python, Adapter::Stalled).await;
    for seat in &mut hall.seats {
        seat.until_heard("the clock", |event| matches!(event, Event::Tick(_)))
            .await;
    }
    hall.fleet.begin_trouble().unwrap();
    let (outcome, _) = hall.try_bid(2, ADA, 2_000_000).await;
    assert!(matches!(outcome, BidOutcome::Unknown(_)), "{outcome:?}");
    let stored = hall.fleet.pods()[0].bids(&hall.seed).await.unwrap();
    let amounts: Vec<_> = stored.iter().map(|bid| bid.amount).collect();
    assert_eq!(
        amounts,
        [Money::from_pounds(2_000_000)],
        "it is stored all the same"
    );
    only_its_own_pod_is_told(&mut hall, 2, 2_000_000).await;
    the_field_claims_to_be_ready(&hall).await;

    for seat in &mut hall.seats {
        seat.forget();
    }
    tokio::time::sleep(SIX_TICKS).await;
    for seat in &mut hall.seats {
        let ticks = seat
            .events()
            .filter(|event| matches!(event, Event::Tick(_)))
            .count();
        assert_eq!(ticks, 0, "the clock stands still on pod {}", seat.pod);
    }
    // My bid gets no answer either; the session looks for it, and it counts.
    let me = hall.seat_on(0);
    me.until("polled mode", |view| view.trust == Trust::Polled).await;
    assert_eq!(me.bid().await.1, Fate::Confirmed);

    // What waited goes on when Redis does. Who lost patience with a pod meanwhile is back before anybody bids.
    hall.fleet.redis().unwrap().continue_process().unwrap();
    for seat in &mut hall.seats {
        seat.forget();
        seat.until_heard("the clock again", |event| matches!(event, Event::Tick(_)))
            .await;
    }
    hall.bid(2, BRUNO, 90_000_000).await;
    for seat in &mut hall.seats {
        seat.until_bid_heard(90_000_000).await;
    }
    hall.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_redis_that_stands_still_a_bid_on_gaveld_is_answered_and_the_pods_say_what_is_so() {
    let mut hall = Hall::open(FleetKind::Rust, Adapter::Stalled).await;
    hall.until_health("every pod is connected", |claims| claims.iter().all(is_connected))
        .await;
    hall.fleet.begin_trouble().unwrap();
    // It stands still all the while, so whoever waited for it would get no answer.
    hall.bid(2, ADA, 2_000_000).await;
    only_its_own_pod_is_told(&mut hall, 2, 2_000_000).await;
    hall.until_health("every pod is degraded", |claims| claims.iter().all(is_degraded))
        .await;
    every_seat_is_told_of_its_pods_trouble(&mut hall).await;
    i_am_told_why(&mut hall).await;

    hall.fleet.redis().unwrap().continue_process().unwrap();
    hall.until_health("every pod is connected again", |claims| {
        claims.iter().all(is_connected)
    })
    .await;
    for seat in &mut hall.seats {
        seat.until_heard("that its pod hears the others again", |event| {
            matches!(event, Event::ClusterRestored(_))
        })
        .await;
    }
    hall.bid(2, BRUNO, 90_000_000).await;
    for seat in &mut hall.seats {
        seat.until_bid_heard(90_000_000).await;
    }
    hall.close().await;
}

/// Its own pod has told the session why, so it does not have to conclude it.
async fn i_am_told_why(hall: &mut Hall) {
    let me = hall.seat_on(0);
    me.until("polled mode, because the pod said so", |view| {
        let doubt = view.doubt.as_deref().unwrap_or_default();
        view.trust == Trust::Polled && doubt.contains("have lost each other")
    })
    .await;
    assert_eq!(me.bid().await.1, Fate::Confirmed);
}

/// The first two hear each other; the last hears nobody and is heard by nobody.
async fn the_last_pod_is_apart(hall: &mut Hall) {
    for (there, person, pounds) in [(0, ADA, 2_000_000), (1, BRUNO, 3_000_000), (2, ADA, 4_000_000)] {
        hall.bid(there, person, pounds).await;
        for seat in &mut hall.seats {
            if (seat.pod == 2) == (there == 2) {
                seat.until_bid_heard(pounds).await;
            } else {
                seat.until_price(pounds).await;
            }
        }
    }
    for seat in &mut hall.seats {
        let heard = seat.bids_heard();
        let expected: &[u32] = match seat.pod {
            2 => &[4_000_000],
            _ => &[2_000_000, 3_000_000],
        };
        assert_eq!(heard, expected, "on pod {}", seat.pod);
    }
    let me = hall.seat_on(2);
    me.until("polled mode", |view| view.trust == Trust::Polled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_of_the_field_on_another_channel_is_apart_and_claims_to_be_ready() {
    let mut hall = Hall::open(FleetKind::Python, Adapter::Split).await;
    the_field_claims_to_be_ready(&hall).await;
    the_last_pod_is_apart(&mut hall).await;
    hall.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gaveld_on_another_channel_is_apart_and_counts_itself_alone() {
    let mut hall = Hall::open(FleetKind::Rust, Adapter::Split).await;
    hall.until_health("every pod counts those that it hears", |claims| {
        let counts: Vec<_> = claims.iter().map(|claim| adapter(claim).pods).collect();
        counts == [Some(2), Some(2), Some(1)]
    })
    .await;
    the_last_pod_is_apart(&mut hall).await;
    hall.until_health("every pod says that it does not hear all of them", |claims| {
        claims.iter().all(is_degraded)
    })
    .await;
    hall.close().await;
}
