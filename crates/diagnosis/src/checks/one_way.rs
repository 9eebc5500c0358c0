//! Whether a pod is heard by others that it does not hear.

use std::collections::BTreeSet;

use crate::checks::room::{came_too_late, measured, too_late};
use crate::evidence::Evidence;
use crate::report::{Confidence, Finding, Outcome};

pub(super) const CODE: &str = "GS-ONE-WAY";

pub(super) fn hearing(evidence: &Evidence) -> Finding {
    let (room, partition) = match measured(evidence, CODE, "every pod hears the others") {
        Ok(measured) => measured,
        Err(finding) => return *finding,
    };
    if !partition.one_way.is_empty() && came_too_late(room) {
        return too_late(|outcome, sentence| Finding::new(CODE, outcome, sentence));
    }
    if partition.one_way.is_empty() {
        return Finding::new(CODE, Outcome::Pass, "Whoever is heard by others hears them, too.")
            .fact("Pairs", (room.matrix.rows.len().pow(2)).to_string());
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut deaf: BTreeSet<u32> = BTreeSet::new();
    for pair in &partition.one_way {
        // Who spoke and was heard does not hear the other.
        deaf.insert(pair.from);
        let socket = usize::try_from(pair.from)
            .ok()
            .and_then(|place| room.sockets.get(place));
        names.extend(socket.and_then(|socket| socket.pod.clone()));
    }
    let mut finding = Finding::new(
        CODE,
        Outcome::Fail,
        "Your bids are safe, but the prices you see can be late: a pod of this backend sends, and does not hear the \
         others.",
    )
    .resting(Confidence::Certain, "pairs of sockets, asked more than once")
    .fact("Pairs that hear one way only", partition.one_way.len().to_string())
    .fact("Sockets that are heard and do not hear", deaf.len().to_string())
    .means("Whoever is connected to that pod misses what others bid. Nobody else notices.")
    .because("The pod publishes, and what it subscribed to does not arrive.");
    let mut pods = "that pod".to_owned();
    if !names.is_empty() {
        pods = names.into_iter().collect::<Vec<_>>().join(", ");
        finding = finding.fact("On the pods", pods.clone());
    }
    finding.fix(format!(
        "Operator: restart {pods}. If that does not help, compare its channel with the others', and see whether its user may \
         SUBSCRIBE in Redis."
    ))
}
