use crate::evidence::{HealthSeen, PathEvidence, ProbeEvidence, ProbeSocket, RoomProbe, TurnsEvidence};
use crate::matrix::{Heard, Matrix};
use crate::report::Confidence;
use crate::turns::Search;
use crate::{Evidence, Finding, Light, Outcome, Report, diagnose};
use gavelscope_client::state::{Millis, SessionState};

mod any;
mod files;
mod operator;
mod tls;
mod words;

/// A session as it is published before anything happened, with changes.
fn seen(change: impl FnOnce(&mut serde_json::Value)) -> Evidence {
    let mut json: serde_json::Value = serde_json::from_str(include_str!("../tests/online.json")).unwrap();
    change(&mut json);
    let state: SessionState = serde_json::from_value(json).unwrap();
    Evidence::collect(&state)
}

/// Whatever a test is about, what is said has to be well said.
fn judged(evidence: &Evidence) -> Report {
    let report = diagnose(evidence, Millis(1_795_400_000_000));
    words::are_well_chosen(&report);
    report
}

fn finding(report: &Report, code: &str) -> Finding {
    let found = report.findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code}")).clone()
}

fn outcome(report: &Report, code: &str) -> Outcome {
    finding(report, code).outcome
}

/// Sockets on pods, a search of each length, and who hears whom by their pods.
fn probed(sockets: &[usize], searches: &[u32], hears: impl Fn(usize, usize) -> bool) -> ProbeEvidence {
    let cell = |from: usize, to: usize| {
        let came = u32::from(hears(sockets[from], sockets[to])) * 2;
        Heard {
            said: 2,
            heard: came,
            median_ms: (came > 0).then_some(3),
        }
    };
    let places = 0..sockets.len();
    ProbeEvidence {
        path: Some(PathEvidence::default()),
        turns: Some(TurnsEvidence {
            searches: searches
                .iter()
                .map(|&requests| Search {
                    requests,
                    found: true,
                })
                .collect(),
            ..TurnsEvidence::default()
        }),
        room: Some(RoomProbe {
            sockets: sockets
                .iter()
                .map(|_| ProbeSocket {
                    claimed: Some(0),
                    ..ProbeSocket::default()
                })
                .collect(),
            matrix: Matrix {
                rows: places
                    .clone()
                    .map(|from| places.clone().map(|to| cell(from, to)).collect())
                    .collect(),
            },
            ..RoomProbe::default()
        }),
        ..ProbeEvidence::default()
    }
}

fn of_probe(probe: ProbeEvidence) -> Evidence {
    Evidence::of_probe("http://127.0.0.1:1".to_owned(), Millis(0), probe)
}

#[test]
fn before_the_first_bid_nothing_is_called_healthy() {
    assert_eq!(judged(&seen(|_| {})).light, Light::Grey);
}

#[test]
fn bids_that_came_back_while_nothing_is_missed_make_it_healthy() {
    let echo = |s: &mut serde_json::Value| {
        s["measurements"]["echo"] = serde_json::json!({"count":3,"last":12,"median":12,"p95":12});
    };
    let report = judged(&seen(echo));
    assert_eq!(
        (report.light, outcome(&report, "GS-ECHO")),
        (Light::Green, Outcome::Pass)
    );
    let polled = judged(&seen(|s| {
        echo(s);
        s["auctions"][0]["sequence"] = 0.into();
    }));
    assert_eq!(polled.light, Light::Grey, "nobody else's bid was heard yet");
}

#[test]
fn in_the_field_one_bid_that_came_back_may_have_been_taken_by_my_own_pod() {
    let after = |bids: u32| {
        judged(&seen(|s| {
            s["measurements"]["pods"] = serde_json::json!([]);
            s["measurements"]["echo"] = serde_json::json!({"count":bids,"last":12,"median":12,"p95":12});
        }))
    };
    assert_eq!(
        (after(1).light, after(1).code.as_deref()),
        (Light::Grey, Some("GS-ECHO"))
    );
    assert_eq!(after(3).light, Light::Green);
}

#[test]
fn an_accepted_bid_that_never_came_back_is_the_verdict_whatever_health_claims() {
    let report = judged(&seen(|s| {
        s["measurements"]["echoesMissing"] = 1.into();
        s["server"]["claim"] = serde_json::json!(
            {"at":0,"status":"healthy","mode":"redis","multiPodReady":true,"pod":null,"adapter":null});
    }));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-ECHO"))
    );
    assert!(
        report.verdict.contains("Fix: see whether Redis runs"),
        "{}",
        report.verdict
    );
    assert_eq!(outcome(&report, "GS-HEALTH"), Outcome::Warn);
}

#[test]
fn events_that_do_not_arrive_are_the_verdict_before_any_bid_of_mine() {
    let report = judged(&seen(|s| {
        s["auctions"][0]["trust"] = "polled".into();
        s["auctions"][0]["doubt"] = "The server has a bid that the room was never told.".into();
    }));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-DELIVERY"))
    );
    let missed = finding(&report, "GS-DELIVERY").evidence;
    assert!(
        missed.iter().any(|fact| fact.value.contains("never told")),
        "{missed:?}"
    );
}

#[test]
fn a_lost_link_comes_first() {
    let report = judged(&seen(|s| {
        s["connection"]["phase"] = "backoff".into();
        s["measurements"]["gaps"] = 3.into();
    }));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-LINK"))
    );
    assert_eq!(outcome(&report, "GS-GAPS"), Outcome::Warn);
}

#[test]
fn a_pod_that_says_it_is_alone_is_the_verdict_and_names_redis() {
    let report = judged(&seen(|s| {
        s["connection"]["podAlone"] = serde_json::json!({"pod": "pod-1", "since": 1_795_399_990_000_i64, "reason": "Redis does not answer."});
        s["auctions"][0]["trust"] = "polled".into();
    }));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-CLUSTER"))
    );
    let said = finding(&report, "GS-CLUSTER");
    assert!(
        said.evidence
            .iter()
            .any(|fact| fact.claimed && fact.value == "Redis does not answer.")
    );
    assert!(
        said.fix
            .unwrap()
            .contains("look at Redis and at this pod's way to it")
    );
}

#[test]
fn a_move_from_a_pod_that_is_replaced_is_no_loss() {
    let report = judged(&seen(|s| {
        s["connection"]["phase"] = "resolving".into();
        s["connection"]["moving"] = true.into();
    }));
    assert_eq!(
        (report.light, outcome(&report, "GS-LINK")),
        (Light::Grey, Outcome::Inconclusive)
    );
}

#[test]
fn what_is_worth_a_look_is_amber() {
    let polling = judged(&seen(|s| {
        s["connection"]["changedOver"] = "Long polling cannot work here: requests reach other pods.".into();
    }));
    assert_eq!(
        (polling.light, outcome(&polling, "GS-WAY")),
        (Light::Amber, Outcome::Warn)
    );
    let clock = judged(&seen(|s| s["clock"]["doubt"] = "It may be off by 2 s.".into()));
    assert_eq!(outcome(&clock, "GS-CLOCK"), Outcome::Warn);
    let empty = judged(&seen(|s| s["auctions"][0]["room"]["here"] = 0.into()));
    assert_eq!(outcome(&empty, "GS-ROOM-SIZE"), Outcome::Warn);
}

#[test]
fn three_pods_that_share_nothing_are_the_verdict_with_its_number_and_its_fix() {
    let probe = probed(&[0, 1, 2, 0, 1, 2, 0, 1], &[3, 3, 3, 3], |from, to| from == to);
    let report = judged(&of_probe(probe));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-ROOM-SPLIT"))
    );
    assert_eq!(
        report.verdict,
        "Your bids are safe, but the prices you see can be late: this backend runs 3 pods that do not share rooms. Fix: \
         set REDIS_URL on every pod, or run one replica."
    );
}

#[test]
fn of_three_pods_two_may_share() {
    let probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |from, to| {
        (from == 2) == (to == 2)
    });
    let report = judged(&of_probe(probe));
    assert!(
        report
            .verdict
            .contains("3 pods in 2 groups that do not share rooms")
            && report.verdict.contains("the same channel"),
        "{}",
        report.verdict
    );
}

#[test]
fn what_was_cut_short_proves_no_loss() {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |_, _| true);
    for row in &mut probe.room.as_mut().unwrap().matrix.rows {
        row[4].heard = 1;
    }
    assert_eq!(
        outcome(&judged(&of_probe(probe.clone())), "GS-PARTIAL"),
        Outcome::Warn
    );
    probe.cut_short = Some("it took longer than it may".to_owned());
    assert_eq!(
        outcome(&judged(&of_probe(probe)), "GS-PARTIAL"),
        Outcome::Inconclusive
    );
}

#[test]
fn a_pod_that_held_no_socket_is_not_called_healthy() {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |_, _| true);
    let split = |probe: &ProbeEvidence| outcome(&judged(&of_probe(probe.clone())), "GS-ROOM-SPLIT");
    assert_eq!(split(&probe), Outcome::Pass);
    probe.room.as_mut().unwrap().lost = 1;
    assert_eq!(
        split(&probe),
        Outcome::Inconclusive,
        "it may have been the third's"
    );
    for (place, socket) in probe.room.as_mut().unwrap().sockets.iter_mut().enumerate() {
        socket.pod = Some(format!("pod-{}", place % 3));
    }
    assert_eq!(split(&probe), Outcome::Pass, "every pod has one that stayed");
    probe.turns.as_mut().unwrap().pods = vec!["pod-4".to_owned()];
    assert_eq!(
        split(&probe),
        Outcome::Inconclusive,
        "one answered, and holds none"
    );
}

#[test]
fn what_was_asked_once_is_likely_and_no_more() {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |_, _| true);
    let sure = |probe: &ProbeEvidence| {
        let report = judged(&of_probe(probe.clone()));
        ["GS-ROOM-SPLIT", "GS-PARTIAL"].map(|code| finding(&report, code).confidence)
    };
    assert_eq!(sure(&probe), [Confidence::Certain; 2]);
    for cell in &mut probe.room.as_mut().unwrap().matrix.rows[0] {
        (cell.said, cell.heard) = (1, 1);
    }
    assert_eq!(sure(&probe), [Confidence::Likely; 2]);
}

#[test]
fn a_backend_that_answers_the_second_connection_alone_is_worth_a_look() {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |_, _| true);
    probe.path.as_mut().unwrap().at_second_try = true;
    let report = judged(&of_probe(probe));
    assert_eq!(
        (report.light, outcome(&report, "GS-PATH")),
        (Light::Amber, Outcome::Warn)
    );
}

#[test]
fn three_pods_that_share_are_green_and_a_balancer_that_hides_the_others_is_not() {
    let shared = probed(&[0, 1, 2, 0, 1, 2, 0, 1], &[3, 3, 3, 3], |_, _| true);
    assert_eq!(
        outcome(&judged(&of_probe(shared)), "GS-ROOM-SPLIT"),
        Outcome::Pass
    );
    let mut hidden = probed(&[0; 8], &[1; 6], |_, _| true);
    let report = judged(&of_probe(hidden.clone()));
    assert_eq!(
        (report.light, outcome(&report, "GS-ROOM-SPLIT")),
        (Light::Grey, Outcome::Inconclusive)
    );
    let said = |pods| HealthSeen {
        code: 200,
        status: "healthy".to_owned(),
        pods: Some(pods),
        ..HealthSeen::default()
    };
    hidden.health = vec![said(3)];
    let report = judged(&of_probe(hidden.clone()));
    assert_eq!(
        (report.light, outcome(&report, "GS-STICKY")),
        (Light::Grey, Outcome::Inconclusive)
    );
    hidden.health = vec![said(1)];
    assert_eq!(
        outcome(&judged(&of_probe(hidden)), "GS-ROOM-SPLIT"),
        Outcome::Pass
    );
}

#[test]
fn a_pod_that_sends_and_does_not_hear_is_no_split() {
    let probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |from, to| {
        from == to || to != 2
    });
    let report = judged(&of_probe(probe));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-ONE-WAY"))
    );
    assert_eq!(outcome(&report, "GS-ROOM-SPLIT"), Outcome::Inconclusive);
}

#[test]
fn a_slow_pod_is_named_with_how_much_slower_it_is() {
    let slow = |pods: [Option<&str>; 5], late: &[usize]| {
        let mut probe = probed(&[0, 1, 2, 3, 4], &[5, 5, 5, 5], |_, _| true);
        let room = probe.room.as_mut().unwrap();
        for (socket, pod) in room.sockets.iter_mut().zip(pods) {
            socket.pod = pod.map(str::to_owned);
        }
        for row in &mut room.matrix.rows {
            for (place, socket) in late.iter().enumerate() {
                row[*socket].median_ms = Some(404 + u32::try_from(place).unwrap());
            }
        }
        let report = judged(&of_probe(probe));
        assert_eq!(
            (report.light, report.code.as_deref()),
            (Light::Amber, Some("GS-SLOW-POD"))
        );
        report
    };
    assert_eq!(
        slow([None, None, None, None, Some("pod-5")], &[4]).verdict,
        "One of the pods is slow: what you see through pod-5 comes 401 ms later than through the others. Fix: look at the \
         load of pod-5, and at its network."
    );
    assert_eq!(
        slow([None; 5], &[4]).verdict,
        "One of the pods is slow: what you see through it comes 401 ms later than through the others. Fix: look at the load \
         of that pod, and at its network."
    );
    // Of two the slower one is in the sentence, and both are in the evidence.
    let two = slow([None, None, None, Some("pod-4"), Some("pod-5")], &[4, 3]);
    assert!(
        two.verdict.contains("through pod-4 comes 402 ms later"),
        "{}",
        two.verdict
    );
    let facts = finding(&two, "GS-SLOW-POD").evidence;
    assert!(facts.iter().any(|fact| fact.value == "pod-4, pod-5"), "{facts:?}");
    // The session's own pod is pod-1, or the slow one.
    let means = |pod: &str| {
        let mut probe = probed(&[0, 1, 2], &[3, 3, 3, 3], |_, _| true);
        let room = probe.room.as_mut().unwrap();
        room.sockets[2].pod = Some("pod-3".to_owned());
        for row in &mut room.matrix.rows {
            row[2].median_ms = Some(404);
        }
        let evidence = seen(|s| s["connection"]["pod"] = pod.into()).with_probe(probe);
        finding(&judged(&evidence), "GS-SLOW-POD").meaning.unwrap()
    };
    assert!(means("pod-3").starts_with("You are connected to it:"));
    assert!(means("pod-1").starts_with("You are connected to another pod."));
    // Somebody else hears in time through the same pod: it is not the pod.
    let one_socket = slow([None, None, None, Some("pod-5"), Some("pod-5")], &[4]);
    assert!(
        one_socket.verdict.contains("through it comes 401 ms"),
        "{}",
        one_socket.verdict
    );
}

#[test]
fn refused_websockets_and_polling_that_meets_other_pods_leave_no_way() {
    let mut probe = probed(&[0, 1], &[3, 3, 3, 3], |_, _| true);
    probe.room = None;
    probe.path.as_mut().unwrap().websocket_trouble = Some("refused with 403".to_owned());
    let report = judged(&of_probe(probe));
    assert_eq!(
        (report.light, report.code.as_deref()),
        (Light::Red, Some("GS-PATH"))
    );
}

#[test]
fn every_code_has_its_section() {
    let sections = include_str!("../../../docs/findings.md");
    for finding in judged(&seen(|_| {})).findings {
        let heading = format!("\n## {}\n", finding.code);
        assert!(sections.contains(&heading), "{} is not explained", finding.code);
    }
}
