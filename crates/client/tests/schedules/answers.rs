//! What the model server answers when it is asked.

use gavelscope_contract::auction::{
    Auction, AuctionSnapshot, Bid, Bidder, ClubList, ClubStatus, ClubSummary, EventPage, KeptEvent,
    ListedClub,
};
use gavelscope_contract::event::{Event, SnapshotEvent};
use gavelscope_contract::league::ParticipantList;
use gavelscope_contract::{LotId, Money, Timestamp};

use crate::model::{AUCTION, Kind, LEAGUE, Server, club, club_id, name, user};

impl Server {
    fn bids_of_lot(&self) -> Vec<Bid> {
        let open = self.club.is_some();
        self.bids
            .iter()
            .filter(|bid| open && bid.lot == self.lot)
            .map(|bid| self.stored_bid(bid))
            .collect()
    }

    fn end(&self) -> Option<Timestamp> {
        let stands = self.kind == Kind::Own && (self.stopped.is_some() || !self.open());
        (self.lot > 0 && !stands).then(|| Timestamp::from_millis(self.ends_at))
    }

    fn bidder(&self) -> Option<Bidder> {
        self.stored.map(|(_, by)| Bidder {
            user_id: user(by),
            display_name: Some(name(by)),
        })
    }

    /// `GET /auction/{id}`.
    pub fn over_rest(&self) -> AuctionSnapshot {
        AuctionSnapshot {
            auction: Auction {
                id: AUCTION.into(),
                league_id: LEAGUE.into(),
                status: self.status.clone(),
                current_lot: self.lot,
                current_club_id: self.club.map(club_id),
                current_lot_id: self.club.map(|_| LotId::new(&AUCTION.into(), self.lot)),
                bid_timer: Some(10),
                anti_snipe_seconds: Some(4),
                timer_ends_at: self.end(),
                club_queue: Vec::new(),
                unsold_clubs: self.unsold.iter().map(|club| club_id(*club)).collect(),
                minimum_budget: Some(Money::from_pounds(1_000)),
                paused_remaining_time: self.stopped,
                current_bid: self.stored.map(|(pounds, _)| Money::from_pounds(pounds)),
                current_bidder: self.bidder(),
                bid_sequence: self.sequence,
                users_in_waiting_room: self.waiting.iter().map(|waits| user(*waits)).collect(),
                created_at: None,
            },
            bids: self.bids_of_lot(),
            current_club: self.club.map(club),
            stream: self.position(true),
            server_now: None,
        }
    }

    /// `auction_snapshot`.
    pub fn over_socket(&self) -> SnapshotEvent {
        SnapshotEvent {
            auction_id: None,
            status: self.status.clone(),
            current_lot: self.lot,
            current_club_id: self.club.map(club_id),
            current_club: self.club.map(club),
            current_bid: self.stored.map(|(pounds, _)| Money::from_pounds(pounds)),
            current_bidder: self.bidder(),
            timer_ends_at: self.end(),
            sold_clubs: Vec::new(),
            unsold_clubs: Vec::new(),
            seq: self.sequence,
            participants: self.participants(),
            current_bids: self.bids_of_lot(),
            timer: None,
            stream: self.position(true),
        }
    }

    /// `GET /leagues/{id}/participants`.
    pub fn managers_list(&self) -> ParticipantList {
        let participants = self.participants();
        ParticipantList {
            count: u32::try_from(participants.len()).unwrap(),
            participants,
        }
    }

    /// `GET /auction/{id}/clubs`. The field's is made from bids, those after the hammer included, and calls the last
    /// club current for ever.
    pub fn clubs_list(&self) -> ClubList {
        let clubs = (0..4)
            .map(|number| {
                let winner = (0..)
                    .zip(&self.managers)
                    .find(|(_, manager)| manager.won.contains(&number));
                let status = match winner {
                    _ if self.club == Some(number) => ClubStatus::Current,
                    Some(_) => ClubStatus::Sold,
                    None if self.unsold.contains(&number) => ClubStatus::Unsold,
                    None => ClubStatus::Upcoming,
                };
                let sold_in = self
                    .bids
                    .iter()
                    .rfind(|bid| bid.club == number)
                    .map(|bid| bid.lot);
                let highest = self
                    .bids
                    .iter()
                    .filter(|bid| Some(bid.lot) == sold_in)
                    .rev()
                    .max_by_key(|bid| bid.pounds);
                let sale = highest.filter(|_| status == ClubStatus::Sold);
                ListedClub {
                    id: club_id(number),
                    name: format!("Club {number}"),
                    country: None,
                    competition: None,
                    competition_short: None,
                    status,
                    lot_number: Some(u32::from(number) + 1),
                    winner: sale.map(|bid| name(bid.user)),
                    winning_bid: sale.map(|bid| Money::from_pounds(bid.pounds)),
                    winner_id: sale.filter(|_| self.kind == Kind::Own).map(|bid| user(bid.user)),
                }
            })
            .collect();
        ClubList {
            clubs,
            summary: ClubSummary {
                total_clubs: 4,
                sold_clubs: 0,
                unsold_clubs: 0,
                remaining_clubs: 0,
            },
        }
    }

    /// `GET /auction/{id}/events?after=`, of what was said up to now; `kept` of it are still there.
    pub fn page<'a>(
        &self,
        said: impl Iterator<Item = &'a Event>,
        after: u64,
        kept: u64,
        most: usize,
    ) -> EventPage {
        let epoch = self.epoch.to_string();
        let oldest = self.stream.saturating_sub(kept) + 1;
        let events = said
            .filter_map(|event| Some((event, event.position()?)))
            .filter(|(_, place)| !place.passing && place.epoch == epoch)
            .filter(|(_, place)| place.seq > after && place.seq >= oldest && place.seq <= self.stream)
            .take(most)
            .map(|(event, place)| KeptEvent {
                seq: place.seq,
                name: event.name().to_owned(),
                payload: event.payload().unwrap(),
            })
            .collect();
        EventPage {
            epoch,
            latest: self.stream,
            oldest,
            events,
        }
    }
}
