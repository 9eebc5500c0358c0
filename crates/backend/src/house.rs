//! The auction house: every change of an auction goes through here, one at a time, and is said in the order in which
//! it was made.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_contract::auction::{BeginAnswer, BidAnswer, Club, PauseAnswer};
use gavelscope_contract::event::{Event, LeagueStatusChanged};
use gavelscope_contract::{AuctionId, ClubId, LeagueId, LotId, Money, PodId, Room, UserId};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::announcer::{Announcement, Outbox};
use crate::door::Door;
use crate::link::Link;
use crate::metrics::Metrics;
use crate::neighbours::{self, Neighbours};
use crate::refuse::{Denied, Refused};
use crate::rooms::Rooms;
use crate::store::{BidOrder, Closing, Deleted, Joined, Moved, Said, Store, StoreError};
use crate::tokens::Tokens;

/// How often somebody who waits for a lot looks whether another pod has put it on the block.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Where one auction's changes queue up.
#[derive(Debug, Default)]
pub(crate) struct Bench {
    /// Held from before a change until what it says is in the outbox.
    pub turn: tokio::sync::Mutex<()>,
    /// Tells the auction's clock to look again.
    pub wake: Notify,
    /// Counts the changes, for who waits for one.
    pub changes: watch::Sender<u64>,
}

/// What all parts of one pod share.
#[derive(Debug)]
pub(crate) struct House {
    pub pod: PodId,
    pub boot_id: String,
    pub dev_sign_in: bool,
    pub countdown_step: Duration,
    pub store: Store,
    pub tokens: Tokens,
    pub rooms: Arc<Rooms>,
    pub outbox: Outbox,
    pub door: Door,
    pub metrics: Metrics,
    pub link: Link,
    pub neighbours: Neighbours,
    pub tasks: TaskTracker,
    /// It is about to stop: balancers are told, and everything is still served.
    pub draining: CancellationToken,
    /// No new connection is taken, and those that are idle are closed.
    pub closed: CancellationToken,
    pub stopping: CancellationToken,
    pub benches: Mutex<HashMap<AuctionId, Arc<Bench>>>,
    /// The clocks that run on this pod, each with the fence that it runs with.
    pub clocks: Mutex<HashMap<AuctionId, i64>>,
    /// This pod runs no clock any more, though it may not be stopping yet.
    pub handing_over: CancellationToken,
    /// Tells the keeper of the clocks to look at once.
    pub keeper_wake: Notify,
}

impl House {
    /// Why this pod does not hear all the pods of its database; none where it does.
    pub(crate) fn unheard(&self) -> Option<String> {
        let unheard = self.neighbours.unheard(tokio::time::Instant::now());
        neighbours::trouble(&unheard, !self.link.is_alone())
    }

    /// The bench of an auction that exists. (A made-up id must not get one, or they would grow without bound.)
    pub(crate) fn bench(&self, auction: &AuctionId) -> Arc<Bench> {
        let mut benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        benches.entry(auction.clone()).or_default().clone()
    }

    /// Forgets the benches at which nobody is: their auctions may have been deleted by another pod.
    pub(crate) fn forget_idle_benches(&self) {
        let mut benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        benches.retain(|_, bench| Arc::strong_count(bench) > 1);
    }

    pub(crate) fn forget_bench(&self, auction: &AuctionId) {
        let mut benches = self.benches.lock().unwrap_or_else(PoisonError::into_inner);
        benches.remove(auction);
    }

    /// Does something to its end, even if who asked hangs up: what was committed must also be said.
    pub(crate) async fn to_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Denied>> + Send + 'static,
    ) -> Result<T, Denied> {
        match self.tasks.spawn(work).await {
            Ok(done) => done,
            Err(error) => Err(StoreError::Corrupt(format!("a task ended early: {error}")).into()),
        }
    }

    /// Queues what was said to an auction's room. The caller holds the auction's turn.
    pub(crate) async fn announce(&self, auction: &AuctionId, said: Vec<Said>) {
        if said.is_empty() {
            return;
        }
        let room = Room::Auction(auction.clone());
        let batch = said.into_iter().map(|said| Announcement {
            room: room.clone(),
            name: said.name,
            payload: said.payload,
        });
        self.outbox.send(batch.collect()).await;
    }

    /// Queues an event for a league's room.
    pub(crate) async fn tell_league(&self, league: &LeagueId, event: &Event) {
        match event.payload() {
            Ok(payload) => {
                let room = Room::League(league.clone());
                let name = event.name();
                self.outbox.send(vec![Announcement { room, name, payload }]).await;
            }
            Err(error) => tracing::error!(%error, "an event could not be written"),
        }
    }

    pub(crate) async fn tell_status(
        &self,
        league: &LeagueId,
        status: &str,
        auction: Option<&AuctionId>,
        message: Option<&str>,
    ) {
        let event = Event::LeagueStatusChanged(LeagueStatusChanged {
            league_id: league.clone(),
            status: status.to_owned(),
            auction_id: auction.cloned(),
            message: message.map(str::to_owned),
        });
        self.tell_league(league, &event).await;
    }

    /// Takes one step of an auction in its turn, and says what it did.
    pub(crate) async fn step<T, E>(
        &self,
        auction: &AuctionId,
        work: impl Future<Output = Result<(T, Moved), E>>,
    ) -> Result<T, E> {
        let bench = self.bench(auction);
        let turn = bench.turn.lock().await;
        let (answer, moved) = work.await?;
        let changed = !moved.said.is_empty();
        self.announce(auction, moved.said).await;
        drop(turn);
        if let Some(league) = moved.completed {
            self.tell_status(&league, "auction_complete", Some(auction), None)
                .await;
        }
        if changed {
            bench.changes.send_modify(|count| *count += 1);
            bench.wake.notify_one();
        }
        Ok(answer)
    }

    /// Refuses an auction that does not exist.
    pub(crate) async fn must_exist(&self, auction: &AuctionId) -> Result<LeagueId, Denied> {
        let league = self.store.league_of(auction).await?;
        Ok(league.ok_or_else(Refused::auction_not_found)?)
    }

    /// A bid.
    pub(crate) async fn bid(
        self: &Arc<Self>,
        auction: AuctionId,
        bidder: UserId,
        amount: Money,
        key: Option<String>,
    ) -> Result<BidAnswer, Denied> {
        let begun = Instant::now();
        let outcome = self.look_and_bid(auction, bidder, amount, key).await;
        self.metrics.bid(&outcome, begun.elapsed());
        outcome
    }

    async fn look_and_bid(
        self: &Arc<Self>,
        auction: AuctionId,
        bidder: UserId,
        amount: Money,
        key: Option<String>,
    ) -> Result<BidAnswer, Denied> {
        let seen = self.store.seen(&auction).await?;
        let seen = Some(seen.ok_or_else(Refused::auction_not_found)?);
        let order = BidOrder {
            auction,
            bidder,
            amount,
            key,
            seen,
        };
        let house = Arc::clone(self);
        self.to_end(async move { house.bid_in_turn(order).await }).await
    }

    async fn bid_in_turn(&self, order: BidOrder) -> Result<BidAnswer, Denied> {
        let bench = self.bench(&order.auction);
        let turn = bench.turn.lock().await;
        let outcome = self.store.place_bid(&order).await?;
        let stored = !outcome.said.is_empty();
        self.announce(&order.auction, outcome.said).await;
        drop(turn);
        if outcome.extended {
            bench.wake.notify_one();
        }
        let room = Room::Auction(order.auction);
        let code = outcome
            .verdict
            .as_ref()
            .err()
            .and_then(|refused| refused.body.code);
        tracing::info!(
            pod = %self.pod, %room, roomSize = self.rooms.size(&room), user = %order.bidder,
            amount = %order.amount, stored, refused = code.map(tracing::field::debug), "bid"
        );
        Ok(outcome.verdict?)
    }

    /// The commissioner begins.
    pub(crate) async fn begin(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
    ) -> Result<BeginAnswer, Denied> {
        self.must_exist(&auction).await?;
        let house = Arc::clone(self);
        self.to_end(async move {
            let takes_clock = !house.handing_over.is_cancelled();
            let begun = house
                .step(&auction, house.store.begin_auction(&auction, &user, takes_clock))
                .await?;
            house
                .tell_status(
                    &begun.league,
                    "auction_active",
                    Some(&auction),
                    Some("Auction has begun!"),
                )
                .await;
            if let Some(hold) = begun.hold {
                crate::hammer_clock::start(&house, &auction, hold);
            }
            Ok(begun.answer)
        })
        .await
    }

    /// The commissioner stops the clock.
    pub(crate) async fn pause(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
    ) -> Result<PauseAnswer, Denied> {
        self.must_exist(&auction).await?;
        let house = Arc::clone(self);
        self.to_end(async move { house.step(&auction, house.store.pause(&auction, &user)).await })
            .await
    }

    /// The commissioner sets it going again.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
    ) -> Result<PauseAnswer, Denied> {
        self.must_exist(&auction).await?;
        let house = Arc::clone(self);
        self.to_end(async move { house.step(&auction, house.store.resume(&auction, &user)).await })
            .await
    }

    /// The commissioner puts a club of their choice on the block.
    pub(crate) async fn start_lot(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
        club: ClubId,
    ) -> Result<Club, Denied> {
        self.must_exist(&auction).await?;
        let house = Arc::clone(self);
        self.to_end(async move {
            house
                .step(&auction, house.store.start_lot(&auction, &user, &club))
                .await
        })
        .await
    }

    /// The commissioner brings the hammer down. Returns when the next lot is on the block, if one follows.
    pub(crate) async fn complete_lot(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
        lot: Option<LotId>,
    ) -> Result<(), Denied> {
        self.must_exist(&auction).await?;
        let bench = self.bench(&auction);
        let mut changes = bench.changes.subscribe();
        let house = Arc::clone(self);
        let closed = auction.clone();
        self.to_end(async move {
            let closing = Closing::Commissioner(user, lot);
            house
                .step(&closed, async {
                    Ok::<_, Denied>(((), house.store.close_lot(&closed, &closing).await?))
                })
                .await
        })
        .await?;
        let patience = 3 * self.countdown_step + Duration::from_secs(2);
        let next_lot = async {
            loop {
                changes.mark_unchanged();
                match self.store.clock_view(&auction).await {
                    Ok(Some(view)) if view.deadline.is_some() && !view.lot_open => {}
                    // Open, paused, over, gone, or not to be known: there is nothing to wait for.
                    _ => return,
                }
                // Another pod may have the clock, and tells this one nothing.
                let _ = tokio::time::timeout(LOOK_AGAIN, changes.changed()).await;
            }
        };
        // Whoever asked is told that the lot is closed in any case; waiting longer would tell them nothing, and a stop must
        // not wait for it.
        tokio::select! {
            _ = tokio::time::timeout(patience, next_lot) => {}
            () = self.closed.cancelled() => {}
        }
        Ok(())
    }

    /// Takes somebody into a league, in the turn of its auction where there is one.
    pub(crate) async fn join(
        &self,
        league: Option<LeagueId>,
        invite: &str,
        user: &UserId,
    ) -> Result<Joined, Denied> {
        let auction = self.store.auction_of_invite(invite).await?;
        let bench = auction.as_ref().map(|auction| self.bench(auction));
        let _turn = match &bench {
            Some(bench) => Some(bench.turn.lock().await),
            None => None,
        };
        let mut joined = self.store.join_league(league.as_ref(), invite, user).await?;
        if let Some((auction, said)) = joined.said.take() {
            self.announce(&auction, said).await;
        }
        Ok(joined)
    }

    /// The commissioner deletes an auction.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        auction: AuctionId,
        user: UserId,
    ) -> Result<Deleted, Denied> {
        self.must_exist(&auction).await?;
        let house = Arc::clone(self);
        self.to_end(async move {
            let deleted = house
                .step(&auction, async {
                    let mut deleted = house.store.delete_auction(&auction, &user).await?;
                    let said = std::mem::take(&mut deleted.said);
                    Ok::<_, Denied>((
                        deleted,
                        Moved {
                            said,
                            completed: None,
                        },
                    ))
                })
                .await?;
            house.forget_bench(&auction);
            Ok(deleted)
        })
        .await
    }

    /// The commissioner deletes the auction of a league that is paused or over.
    pub(crate) async fn reset(self: &Arc<Self>, league: LeagueId, user: UserId) -> Result<Deleted, Denied> {
        let house = Arc::clone(self);
        self.to_end(async move {
            let auction = house
                .store
                .auction_of(&league)
                .await?
                .map(|found| found.auction_id);
            let reset = async {
                let mut deleted = house.store.reset_auction(&league, &user).await?;
                let said = std::mem::take(&mut deleted.said);
                Ok::<_, Denied>((
                    deleted,
                    Moved {
                        said,
                        completed: None,
                    },
                ))
            };
            let Some(auction) = auction else {
                // Nothing to queue up at; the store says what is wrong.
                return reset.await.map(|(deleted, _)| deleted);
            };
            let deleted = house.step(&auction, reset).await?;
            house.forget_bench(&auction);
            Ok(deleted)
        })
        .await
    }
}
