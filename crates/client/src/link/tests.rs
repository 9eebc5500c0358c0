//! What the machine wants, told step by step what happens to its link.

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
