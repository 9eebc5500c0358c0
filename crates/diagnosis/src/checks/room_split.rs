//! Whether what is said on one pod is heard on the others.

use crate::checks::known::Known;
use crate::checks::room::{came_too_late, measured, too_late};
use crate::checks::sharing::Sharing;
use crate::evidence::{Evidence, RoomProbe};
use crate::matrix::Partition;
use crate::report::{Confidence, Finding, Outcome};

pub(crate) const CODE: &str = "GS-ROOM-SPLIT";

/// A chance of having missed a pod up to this is taken, and said.
const MISS: f64 = 0.2;

fn percent(chance: f64) -> String {
    if chance > 0.0 && chance < 0.01 {
        "less than 1 %".to_owned()
    } else {
        format!("{:.0} %", chance * 100.0)
    }
}

pub(super) fn rooms(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, CODE, "pods share their rooms") {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    let known = Known::of(evidence);
    let sockets = room.matrix.rows.len();
    let said = |outcome, sentence: String| {
        let mut finding = Finding::new(CODE, outcome, sentence)
            .fact("Sockets in the scratch room", sockets.to_string())
            .fact("Groups that hear each other", partition.groups.len().to_string())
            .fact("Pods that were reached", known.words(partition.islands.len()));
        if !known.holding.is_empty() {
            let names: Vec<_> = known.holding.iter().cloned().collect();
            finding = finding.fact("Pods that held a socket", names.join(", "));
        }
        if let Some(claimed) = known.claimed {
            finding = finding.claim("Pods", claimed.to_string());
        }
        finding
    };
    if partition.split() && came_too_late(room) {
        return too_late(said);
    }
    if partition.split() {
        let sharing = Sharing::of(evidence.session.as_ref(), evidence.probe.as_ref());
        return apart(&known, &partition, sharing, said);
    }
    if !partition.whole() {
        let finding = said(
            Outcome::Inconclusive,
            "Nothing shows that pods are apart, but not everybody was heard by everybody.".to_owned(),
        )
        .resting(Confidence::Weak, "an incomplete measurement");
        return if partition.one_way.is_empty() {
            finding.fix("Run the diagnosis again.")
        } else {
            finding
                .because("Some sockets are heard and do not hear, which is a finding of its own: GS-ONE-WAY.")
        };
    }
    if known.reached() < 2 {
        return alone(&known, said);
    }
    everybody_hears(&known, room, said)
}

/// Whoever was asked hears everybody; whether a pod was left out is another question.
fn everybody_hears(known: &Known, room: &RoomProbe, said: impl Fn(Outcome, String) -> Finding) -> Finding {
    let left_out = |why: &str| {
        said(
            Outcome::Inconclusive,
            "Everybody who was asked hears everybody, but a pod may have been left out.".to_owned(),
        )
        .resting(Confidence::Weak, why)
    };
    let without = known.without_a_socket();
    if !without.is_empty() {
        return left_out("a pod that answered, and held no socket")
            .fact("Without a socket", without.join(", "))
            .fix("Run the diagnosis again. If it comes to the same, see whether the balancer sends websockets to every pod.");
    }
    if known.lost_a_pod() {
        return left_out("sockets that did not get in or did not stay, perhaps all of them on one pod")
            .fix("Run the diagnosis again. If sockets are lost again, see which pod's log tells of them.");
    }
    let missed = known.missed(room.matrix.rows.len());
    let finding = if missed > MISS {
        left_out("too few sockets for so many pods").fix(
            "Run the diagnosis again, which may reach other pods; gavelctl doctor --probe --sockets 20 takes as many as it may.",
        )
    } else {
        let again = room.matrix.asked_again();
        said(
            Outcome::Pass,
            format!("What is said on one pod is heard on all {}.", known.words(1)),
        )
        .resting(
            if missed > 0.0 || !again {
                Confidence::Likely
            } else {
                Confidence::Certain
            },
            if again {
                "every pair of sockets, asked more than once"
            } else {
                "every pair of sockets, some of them asked again"
            },
        )
    };
    finding.fact("Chance of having missed a pod", percent(missed))
}

/// Between some pods nothing crosses.
fn apart(
    known: &Known,
    partition: &Partition,
    sharing: Sharing,
    said: impl Fn(Outcome, String) -> Finding,
) -> Finding {
    let islands = partition.islands.len();
    let pods = known.words(islands);
    // Some of them do share.
    let grouped = known.surely().is_some_and(|pods| pods > islands);
    let groups = if grouped {
        format!(" in {islands} groups")
    } else {
        String::new()
    };
    let sentence = format!(
        "Your bids are safe, but the prices you see can be late: this backend runs {pods} pods{groups} that do not share \
         rooms."
    );
    let finding = said(Outcome::Fail, sentence)
        .resting(Confidence::Certain, "every pair of sockets, asked more than once")
        .means(
            "A bid that another pod takes is not told to you. Your own bids count, whichever pod takes them.",
        );
    if grouped {
        finding
            .because(
                "Events cross between some of these pods and not between all: they were not set up alike.",
            )
            .fix("Operator: give every pod the same REDIS_URL and the same channel, or run one replica.")
    } else {
        finding.because(sharing.cause()).fix(sharing.fix())
    }
}

/// One pod was reached and no other.
fn alone(known: &Known, said: impl Fn(Outcome, String) -> Finding) -> Finding {
    match known.claimed {
        Some(1) => said(
            Outcome::Pass,
            "Everybody in the room hears everybody: one pod answers, and it says that it is alone.".to_owned(),
        )
        .resting(Confidence::Likely, "the measurement, and the pod's own word that there is no other"),
        Some(others) => said(
            Outcome::Inconclusive,
            format!("Only one of {others} pods can be reached from here, so nothing is known of the others."),
        )
        .resting(Confidence::Weak, "one pod of several")
        .because("The balancer keeps this address on one pod.")
        .fix("Operator: run the diagnosis from several networks, or read each pod's /health."),
        None => said(
            Outcome::Inconclusive,
            "Everybody who was reached hears everybody, but only one pod was reached: there may be others.".to_owned(),
        )
        .resting(Confidence::Weak, "one pod, and nothing that tells whether it is the only one")
        .because("Either there is one pod, or the balancer keeps this address on it; from here the two look the same.")
        .fix("Operator: count the replicas. With one, all is well; with more, run the diagnosis from another network."),
    }
}
