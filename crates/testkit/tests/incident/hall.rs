//! A fleet with an auction under way, and a session on every one of its pods.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::feed::FeedEntry;
use gavelscope_client::rest::{BidOutcome, Rest};
use gavelscope_client::state::{AuctionView, Fate, LinkPhase, SessionState, TransportKind, Trust};
use gavelscope_client::{BidOrder, Seen, ServerAddress, Session, SessionConfig};
use gavelscope_contract::Money;
use gavelscope_contract::auction::BidRequest;
use gavelscope_contract::event::Event;
use gavelscope_contract::health::Health;
use gavelscope_testkit::fleet::{Adapter, Fleet, FleetKind, FleetOptions};
use gavelscope_testkit::pods::{PodKind, Seed, seed_lots};
use tokio::sync::broadcast;

/// Longer than anything takes on a busy machine; only what never happens takes so long.
pub const PATIENCE: Duration = Duration::from_secs(40);
/// Sessions go where the balancer sends them; after so many every pod has one, or the balancer does not balance.
const MOST_SEATS: usize = 24;

/// The commissioner, who I am, and two who bid.
pub const CARLA: usize = 0;
pub const ME: usize = 1;
pub const ADA: usize = 2;
pub const BRUNO: usize = 3;

/// The fleet, its auction, and who sits in it.
pub struct Hall {
    pub fleet: Fleet,
    pub seed: Seed,
    pub seats: Vec<Seat>,
}

impl Hall {
    /// Three pods, two lots of an hour, and at least one session of mine on every pod.
    pub async fn open(kind: FleetKind, adapter: Adapter) -> Self {
        let options = FleetOptions {
            kind,
            adapter,
            ..FleetOptions::default()
        };
        let mut hall = Self::with(options).await;
        while (0..hall.fleet.pods().len()).any(|pod| !hall.seats.iter().any(|seat| seat.pod == pod)) {
            assert!(
                hall.seats.len() < MOST_SEATS,
                "the balancer sends nobody to one of the pods"
            );
            let transport = match hall.seats.len() % 2 {
                0 => TransportKind::RustSocketio,
                _ => TransportKind::Wire,
            };
            let seat = hall.seat(transport).await;
            hall.seats.push(seat);
        }
        hall
    }

    /// The same with nobody in it yet.
    pub async fn with(options: FleetOptions) -> Self {
        let fleet = Fleet::start(options).await.unwrap();
        let seed = seed_lots(fleet.url(), 4, 2, 3_600).await.unwrap();
        Self {
            fleet,
            seed,
            seats: Vec::new(),
        }
    }

    /// A session of mine by way of the balancer, not joined yet.
    pub async fn session(&self, transport: TransportKind) -> Session {
        let address = ServerAddress::parse(self.fleet.url(), DEFAULT_PATH).unwrap();
        let config = SessionConfig::new(address, self.seed.people[ME].clone(), transport);
        let session = Session::start(config).unwrap();
        session.open_auction(self.seed.auction.clone()).await.unwrap();
        session
    }

    async fn seat(&self, transport: TransportKind) -> Seat {
        let before = self.sockets().await;
        let session = self.session(transport).await;
        let state = until(&session, "the room was joined", |view| view.room.joined).await;
        let pod = match self.fleet.pods()[0].kind() {
            PodKind::Gaveld => {
                let name = state.connection.pod.clone().expect("gaveld says which pod it is");
                let mut pods = self.fleet.pods().iter();
                pods.position(|pod| pod.name() == name.as_str())
            }
            // The field's pods do not say who they are: it is the one with a socket more in the room.
            PodKind::Python => {
                let now = self.sockets().await;
                before.iter().zip(&now).position(|(before, now)| now > before)
            }
        };
        let (events, heard) = session.feed().await.unwrap();
        Seat {
            session,
            pod: pod.expect("it is on one of the pods"),
            heard,
            events,
        }
    }

    /// How many sockets each Python pod has in the auction's room.
    async fn sockets(&self) -> Vec<usize> {
        let mut counts = Vec::new();
        for pod in self.fleet.pods() {
            if pod.kind() == PodKind::Python {
                counts.push(pod.say_raw(&self.seed.auction, &[]).await.unwrap());
            }
        }
        counts
    }

    /// The call of somebody who goes past the balancer to one pod.
    pub fn rest(&self, pod: usize, person: usize) -> Rest {
        self.seed.rest(&self.fleet.pods()[pod].url(), person).unwrap()
    }

    /// Bids at this pod. What came of it, and how long that took.
    pub async fn try_bid(&self, pod: usize, person: usize, pounds: u32) -> (BidOutcome, Duration) {
        let bid = BidRequest {
            user_id: self.seed.people[person].user.clone(),
            amount: Money::from_pounds(pounds),
        };
        let (rest, key) = (self.rest(pod, person), format!("{person}-{pounds}"));
        let since = Instant::now();
        let outcome = rest.bid(&self.seed.auction, &bid, &key).await;
        (outcome, since.elapsed())
    }

    /// Bids at this pod, which says yes.
    pub async fn bid(&self, pod: usize, person: usize, pounds: u32) {
        let (outcome, _) = self.try_bid(pod, person, pounds).await;
        assert!(matches!(outcome, BidOutcome::Accepted(_)), "{outcome:?}");
    }

    /// Lets the hammer fall, by a call to this pod. It answers after the countdown, which is not waited for: what the
    /// hammer does is.
    pub fn hammer(&self, pod: usize) {
        let (commissioner, auction) = (self.rest(pod, CARLA), self.seed.auction.clone());
        tokio::spawn(async move { commissioner.auction_call(&auction, "complete-lot").await });
    }

    /// What every pod claims of itself.
    pub async fn health(&self) -> Vec<Health> {
        let mut claims = Vec::new();
        for pod in 0..self.fleet.pods().len() {
            claims.push(self.rest(pod, CARLA).health().await.unwrap().body);
        }
        claims
    }

    /// Waits until the claims of all pods are so.
    pub async fn until_health(&self, what: &str, holds: impl Fn(&[Health]) -> bool) -> Vec<Health> {
        let since = Instant::now();
        loop {
            let claims = self.health().await;
            if holds(&claims) {
                return claims;
            }
            assert!(
                since.elapsed() < PATIENCE,
                "never: {what}; the pods claim {claims:#?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The first seat on one of these pods.
    pub fn seat_on(&mut self, pod: usize) -> &mut Seat {
        let mut seats = self.seats.iter_mut();
        seats.find(|seat| seat.pod == pod).expect("every pod has one")
    }

    /// Everybody gets up.
    pub async fn close(self) {
        for seat in self.seats {
            seat.session.close().await;
        }
    }
}

/// A session, the pod that it is on, and what it heard since it connected.
pub struct Seat {
    pub session: Session,
    pub pod: usize,
    heard: broadcast::Receiver<Arc<FeedEntry>>,
    events: Vec<Arc<FeedEntry>>,
}

impl Seat {
    /// Every event that arrived on its socket so far.
    pub fn events(&mut self) -> impl Iterator<Item = &Event> {
        loop {
            match self.heard.try_recv() {
                Ok(entry) => self.events.push(entry),
                Err(broadcast::error::TryRecvError::Lagged(count)) => panic!("{count} were not looked at"),
                Err(_) => break,
            }
        }
        self.events.iter().filter_map(|entry| entry.event())
    }

    /// Forgets what it heard so far.
    pub fn forget(&mut self) {
        let _ = self.events().count();
        self.events.clear();
    }

    /// The amounts of the bids that it was told of, as often as it was told, in pounds.
    pub fn bids_heard(&mut self) -> Vec<u32> {
        let amounts = self.events().filter_map(|event| match event {
            Event::BidUpdate(bid) => u32::try_from(bid.amount.pounds()).ok(),
            _ => None,
        });
        amounts.collect()
    }

    /// The same of the older form in which every bid is told once more.
    pub fn bids_heard_again(&mut self) -> Vec<u32> {
        let amounts = self.events().filter_map(|event| match event {
            Event::BidPlaced(placed) => u32::try_from(placed.bid.amount.pounds()).ok(),
            _ => None,
        });
        amounts.collect()
    }

    /// How often it heard each of the events of a hammer and of the next lot.
    pub fn hammer_heard(&mut self) -> BTreeMap<&'static str, usize> {
        const ONCE: [&str; 3] = ["sold", "next_team_countdown", "lot_started"];
        let mut counts = BTreeMap::new();
        for event in self.events() {
            if ONCE.contains(&event.name()) {
                *counts.entry(event.name()).or_default() += 1;
            }
        }
        counts
    }

    /// Waits until it has heard something.
    pub async fn until_heard(&mut self, what: &str, holds: impl Fn(&Event) -> bool) {
        let since = Instant::now();
        while !self.events().any(&holds) {
            if since.elapsed() > PATIENCE {
                let names: Vec<_> = self.events().map(Event::name).collect();
                panic!("on pod {} never heard: {what}; heard were {names:?}", self.pod);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until it was told of a bid of so many pounds.
    pub async fn until_bid_heard(&mut self, pounds: u32) {
        self.until_heard(
            &format!("a bid of {pounds}"),
            |event| matches!(event, Event::BidUpdate(bid) if bid.amount == Money::from_pounds(pounds)),
        )
        .await;
    }

    /// Waits until it sits on another connection than the first one.
    pub async fn until_moved(&self) {
        let mut state = self.session.state();
        let moved = state.wait_for(|state| {
            let connection = &state.connection;
            let view = state.auctions.first();
            connection.reconnects > 0
                && connection.phase == LinkPhase::Online
                && view.is_some_and(|view| view.room.joined && view.trust == Trust::Live)
        });
        let moved = tokio::time::timeout(PATIENCE, moved).await.is_ok();
        assert!(moved, "it never moved: {:#?}", self.session.state().borrow());
    }

    /// Waits until it shows what it should.
    pub async fn until(&self, what: &str, holds: impl Fn(&AuctionView) -> bool) -> Arc<SessionState> {
        until(&self.session, what, holds).await
    }

    /// Waits until it shows this price, told or read.
    pub async fn until_price(&self, pounds: u32) -> Arc<SessionState> {
        self.until(&format!("a price of {pounds}"), |view| {
            price(view) == Some(pounds)
        })
        .await
    }

    /// Bids the first step that is offered, and returns what became of it in the end.
    pub async fn bid(&self) -> (Money, Fate) {
        let view = self
            .until("a bid is possible", |view| view.bidding.blocked.is_none())
            .await;
        let view = &view.auctions[0];
        let step = view.bidding.steps.iter().find(|step| step.allowed).unwrap();
        let seen = Seen::Price(view.lot.as_ref().unwrap().price);
        let bid = self
            .session
            .bid(view.id.clone(), BidOrder::new(step.amount, seen));
        let key = bid.await.unwrap().key;
        let mut state = self.session.state();
        let fate = |state: &SessionState| {
            let mut bids = state.bids.iter();
            bids.find(|bid| bid.key == key).map(|bid| bid.fate)
        };
        let decided = state.wait_for(|state| {
            matches!(
                fate(state),
                Some(Fate::Confirmed | Fate::Refused | Fate::NotStored | Fate::Undecidable)
            )
        });
        let Ok(decided) = tokio::time::timeout(PATIENCE, decided).await else {
            panic!("undecided: {:#?}", self.session.state().borrow().bids)
        };
        let fate = fate(&decided.unwrap()).unwrap();
        (step.amount, fate)
    }
}

/// What is shown as the price, pounds.
pub fn price(view: &AuctionView) -> Option<u32> {
    u32::try_from(view.lot.as_ref()?.price?.pounds()).ok()
}

/// Waits until the session shows what it should.
pub async fn until(session: &Session, what: &str, holds: impl Fn(&AuctionView) -> bool) -> Arc<SessionState> {
    let mut state = session.state();
    let found = tokio::time::timeout(
        PATIENCE,
        state.wait_for(|state| state.auctions.first().is_some_and(|view| holds(view))),
    )
    .await;
    let Ok(state) = found else {
        panic!("never: {what}; the state is {:#?}", session.state().borrow())
    };
    Arc::clone(&state.unwrap())
}
