//! What a probe costs the backend: it is counted, it keeps to what was agreed, and the pods' time on the processor is told.

use std::time::Duration;

use gavelscope_diagnosis::probe::Caps;

use crate::front::House;
use crate::rows::{Kind, ROWS, Row};
use crate::run::examine;

/// Before it is measured how much the pods do anyway, what the probe left behind dies away.
const PAUSE: Duration = Duration::from_secs(1);

/// Three pods on Redis, with nobody else there.
pub async fn measure(kind: Kind) -> Result<(), String> {
    let row: &Row = ROWS.iter().find(|row| row.number == "4").unwrap();
    let house = House::open(row.fleet(kind), row.front).await?;
    let before = on_the_processor(&house.pids);
    let (evidence, _) = examine(row, &house).await;
    let during = on_the_processor(&house.pids) - before;
    let probe = evidence.probe.unwrap();
    tokio::time::sleep(PAUSE).await;
    let before = on_the_processor(&house.pids);
    tokio::time::sleep(Duration::from_millis(probe.took_ms.into())).await;
    let idle = on_the_processor(&house.pids) - before;
    println!(
        "{}: {} connections, {} requests, {} messages in {} ms; the three pods had {during} ms on the processor meanwhile, \
         and {idle} ms in the same time without it",
        kind.word(),
        probe.cost.connections,
        probe.cost.requests,
        probe.cost.messages,
        probe.took_ms
    );
    // A request over a connection of its own is one turn, and counts as both.
    let caps = Caps::default();
    let turns = probe.cost.connections.max(probe.cost.requests) + probe.cost.messages;
    let allowed = caps.per_second * (probe.took_ms / 1_000 + 1);
    if turns > allowed {
        return Err(format!(
            "{turns} turns are more than the {allowed} that were agreed"
        ));
    }
    let sockets = probe.room.map_or(0, |room| room.sockets.len());
    if sockets > usize::try_from(caps.connections).unwrap() {
        return Err(format!("{sockets} sockets were open at a time"));
    }
    Ok(())
}

/// How long these processes have been on a processor, with all their threads, ms.
fn on_the_processor(pids: &[u32]) -> u64 {
    pids.iter()
        .map(|pid| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            // The name of the program, in parentheses, can hold anything.
            let (_, after) = text.rsplit_once(')').unwrap();
            let ticks = |at: usize| after.split_whitespace().nth(at).unwrap().parse::<u64>().unwrap();
            // USER_HZ is 100 on every Linux of today.
            (ticks(11) + ticks(12)) * 10
        })
        .sum()
}
