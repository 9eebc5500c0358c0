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
mod tests {
    use super::*;

    struct Bench {
        machine: LinkMachine,
        start: Instant,
    }

    const PING: Heartbeat = Heartbeat {
        interval: Duration::from_secs(20),
        timeout: Duration::from_secs(25),
    };

    impl Bench {
        fn new() -> Self {
            Self {
                machine: LinkMachine::new(Millis(0)),
                start: Instant::now(),
            }
        }

        fn at(&self, seconds: u64) -> (Instant, Millis) {
            let millis = i64::try_from(seconds).unwrap() * 1_000;
            (self.start + Duration::from_secs(seconds), Millis(millis))
        }

        fn online(seconds: u64) -> Self {
            let mut bench = Self::new();
            let (now, at) = bench.at(seconds);
            bench.machine.resolving(at);
            bench.machine.connecting(at, "to 127.0.0.1");
            bench.machine.handshaking(at);
            bench
                .machine
                .online(now, at, Some(PING), Duration::from_millis(9));
            bench
        }

        fn lose(&mut self, seconds: u64, after: Option<Duration>) -> Duration {
            let (now, at) = self.at(seconds);
            self.machine.lost(now, at, "gone", after, &mut rand::rng());
            self.machine.retry_at().unwrap() - now
        }

        fn passed(&mut self, seconds: u64) -> Option<Wish> {
            let (now, at) = self.at(seconds);
            self.machine.passed(now, at)
        }

        fn phases(&self) -> Vec<LinkPhase> {
            self.machine.transitions().iter().map(|t| t.phase).collect()
        }
    }

    #[test]
    fn every_step_is_written_down_with_its_reason() {
        let mut bench = Bench::online(1);
        bench.lose(2, None);
        assert_eq!(
            bench.phases(),
            [
                LinkPhase::Resolving,
                LinkPhase::Connecting,
                LinkPhase::Handshaking,
                LinkPhase::Online,
                LinkPhase::Backoff
            ]
        );
        let transitions = bench.machine.transitions();
        assert!(transitions.iter().all(|t| !t.reason.is_empty()));
        assert_eq!(
            (transitions[4].at, bench.machine.since()),
            (Millis(2_000), Millis(2_000))
        );
    }

    #[test]
    fn silence_is_doubted_then_checked_then_the_end() {
        let mut bench = Bench::online(0);
        assert_eq!(bench.passed(29), None, "a ping is due every 20 s");
        assert_eq!(bench.passed(30), Some(Wish::Check), "half an interval beyond due");
        assert_eq!(bench.machine.phase(), LinkPhase::Suspect);
        assert_eq!(bench.passed(31), None, "one check at a time");
        assert_eq!(bench.passed(36), Some(Wish::Check));
        assert_eq!(bench.passed(45), Some(Wish::Drop), "the server's own limit");
    }

    #[test]
    fn a_sign_of_life_ends_the_doubt() {
        let mut bench = Bench::online(0);
        bench.passed(30);
        let (now, at) = bench.at(31);
        bench.machine.heard(now, at);
        assert_eq!(bench.machine.phase(), LinkPhase::Online);
        assert_eq!(bench.passed(60), None);
        assert_eq!(bench.passed(61), Some(Wish::Check));
    }

    #[test]
    fn without_a_visible_heartbeat_silence_alone_is_no_reason() {
        let mut bench = Bench::online(0);
        let (now, at) = bench.at(0);
        bench.machine.online(now, at, None, Duration::ZERO);
        assert_eq!(bench.passed(3_600), None);
        let (now, at) = bench.at(3_600);
        assert_eq!(
            bench.machine.doubt(now, at, "ticks are missing"),
            Some(Wish::Check)
        );
    }

    #[test]
    fn waits_grow_until_a_link_stood_half_a_minute() {
        let mut bench = Bench::online(0);
        for attempt in 0..20 {
            let (now, at) = bench.at(attempt);
            bench.machine.resolving(at);
            bench.machine.online(now, at, None, Duration::ZERO);
            bench.lose(attempt, None);
        }
        assert!(bench.machine.attempts() > 15, "a link that flaps is not steady");
        let (now, at) = bench.at(100);
        bench.machine.resolving(at);
        bench.machine.online(now, at, None, Duration::ZERO);
        assert!(bench.lose(131, None) <= Duration::from_millis(250));
    }

    #[test]
    fn the_servers_wish_to_be_left_alone_is_honoured_and_bounded() {
        let mut bench = Bench::online(0);
        assert!(bench.lose(1, Some(Duration::from_secs(7))) >= Duration::from_secs(7));
        assert_eq!(bench.passed(7), None);
        assert_eq!(bench.passed(9), Some(Wish::Attempt));
        let longest = bench.lose(10, Some(Duration::from_hours(24)));
        assert_eq!(longest, LONGEST_RETRY_AFTER);
    }

    #[test]
    fn a_server_that_answers_elsewhere_ends_its_own_silence_and_not_its_wish() {
        let mut bench = Bench::online(0);
        bench.lose(1, Some(Duration::from_mins(1)));
        let (now, _) = bench.at(2);
        bench.machine.server_is_back(now);
        assert_eq!(bench.passed(2), None);
        let mut bench = Bench::online(0);
        for attempt in 0..20 {
            bench.lose(attempt, None);
        }
        let (now, _) = bench.at(20);
        bench.machine.server_is_back(now);
        assert_eq!(bench.passed(20), Some(Wish::Attempt));
    }

    #[test]
    fn the_network_coming_back_ends_the_wait() {
        let mut bench = Bench::online(0);
        bench.lose(1, Some(Duration::from_mins(1)));
        let (now, at) = bench.at(2);
        assert_eq!(bench.machine.network_changed(now, at), None);
        assert_eq!(bench.passed(2), Some(Wish::Attempt));
        let mut online = Bench::online(0);
        let (now, at) = online.at(2);
        assert_eq!(online.machine.network_changed(now, at), Some(Wish::Check));
    }

    #[test]
    fn a_pod_that_is_replaced_is_left_in_its_time_and_nothing_counts_as_a_failure() {
        let mut bench = Bench::online(0);
        for attempt in 0..5 {
            bench.lose(attempt, None);
            let (now, at) = bench.at(attempt);
            bench.machine.resolving(at);
            bench.machine.online(now, at, Some(PING), Duration::ZERO);
        }
        let (now, _) = bench.at(10);
        bench.machine.leaves(now, Duration::from_secs(2));
        assert_eq!(bench.passed(11), None, "not before its time");
        assert!(bench.machine.is_online() && !bench.machine.is_moving());
        assert_eq!(bench.passed(12), Some(Wish::Attempt));
        let (now, at) = bench.at(12);
        bench.machine.resolving(at);
        assert!(bench.machine.is_moving());
        assert_eq!(bench.machine.attempts(), 1, "what failed before does not count");
        assert!(
            bench
                .machine
                .transitions()
                .last()
                .unwrap()
                .reason
                .contains("replaced")
        );
        bench.machine.online(now, at, Some(PING), Duration::ZERO);
        assert!(!bench.machine.is_moving());
        assert_eq!(bench.passed(13), None, "it has moved");
    }

    #[test]
    fn a_pod_that_closes_before_the_move_is_not_a_loss_but_one_that_nobody_replaces_is() {
        let mut bench = Bench::online(0);
        let (now, _) = bench.at(1);
        bench.machine.leaves(now, Duration::from_secs(3));
        assert_eq!(
            bench.lose(2, None),
            Duration::from_secs(2),
            "the time that it was given, so that not all come at once"
        );
        assert!(bench.machine.is_moving());
        assert_eq!(bench.passed(4), Some(Wish::Attempt));
        let (_, at) = bench.at(4);
        bench.machine.resolving(at);
        bench.lose(5, None);
        assert!(!bench.machine.is_moving(), "nobody is there");
        assert_eq!(bench.machine.phase(), LinkPhase::Backoff);
    }

    #[test]
    fn an_attempt_that_is_over_cannot_go_back_to_being_made() {
        let mut bench = Bench::online(0);
        let (_, at) = bench.at(1);
        bench.machine.handshaking(at);
        bench.machine.connecting(at, "late");
        assert_eq!(bench.machine.phase(), LinkPhase::Online);
        bench.machine.closed(at);
        assert_eq!(bench.passed(3_600), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut bench = Bench::online(0);
        for second in 0..1_000 {
            bench.lose(second, None);
            let (_, at) = bench.at(second);
            bench.machine.resolving(at);
        }
        assert_eq!(bench.machine.transitions().len(), KEPT);
    }
}
