//! One auction and the people in it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Rest;
use gavelscope_client::state::{AuctionPhase, TransportKind};
use gavelscope_client::{ServerAddress, SessionConfig};
use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::{AuctionId, Money};
use gavelscope_testkit::pods::{Cast, Seed, seed_cast};
use gavelscope_testkit::scenarios::bidder::Bidder;
use tokio::task::JoinHandle;

use crate::clocks::Clock;
use crate::stage::Scale;

/// How many sessions of an auction listen for its clock: one of them is always connected.
const EARS: usize = 3;
/// So many sessions connect at a time.
const AT_A_TIME: usize = 10;
/// How long the last lots may take, with the commissioner closing one after the other.
const LAST_LOTS: Duration = Duration::from_mins(5);

/// What everybody has at the beginning.
pub const BUDGET: u32 = 4_000_000_000;

/// The auction.
pub struct Hall {
    pub seed: Seed,
    pub bidders: Vec<Bidder>,
    pub clock: Clock,
    closing: JoinHandle<()>,
}

impl Drop for Hall {
    fn drop(&mut self) {
        self.closing.abort();
    }
}

impl Hall {
    /// Signs everybody in, begins the auction, and waits until every session follows it.
    pub async fn open(url: &str, number: usize, scale: &Scale) -> anyhow::Result<Self> {
        let emails: Vec<String> = (0..scale.people)
            .map(|person| format!("hall{number}-{person}@testkit.example"))
            .collect();
        let people: Vec<&str> = emails.iter().map(String::as_str).collect();
        let cast = Cast {
            league: &format!("Hall {number}"),
            people: &people,
            budget: Money::from_pounds(BUDGET),
            lots: scale.lots,
            // In the first hall the clock brings the hammers down, and the auction may be over before the trouble is; in
            // the others the commissioner does, and the last lot stays.
            seconds: if number == 0 { scale.lot_seconds } else { 3_600 },
            anti_snipe_seconds: 1,
            slots: scale.lots,
        };
        let seed = seed_cast(url, &cast).await?;
        let address = ServerAddress::parse(url, DEFAULT_PATH)?;
        let (mut bidders, clock) = (Vec::new(), Clock::default());
        for people in seed.people.chunks(AT_A_TIME) {
            let starting = people.iter().map(|person| {
                let config = SessionConfig::new(address.clone(), person.clone(), TransportKind::Wire);
                Bidder::start(config, seed.auction.clone())
            });
            bidders.extend(try_join_all(starting).await?);
        }
        for bidder in bidders.iter().take(EARS) {
            clock.listen(bidder.session()).await;
        }
        let hammers = if number == 0 { 0 } else { scale.lots - 1 };
        let closing = tokio::spawn(close_lots(
            commissioner(url, &seed)?,
            seed.auction.clone(),
            Duration::from_secs(scale.lot_seconds.into()),
            hammers,
        ));
        Ok(Self {
            seed,
            bidders,
            clock,
            closing,
        })
    }

    /// Whether its auction is over, as far as anybody there knows.
    pub fn is_over(&self) -> bool {
        self.bidders.iter().any(|bidder| {
            let state = bidder.state();
            state
                .auctions
                .first()
                .is_some_and(|view| view.phase == AuctionPhase::Completed)
        })
    }

    /// Closes one lot after the other until there is none, as the commissioner.
    pub async fn finish(&self, url: &str) -> anyhow::Result<()> {
        self.closing.abort();
        let rest = commissioner(url, &self.seed)?;
        let since = std::time::Instant::now();
        loop {
            let status = rest.snapshot(&self.seed.auction).await?.body.auction.status;
            if status == AuctionStatus::Completed {
                return Ok(());
            }
            ensure!(
                since.elapsed() < LAST_LOTS,
                "the auction does not end: {status:?}"
            );
            // Between two lots there is nothing to close.
            let _ = rest.auction_call(&self.seed.auction, "complete-lot").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn commissioner(url: &str, seed: &Seed) -> anyhow::Result<Rest> {
    let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH)?)?;
    let commissioner = seed.people.first().context("somebody takes part")?;
    rest.set_credentials(commissioner.clone());
    Ok(rest)
}

/// Brings so many hammers down, one after so long. What fails is tried again the next time.
async fn close_lots(rest: Rest, auction: AuctionId, every: Duration, hammers: u32) {
    let mut fell = 0;
    while fell < hammers {
        tokio::time::sleep(every).await;
        fell += u32::from(rest.auction_call(&auction, "complete-lot").await.is_ok());
    }
}
