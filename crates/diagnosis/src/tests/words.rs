//! How it is said: what to do is something that can be done, and stands in the verdict.

use std::path::Path;

use super::*;
use crate::evidence::Scratch;

/// Whatever a report says is whole sentences, and its verdict ends with what to do.
pub(super) fn are_well_chosen(report: &Report) {
    let begins = |text: &str| text.chars().next().unwrap();
    for finding in &report.findings {
        let Finding { code, sentence, .. } = finding;
        let texts = [
            Some(sentence),
            finding.meaning.as_ref(),
            finding.cause.as_ref(),
            finding.fix.as_ref(),
        ];
        for text in texts.into_iter().flatten() {
            let first = begins(text);
            assert!(first.is_uppercase() || first.is_ascii_digit(), "{code}: {text}");
            assert!(
                text.ends_with('.') && !text.contains("  ") && !text.contains(".."),
                "{code}: {text}"
            );
        }
        let Some(fix) = &finding.fix else {
            // Over another library it works as well: nothing is to be done.
            let works = code == "GS-WAY";
            assert!(
                works || !matches!(finding.outcome, Outcome::Fail | Outcome::Warn),
                "{finding:?}"
            );
            continue;
        };
        assert!(
            !matches!(finding.outcome, Outcome::Pass | Outcome::Skipped),
            "{finding:?}"
        );
        let what = fix.strip_prefix("Operator: ");
        assert!(
            what.is_none_or(|what| begins(what).is_lowercase()),
            "{code}: {fix}"
        );
        let first = what.unwrap_or(fix).split(' ').next().unwrap().to_lowercase();
        assert!(
            !["nothing", "if", "for", "where", "it", "the", "redis"].contains(&first.as_str()),
            "{code}: {fix}"
        );
    }
    let verdict = &report.verdict;
    let (fixes, ways) = (
        verdict.matches(" Fix: ").count(),
        verdict.matches(" To find out: ").count(),
    );
    assert!(fixes + ways <= 1, "{verdict}");
    if let Some((_, what)) = verdict
        .split_once(" Fix: ")
        .or_else(|| verdict.split_once(" To find out: "))
    {
        assert!(
            begins(what).is_lowercase() && !what.contains("Operator"),
            "{verdict}"
        );
    }
    let worst = report
        .findings
        .iter()
        .find(|finding| Some(&finding.code) == report.code.as_ref());
    let has_fix = worst.is_some_and(|finding| finding.fix.is_some());
    let expected = match report.light {
        Light::Red | Light::Amber => (usize::from(has_fix), 0),
        Light::Grey => (0, usize::from(has_fix)),
        Light::Green => (0, 0),
    };
    assert_eq!((fixes, ways), expected, "{verdict}");
}

#[test]
fn of_every_kept_run() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"));
    let mut grey = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        if file.extension().is_some_and(|end| end == "json") {
            let evidence: Evidence = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            let report = judged(&evidence);
            grey += u32::from(report.verdict.contains(" To find out: "));
        }
    }
    assert!(grey > 2, "{grey} verdicts say how to find out");
}

#[test]
fn of_whatever_a_session_may_see() {
    let changes: &[fn(&mut serde_json::Value)] = &[
        |_| {},
        |s| s["connection"]["phase"] = "backoff".into(),
        |s| s["connection"]["phase"] = "closed".into(),
        |s| s["connection"]["heardAt"] = 0.into(),
        |s| s["auctions"][0]["room"]["trouble"] = "Not a member of this league".into(),
        |s| s["auctions"][0]["trust"] = "polled".into(),
        |s| s["auctions"][0]["room"]["here"] = 0.into(),
        |s| s["measurements"]["echoesMissing"] = 2.into(),
        |s| s["measurements"]["gaps"] = 2.into(),
        |s| s["measurements"]["dropped"] = 2.into(),
        |s| s["measurements"]["malformed"] = 2.into(),
        |s| {
            s["clock"]["doubt"] =
                "The hammer may fall 1.5 s earlier or later than the countdown says.".into();
        },
        |s| s["clock"]["offsetMs"] = 9_000.into(),
        |s| {
            s["connection"]["podAlone"] =
                serde_json::json!({"pod": "pod-1", "since": 0, "reason": "Redis does not answer."});
        },
        |s| {
            s["connection"]["changedOver"] =
                "The standard library cannot read what this server sends; the plain one takes over.".into();
        },
        |s| {
            s["connection"]["changedOver"] =
                "Websockets are refused on the way to this server; long polling is tried instead.".into();
            s["connection"]["carrier"] = "polling".into();
        },
    ];
    let mut fixes = 0;
    for change in changes {
        let report = judged(&seen(change));
        fixes += u32::from(report.verdict.contains(" Fix: "));
    }
    assert!(
        fixes > 10,
        "{fixes} of {} have a fix in the verdict",
        changes.len()
    );
}

/// A probe that got no room, and why.
fn without_a_room(change: fn(&mut ProbeEvidence)) -> String {
    let mut probe = probed(&[0], &[1, 1, 1, 1], |_, _| true);
    let room = probe.room.as_mut().unwrap();
    room.sockets.clear();
    room.matrix.rows.clear();
    change(&mut probe);
    let report = judged(&of_probe(probe));
    finding(&report, "GS-ROOM-SPLIT").fix.unwrap()
}

#[test]
fn what_could_not_be_measured_says_what_would_help() {
    let turned_away = |probe: &mut ProbeEvidence| {
        probe.room.as_mut().unwrap().trouble = Some("the server refused: sign in first".to_owned());
    };
    assert!(without_a_room(turned_away).starts_with("Sign in and run"));
    // A socket that broke off has nothing to do with who is signed in.
    let broke = |probe: &mut ProbeEvidence| {
        let room = probe.room.as_mut().unwrap();
        (room.lost, room.trouble) = (2, Some("the connection broke".to_owned()));
    };
    assert!(without_a_room(broke).starts_with("Run the diagnosis again"));
    let stopped = |probe: &mut ProbeEvidence| {
        (probe.room, probe.cut_short) = (None, Some("it was stopped".to_owned()));
    };
    assert!(without_a_room(stopped).contains("to its end"));
    let refused = |probe: &mut ProbeEvidence| {
        probe.path.as_mut().unwrap().websocket_trouble = Some("refused with 403".to_owned());
    };
    assert!(without_a_room(refused).starts_with("Mend the way"));
}

/// What three pods that are apart say of themselves: mode, adapter, and how many they count.
fn apart(said: [(&str, Option<&str>, Option<u32>); 3]) -> Report {
    let mut probe = probed(&[0, 1, 2, 0, 1, 2], &[3, 3, 3, 3], |from, to| from == to);
    probe.room.as_mut().unwrap().scratch = Some(Scratch::ProbeRoom);
    probe.health = said
        .into_iter()
        .map(|(mode, adapter, pods)| HealthSeen {
            code: 200,
            status: "degraded".to_owned(),
            mode: Some(mode.to_owned()),
            adapter: adapter.map(str::to_owned),
            pods,
            ..HealthSeen::default()
        })
        .collect();
    judged(&of_probe(probe))
}

#[test]
fn the_fix_is_for_what_the_pods_have() {
    let none = ("in-memory", Some("degraded"), None);
    let away = ("redis", Some("down"), None);
    let still = ("redis", Some("degraded"), None);
    let elsewhere = ("redis", Some("degraded"), Some(1));
    let field = ("redis", None, None);
    for (said, words) in [
        (
            [none; 3],
            "Operator: set REDIS_URL on every pod, or run one replica.",
        ),
        ([none, away, away], "(some have none)"),
        ([away; 3], "start Redis, or mend the pods' way to it"),
        ([still; 3], "mend Redis, which is there"),
        ([elsewhere; 3], "the same REDIS_URL and the same channel"),
        ([field; 3], "see whether Redis runs"),
        ([("in-memory", None, None); 3], "set REDIS_URL on every pod"),
    ] {
        let report = apart(said);
        let split = finding(&report, "GS-ROOM-SPLIT");
        assert!(split.fix.as_ref().unwrap().contains(words), "{said:?}: {split:?}");
        let cluster = finding(&report, "GS-CLUSTER");
        if said[1].1.is_some() {
            assert_eq!(cluster.fix, split.fix, "{said:?}");
        }
        if said.iter().all(|(mode, ..)| *mode == "in-memory") {
            let all = format!("{split:?}{cluster:?}");
            assert!(
                !all.contains("at Redis") && !all.contains("mend Redis"),
                "there is none: {all}"
            );
        }
    }
}

#[test]
fn a_pod_that_is_being_replaced_is_not_sick() {
    let of = |status: &str| {
        let mut probe = probed(&[0, 1, 0, 1], &[2, 2, 2, 2], |_, _| true);
        probe.health = vec![HealthSeen {
            code: 503,
            status: status.to_owned(),
            ..HealthSeen::default()
        }];
        outcome(&judged(&of_probe(probe)), "GS-HEALTH")
    };
    assert_eq!((of("draining"), of("unhealthy")), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn what_pods_said_before_something_was_found_is_not_said_again() {
    let mut probe = probed(&[0, 1, 0, 1], &[2, 2, 2, 2], |from, to| from == to);
    let said = |adapter: &str, pods: Option<u32>, afterwards| HealthSeen {
        code: 200,
        status: "healthy".to_owned(),
        mode: Some("redis".to_owned()),
        adapter: Some(adapter.to_owned()),
        pods,
        reason: (adapter == "down").then(|| "Redis has gone.".to_owned()),
        pod: Some("p1".to_owned()),
        afterwards,
        ..HealthSeen::default()
    };
    probe.health = vec![said("connected", Some(2), false), said("down", None, true)];
    let cluster = finding(&judged(&of_probe(probe.clone())), "GS-CLUSTER");
    let claims: Vec<_> = cluster
        .evidence
        .iter()
        .map(|fact| (fact.label.as_str(), fact.value.as_str()))
        .collect();
    assert_eq!(claims, [("Adapter", "down"), ("Reason of p1", "Redis has gone.")]);
    // Mended meanwhile.
    probe.health = vec![said("down", None, false), said("connected", Some(2), true)];
    assert_eq!(
        outcome(&judged(&of_probe(probe)), "GS-CLUSTER"),
        Outcome::Inconclusive
    );
}

#[test]
fn what_the_session_was_told_before_the_probe_contradicts_nothing() {
    let health = |at: i64| {
        let mut evidence = seen(|state| {
            state["server"]["claim"] = serde_json::json!({"at":at,"status":"healthy","mode":"redis",
                "multiPodReady":true,"pod":"p1","adapter":"connected"});
        });
        let mut probe = probed(&[0, 1, 0, 1], &[2, 2, 2, 2], |from, to| from == to);
        (probe.began_at, probe.took_ms) = (Millis(10_000), 6_000);
        probe.health = vec![HealthSeen {
            code: 200,
            status: "degraded".to_owned(),
            mode: Some("redis".to_owned()),
            adapter: Some("degraded".to_owned()),
            afterwards: true,
            ..HealthSeen::default()
        }];
        evidence.probe = Some(probe);
        outcome(&judged(&evidence), "GS-HEALTH")
    };
    assert_eq!((health(9_000), health(15_000)), (Outcome::Pass, Outcome::Pass));
    assert_eq!(health(17_000), Outcome::Warn, "told since, and not true");
}
