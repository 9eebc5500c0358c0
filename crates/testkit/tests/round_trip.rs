//! How long the way to the server and back takes, over the socket itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::{Spread, TransportKind};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, seed};
use gavelscope_testkit::proxy::{Fault, Proxy};

/// A busy machine may be this slow.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the proxy adds to each way.
const LATE: Duration = Duration::from_millis(80);
/// Both ways, ms.
const THERE_AND_BACK: u32 = 160;

/// A session through a proxy that is late, in an open auction, until it has measured so often.
async fn measured(kind: PodKind, heartbeat: f64, transport: TransportKind, times: u32) -> Spread {
    let options = PodOptions {
        heartbeat: (heartbeat, 20.0),
        ..PodOptions::default()
    };
    let pod = Pod::start(kind, options).await.unwrap();
    let league = seed(&pod.url(), 1).await.unwrap();
    let proxy = Proxy::start(pod.port()).await.unwrap();
    let jitter = Duration::ZERO;
    proxy.set(Fault::Delay { base: LATE, jitter }).await;
    let address = ServerAddress::parse(&proxy.url(), DEFAULT_PATH).unwrap();
    let credentials = league.people[0].clone();
    let session = Session::start(SessionConfig::new(address, credentials, transport)).unwrap();
    session.open_auction(league.auction.clone()).await.unwrap();
    let mut state = session.state();
    let often = state.wait_for(|state| {
        let spread = state.measurements.round_trip.as_ref();
        spread.is_some_and(|spread| spread.count >= times)
    });
    let state = tokio::time::timeout(PATIENCE, often).await.unwrap().unwrap();
    let spread = state.measurements.round_trip.clone().unwrap();
    drop(state);
    session.close().await;
    println!("{kind:?}, {transport:?}: {spread:?}");
    spread
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_heartbeat_of_the_server_is_a_reason_to_measure() {
    let spread = measured(PodKind::Python, 0.5, TransportKind::Wire, 4).await;
    assert!(spread.median.unwrap() >= THERE_AND_BACK, "{spread:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_it_cannot_be_asked_a_join_is_measured() {
    let spread = measured(PodKind::Gaveld, 20.0, TransportKind::RustSocketio, 1).await;
    assert!(spread.median.unwrap() >= THERE_AND_BACK, "{spread:?}");
}
