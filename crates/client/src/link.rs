//! My link, as a machine of its own: what it is, why, since when, and what is to be done next.
//!
//! Pure: it is told what happened and when, and answers with what is wanted. It does not know what an auction is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backoff;
use crate::state::{LinkPhase, Millis, Transition};

/// How many transitions are kept.
const KEPT: usize = 50;
/// How long a link has to stand before its loss is met with the shortest wait again.
const STEADY: Duration = Duration::from_secs(30);
/// No server is waited for longer than this, whatever its `Retry-After` says.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(2);
/// No pod that stops is stayed with for longer.
const LONGEST_NOTICE: Duration = Duration::from_secs(30);
/// Two checks of one link are at least so far apart.
const CHECK_APART: Duration = Duration::from_secs(5);

/// The server's heartbeat, as its handshake told it (`pingInterval`, `pingTimeout`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Between two pings.
    pub interval: Duration,
    /// A ping that is late by more than this means that the link is gone.
    pub timeout: Duration,
}

/// What the machine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Make an attempt. The link before it is to be dropped first: there is never more than one.
    Attempt,
    /// Ask the server for any sign of life, over the link itself.
    Check,
    /// Drop the link: the server's own limit is over.
    Drop,
}

/// The machine.
#[derive(Debug)]
pub struct LinkMachine {
    phase: LinkPhase,
    since: Millis,
    attempts: u32,
    online_since: Option<Instant>,
    heartbeat: Option<Heartbeat>,
    heard: Option<Instant>,
    retry_at: Option<Instant>,
    /// The server asked for the wait.
    asked_to_wait: bool,
    /// The pod is about to stop: when another one is to be looked for.
    leaves_at: Option<Instant>,
    /// That is being done.
    moving: bool,
    checked: Option<Instant>,
    transitions: Arc<Vec<Transition>>,
}

impl LinkMachine {
    /// Nothing was tried yet.
    pub fn new(now: Millis) -> Self {
        Self {
            phase: LinkPhase::Idle,
            since: now,
            attempts: 0,
            online_since: None,
            heartbeat: None,
            heard: None,
            retry_at: None,
            asked_to_wait: false,
            leaves_at: None,
            moving: false,
            checked: None,
            transitions: Arc::default(),
        }
    }

    /// How the link is.
    pub fn phase(&self) -> LinkPhase {
        self.phase
    }

    /// Since when.
    pub fn since(&self) -> Millis {
        self.since
    }

    /// Attempts since the link was lost.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// When the next attempt is due.
    pub fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// How it came to be as it is.
    pub fn transitions(&self) -> Arc<Vec<Transition>> {
        Arc::clone(&self.transitions)
    }

    /// Whether events can arrive, as far as is known.
    pub fn is_online(&self) -> bool {
        matches!(self.phase, LinkPhase::Online | LinkPhase::Suspect)
    }

    /// How long it has been online.
    pub fn stood(&self, now: Instant) -> Option<Duration> {
        self.online_since.map(|since| now.duration_since(since))
    }

    /// Whether anything came over the link since then.
    pub fn heard_since(&self, then: Instant) -> bool {
        self.heard.is_some_and(|heard| heard >= then)
    }

    /// Goes over, unless it is so already.
    fn go(&mut self, phase: LinkPhase, at: Millis, reason: impl Into<String>) {
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        self.since = at;
        let transitions = Arc::make_mut(&mut self.transitions);
        if transitions.len() == KEPT {
            transitions.remove(0);
        }
        transitions.push(Transition {
            at,
            phase,
            reason: reason.into(),
        });
    }

    /// The pod is about to stop and asks for a move after so long. That is no loss: what was planned is not waited for as
    /// a failure is, and what failed before does not count.
    pub fn leaves(&mut self, now: Instant, after: Duration) {
        if self.is_online() {
            let due = now + after.min(LONGEST_NOTICE);
            self.leaves_at = Some(self.leaves_at.map_or(due, |known| known.min(due)));
        }
    }

    /// Whether a move is planned.
    pub fn is_leaving(&self) -> bool {
        self.leaves_at.is_some()
    }

    /// Whether the session is between a pod that stops and the next one.
    pub fn is_moving(&self) -> bool {
        self.moving
    }

    /// An attempt begins: the name is looked up.
    pub fn resolving(&mut self, at: Millis) {
        self.retry_at = None;
        self.heartbeat = None;
        if self.leaves_at.take().is_some() {
            self.moving = true;
            self.attempts = 0;
        }
        self.attempts = self.attempts.saturating_add(1);
        let reason = match self.attempts {
            _ if self.moving => "The pod is being replaced; the session moves to another one.".to_owned(),
            1 => "The session connects.".to_owned(),
            attempt => format!("Attempt {attempt} begins."),
        };
        self.go(LinkPhase::Resolving, at, reason);
    }

    /// The address is known; a connection is being made.
    pub fn connecting(&mut self, at: Millis, reason: impl Into<String>) {
        if self.phase.is_underway() {
            self.go(LinkPhase::Connecting, at, reason);
        }
    }

    /// The connection stands; Socket.IO is being asked.
    pub fn handshaking(&mut self, at: Millis) {
        if self.phase.is_underway() {
            self.go(
                LinkPhase::Handshaking,
                at,
                "The connection stands; Socket.IO is asked.",
            );
        }
    }

    /// The server said yes.
    pub fn online(&mut self, now: Instant, at: Millis, heartbeat: Option<Heartbeat>, took: Duration) {
        self.online_since = Some(now);
        self.heartbeat = heartbeat;
        self.heard = Some(now);
        self.checked = None;
        self.retry_at = None;
        self.leaves_at = None;
        self.moving = false;
        self.go(
            LinkPhase::Online,
            at,
            format!("The server said yes after {} ms.", took.as_millis()),
        );
    }

    /// Anything came over the link.
    pub fn heard(&mut self, now: Instant, at: Millis) {
        self.heard = Some(now);
        if self.phase == LinkPhase::Suspect {
            self.go(LinkPhase::Online, at, "The server is heard again.");
        }
    }

    /// There is a reason to doubt the link that silence alone does not give: the machine slept, the network changed,
    /// ticks are missing. It is checked at once.
    pub fn doubt(&mut self, now: Instant, at: Millis, reason: impl Into<String>) -> Option<Wish> {
        if !self.is_online()
            || self
                .checked
                .is_some_and(|checked| now.duration_since(checked) < CHECK_APART)
        {
            return None;
        }
        self.checked = Some(now);
        self.go(LinkPhase::Suspect, at, reason);
        Some(Wish::Check)
    }

    /// The link is over, or the attempt at one. `after` is what the server asked to be waited (`Retry-After`).
    pub fn lost(
        &mut self,
        now: Instant,
        at: Millis,
        reason: impl Into<String>,
        after: Option<Duration>,
        random: &mut impl rand::Rng,
    ) {
        if let Some(due) = self.leaves_at
            && self.is_online()
        {
            // It closed the link before the move: all the same, the move is what follows, and in its time.
            self.online_since = None;
            self.moving = true;
            self.retry_at = Some(due.max(now));
            self.asked_to_wait = true;
            self.heard = None;
            self.go(
                LinkPhase::Backoff,
                at,
                "The pod is being replaced; it closed the connection.",
            );
            return;
        }
        self.leaves_at = None;
        self.moving = false;
        let steady = self
            .online_since
            .take()
            .is_some_and(|since| now.duration_since(since) >= STEADY);
        if steady {
            self.attempts = 0;
        }
        let wait = backoff::wait_before(self.attempts, random);
        let wait = after.map_or(wait, |after| after.min(LONGEST_RETRY_AFTER).max(wait));
        self.retry_at = Some(now + wait);
        self.asked_to_wait = after.is_some();
        self.heard = None;
        self.go(LinkPhase::Backoff, at, reason);
    }

    /// The next attempt need not be waited for: the user asked, or the network is back.
    pub fn retry_now(&mut self, now: Instant) {
        if self.phase == LinkPhase::Backoff {
            self.retry_at = Some(now);
        }
    }

    /// The server answers elsewhere after it did not: the wait has lost its reason, unless the server asked for it.
    pub fn server_is_back(&mut self, now: Instant) {
        if !self.asked_to_wait {
            self.retry_now(now);
        }
    }

    /// The network is back: what was learnt of the old one, the waits included, is void.
    pub fn network_changed(&mut self, now: Instant, at: Millis) -> Option<Wish> {
        if self.phase == LinkPhase::Backoff {
            self.attempts = 0;
            self.retry_at = Some(now);
            return None;
        }
        self.doubt(now, at, "The network changed.")
    }

    /// The user ended it.
    pub fn closed(&mut self, at: Millis) {
        self.retry_at = None;
        self.go(LinkPhase::Closed, at, "The session was ended.");
    }

    /// Time passed. To be called a few times a second.
    pub fn passed(&mut self, now: Instant, at: Millis) -> Option<Wish> {
        match self.phase {
            LinkPhase::Backoff => self
                .retry_at
                .is_some_and(|due| due <= now)
                .then_some(Wish::Attempt),
            LinkPhase::Online | LinkPhase::Suspect if self.leaves_at.is_some_and(|due| due <= now) => {
                Some(Wish::Attempt)
            }
            LinkPhase::Online | LinkPhase::Suspect => {
                let heartbeat = self.heartbeat?;
                let silence = now.duration_since(self.heard?);
                if silence >= heartbeat.interval + heartbeat.timeout {
                    return Some(Wish::Drop);
                }
                if silence >= heartbeat.interval.mul_f64(1.5) {
                    return self.doubt(now, at, format!("Nothing was heard for {} s.", silence.as_secs()));
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
