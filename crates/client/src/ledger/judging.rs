//! What can be said of a bid without an answer, from what was read: pure, so that every case can be put in a table.
//!
//! A lot that is on the block shows its bids; one that is over shows, on our own backend, the events that were said
//! about it, and elsewhere only who bought it. "Does not count" is said where that is proved and nowhere else.

use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus, ClubList, ClubStatus, ListedClub};
use gavelscope_contract::event::BidUpdate;
use gavelscope_contract::league::ParticipantList;
use gavelscope_contract::{Money, UserId};

use crate::state::LedgerEntry;

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The auction.
    pub auction: Sight,
    /// What was said in its room, where the backend keeps that.
    pub history: Option<History>,
    /// Its clubs, with who bought them.
    pub clubs: Option<ClubList>,
    /// Its managers, with what they bought.
    pub managers: Option<ParticipantList>,
}

/// How the auction was found.
#[derive(Debug, Clone, Default)]
pub enum Sight {
    /// It could not be read this time.
    #[default]
    Unread,
    /// The server no longer knows it, or no longer shows it to me.
    Gone,
    /// Here it is.
    Seen(Box<AuctionSnapshot>),
}

/// The bids that were said in the auction's room.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// In their order.
    pub bids: Vec<BidUpdate>,
    /// Whether it goes back to the beginning: what is not in it was never said.
    pub whole: bool,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet: look again.
    NotYet,
    /// It counts; how that is known.
    Counts(String),
    /// It does not count; how that is known.
    DoesNotCount(String),
    /// It cannot be known any more; what is known instead.
    Undecidable(String),
}

/// What can be said of a bid. `last_look`: so much time has passed that what is not there now will not come.
pub fn judge(bid: &LedgerEntry, me: &UserId, evidence: &Evidence, last_look: bool) -> Verdict {
    let snapshot = match &evidence.auction {
        Sight::Unread => return Verdict::NotYet,
        Sight::Gone => return Verdict::Undecidable("the auction is no longer there".to_owned()),
        Sight::Seen(snapshot) => snapshot,
    };
    if is_stored(bid, me, snapshot, evidence.history.as_ref()) {
        return Verdict::Counts("the server has it".to_owned());
    }
    let lot_now = snapshot.auction.current_lot;
    let is_over = lot_now > bid.lot || snapshot.auction.status == AuctionStatus::Completed;
    if lot_now < bid.lot {
        return Verdict::Undecidable("the auction began anew".to_owned());
    }
    if !is_over {
        return if last_look {
            Verdict::DoesNotCount("the server does not have it".to_owned())
        } else {
            Verdict::NotYet
        };
    }
    if evidence.history.as_ref().is_some_and(|history| history.whole) {
        return Verdict::DoesNotCount("the server never had it".to_owned());
    }
    match by_result(bid, me, evidence) {
        Some(verdict) => verdict,
        None if last_look => {
            Verdict::Undecidable("the lot is over, and its bids cannot be read any more".to_owned())
        }
        None => Verdict::NotYet,
    }
}

/// Whether it is among the stored bids: by its key where the server keeps keys, otherwise by lot and amount.
fn is_stored(bid: &LedgerEntry, me: &UserId, snapshot: &AuctionSnapshot, history: Option<&History>) -> bool {
    let is_it = |user: &UserId, lot: Option<u32>, amount: Money, key: Option<&str>| match key {
        Some(key) => key == bid.key,
        None => user == me && lot == Some(bid.lot) && amount == bid.amount,
    };
    let on_the_block = snapshot.bids.iter().any(|stored| {
        is_it(
            &stored.user_id,
            Some(snapshot.auction.current_lot),
            stored.amount,
            stored.client_bid_id.as_deref(),
        )
    });
    let said = history.is_some_and(|history| {
        history.bids.iter().any(|said| {
            is_it(
                &said.bidder.user_id,
                said.lot_id.number(),
                said.amount,
                said.client_bid_id.as_deref(),
            )
        })
    });
    on_the_block || said
}

/// What the result of the lot says of it. The lot goes to the highest bid (contract, section 4, 3).
fn by_result(bid: &LedgerEntry, me: &UserId, evidence: &Evidence) -> Option<Verdict> {
    let clubs = &evidence.clubs.as_ref()?.clubs;
    let club = match &bid.club_id {
        Some(id) => clubs.iter().find(|club| club.id == *id),
        None => clubs.iter().find(|club| club.name == bid.club),
    }?;
    match (club.status, club.winning_bid) {
        (ClubStatus::Unsold, _) => Some(Verdict::DoesNotCount(format!("{} was not sold", club.name))),
        (ClubStatus::Sold, Some(price)) => Some(by_price(bid, club, price, bought_it(club, me, evidence))),
        // Offered again, or the list lags behind.
        _ => None,
    }
}

fn by_price(bid: &LedgerEntry, club: &ListedClub, price: Money, mine: Option<bool>) -> Verdict {
    let name = &club.name;
    match mine {
        Some(true) if price == bid.amount => Verdict::Counts(format!("it won {name}")),
        Some(true) => Verdict::Undecidable(format!("{name} went to you for {price}")),
        Some(false) if price < bid.amount => {
            Verdict::DoesNotCount(format!("{name} went to somebody else for {price}"))
        }
        Some(false) => Verdict::Undecidable(format!(
            "{name} went to somebody else for {price}, so it did not win"
        )),
        None => Verdict::Undecidable(format!("{name} was sold for {price}")),
    }
}

/// Whether I bought it. What the managers own is what the hammer gave them; the list of clubs can contradict it, and
/// names can be shared by two people.
fn bought_it(club: &ListedClub, me: &UserId, evidence: &Evidence) -> Option<bool> {
    if let Some(managers) = &evidence.managers {
        return managers
            .participants
            .iter()
            .find(|manager| manager.user_id == *me)
            .map(|manager| manager.clubs_won.contains(&club.id));
    }
    club.winner_id.as_ref().map(|winner| winner == me)
}

#[cfg(test)]
mod tests;
