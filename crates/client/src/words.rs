//! The sentences of the state. Front ends show them as they are.

use gavelscope_contract::{Decoded, Event, Money, Received};

use crate::state::{BlockReason, Fate};

/// What became of a bid.
pub fn fate(fate: Fate, amount: Money, detail: Option<&str>) -> String {
    let detail = detail
        .map(|d| d.trim().trim_end_matches('.'))
        .filter(|d| !d.is_empty());
    match (fate, detail) {
        (Fate::Draft, _) => format!("{amount} is written down."),
        (Fate::Sent, _) => format!("{amount} is on its way."),
        (Fate::Unknown, _) => {
            format!("No answer yet for {amount}. It may count: it is being looked for, and not sent again.")
        }
        (Fate::Refused, Some(why)) => format!("{amount} was refused: {why}."),
        (Fate::Refused, None) => format!("{amount} was refused."),
        (Fate::Accepted, _) => format!("{amount} was accepted. Waiting to see it in the room."),
        (Fate::Confirmed, _) => format!("{amount} counts: the room has seen it."),
        (Fate::NotStored, Some(why)) => format!("{amount} was not sent: {why}."),
        (Fate::NotStored, None) => format!("{amount} does not count: the server does not have it."),
    }
}

/// Why nothing can be bid.
pub fn blocked(reason: BlockReason) -> &'static str {
    match reason {
        BlockReason::NotLive => "The state is not up to date; bidding opens again once it is.",
        BlockReason::NoLot => "Nothing is on the block.",
        BlockReason::Paused => "The commissioner has paused the auction.",
        BlockReason::NotAParticipant => "You are not a manager in this league.",
        BlockReason::Leading => "You lead. Nothing to do until somebody bids more.",
        BlockReason::RosterFull => "Your roster is full.",
        BlockReason::Budget => "Your budget does not reach the next bid.",
        BlockReason::InFlight => "Your bid is on its way.",
        BlockReason::TooLate => "There is less time left than a bid needs to get there.",
        BlockReason::TimeUp => "The hammer has fallen.",
        BlockReason::Over => "The auction is over.",
    }
}

/// What an event says.
pub fn summary(received: &Received) -> String {
    match &received.decoded {
        Decoded::Unknown => "An event that this version does not know.".to_owned(),
        Decoded::Malformed(reason) => format!("Not what the contract says: {reason}."),
        Decoded::Known(event) => event_summary(event),
    }
}

fn event_summary(event: &Event) -> String {
    match event {
        Event::Connected(e) => match &e.pod {
            Some(pod) => format!("Socket {} on pod {pod}", e.sid),
            None => format!("Socket {}", e.sid),
        },
        Event::AuctionSnapshot(e) => format!(
            "Snapshot: {}, lot {}, bid no. {}",
            e.status.as_str(),
            e.current_lot,
            e.seq
        ),
        Event::WaitingRoomUpdated(e) => format!("{} in the waiting room", e.users_in_waiting_room.len()),
        Event::LotStarted(e) => format!("Lot {}: {}", e.lot_number, e.club.name),
        Event::Tick(e) => format!("{:.1} s left", seconds_left(e.ends_at, e.server_now)),
        Event::AntiSnipe(e) => format!("A late bid: {:.1} s left", seconds_left(e.ends_at, e.server_now)),
        Event::BidUpdate(e) => {
            format!(
                "{} by {} (no. {})",
                e.amount,
                e.bidder.display_name.as_deref().unwrap_or("somebody"),
                e.seq
            )
        }
        Event::BidPlaced(e) => {
            format!(
                "{} by {}",
                e.bid.amount,
                e.bid.user_name.as_deref().unwrap_or("somebody")
            )
        }
        Event::Sold(e) => {
            let club = e.club_name.as_deref().unwrap_or(e.club_id.as_str());
            match &e.winning_bid {
                Some(bid) if !e.unsold => {
                    format!(
                        "{club} to {} for {}",
                        bid.user_name.as_deref().unwrap_or("somebody"),
                        bid.amount
                    )
                }
                _ => format!("{club} was not sold"),
            }
        }
        Event::NextTeamCountdown(e) => format!("Next lot in {}", e.seconds),
        Event::AuctionPaused(_) => "The auction is paused".to_owned(),
        Event::AuctionResumed(_) => "The auction goes on".to_owned(),
        Event::AuctionComplete(e) => format!("Over: {} sold, {} not", e.clubs_sold, e.clubs_unsold),
        Event::AuctionDeleted(_) => "The auction was deleted".to_owned(),
        Event::ParticipantsChanged(e) => format!("{} managers in the league", e.count),
        Event::SyncMembers(e) => format!("{} members in the league", e.members.len()),
        Event::RoomJoined(e) => format!("In the league's room with {} members", e.member_count),
        Event::MemberJoined(e) => format!("{} joined", e.display_name.as_deref().unwrap_or("Somebody")),
        Event::ParticipantJoined(e) => {
            format!(
                "{} joined",
                e.participant.user_name.as_deref().unwrap_or("Somebody")
            )
        }
        Event::LeagueStatusChanged(e) => match e.status.as_str() {
            "auction_created" => "An auction was created".to_owned(),
            "auction_active" => "The auction has begun".to_owned(),
            "auction_complete" => "The auction is over".to_owned(),
            other => format!("The league is now “{other}”"),
        },
        Event::Probe(e) => format!("Probe {} from pod {}", e.nonce, e.pod),
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "for people; a lot's clock is far below 2^52 ms"
)]
fn seconds_left(ends_at: i64, server_now: i64) -> f64 {
    ends_at.saturating_sub(server_now).max(0) as f64 / 1_000.0
}
