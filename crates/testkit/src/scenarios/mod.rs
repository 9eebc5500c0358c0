//! Eight kinds of trouble, each with people who bid through it, and the judgement of what their sessions told them.

pub mod bidder;
pub mod hostile;
mod scale;
pub mod table;
pub mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Rest;
use gavelscope_client::state::{AuctionView, LinkPhase, SessionState, TransportKind};
use gavelscope_client::{ServerAddress, SessionConfig, time};
use gavelscope_contract::auction::AuctionSnapshot;
use gavelscope_contract::{Money, UserId};

use crate::pods::{Pod, PodKind, PodOptions, Seed, seed};
use crate::proxy::{Fault, Loss, Proxy};
use bidder::Bidder;
use verdict::{Verdict, judge};

pub use scale::{Scale, Scenario};

/// A session may take so long to be well again once the trouble is over: the longest pause between two attempts, an
/// attempt that times out, and a machine that is busy.
const RECOVERY_LIMIT: Duration = Duration::from_mins(1);
/// A half-open link has to be noticed by then: the server's own limit, 45 s, and some.
const NOTICE_LIMIT: Duration = Duration::from_mins(1);
/// So many bids have to come about within so long, or something stands still.
const PROGRESS_LIMIT: Duration = Duration::from_mins(2);
/// Longer than a session waits for an answer: it has to give up, and to look.
const DEAF_FOR: Duration = Duration::from_secs(6);
/// What the server's handshake calls the largest message, bytes.
const MAX_PAYLOAD: usize = 1_000_000;

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Which trouble.
    pub scenario: Scenario,
    /// On which backend.
    pub kind: PodKind,
    /// Whether it was the long form.
    pub long: bool,
    /// The bids.
    pub verdict: Verdict,
    /// How long each trouble lasted (0 where that is not the point), and from its end until every session was well
    /// again.
    pub recoveries: Vec<(Duration, Duration)>,
    /// From the beginning of each half-open link until every session knew of it.
    pub noticed: Vec<Duration>,
    /// How often links were lost and made again, over all sessions.
    pub reconnects: u32,
    /// Messages that were survived rather than understood, over all sessions.
    pub malformed: u32,
    /// How long it took in all.
    pub took: Duration,
}

/// The stage: a pod, the proxy before it, and who bids.
struct Stage {
    scenario: Scenario,
    scale: Scale,
    pod: Pod,
    proxy: Proxy,
    seed: Seed,
    bidders: Vec<Bidder>,
    recoveries: Vec<(Duration, Duration)>,
    noticed: Vec<Duration>,
}

/// Plays one scenario against one kind of pod. An error says what stood still, or differs from the server; what the
/// sessions told wrongly of bids is in the verdict.
pub async fn play(scenario: Scenario, kind: PodKind, scale: Scale) -> anyhow::Result<Outcome> {
    let since = Instant::now();
    let mut stage = Stage::set(scenario, kind, scale)
        .await
        .context("setting the stage")?;
    for bidder in &mut stage.bidders {
        bidder.begin();
    }
    stage.trouble().await?;
    stage
        .bids(stage.scale.bids)
        .await
        .context("bidding on after the trouble")?;
    stage.end(since).await
}

impl Stage {
    async fn set(scenario: Scenario, kind: PodKind, scale: Scale) -> anyhow::Result<Self> {
        let pod = Pod::start(kind, PodOptions::default()).await?;
        // Two are not enough: of two bids at once the field may keep the lower one as its price. Then it refuses its
        // bidder, who leads by its own account, and the other one leads indeed and has no reason to bid.
        // Late answers make bids slow: more people bid at once, and more of them are refused.
        let people = if scenario == Scenario::Slow { 5 } else { 3 };
        let seed = seed(&pod.url(), people).await?;
        let proxy = Proxy::start(pod.port()).await?;
        let address = ServerAddress::parse(&proxy.url(), DEFAULT_PATH)?;
        let mut bidders = Vec::new();
        for (number, person) in seed.people.iter().enumerate() {
            let transport = match number % 2 {
                0 => TransportKind::RustSocketio,
                _ => TransportKind::Wire,
            };
            let config = SessionConfig::new(address.clone(), person.clone(), transport);
            bidders.push(Bidder::start(config, seed.auction.clone()).await?);
        }
        Ok(Self {
            scenario,
            scale,
            pod,
            proxy,
            seed,
            bidders,
            recoveries: Vec::new(),
            noticed: Vec::new(),
        })
    }

    async fn trouble(&mut self) -> anyhow::Result<()> {
        for round in 0..self.scale.rounds {
            // Bids lie between two troubles, and one is on its way when the next begins.
            self.bids(self.scale.bids * round / self.scale.rounds + 2).await?;
            self.one_trouble(round)
                .await
                .with_context(|| format!("round {round} of {}", self.scenario.words()))?;
        }
        Ok(())
    }

    async fn one_trouble(&mut self, round: u32) -> anyhow::Result<()> {
        let lasts = self.scale.lasts(round);
        match self.scenario {
            Scenario::Killed => {
                self.pod.kill()?;
                tokio::time::sleep(lasts).await;
                self.pod.restart().await?;
            }
            Scenario::Stopped => {
                self.pod.stop_process()?;
                tokio::time::sleep(lasts).await;
                self.pod.continue_process()?;
            }
            Scenario::HalfOpen => {
                self.proxy.set(Fault::HalfOpen).await;
                let since = Instant::now();
                for bidder in &self.bidders {
                    bidder
                        .until("the half-open link was noticed", NOTICE_LIMIT, |state, _| {
                            !matches!(state.connection.phase, LinkPhase::Online | LinkPhase::Suspect)
                        })
                        .await?;
                }
                self.noticed.push(since.elapsed());
                self.proxy.set(Fault::None).await;
            }
            Scenario::Slow => {
                let fault = Fault::Delay {
                    base: Duration::from_millis(300),
                    jitter: Duration::from_millis(200),
                };
                self.proxy.set(fault).await;
                self.bids(self.decided() + self.scale.bids).await?;
                // The 95th of a hundred, because the first ones were not late yet.
                let slow = |bidder: &Bidder| bidder.state().measurements.answer.p95 >= Some(200);
                ensure!(self.bidders.iter().any(slow), "no answer was late");
                self.proxy.set(Fault::None).await;
            }
            Scenario::Flapping => {
                let flapping = self.proxy.flap(Duration::from_secs(2));
                tokio::time::sleep(lasts).await;
                drop(flapping);
            }
            Scenario::Replaced => {
                let next = self.pod.start_beside(&format!("pod-{}", round + 2)).await?;
                self.proxy.lead_to(next.port());
                self.pod.end().await?;
                self.pod = next;
            }
            Scenario::AnswersLost => return self.lose_answers(round).await,
            Scenario::Hostile => return self.talk_nonsense(round).await,
        }
        self.recover(lasts).await
    }

    async fn recover(&mut self, lasted: Duration) -> anyhow::Result<()> {
        let (since, from) = (Instant::now(), time::now());
        for bidder in &self.bidders {
            bidder.recovered(from, RECOVERY_LIMIT).await?;
        }
        self.recoveries.push((lasted, since.elapsed()));
        Ok(())
    }

    /// Loses the answer to one bid, by turns with a reset, in silence, and with everything else that the server says,
    /// the event of that bid included. Waits until its bidder knows what became of it.
    async fn lose_answers(&mut self, round: u32) -> anyhow::Result<()> {
        match round % 3 {
            0 => self.lose_one_answer(Loss::Reset).await?,
            1 => self.lose_one_answer(Loss::Silence).await?,
            _ => {
                self.proxy.set(Fault::LoseAnswers).await;
                tokio::time::sleep(DEAF_FOR).await;
                self.proxy.set(Fault::None).await;
            }
        }
        let (lost, from) = (Instant::now(), time::now());
        for bidder in &self.bidders {
            bidder.all_decided(RECOVERY_LIMIT).await?;
            bidder.recovered(from, RECOVERY_LIMIT).await?;
        }
        self.recoveries.push((Duration::ZERO, lost.elapsed()));
        Ok(())
    }

    async fn lose_one_answer(&self, how: Loss) -> anyhow::Result<()> {
        let (before, since) = (self.proxy.answers_lost(), Instant::now());
        self.proxy.lose_answers_to_bids(1, how);
        while self.proxy.answers_lost() == before {
            ensure!(since.elapsed() < PROGRESS_LIMIT, "nobody bids");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// One piece of nonsense after the other, with bids between them.
    async fn talk_nonsense(&mut self, round: u32) -> anyhow::Result<()> {
        let packets = hostile::packets(&self.seed.auction, MAX_PAYLOAD);
        let count = u32::try_from(packets.len()).unwrap_or(u32::MAX);
        let share = self.scale.bids / self.scale.rounds;
        for (number, (what, packet)) in (0..).zip(&packets) {
            match self.pod.kind() {
                PodKind::Python => drop(
                    self.pod
                        .say_raw(&self.seed.auction, std::slice::from_ref(packet))
                        .await?,
                ),
                // It says nothing of the kind by itself, so the proxy puts the words into its mouth.
                PodKind::Gaveld => drop(self.proxy.inject(&format!("4{packet}"))),
            }
            self.bids(share * round + share * number / count)
                .await
                .with_context(|| format!("after {what}"))?;
        }
        self.recover(Duration::ZERO).await
    }

    fn decided(&self) -> u32 {
        self.bidders.iter().map(Bidder::decided).sum()
    }

    /// Waits until so many bids were decided in all.
    async fn bids(&self, wanted: u32) -> anyhow::Result<()> {
        let (mut before, mut since) = (self.decided(), Instant::now());
        while self.decided() < wanted {
            if self.decided() > before {
                (before, since) = (self.decided(), Instant::now());
            }
            ensure!(
                since.elapsed() < PROGRESS_LIMIT,
                "the bidding stands still after {before} of {wanted} bids: {:#?}",
                self.bidders
                    .iter()
                    .map(|bidder| summary(&bidder.state()))
                    .collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn end(mut self, since: Instant) -> anyhow::Result<Outcome> {
        for bidder in &mut self.bidders {
            bidder.stop().await;
        }
        for bidder in &self.bidders {
            if let Err(error) = bidder.all_decided(RECOVERY_LIMIT).await {
                let stored = self.pod.bids(&self.seed).await?;
                let mine = stored.iter().filter(|bid| bid.user_id == bidder.user);
                let amounts: Vec<_> = mine.map(|bid| bid.amount).collect();
                return Err(error.context(format!("of this bidder the server has {amounts:?}")));
            }
        }
        let stored = self.pod.bids(&self.seed).await?;
        let truth = self.snapshot().await?;
        ensure!(
            truth.auction.bid_sequence == stored.len() as u64,
            "the server counts {} bids and has {}",
            truth.auction.bid_sequence,
            stored.len()
        );
        for bidder in &self.bidders {
            bidder
                .until(
                    "the session shows what the server has",
                    RECOVERY_LIMIT,
                    |_, view| shows(view, &truth),
                )
                .await
                .with_context(|| format!("the server has {:?}", highest(&truth)))?;
        }
        let books: Vec<_> = self
            .bidders
            .iter()
            .map(|bidder| (bidder.user.clone(), bidder.book()))
            .collect();
        let mut verdict = judge(books.iter().map(|(user, book)| (user, book)), &stored);
        let bid: BTreeSet<_> = stored.iter().map(|bid| bid.amount).collect();
        for bidder in &self.bidders {
            verdict.invented.extend(bidder.prices().difference(&bid));
        }
        let states: Vec<_> = self.bidders.iter().map(Bidder::state).collect();
        let outcome = Outcome {
            scenario: self.scenario,
            kind: self.pod.kind(),
            long: self.scale.long,
            verdict,
            recoveries: self.recoveries,
            noticed: self.noticed,
            reconnects: sum(&states, |state| state.connection.reconnects),
            malformed: sum(&states, |state| state.measurements.malformed),
            took: since.elapsed(),
        };
        for bidder in self.bidders {
            bidder.close().await;
        }
        Ok(outcome)
    }

    /// What the server says, by a way that has no faults.
    async fn snapshot(&self) -> anyhow::Result<AuctionSnapshot> {
        let rest = Rest::new(ServerAddress::parse(&self.pod.url(), DEFAULT_PATH)?)?;
        let person = self.seed.people.first().context("somebody takes part")?;
        rest.set_credentials(person.clone());
        Ok(rest.snapshot(&self.seed.auction).await?.body)
    }
}

fn sum(states: &[Arc<SessionState>], of: impl Fn(&SessionState) -> u32) -> u32 {
    states.iter().map(|state| of(state)).sum()
}

fn summary(state: &SessionState) -> String {
    let view = state.auctions.first();
    format!(
        "{} {:?} {:?}, trust {:?}, blocked {:?}, price {:?}, sequence {:?}",
        state.account.user_id,
        state.connection.phase,
        state.connection.trouble,
        view.map(|view| view.trust),
        view.map(|view| &view.bidding.blocked),
        view.map(|view| view.lot.as_ref().map(|lot| lot.price)),
        view.map(|view| view.sequence),
    )
}

/// The highest bids: what the field's backend keeps as its price need not be that, and it may have taken two of one
/// amount at once.
fn highest(truth: &AuctionSnapshot) -> Vec<(Money, UserId)> {
    let price = truth.bids.iter().map(|bid| bid.amount).max();
    let highest = truth.bids.iter().filter(|bid| Some(bid.amount) == price);
    highest.map(|bid| (bid.amount, bid.user_id.clone())).collect()
}

fn shows(view: &AuctionView, truth: &AuctionSnapshot) -> bool {
    let shown = view.lot.as_ref().and_then(|lot| {
        let leader = lot.leader.as_ref()?;
        Some((lot.price?, leader.user_id.clone()))
    });
    let is_right = shown.is_some_and(|shown| highest(truth).contains(&shown));
    u64::from(view.sequence) == truth.auction.bid_sequence && is_right
}
