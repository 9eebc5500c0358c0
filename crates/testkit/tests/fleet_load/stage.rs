//! The fleet, the people in it, and the judgement in the end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use gavelscope_client::state::{LinkPhase, SessionState, Trust};
use gavelscope_testkit::fleet::{Fleet, FleetOptions};
use gavelscope_testkit::scenarios::bidder::Bidder;
use gavelscope_testkit::scenarios::verdict::{Verdict, judge};
use sqlx::PgPool;

use crate::clocks::Doubts;
use crate::faults::Measured;
use crate::hall::Hall;
use crate::truth::Truth;

/// A session may take so long to be well again once the trouble is over, on a machine that has other things to do.
pub const RECOVERY_LIMIT: Duration = Duration::from_mins(2);

/// How much of everything there is.
#[derive(Debug, Clone)]
pub struct Scale {
    pub long: bool,
    pub pods: usize,
    pub halls: usize,
    /// In each hall.
    pub people: usize,
    pub lots: u32,
    pub lot_seconds: u32,
    /// Between two bids of one person.
    pub pace: Duration,
    /// How long nothing happens before each fault.
    pub calm: Duration,
    /// How long what is taken away stays away.
    pub away: Duration,
}

impl Scale {
    pub fn of(long: bool) -> Self {
        if long {
            Self {
                long,
                pods: 3,
                halls: 10,
                people: 30,
                lots: 10,
                lot_seconds: 12,
                pace: Duration::from_millis(3_800),
                calm: Duration::from_secs(6),
                away: Duration::from_secs(6),
            }
        } else {
            Self {
                long,
                pods: 3,
                halls: 3,
                people: 10,
                lots: 5,
                lot_seconds: 10,
                pace: Duration::from_secs(2),
                calm: Duration::from_millis(1_500),
                away: Duration::from_millis(2_500),
            }
        }
    }
}

/// All of it.
pub struct Stage {
    pub scale: Scale,
    pub fleet: Fleet,
    pub halls: Vec<Hall>,
    pub measured: Vec<Measured>,
    pub doubts: Doubts,
    begun: Instant,
    ended: Option<(Duration, u32)>,
}

impl Stage {
    /// Starts the fleet and the sessions, and lets them bid.
    pub async fn set(scale: Scale) -> anyhow::Result<Self> {
        let fleet = Fleet::start(FleetOptions {
            pods: scale.pods,
            ..FleetOptions::default()
        })
        .await
        .context("starting the fleet")?;
        let url = fleet.url().to_owned();
        let opening = (0..scale.halls).map(|number| Hall::open(&url, number, &scale));
        let mut halls = try_join_all(opening).await.context("filling the halls")?;
        let doubts = Doubts::default();
        for hall in &mut halls {
            for bidder in &mut hall.bidders {
                doubts.listen(bidder.session()).await;
                bidder.begin_at(scale.pace);
            }
        }
        Ok(Self {
            scale,
            fleet,
            halls,
            measured: Vec::new(),
            doubts,
            begun: Instant::now(),
            ended: None,
        })
    }

    pub fn bidders(&self) -> impl Iterator<Item = &Bidder> {
        self.halls.iter().flat_map(|hall| &hall.bidders)
    }

    /// How many bids have their final fate.
    pub fn decided(&self) -> u32 {
        self.bidders().map(Bidder::decided).sum()
    }

    /// Stops the bidding, lets the auctions end, and judges.
    pub async fn end(&mut self) -> anyhow::Result<Outcome> {
        self.ended = Some((self.begun.elapsed(), self.decided()));
        for hall in &mut self.halls {
            for bidder in &mut hall.bidders {
                bidder.stop().await;
            }
        }
        for bidder in self.bidders() {
            bidder.all_decided(RECOVERY_LIMIT).await?;
        }
        let url = self.fleet.url().to_owned();
        try_join_all(self.halls.iter().map(|hall| hall.finish(&url))).await?;
        let database = self.fleet.postgres().context("there is a database")?.url();
        let database = PgPool::connect(&database).await?;
        let mut verdicts = Vec::new();
        for hall in &self.halls {
            let truth = Truth::read(&database, hall).await?;
            for bidder in &hall.bidders {
                bidder
                    .until(
                        "the session shows what the database has",
                        RECOVERY_LIMIT,
                        |_, view| truth.is_shown(view),
                    )
                    .await?;
            }
            let books: Vec<_> = hall
                .bidders
                .iter()
                .map(|bidder| (bidder.user.clone(), bidder.book()))
                .collect();
            let mut verdict = judge(books.iter().map(|(user, book)| (user, book)), &truth.bids);
            let bid = truth.bids.iter().map(|bid| bid.amount).collect();
            for bidder in &hall.bidders {
                verdict.invented.extend(bidder.prices().difference(&bid));
            }
            verdicts.push(verdict);
        }
        database.close().await;
        let (bidding, decided) = self.ended.unwrap_or_default();
        Ok(Outcome {
            scale: self.scale.clone(),
            measured: std::mem::take(&mut self.measured),
            verdicts,
            reconnects: self
                .bidders()
                .map(|bidder| bidder.state().connection.reconnects)
                .sum(),
            bidding,
            decided,
        })
    }

    /// What there is to look at when something went wrong.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for measured in &self.measured {
            let _ = writeln!(text, "{}", measured.row());
        }
        for bidder in self.bidders() {
            let state = bidder.state();
            let is_well = |state: &SessionState| {
                state.connection.phase == LinkPhase::Online
                    && state
                        .auctions
                        .first()
                        .is_some_and(|view| view.trust == Trust::Live)
            };
            if !is_well(&state) {
                let view = state.auctions.first();
                let _ = writeln!(
                    text,
                    "{} {:?} {:?} {:?}",
                    bidder.user,
                    state.connection.phase,
                    state.connection.trouble,
                    view.map(|view| (view.trust, &view.doubt))
                );
            }
        }
        for pod in self.fleet.pods() {
            let log = pod.log();
            let bad: Vec<&str> = log
                .lines()
                .filter(|line| line.contains("WARN") || line.contains("ERROR"))
                .collect();
            let _ = writeln!(text, "{}, the last of {} bad lines:", pod.name(), bad.len());
            for line in bad.iter().rev().take(12).rev() {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }
}

/// What came of it.
pub struct Outcome {
    pub scale: Scale,
    pub measured: Vec<Measured>,
    pub verdicts: Vec<Verdict>,
    pub reconnects: u32,
    pub bidding: Duration,
    pub decided: u32,
}

impl Outcome {
    fn sum(&self, of: impl Fn(&Verdict) -> usize) -> usize {
        self.verdicts.iter().map(of).sum()
    }

    /// How many bids were told to count, and do.
    pub fn confirmed(&self) -> usize {
        self.sum(|verdict| verdict.confirmed)
    }

    /// For people.
    pub fn report(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} pods, {} auctions, {} sessions; bids for {} s, {:.1} decided a second\n",
            self.scale.pods,
            self.scale.halls,
            self.scale.halls * self.scale.people,
            self.bidding.as_secs(),
            f64::from(self.decided) / self.bidding.as_secs_f64().max(1.0),
        );
        let _ = writeln!(
            text,
            "| bids | confirmed | refused | not stored | in doubt for a while | not sent | lost · doubled · misreported · \
             invented prices | reconnects |\n|---|---|---|---|---|---|---|---|\n| {} | {} | {} | {} | {} | {} | {} · {} · {} · \
             {} | {} |\n",
            self.sum(|verdict| verdict.bids),
            self.confirmed(),
            self.sum(|verdict| verdict.refused),
            self.sum(|verdict| verdict.not_stored),
            self.sum(|verdict| verdict.doubted),
            self.sum(|verdict| verdict.unsent),
            self.sum(|verdict| verdict.lost.len()),
            self.sum(|verdict| verdict.doubled.len()),
            self.sum(|verdict| verdict.misreported.len()),
            self.sum(|verdict| verdict.invented.len()),
            self.reconnects,
        );
        text += Measured::HEAD;
        for measured in &self.measured {
            let _ = writeln!(text, "{}", measured.row());
        }
        text
    }
}
