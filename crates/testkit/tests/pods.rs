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
use gavelscope_client::state::{AuctionPhase, AuctionView, SessionState, TransportKind, Trust};
use gavelscope_client::{BidOrder, Seen, ServerAddress, Session, SessionConfig};
use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::{Money, RefusalCode};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, seed, seed_lots};
use gavelscope_testkit::trace::{Record, Trace};

fn rest(pod: &Pod, seed: &Seed, person: usize) -> Rest {
    seed.rest(&pod.url(), person).unwrap()
}

async fn bid(pod: &Pod, seed: &Seed, person: usize, pounds: u32) -> BidOutcome {
    seed.try_bid(&pod.url(), person, pounds).await.unwrap()
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
        let placed = session
            .bid(seed.auction.clone(), BidOrder::new(price, Seen::Any))
            .await
            .unwrap();
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

async fn follow(pod: &Pod, seed: &Seed) -> Session {
    let address = ServerAddress::parse(&pod.url(), DEFAULT_PATH).unwrap();
    let config = SessionConfig::new(address, seed.people[0].clone(), TransportKind::Wire);
    let session = Session::start(config).unwrap();
    session.open_auction(seed.auction.clone()).await.unwrap();
    session
}

async fn until_shown(session: &Session, what: &str, holds: impl Fn(&AuctionView) -> bool) {
    until(session, what, |state| {
        state.auctions.first().is_some_and(|view| holds(view))
    })
    .await;
}

#[tokio::test]
async fn an_auction_on_the_python_pod_ends_as_in_the_field_and_a_bid_between_two_lots_is_lost() {
    let pod = Pod::start(PodKind::Python, PodOptions::default()).await.unwrap();
    let seed = seed_lots(&pod.url(), 2, 2, 3).await.unwrap();
    assert!(accepted(&bid(&pod, &seed, 1, 1_000_000).await));
    let session = follow(&pod, &seed).await;
    until_shown(&session, "between two lots", |view| {
        view.phase == AuctionPhase::Between
    })
    .await;
    // Answered with yes, stored, and without any effect.
    assert!(accepted(&bid(&pod, &seed, 0, 5_000_000).await));
    until_shown(&session, "the end", |view| {
        view.phase == AuctionPhase::Completed && view.ending.is_some()
    })
    .await;
    let people = rest(&pod, &seed, 0)
        .participants(&seed.league)
        .await
        .unwrap()
        .body
        .participants;
    let won: Vec<_> = people.iter().map(|person| person.clubs_won.len()).collect();
    assert_eq!(won, [0, 1]);
    assert_eq!(pod.bids(&seed).await.unwrap().len(), 2);
    let measured = session.state().borrow().measurements.clone();
    assert_eq!((measured.malformed, measured.unknown_events), (0, 0));
    session.close().await;
}

#[tokio::test]
async fn two_python_pods_share_their_database_and_not_their_rooms() {
    let here = Pod::start(PodKind::Python, PodOptions::default()).await.unwrap();
    let seed = seed(&here.url(), 2).await.unwrap();
    let there = here.start_beside("pod-2").await.unwrap();
    let session = follow(&here, &seed).await;
    until_shown(&session, "live", |view| {
        view.room.joined && view.trust == Trust::Live
    })
    .await;
    assert!(accepted(&bid(&there, &seed, 1, 3_000_000).await));
    // No event tells of it; the state does, once it is read.
    let read = rest(&here, &seed, 0).snapshot(&seed.auction).await.unwrap().body;
    assert_eq!(read.auction.current_bid, Some(Money::from_pounds(3_000_000)));
    until_shown(&session, "that events do not arrive", |view| {
        view.trust == Trust::Polled
            && view.lot.as_ref().and_then(|lot| lot.price) == Some(Money::from_pounds(3_000_000))
    })
    .await;
    session.close().await;
}

#[tokio::test]
async fn the_clock_of_a_python_pod_dies_with_it_unless_it_is_told_not_to() {
    for (without, lives) in [(vec![], false), (vec!["timer_dies"], true)] {
        let options = PodOptions {
            without,
            ..PodOptions::default()
        };
        let mut pod = Pod::start(PodKind::Python, options).await.unwrap();
        let seed = seed_lots(&pod.url(), 2, 1, 2).await.unwrap();
        pod.restart().await.unwrap();
        // Long past the hammer.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let read = rest(&pod, &seed, 0).snapshot(&seed.auction).await.unwrap().body;
        assert_eq!(
            read.auction.status == AuctionStatus::Completed,
            lives,
            "{:?}",
            read.auction
        );
        assert_eq!(accepted(&bid(&pod, &seed, 0, 1_000_000).await), !lives);
    }
}
