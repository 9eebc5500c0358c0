//! The clock of an auction: one task that reads its deadline from the database, ticks, and brings the hammer down.
//!
//! The task holds nothing that matters. Wherever the next one starts, it reads the same row and goes on from there, be it
//! in the middle of a lot, in the pause between two, or long past the deadline. Of all pods the one with the auction's
//! lease runs it (`store::lease`); every other may change the auction meanwhile, so it looks again and again.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::event::{Event, Timer};
use gavelscope_contract::{AuctionId, Room};

use crate::announcer::Announcement;
use crate::house::{Bench, House};
use crate::refuse::Denied;
use crate::store::lease::Hold;
use crate::store::{ClockView, Closing, StoreError};

/// Milliseconds between two ticks.
const TICK: i64 = 500;
/// Another pod may have changed the auction, and tells nobody: so often, ms, a clock looks that has nothing to do.
const LOOK: i64 = 500;
/// How long a clock waits, ms, whose lease is too near its end to tick.
const RENEWED_SOON: i64 = 100;
/// How long to wait before asking a database again that has failed.
const RETRY: Duration = Duration::from_millis(500);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Nothing, ever again.
    Retire,
    /// Nothing, until something changes.
    StandStill,
    /// Nothing: the lease is another pod's, or has lapsed.
    Lost,
    /// Tick, and look again after so many milliseconds.
    Tick(i64),
    /// Bring the hammer down.
    CloseLot,
    /// Say how many steps are left.
    CountDown(u32),
    /// Look again after so many milliseconds.
    Wait(i64),
    /// Bring the next lot under the hammer.
    OpenNext,
}

fn duty(view: &ClockView, hold: &Hold, step: i64) -> Duty {
    let now = view.now;
    let over = matches!(
        view.status,
        AuctionStatus::Waiting | AuctionStatus::Completed | AuctionStatus::Unknown(_)
    );
    if !over && !view.lease.as_ref().is_some_and(|lease| lease.admits(hold, now)) {
        return Duty::Lost;
    }
    match (&view.status, view.deadline) {
        (AuctionStatus::Active, Some(deadline)) => {
            let left = deadline - now;
            match view.lot_open {
                true if left <= 0 => Duty::CloseLot,
                true => Duty::Tick(left.min(TICK)),
                false if left <= 0 => Duty::OpenNext,
                false => {
                    let steps = ((left + step - 1) / step.max(1)).clamp(1, 3);
                    let said = view.countdown_said.map_or(i64::MAX, i64::from);
                    if steps < said {
                        Duty::CountDown(u32::try_from(steps).unwrap_or(1))
                    } else {
                        Duty::Wait((left - (steps - 1) * step).max(1))
                    }
                }
            }
        }
        (AuctionStatus::Active | AuctionStatus::Paused, _) => Duty::StandStill,
        (AuctionStatus::Waiting | AuctionStatus::Completed | AuctionStatus::Unknown(_), _) => Duty::Retire,
    }
}

/// Starts the clock of an auction with the right to run it, unless it runs with that already.
pub(crate) fn start(house: &Arc<House>, auction: &AuctionId, hold: Hold) {
    let mut clocks = house.clocks.lock().unwrap_or_else(PoisonError::into_inner);
    if clocks.insert(auction.clone(), hold.fence) == Some(hold.fence) {
        return;
    }
    drop(clocks);
    let (house, auction) = (Arc::clone(house), auction.clone());
    house.tasks.clone().spawn(async move {
        let fence = hold.fence;
        tracing::info!(pod = %house.pod, %auction, fence, "the clock starts");
        // On a task of its own: if it ever panics, the auction must not stand still for it.
        while let Err(error) = tokio::spawn(run(Arc::clone(&house), auction.clone(), hold.clone())).await {
            tracing::error!(%error, %auction, "the clock broke, and is started again");
            tokio::time::sleep(RETRY).await;
        }
        tracing::info!(pod = %house.pod, %auction, fence, "the clock stops");
        let mut clocks = house.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        // It may run again by now, with a greater fence.
        if clocks.get(&auction) == Some(&fence) {
            clocks.remove(&auction);
        }
    });
}

async fn run(house: Arc<House>, auction: AuctionId, hold: Hold) {
    let (house, auction, hold) = (&*house, &auction, &hold);
    let step = i64::try_from(house.countdown_step.as_millis()).unwrap_or(1_000);
    let bench = house.bench(auction);
    let mut ticked_at = None;
    while !house.handing_over.is_cancelled() {
        let duty = match look(house, &bench, auction, hold, step, &mut ticked_at).await {
            Ok(duty) => duty,
            Err(error) => {
                tracing::debug!(%error, %auction, "the clock could not read its deadline");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let done = match duty {
            Duty::Retire => {
                if let Err(error) = house.store.release_clock(auction, hold).await {
                    tracing::debug!(%error, %auction, "the clock was not given back");
                }
                return;
            }
            Duty::Lost => {
                // Whose it is now, or that it is to be had, is for the keeper to find out, at once.
                house.keeper_wake.notify_one();
                return;
            }
            Duty::StandStill => {
                pause(house, &bench, LOOK).await;
                continue;
            }
            Duty::Tick(millis) | Duty::Wait(millis) => {
                pause(house, &bench, millis.min(LOOK)).await;
                continue;
            }
            Duty::CloseLot => {
                house
                    .step(auction, async {
                        let closing = Closing::TimeUp(hold.clone());
                        Ok::<_, Denied>(((), house.store.close_lot(auction, &closing).await?))
                    })
                    .await
            }
            Duty::CountDown(left) => {
                house
                    .step(auction, async {
                        Ok::<_, Denied>(((), house.store.count_down(auction, hold, left).await?))
                    })
                    .await
            }
            Duty::OpenNext => {
                house
                    .step(auction, async {
                        Ok::<_, Denied>(((), house.store.open_next(auction, hold).await?))
                    })
                    .await
            }
        };
        if let Err(denied) = done {
            tracing::error!(?denied, %auction, "the clock could not move the auction");
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Waits until it is time, something changed, or the clocks are handed over. A stop comes here and nowhere else, so that
/// it never comes between a change and the saying of it.
async fn pause(house: &House, bench: &Bench, millis: i64) {
    let time = Duration::from_millis(u64::try_from(millis).unwrap_or_default());
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = bench.wake.notified() => {}
        () = house.handing_over.cancelled() => {}
    }
}

/// Reads what is to be done, and ticks if it is time. In the auction's turn, so that a tick's place in the stream is
/// the place where it is said.
async fn look(
    house: &House,
    bench: &Bench,
    auction: &AuctionId,
    hold: &Hold,
    step: i64,
    ticked_at: &mut Option<i64>,
) -> Result<Duty, StoreError> {
    let _turn = bench.turn.lock().await;
    let since = Instant::now();
    let Some(view) = house.store.clock_view(auction).await? else {
        return Ok(Duty::Retire);
    };
    let now = view.now;
    let duty = duty(&view, hold, step);
    let Duty::Tick(millis) = duty else {
        return Ok(duty);
    };
    // Woken between two ticks. (More than a tick to go means that the clock was set back: then it ticks at once.)
    if let Some(due_in) = ticked_at.map(|last| last + TICK - now)
        && (1..=TICK).contains(&due_in)
    {
        return Ok(Duty::Tick(millis.min(due_in)));
    }
    let tick = Event::Tick(Timer {
        lot_id: view.lot,
        seq: view.bid_sequence,
        ends_at: view.deadline.unwrap_or(now),
        server_now: now,
        stream: Some(view.position),
    });
    let tick = Announcement {
        room: Room::Auction(auction.clone()),
        name: tick.name(),
        payload: tick.payload()?,
    };
    // Last of all: this process may have stood still since it read the lease.
    if !view
        .lease
        .is_some_and(|lease| lease.may_speak(hold, now, since.elapsed()))
    {
        return Ok(Duty::Wait(millis.min(RENEWED_SOON)));
    }
    *ticked_at = Some(now);
    house.outbox.send(vec![tick]).await;
    Ok(duty)
}

#[cfg(test)]
mod tests {
    use gavelscope_contract::{LotId, Position};

    use super::*;
    use crate::store::lease::Lease;

    fn view(lot_open: bool, deadline: Option<i64>, said: Option<u32>) -> ClockView {
        ClockView {
            status: AuctionStatus::Active,
            lot_open,
            deadline,
            countdown_said: said,
            lot: LotId::from("a-lot-1"),
            bid_sequence: 0,
            position: Position {
                epoch: "e".into(),
                seq: 1,
                passing: true,
            },
            lease: Some(Lease {
                holder: "me".into(),
                fence: 7,
                until: i64::MAX,
            }),
            now: 0,
        }
    }

    fn at(now: i64, view: ClockView) -> ClockView {
        ClockView { now, ..view }
    }

    fn mine() -> Hold {
        Hold {
            holder: "me".into(),
            fence: 7,
        }
    }

    #[test]
    fn a_lot_ticks_until_its_deadline_and_is_closed_at_it() {
        for (now, expected) in [
            (0, Duty::Tick(500)),
            (9_700, Duty::Tick(300)),
            (10_000, Duty::CloseLot),
            (90_000, Duty::CloseLot),
        ] {
            assert_eq!(
                duty(&at(now, view(true, Some(10_000), None)), &mine(), 1_000),
                expected,
                "{now}"
            );
        }
    }

    #[test]
    fn the_pause_counts_three_two_one_and_ends() {
        for (now, said, expected) in [
            (0, 3, Duty::Wait(1_000)),
            (999, 3, Duty::Wait(1)),
            (1_000, 3, Duty::CountDown(2)),
            (1_000, 2, Duty::Wait(1_000)),
            (2_400, 2, Duty::CountDown(1)),
            (2_400, 1, Duty::Wait(600)),
            (3_000, 1, Duty::OpenNext),
            (9_000, 3, Duty::OpenNext),
        ] {
            assert_eq!(
                duty(&at(now, view(false, Some(3_000), Some(said))), &mine(), 1_000),
                expected,
                "{now} {said}"
            );
        }
    }

    #[test]
    fn a_paused_auction_stands_still_and_a_finished_one_needs_no_clock() {
        let paused = ClockView {
            status: AuctionStatus::Paused,
            ..view(true, None, None)
        };
        let completed = ClockView {
            status: AuctionStatus::Completed,
            ..view(false, None, None)
        };
        assert_eq!(duty(&paused, &mine(), 1_000), Duty::StandStill);
        assert_eq!(duty(&completed, &mine(), 1_000), Duty::Retire);
    }

    #[test]
    fn without_its_lease_a_clock_does_nothing() {
        let due = || at(10_000, view(true, Some(10_000), None));
        let another_fence = Hold { fence: 6, ..mine() };
        let another_pod = Hold {
            holder: "you".into(),
            ..mine()
        };
        assert_eq!(duty(&due(), &another_fence, 1_000), Duty::Lost);
        assert_eq!(duty(&due(), &another_pod, 1_000), Duty::Lost);
        let nobodys = ClockView { lease: None, ..due() };
        assert_eq!(duty(&nobodys, &mine(), 1_000), Duty::Lost);
        let mut lapsed = due();
        lapsed.lease.as_mut().unwrap().until = 10_000;
        assert_eq!(duty(&lapsed, &mine(), 1_000), Duty::Lost);
    }
}
