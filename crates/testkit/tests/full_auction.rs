//! A whole auction between four sessions, two on each transport, and the real backend, with no window: everybody and the
//! database tell the same story, the money adds up, and every bid has one fate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gavelscope_backend::{Database, Demo, DemoPerson, DemoSpec, Running, Settings, seed_demo, start};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::bots::{TEMPERAMENTS, play};
use gavelscope_client::rest::Credentials;
use gavelscope_client::state::{AuctionPhase, AuctionView, Fate, SessionState, TransportKind};
use gavelscope_client::{CommissionerCall, ServerAddress, Session, SessionConfig};
use gavelscope_contract::auction::ClubStatus;
use gavelscope_contract::{ClubId, Money, UserId};

const LOTS: usize = 6;
const SLOTS: u32 = 2;
/// The bots think a fiftieth of the time that a person would.
const PACE: f64 = 0.02;

fn spec() -> DemoSpec {
    let people = ["Ada", "Bruno", "Chidi", "Dalia"].map(|name| DemoPerson {
        name: name.to_owned(),
        email: format!("{}@auction.example", name.to_lowercase()),
    });
    DemoSpec {
        league_name: "Four at the table".to_owned(),
        people: people.into(),
        commissioner: 0,
        lots: LOTS,
        timer_seconds: 2,
        anti_snipe_seconds: 1,
        budget: Money::from_pounds(50_000_000),
        club_slots: SLOTS,
    }
}

fn sessions(running: &Running, demo: &Demo) -> Vec<Session> {
    let transports = [
        TransportKind::RustSocketio,
        TransportKind::Wire,
        TransportKind::RustSocketio,
        TransportKind::Wire,
    ];
    demo.people
        .iter()
        .zip(transports)
        .map(|(person, transport)| {
            let address = ServerAddress::parse(&running.url(), DEFAULT_PATH).unwrap();
            let credentials = Credentials::from(person.clone());
            Session::start(SessionConfig::new(address, credentials, transport)).unwrap()
        })
        .collect()
}

async fn until(session: &Session, seconds: u64, what: &str, holds: impl Fn(&SessionState) -> bool) {
    let mut state = session.state();
    let waited =
        tokio::time::timeout(Duration::from_secs(seconds), state.wait_for(|state| holds(state))).await;
    assert!(
        waited.is_ok(),
        "never: {what}; the state is {:#?}",
        session.state().borrow()
    );
}

fn view(state: &SessionState) -> &AuctionView {
    state.auctions.first().expect("the auction is open")
}

/// Whether the auction is open and that holds of it: it is published a moment after it was opened.
fn shows(state: &SessionState, holds: impl Fn(&AuctionView) -> bool) -> bool {
    state.auctions.first().is_some_and(|view| holds(view))
}

fn is_final(fate: Fate) -> bool {
    matches!(fate, Fate::Refused | Fate::Confirmed | Fate::NotStored)
}

/// The story of an auction: what everybody has to agree on.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    sequence: u64,
    /// Who bought what for how much; nobody, where it was not sold.
    clubs: BTreeMap<ClubId, Option<(String, Money)>>,
    /// Left, spent, bought.
    managers: BTreeMap<UserId, (Money, Money, Vec<ClubId>)>,
}

fn story_of(view: &AuctionView) -> Story {
    let clubs = view.clubs.iter().map(|row| {
        let sale = row.winner.clone().zip(row.price);
        assert_eq!(row.status == ClubStatus::Sold, sale.is_some(), "{row:?}");
        (row.club.id.clone(), sale)
    });
    let managers = view.managers.iter().map(|manager| {
        let bought = manager.roster.iter().map(|won| won.club.id.clone()).collect();
        (
            manager.person.user_id.clone(),
            (manager.budget, manager.spent, bought),
        )
    });
    Story {
        sequence: u64::from(view.sequence),
        clubs: clubs.collect(),
        managers: managers.collect(),
    }
}

async fn story_in_the_database(running: &Running, demo: &Demo) -> Story {
    let store = running.store();
    let snapshot = store
        .snapshot(&demo.auction)
        .await
        .unwrap()
        .expect("the auction is kept");
    let clubs = store.clubs_of(&demo.auction).await.unwrap();
    let participants = store.participants_of(&demo.league).await.unwrap();
    Story {
        sequence: snapshot.auction.bid_sequence,
        clubs: clubs
            .clubs
            .into_iter()
            .map(|club| (club.id, club.winner.zip(club.winning_bid)))
            .collect(),
        managers: participants
            .into_iter()
            .map(|p| {
                let spent = p.total_spent.expect("our backend says it");
                (p.user_id, (p.budget_remaining, spent, p.clubs_won))
            })
            .collect(),
    }
}

fn money_adds_up(story: &Story) {
    let budget = spec().budget;
    let sum = |amounts: &mut dyn Iterator<Item = Money>| amounts.fold(Money::ZERO, Money::saturating_add);
    for (user, (left, spent, bought)) in &story.managers {
        assert_eq!(left.saturating_add(*spent), budget, "{user}");
        let prices = sum(&mut bought
            .iter()
            .map(|club| story.clubs[club].as_ref().expect("it was sold").1));
        assert_eq!(prices, *spent, "{user}");
        assert!(bought.len() <= SLOTS as usize, "{user}");
    }
    assert_eq!(
        sum(&mut story.clubs.values().flatten().map(|(_, price)| *price)),
        sum(&mut story.managers.values().map(|(_, spent, _)| *spent))
    );
}

/// Every bid of every ledger has one final fate, and the confirmed ones are the database's bids, one to one.
async fn bids_match(running: &Running, demo: &Demo, states: &[Arc<SessionState>]) -> (usize, usize) {
    let mut stored = BTreeMap::new();
    for bid in running.store().all_bids(&demo.auction).await.unwrap() {
        let key = bid.client_bid_id.clone().expect("every bid came with a key");
        assert!(stored.insert(key, bid).is_none(), "a key stands for one bid");
    }
    let (in_all, mut refused) = (stored.len(), 0);
    for state in states {
        assert!(state.bids.len() < 200, "the ledger forgot nothing");
        for entry in &state.bids {
            assert!(is_final(entry.fate), "{entry:?}");
            match (entry.fate, stored.remove(&entry.key)) {
                (Fate::Confirmed, Some(bid)) => {
                    assert_eq!((entry.amount, &state.account.user_id), (bid.amount, &bid.user_id));
                    assert_eq!(entry.auction_id, demo.auction);
                    assert!(entry.answer_ms.is_some() && entry.refusal.is_none(), "{entry:?}");
                }
                (Fate::Refused, None) => {
                    assert!(entry.refusal.is_some(), "{entry:?}");
                    refused += 1;
                }
                (_, bid) => panic!("{entry:?} is in the database as {bid:?}"),
            }
        }
    }
    assert!(stored.is_empty(), "bids in no ledger: {stored:?}");
    (in_all, refused)
}

async fn everybody_tells_the_same_story(database: Database) {
    let settings = Settings {
        database,
        countdown_step: Duration::from_millis(200),
        ..Settings::practice()
    };
    let running = start(settings).await.unwrap();
    let demo = seed_demo(&running, &spec()).await.unwrap();
    let sessions = sessions(&running, &demo);
    let mut bots = tokio::task::JoinSet::new();
    for (session, temperament) in sessions.iter().zip(TEMPERAMENTS) {
        session.open_auction(demo.auction.clone()).await.unwrap();
        until(session, 5, "joined", |state| {
            shows(state, |view| view.room.joined)
        })
        .await;
        bots.spawn(play(session.clone(), demo.auction.clone(), temperament, PACE));
    }
    sessions[demo.commissioner]
        .commission(demo.league.clone(), CommissionerCall::Begin)
        .await
        .unwrap();

    for session in &sessions {
        until(session, 55, "the end", |state| {
            view(state).phase == AuctionPhase::Completed && view(state).ending.is_some()
        })
        .await;
        until(session, 15, "a fate for every bid", |state| {
            state.bids.iter().all(|bid| is_final(bid.fate))
        })
        .await;
    }
    let told = story_in_the_database(&running, &demo).await;
    for session in &sessions {
        // The list of clubs is read once more at the end; until then it may lag behind the database.
        until(session, 5, "the story of the database", |state| {
            story_of(view(state)) == told
        })
        .await;
    }
    money_adds_up(&told);
    assert!(
        told.clubs.values().flatten().count() >= 3,
        "clubs were sold: {told:#?}"
    );

    let states: Vec<_> = sessions
        .iter()
        .map(|session| session.state().borrow().clone())
        .collect();
    let (stored, refused) = bids_match(&running, &demo, &states).await;
    assert_eq!(stored as u64, told.sequence, "one number for every bid");
    println!(
        "{stored} bids stored, {refused} refused, {} clubs sold",
        told.clubs.values().flatten().count()
    );
    for state in &states {
        let measured = &state.measurements;
        assert_eq!(
            (
                measured.malformed,
                measured.unknown_events,
                measured.unknown_fields,
                measured.dropped
            ),
            (0, 0, 0, 0)
        );
        assert_eq!(
            view(state).gaps,
            0,
            "every bid was heard by {}",
            state.account.name
        );
        assert_eq!(measured.pods.len(), 1, "there was one pod");
    }
    assert!(bots.join_all().await.iter().any(|played| played.accepted > 0));
    for session in &sessions {
        session.close().await;
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_sessions_and_a_database_in_memory_tell_the_same_story() {
    everybody_tells_the_same_story(Database::Memory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_sessions_and_a_database_in_a_file_tell_the_same_story() {
    let folder = tempfile::tempdir().unwrap();
    everybody_tells_the_same_story(Database::File(folder.path().join("auction.db"))).await;
}
