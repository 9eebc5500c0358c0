//! What a Redis proves, by evidence as an operator's look leaves it.

use super::*;
use crate::evidence::{ChannelForm, RedisChannel, RedisEvidence, RedisTrouble, RedisTroubleKind, Scratch};

const CODE: &str = "GS-REDIS-SUBSCRIBERS";

fn listening(channels: &[(&str, ChannelForm, u32)]) -> RedisEvidence {
    let channels = channels.iter().map(|&(name, form, subscribers)| RedisChannel {
        name: name.to_owned(),
        form,
        subscribers,
    });
    RedisEvidence {
        address: "redis://cache:6379/0".to_owned(),
        signed_in: true,
        round_trip_us: Some(210),
        echoed: Some(true),
        channels: Some(channels.collect()),
        ..RedisEvidence::default()
    }
}

/// Three pods of a kind that take turns, each with a socket; whether they hear each other.
fn three(scratch: Scratch, hear: bool) -> Evidence {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |from, to| hear || from == to);
    let room = probe.room.as_mut().unwrap();
    room.scratch = Some(scratch);
    for (place, socket) in room.sockets.iter_mut().enumerate() {
        socket.pod = Some(format!("p{}", place % 3));
    }
    of_probe(probe)
}

fn of(evidence: Evidence, redis: RedisEvidence) -> Finding {
    finding(&judged(&evidence.with_redis(redis)), CODE)
}

const OURS: ChannelForm = ChannelForm::SocketIo;
const PYTHON: ChannelForm = ChannelForm::Python;

#[test]
fn without_redis_nothing_is_said_of_it() {
    let report = judged(&three(Scratch::ProbeRoom, true));
    assert_eq!(outcome(&report, "GS-REDIS"), Outcome::Skipped);
    assert_eq!(outcome(&report, CODE), Outcome::Skipped);
}

#[test]
fn as_many_as_pods_is_well_and_other_fleets_do_not_count() {
    let ours = || three(Scratch::ProbeRoom, true);
    let both = listening(&[("socketio", PYTHON, 2), ("socket.io", OURS, 3)]);
    let found = of(ours(), both.clone());
    assert_eq!(found.outcome, Outcome::Pass);
    assert!(found.sentence.contains("All 3 pods"), "{}", found.sentence);
    // Beside pods of the field the same says that one is missing.
    assert_eq!(of(three(Scratch::LeagueRooms, true), both).outcome, Outcome::Fail);
    let more = of(ours(), listening(&[("socket.io", OURS, 5)]));
    assert_eq!(more.outcome, Outcome::Inconclusive);
}

#[test]
fn fewer_than_pods_is_broken_and_says_where_the_others_are() {
    let apart = || three(Scratch::ProbeRoom, false);
    let fewer = of(apart(), listening(&[("socket.io", OURS, 2)]));
    assert_eq!(fewer.outcome, Outcome::Fail);
    assert!(fewer.sentence.contains("2 of 3 pods"), "{}", fewer.sentence);
    let split = of(apart(), listening(&[("a", OURS, 2), ("b", OURS, 1)]));
    assert_eq!(split.outcome, Outcome::Fail);
    assert!(split.sentence.contains("a (2), b (1)"), "{}", split.sentence);
    let none = of(apart(), listening(&[("socketio", PYTHON, 3)]));
    assert!(none.sentence.contains("none of 3 pods"), "{}", none.sentence);
    let queues = ("queue", ChannelForm::Unknown, 1);
    let field = three(Scratch::LeagueRooms, false);
    let unknown = of(field, listening(&[("socketio", PYTHON, 0), queues]));
    assert_eq!(unknown.outcome, Outcome::Inconclusive, "it may be theirs");
}

#[test]
fn a_pod_of_the_field_that_had_no_socket_need_not_listen_yet() {
    let mut evidence = three(Scratch::LeagueRooms, true);
    let probe = evidence.probe.as_mut().unwrap();
    for socket in &mut probe.room.as_mut().unwrap().sockets {
        socket.pod = socket.pod.take().filter(|pod| pod != "p2");
    }
    probe.turns.as_mut().unwrap().pods = vec!["p2".to_owned()];
    let found = of(evidence, listening(&[("socketio", PYTHON, 2)]));
    assert_eq!(found.outcome, Outcome::Warn);
}

#[test]
fn nothing_to_compare_with_is_not_well() {
    let alone = || Evidence::of_server("http://127.0.0.1:1".to_owned(), Millis(0));
    assert_eq!(
        of(alone(), listening(&[("socket.io", OURS, 3)])).outcome,
        Outcome::Inconclusive
    );
    assert_eq!(of(alone(), listening(&[])).outcome, Outcome::Warn);
    let one = of_probe(probed(&[0, 0], &[1, 1, 1, 1, 1, 1], |_, _| true));
    assert_eq!(of(one, listening(&[])).outcome, Outcome::Inconclusive);
}

#[test]
fn a_redis_that_passes_nothing_on_or_is_a_replica_is_told() {
    let of = |change: fn(&mut RedisEvidence)| {
        let mut redis = listening(&[("socket.io", OURS, 3)]);
        change(&mut redis);
        outcome(
            &judged(&three(Scratch::ProbeRoom, true).with_redis(redis)),
            "GS-REDIS",
        )
    };
    assert_eq!(of(|_| {}), Outcome::Pass);
    assert_eq!(of(|redis| redis.echoed = Some(false)), Outcome::Fail);
    assert_eq!(of(|redis| redis.echoed = None), Outcome::Inconclusive);
    assert_eq!(of(|redis| redis.role = Some("slave".to_owned())), Outcome::Warn);
}

fn dead() -> RedisEvidence {
    RedisEvidence {
        trouble: Some(RedisTrouble {
            kind: RedisTroubleKind::Unreachable,
            detail: "nothing listens there".to_owned(),
        }),
        ..RedisEvidence::default()
    }
}

#[test]
fn the_cause_of_pods_that_are_apart_is_named_where_redis_proves_it() {
    let split = |redis: Option<RedisEvidence>| {
        let evidence = three(Scratch::ProbeRoom, false);
        let evidence = match redis {
            Some(redis) => evidence.with_redis(redis),
            None => evidence,
        };
        let found = finding(&judged(&evidence), "GS-ROOM-SPLIT");
        assert_eq!(found.outcome, Outcome::Fail);
        found.cause.unwrap()
    };
    assert!(split(None).contains("look the same"));
    assert!(split(Some(dead())).contains("cannot be reached"));
    assert!(split(Some(listening(&[]))).contains("No pod subscribes"));
    assert!(split(Some(listening(&[("a", OURS, 2), ("b", OURS, 1)]))).contains("different channels"));
    // All of them listen, and it is split all the same: Redis proves no cause.
    assert!(split(Some(listening(&[("socket.io", OURS, 3)]))).contains("look the same"));
}

#[test]
fn pods_that_hear_each_other_do_so_through_another_redis_than_a_dead_one() {
    let report = judged(&three(Scratch::ProbeRoom, true).with_redis(dead()));
    assert_eq!(outcome(&report, "GS-REDIS"), Outcome::Warn);
    assert_eq!(report.light, Light::Amber);
    let apart = judged(&three(Scratch::ProbeRoom, false).with_redis(dead()));
    assert_eq!(outcome(&apart, "GS-REDIS"), Outcome::Fail);
}
