//! With Redis: every session on every pod hears every event, and hears it once.

use std::collections::BTreeMap;

use gavelscope_client::state::Trust;
use gavelscope_contract::event::Event;
use gavelscope_testkit::fleet::{Adapter, FleetKind};
use gavelscope_testkit::pods::PodKind;

use crate::hall::{ADA, BRUNO, Hall, Seat};

/// The first bid on the second lot: an amount that was not bid before, because its key is made of it.
const NEW_LOT: u32 = 1_500_000;

async fn everybody_hears_everything_once(kind: FleetKind) {
    let mut hall = Hall::open(kind, Adapter::Redis).await;
    let pods = u32::try_from(hall.fleet.pods().len()).unwrap();
    for claim in hall.health().await {
        let sockets = claim.socketio.unwrap();
        assert_eq!((sockets.mode.as_str(), sockets.multi_pod_ready), ("redis", true));
    }
    if hall.fleet.pods()[0].kind() == PodKind::Gaveld {
        hall.until_health("every pod counts all of them", |claims| {
            claims.iter().all(|claim| {
                let sockets = claim.socketio.as_ref();
                let adapter = sockets.and_then(|sockets| sockets.adapter.as_ref());
                adapter.is_some_and(|adapter| adapter.state == "connected" && adapter.pods == Some(pods))
            })
        })
        .await;
    }
    // What the last one to sit down was announced with is on its way to the others.
    hall.bid(0, ADA, 1_000_000).await;
    for seat in &mut hall.seats {
        seat.until_bid_heard(1_000_000).await;
        seat.until_heard("the bid in its older form", |event| {
            matches!(event, Event::BidPlaced(_))
        })
        .await;
        seat.forget();
    }

    // Nine bids, three on each pod, a hammer and the next lot.
    let mut amounts = Vec::new();
    for number in 0..3 * pods {
        let pounds = 2_000_000 + number * 100_000;
        let person = [BRUNO, ADA][(number % 2) as usize];
        hall.bid((number % pods) as usize, person, pounds).await;
        amounts.push(pounds);
    }
    hall.hammer(1);
    let hammer = BTreeMap::from([("lot_started", 1), ("next_team_countdown", 4), ("sold", 1)]);
    for seat in &mut hall.seats {
        seat.until_heard("the next lot", |event| matches!(event, Event::LotStarted(_)))
            .await;
    }
    // Anything doubled would be here by the time that the new lot's bid has come.
    hall.bid(2, ADA, NEW_LOT).await;
    for seat in &mut hall.seats {
        seat.until_bid_heard(NEW_LOT).await;
        let pod = seat.pod;
        let of_the_first_lot = |mut heard: Vec<u32>| {
            heard.retain(|pounds| *pounds != NEW_LOT);
            heard
        };
        let heard = of_the_first_lot(seat.bids_heard());
        assert_eq!(heard, amounts, "in order, none missing, none twice, on pod {pod}");
        assert_eq!(of_the_first_lot(seat.bids_heard_again()), amounts, "on pod {pod}");
        assert_eq!(seat.hammer_heard(), hammer, "on pod {pod}");
        let state = seat.session.state().borrow().clone();
        let view = &state.auctions[0];
        assert_eq!((view.trust, view.gaps), (Trust::Live, 0), "on pod {pod}");
    }
    if hall.fleet.pods()[0].kind() == PodKind::Gaveld {
        the_stream_is_one(&mut hall.seats);
    }
    hall.close().await;
}

/// Everywhere the same positions, none missing and none twice, up to the new lot's beginning.
fn the_stream_is_one(seats: &mut [Seat]) {
    let mut first: Option<Vec<(u64, String)>> = None;
    for seat in seats {
        let mut positions = Vec::new();
        for event in seat.events() {
            if let Some(position) = event.position().filter(|position| !position.passing) {
                positions.push((position.seq, format!("{} in {}", event.name(), position.epoch)));
            }
            if matches!(event, Event::LotStarted(_)) {
                break;
            }
        }
        for pair in positions.windows(2) {
            assert_eq!(pair[1].0, pair[0].0 + 1, "on pod {}: {positions:#?}", seat.pod);
        }
        let first = first.get_or_insert_with(|| positions.clone());
        assert_eq!(*first, positions, "on pod {}", seat.pod);
    }
    assert!(
        first.is_some_and(|positions| positions.len() > 20),
        "there was a stream"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_every_session_on_gaveld_hears_every_event_once() {
    everybody_hears_everything_once(FleetKind::Rust).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_every_session_in_the_field_hears_every_event_once() {
    everybody_hears_everything_once(FleetKind::Python).await;
}
