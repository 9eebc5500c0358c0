//! A recorded auction played to a real session ends in the state that the recording itself ends in.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Credentials;
use gavelscope_client::state::{AuctionPhase, AuctionView, SessionState, TransportKind};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus, ClubList, ClubStatus, Participant};
use gavelscope_contract::event::{AuctionComplete, Sold};
use gavelscope_contract::{AuctionId, ClubId, Money, Secret, UserId};
use gavelscope_testkit::player::Player;
use gavelscope_testkit::trace::{Direction, Record, Trace};
use serde::de::DeserializeOwned;

const AUCTION: &str = "57c9540c-3dfe-4d73-8b21-5cfeb95ed8b4";
const ALICE: &str = "54d8da89-6434-4309-8d7d-fe086e5892c5";

/// How the recording says that its auction ended.
#[derive(Debug)]
struct End {
    /// What was sold last at every club's name on the block: to whom, for how much.
    sales: BTreeMap<ClubId, (UserId, Money)>,
    participants: Vec<Participant>,
    sequence: u64,
    /// The line of the snapshot and of the list of clubs that were read after the end.
    clubs_line: usize,
    /// That list, which contradicts the hammer.
    listed: ClubList,
}

/// The payloads of the events of that name that alice's socket heard.
fn heard<T: DeserializeOwned>(trace: &Trace, name: &str) -> Vec<T> {
    let start = format!("42[\"{name}\",");
    trace
        .frames()
        .filter(|(who, frame)| *who == "alice" && frame.dir == Direction::In)
        .filter_map(|(_, frame)| frame.raw.strip_prefix(&start)?.strip_suffix(']'))
        .map(|payload| serde_json::from_str(payload).unwrap())
        .collect()
}

fn end_of(trace: &Trace) -> End {
    let complete: Vec<AuctionComplete> = heard(trace, "auction_complete");
    let sales = heard::<Sold>(trace, "sold")
        .into_iter()
        .filter_map(|sold| {
            let bid = sold.winning_bid?;
            Some((sold.club_id, (bid.user_id, bid.amount)))
        })
        .collect();
    let answers = |path: &str| {
        let path = format!("/api/auction/{AUCTION}{path}");
        trace
            .lines
            .iter()
            .enumerate()
            .rev()
            .find_map(move |(line, entry)| match &entry.record {
                Record::Rest(call)
                    if call.method == "GET" && call.path == path && call.status == Some(200) =>
                {
                    Some((line, call.res_body.clone()))
                }
                _ => None,
            })
    };
    let (_, snapshot) = answers("").unwrap();
    let snapshot: AuctionSnapshot = serde_json::from_value(snapshot).unwrap();
    assert_eq!(snapshot.auction.status, AuctionStatus::Completed);
    let (clubs_line, listed) = answers("/clubs").unwrap();
    End {
        sales,
        participants: complete.into_iter().next().unwrap().participants,
        sequence: snapshot.auction.bid_sequence,
        clubs_line,
        listed: serde_json::from_value(listed).unwrap(),
    }
}

#[test]
fn the_recording_ends_with_four_sales_and_its_list_of_clubs_is_wrong_about_two() {
    let end = end_of(&Trace::full_auction().unwrap());
    assert_eq!((end.sales.len(), end.participants.len(), end.sequence), (4, 3, 9));
    // The money says that the hammer is right: what each spent is what their clubs went for.
    for participant in &end.participants {
        let prices = participant.clubs_won.iter().map(|club| {
            let (winner, price) = &end.sales[club];
            assert_eq!(*winner, participant.user_id, "{club}");
            *price
        });
        let spent = prices.fold(Money::ZERO, Money::saturating_add);
        assert_eq!(Some(spent), participant.total_spent);
        assert_eq!(
            participant.budget_remaining.saturating_add(spent),
            Money::from_pounds(20_000_000)
        );
    }
    let wrong =
        end.listed.clubs.iter().filter(|club| {
            club.status != ClubStatus::Sold || club.winning_bid != Some(end.sales[&club.id].1)
        });
    assert_eq!(
        wrong.count(),
        2,
        "a late bid was taken and lost; the last sale was never listed"
    );
}

fn session(player: &Player, transport: TransportKind) -> Session {
    let address = ServerAddress::parse(&player.url(), DEFAULT_PATH).unwrap();
    let credentials = Credentials {
        user: ALICE.into(),
        name: "Alice A".to_owned(),
        access: Secret::new("played".to_owned()),
        refresh: None,
        expires_at: None,
    };
    Session::start(SessionConfig::new(address, credentials, transport)).unwrap()
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

fn view(state: &SessionState) -> Option<&AuctionView> {
    state.auctions.first().map(|view| &**view)
}

fn agrees(view: &AuctionView, end: &End) {
    assert_eq!(u64::from(view.sequence), end.sequence);
    assert_eq!(view.gaps, 0, "nothing was missed");
    for (club, (winner, price)) in &end.sales {
        let row = view
            .clubs
            .iter()
            .find(|row| row.club.id == *club)
            .expect("every club is listed");
        let name = &view
            .managers
            .iter()
            .find(|m| m.person.user_id == *winner)
            .unwrap()
            .person
            .name;
        assert_eq!(
            (row.status, row.winner.as_ref(), row.price),
            (ClubStatus::Sold, Some(name), Some(*price)),
            "{}",
            row.club.name
        );
    }
    assert_eq!(view.clubs.len(), end.sales.len());
    assert_eq!(view.managers.len(), end.participants.len());
    for participant in &end.participants {
        let manager = view
            .managers
            .iter()
            .find(|manager| manager.person.user_id == participant.user_id)
            .expect("every manager is shown");
        assert_eq!(
            manager.budget, participant.budget_remaining,
            "{}",
            manager.person.name
        );
        assert_eq!(
            Some(manager.spent),
            participant.total_spent,
            "{}",
            manager.person.name
        );
        let roster: Vec<_> = manager
            .roster
            .iter()
            .map(|won| (won.club.id.clone(), won.price))
            .collect();
        let wanted: Vec<_> = participant
            .clubs_won
            .iter()
            .map(|club| (club.clone(), Some(end.sales[club].1)))
            .collect();
        assert_eq!(roster, wanted, "{}", manager.person.name);
    }
}

async fn a_session_ends_where_the_recording_ends(transport: TransportKind) {
    let trace = Trace::full_auction().unwrap();
    let end = end_of(&trace);
    let auction = AuctionId::from(AUCTION);
    let player = Player::start(&trace, "alice", &auction).await.unwrap();
    assert!(player.room_events() > 100, "there is an auction to play");
    let session = session(&player, transport);
    session.open_auction(auction).await.unwrap();

    player.play_until("auction_deleted").await.unwrap();
    // The phase can be known from a snapshot while events are still on their way; how it ended comes with the last.
    until(&session, "completed", |state| {
        view(state).is_some_and(|view| view.phase == AuctionPhase::Completed && view.ending.is_some())
    })
    .await;
    // The list of clubs that was read after the end is the wrong one: only now is there something to withstand.
    let clubs = format!("/api/auction/{AUCTION}/clubs");
    until(&session, "the last clubs", |state| {
        player.answered_since(&clubs, end.clubs_line) > 0
            && view(state)
                .is_some_and(|view| view.clubs.first().is_some_and(|club| club.lot_number == Some(1)))
    })
    .await;
    session.refresh_lobby().await.unwrap();
    agrees(view(&session.state().borrow()).unwrap(), &end);

    player.play_all().await;
    until(&session, "deleted", |state| {
        view(state).is_some_and(|view| view.phase == AuctionPhase::Deleted)
    })
    .await;
    let state = session.state().borrow().clone();
    agrees(view(&state).unwrap(), &end);
    assert_eq!(
        (
            state.measurements.malformed,
            state.measurements.unknown_events,
            state.measurements.dropped
        ),
        (0, 0, 0)
    );
    session.close().await;
}

#[tokio::test]
async fn a_session_over_rust_socketio_ends_where_the_recording_ends() {
    a_session_ends_where_the_recording_ends(TransportKind::RustSocketio).await;
}

#[tokio::test]
async fn a_session_over_wire_ends_where_the_recording_ends() {
    a_session_ends_where_the_recording_ends(TransportKind::Wire).await;
}
