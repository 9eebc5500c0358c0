//! What holds of every report, whatever was measured.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn any_probe() -> impl Strategy<Value = ProbeEvidence> {
    let cell =
        (0_u32..4, 0_u32..4, prop::option::of(0_u32..900)).prop_map(|(said, heard, median_ms)| Heard {
            said,
            heard: heard.min(said),
            median_ms,
        });
    let matrix = (0_usize..6).prop_flat_map(move |size| {
        prop::collection::vec(prop::collection::vec(cell.clone(), size), size)
            .prop_map(|rows| Matrix { rows })
    });
    let searches = prop::collection::vec((1_u32..13, any::<bool>()), 0..7);
    let health = prop::collection::vec((prop::option::of(1_u32..5), any::<bool>()), 0..4);
    (
        matrix,
        searches,
        health,
        any::<bool>(),
        prop::option::of(any::<bool>()),
    )
        .prop_map(
            |(matrix, searches, health, websocket, with_cookies)| ProbeEvidence {
                path: Some(PathEvidence {
                    websocket_trouble: (!websocket).then(|| "refused".to_owned()),
                    ..PathEvidence::default()
                }),
                health: health
                    .into_iter()
                    .map(|(pods, redis)| HealthSeen {
                        code: 200,
                        status: "healthy".to_owned(),
                        pod: pods.map(|pod| format!("pod-{pod}")),
                        mode: Some(if redis { "redis" } else { "in-memory" }.to_owned()),
                        multi_pod_ready: Some(redis),
                        pods,
                        ..HealthSeen::default()
                    })
                    .collect(),
                turns: Some(TurnsEvidence {
                    searches: searches
                        .into_iter()
                        .map(|(requests, found)| Search { requests, found })
                        .collect(),
                    with_cookies,
                    ..TurnsEvidence::default()
                }),
                room: Some(RoomProbe {
                    sockets: vec![ProbeSocket::default(); matrix.rows.len()],
                    matrix,
                    ..RoomProbe::default()
                }),
                ..ProbeEvidence::default()
            },
        )
}

fn turned<T>(list: &mut [T], by: usize) {
    if !list.is_empty() {
        let by = by % list.len();
        list.rotate_left(by);
    }
}

proptest! {
    #[test]
    fn nothing_is_called_healthy_that_was_not_measured(probe in any_probe()) {
        let whole = probe.room.as_ref().is_some_and(|room| room.matrix.partition().whole());
        let evidence = of_probe(probe);
        let report = judged(&evidence);
        prop_assert!(report.light != Light::Green || whole, "{report:?}");
        prop_assert!(report.findings.iter().all(|finding| finding.outcome != Outcome::Crashed));
    }

    #[test]
    fn a_report_does_not_contradict_itself(probe in any_probe()) {
        let report = judged(&of_probe(probe));
        let mut codes: BTreeMap<&str, u32> = BTreeMap::new();
        for finding in &report.findings {
            *codes.entry(finding.code.as_str()).or_default() += 1;
            prop_assert!(!finding.sentence.is_empty() && finding.anchor == finding.code.to_lowercase());
        }
        prop_assert!(codes.values().all(|count| *count == 1), "a code twice");
        let claims = ["GS-HEALTH", "GS-ROOM-SIZE"];
        let worst = report
            .findings
            .iter()
            .find(|finding| finding.outcome != Outcome::Warn || !claims.contains(&finding.code.as_str()))
            .map(|finding| finding.outcome);
        let light = match worst {
            Some(Outcome::Fail) => report.light == Light::Red,
            Some(Outcome::Warn) => report.light == Light::Amber,
            _ => matches!(report.light, Light::Green | Light::Grey),
        };
        prop_assert!(light, "{report:?}");
        let split = outcome(&report, "GS-ROOM-SPLIT");
        prop_assert!(split != Outcome::Pass || outcome(&report, "GS-ONE-WAY") == Outcome::Pass);
        prop_assert!(split != Outcome::Pass || outcome(&report, "GS-PARTIAL") == Outcome::Pass);
    }

    #[test]
    fn the_order_of_the_evidence_changes_nothing(probe in any_probe(), by in 0_usize..6) {
        let report = judged(&of_probe(probe.clone()));
        let mut other = probe;
        turned(&mut other.health, by);
        if let Some(turns) = &mut other.turns {
            // Searches keep their last, which tells why searching ended.
            let kept = turns.searches.len().saturating_sub(1);
            turned(&mut turns.searches[..kept], by);
        }
        if let Some(room) = &mut other.room {
            turned(&mut room.sockets, by);
            turned(&mut room.matrix.rows, by);
            for row in &mut room.matrix.rows {
                turned(row, by);
            }
        }
        prop_assert_eq!(report, judged(&of_probe(other)));
    }

    #[test]
    fn evidence_from_a_file_gives_the_same_report(probe in any_probe()) {
        let evidence = of_probe(probe);
        let kept = serde_json::to_string(&evidence).unwrap();
        let read: Evidence = serde_json::from_str(&kept).unwrap();
        prop_assert_eq!(judged(&evidence), judged(&read));
    }
}
