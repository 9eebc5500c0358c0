//! Two pods on one database that share no rooms, as in the incident: bids taken by the other pod are never told here.
//! A person still follows the lot and wins it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;
use std::time::Duration;

use gavelscope_backend::{Database, Demo, DemoPerson, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{Credentials, Rest};
use gavelscope_client::state::{AuctionView, Fate, SessionState, TransportKind, Trust};
use gavelscope_client::{BidOrder, Seen, ServerAddress, Session, SessionConfig};
use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;

/// Two pods, a league of three, and a folder that goes with them.
struct Fleet {
    here: Running,
    there: Running,
    demo: Demo,
    _folder: tempfile::TempDir,
}

impl Fleet {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            database: Database::File(folder.path().join("auction.db")),
            countdown_step: Duration::from_millis(200),
            ..Settings::practice()
        };
        let here = start(settings.clone()).await.unwrap();
        let people = ["Ada", "Bruno", "Chidi"].map(|name| DemoPerson {
            name: name.to_owned(),
            email: format!("{}@auction.example", name.to_lowercase()),
        });
        let spec = DemoSpec {
            league_name: "Apart".to_owned(),
            people: people.into(),
            commissioner: 0,
            lots: 2,
            timer_seconds: 600,
            anti_snipe_seconds: 1,
            budget: Money::from_pounds(500_000_000),
            club_slots: 2,
        };
        let demo = seed_demo(&here, &spec).await.unwrap();
        let there = start(settings).await.unwrap();
        Self {
            here,
            there,
            demo,
            _folder: folder,
        }
    }

    fn session(&self, who: usize, transport: TransportKind) -> Session {
        let address = ServerAddress::parse(&self.here.url(), DEFAULT_PATH).unwrap();
        let credentials = Credentials::from(self.demo.people[who].clone());
        Session::start(SessionConfig::new(address, credentials, transport)).unwrap()
    }

    fn rest(&self, pod: &Running, who: usize) -> Rest {
        let rest = Rest::new(ServerAddress::parse(&pod.url(), DEFAULT_PATH).unwrap()).unwrap();
        rest.set_credentials(Credentials::from(self.demo.people[who].clone()));
        rest
    }

    async fn bid_there(&self, who: usize, pounds: u32) {
        let bid = BidRequest {
            user_id: self.demo.people[who].user.id.clone(),
            amount: Money::from_pounds(pounds),
        };
        let outcome = self
            .rest(&self.there, who)
            .bid(&self.demo.auction, &bid, &format!("{who}-{pounds}"))
            .await;
        assert!(
            matches!(outcome, gavelscope_client::rest::BidOutcome::Accepted(_)),
            "{outcome:?}"
        );
    }
}

async fn until(session: &Session, what: &str, holds: impl Fn(&AuctionView) -> bool) -> Arc<SessionState> {
    let mut state = session.state();
    let found = tokio::time::timeout(
        Duration::from_secs(20),
        state.wait_for(|state| state.auctions.first().is_some_and(|view| holds(view))),
    )
    .await;
    let Ok(state) = found else {
        panic!("never: {what}; the state is {:#?}", session.state().borrow())
    };
    Arc::clone(&state.unwrap())
}

fn price(view: &AuctionView) -> Option<u32> {
    let price = view.lot.as_ref()?.price?;
    u32::try_from(price.pounds()).ok()
}

async fn follows_and_wins(transport: TransportKind, clock_here: bool) {
    let fleet = Fleet::start().await;
    let commissioner = fleet.rest(if clock_here { &fleet.here } else { &fleet.there }, 0);
    let session = fleet.session(1, transport);
    session.open_auction(fleet.demo.auction.clone()).await.unwrap();
    until(&session, "joined", |view| view.room.joined).await;
    commissioner
        .auction_call(&fleet.demo.auction, "begin")
        .await
        .unwrap();

    // The other pod takes bids, and this socket hears nothing of them.
    fleet.bid_there(2, 2_000_000).await;
    let state = until(&session, "the first bid of the other pod", |view| {
        price(view) == Some(2_000_000)
    })
    .await;
    if !clock_here {
        assert_eq!(state.measurements.gaps, 0, "a hole needs an event after it");
    }
    // Where the clock is here, its ticks say what was not told; that is filled once, and twice is a habit.
    fleet.bid_there(0, 3_000_000).await;
    until(&session, "polled mode", |view| view.trust == Trust::Polled).await;
    let heard_before = bids_heard(&session).await;

    // In polled mode the price goes on being true, and says how old it is.
    for pounds in [4_000_000, 5_000_000] {
        fleet
            .bid_there(if pounds == 4_000_000 { 2 } else { 0 }, pounds)
            .await;
        let state = until(&session, "the next bid of the other pod", |view| {
            price(view) == Some(pounds)
        })
        .await;
        let view = &state.auctions[0];
        assert_eq!(view.trust, Trust::Polled);
        assert!(view.polled_every_ms.is_some() && view.confirmed_at.is_some());
        assert!(
            view.doubt
                .as_deref()
                .is_some_and(|doubt| doubt.contains("bids count"))
        );
    }
    assert_eq!(
        bids_heard(&session).await,
        heard_before,
        "none of them came as an event"
    );

    // My own bid counts, and the lot is mine.
    let view = session.state().borrow().auctions[0].clone();
    let step = view.bidding.steps.iter().find(|step| step.allowed).unwrap();
    let order = session
        .bid(
            fleet.demo.auction.clone(),
            BidOrder::new(step.amount, Seen::Price(view.lot.as_ref().unwrap().price)),
        )
        .await
        .unwrap();
    assert!(
        matches!(order.fate, Fate::Accepted | Fate::Confirmed),
        "{order:?}"
    );
    let amount = step.amount;
    until(&session, "my bid leads", |view| {
        view.lot
            .as_ref()
            .is_some_and(|lot| lot.leading && lot.price == Some(amount))
    })
    .await;
    let auction = fleet.demo.auction.clone();
    // It answers after the countdown; the hammer is what is waited for.
    let completing = tokio::spawn(async move { commissioner.auction_call(&auction, "complete-lot").await });
    until(&session, "the lot is mine", |view| {
        view.managers
            .iter()
            .any(|manager| manager.is_me && manager.roster.len() == 1)
    })
    .await;
    completing.await.unwrap().unwrap();
    let fate = session.state().borrow().bids.last().unwrap().fate;
    assert_eq!(fate, Fate::Confirmed);
    session.close().await;
    fleet.here.stop().await;
    fleet.there.stop().await;
}

async fn bids_heard(session: &Session) -> usize {
    let (feed, _) = session.feed().await.unwrap();
    feed.iter()
        .filter(|entry| entry.item().name == "bid_update")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_on_the_other_pod_over_rust_socketio() {
    follows_and_wins(TransportKind::RustSocketio, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clock_is_on_this_pod_over_wire() {
    follows_and_wins(TransportKind::Wire, true).await;
}
