//! What the balancer does to sessions: long polling needs one that sends a client where it was before, and a pod that is
//! gone is asked no more.

use gavelscope_client::state::{Carrier, Fate, LinkPhase, TransportKind, Trust};
use gavelscope_testkit::fleet::{Adapter, FleetKind, FleetOptions};
use gavelscope_testkit::services::haproxy::Balance;

use crate::hall::{ADA, BRUNO, Hall, price, until};

async fn polling_only(kind: FleetKind, balancer: Balance) -> Hall {
    Hall::with(FleetOptions {
        kind,
        adapter: Adapter::Redis,
        balancer,
        refuse_websockets: true,
        ..FleetOptions::default()
    })
    .await
}

async fn a_sticky_balancer_carries_polling(kind: FleetKind) {
    let hall = polling_only(kind, Balance::Sticky).await;
    let session = hall.session(TransportKind::RustSocketio).await;
    let state = until(&session, "the room was joined", |view| {
        view.room.joined && view.trust == Trust::Live
    })
    .await;
    assert_eq!(state.connection.carrier, Carrier::Polling);
    // Whichever pod takes it: the pods hear each other, and the cookie leads to one of them.
    for (pod, person, pounds) in [(0, ADA, 2_000_000), (1, BRUNO, 3_000_000), (2, ADA, 4_000_000)] {
        hall.bid(pod, person, pounds).await;
        until(&session, "the bid is told", |view| price(view) == Some(pounds)).await;
    }
    let state = session.state().borrow().clone();
    assert_eq!(
        state.auctions[0].trust,
        Trust::Live,
        "none of them had to be read"
    );
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_websockets_a_sticky_balancer_carries_polling_to_gaveld() {
    a_sticky_balancer_carries_polling(FleetKind::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_websockets_a_sticky_balancer_carries_polling_to_the_field() {
    a_sticky_balancer_carries_polling(FleetKind::Python).await;
}

/// The handshake is answered by one pod and the next request reaches another, which knows nothing of it. The session
/// reads the state instead, and its bids count.
async fn a_balancer_that_forgets_breaks_polling(kind: FleetKind) {
    let hall = polling_only(kind, Balance::RoundRobin).await;
    let session = hall.session(TransportKind::RustSocketio).await;
    hall.bid(2, ADA, 2_000_000).await;
    let state = until(&session, "the bid is read", |view| {
        price(view) == Some(2_000_000) && view.trust == Trust::Polled
    })
    .await;
    assert_ne!(state.connection.phase, LinkPhase::Online);
    assert!(!state.auctions[0].room.joined);
    hall.bid(1, BRUNO, 3_000_000).await;
    until(&session, "the next one is read", |view| {
        price(view) == Some(3_000_000)
    })
    .await;
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_websockets_a_balancer_that_forgets_leaves_reading_on_gaveld() {
    a_balancer_that_forgets_breaks_polling(FleetKind::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_websockets_a_balancer_that_forgets_leaves_reading_in_the_field() {
    a_balancer_that_forgets_breaks_polling(FleetKind::Python).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_was_killed_is_asked_no_more_and_its_sessions_go_to_the_others() {
    let mut hall = Hall::open(FleetKind::Python, Adapter::Redis).await;
    hall.bid(0, ADA, 2_000_000).await;
    hall.fleet.pods_mut()[2].kill().unwrap();
    // At once, and each of them: what cannot be connected to is tried at another pod.
    let http = reqwest::Client::new();
    for _ in 0..12 {
        let asked = http.get(format!("{}/api/health", hall.fleet.url())).send().await;
        assert!(asked.unwrap().status().is_success());
    }
    // Who sat there sits elsewhere now, and is told of bids again.
    let me = hall.seat_on(2);
    me.until_moved().await;
    me.forget();
    hall.bid(1, BRUNO, 3_000_000).await;
    let me = hall.seat_on(2);
    me.until_bid_heard(3_000_000).await;
    assert_eq!(me.bid().await.1, Fate::Confirmed);
    hall.close().await;
}
