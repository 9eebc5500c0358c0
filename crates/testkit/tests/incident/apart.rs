//! No adapter: what one pod does, the sockets on the others never hear.

use gavelscope_client::state::{Fate, Trust};
use gavelscope_contract::health::Health;
use gavelscope_testkit::fleet::{Adapter, FleetKind};

use crate::hall::{ADA, BRUNO, Hall};

async fn i_hear_nothing_of_the_other_pod_and_win_all_the_same(kind: FleetKind) {
    let mut hall = Hall::open(kind, Adapter::None).await;
    let (here, there) = (0, 2);
    for claim in hall.health().await {
        assert_eq!(claim.socketio.unwrap().mode, "in-memory");
    }

    for (person, pounds) in [(ADA, 2_000_000), (BRUNO, 3_000_000), (ADA, 4_000_000)] {
        hall.bid(there, person, pounds).await;
        hall.seat_on(there).until_bid_heard(pounds).await;
        // Read from the server, because nobody told it.
        hall.seat_on(here).until_price(pounds).await;
    }
    for seat in &mut hall.seats {
        let heard = seat.bids_heard();
        if seat.pod == there {
            assert_eq!(heard, [2_000_000, 3_000_000, 4_000_000]);
        } else {
            assert_eq!(heard, [0; 0], "a bid crossed from pod {there} to {}", seat.pod);
        }
    }
    let me = hall.seat_on(here);
    let state = me.until("polled mode", |view| view.trust == Trust::Polled).await;
    let view = &state.auctions[0];
    assert!(view.polled_every_ms.is_some() && view.confirmed_at.is_some());
    assert!(
        view.doubt
            .as_deref()
            .is_some_and(|doubt| doubt.contains("bids count"))
    );
    assert_eq!(view.gaps, 0, "a hole needs an event after it");

    // My bid counts, wherever the balancer sends it, and the lot is mine, whichever pod lets the hammer fall.
    let (amount, fate) = me.bid().await;
    assert_eq!(fate, Fate::Confirmed);
    me.until("my bid leads", |view| {
        view.lot
            .as_ref()
            .is_some_and(|lot| lot.leading && lot.price == Some(amount))
    })
    .await;
    hall.hammer(there);
    hall.seat_on(here)
        .until("the lot is mine", |view| {
            let mut managers = view.managers.iter();
            managers.any(|manager| manager.is_me && manager.roster.len() == 1)
        })
        .await;
    if kind == FleetKind::Rust {
        // The database shows each pod that there are others, and the pod that it does not hear them.
        let admits = |claim: &Health| {
            let adapter = claim
                .socketio
                .as_ref()
                .and_then(|sockets| sockets.adapter.as_ref());
            let reason = adapter.and_then(|adapter| adapter.reason.clone());
            claim.status == "degraded" && reason.is_some_and(|reason| reason.contains("2 other pods"))
        };
        hall.until_health("every pod says that it does not hear the others", |claims| {
            claims.iter().all(admits)
        })
        .await;
    }
    hall.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_adapter_a_session_on_gaveld_hears_nothing_of_the_other_pod_and_wins_all_the_same() {
    i_hear_nothing_of_the_other_pod_and_win_all_the_same(FleetKind::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_adapter_a_session_in_the_field_hears_nothing_of_the_other_pod_and_wins_all_the_same() {
    i_hear_nothing_of_the_other_pod_and_win_all_the_same(FleetKind::Python).await;
}
