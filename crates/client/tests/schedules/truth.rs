//! What may be shown at any moment, and what has to be shown in the end.

use std::collections::{BTreeMap, HashSet};

use gavelscope_client::auction::AuctionState;
use gavelscope_client::state::AuctionPhase;
use gavelscope_contract::auction::{AuctionStatus, ClubStatus};
use gavelscope_contract::{Money, UserId};

use crate::line::{Run, is_fresh};
use crate::model::{Kind, Server, user};

/// A lot with its price and who leads.
pub type Shown = (u32, Option<(Money, UserId)>);

/// Every price that the server had: each bid was it for a moment, and before the first there was none.
pub fn prices(run: &Run) -> HashSet<Shown> {
    let none = (0..=run.last().lot).map(|lot| (lot, None));
    let bids = run
        .last()
        .bids
        .iter()
        .map(|bid| (bid.lot, Some((Money::from_pounds(bid.pounds), user(bid.user)))));
    none.chain(bids).collect()
}

fn phase(server: &Server) -> AuctionPhase {
    match server.status {
        AuctionStatus::Waiting => AuctionPhase::Waiting,
        AuctionStatus::Active if server.open() => AuctionPhase::Bidding,
        AuctionStatus::Active => AuctionPhase::Between,
        AuctionStatus::Paused => AuctionPhase::Paused,
        AuctionStatus::Completed => AuctionPhase::Completed,
        AuctionStatus::Unknown(_) => AuctionPhase::Loading,
    }
}

/// What is called fresh is what the server was at that place of its stream.
fn is_the_server_there(state: &AuctionState, run: &Run) {
    let Some(reached) = state.reached.as_ref().filter(|_| is_fresh(state)) else {
        return;
    };
    let Some(number) = run.places.get(&(reached.epoch.clone(), reached.seq)) else {
        return;
    };
    // The managers are read apart, and a roster can tell of a hammer before the stream does.
    if state.lot.as_ref().is_some_and(|lot| lot.hammered && !lot.settled) {
        return;
    }
    let server = &run.states[*number];
    assert_eq!(state.phase, phase(server), "called fresh at {reached:?}");
    assert_eq!(
        (state.latest_lot, state.sequence),
        (server.lot, server.sequence),
        "called fresh at {reached:?}"
    );
}

/// What has to hold whatever was lost.
pub fn holds(state: &AuctionState, run: &Run, seen: &HashSet<Shown>) {
    is_the_server_there(state, run);
    let Some(lot) = &state.lot else { return };
    let shown = (lot.number, lot.price.zip(lot.leader.clone()));
    assert!(seen.contains(&shown), "no state of the server had {shown:?}");
    if is_fresh(state) && !lot.settled {
        let due = run
            .last()
            .bids
            .iter()
            .filter(|bid| bid.lot == lot.number && bid.seq <= state.sequence);
        for bid in due {
            let amount = Money::from_pounds(bid.pounds);
            let known = lot
                .bids
                .iter()
                .any(|known| known.amount == amount && known.user == user(bid.user));
            assert!(
                known,
                "called fresh without bid no. {} of {}",
                bid.seq, state.sequence
            );
        }
    }
}

/// The numbers that only ever grow: lots, bids, clubs bought, the lot of the last sale.
pub fn numbers(state: &AuctionState) -> [u64; 4] {
    let bought: usize = state
        .participants
        .iter()
        .map(|manager| manager.clubs_won.len())
        .sum();
    let sale = state
        .last_sale
        .as_ref()
        .and_then(|sale| sale.lot)
        .unwrap_or_default();
    [
        u64::from(state.latest_lot),
        state.sequence,
        u64::try_from(bought).unwrap(),
        u64::from(sale),
    ]
}

type Listed = (ClubStatus, Option<UserId>, Option<String>, Option<Money>);

fn clubs(state: &AuctionState) -> BTreeMap<String, Listed> {
    state
        .clubs
        .iter()
        .map(|club| {
            let what = (
                club.status,
                club.winner_id.clone(),
                club.winner.clone(),
                club.winning_bid,
            );
            (club.id.to_string(), what)
        })
        .collect()
}

fn managers(state: &AuctionState) -> BTreeMap<String, (Money, Vec<String>)> {
    state
        .participants
        .iter()
        .map(|manager| {
            let won = manager.clubs_won.iter().map(ToString::to_string).collect();
            (manager.user_id.to_string(), (manager.budget_remaining, won))
        })
        .collect()
}

fn bids(state: &AuctionState) -> Vec<(Money, String, bool)> {
    let mut bids: Vec<_> = state
        .lot
        .iter()
        .flat_map(|lot| &lot.bids)
        .map(|bid| (bid.amount, bid.user.to_string(), bid.below))
        .collect();
    bids.sort();
    bids
}

/// The end of a run with losses is the end of the one without.
pub fn same_end(with: &AuctionState, without: &AuctionState, server: &Server, over_socket: bool) {
    let field = server.kind == Kind::Field;
    assert!(is_fresh(with), "still behind: {:?}", with.sync);
    assert!(
        is_fresh(without),
        "the run without losses is behind: {:?}",
        without.sync
    );
    if server.open() {
        // Whatever the server stored last: the price is the highest bid.
        let highest = server
            .highest()
            .map(|bid| (Money::from_pounds(bid.pounds), user(bid.user)));
        let shown = with
            .lot
            .as_ref()
            .and_then(|lot| lot.price.zip(lot.leader.clone()));
        assert_eq!(shown, highest, "the highest bid");
    }
    assert_eq!(with.sequence, without.sequence, "bid sequence");
    assert_eq!(with.sequence, server.sequence, "the server's bid sequence");
    assert_eq!(with.latest_lot, without.latest_lot, "lot number");
    let place = server.position(true);
    let reached = with.reached.as_ref().map(|reached| (&reached.epoch, reached.seq));
    assert_eq!(
        reached,
        place.as_ref().map(|place| (&place.epoch, place.seq)),
        "place in the stream"
    );
    // Where the hammer was not heard, the field's snapshot over REST does not tell of it before the next lot.
    let unheard = field && server.hammered && with.lot.as_ref().is_some_and(|lot| !lot.settled);
    // Nor does it tell who joined before the auction begins.
    let unknown = (unheard && with.lot.as_ref().is_some_and(|lot| !lot.hammered))
        || (field && server.status == AuctionStatus::Waiting);
    if !unknown {
        assert_eq!(managers(with), managers(without), "managers");
    }
    let phase_open = unheard && server.status == AuctionStatus::Active && with.phase == AuctionPhase::Bidding;
    assert!(
        phase_open || with.phase == without.phase,
        "{:?}, not {:?}",
        with.phase,
        without.phase
    );
    let mut listed = clubs(with);
    for (id, truth) in clubs(without) {
        let club = listed.remove(&id).unwrap();
        let on_block = server.club.is_some_and(|number| id == format!("c{number}"));
        if unheard && on_block && club.0 == ClubStatus::Current {
            continue;
        }
        assert_eq!(
            (club.0, &club.1, &club.2),
            (truth.0, &truth.1, &truth.2),
            "club {id}"
        );
        // Who missed the hammer may not know for how much, and then says so.
        assert!(
            club.3 == truth.3 || club.3.is_none(),
            "club {id}: {club:?}, not {truth:?}"
        );
    }
    match (&with.lot, &without.lot) {
        (Some(lot), Some(truth)) => {
            assert_eq!((lot.number, &lot.club_id), (truth.number, &truth.club_id), "lot");
            assert_eq!(lot.is_retry || truth.is_retry, truth.is_retry, "offered before");
            if unheard {
                return;
            }
            assert_eq!(
                (lot.price, &lot.leader),
                (truth.price, &truth.leader),
                "price and leader"
            );
            assert_eq!(lot.hammered, truth.hammered, "hammer");
            if field || !truth.hammered {
                assert_eq!(bids(with), bids(without), "bids");
            }
            match with.phase {
                AuctionPhase::Bidding => assert_eq!(lot.ends_at, truth.ends_at, "end of the clock"),
                AuctionPhase::Paused if over_socket && lot.stopped_ms.is_none() => {}
                AuctionPhase::Paused => assert_eq!(lot.stopped_ms, truth.stopped_ms, "what is left"),
                _ => {}
            }
        }
        // Our own backend does not tell what was on the block last, not even to the run without losses, where the stream
        // began anew just before.
        (None, Some(_)) | (Some(_), None) if !field && !server.open() => {}
        (lot, truth) => assert_eq!(lot.is_some(), truth.is_some(), "a lot"),
    }
    if with.phase == AuctionPhase::Waiting && !over_socket {
        assert_eq!(with.waiting_room, without.waiting_room, "waiting room");
    }
}
