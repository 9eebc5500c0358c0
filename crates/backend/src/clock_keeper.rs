//! Which auctions' clocks run on this pod: it renews the leases that it has, takes those that nobody has, and gives them
//! back when it stops. Beside that it says that the pod is there, and tidies up after pods that are not.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use gavelscope_contract::AuctionId;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use crate::hammer_clock;
use crate::house::House;
use crate::store::StoreError;

/// How often it looks for clocks that nobody has. A lease of 2 s that was last renewed when its pod died, a look, and
/// the taking: a clock stands still for less than 3 s.
const LOOK: Duration = Duration::from_millis(250);
/// How often leases are renewed.
const RENEW: Duration = Duration::from_millis(500);
/// How often the pod says that it is there.
const PRESENT: Duration = Duration::from_millis(2_500);
/// How long a pod has to be seen gone, while the database answers, before those who waited on it are shown out: after an
/// outage of the database all pods look gone for a moment.
const SURELY_GONE: Duration = Duration::from_secs(4);
/// How long giving the clocks back may take.
const HAND_OVER: Duration = Duration::from_secs(2);

/// What a loop remembers from one look to the next, to log an outage of the database once.
#[derive(Debug, Default)]
struct Log {
    failing: bool,
}

impl Log {
    fn note(&mut self, house: &House, doing: &'static str, done: Result<(), StoreError>) {
        if done.is_err() {
            house.metrics.database_failed();
        }
        match done {
            Ok(()) if self.failing => {
                tracing::info!(pod = %house.pod, doing, "the database answers again");
                self.failing = false;
            }
            Ok(()) => {}
            Err(error) if self.failing => tracing::debug!(%error, doing, "the database still fails"),
            Err(error) => {
                tracing::warn!(pod = %house.pod, %error, doing, "the database fails; it is asked again and again");
                self.failing = true;
            }
        }
    }
}

/// Starts keeping, until the pod stops. Renewing goes by itself: taking a clock can have to wait for an auction's lock.
pub(crate) fn start(house: &Arc<House>) {
    let renewing = Arc::clone(house);
    house.tasks.spawn(async move { renew(&renewing).await });
    let looking = Arc::clone(house);
    house.tasks.spawn(async move { look(&looking).await });
}

async fn renew(house: &House) {
    let (mut log, mut said_present) = (Log::default(), None);
    let mut rounds = every(RENEW);
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            () = house.stopping.cancelled() => return,
        }
        let clocks = house.clocks.lock().unwrap_or_else(PoisonError::into_inner).len();
        let renewed = async {
            if clocks > 0 {
                house.store.renew_clocks().await?;
            }
            if said_present.is_none_or(|said: Instant| said.elapsed() >= PRESENT) {
                house.store.stay_present(house.pod.as_str()).await?;
                said_present = Some(Instant::now());
            }
            Ok(())
        };
        log.note(house, "renewing leases", renewed.await);
    }
}

async fn look(house: &Arc<House>) {
    let (mut log, mut gone, mut tidied) = (Log::default(), HashMap::new(), Instant::now());
    let mut rounds = every(LOOK);
    loop {
        tokio::select! {
            _ = rounds.tick() => {}
            () = house.keeper_wake.notified() => {}
            () = house.stopping.cancelled() => return,
        }
        let looked = async {
            if !house.handing_over.is_cancelled() {
                for auction in house.store.lapsed_clocks().await? {
                    take(house, &auction).await?;
                }
            }
            if tidied.elapsed() >= PRESENT {
                tidied = Instant::now();
                tidy(house, &mut gone).await?;
            }
            Ok(())
        };
        log.note(house, "looking after the clocks", looked.await);
    }
}

fn every(period: Duration) -> Interval {
    let mut rounds = interval(period);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds
}

async fn take(house: &Arc<House>, auction: &AuctionId) -> Result<(), StoreError> {
    // Between a step that is under way and the saying of it, the epoch must not change.
    let bench = house.bench(auction);
    let turn = bench.turn.lock().await;
    if house.handing_over.is_cancelled() {
        return Ok(());
    }
    let taken = house.store.take_clock(auction).await?;
    drop(turn);
    if let Some(taken) = taken {
        let (fence, moved) = (taken.lease.fence, taken.moved);
        tracing::info!(pod = %house.pod, bootId = %house.boot_id, %auction, fence, moved, "took the clock");
        hammer_clock::start(house, auction, taken.lease.hold());
    }
    Ok(())
}

/// Shows out who waited on a pod that is gone, and forgets the benches that nobody uses.
async fn tidy(house: &House, gone_since: &mut HashMap<String, Instant>) -> Result<(), StoreError> {
    house.forget_idle_benches();
    let before = house.unheard();
    let others = house.store.other_pods().await?;
    house.neighbours.look(others, &house.link.heard(), Instant::now());
    match (before, house.unheard()) {
        (None, Some(trouble)) => {
            tracing::warn!(pod = %house.pod, trouble, "does not hear all pods of its database");
        }
        (Some(_), None) => tracing::info!(pod = %house.pod, "hears all pods of its database again"),
        _ => {}
    }
    house.store.forget_pods_long_gone().await?;
    let gone = house.store.pods_gone().await?;
    gone_since.retain(|boot, _| gone.contains(boot));
    for boot in gone {
        let since = *gone_since.entry(boot.clone()).or_insert_with(Instant::now);
        if since.elapsed() < SURELY_GONE {
            continue;
        }
        for auction in house.store.waited_for_on(&boot).await? {
            let bench = house.bench(&auction);
            let _turn = bench.turn.lock().await;
            let said = house.store.clear_waiting_room(&auction, &boot).await?;
            house.announce(&auction, said).await;
        }
        house.store.forget_pod(&boot).await?;
    }
    Ok(())
}

/// Stops the clocks of this pod and gives them back, so that another pod goes on with them at its next look. This pod takes
/// none any more, and goes on with everything else.
pub(crate) async fn hand_over(house: &House) {
    house.handing_over.cancel();
    let handing_over = async {
        // A clock that has seen the stop does nothing more; one in the middle of a step finishes it first.
        while !house
            .clocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        house.store.release_clocks().await
    };
    match timeout(HAND_OVER, handing_over).await {
        Ok(Ok(0)) => {}
        Ok(Ok(clocks)) => tracing::info!(pod = %house.pod, clocks, "gave its clocks back"),
        Ok(Err(error)) => {
            tracing::warn!(pod = %house.pod, %error, "the clocks were not given back: others take them when they have lapsed");
        }
        Err(_) => {
            tracing::warn!(pod = %house.pod, "the clocks were not given back in time: others take them when they have lapsed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::lease::LEASE;

    #[test]
    fn a_clock_stands_still_for_less_than_three_seconds() {
        // It was renewed just before its pod died, and looked for just before it lapsed; the rest is for the taking.
        let longest = LEASE + i64::try_from(LOOK.as_millis()).unwrap();
        assert!(longest + 500 < 3_000, "{longest} ms");
        assert!(
            3 * i64::try_from(RENEW.as_millis()).unwrap() < LEASE,
            "two renewals may be late"
        );
    }
}
