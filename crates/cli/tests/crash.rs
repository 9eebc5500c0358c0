//! A process that is killed between sending a bid and hearing its answer: the next run on the same ledger finds out what
//! became of it. The process is the real `gavelctl`, killed with SIGKILL; the backend is the real one.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use gavelscope_backend::{Demo, DemoPerson, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::{Credentials, Rest};
use gavelscope_client::state::{Fate, LedgerEntry, TransportKind};
use gavelscope_client::{LedgerStore, Owner, ServerAddress, Session, SessionConfig};
use gavelscope_contract::Money;
use gavelscope_contract::auction::Bid;
use gavelscope_testkit::relay::{OnBid, Relay};

/// A backend with a lot on the block, a relay before it, and a folder for the ledger.
struct Hall {
    running: Running,
    demo: Demo,
    relay: Relay,
    folder: tempfile::TempDir,
}

const CARLA: usize = 0;
const ADA: usize = 1;

impl Hall {
    async fn begun() -> Self {
        let running = start(Settings {
            countdown_step: Duration::from_millis(50),
            ..Settings::practice()
        })
        .await
        .unwrap();
        let people = ["Carla", "Ada"].map(|name| DemoPerson {
            name: name.to_owned(),
            email: format!("{}@auction.example", name.to_lowercase()),
        });
        let spec = DemoSpec {
            league_name: "Two at the table".to_owned(),
            people: people.into(),
            commissioner: CARLA,
            lots: 3,
            timer_seconds: 120,
            anti_snipe_seconds: 0,
            budget: Money::from_pounds(50_000_000),
            club_slots: 2,
        };
        let demo = seed_demo(&running, &spec).await.unwrap();
        let relay = Relay::before(running.address()).await.unwrap();
        let hall = Self {
            running,
            demo,
            relay,
            folder: tempfile::tempdir().unwrap(),
        };
        hall.carla("begin").await;
        hall
    }

    /// A call of the commissioner's, past the relay.
    async fn carla(&self, call: &str) {
        let address = ServerAddress::parse(&self.running.url(), DEFAULT_PATH).unwrap();
        let rest = Rest::new(address).unwrap();
        rest.set_credentials(Credentials::from(self.demo.people[CARLA].clone()));
        rest.auction_call(&self.demo.auction, call).await.unwrap();
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.folder.path().join("bids.db")
    }

    fn gavelctl(&self, amount: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavelctl"));
        command
            .args(["bid", amount, "--json", "--email", "ada@auction.example"])
            .args([
                "--server",
                &self.relay.url(),
                "--auction",
                self.demo.auction.as_str(),
            ])
            .arg("--ledger")
            .arg(self.ledger())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Bids by a process of its own and kills it while its request hangs. Returns the draft that it left.
    async fn killed_while_it_bids(&self, on_bid: OnBid) -> LedgerEntry {
        self.relay.on_bid(on_bid);
        let mut child = Killed(self.gavelctl("5m").spawn().unwrap());
        tokio::time::timeout(Duration::from_secs(30), self.relay.until_bids(1))
            .await
            .expect("the bid left");
        if on_bid == OnBid::HoldAnswers {
            // A server may drop a request whose client is gone.
            self.stored(1).await;
        }
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        self.relay.on_bid(OnBid::Pass);
        let owner = Owner {
            server: self.relay.url(),
            user: self.demo.people[ADA].user.id.clone(),
        };
        let left = open_bids(&self.ledger(), &owner).await;
        assert_eq!(left.len(), 1, "the bid was written down before its request left");
        left.into_iter().next().unwrap()
    }

    /// What the database has of Ada, once it has as much.
    async fn stored(&self, count: usize) -> Vec<Bid> {
        let bids = async {
            loop {
                let bids = self.running.store().all_bids(&self.demo.auction).await.unwrap();
                if bids.len() >= count {
                    return bids;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), bids)
            .await
            .expect("stored")
    }

    /// What a new session on the same ledger finds out about a bid.
    async fn found_by_a_new_session(&self, key: &str) -> LedgerEntry {
        let address = ServerAddress::parse(&self.relay.url(), DEFAULT_PATH).unwrap();
        let credentials = Credentials::from(self.demo.people[ADA].clone());
        let config = SessionConfig {
            keeping: LedgerStore::open(&self.ledger()).await.into(),
            ..SessionConfig::new(address, credentials, TransportKind::Wire)
        };
        let session = Session::start(config).unwrap();
        let mut state = session.state();
        let decided = |entry: &&LedgerEntry| {
            entry.key == key && !matches!(entry.fate, Fate::Draft | Fate::Sent | Fate::Unknown)
        };
        let waiting = state.wait_for(|state| state.bids.iter().any(|entry| decided(&entry)));
        let found = tokio::time::timeout(Duration::from_secs(40), waiting)
            .await
            .expect("it is decided")
            .unwrap()
            .bids
            .iter()
            .find(decided)
            .cloned()
            .unwrap();
        session.close().await;
        let store = LedgerStore::open(&self.ledger()).await.unwrap();
        let row = store.bid(key).await.unwrap().unwrap();
        assert_eq!(row.fate, found.fate, "it is written down, too");
        found
    }
}

/// The read comes from another process's file: that process is dead.
async fn open_bids(ledger: &Path, owner: &Owner) -> Vec<LedgerEntry> {
    LedgerStore::open(ledger)
        .await
        .unwrap()
        .open_bids(owner)
        .await
        .unwrap()
}

/// A child that does not outlive its test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It is dead already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bid_that_was_stored_is_found_by_the_next_run() {
    let hall = Hall::begun().await;
    let left = hall.killed_while_it_bids(OnBid::HoldAnswers).await;
    let stored = hall.stored(1).await;
    assert_eq!(stored[0].client_bid_id.as_deref(), Some(left.key.as_str()));
    hall.relay.speak();
    let found = hall.found_by_a_new_session(&left.key).await;
    assert_eq!(
        (found.fate, found.earlier, found.amount),
        (Fate::Confirmed, true, left.amount)
    );
    assert_eq!(
        (hall.relay.bids(), hall.stored(1).await.len()),
        (1, 1),
        "sent once"
    );
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bid_that_won_its_lot_meanwhile_is_found_by_the_next_run() {
    let hall = Hall::begun().await;
    let left = hall.killed_while_it_bids(OnBid::HoldAnswers).await;
    hall.carla("complete-lot").await;
    hall.relay.speak();
    let found = hall.found_by_a_new_session(&left.key).await;
    assert_eq!(found.fate, Fate::Confirmed, "{found:?}");
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bid_that_never_arrived_does_not_count_and_is_not_sent_by_the_next_run() {
    let hall = Hall::begun().await;
    let left = hall.killed_while_it_bids(OnBid::HoldRequest).await;
    hall.carla("complete-lot").await;
    let found = hall.found_by_a_new_session(&left.key).await;
    assert_eq!(found.fate, Fate::NotStored, "{found:?}");
    assert!(found.sentence.contains("does not count"), "{found:?}");
    assert_eq!((hall.relay.bids(), hall.stored(0).await.len()), (1, 0));
    hall.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_bid_by_hand_says_what_became_of_the_one_before() {
    let hall = Hall::begun().await;
    let left = hall.killed_while_it_bids(OnBid::HoldAnswers).await;
    hall.relay.speak();
    let mut again = hall.gavelctl("6m");
    let output = tokio::task::spawn_blocking(move || again.output())
        .await
        .unwrap()
        .unwrap();
    // She leads by the bid of then, so this one is held back here.
    assert_eq!(output.status.code(), Some(22), "{}", told(&output));
    let said = told(&output);
    let line = said.lines().find(|line| line.contains(&left.key));
    let line: serde_json::Value = serde_json::from_str(line.expect(&said)).unwrap();
    assert_eq!(
        (line["fate"].as_str(), line["earlier"].as_bool()),
        (Some("confirmed"), Some(true)),
        "{line}"
    );
    assert_eq!(hall.stored(1).await.len(), 1);
    hall.running.stop().await;
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
