//! What the open auctions ask the server for: snapshots, one at a time, the events since a number, and who takes part.

use std::time::{Duration, Instant};

use gavelscope_contract::auction::{AuctionSnapshot, EventPage};
use gavelscope_contract::{AuctionId, LeagueId};

use super::driver::Driver;
use super::jobs::Done;
use super::polled::IS_LIVE;
use crate::auction::Sync;
use crate::error::ClientError;
use crate::input::Input;
use crate::rest::Answer;
use crate::state::{AuctionPhase, Millis};
use crate::time;

/// The first wait before a snapshot that failed is asked for again; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Two snapshots of one auction are at least so far apart.
const SNAPSHOT_APART: Duration = Duration::from_millis(50);

impl Driver {
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
    pub(super) fn want_page(&mut self, auction: &AuctionId, after: u64) {
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
