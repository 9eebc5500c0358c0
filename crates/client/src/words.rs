//! The sentences of the state. Front ends show them as they are.

use gavelscope_contract::{Decoded, Event, Money, Received};

use crate::state::Fate;

/// What became of a bid. `detail` is a clause without a full stop.
pub fn fate(fate: Fate, amount: Money, detail: Option<&str>) -> String {
    let detail = detail.map(clause).filter(|d| !d.is_empty());
    match (fate, detail) {
        (Fate::Draft, _) => format!("{amount} is written down."),
        (Fate::Sent, _) => format!("{amount} is on its way."),
        (Fate::Unknown, Some(how)) => format!("No answer yet for {amount}. It may count: {how}."),
        (Fate::Unknown, None) => {
            format!("No answer yet for {amount}. It may count: it is being looked for, and not sent again.")
        }
        (Fate::Refused, Some(why)) => format!("{amount} was refused: {why}."),
        (Fate::Refused, None) => format!("{amount} was refused."),
        (Fate::Accepted, _) => format!("{amount} was accepted. Waiting to see it in the room."),
        (Fate::Confirmed, Some(how)) => format!("{amount} counts: {how}."),
        (Fate::Confirmed, None) => format!("{amount} counts: the room has seen it."),
        (Fate::NotStored, Some(why)) => format!("{amount} does not count: {why}."),
        (Fate::NotStored, None) => format!("{amount} does not count: the server does not have it."),
        (Fate::Undecidable, Some(why)) => {
            format!("Whether {amount} was stored cannot be known any more: {why}.")
        }
        (Fate::Undecidable, None) => format!("Whether {amount} was stored cannot be known any more."),
    }
}

/// A bid that never left.
pub fn not_sent(amount: Money, why: &str) -> String {
    format!("{amount} was not sent: {}.", clause(why))
}

/// A bid that an earlier run of the application left without an answer.
pub fn left_open(amount: Money) -> String {
    format!(
        "{amount} may have been sent before the application ended, and no answer was heard. It may count: it is being \
         looked for, and not sent again."
    )
}

/// A bid that is asked for again, where the server takes a key but once.
pub const ASKED_AGAIN: &str =
    "it is being asked for again under its own key, which this server takes only once";

fn clause(text: &str) -> &str {
    text.trim().trim_end_matches('.')
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
        Event::ClusterDegraded(e) => format!("Pod {} has lost the other pods: {}", e.pod, e.reason),
        Event::ClusterRestored(e) => format!("Pod {} hears the other pods again", e.pod),
        Event::PodDraining(e) => format!("Pod {} is about to stop", e.pod),
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
