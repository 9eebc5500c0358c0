//! The auctions that are open, the rooms that are joined, the snapshots they want.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gavelscope_contract::ack::{JoinAuction, JoinLeagueRoom};
use gavelscope_contract::auction::{AuctionSnapshot, EventPage};
use gavelscope_contract::event::Event;
use gavelscope_contract::{Ack, AuctionId, LeagueId, Received};
use rand::RngExt;
use tokio::sync::oneshot;

use super::Reply;
use super::driver::Driver;
use super::jobs::{Done, JoinedRoom, as_ack};
use super::polled::IS_LIVE;
use crate::auction::{AuctionState, Sync};
use crate::delivery::Delivery;
use crate::error::ClientError;
use crate::input::Input;
use crate::reducer::Effect;
use crate::rest::Answer;
use crate::state::{AuctionPhase, AuctionView, Millis, RoomClaim};
use crate::time;
use crate::transport::{AckError, Outbound};

/// The first wait before a snapshot that failed is asked for again; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// A join is told to the whole room, so no more leagues are listened to than an evening has.
const LEAGUE_ROOMS: usize = 8;
/// What is missing may have been overtaken on its way between two pods, which takes milliseconds. Many sessions see the
/// same hole at the same moment and must not ask all at once, so each waits another time.
const PATIENCE_MS: std::ops::RangeInclusive<u64> = 150..=250;
/// Where the state is read all the time, the next reading most often brings what is missing.
const POLLED_PATIENCE_MS: std::ops::RangeInclusive<u64> = 500..=1_500;
/// Two snapshots of one auction are at least so far apart.
const SNAPSHOT_APART: Duration = Duration::from_millis(50);

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
    asking: bool,
    /// Something was missed while it was on its way: its answer may not cover that.
    ask_again: bool,
    /// How many attempts in a row did not get it.
    pub(super) failures: u32,
    last_asked: Option<Instant>,
    /// Who waits for the first snapshot.
    opened: Vec<Reply<()>>,
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

    fn forget(&mut self, auction: &AuctionId) {
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
            self.jobs.spawn(async move {
                let result = answer.await.unwrap_or(Err(AckError::LinkLost)).map(as_ack);
                Done::Joined {
                    link: number,
                    room,
                    result,
                }
            });
        }
    }

    pub(super) fn joined(&mut self, link: u64, room: &JoinedRoom, result: &Result<Option<Ack>, AckError>) {
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

    pub(super) fn resync_all(&mut self) {
        let auctions: Vec<AuctionId> = self.rooms.iter().map(|room| room.state.id.clone()).collect();
        for auction in auctions {
            self.fold_into(&auction, &Input::Resync, time::now());
            self.want_snapshot(&auction);
        }
    }

    /// Asks for a snapshot, one at a time; a wish that comes while one is on its way is kept.
    pub(super) fn want_snapshot(&mut self, auction: &AuctionId) {
        let Some(room) = self.room(auction) else { return };
        if room.asking {
            room.ask_again = true;
            return;
        }
        let apart = room.last_asked.map_or(Duration::ZERO, |last| {
            SNAPSHOT_APART.saturating_sub(last.elapsed())
        });
        room.asking = true;
        if apart.is_zero() {
            self.ask_snapshot(auction);
        } else {
            self.snapshot_later(auction.clone(), apart);
        }
    }

    /// The same after a while.
    pub(super) fn want_snapshot_after(&mut self, auction: &AuctionId, wait: Duration) {
        let Some(room) = self.room(auction) else { return };
        if std::mem::replace(&mut room.asking, true) {
            room.ask_again = true;
        } else {
            self.snapshot_later(auction.clone(), wait);
        }
    }

    fn snapshot_later(&mut self, auction: AuctionId, wait: Duration) {
        self.jobs.spawn(async move {
            tokio::time::sleep(wait).await;
            Done::SnapshotDue(auction)
        });
    }

    pub(super) fn ask_snapshot(&mut self, auction: &AuctionId) {
        let Some(room) = self.room(auction) else { return };
        room.last_asked = Some(Instant::now());
        room.ask_again = false;
        // What was kept so far happened before the snapshot is taken, unless an event of this very moment is among it:
        // replaying those is harmless, they are dropped by their number.
        let (rest, auction) = (self.rest.clone(), auction.clone());
        self.jobs.spawn(async move {
            let result = Box::new(rest.snapshot(&auction).await);
            Done::Snapshot { auction, result }
        });
    }

    pub(super) fn snapshot(
        &mut self,
        auction: &AuctionId,
        result: Result<Answer<AuctionSnapshot>, ClientError>,
    ) {
        let now = time::now();
        let result = result.map(|answer| self.take_snapshot(auction, &answer, now));
        let Some(room) = self.room(auction) else { return };
        room.view = None;
        room.asking = false;
        match result {
            Ok(()) => {
                let was_away = std::mem::take(&mut room.failures) > 0;
                let again = std::mem::take(&mut room.ask_again);
                for reply in std::mem::take(&mut room.opened) {
                    let _ = reply.send(Ok(()));
                }
                if was_away {
                    self.machine.server_is_back(Instant::now());
                }
                if again {
                    self.want_snapshot(auction);
                }
            }
            Err(error) => self.snapshot_failed(auction, &error, now),
        }
        self.unpublished = true;
    }

    fn snapshot_failed(&mut self, auction: &AuctionId, error: &ClientError, now: Millis) {
        let Some(room) = self.room(auction) else { return };
        room.failures += 1;
        let after = match error {
            ClientError::Refused(refusal) => refusal.retry_after(),
            _ => None,
        };
        room.delivery.read(Instant::now(), None, after);
        if room.failures == 1 {
            let effects = self.fold_into(auction, &Input::WithoutSnapshot, now);
            self.effects(auction, effects);
        }
        let final_no =
            matches!(error, ClientError::Refused(refusal) if refusal.status == 404 || refusal.status == 403);
        let sentence = match error {
            ClientError::Refused(refusal) if refusal.status == 404 => {
                ClientError::UnknownAuction(auction.to_string())
            }
            other => other.clone(),
        };
        let Some(room) = self.room(auction) else { return };
        for reply in std::mem::take(&mut room.opened) {
            let _ = reply.send(Err(sentence.clone()));
        }
        let unread = room.state.phase == AuctionPhase::Loading;
        if final_no {
            if unread {
                self.forget(auction);
            } else {
                self.fold_into(auction, &Input::Gone, now);
            }
            return;
        }
        room.asking = true;
        let wait = RETRY_FIRST
            .saturating_mul(2u32.saturating_pow(room.failures.min(8)))
            .min(RETRY_LONGEST)
            .max(after.unwrap_or_default());
        if room.failures == 1 {
            self.note(
                Some(auction.clone()),
                "snapshot",
                format!("{sentence} Trying again."),
            );
        }
        self.snapshot_later(auction.clone(), wait);
    }

    /// Folds a snapshot in, whoever asked for it.
    pub(super) fn take_snapshot(
        &mut self,
        auction: &AuctionId,
        answer: &Answer<AuctionSnapshot>,
        now: Millis,
    ) {
        self.measured.snapshots += 1;
        self.saw_answer(answer);
        if let Some(server_now) = answer.body.server_now {
            self.clock.round_trip(answer.sent, answer.received, server_now);
        }
        let me = self.me().clone();
        self.ledger
            .seen_in_snapshot(auction, answer.body.auction.current_lot, &answer.body.bids, &me);
        let league = answer.body.auction.league_id.clone();
        let (online, bound) = (self.is_online(), self.echo_bound());
        let Some(room) = self.room(auction) else { return };
        room.view = None;
        let first = room.state.phase == AuctionPhase::Loading;
        let took = Duration::from_millis(u64::from(answer.took_ms));
        room.delivery.read(Instant::now(), Some(took), None);
        room.read_at = Some(now);
        let told = answer.body.auction.bid_sequence;
        // While events are contiguous, a bid that the snapshot knows and they did not tell should be on its way.
        if online
            && room.claim.joined
            && !first
            && room.state.sync == Sync::Fresh
            && told > room.state.sequence
        {
            room.delivery.told_elsewhere(told, Instant::now(), bound);
        }
        let input = Input::Snapshot {
            answer: &answer.body,
            sent: answer.sent,
        };
        let effects = self.fold_into(auction, &input, now);
        self.effects(auction, effects);
        self.may_have_caught_up(auction, answer.sent);
        if first || !self.leagues.contains_key(&league) {
            self.want_league(league);
            self.join_leagues();
        }
        self.unpublished = true;
    }

    /// Where the pod had lost the others: whether what was missed has been read by now.
    fn may_have_caught_up(&mut self, auction: &AuctionId, sent: Millis) {
        let Some(room) = self.room(auction) else { return };
        if room.missed_until.is_none_or(|until| sent < until) || room.state.sync != Sync::Fresh {
            return;
        }
        room.missed_until = None;
        if room.delivery.cluster_is_back().is_some() {
            room.view = None;
            self.note(Some(auction.clone()), "live", IS_LIVE.to_owned());
        }
    }

    pub(super) fn saw_answer<T>(&mut self, answer: &Answer<T>) {
        self.measured.rest_ms = Some(answer.took_ms);
        self.measured.rest.add(answer.took_ms);
        if let Some(pod) = &answer.pod {
            self.measured.pods.on_rest(pod, answer.received);
        }
        self.unpublished = true;
    }

    /// Asks for what was said since; the reducer asks for one page at a time.
    fn want_page(&mut self, auction: &AuctionId, after: u64) {
        let (rest, auction) = (self.rest.clone(), auction.clone());
        self.jobs.spawn(async move {
            let result = rest.events(&auction, after).await;
            Done::Page { auction, result }
        });
    }

    pub(super) fn page(&mut self, auction: &AuctionId, result: Result<Answer<EventPage>, ClientError>) {
        let now = time::now();
        let Ok(answer) = result else {
            // Not offered, or not to be had: the snapshot is the truth in any case.
            self.fold_into(auction, &Input::Resync, now);
            self.want_snapshot(auction);
            return;
        };
        self.saw_answer(&answer);
        let effects = self.fold_into(auction, &Input::Page(&answer.body), now);
        if let Some(room) = self.room(auction) {
            room.view = None;
        }
        self.effects(auction, effects);
    }

    pub(super) fn want_clubs(&mut self, auction: &AuctionId) {
        let Some(room) = self.room(auction) else { return };
        let told = room.state.clubs_told;
        let (rest, auction) = (self.rest.clone(), auction.clone());
        self.jobs.spawn(async move {
            let result = rest.clubs(&auction).await;
            Done::Clubs {
                auction,
                told,
                result,
            }
        });
    }

    pub(super) fn want_participants(&mut self, auction: &AuctionId) {
        let Some(room) = self.room(auction) else { return };
        let told = room.state.managers_told;
        let Some(league) = room.state.league_id.clone() else {
            return;
        };
        let (rest, auction) = (self.rest.clone(), auction.clone());
        self.jobs.spawn(async move {
            let result = rest.participants(&league).await;
            Done::Participants {
                auction,
                told,
                result,
            }
        });
    }

    pub(super) fn want_league(&mut self, league: LeagueId) {
        let rest = self.rest.clone();
        self.jobs.spawn(async move {
            let result = Box::new(rest.league(&league).await);
            Done::League { league, result }
        });
    }
}
