//! The one task that owns the connections to Redis: makes them, watches them, makes them again.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use gavelscope_redis::{Target, Trouble};
use redis::aio::{MultiplexedConnection, PubSubSink, PubSubStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::connect::{ANSWER_LIMIT, Line, connect};
use super::driver::{Outgoing, Shared};
use super::presence::{Heard, OwnSizes, PERIOD, Pulse};
use super::standing::Standing;
use crate::rooms::Rooms;

/// The first wait before connecting again; every further one is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_millis(800);
/// A pulse that did not come back for so long is not heard.
const UNHEARD: Duration = Duration::from_millis(1_200);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A message that waited for so long is not passed on any more: whoever needs it has read the state by then.
const STALE: Duration = Duration::from_secs(2);
/// How many messages are passed on at once.
const BATCH: usize = 64;

/// Owns the connections.
#[derive(Debug)]
pub(super) struct Keeper {
    pub shared: Arc<Shared>,
    pub target: Target,
    pub waiting: mpsc::Receiver<Outgoing>,
    pub rooms: Arc<Rooms>,
    pub own: OwnSizes,
}

/// What is heard of oneself over the present connections.
#[derive(Debug)]
struct Echo {
    /// Only pulses from this one on went over them.
    from: u64,
    last: Instant,
    heard: bool,
}

impl Keeper {
    /// Keeps the link up for ever.
    pub(super) async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            let trouble = match connect(&self.target).await {
                Ok(line) => {
                    let (trouble, heard) = self.carry(line).await;
                    if heard {
                        wait = FIRST_WAIT;
                    }
                    trouble
                }
                Err(trouble) => trouble,
            };
            self.lost(trouble);
            // Up to a fifth more, so that the pods of a fleet do not come back in step.
            tokio::time::sleep(wait.mul_f64(rand::random_range(1.0..1.2))).await;
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }

    /// Uses two connections until one of them fails; why, and whether anything had come back.
    async fn carry(&mut self, line: Line) -> (Trouble, bool) {
        let Line {
            speaking,
            subscribing,
            listening,
            driver: _driver,
        } = line;
        let Self {
            shared,
            target,
            waiting,
            rooms,
            own,
        } = self;
        let echo = Mutex::new(Echo {
            from: own.next_seq(),
            last: Instant::now(),
            heard: false,
        });
        let carrier = Carrier {
            shared,
            target,
            echo: &echo,
        };
        let trouble = tokio::select! {
            trouble = carrier.listen(listening) => trouble,
            trouble = carrier.subscribe_and_speak(subscribing, speaking, waiting, rooms, own) => trouble,
            trouble = carrier.watch_echo() => trouble,
        };
        self.shared.carries.store(false, Ordering::SeqCst);
        let heard = echo.into_inner().unwrap_or_else(PoisonError::into_inner).heard;
        (trouble, heard)
    }

    /// The other pods are not heard.
    fn lost(&mut self, trouble: Trouble) {
        // Nothing is kept for later: see `publish`.
        while self.waiting.try_recv().is_ok() {
            self.shared.unsaid(1);
        }
        let standing = self.shared.standing.borrow().clone();
        let (since, since_ms, news) = match &standing {
            Standing::Lost {
                since,
                since_ms,
                trouble: before,
                ..
            } => (*since, *since_ms, before.kind() != trouble.kind()),
            Standing::Starting | Standing::Attached { .. } => (Instant::now(), self.shared.clock.now(), true),
        };
        if news {
            tracing::warn!(
                pod = %self.shared.pod, redis = %self.target.address, reason = %trouble, state = "degraded",
                "this pod and the others do not hear each other; it goes on by itself and tries again"
            );
        }
        let returns = standing.returns();
        self.shared.standing.send_replace(Standing::Lost {
            trouble,
            since,
            since_ms,
            returns,
        });
    }
}

/// Two connections in use.
struct Carrier<'a> {
    shared: &'a Arc<Shared>,
    target: &'a Target,
    echo: &'a Mutex<Echo>,
}

impl Carrier<'_> {
    fn trouble(&self, error: &redis::RedisError) -> Trouble {
        Trouble::command(error, ANSWER_LIMIT, self.target.address.password.as_ref())
    }

    /// Takes what comes in.
    async fn listen(&self, mut listening: PubSubStream) -> Trouble {
        let pulses = self.shared.pulse_channel();
        while let Some(message) = listening.next().await {
            let channel = message.get_channel_name();
            if channel == pulses {
                self.take_pulse(message.get_payload_bytes());
            } else {
                self.shared.hand_over(channel, message.get_payload_bytes());
            }
        }
        Trouble::Lost
    }

    fn take_pulse(&self, message: &[u8]) {
        let pulse: Pulse = match serde_json::from_slice(message) {
            Ok(pulse) => pulse,
            Err(error) => {
                tracing::debug!(pod = %self.shared.pod, %error, "a pulse could not be read");
                return;
            }
        };
        let now = Instant::now();
        let heard = self.shared.presence().hear(pulse, now);
        match heard {
            Heard::Own(seq) => self.take_echo(seq, now),
            Heard::OtherMissed(other) => {
                tracing::info!(pod = %self.shared.pod, %other, "messages of another pod were missed");
                self.shared.missed.send_modify(|count| *count += 1);
            }
            Heard::Other | Heard::Old => {}
        }
    }

    /// What this pod said came back: everything works.
    fn take_echo(&self, seq: u64, now: Instant) {
        {
            let mut echo = self.echo.lock().unwrap_or_else(PoisonError::into_inner);
            if seq < echo.from {
                return;
            }
            echo.last = now;
            echo.heard = true;
        }
        let (returns, after) = match &*self.shared.standing.borrow() {
            Standing::Attached { .. } => return,
            Standing::Starting => (0, Duration::ZERO),
            Standing::Lost { since, returns, .. } => (returns + 1, now.saturating_duration_since(*since)),
        };
        tracing::info!(
            pod = %self.shared.pod, redis = %self.target.address, state = "connected",
            afterMs = u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
            unsaid = self.shared.figures.unsaid.load(Ordering::Relaxed),
            "this pod and the others hear each other"
        );
        self.shared.standing.send_replace(Standing::Attached {
            since: now,
            returns,
            after,
        });
    }

    /// Subscribes to what is wanted, and only then speaks: an echo has to have somewhere to come to.
    async fn subscribe_and_speak(
        &self,
        mut subscribing: PubSubSink,
        speaking: MultiplexedConnection,
        waiting: &mut mpsc::Receiver<Outgoing>,
        rooms: &Rooms,
        own: &mut OwnSizes,
    ) -> Trouble {
        let mut subscribed = HashSet::new();
        if let Err(trouble) = self.fulfil(&mut subscribing, &mut subscribed).await {
            return trouble;
        }
        self.shared.carries.store(true, Ordering::SeqCst);
        tokio::select! {
            trouble = async {
                loop {
                    self.shared.wishes.notified().await;
                    if let Err(trouble) = self.fulfil(&mut subscribing, &mut subscribed).await {
                        break trouble;
                    }
                }
            } => trouble,
            trouble = self.speak(speaking.clone(), waiting) => trouble,
            trouble = self.beat(speaking, rooms, own) => trouble,
        }
    }

    async fn fulfil(
        &self,
        subscribing: &mut PubSubSink,
        subscribed: &mut HashSet<String>,
    ) -> Result<(), Trouble> {
        let mut wanted: HashSet<String> = self.shared.wanted().keys().cloned().collect();
        wanted.insert(self.shared.pulse_channel());
        let new: Vec<&String> = wanted.difference(subscribed).collect();
        let old: Vec<&String> = subscribed.difference(&wanted).collect();
        let work = async {
            if !new.is_empty() {
                subscribing.subscribe(&new).await?;
            }
            if !old.is_empty() {
                subscribing.unsubscribe(&old).await?;
            }
            Ok(())
        };
        match tokio::time::timeout(ANSWER_LIMIT, work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.trouble(&error)),
            Err(_) => return Err(Trouble::Silent(ANSWER_LIMIT)),
        }
        *subscribed = wanted;
        Ok(())
    }

    /// Passes on what waits.
    async fn speak(
        &self,
        mut speaking: MultiplexedConnection,
        waiting: &mut mpsc::Receiver<Outgoing>,
    ) -> Trouble {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            let mut pipeline = redis::pipe();
            let mut open = Open {
                shared: self.shared,
                count: 0,
            };
            for outgoing in batch.drain(..) {
                if outgoing.handed_in.elapsed() > STALE {
                    self.shared.unsaid(1);
                    continue;
                }
                open.count += 1;
                pipeline
                    .cmd("PUBLISH")
                    .arg(&outgoing.channel)
                    .arg(&outgoing.message)
                    .ignore();
            }
            if open.count == 0 {
                continue;
            }
            let since = Instant::now();
            match pipeline.exec_async(&mut speaking).await {
                Ok(()) => open.said(since),
                Err(error) => return self.trouble(&error),
            }
        }
        // Only when the pod is gone.
        std::future::pending().await
    }

    /// Shows that this pod lives.
    async fn beat(&self, mut speaking: MultiplexedConnection, rooms: &Rooms, own: &mut OwnSizes) -> Trouble {
        let channel = self.shared.pulse_channel();
        let mut every = tokio::time::interval(PERIOD);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let (ask, all_wanted) = self.shared.presence().owed();
            let (seq, whole, sizes) = own.next(rooms.sizes(), all_wanted);
            let pulse = Pulse {
                pod: self.shared.pod.clone(),
                boot_id: self.shared.boot_id.clone(),
                seq,
                unsaid: self.shared.figures.unsaid.load(Ordering::SeqCst),
                whole,
                ask,
                sizes,
            };
            let message = match serde_json::to_vec(&pulse) {
                Ok(message) => message,
                Err(error) => return Trouble::Refused(error.to_string()),
            };
            let since = Instant::now();
            let mut command = redis::cmd("PUBLISH");
            command.arg(&channel).arg(message);
            match command.exec_async(&mut speaking).await {
                Ok(()) => self.shared.figures.published(since.elapsed(), Instant::now()),
                Err(error) => return self.trouble(&error),
            }
        }
    }

    /// Says when what this pod publishes has not come back for too long.
    async fn watch_echo(&self) -> Trouble {
        loop {
            let slept = Instant::now();
            tokio::time::sleep(LOOK).await;
            let late = slept.elapsed().saturating_sub(2 * LOOK);
            let mut echo = self.echo.lock().unwrap_or_else(PoisonError::into_inner);
            // Time in which this process did not run proves nothing.
            echo.last += late;
            if echo.last.elapsed() > UNHEARD {
                return Trouble::NotHeard;
            }
        }
    }
}

/// Messages that Redis was sent and has not confirmed. Dropped without that, nobody may have heard them.
struct Open<'a> {
    shared: &'a Shared,
    count: u64,
}

impl Open<'_> {
    fn said(mut self, since: Instant) {
        let figures = &self.shared.figures;
        figures.said.fetch_add(self.count, Ordering::SeqCst);
        figures.published(since.elapsed(), Instant::now());
        self.count = 0;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.shared.unsaid(self.count);
        }
    }
}
