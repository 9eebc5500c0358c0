//! What is kept, shown on a page, and compared.

use super::*;
use crate::{Drift, Saved, Unreadable, compare, page};

fn saved(evidence: Evidence) -> Saved {
    Saved::of(judged(&evidence), evidence).unwrap()
}

/// Two sockets on either of two pods, which share their rooms or do not.
fn split(apart: bool) -> ProbeEvidence {
    let mut probe = probed(&[0, 1, 0, 1], &[2, 2, 2, 2], |from, to| !apart || from == to);
    let room = probe.room.as_mut().unwrap();
    for (socket, pod) in room.sockets.iter_mut().zip(["p1", "p2", "p1", "p2"]) {
        socket.pod = Some(pod.to_owned());
    }
    probe
}

#[test]
fn what_was_saved_is_read_and_judged_the_same() {
    let evidence = seen(|_| {}).with_probe(split(true));
    let report = diagnose(&evidence, evidence.taken_at);
    let whole = Saved::of(report, evidence).unwrap();
    assert_eq!(Saved::read(&whole.text().unwrap()).unwrap(), whole);
    assert_eq!((whole.schema, whole.exit), (1, 2));
    // Evidence alone does, too.
    let alone = serde_json::to_string(&whole.evidence).unwrap();
    assert_eq!(Saved::read(&alone).unwrap().report, whole.report);
}

#[test]
fn what_is_no_evidence_says_so() {
    assert!(matches!(Saved::read("{"), Err(Unreadable::Form(_))));
    assert!(matches!(
        Saved::read("{\"evidence\":{}}"),
        Err(Unreadable::Form(_))
    ));
    let mut newer = saved(seen(|_| {}));
    newer.evidence.version = 99;
    assert_eq!(Saved::read(&newer.text().unwrap()), Err(Unreadable::Newer(99)));
}

#[test]
fn nobody_and_no_secret_is_in_a_file() {
    let evidence = seen(|s| {
        s["account"]["name"] = "Robin Goodfellow".into();
        s["auctions"][0]["leagueName"] = "The Fairies".into();
        s["connection"]["trouble"] =
            "The server said: robin@goodfellow.example has no \"token\": \"s3cr3t-t0k3n\"".into();
    });
    let whole = saved(evidence);
    for text in [whole.text().unwrap(), page(&whole)] {
        for secret in ["Robin", "Fairies", "robin@goodfellow", "s3cr3t"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[test]
fn a_page_shows_text_of_others_as_text_and_loads_nothing() {
    let mut probe = split(true);
    let evil = "<script>alert(1)</script>\"'&";
    probe.room.as_mut().unwrap().sockets[0].pod = Some(evil.to_owned());
    probe.health.push(HealthSeen {
        status: evil.to_owned(),
        pod: Some(evil.to_owned()),
        mode: Some(evil.to_owned()),
        ..HealthSeen::default()
    });
    let mut evidence = seen(|s| s["connection"]["trouble"] = evil.into()).with_probe(probe);
    evidence.server = format!("http://x/{evil}");
    let html = page(&saved(evidence));
    assert!(
        !html.contains("<script") && !html.contains("alert(1)</"),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
    for outside in ["http-equiv=\"refresh", "src=", "href=", "url(", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn a_page_has_the_verdict_every_finding_and_the_matrix() {
    let whole = saved(seen(|_| {}).with_probe(split(true)));
    let html = page(&whole);
    assert!(html.contains("class=\"verdict red\""));
    for finding in &whole.report.findings {
        assert!(
            html.contains(&format!("<code>{}</code>", finding.code)),
            "{}",
            finding.code
        );
    }
    let cells = |class: &str| html.matches(&format!("<td class=\"{class}\" title")).count();
    assert_eq!((cells("g0"), cells("g1"), cells("")), (4, 4, 8));
    for (opened, closed) in [
        ("<table", "</table>"),
        ("<tr>", "</tr>"),
        ("<details", "</details>"),
        ("<td", "</td>"),
    ] {
        assert_eq!(
            html.matches(opened).count(),
            html.matches(closed).count(),
            "{opened}"
        );
    }
}

#[test]
fn a_repair_shows_as_better_and_a_relapse_as_worse() {
    let (broken, whole) = (
        saved(seen(|_| {}).with_probe(split(true))),
        saved(seen(|_| {}).with_probe(split(false))),
    );
    let repaired = compare(&broken, &whole);
    assert_eq!((repaired.before, repaired.after), (Light::Red, Light::Green));
    let change = |of: &crate::Comparison| {
        let found = of.findings.iter().find(|one| one.code == "GS-ROOM-SPLIT");
        found.map(|one| (one.before, one.after, one.drift))
    };
    assert_eq!(
        change(&repaired),
        Some((Some(Outcome::Fail), Some(Outcome::Pass), Drift::Better))
    );
    assert_eq!(
        change(&compare(&whole, &broken)),
        Some((Some(Outcome::Pass), Some(Outcome::Fail), Drift::Worse))
    );
    let groups = &repaired.figures[0];
    assert_eq!(
        (groups.before, groups.after, groups.drift),
        (Some(2), Some(1), Drift::Better)
    );
    assert_eq!(repaired.other_server, None);
}

#[test]
fn the_same_twice_is_no_change_and_the_unknown_is_neither_better_nor_worse() {
    let whole = saved(seen(|_| {}).with_probe(split(true)));
    let same = compare(&whole, &whole);
    assert!(same.findings.is_empty() && same.figures.is_empty());
    assert_eq!(same.same_findings as usize, whole.report.findings.len());
    let unknown = compare(&whole, &saved(seen(|_| {})));
    let split = unknown
        .findings
        .iter()
        .find(|one| one.code == "GS-ROOM-SPLIT")
        .unwrap();
    assert_eq!((split.after, split.drift), (Some(Outcome::Skipped), Drift::Other));
    let groups = &unknown.figures[0];
    assert_eq!(
        (groups.before, groups.after, groups.drift),
        (Some(2), None, Drift::Other)
    );
}

/// A session whose bids came back so many times, in such times.
fn echoed(count: u32, median: u32, p95: u32) -> Saved {
    saved(seen(|s| {
        s["measurements"]["echo"] =
            serde_json::json!({"count": count, "last": median, "median": median, "p95": p95});
    }))
}

/// Which way the only figure that moved went.
fn drift(before: &Saved, after: &Saved) -> Option<Drift> {
    let moved = compare(before, after).figures;
    assert!(moved.len() < 2, "{moved:?}");
    moved.first().map(|one| one.drift)
}

#[test]
fn one_sample_is_neither_better_nor_worse() {
    assert_eq!(drift(&echoed(1, 13, 13), &echoed(1, 39, 39)), None);
    assert_eq!(drift(&echoed(7, 13, 13), &echoed(200, 39, 39)), None);
    // By so much more that it is shown, and called nothing.
    assert_eq!(
        drift(&echoed(1, 13, 13), &echoed(1, 900, 900)),
        Some(Drift::Other)
    );
}

#[test]
fn many_times_are_better_or_worse_where_they_lie_apart_and_it_matters() {
    assert_eq!(drift(&echoed(8, 13, 20), &echoed(8, 39, 50)), Some(Drift::Worse));
    assert_eq!(drift(&echoed(8, 39, 50), &echoed(8, 13, 20)), Some(Drift::Better));
    assert_eq!(
        drift(&echoed(8, 13, 40), &echoed(8, 39, 50)),
        None,
        "some took as long"
    );
    assert_eq!(drift(&echoed(99, 12, 13), &echoed(99, 22, 23)), None, "10 ms");
    assert_eq!(
        drift(&echoed(99, 500, 510), &echoed(99, 590, 600)),
        None,
        "less than a fifth"
    );
    let slower = compare(&echoed(9, 12, 12), &echoed(9, 400, 400)).figures;
    assert_eq!((slower[0].unit.as_str(), slower[0].before), ("ms", Some(12)));
}

#[test]
fn what_one_moment_showed_moves_only_by_what_no_busy_machine_explains() {
    let after = |ms: u32| {
        let mut probe = split(false);
        for cell in probe.room.as_mut().unwrap().matrix.rows.iter_mut().flatten() {
            cell.median_ms = Some(ms);
        }
        saved(of_probe(probe))
    };
    assert_eq!(drift(&after(13), &after(39)), None);
    assert_eq!(drift(&after(3), &after(150)), None);
    assert_eq!(drift(&after(3), &after(400)), Some(Drift::Worse));
    assert_eq!(drift(&after(400), &after(3)), Some(Drift::Better));
    let way = |ms: u32| {
        let mut probe = split(false);
        probe.path.as_mut().unwrap().total_ms = Some(ms);
        saved(of_probe(probe))
    };
    assert_eq!(drift(&way(13), &way(39)), None);
    assert_eq!(
        drift(&way(13), &way(900)),
        Some(Drift::Other),
        "it was tried once"
    );
}

#[test]
fn trouble_is_counted_beside_how_often_it_could_have_been() {
    let missing = |echoes: u32, missing: u32| {
        saved(seen(|s| {
            let one = echoes.min(1) * 12;
            s["measurements"]["echo"] =
                serde_json::json!({"count": echoes, "last": one, "median": one, "p95": one});
            s["measurements"]["echoesMissing"] = missing.into();
        }))
    };
    let of = |before: &Saved, after: &Saved| {
        let figures = compare(before, after).figures;
        let found = figures
            .iter()
            .find(|one| one.label == "Bids that never came back");
        found.map(|one| one.drift)
    };
    assert_eq!(
        of(&missing(2, 1), &missing(0, 0)),
        Some(Drift::Other),
        "nobody bid"
    );
    assert_eq!(of(&missing(2, 1), &missing(3, 0)), Some(Drift::Other));
    assert_eq!(of(&missing(0, 5), &missing(5, 0)), Some(Drift::Better));
    assert_eq!(of(&missing(5, 0), &missing(0, 5)), Some(Drift::Worse));
    assert_eq!(of(&missing(5, 0), &missing(9, 0)), None);
    // Reconnects of sessions of which nobody knows how long they were.
    let reconnects = |times: u32| saved(seen(|s| s["connection"]["reconnects"] = times.into()));
    assert_eq!(drift(&reconnects(0), &reconnects(3)), Some(Drift::Other));
}
