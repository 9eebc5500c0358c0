//! The auctions that are open, the rooms that are joined, and the events that come from them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavelscope_contract::ack::{JoinAuction, JoinLeagueRoom};
use gavelscope_contract::event::Event;
use gavelscope_contract::{Ack, AuctionId, LeagueId, Received};
use rand::RngExt;
use tokio::sync::oneshot;

use super::Reply;
use super::driver::Driver;
use super::jobs::{Done, JoinedRoom, as_ack};
use crate::auction::AuctionState;
use crate::delivery::Delivery;
use crate::input::Input;
use crate::reducer::Effect;
use crate::state::{AuctionPhase, AuctionView, Millis, RoomClaim};
use crate::time;
use crate::transport::{AckError, Outbound};

/// A join is told to the whole room, so no more leagues are listened to than an evening has.
const LEAGUE_ROOMS: usize = 8;
/// What is missing may have been overtaken on its way between two pods, which takes milliseconds. Many sessions see the
/// same hole at the same moment and must not ask all at once, so each waits another time.
const PATIENCE_MS: std::ops::RangeInclusive<u64> = 150..=250;
/// Where the state is read all the time, the next reading most often brings what is missing.
const POLLED_PATIENCE_MS: std::ops::RangeInclusive<u64> = 500..=1_500;

/// An open auction.
pub(super) struct Room {
    /// The auction's id once more, for every line of the feed to share.
    id: Arc<AuctionId>,
    pub(super) state: AuctionState,
    pub(super) claim: RoomClaim,
    /// Whether its events arrive.
    pub(super) delivery: Delivery,
    /// When a snapshot was last taken.
    pub(super) read_at: Option<Millis>,
    /// The pod hears the others again since then; what they said before was missed, and a snapshot has to be asked for.
    pub(super) missed_until: Option<Millis>,
    /// Whether the join was asked to be acknowledged.
    pub(super) ack_expected: bool,
    /// A snapshot is being asked for or will be.
    pub(super) asking: bool,
    /// Something was missed while it was on its way: its answer may not cover that.
    pub(super) ask_again: bool,
    /// How many attempts in a row did not get it.
    pub(super) failures: u32,
    pub(super) last_asked: Option<Instant>,
    /// Who waits for the first snapshot.
    pub(super) opened: Vec<Reply<()>>,
    /// The view as it was last made, until something changes.
    pub(super) view: Option<Arc<AuctionView>>,
}

impl Room {
    fn new(auction: AuctionId) -> Self {
        Self {
            id: Arc::new(auction.clone()),
            state: AuctionState::new(auction),
            claim: not_joined(),
            delivery: Delivery::new(),
            read_at: None,
            missed_until: None,
            ack_expected: true,
            asking: false,
            ask_again: false,
            failures: 0,
            last_asked: None,
            opened: Vec::new(),
            view: None,
        }
    }
}

impl Room {
    /// Whether no snapshot is on its way or planned.
    pub(super) fn may_be_asked(&self) -> bool {
        !self.asking
    }
}

fn not_joined() -> RoomClaim {
    RoomClaim {
        joined: false,
        at: None,
        here: None,
        cluster: None,
        trouble: None,
    }
}

impl Driver {
    pub(super) fn room(&mut self, auction: &AuctionId) -> Option<&mut Room> {
        self.rooms.iter_mut().find(|room| room.state.id == *auction)
    }

    /// Every view has to be made anew.
    pub(super) fn touch_all(&mut self) {
        self.record_link();
        for room in &mut self.rooms {
            room.view = None;
        }
        self.unpublished = true;
    }

    pub(super) fn open_auction(&mut self, auction: &AuctionId, reply: Reply<()>) {
        if let Some(room) = self.room(auction) {
            if room.state.phase == AuctionPhase::Loading {
                room.opened.push(reply);
            } else {
                let _ = reply.send(Ok(()));
            }
            return;
        }
        let mut room = Room::new(auction.clone());
        room.opened.push(reply);
        self.record(|recorder| recorder.state(&room.state));
        self.rooms.push(room);
        if self.is_online() {
            self.join(auction);
        }
        self.want_snapshot(auction);
        self.want_clubs(auction);
        self.unpublished = true;
    }

    pub(super) fn close_auction(&mut self, auction: &AuctionId) {
        self.forget(auction);
        let payload = serde_json::json!({ "auctionId": auction });
        self.emit("leave_auction", payload, None);
        self.unpublished = true;
    }

    pub(super) fn forget(&mut self, auction: &AuctionId) {
        if let Some(room) = self.rooms.iter().find(|room| room.state.id == *auction) {
            self.record(|recorder| {
                recorder.state(&room.state);
                recorder.closed(auction);
            });
        }
        self.rooms.retain(|room| room.state.id != *auction);
    }

    /// Joins everything anew: the link is new, and the server knows nothing of the rooms of the last one.
    pub(super) fn join_all(&mut self) {
        let auctions: Vec<AuctionId> = self.rooms.iter().map(|room| room.state.id.clone()).collect();
        for auction in auctions {
            self.join(&auction);
            self.want_snapshot(&auction);
        }
        self.league_rooms.clear();
        self.join_leagues();
    }

    fn join(&mut self, auction: &AuctionId) {
        let me = self.me().clone();
        let hopeless = self
            .acknowledged
            .get("join_auction")
            .is_some_and(|acks| acks.is_hopeless());
        let Some(room) = self.room(auction) else { return };
        room.ack_expected = !hopeless;
        // Every join that names its user is told to the whole room (contract, section 4, 7): it is named only where
        // that matters, in the waiting room.
        let named = matches!(room.state.phase, AuctionPhase::Loading | AuctionPhase::Waiting);
        room.claim = not_joined();
        let payload = JoinAuction {
            auction_id: auction.clone(),
            user_id: named.then_some(me),
        };
        self.emit(
            "join_auction",
            serde_json::to_value(payload).unwrap_or_default(),
            Some(JoinedRoom::Auction(auction.clone())),
        );
    }

    /// Joins the rooms of the leagues in the lobby, where the start of an auction is told.
    pub(super) fn join_leagues(&mut self) {
        if !self.is_online() {
            return;
        }
        let wanted: Vec<LeagueId> = self
            .lobby
            .leagues
            .iter()
            .filter(|league| league.stage != crate::state::LeagueStage::Over)
            .map(|league| league.id.clone())
            .chain(self.rooms.iter().filter_map(|room| room.state.league_id.clone()))
            .take(LEAGUE_ROOMS)
            .collect();
        for league in wanted {
            if self.league_rooms.insert(league.clone()) {
                let payload = JoinLeagueRoom {
                    league_id: league.clone(),
                };
                let payload = serde_json::to_value(payload).unwrap_or_default();
                self.emit("join_league_room", payload, Some(JoinedRoom::League(league)));
            }
        }
    }

    pub(super) fn emit(&mut self, name: &'static str, payload: serde_json::Value, room: Option<JoinedRoom>) {
        let Some(link) = &self.link else { return };
        self.record(|recorder| recorder.out(name, &payload));
        let limit = self.config.ack_limit;
        let hopeless = self.acknowledged.get(name).is_some_and(|acks| acks.is_hopeless());
        let wants_ack = room.filter(|_| !hopeless);
        let (ack, answer) = match wants_ack {
            Some(room) => {
                let (ack, answer) = oneshot::channel();
                (Some(ack), Some((room, answer)))
            }
            None => (None, None),
        };
        if link
            .outbound
            .try_send(Outbound {
                name,
                payload,
                ack,
                limit,
            })
            .is_err()
        {
            self.note(
                None,
                "send",
                format!("“{name}” could not be sent: too much is waiting."),
            );
            return;
        }
        if let Some((room, answer)) = answer {
            let number = self.link_number;
            let asked = Instant::now();
            self.jobs.spawn(async move {
                let result = answer.await.unwrap_or(Err(AckError::LinkLost)).map(as_ack);
                Done::Joined {
                    asked,
                    link: number,
                    room,
                    result,
                }
            });
        }
    }

    pub(super) fn joined(
        &mut self,
        asked: Instant,
        link: u64,
        room: &JoinedRoom,
        result: &Result<Option<Ack>, AckError>,
    ) {
        if link != self.link_number {
            return;
        }
        let now = time::now();
        self.record(|recorder| {
            let answer = result.as_ref().map(Option::as_ref).map_err(ToString::to_string);
            recorder.ack(room.event(), answer);
        });
        let acks = self.acknowledged.entry(room.event()).or_default();
        match result {
            Ok(_) => {
                acks.ever = true;
                acks.missing = 0;
                if !self.answers_checks {
                    self.measured.round_trip.add(time::millis_since(asked));
                }
                self.heard(now);
            }
            Err(AckError::Missing) => {
                acks.missing += 1;
                self.measured.acks_missing += 1;
            }
            Err(AckError::LinkLost) => {}
        }
        if let Ok(Some(Ack { pod: Some(pod), .. })) = result {
            self.connection.pod = Some(pod.clone());
            self.measured.pods.on_socket(pod, now);
        }
        let JoinedRoom::Auction(auction) = room else {
            return;
        };
        let claim = match result {
            Ok(Some(ack)) if ack.ok => RoomClaim {
                joined: true,
                at: Some(now),
                here: ack.room_size,
                cluster: ack.cluster_room_size.flatten(),
                trouble: None,
            },
            Ok(ack) => {
                let why = ack
                    .as_ref()
                    .and_then(|ack| ack.error.clone())
                    .unwrap_or_else(|| "without a reason".to_owned());
                let why = why.trim_end_matches('.');
                let trouble = Some(format!("The server did not let you into the room: {why}."));
                RoomClaim {
                    trouble,
                    at: Some(now),
                    ..not_joined()
                }
            }
            Err(error) => RoomClaim {
                trouble: Some(format!("The join has no answer: {error}.")),
                at: Some(now),
                ..not_joined()
            },
        };
        let joined = claim.joined;
        let lost = matches!(result, Err(AckError::LinkLost));
        if let Some(trouble) = &claim.trouble {
            self.note(Some(auction.clone()), "join", trouble.clone());
        }
        let mut change = None;
        let is_alone = self.connection.pod_alone.is_some();
        if let Some(room) = self.room(auction) {
            room.claim = claim;
            room.view = None;
            change = match (joined, lost) {
                (true, _) => room.delivery.joined(),
                (false, false) => room.delivery.not_joined(Instant::now()),
                (false, true) => None,
            };
            if joined && is_alone {
                change = room.delivery.cluster_lost(Instant::now());
            }
        }
        self.delivery_changed(auction, change);
        self.unpublished = true;
        // Between the first snapshot and the join, events went by unheard.
        if joined {
            self.want_snapshot(auction);
        }
    }

    /// An event for one of the rooms. Few say which; those that do not belong to the one auction that is open.
    pub(super) fn room_event(
        &mut self,
        received: &Received,
        event: &Event,
        now: Millis,
    ) -> Option<Arc<AuctionId>> {
        let index = self.room_of(event)?;
        let room = &mut self.rooms[index];
        if let Event::BidUpdate(update) = event {
            let me = &self.config.credentials.user;
            if let Some(key) = self.ledger.echo(&room.id, update, me, now)
                && let Some(entry) = self.ledger.get(&key)
                && let Some(echo_ms) = entry.echo_ms
            {
                self.measured.echo.add(echo_ms);
                if !entry.earlier {
                    self.clock.there(entry.sent_at, update.server_time.millis(), now);
                }
            }
        }
        match event {
            Event::Sold(sold) => {
                let lot = room.state.lot.as_ref().filter(|lot| lot.club_id == sold.club_id);
                let price = sold.winning_bid.as_ref().map(|bid| bid.amount);
                if let Some(lot) = lot
                    && (price.is_some() || sold.unsold)
                {
                    self.ledger
                        .hammer(&room.id, lot.number, price.filter(|_| !sold.unsold));
                }
            }
            Event::LotStarted(started) => self.ledger.lot_started(&room.id, started.lot_number),
            _ => {}
        }
        room.view = None;
        let (gaps, sequence) = (room.state.gaps, room.state.sequence);
        let auction = Arc::clone(&room.id);
        let effects = self.fold_received(index, received, event, now);
        let room = &mut self.rooms[index];
        // Any event can show that one before it did not come: the stream of our own backend numbers them all.
        let hole = room.state.gaps > gaps;
        let told = room.state.sequence;
        match event {
            Event::Tick(_) | Event::AntiSnipe(_) => room.delivery.tick(Instant::now()),
            // One that has to wait for another has not proved anything yet.
            Event::BidUpdate(update) if update.seq <= sequence || update.seq > told => {
                room.delivery.bid(update.seq, false);
            }
            _ => {}
        }
        // Bids that had been overtaken, or had to wait for one that was, came as events all the same.
        if !hole && !matches!(event, Event::AuctionSnapshot(_)) {
            for seq in sequence.saturating_add(1)..=told {
                room.delivery.bid(seq, true);
            }
        }
        self.look_for_a_hole(&auction, gaps);
        if !effects.is_empty() {
            self.effects(&auction, effects);
        }
        Some(auction)
    }

    /// Whether something was counted as missing since, and what that means.
    fn look_for_a_hole(&mut self, auction: &AuctionId, gaps_before: u32) {
        let Some(room) = self.room(auction) else { return };
        if room.state.gaps > gaps_before {
            let change = room.delivery.hole(Instant::now());
            self.delivery_changed(auction, change);
        }
    }

    fn wait(&mut self, auction: AuctionId, since: Millis) {
        let Some(room) = self.room(&auction) else { return };
        let range = match room.delivery.polled() {
            Some(_) => POLLED_PATIENCE_MS,
            None => PATIENCE_MS,
        };
        let patience = Duration::from_millis(rand::rng().random_range(range));
        self.jobs.spawn(async move {
            tokio::time::sleep(patience).await;
            Done::Waited { auction, since }
        });
    }

    /// It was waited long enough for what is missing, unless it has come.
    pub(super) fn waited(&mut self, auction: &AuctionId, since: Millis) {
        let waits = |room: &Room| {
            room.state
                .patience
                .is_some_and(|patience| patience.since == since)
        };
        let Some(room) = self.room(auction).filter(|room| waits(room)) else {
            return;
        };
        let gaps = room.state.gaps;
        room.view = None;
        let effects = self.fold_into(auction, &Input::Waited { since }, time::now());
        self.look_for_a_hole(auction, gaps);
        self.effects(auction, effects);
        self.unpublished = true;
    }

    fn room_of(&self, event: &Event) -> Option<usize> {
        let by_auction = |id: &AuctionId| self.rooms.iter().position(|room| room.state.id == *id);
        let by_league = |id: &LeagueId| {
            self.rooms
                .iter()
                .position(|room| room.state.league_id.as_ref() == Some(id))
        };
        let by_lot = |lot: &gavelscope_contract::LotId| {
            let (auction, _) = lot.as_str().rsplit_once("-lot-")?;
            self.rooms
                .iter()
                .position(|room| room.state.id.as_str() == auction)
        };
        let only = || (self.rooms.len() == 1).then_some(0);
        match event {
            Event::Tick(timer) | Event::AntiSnipe(timer) => by_lot(&timer.lot_id),
            Event::BidUpdate(update) => by_lot(&update.lot_id),
            Event::BidPlaced(placed) => by_auction(&placed.auction_id),
            Event::LotStarted(started) => by_lot(&started.timer.lot_id),
            Event::AuctionDeleted(deleted) => by_auction(&deleted.auction_id),
            Event::AuctionSnapshot(snapshot) => match &snapshot.auction_id {
                Some(auction) => by_auction(auction),
                None => only(),
            },
            Event::Sold(sold) => {
                if let Some(auction) = sold.winning_bid.as_ref().and_then(|bid| bid.auction_id.as_ref()) {
                    by_auction(auction)
                } else {
                    let league = sold
                        .participants
                        .iter()
                        .find_map(|participant| participant.league_id.as_ref());
                    league.map_or_else(only, by_league)
                }
            }
            Event::AuctionComplete(complete) => {
                let league = complete
                    .participants
                    .iter()
                    .find_map(|participant| participant.league_id.as_ref());
                league.map_or_else(only, by_league)
            }
            Event::ParticipantsChanged(changed) => by_league(&changed.league_id),
            Event::ParticipantJoined(joined) => by_league(&joined.league_id),
            Event::SyncMembers(sync) => by_league(&sync.league_id),
            Event::RoomJoined(joined) => by_league(&joined.league_id),
            Event::LeagueStatusChanged(changed) => by_league(&changed.league_id),
            Event::Connected(_)
            | Event::Probe(_)
            | Event::ClusterDegraded(_)
            | Event::ClusterRestored(_)
            | Event::PodDraining(_) => None,
            Event::WaitingRoomUpdated(_)
            | Event::NextTeamCountdown(_)
            | Event::AuctionPaused(_)
            | Event::AuctionResumed(_)
            | Event::MemberJoined(_) => only(),
        }
    }

    pub(super) fn effects(&mut self, auction: &AuctionId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Snapshot => self.want_snapshot(auction),
                Effect::Fill { after, .. } => self.want_page(auction, after),
                Effect::Wait { since } => self.wait(auction.clone(), since),
                Effect::Clubs => self.want_clubs(auction),
                Effect::Participants => self.want_participants(auction),
                Effect::Note(text) => self.note(Some(auction.clone()), "gap", text),
            }
        }
    }

    pub(super) fn link_was_lost(&mut self, now: Instant) {
        let mut changes = Vec::new();
        let at = time::now();
        for index in 0..self.rooms.len() {
            self.fold(index, &Input::LinkLost, at);
            let room = &mut self.rooms[index];
            room.claim = not_joined();
            room.view = None;
            room.missed_until = None;
            changes.push((room.state.id.clone(), room.delivery.link_lost(now)));
        }
        for (auction, change) in changes {
            self.delivery_changed(&auction, change);
        }
    }
}
