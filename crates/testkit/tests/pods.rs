//! The pods that other tests are made with: they speak the contract, and what they said yes to survives them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Rest};
use gavelscope_client::state::{SessionState, TransportKind};
use gavelscope_client::{Seen, ServerAddress, Session, SessionConfig};
use gavelscope_contract::auction::{AuctionStatus, BidRequest};
use gavelscope_contract::{Money, RefusalCode};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, seed};
use gavelscope_testkit::trace::{Record, Trace};

fn rest(pod: &Pod, seed: &Seed, person: usize) -> Rest {
    let rest = Rest::new(ServerAddress::parse(&pod.url(), DEFAULT_PATH).unwrap()).unwrap();
    rest.set_credentials(seed.people[person].clone());
    rest
}

async fn bid(pod: &Pod, seed: &Seed, person: usize, pounds: u32) -> BidOutcome {
    let request = BidRequest {
        user_id: seed.people[person].user.clone(),
        amount: Money::from_pounds(pounds),
    };
    let key = format!("{person}-{pounds}");
    rest(pod, seed, person).bid(&seed.auction, &request, &key).await
}

fn accepted(outcome: &BidOutcome) -> bool {
    matches!(outcome, BidOutcome::Accepted(_))
}

async fn a_killed_pod_goes_on_with_every_bid(kind: PodKind) {
    let mut pod = Pod::start(kind, PodOptions::default()).await.unwrap();
    let seed = seed(&pod.url(), 2).await.unwrap();
    for n in 0..10 {
        let outcome = bid(&pod, &seed, (n % 2) as usize, 1_000_000 + n * 10_000).await;
        assert!(accepted(&outcome), "{outcome:?}");
    }
    let before = pod.bids(&seed).await.unwrap();
    pod.kill().unwrap();
    assert!(
        reqwest::get(pod.url()).await.is_err(),
        "a killed pod answers nothing"
    );
    pod.restart().await.unwrap();
    assert_eq!(pod.bids(&seed).await.unwrap(), before);
    assert_eq!(before.len(), 10);
    let read = rest(&pod, &seed, 0).snapshot(&seed.auction).await.unwrap().body;
    assert_eq!(read.auction.status, AuctionStatus::Active);
    assert_eq!((read.auction.bid_sequence, read.bids.len()), (10, 10));
    // The token is from before, and still good.
    assert!(accepted(&bid(&pod, &seed, 0, 2_000_000).await));
}

#[tokio::test]
async fn a_killed_gaveld_goes_on_with_every_bid() {
    a_killed_pod_goes_on_with_every_bid(PodKind::Gaveld).await;
}

#[tokio::test]
async fn a_killed_python_pod_goes_on_with_every_bid() {
    a_killed_pod_goes_on_with_every_bid(PodKind::Python).await;
}

async fn a_stopped_process_answers_when_it_is_set_going(kind: PodKind) {
    let pod = Pod::start(kind, PodOptions::default()).await.unwrap();
    pod.stop_process().unwrap();
    let asked = tokio::spawn(reqwest::get(format!("{}/api/health", pod.url())));
    // Long enough for any answer of a running one.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!asked.is_finished(), "a stopped process answers nothing");
    pod.continue_process().unwrap();
    assert!(asked.await.unwrap().unwrap().status().is_success());
}

#[tokio::test]
async fn a_stopped_pod_answers_when_it_is_set_going() {
    tokio::join!(
        a_stopped_process_answers_when_it_is_set_going(PodKind::Gaveld),
        a_stopped_process_answers_when_it_is_set_going(PodKind::Python)
    );
}

#[tokio::test]
async fn a_pod_that_cannot_start_says_what_it_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = PodOptions {
        port: Some(taken.local_addr().unwrap().port()),
        ..PodOptions::default()
    };
    // Something else listens there and never answers, so only the pod's own end can tell.
    for kind in [PodKind::Gaveld, PodKind::Python] {
        let error = Pod::start(kind, options.clone()).await.unwrap_err().to_string();
        assert!(error.contains("in use"), "{kind:?}: {error}");
    }
}

#[tokio::test]
async fn the_python_pod_refuses_in_the_recorded_words() {
    let pod = Pod::start(PodKind::Python, PodOptions::default()).await.unwrap();
    let seed = seed(&pod.url(), 2).await.unwrap();
    assert!(accepted(&bid(&pod, &seed, 0, 5_000_000).await));
    let refusals = [
        (0, 6_000_000, RefusalCode::AlreadyHighest),
        (1, 5_000_000, RefusalCode::BidTooLow),
        (1, 500_000, RefusalCode::BelowMinimum),
        (1, 4_100_000_000, RefusalCode::InsufficientBudget),
    ];
    for (person, pounds, code) in refusals {
        match bid(&pod, &seed, person, pounds).await {
            BidOutcome::Refused { refusal, .. } => assert_eq!(refusal.code, code, "{}", refusal.detail),
            other => panic!("{pounds} was not refused: {other:?}"),
        }
    }
}

/// Two bids at once: with the quirk both are accepted, without it one is.
async fn of_two_at_once(options: PodOptions) -> (usize, usize) {
    let pod = Pod::start(PodKind::Python, options).await.unwrap();
    let seed = seed(&pod.url(), 2).await.unwrap();
    let (one, other) = tokio::join!(bid(&pod, &seed, 0, 3_000_000), bid(&pod, &seed, 1, 3_000_000));
    let yes = [&one, &other]
        .into_iter()
        .filter(|outcome| accepted(outcome))
        .count();
    (yes, pod.bids(&seed).await.unwrap().len())
}

#[tokio::test]
async fn of_two_bids_at_once_the_field_accepts_both_unless_it_is_told_not_to() {
    let slow_enough = PodOptions::default();
    assert_eq!(of_two_at_once(slow_enough).await, (2, 2));
    let strict = PodOptions {
        without: vec!["no_compare_and_set"],
        ..PodOptions::default()
    };
    assert_eq!(of_two_at_once(strict).await, (1, 1));
}

async fn until(session: &Session, what: &str, holds: impl Fn(&SessionState) -> bool) {
    let mut state = session.state();
    let waited = tokio::time::timeout(Duration::from_secs(20), state.wait_for(|state| holds(state))).await;
    assert!(
        waited.is_ok(),
        "never: {what}; the state is {:#?}",
        session.state().borrow()
    );
}

/// The names of fields, of objects within too, with where they are.
fn fields(value: &serde_json::Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields_of) => {
            for (name, inner) in fields_of {
                let at = format!("{at}.{name}");
                fields(inner, &at, found);
                found.insert(at);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| fields(item, at, found)),
        _ => {}
    }
}

/// What the recording of a real backend has and the pod leaves out, because no client reads it.
const LEFT_OUT: &[&str] = &[".auction.pausedAt"];

#[tokio::test]
async fn the_python_pods_snapshot_has_the_fields_of_the_recorded_one() {
    let pod = Pod::start(PodKind::Python, PodOptions::default()).await.unwrap();
    let seed = seed(&pod.url(), 2).await.unwrap();
    assert!(accepted(&bid(&pod, &seed, 0, 5_000_000).await));
    let url = format!("{}/api/auction/{}", pod.url(), seed.auction);
    let ours: serde_json::Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    let trace = Trace::full_auction().unwrap();
    let recorded = trace
        .lines
        .iter()
        .find_map(|line| match &line.record {
            Record::Rest(call) if call.res_body["auction"]["status"] == "active" => {
                Some(call.res_body.clone())
            }
            _ => None,
        })
        .unwrap();
    let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
    fields(&ours, "", &mut here);
    fields(&recorded, "", &mut there);
    for left_out in LEFT_OUT {
        there.remove(*left_out);
    }
    assert_eq!(here, there);
    // Money as a float, times without a zone.
    let text = ours["auction"]["timerEndsAt"].as_str().unwrap();
    assert!(!text.ends_with('Z') && !text.contains('+'), "{text}");
    assert_eq!(ours["auction"]["currentBid"].to_string(), "5000000.0");
}

#[tokio::test]
async fn a_session_follows_a_lot_on_the_python_pod_and_is_told_that_its_room_is_empty() {
    let pod = Pod::start(PodKind::Python, PodOptions::default()).await.unwrap();
    let seed = seed(&pod.url(), 2).await.unwrap();
    let address = ServerAddress::parse(&pod.url(), DEFAULT_PATH).unwrap();
    for (transport, above) in [
        (TransportKind::RustSocketio, 10_000_000),
        (TransportKind::Wire, 20_000_000),
    ] {
        let config = SessionConfig::new(address.clone(), seed.people[0].clone(), transport);
        let session = Session::start(config).unwrap();
        session.open_auction(seed.auction.clone()).await.unwrap();
        until(&session, "joined", |state| {
            state.auctions.first().is_some_and(|view| view.room.joined)
        })
        .await;
        let price = session.state().borrow().auctions[0].bidding.minimum.unwrap();
        let placed = session.bid(seed.auction.clone(), price, Seen::Any).await.unwrap();
        until(&session, "the echo", |state| {
            state
                .bids
                .iter()
                .any(|entry| entry.key == placed.key && entry.echo_ms.is_some())
        })
        .await;
        assert!(accepted(&bid(&pod, &seed, 1, above).await));
        let state = session.state().borrow().clone();
        assert_eq!(state.auctions[0].room.here, Some(0), "the claim of the field");
        assert_eq!(
            (state.measurements.malformed, state.measurements.unknown_events),
            (0, 0)
        );
        session.close().await;
    }
}
