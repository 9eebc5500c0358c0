//! A person who bids again and again over a real session, and what that session said of every bid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use gavelscope_client::state::{AuctionView, Fate, LedgerEntry, LinkPhase, Millis, SessionState, Trust};
use gavelscope_client::{BidOrder, Seen, Session, SessionConfig, time};
use gavelscope_contract::{AuctionId, Money, UserId};
use rand::RngExt;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a bidder thinks for before a bid, ms: least and most.
const THINKS_MS: std::ops::Range<u64> = 2..20;
/// And after a bid that could not even be sent.
const SIGHS: Duration = Duration::from_millis(300);
/// Where bids come now and then, none is made when less than this is left of the lot, ms.
const LAST_MOMENTS_MS: i64 = 1_500;
/// A state that does not change for so long is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a session said of one bid.
#[derive(Debug, Clone)]
pub struct Told {
    /// As it was shown last.
    pub entry: LedgerEntry,
    /// All that was ever said of it, in order.
    pub fates: Vec<Fate>,
}

impl Told {
    /// Whether its request left: one that was never connected is no bid.
    pub fn left(&self) -> bool {
        self.entry.fate != Fate::NotStored || self.fates.contains(&Fate::Unknown)
    }
}

/// By the bids' keys. The session keeps the newest 200; here all are kept.
pub type Book = BTreeMap<String, Told>;

/// What a session said, as it is written down.
#[derive(Debug, Default)]
struct Notes {
    book: Book,
    prices: BTreeSet<Money>,
    decided: u32,
}

/// The bidder.
pub struct Bidder {
    /// Who.
    pub user: UserId,
    session: Session,
    auction: AuctionId,
    notes: Arc<Mutex<Notes>>,
    stop: CancellationToken,
    bidding: JoinHandle<()>,
    keeping: JoinHandle<()>,
}

impl Bidder {
    /// Signs in, opens the auction, and waits until its room was joined. It does not bid yet.
    pub async fn start(config: SessionConfig, auction: AuctionId) -> anyhow::Result<Self> {
        let user = config.credentials.user.clone();
        let session = Session::start(config)?;
        session.open_auction(auction.clone()).await?;
        let notes = Arc::<Mutex<Notes>>::default();
        let keeping = tokio::spawn(keep(session.clone(), auction.clone(), Arc::clone(&notes)));
        let bidder = Self {
            user,
            session,
            auction,
            notes,
            stop: CancellationToken::new(),
            bidding: tokio::spawn(async {}),
            keeping,
        };
        bidder
            .until(
                "the auction's room was joined",
                Duration::from_mins(1),
                |_, view| view.room.joined && view.trust == Trust::Live,
            )
            .await?;
        Ok(bidder)
    }

    /// Bids whenever it does not lead and is allowed to, until it is stopped.
    pub fn begin(&mut self) {
        self.bidding = tokio::spawn(bid_on(
            self.session.clone(),
            self.auction.clone(),
            self.stop.clone(),
        ));
    }

    /// Bids now and then: so often on average, and not in the last moments of a lot, which would never end.
    pub fn begin_at(&mut self, pace: Duration) {
        self.bidding = tokio::spawn(bid_now_and_then(
            self.session.clone(),
            self.auction.clone(),
            pace,
            self.stop.clone(),
        ));
    }

    /// Its session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Sends no further bid, and waits until the last one was answered.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        // A bidder that broke is found out by its book.
        let _ = (&mut self.bidding).await;
    }

    /// How many bids that left have their final fate.
    pub fn decided(&self) -> u32 {
        lock(&self.notes).decided
    }

    /// What the session said so far of every bid.
    pub fn book(&self) -> Book {
        lock(&self.notes).book.clone()
    }

    /// Every price that it ever showed.
    pub fn prices(&self) -> BTreeSet<Money> {
        lock(&self.notes).prices.clone()
    }

    /// What it shows now.
    pub fn state(&self) -> Arc<SessionState> {
        self.session.state().borrow().clone()
    }

    /// Waits until it shows what it should, or fails with what it shows instead.
    pub async fn until(
        &self,
        what: &str,
        limit: Duration,
        holds: impl Fn(&SessionState, &AuctionView) -> bool,
    ) -> anyhow::Result<()> {
        let mut state = self.session.state();
        let waited =
            state.wait_for(|state| view(state, &self.auction).is_some_and(|view| holds(state, view)));
        match tokio::time::timeout(limit, waited).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => bail!("the session of {} ended; waiting until {what}", self.user),
            Err(_) => {
                let state = self.state();
                let view = view(&state, &self.auction).context("the auction is not shown")?;
                bail!(
                    "not within {limit:?}: {what}. The session of {} is {:?} ({:?}) since {:?}, trust {:?} ({:?}), lot \
                     {:?}, sequence {}, blocked {:?}, open bids {:?}, transitions {:#?}",
                    self.user,
                    state.connection.phase,
                    state.connection.trouble,
                    state.connection.since,
                    view.trust,
                    view.doubt,
                    view.lot.as_ref().map(|lot| (lot.price, &lot.leader)),
                    view.sequence,
                    view.bidding.blocked,
                    state
                        .bids
                        .iter()
                        .filter(|entry| !is_final(entry.fate))
                        .collect::<Vec<_>>(),
                    state.connection.transitions,
                )
            }
        }
    }

    /// Waits until it is connected, has heard from the server since then, and shows what can be relied on.
    pub async fn recovered(&self, since: Millis, limit: Duration) -> anyhow::Result<()> {
        self.until("the session has recovered", limit, |state, view| {
            state.connection.phase == LinkPhase::Online
                && state.connection.heard_at.is_some_and(|heard| heard >= since)
                && matches!(view.trust, Trust::Live | Trust::Polled)
        })
        .await
    }

    /// Waits until no bid is open.
    pub async fn all_decided(&self, limit: Duration) -> anyhow::Result<()> {
        self.until("every bid has its fate", limit, |state, _| {
            state.bids.iter().all(|entry| is_final(entry.fate))
        })
        .await
    }

    /// Ends the session.
    pub async fn close(self) {
        self.session.close().await;
        let _ = self.keeping.await;
    }
}

/// Whether nothing more is to come of it.
pub fn is_final(fate: Fate) -> bool {
    matches!(fate, Fate::Confirmed | Fate::Refused | Fate::NotStored)
}

fn view<'a>(state: &'a SessionState, auction: &AuctionId) -> Option<&'a AuctionView> {
    state
        .auctions
        .iter()
        .find(|view| view.id == *auction)
        .map(|view| &**view)
}

fn lock(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep(session: Session, auction: AuctionId, notes: Arc<Mutex<Notes>>) {
    let mut state = session.state();
    loop {
        lock(&notes).write_down(&state.borrow_and_update(), &auction);
        if state.changed().await.is_err() {
            return;
        }
    }
}

impl Notes {
    fn write_down(&mut self, state: &SessionState, auction: &AuctionId) {
        let lot = view(state, auction).and_then(|view| view.lot.as_ref());
        self.prices.extend(lot.and_then(|lot| lot.price));
        for entry in &state.bids {
            let told = self.book.entry(entry.key.clone()).or_insert_with(|| Told {
                entry: entry.clone(),
                fates: Vec::new(),
            });
            if told.fates.last() == Some(&entry.fate) {
                continue;
            }
            let before = told.fates.iter().any(|fate| is_final(*fate));
            told.fates.push(entry.fate);
            told.entry = entry.clone();
            if !before && is_final(entry.fate) && told.left() {
                self.decided += 1;
            }
        }
    }
}

async fn bid_on(session: Session, auction: AuctionId, stop: CancellationToken) {
    let mut state = session.state();
    while !stop.is_cancelled() {
        let wanted = {
            let state = state.borrow_and_update();
            view(&state, &auction).and_then(next_bid)
        };
        let Some((seen, amount)) = wanted else {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = tokio::time::timeout(LOOK_AGAIN, state.changed()) => if let Ok(Err(_)) = changed { return },
            }
            continue;
        };
        let thinking = Duration::from_millis(rand::rng().random_range(THINKS_MS));
        tokio::time::sleep(thinking).await;
        // What becomes of it is in the session's state; what it held back is no bid.
        let order = BidOrder::new(amount, Seen::Price(seen));
        let answered = session.bid(auction.clone(), order).await;
        if answered.is_ok_and(|entry| entry.fate == Fate::NotStored) {
            tokio::time::sleep(SIGHS).await;
        }
    }
}

async fn bid_now_and_then(session: Session, auction: AuctionId, pace: Duration, stop: CancellationToken) {
    let state = session.state();
    let mean = u64::try_from(pace.as_millis()).unwrap_or(u64::MAX);
    loop {
        let wait = Duration::from_millis(rand::rng().random_range(0..=mean.saturating_mul(2)));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let wanted = {
            let state = state.borrow();
            let view = view(&state, &auction).filter(|view| {
                let ends_at = view.lot.as_ref().and_then(|lot| lot.ends_at);
                ends_at.is_some_and(|end| end.0 - time::now().0 > LAST_MOMENTS_MS)
            });
            view.and_then(next_bid)
        };
        if let Some((seen, amount)) = wanted {
            // What becomes of it is in the session's state.
            let _ = session
                .bid(auction.clone(), BidOrder::new(amount, Seen::Price(seen)))
                .await;
        }
    }
}

/// A bid on what is shown, if one is allowed: by turns a round step, as the buttons make it, so that two bids of one
/// amount do come about, and an odd amount, so that nobody else's is like it.
fn next_bid(view: &AuctionView) -> Option<(Option<Money>, Money)> {
    if view.bidding.blocked.is_some() {
        return None;
    }
    let price = view.lot.as_ref()?.price;
    let least = price.map_or(view.bidding.minimum?, |price| {
        price.saturating_add(Money::from_pounds(1_000))
    });
    let odd = if rand::rng().random_bool(0.5) {
        rand::rng().random_range(1..1_000)
    } else {
        0
    };
    Some((price, least.saturating_add(Money::from_pounds(odd))))
}
