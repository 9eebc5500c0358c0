//! One fault after the other, and what each of them was measured by.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use gavelscope_client::state::{LinkPhase, Trust};
use gavelscope_client::time;

use crate::stage::{RECOVERY_LIMIT, Stage};

/// So many bids have to come about within so long, or something stands still.
const PROGRESS_LIMIT: Duration = Duration::from_mins(2);
/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// One fault.
#[derive(Debug, Clone)]
pub struct Measured {
    what: String,
    /// How long it lasted, where that was decided here.
    lasted: Option<Duration>,
    /// How many bids were decided from its beginning until every session was well again.
    bids: u32,
    /// From its beginning until every session knew of it, where that is the point.
    known: Option<Duration>,
    /// From its end until every session was well again.
    recovered: Duration,
    /// The longest silence of any auction's clock, where that says something about the clock: while pods do not hear
    /// each other, a session hears only the clock of its own.
    silence: Option<Duration>,
    /// How often a session went over to reading the state, by why.
    doubts: BTreeMap<String, u32>,
}

impl Measured {
    pub const HEAD: &str = "\
| fault | lasted | bids decided meanwhile | known to every session after | every session well again after | longest silence of a clock | \
went over to reading the state |
|---|---|---|---|---|---|---|
";

    pub fn row(&self) -> String {
        let doubts = self.doubts.iter();
        let doubts: Vec<String> = doubts
            .map(|(why, count)| format!("{count}× {}", why.split('.').next().unwrap_or(why)))
            .collect();
        let seconds = |time: Option<Duration>| {
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()))
        };
        format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            self.what,
            seconds(self.lasted),
            self.bids,
            seconds(self.known),
            seconds(Some(self.recovered)),
            seconds(self.silence),
            doubts.join("; "),
        )
    }
}

/// A fault that is under way.
struct Fault {
    what: String,
    begun: Instant,
    decided: u32,
    lasted: Option<Duration>,
    known: Option<Duration>,
}

impl Stage {
    /// All of them.
    pub async fn trouble(&mut self) -> anyhow::Result<()> {
        self.calm().await?;
        self.redis_is_killed().await.context("Redis killed")?;
        self.calm().await?;
        self.redis_stands_still().await.context("Redis stopped")?;
        self.calm().await?;
        self.pod_is_killed(0).await.context("a pod killed")?;
        self.calm().await?;
        self.database_is_restarted()
            .await
            .context("PostgreSQL killed and restarted")?;
        // The long form takes all pods, as a rolling restart does.
        let pods = if self.scale.long { self.scale.pods } else { 1 };
        for pod in (0..self.scale.pods).rev().take(pods) {
            self.calm().await?;
            self.pod_is_drained(pod).await.context("a pod drained")?;
        }
        self.calm().await
    }

    /// Everybody bids for a while.
    async fn calm(&self) -> anyhow::Result<()> {
        tokio::time::sleep(self.scale.calm).await;
        self.bids_come_about().await
    }

    /// Waits until every auction has a bid more that is decided, unless it is over.
    async fn bids_come_about(&self) -> anyhow::Result<()> {
        let (before, since) = (self.decided(), Instant::now());
        while self.decided() == before {
            ensure!(since.elapsed() < PROGRESS_LIMIT, "nobody bids any more");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn begins(&self, what: impl Into<String>) -> Fault {
        Fault {
            what: what.into(),
            begun: Instant::now(),
            decided: self.decided(),
            lasted: None,
            known: None,
        }
    }

    /// The trouble is over: waits until every session is connected, has heard from the server since, follows live, and
    /// every clock was heard.
    async fn over(&mut self, fault: Fault) -> anyhow::Result<()> {
        let (since, from) = (Instant::now(), time::now());
        let well = self.bidders().map(|bidder| {
            bidder.until("the session is well again", RECOVERY_LIMIT, move |state, view| {
                state.connection.phase == LinkPhase::Online
                    && state.connection.heard_at.is_some_and(|heard| heard >= from)
                    && state.connection.pod_alone.is_none()
                    && view.room.joined
                    && view.trust == Trust::Live
            })
        });
        try_join_all(well).await?;
        let recovered = since.elapsed();
        for hall in &self.halls {
            while !hall.clock.heard_since(since) && !hall.is_over() {
                ensure!(since.elapsed() < RECOVERY_LIMIT, "a clock stands still");
                tokio::time::sleep(LOOK).await;
            }
        }
        let now = Instant::now();
        let silences = self
            .halls
            .iter()
            .filter(|hall| !hall.is_over())
            .map(|hall| hall.clock.longest_silence(fault.begun, now));
        let silence = silences.max().filter(|_| fault.known.is_none());
        self.measured.push(Measured {
            bids: self.decided().saturating_sub(fault.decided),
            what: fault.what,
            lasted: fault.lasted,
            known: fault.known,
            recovered,
            silence,
            doubts: self.doubts.take(),
        });
        Ok(())
    }

    /// Waits until every session reads the state, because its pod has lost the others.
    async fn known(&self, fault: &mut Fault) -> anyhow::Result<()> {
        let told = self.bidders().map(|bidder| {
            bidder.until("the session knows", RECOVERY_LIMIT, |state, view| {
                state.connection.pod_alone.is_some() && view.trust == Trust::Polled
            })
        });
        try_join_all(told).await?;
        fault.known = Some(fault.begun.elapsed());
        Ok(())
    }

    async fn redis_is_killed(&mut self) -> anyhow::Result<()> {
        let mut fault = self.begins("Redis killed");
        self.fleet.redis_mut().context("there is a Redis")?.kill()?;
        self.known(&mut fault).await?;
        self.bids_come_about()
            .await
            .context("without Redis bids are taken all the same")?;
        tokio::time::sleep(self.scale.away).await;
        self.fleet
            .redis_mut()
            .context("there is a Redis")?
            .restart()
            .await?;
        fault.lasted = Some(fault.begun.elapsed());
        self.over(fault).await
    }

    async fn redis_stands_still(&mut self) -> anyhow::Result<()> {
        let mut fault = self.begins("Redis stopped (SIGSTOP)");
        self.fleet.redis().context("there is a Redis")?.stop_process()?;
        self.known(&mut fault).await?;
        self.bids_come_about()
            .await
            .context("a bid never waits for Redis")?;
        tokio::time::sleep(self.scale.away).await;
        self.fleet
            .redis()
            .context("there is a Redis")?
            .continue_process()?;
        fault.lasted = Some(fault.begun.elapsed());
        self.over(fault).await
    }

    /// The pod is gone for good as far as its sessions can tell: they have to be well on the others.
    async fn pod_is_killed(&mut self, number: usize) -> anyhow::Result<()> {
        let fault = self.begins("a pod killed");
        self.pod(number)?.kill()?;
        self.over(fault).await?;
        self.pod(number)?.restart().await?;
        Ok(())
    }

    async fn pod_is_drained(&mut self, number: usize) -> anyhow::Result<()> {
        let mut fault = self.begins("a pod drained (SIGTERM), and another one started");
        let reconnects = self.reconnects();
        let status = self.pod(number)?.end().await?;
        fault.lasted = Some(fault.begun.elapsed());
        ensure!(
            status.is_some_and(|status| status.code() == Some(0)),
            "the pod did not end in good order within 10 s: {status:?}"
        );
        self.over(fault).await?;
        ensure!(
            self.reconnects() == reconnects,
            "{} sessions lost their link instead of moving",
            self.reconnects() - reconnects
        );
        self.pod(number)?.restart().await?;
        Ok(())
    }

    async fn database_is_restarted(&mut self) -> anyhow::Result<()> {
        let mut fault = self.begins("PostgreSQL killed and started again");
        self.database()?.kill().await?;
        tokio::time::sleep(self.scale.away).await;
        self.database()?.restart().await?;
        fault.lasted = Some(fault.begun.elapsed());
        self.over(fault).await?;
        self.bids_come_about().await
    }

    fn reconnects(&self) -> u32 {
        self.bidders()
            .map(|bidder| bidder.state().connection.reconnects)
            .sum()
    }

    fn pod(&mut self, number: usize) -> anyhow::Result<&mut gavelscope_testkit::pods::Pod> {
        self.fleet
            .pods_mut()
            .get_mut(number)
            .context("there is such a pod")
    }

    fn database(&mut self) -> anyhow::Result<&mut gavelscope_testkit::services::postgres::Postgres> {
        self.fleet.postgres_mut().context("there is a database")
    }
}
