//! What a session makes of what a pod says of itself: that it has lost the others, that it hears them again, that it is
//! about to stop. Two real pods on one database that share no rooms; the words are put into the first one's mouth.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavelscope_backend::{Database, Demo, DemoPerson, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Credentials, Rest};
use gavelscope_client::state::{LinkPhase, SessionState, TransportKind, Trust};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_contract::auction::BidRequest;
use gavelscope_contract::{Money, PodId};
use gavelscope_diagnosis::{Evidence, Outcome, diagnose};
use gavelscope_testkit::proxy::Proxy;

type Shown = (LinkPhase, Option<Trust>);

struct Fleet {
    here: Running,
    there: Running,
    proxy: Proxy,
    demo: Demo,
    session: Session,
    /// Every trust and phase that was ever published.
    seen: Arc<Mutex<Vec<Shown>>>,
    _folder: tempfile::TempDir,
}

impl Fleet {
    /// A lot is under the hammer, and the session follows it live on the first pod.
    async fn set(transport: TransportKind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = |pod: &str| Settings {
            database: Database::File(folder.path().join("auction.db")),
            countdown_step: Duration::from_millis(200),
            pod: PodId(pod.to_owned()),
            ..Settings::practice()
        };
        let here = start(settings("here")).await.unwrap();
        let people = ["Ada", "Bruno", "Chidi"].map(|name| DemoPerson {
            name: name.to_owned(),
            email: format!("{}@auction.example", name.to_lowercase()),
        });
        let spec = DemoSpec {
            league_name: "Told".to_owned(),
            people: people.into(),
            commissioner: 0,
            lots: 2,
            timer_seconds: 600,
            anti_snipe_seconds: 1,
            budget: Money::from_pounds(500_000_000),
            club_slots: 2,
        };
        let demo = seed_demo(&here, &spec).await.unwrap();
        let there = start(settings("there")).await.unwrap();
        let proxy = Proxy::start(here.address().port()).await.unwrap();
        let address = ServerAddress::parse(&proxy.url(), DEFAULT_PATH).unwrap();
        let credentials = Credentials::from(demo.people[1].clone());
        let session = Session::start(SessionConfig::new(address, credentials, transport)).unwrap();
        session.open_auction(demo.auction.clone()).await.unwrap();
        let fleet = Self {
            here,
            there,
            proxy,
            demo,
            session,
            seen: Arc::default(),
            _folder: folder,
        };
        let commissioner = rest(&fleet.here, &fleet.demo, 0);
        commissioner
            .auction_call(&fleet.demo.auction, "begin")
            .await
            .unwrap();
        fleet.bid(&fleet.here, 2, 2_000_000).await;
        fleet
            .until("it follows live", |state| {
                let view = &state.auctions[0];
                view.room.joined && view.trust == Trust::Live && view.sequence == 1
            })
            .await;
        let (mut state, seen) = (fleet.session.state(), Arc::clone(&fleet.seen));
        tokio::spawn(async move {
            loop {
                {
                    let state = state.borrow_and_update();
                    let trust = state.auctions.first().map(|view| view.trust);
                    seen.lock().unwrap().push((state.connection.phase, trust));
                }
                if state.changed().await.is_err() {
                    return;
                }
            }
        });
        fleet
    }

    async fn bid(&self, pod: &Running, who: usize, pounds: u32) {
        let bid = BidRequest {
            user_id: self.demo.people[who].user.id.clone(),
            amount: Money::from_pounds(pounds),
        };
        let key = format!("{who}-{pounds}");
        let outcome = rest(pod, &self.demo, who)
            .bid(&self.demo.auction, &bid, &key)
            .await;
        assert!(matches!(outcome, BidOutcome::Accepted(_)), "{outcome:?}");
    }

    async fn until(&self, what: &str, holds: impl Fn(&SessionState) -> bool) -> Arc<SessionState> {
        let mut state = self.session.state();
        let found = tokio::time::timeout(
            Duration::from_secs(30),
            state.wait_for(|state| !state.auctions.is_empty() && holds(state)),
        )
        .await;
        let Ok(state) = found else {
            panic!("never: {what}; the state is {:#?}", self.session.state().borrow())
        };
        Arc::clone(&state.unwrap())
    }

    /// The pod that holds the socket says something.
    fn says(&self, name: &str, payload: &serde_json::Value) {
        let packet = serde_json::json!([name, payload]);
        assert!(
            self.proxy.inject(&format!("42{packet}")) > 0,
            "no link to say it over"
        );
    }

    async fn end(self) {
        self.session.close().await;
        self.here.stop().await;
        self.there.stop().await;
    }
}

fn rest(pod: &Running, demo: &Demo, who: usize) -> Rest {
    let rest = Rest::new(ServerAddress::parse(&pod.url(), DEFAULT_PATH).unwrap()).unwrap();
    rest.set_credentials(Credentials::from(demo.people[who].clone()));
    rest
}

fn price(state: &SessionState) -> Option<u32> {
    let price = state.auctions[0].lot.as_ref()?.price?;
    u32::try_from(price.pounds()).ok()
}

fn cluster(state: &SessionState) -> Outcome {
    let report = diagnose(&Evidence::collect(state), state.at);
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.code == "GS-CLUSTER");
    finding.unwrap().outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_has_lost_the_others_is_read_at_once_and_followed_again_once_what_was_missed_is_known() {
    let fleet = Fleet::set(TransportKind::Wire).await;
    fleet.says(
        "cluster_degraded",
        &serde_json::json!({"pod": "here", "reason": "Redis does not answer."}),
    );
    let state = fleet
        .until("the state is read, before anything is missing", |state| {
            state.auctions[0].trust == Trust::Polled
        })
        .await;
    assert_eq!(cluster(&state), Outcome::Fail);
    let doubt = state.auctions[0].doubt.clone().unwrap();
    assert!(
        doubt.contains("lost each other") && doubt.contains("bids count"),
        "{doubt}"
    );

    // What the other pod takes is not told here, and is shown all the same.
    fleet.bid(&fleet.there, 0, 3_000_000).await;
    fleet
        .until("the other pod's bid", |state| price(state) == Some(3_000_000))
        .await;
    // Bids of its own pod prove nothing.
    for (who, pounds) in [(2, 4_000_000), (0, 5_000_000), (2, 6_000_000)] {
        fleet.bid(&fleet.here, who, pounds).await;
    }
    let state = fleet
        .until("its own bids", |state| price(state) == Some(6_000_000))
        .await;
    assert_eq!(state.auctions[0].trust, Trust::Polled);
    fleet.bid(&fleet.there, 0, 7_000_000).await;
    fleet.says(
        "cluster_restored",
        &serde_json::json!({"pod": "here", "afterMs": 2_100}),
    );
    let state = fleet
        .until("it is followed again", |state| {
            state.auctions[0].trust == Trust::Live
        })
        .await;
    assert_eq!(
        price(&state),
        Some(7_000_000),
        "not before what was missed is known"
    );
    assert_ne!(cluster(&state), Outcome::Fail);
    let (feed, _) = fleet.session.feed().await.unwrap();
    let lines: Vec<String> = feed
        .iter()
        .map(|entry| entry.item().name)
        .filter(|name| name.starts_with("cluster") || name == "polled" || name == "live")
        .collect();
    assert_eq!(
        lines,
        [
            "polled",
            "cluster_degraded",
            "cluster",
            "cluster_restored",
            "live"
        ]
    );
    fleet.end().await;
}

async fn moves(transport: TransportKind) {
    let fleet = Fleet::set(transport).await;
    fleet.seen.lock().unwrap().clear();
    fleet.proxy.lead_to(fleet.there.address().port());
    fleet.says(
        "pod_draining",
        &serde_json::json!({"pod": "here", "reconnectInMs": 400}),
    );
    // Until then nothing changes.
    fleet.bid(&fleet.here, 0, 3_000_000).await;
    fleet
        .until("a bid in the meantime", |state| price(state) == Some(3_000_000))
        .await;
    let state = fleet
        .until("it has moved", |state| {
            state
                .connection
                .pod
                .as_ref()
                .is_some_and(|pod| pod.as_str() == "there")
                && state.auctions[0].trust == Trust::Live
                && state.auctions[0].room.joined
        })
        .await;
    assert_eq!(state.connection.reconnects, 0, "a move is no loss");
    assert_eq!(state.connection.trouble, None);
    let reasons: Vec<&str> = state
        .connection
        .transitions
        .iter()
        .map(|transition| transition.reason.as_str())
        .collect();
    assert!(
        reasons.iter().any(|reason| reason.contains("being replaced")),
        "{reasons:?}"
    );
    for (phase, trust) in fleet.seen.lock().unwrap().iter() {
        assert_ne!(*phase, LinkPhase::Backoff, "it was not waited as after a failure");
        assert_ne!(*trust, Some(Trust::Stale), "nobody was frightened");
    }
    fleet.bid(&fleet.there, 2, 4_000_000).await;
    let state = fleet
        .until("the next pod is heard", |state| price(state) == Some(4_000_000))
        .await;
    assert_eq!(state.auctions[0].sequence, 3, "nothing was lost on the way");
    fleet.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_moves_from_a_pod_that_is_replaced_over_wire() {
    moves(TransportKind::Wire).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_moves_from_a_pod_that_is_replaced_over_rust_socketio() {
    moves(TransportKind::RustSocketio).await;
}
