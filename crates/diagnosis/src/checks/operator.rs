//! Whether the pods' Redis works, when its operator gave its address, and what that says of pods that are apart.

use crate::checks::subscribers::{self, Pods};
use crate::checks::{room_split, skipped};
use crate::evidence::{Evidence, RedisEvidence, RedisTroubleKind};
use crate::report::{Confidence, Finding, Outcome};

pub(super) const REDIS: &str = "GS-REDIS";

pub(super) const NOT_GIVEN: &str =
    "Only an operator can have this looked at, with gavelctl doctor --redis URL.";
pub(super) const LATE: &str =
    "Bids count, whichever pod takes them; what others bid can be told late or never.";

/// Whether Redis can be reached, lets us in and passes messages on.
pub(super) fn redis(evidence: &Evidence) -> Finding {
    let Some(redis) = &evidence.redis else {
        return skipped(REDIS, NOT_GIVEN);
    };
    let finding = match &redis.trouble {
        Some(trouble) => {
            let (sentence, fix) = in_words(trouble.kind);
            // Pods that hear each other have a Redis that works: this one is another, or closed to this machine.
            let pods_hear = room_split::rooms(evidence).outcome == Outcome::Pass
                && Pods::of(evidence).is_some_and(|pods| pods.likely > 1);
            if pods_hear {
                Finding::new(REDIS, Outcome::Warn, "The pods hear each other, but not through the Redis that was given.")
                    .because(format!("From this machine: {sentence} It may be open to the pods alone, or they use another one."))
                    .fix("Operator: compare the address with the pods' REDIS_URL, and run this where the pods run.")
            } else {
                let words = format!("Your bids are safe, but the prices you see can be late: {}", uncapital(sentence));
                Finding::new(REDIS, Outcome::Fail, words)
                    .because(format!("{sentence} Pods with the same address hear nothing of each other."))
                    .means(LATE)
                    .fix(fix)
            }
            .fact("Trouble", trouble.detail.clone())
        }
        None => working(redis),
    };
    figures(finding, redis)
}

/// What kind of trouble it is, and what to do about it.
fn in_words(kind: RedisTroubleKind) -> (&'static str, &'static str) {
    match kind {
        RedisTroubleKind::Unreachable => (
            "Redis cannot be reached.",
            "Operator: start Redis, and check host, port and firewalls. The pods connect again by themselves.",
        ),
        RedisTroubleKind::Tls => (
            "The TLS connection to Redis fails.",
            "Operator: use rediss:// for the port with TLS only; name the authority's certificate with --redis-ca (gaveld: \
             REDIS_CA_FILE), or renew Redis' own.",
        ),
        RedisTroubleKind::SignIn => (
            "Redis refuses the user or the password.",
            "Operator: mend REDIS_URL (redis://user:password@host:6379/0), or the user in Redis.",
        ),
        RedisTroubleKind::Silent => (
            "Redis takes connections and does not answer.",
            "Operator: see whether it hangs (redis-cli --latency, SLOWLOG GET), and whether the port speaks TLS.",
        ),
        RedisTroubleKind::Lost => (
            "Redis hangs up.",
            "Operator: read its log; a port that speaks TLS needs rediss://.",
        ),
        RedisTroubleKind::Refused => (
            "Redis refuses to work, or what answers there is not Redis.",
            "Operator: read under Trouble what it answered, and check host and port.",
        ),
    }
}

fn working(redis: &RedisEvidence) -> Finding {
    if redis.echoed == Some(false) {
        return Finding::new(
            REDIS,
            Outcome::Fail,
            "Your bids are safe, but the prices you see can be late: Redis takes messages and does not pass them on.",
        )
        .because("What was published on a channel of its own did not come back.")
        .means(LATE)
        .fix("Operator: restart Redis, and see whether it is a replica, or a proxy that does not know pub/sub.");
    }
    if redis.role.as_deref() == Some("slave") {
        return Finding::new(REDIS, Outcome::Warn, "The Redis that was given is a replica.")
            .because("What is published on a replica is not heard on its master, nor on other replicas.")
            .means(LATE)
            .fix("Operator: give every pod the master's address.");
    }
    if redis.echoed.is_none() {
        return Finding::new(
            REDIS,
            Outcome::Inconclusive,
            "Redis answers; whether it passes messages on could not be tried, because this user may not.",
        )
        .resting(Confidence::Weak, "an answer, and no message")
        .fix("Operator: give the address with a user who may PUBLISH and SUBSCRIBE to socket.io-*.");
    }
    Finding::new(
        REDIS,
        Outcome::Pass,
        "Redis answers, and what is published there comes back.",
    )
}

fn figures(mut finding: Finding, redis: &RedisEvidence) -> Finding {
    finding = finding.fact("Address", redis.address.clone());
    for (label, time) in [
        ("Name", redis.resolve_ms),
        ("TCP", redis.tcp_ms),
        ("TLS, verified", redis.tls_ms),
    ] {
        if let Some(time) = time {
            finding = finding.fact(label, format!("{time} ms"));
        }
    }
    if redis.signed_in && !redis.encrypted {
        finding = finding.fact("TLS", "off");
    }
    if let Some(time) = redis.round_trip_us {
        finding = finding.fact("Round trip", format!("{:.2} ms", f64::from(time) / 1_000.0));
    }
    if let Some(version) = &redis.version {
        finding = finding.fact("Version", version.clone());
    }
    if let Some(role) = &redis.role {
        finding = finding.fact("Role", role.clone());
    }
    if !redis.refused.is_empty() {
        finding = finding.fact("This user may not", redis.refused.join(", "));
    }
    finding
}

/// From outside, a missing adapter and a dead Redis look the same. Where Redis was looked at, they do not.
pub(super) fn explain(findings: &mut [Finding]) {
    let proved = [subscribers::CODE, REDIS].iter().find_map(|code| {
        let finding = findings
            .iter()
            .find(|finding| finding.code == *code && finding.outcome == Outcome::Fail)?;
        Some((finding.cause.clone()?, finding.fix.clone()?))
    });
    let split = findings
        .iter_mut()
        .find(|finding| finding.code == room_split::CODE && finding.outcome == Outcome::Fail);
    if let (Some((cause, fix)), Some(split)) = (proved, split) {
        split.cause = Some(cause);
        split.fix = Some(fix);
    }
}

fn uncapital(sentence: &str) -> String {
    // Redis is a name; what begins otherwise goes on in small letters.
    match sentence.strip_prefix("The ") {
        Some(rest) => format!("the {rest}"),
        None => sentence.to_owned(),
    }
}
