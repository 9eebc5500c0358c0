//! Bids over REST, each higher than the one before: at a pace, or as many as are taken.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use gavelscope_contract::auction::IDEMPOTENCY_KEY;
use gavelscope_testkit::pods::Seed;
use serde_json::json;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Who bids, on what, and how high the next bid is.
#[derive(Debug)]
pub(crate) struct Bidding {
    http: reqwest::Client,
    urls: Vec<String>,
    /// Users and their tokens.
    bidders: Vec<(String, String)>,
    next: Cell<u32>,
}

/// What became of bids.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bids {
    pub(crate) accepted: u32,
    /// Answered with a no: one that overtook it was higher.
    pub(crate) refused: u32,
    /// Not answered in time, or with a failure.
    pub(crate) failed: u32,
    /// From sending to the answer, µs, of those that were accepted.
    pub(crate) latencies: Vec<u32>,
    pub(crate) seconds: f64,
}

impl Bidding {
    pub(crate) fn new(pods: &[String], seed: &Seed) -> anyhow::Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder()
                .timeout(PATIENCE)
                .tcp_nodelay(true)
                .build()?,
            urls: pods
                .iter()
                .map(|pod| format!("{pod}/api/auction/{}/bid", seed.auction))
                .collect(),
            bidders: seed
                .people
                .iter()
                .map(|person| (person.user.to_string(), person.access.expose().to_owned()))
                .collect(),
            next: Cell::new(0),
        })
    }

    /// The next higher bid, by the next bidder, at the next pod: whether it was taken, and how long that took.
    async fn place(&self) -> (Option<bool>, Duration) {
        let number = self.next.get();
        self.next.set(number + 1);
        let place = usize::try_from(number).unwrap_or(0);
        let (user, token) = &self.bidders[place % self.bidders.len()];
        let request = self
            .http
            .post(&self.urls[place % self.urls.len()])
            .bearer_auth(token)
            // As a session does.
            .header(IDEMPOTENCY_KEY, format!("b5b5a9f0-52cb-4f7b-8d7b-{number:012}"))
            .json(&json!({ "userId": user, "amount": 1_000_000 + number }));
        let since = Instant::now();
        let verdict = match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                // The answer is whole only when its body is there.
                let read = answer.bytes().await.is_ok();
                (read && !status.is_server_error()).then_some(status.is_success())
            }
            Err(_) => None,
        };
        (verdict, since.elapsed())
    }

    /// So many bids at this pace, whether or not those before were answered.
    pub(crate) async fn paced(&self, bids: u32, per_second: f64) -> anyhow::Result<Bids> {
        let start = tokio::time::Instant::now();
        let mut done = Bids::default();
        let mut open = FuturesUnordered::new();
        for number in 0..bids {
            let due =
                tokio::time::sleep_until(start + Duration::from_secs_f64(f64::from(number) / per_second));
            tokio::pin!(due);
            loop {
                tokio::select! {
                    () = &mut due => break,
                    Some(one) = open.next() => done.count(one),
                }
            }
            open.push(self.place());
        }
        while let Some(one) = open.next().await {
            done.count(one);
        }
        done.seconds = start.elapsed().as_secs_f64();
        Ok(done)
    }

    /// As many bids as are taken in this time, `at_once` of them under way.
    pub(crate) async fn flood(&self, at_once: usize, time: Duration) -> Bids {
        let start = Instant::now();
        let mut done = Bids::default();
        let mut open: FuturesUnordered<_> = (0..at_once).map(|_| self.place()).collect();
        while let Some(one) = open.next().await {
            done.count(one);
            if start.elapsed() < time {
                open.push(self.place());
            }
        }
        done.seconds = start.elapsed().as_secs_f64();
        done
    }
}

impl Bids {
    fn count(&mut self, (taken, took): (Option<bool>, Duration)) {
        match taken {
            Some(true) => {
                self.accepted += 1;
                self.latencies
                    .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            }
            Some(false) => self.refused += 1,
            None => self.failed += 1,
        }
    }

    /// Milliseconds within which this share of them was answered.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        crate::percentile(&sorted, share) / 1_000.0
    }

    pub(crate) fn accepted_per_second(&self) -> f64 {
        f64::from(self.accepted) / self.seconds.max(1e-9)
    }
}
