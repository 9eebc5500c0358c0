//! The clock of an auction: one task that reads its deadline from the database, ticks, and brings the hammer down.
//!
//! The task holds nothing that matters. After a restart a new one reads the same row and goes on from there, be it in
//! the middle of a lot, in the pause between two, or long past the deadline.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use gavelscope_contract::auction::AuctionStatus;
use gavelscope_contract::event::{Event, Timer};
use gavelscope_contract::{AuctionId, Room};

use crate::announcer::Announcement;
use crate::house::{Bench, House};
use crate::refuse::Denied;
use crate::store::{ClockView, Closing, StoreError};

/// Milliseconds between two ticks.
const TICK: i64 = 500;
/// How long to wait before asking a database again that has failed.
const RETRY: Duration = Duration::from_millis(500);

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Nothing, ever again.
    Retire,
    /// Nothing, until something changes.
    StandStill,
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

fn duty(view: &ClockView, now: i64, step: i64) -> Duty {
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

/// Starts the clock of an auction that has begun, unless it runs already.
pub(crate) fn start(house: &Arc<House>, auction: &AuctionId) {
    let fresh = house
        .clocks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(auction.clone());
    if !fresh {
        return;
    }
    let (house, auction) = (Arc::clone(house), auction.clone());
    house.tasks.clone().spawn(async move {
        tracing::info!(pod = %house.pod, %auction, "the clock starts");
        // On a task of its own: if it ever panics, the auction must not stand still for it.
        while let Err(error) = tokio::spawn(run(Arc::clone(&house), auction.clone())).await {
            tracing::error!(%error, %auction, "the clock broke, and is started again");
            tokio::time::sleep(RETRY).await;
        }
        tracing::info!(pod = %house.pod, %auction, "the clock stops");
        house
            .clocks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&auction);
    });
}

async fn run(house: Arc<House>, auction: AuctionId) {
    let (house, auction) = (&*house, &auction);
    let step = i64::try_from(house.countdown_step.as_millis()).unwrap_or(1_000);
    let bench = house.bench(auction);
    let mut ticked_at = None;
    while !house.stopping.is_cancelled() {
        let duty = match look(house, &bench, auction, step, &mut ticked_at).await {
            Ok(duty) => duty,
            Err(error) => {
                tracing::error!(%error, %auction, "the clock could not read its deadline");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let done = match duty {
            Duty::Retire => return,
            Duty::StandStill => {
                pause(house, &bench, None).await;
                continue;
            }
            Duty::Tick(millis) | Duty::Wait(millis) => {
                pause(house, &bench, Some(millis)).await;
                continue;
            }
            Duty::CloseLot => {
                house
                    .step(auction, async {
                        Ok::<_, Denied>(((), house.store.close_lot(auction, &Closing::TimeUp).await?))
                    })
                    .await
            }
            Duty::CountDown(left) => {
                house
                    .step(auction, async {
                        Ok::<_, Denied>(((), house.store.count_down(auction, left).await?))
                    })
                    .await
            }
            Duty::OpenNext => {
                house
                    .step(auction, async {
                        Ok::<_, Denied>(((), house.store.open_next(auction).await?))
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

/// Waits until it is time, something changed, or the server stops. A stop comes here and nowhere else, so that it
/// never comes between a change and the saying of it.
async fn pause(house: &House, bench: &Bench, millis: Option<i64>) {
    let time = async {
        match millis.map(u64::try_from) {
            Some(millis) => tokio::time::sleep(Duration::from_millis(millis.unwrap_or_default())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = time => {}
        () = bench.wake.notified() => {}
        () = house.stopping.cancelled() => {}
    }
}

/// Reads what is to be done, and ticks if it is time. In the auction's turn, so that a tick's place in the stream is
/// the place where it is said.
async fn look(
    house: &House,
    bench: &Bench,
    auction: &AuctionId,
    step: i64,
    ticked_at: &mut Option<i64>,
) -> Result<Duty, StoreError> {
    let _turn = bench.turn.lock().await;
    let Some(view) = house.store.clock_view(auction).await? else {
        return Ok(Duty::Retire);
    };
    let now = house.store.now();
    let duty = duty(&view, now, step);
    let Duty::Tick(millis) = duty else {
        return Ok(duty);
    };
    // Woken between two ticks. (More than a tick to go means that the clock was set back: then it ticks at once.)
    if let Some(due_in) = ticked_at.map(|last| last + TICK - now)
        && (1..=TICK).contains(&due_in)
    {
        return Ok(Duty::Tick(millis.min(due_in)));
    }
    *ticked_at = Some(now);
    let tick = Event::Tick(Timer {
        lot_id: view.lot,
        seq: view.bid_sequence,
        ends_at: view.deadline.unwrap_or(now),
        server_now: now,
        stream: Some(view.position),
    });
    house
        .outbox
        .send(vec![Announcement {
            room: Room::Auction(auction.clone()),
            name: tick.name(),
            payload: tick.payload()?,
        }])
        .await;
    Ok(duty)
}

#[cfg(test)]
mod tests {
    use gavelscope_contract::{LotId, Position};

    use super::*;

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
                duty(&view(true, Some(10_000), None), now, 1_000),
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
                duty(&view(false, Some(3_000), Some(said)), now, 1_000),
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
        assert_eq!(duty(&paused, 0, 1_000), Duty::StandStill);
        assert_eq!(duty(&completed, 0, 1_000), Duty::Retire);
    }
}
