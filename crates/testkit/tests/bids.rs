//! The way of a bid against a real backend, over a relay that loses what networks lose: it is sent once, or again only
//! where that is proved to be harmless; it is never raised; and what cannot be written down is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::time::Duration;

use gavelscope_backend::{Demo, DemoPerson, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{BidOutcome, Credentials, Rest};
use gavelscope_client::state::{
    AuctionView, BlockReason, Fate, LedgerEntry, SessionState, TransportKind, Trust,
};
use gavelscope_client::{
    BidKeeping, BidOrder, ClientError, CommissionerCall, LedgerStore, Seen, ServerAddress, Session,
    SessionConfig,
};
use gavelscope_contract::Money;
use gavelscope_contract::auction::{Bid, BidRequest};
use gavelscope_testkit::relay::{OnBid, Relay};
use sqlx::{Connection, SqliteConnection};

/// A backend with a lot on the block, a relay before it, and Ada's session through the relay.
struct Hall {
    running: Running,
    demo: Demo,
    relay: Relay,
    ada: Session,
}

const CARLA: usize = 0;
const ADA: usize = 1;
const BRUNO: usize = 2;

impl Hall {
    async fn begun(timer_seconds: u32, keeping: BidKeeping) -> Self {
        let running = start(Settings::practice()).await.unwrap();
        let people = ["Carla", "Ada", "Bruno"].map(|name| DemoPerson {
            name: name.to_owned(),
            email: format!("{}@auction.example", name.to_lowercase()),
        });
        let spec = DemoSpec {
            league_name: "Three at the table".to_owned(),
            people: people.into(),
            commissioner: CARLA,
            lots: 4,
            timer_seconds,
            anti_snipe_seconds: 0,
            budget: Money::from_pounds(50_000_000),
            club_slots: 2,
        };
        let demo = seed_demo(&running, &spec).await.unwrap();
        let relay = Relay::before(running.address()).await.unwrap();
        let address = ServerAddress::parse(&relay.url(), DEFAULT_PATH).unwrap();
        let credentials = Credentials::from(demo.people[ADA].clone());
        let config = SessionConfig::new(address, credentials, TransportKind::Wire);
        let ada = Session::start(SessionConfig { keeping, ..config }).unwrap();
        ada.open_auction(demo.auction.clone()).await.unwrap();
        let hall = Self {
            running,
            demo,
            relay,
            ada,
        };
        hall.until("joined", |view| view.room.joined).await;
        hall.rest(CARLA)
            .auction_call(&hall.demo.auction, "begin")
            .await
            .unwrap();
        hall.until("the first lot", |view| {
            view.lot.is_some() && view.trust == Trust::Live && view.bidding.blocked.is_none()
        })
        .await;
        hall
    }

    /// Calls past the relay.
    fn rest(&self, who: usize) -> Rest {
        let address = ServerAddress::parse(&self.running.url(), DEFAULT_PATH).unwrap();
        let rest = Rest::new(address).unwrap();
        rest.set_credentials(Credentials::from(self.demo.people[who].clone()));
        rest
    }

    /// Somebody else bids past the relay, and Ada hears of it.
    async fn outbid(&self, who: usize, pounds: u32) {
        let request = BidRequest {
            user_id: self.demo.people[who].user.id.clone(),
            amount: Money::from_pounds(pounds),
        };
        let key = format!("{who}-{pounds}");
        let outcome = self.rest(who).bid(&self.demo.auction, &request, &key).await;
        assert!(matches!(outcome, BidOutcome::Accepted(_)), "{outcome:?}");
        self.until("the price", |view| {
            view.lot
                .as_ref()
                .is_some_and(|lot| lot.price == Some(request.amount))
        })
        .await;
    }

    async fn ada_bids(&self, order: BidOrder) -> Result<LedgerEntry, ClientError> {
        self.ada.bid(self.demo.auction.clone(), order).await
    }

    /// What the database has of Ada.
    async fn stored(&self) -> Vec<Bid> {
        let mut bids = self.running.store().all_bids(&self.demo.auction).await.unwrap();
        bids.retain(|bid| bid.user_id == self.demo.people[ADA].user.id);
        bids
    }

    async fn until_state(&self, what: &str, holds: impl Fn(&SessionState) -> bool) {
        let mut state = self.ada.state();
        let waited =
            tokio::time::timeout(Duration::from_secs(40), state.wait_for(|state| holds(state))).await;
        assert!(
            waited.is_ok(),
            "never: {what}; the state is {:#?}",
            self.ada.state().borrow()
        );
    }

    async fn until(&self, what: &str, holds: impl Fn(&AuctionView) -> bool) {
        self.until_state(what, |state| {
            state.auctions.first().is_some_and(|view| holds(view))
        })
        .await;
    }

    async fn until_fate(&self, key: &str, fate: Fate) -> LedgerEntry {
        self.until_state(&format!("{fate:?}"), |state| {
            state.bids.iter().any(|bid| bid.key == key && bid.fate == fate)
        })
        .await;
        let state = self.ada.state().borrow().clone();
        state.bids.iter().find(|bid| bid.key == key).unwrap().clone()
    }

    async fn end(self) {
        self.ada.close().await;
        self.running.stop().await;
    }
}

const fn bid(pounds: u32) -> BidOrder {
    BidOrder::new(Money::from_pounds(pounds), Seen::Any)
}

async fn in_file(path: &Path) -> BidKeeping {
    LedgerStore::open(path).await.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_moved_between_two_presses_asks_again_and_nothing_is_raised() {
    let hall = Hall::begun(60, BidKeeping::InMemory).await;
    hall.outbid(BRUNO, 2_000_000).await;
    let amount = Money::from_pounds(5_000_000);
    let first = hall
        .ada
        .check_bid(hall.demo.auction.clone(), amount, false)
        .await
        .unwrap();
    hall.outbid(CARLA, 3_000_000).await;
    // £5m would still beat it: the user decided upon another price, so they are asked again.
    let order = BidOrder::new(amount, Seen::Price(first.price));
    let refused = hall.ada_bids(order).await;
    assert_eq!(
        refused,
        Err(ClientError::PriceMoved {
            now: Money::from_pounds(3_000_000)
        })
    );
    assert_eq!((hall.relay.bids(), hall.stored().await), (0, vec![]));
    let seen = Seen::Price(Some(Money::from_pounds(3_000_000)));
    let entry = hall.ada_bids(BidOrder::new(amount, seen)).await.unwrap();
    assert_eq!(entry.amount, amount);
    assert_eq!(hall.stored().await[0].amount, amount, "as it was confirmed");
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_moves_while_the_disk_is_busy_is_noticed_before_the_bid_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let hall = Hall::begun(60, in_file(&path).await).await;
    let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (session, auction) = (hall.ada.clone(), hall.demo.auction.clone());
    let bidding = tokio::spawn(async move { session.bid(auction, bid(5_000_000)).await });
    hall.until_state("the draft", |state| !state.bids.is_empty())
        .await;
    hall.outbid(BRUNO, 2_000_000).await;
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    let refused = bidding.await.unwrap();
    assert!(
        matches!(refused, Err(ClientError::PriceMoved { .. })),
        "{refused:?}"
    );
    assert_eq!((hall.relay.bids(), hall.stored().await), (0, vec![]));
    let key = hall.ada.state().borrow().bids[0].key.clone();
    let entry = hall.until_fate(&key, Fate::NotStored).await;
    assert!(entry.sentence.contains("was not sent"), "{entry:?}");
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_is_sent_again_where_the_server_has_shown_that_it_honours_keys() {
    let hall = Hall::begun(120, BidKeeping::InMemory).await;
    let proof = hall.ada_bids(bid(1_000_000)).await.unwrap();
    hall.until_fate(&proof.key, Fate::Confirmed).await;
    hall.outbid(BRUNO, 2_000_000).await;

    hall.relay.on_bid(OnBid::LoseRequest);
    let lost = hall.ada_bids(bid(3_000_000)).await.unwrap();
    hall.relay.on_bid(OnBid::Pass);
    assert_eq!((lost.fate, lost.attempts), (Fate::Unknown, 1));
    assert!(lost.sentence.contains("asked for again"), "{}", lost.sentence);
    let entry = hall.until_fate(&lost.key, Fate::Confirmed).await;
    assert!((2..=3).contains(&entry.attempts), "{entry:?}");
    let stored = hall.stored().await;
    let keys: Vec<_> = stored.iter().map(|bid| bid.client_bid_id.as_deref()).collect();
    assert_eq!(
        keys,
        [Some(proof.key.as_str()), Some(lost.key.as_str())],
        "one bid each"
    );
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_leaves_one_bid_however_often_it_is_asked_for() {
    let hall = Hall::begun(120, BidKeeping::InMemory).await;
    let proof = hall.ada_bids(bid(1_000_000)).await.unwrap();
    hall.until_fate(&proof.key, Fate::Confirmed).await;
    hall.outbid(BRUNO, 2_000_000).await;

    hall.relay.on_bid(OnBid::LoseAnswer);
    let lost = hall.ada_bids(bid(3_000_000)).await.unwrap();
    let entry = hall.until_fate(&lost.key, Fate::Confirmed).await;
    assert!(entry.attempts <= 3, "{entry:?}");
    assert_eq!(hall.stored().await.len(), 2, "one bid each");
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_request_is_only_looked_for_where_nothing_is_known_of_keys() {
    let hall = Hall::begun(120, BidKeeping::InMemory).await;
    hall.relay.on_bid(OnBid::LoseRequest);
    let lost = hall.ada_bids(bid(3_000_000)).await.unwrap();
    hall.relay.on_bid(OnBid::Pass);
    assert_eq!((lost.fate, lost.attempts), (Fate::Unknown, 1));
    assert!(lost.sentence.contains("not sent again"), "{}", lost.sentence);
    let entry = hall.until_fate(&lost.key, Fate::NotStored).await;
    assert_eq!((entry.attempts, hall.relay.bids()), (1, 1));
    assert_eq!(hall.stored().await, []);
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bid_leaves_in_the_last_moments_unless_it_is_insisted_upon() {
    let hall = Hall::begun(12, BidKeeping::InMemory).await;
    // Calls take longer from now on, so a bid needs longer than the last moments last.
    hall.relay.slow_down(Duration::from_millis(700));
    // A call that is refused, and the snapshot that follows every call.
    let not_hers = hall
        .ada
        .commission(hall.demo.league.clone(), CommissionerCall::Pause)
        .await;
    assert!(matches!(not_hers, Err(ClientError::Refused(_))), "{not_hers:?}");
    hall.until_state("a slow call was measured", |state| {
        state.measurements.rest_ms.is_some_and(|ms| ms >= 700)
    })
    .await;
    hall.until("the last moments", |view| {
        view.bidding
            .blocked
            .as_ref()
            .is_some_and(|blocked| blocked.reason == BlockReason::TooLate && blocked.may_insist)
    })
    .await;
    let amount = Money::from_pounds(1_000_000);
    let checked = hall.ada.check_bid(hall.demo.auction.clone(), amount, false).await;
    assert!(matches!(checked, Err(ClientError::TooLate { .. })), "{checked:?}");
    let refused = hall.ada_bids(bid(1_000_000)).await;
    assert!(matches!(refused, Err(ClientError::TooLate { .. })), "{refused:?}");
    assert_eq!(hall.relay.bids(), 0);
    let insisted = hall.ada_bids(bid(1_000_000).insisting()).await;
    assert_eq!(hall.relay.bids(), 1, "{insisted:?}");
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_is_counted_and_told_and_what_it_missed_is_written_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let hall = Hall::begun(60, in_file(&path).await).await;
    let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    sqlx::query("CREATE TRIGGER full BEFORE INSERT ON bids BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
        .execute(&mut other)
        .await
        .unwrap();
    let entry = hall.ada_bids(bid(1_000_000)).await.unwrap();
    hall.until_fate(&entry.key, Fate::Confirmed).await;
    hall.until_state("the trouble", |state| {
        state.ledger.failed_writes > 0
            && state
                .ledger
                .trouble
                .as_ref()
                .is_some_and(|trouble| trouble.contains("disk is full"))
    })
    .await;
    sqlx::query("DROP TRIGGER full")
        .execute(&mut other)
        .await
        .unwrap();
    hall.until_state("written again", |state| state.ledger.trouble.is_none())
        .await;
    // What was missed is written in its order; the end of a session waits for the last of it.
    hall.end().await;
    let store = LedgerStore::open(&path).await.unwrap();
    let row = store.bid(&entry.key).await.unwrap().unwrap();
    assert_eq!((row.fate, row.amount), (Fate::Confirmed, entry.amount));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_file_a_session_works_and_says_that_it_keeps_bids_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let hall = Hall::begun(60, in_file(folder.path()).await).await;
    let ledger = hall.ada.state().borrow().ledger.clone();
    assert_eq!(ledger.file, None);
    assert!(ledger.trouble.unwrap().contains("in memory only"));
    let (kept, _) = hall.ada.feed().await.unwrap();
    assert!(
        kept.iter()
            .any(|line| format!("{line:?}").contains("kept in memory only"))
    );
    let entry = hall.ada_bids(bid(1_000_000)).await.unwrap();
    hall.until_fate(&entry.key, Fate::Confirmed).await;
    hall.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_move_is_in_the_file_when_the_session_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bids.db");
    let hall = Hall::begun(60, in_file(&path).await).await;
    let taken = hall.ada_bids(bid(1_000_000)).await.unwrap();
    hall.until_fate(&taken.key, Fate::Confirmed).await;
    hall.outbid(BRUNO, 2_000_000).await;
    hall.end().await;
    let store = LedgerStore::open(&path).await.unwrap();
    let row = store.bid(&taken.key).await.unwrap().unwrap();
    assert_eq!((row.fate, row.attempts), (Fate::Confirmed, 1));
    assert!(row.answer_ms.is_some(), "{row:?}");
}
