//! Lots coming under the hammer and leaving it. Every step says in its `WHERE` what it starts from, so a step that is
//! taken twice, by two callers or after a restart, does nothing the second time.

use gavelscope_contract::auction::{BeginAnswer, Bid, Club, Participant, PauseAnswer};
use gavelscope_contract::event::{
    AuctionPaused, AuctionResumed, Event, LotStarted, NextTeamCountdown, Sold, Timer,
};
use gavelscope_contract::{AuctionId, ClubId, LeagueId, LotId, RefusalCode, Timestamp, UserId};

use super::lease::Hold;
use super::rows::{AuctionRow, BidRow, ClubRow, ParticipantRow, seconds};
use super::stream::Stream;
use super::succession::{Next, finish, lots, next_lot, settle, why_over};
use super::{Said, Store, StoreError, Tx};
use crate::refuse::{Denied, Refused};

/// Why a lot is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// Its time is up, says the pod that has the clock.
    TimeUp(Hold),
    /// The commissioner brings the hammer down; on that lot alone, where one is named.
    Commissioner(UserId, Option<LotId>),
}

/// What a step did to an auction.
#[derive(Debug, Default)]
pub struct Moved {
    /// What its room is told; nothing, where the step was taken before.
    pub said: Vec<Said>,
    /// The auction is over: the league's room is told.
    pub completed: Option<LeagueId>,
}

/// An auction that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub answer: BeginAnswer,
    pub league: LeagueId,
    /// This pod's right to the clock.
    pub hold: Option<Hold>,
}

impl Store {
    /// The commissioner begins: the first lot comes under the hammer, and this pod has the clock, if it wants it.
    pub(crate) async fn begin_auction(
        &self,
        auction: &AuctionId,
        user: &UserId,
        takes_clock: bool,
    ) -> Result<(Begun, Moved), Denied> {
        let (mut tx, now) = self.turn(auction).await?;
        let row = commanded(&mut tx, auction, user).await?;
        if row.status != "waiting" {
            let sentence = format!("Auction is not in waiting state (current: {})", row.status);
            return Err(Refused::wrong_state(sentence).into());
        }
        let managers = ParticipantRow::list(&mut tx, &row.league_id).await?;
        let needed = usize::try_from(row.min_managers)?;
        if managers.len() < needed {
            let sentence = format!(
                "The league needs {needed} managers to begin and has {}.",
                managers.len()
            );
            return Err(Refused::wrong_state(sentence).into());
        }
        let lots = lots(&mut tx, &row.id).await?;
        let next = next_lot(&lots, &row).ok_or_else(|| Refused::wrong_state("There is no club to sell."))?;
        let mut stream = Stream::of(&row)?;
        let club = self.put_on_block(&mut tx, &mut stream, &row, &next, now).await?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        let taken = if takes_clock {
            self.take_in(&mut tx, &row, now).await?
        } else {
            None
        };
        tx.commit().await?;
        let answer = BeginAnswer {
            message: "Auction started successfully".to_owned(),
            auction_id: auction.clone(),
            first_asset: Some(club.name),
        };
        Ok((
            Begun {
                answer,
                league: row.league_id(),
                hold: taken.map(|taken| taken.lease.hold()),
            },
            Moved {
                said,
                completed: None,
            },
        ))
    }

    /// Brings the hammer down on the lot on the block, if it is there and the reason holds.
    pub(crate) async fn close_lot(&self, auction: &AuctionId, closing: &Closing) -> Result<Moved, Denied> {
        let (mut tx, now) = self.turn(auction).await?;
        let row = match closing {
            Closing::Commissioner(user, _) => commanded(&mut tx, auction, user).await?,
            Closing::TimeUp(hold) => match AuctionRow::load(&mut tx, auction).await? {
                Some(row) if row.admits(hold, now) => row,
                _ => return Ok(Moved::default()),
            },
        };
        let due = match closing {
            Closing::TimeUp(_) => row.ends_at().is_some_and(|ends_at| ends_at <= now),
            Closing::Commissioner(_, None) => true,
            Closing::Commissioner(_, Some(lot)) => *lot == row.lot_id()?,
        };
        if !due || !row.is_active() || !row.has_lot() {
            return Ok(Moved::default());
        }
        let winning = BidRow::leading(&mut tx, &row.id, row.current_lot).await?;
        settle(&mut tx, &row, winning.as_ref()).await?;
        let managers = ParticipantRow::list(&mut tx, &row.league_id).await?;
        let mut stream = Stream::of(&row)?;
        say_sold(&mut tx, &mut stream, &row, winning.clone(), &managers, now).await?;

        let lots = lots(&mut tx, &row.id).await?;
        let after = AuctionRow {
            sold_in_round: row.sold_in_round + i64::from(winning.is_some()),
            ..row.clone()
        };
        let reason = why_over(&after, &lots, &managers)?;
        let mut completed = None;
        match reason {
            Some(reason) => {
                finish(&mut tx, &mut stream, &after, &lots, reason, winning, managers).await?;
                completed = Some(row.league_id());
            }
            None => self.pause_between(&mut tx, &mut stream, &after, now).await?,
        }
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        Ok(Moved { said, completed })
    }

    /// Says how many steps are left until the next lot, if it was not said yet.
    pub(crate) async fn count_down(
        &self,
        auction: &AuctionId,
        hold: &Hold,
        left: u32,
    ) -> Result<Moved, StoreError> {
        let (mut tx, now) = self.turn(auction).await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(Moved::default());
        };
        let fresh = row.countdown_said.is_none_or(|said| i64::from(left) < said);
        if !row.admits(hold, now) || !row.is_active() || row.phase != "between" || !fresh {
            return Ok(Moved::default());
        }
        sqlx::query("UPDATE auctions SET countdown_said = $1 WHERE id = $2")
            .bind(i64::from(left))
            .bind(&row.id)
            .execute(&mut *tx)
            .await?;
        let mut stream = Stream::of(&row)?;
        say_countdown(&mut stream, left)?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        Ok(Moved {
            said,
            completed: None,
        })
    }

    /// Brings the next lot under the hammer, if the pause between two lots is over.
    pub(crate) async fn open_next(&self, auction: &AuctionId, hold: &Hold) -> Result<Moved, StoreError> {
        let (mut tx, now) = self.turn(auction).await?;
        let Some(row) = AuctionRow::load(&mut tx, auction).await? else {
            return Ok(Moved::default());
        };
        let due = row.deadline_at.is_none_or(|next_at| next_at <= now);
        if !row.admits(hold, now) || !row.is_active() || row.phase != "between" || !due {
            return Ok(Moved::default());
        }
        let lots = lots(&mut tx, &row.id).await?;
        let next = next_lot(&lots, &row)
            .ok_or_else(|| StoreError::Corrupt("a pause before a lot that does not exist".to_owned()))?;
        let mut stream = Stream::of(&row)?;
        self.put_on_block(&mut tx, &mut stream, &row, &next, now).await?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        Ok(Moved {
            said,
            completed: None,
        })
    }

    /// The commissioner puts a club of their choice on the block, in the pause between two lots.
    pub(crate) async fn start_lot(
        &self,
        auction: &AuctionId,
        user: &UserId,
        club: &ClubId,
    ) -> Result<(Club, Moved), Denied> {
        let (mut tx, now) = self.turn(auction).await?;
        let row = commanded(&mut tx, auction, user).await?;
        if !row.is_active() || row.phase != "between" {
            let sentence = "A lot can be started only in the pause between two lots.";
            return Err(Refused::wrong_state(sentence).into());
        }
        let lots = lots(&mut tx, &row.id).await?;
        let lot = lots
            .iter()
            .find(|lot| lot.club_id == club.0)
            .ok_or_else(|| Refused::new(404, RefusalCode::ClubNotFound, "Club not found in this auction"))?;
        if lot.status == "sold" {
            return Err(Refused::wrong_state("This club is sold.").into());
        }
        let next = Next::of(lot, row.round);
        let mut stream = Stream::of(&row)?;
        let club = self.put_on_block(&mut tx, &mut stream, &row, &next, now).await?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        Ok((
            club,
            Moved {
                said,
                completed: None,
            },
        ))
    }

    /// The commissioner stops the clock.
    pub(crate) async fn pause(
        &self,
        auction: &AuctionId,
        user: &UserId,
    ) -> Result<(PauseAnswer, Moved), Denied> {
        let (mut tx, now) = self.turn(auction).await?;
        let row = commanded(&mut tx, auction, user).await?;
        if !row.is_active() {
            return Err(Refused::wrong_state("Can only pause active auctions").into());
        }
        let remaining = row.deadline_at.map_or(0, |deadline| (deadline - now).max(0));
        sqlx::query(
            "UPDATE auctions SET status = 'paused', paused_remaining = $1, deadline_at = NULL
             WHERE id = $2 AND status = 'active'",
        )
        .bind(remaining)
        .bind(&row.id)
        .execute(&mut *tx)
        .await?;
        let mut stream = Stream::of(&row)?;
        stream.say(|stream| {
            Event::AuctionPaused(AuctionPaused {
                message: Some("Auction has been paused by the commissioner".to_owned()),
                remaining_time: Some(seconds(remaining)),
                stream,
            })
        })?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        let answer = PauseAnswer {
            message: "Auction paused successfully".to_owned(),
            remaining_time: Some(seconds(remaining)),
        };
        Ok((
            answer,
            Moved {
                said,
                completed: None,
            },
        ))
    }

    /// The commissioner sets the clock going again, with the time that was left.
    pub(crate) async fn resume(
        &self,
        auction: &AuctionId,
        user: &UserId,
    ) -> Result<(PauseAnswer, Moved), Denied> {
        let (mut tx, now) = self.turn(auction).await?;
        let row = commanded(&mut tx, auction, user).await?;
        if row.status != "paused" {
            return Err(Refused::wrong_state("Can only resume paused auctions").into());
        }
        let remaining = row.paused_remaining.unwrap_or_default();
        sqlx::query(
            "UPDATE auctions SET status = 'active', paused_remaining = NULL, deadline_at = $1
             WHERE id = $2 AND status = 'paused'",
        )
        .bind(now + remaining)
        .bind(&row.id)
        .execute(&mut *tx)
        .await?;
        let mut stream = Stream::of(&row)?;
        stream.say(|stream| {
            Event::AuctionResumed(AuctionResumed {
                message: Some("Auction has been resumed by the commissioner".to_owned()),
                // Between two lots no hammer is to fall.
                new_end_time: row.has_lot().then(|| Timestamp::from_millis(now + remaining)),
                remaining_time: Some(seconds(remaining)),
                stream,
            })
        })?;
        let said = stream.keep(&mut tx, self.kept_events).await?;
        tx.commit().await?;
        let answer = PauseAnswer {
            message: "Auction resumed successfully".to_owned(),
            remaining_time: Some(seconds(remaining)),
        };
        Ok((
            answer,
            Moved {
                said,
                completed: None,
            },
        ))
    }

    /// Puts a club on the block.
    async fn put_on_block(
        &self,
        tx: &mut Tx,
        stream: &mut Stream,
        auction: &AuctionRow,
        next: &Next,
        now: i64,
    ) -> Result<Club, StoreError> {
        let ends_at = now + auction.bid_timer;
        let number = auction.current_lot + 1;
        let new_round = next.round != auction.round;
        sqlx::query(
            "UPDATE auctions SET status = 'active', phase = 'lot', current_lot = $1, current_club_id = $2,
                 current_bid = NULL, current_bidder_id = NULL, deadline_at = $3, countdown_said = NULL,
                 round = $4, sold_in_round = CASE WHEN $5 THEN 0 ELSE sold_in_round END
             WHERE id = $6",
        )
        .bind(number)
        .bind(&next.club)
        .bind(ends_at)
        .bind(next.round)
        .bind(new_round)
        .bind(&auction.id)
        .execute(&mut **tx)
        .await?;
        sqlx::query(
            "UPDATE lots SET status = 'current', last_round = $1 WHERE auction_id = $2 AND club_id = $3",
        )
        .bind(next.round)
        .bind(&auction.id)
        .bind(&next.club)
        .execute(&mut **tx)
        .await?;
        if auction.phase == "between" {
            say_countdown(stream, 0)?;
        }
        let club = ClubRow::load(tx, &next.club).await?.into_club();
        let lot_number = u32::try_from(number)?;
        let timer = Timer {
            lot_id: LotId::new(&auction.auction_id(), lot_number),
            seq: u64::try_from(auction.bid_sequence)?,
            ends_at,
            server_now: now,
            stream: None,
        };
        stream.say(|stream| {
            Event::LotStarted(LotStarted {
                club: club.clone(),
                lot_number,
                timer,
                is_unsold_retry: Some(next.retry),
                stream,
            })
        })?;
        Ok(club)
    }

    /// Starts the 3-2-1 before the next lot.
    async fn pause_between(
        &self,
        tx: &mut Tx,
        stream: &mut Stream,
        auction: &AuctionRow,
        now: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE auctions SET phase = 'between', current_club_id = NULL, current_bid = NULL,
                 current_bidder_id = NULL, deadline_at = $1, countdown_said = 3, sold_in_round = $2
             WHERE id = $3",
        )
        .bind(now + 3 * self.countdown_step)
        .bind(auction.sold_in_round)
        .bind(&auction.id)
        .execute(&mut **tx)
        .await?;
        say_countdown(stream, 3)
    }
}

/// An auction, for a call that only its commissioner may make.
async fn commanded(tx: &mut Tx, auction: &AuctionId, user: &UserId) -> Result<AuctionRow, Denied> {
    let row = AuctionRow::load(tx, auction)
        .await?
        .ok_or_else(Refused::auction_not_found)?;
    if row.commissioner_id == user.0 {
        Ok(row)
    } else {
        Err(Refused::commissioner_only().into())
    }
}

async fn say_sold(
    tx: &mut Tx,
    stream: &mut Stream,
    auction: &AuctionRow,
    winning_bid: Option<Bid>,
    managers: &[Participant],
    now: i64,
) -> Result<(), StoreError> {
    let club_id = auction.current_club_id.clone().unwrap_or_default();
    let club = ClubRow::load(tx, &club_id).await?;
    let timer = Timer {
        lot_id: auction.lot_id()?,
        seq: u64::try_from(auction.bid_sequence)?,
        ends_at: auction.deadline_at.unwrap_or(now),
        server_now: now,
        stream: None,
    };
    stream.say(|stream| {
        Event::Sold(Sold {
            club_id: ClubId(club_id),
            club_name: Some(club.name),
            unsold: winning_bid.is_none(),
            winning_bid,
            participants: managers.to_vec(),
            timer: Some(timer),
            stream,
        })
    })
}

fn say_countdown(stream: &mut Stream, left: u32) -> Result<(), StoreError> {
    let message = match left {
        0 => "Starting...".to_owned(),
        _ => format!("Next team in {left}..."),
    };
    stream.say(|stream| {
        Event::NextTeamCountdown(NextTeamCountdown {
            seconds: left,
            message: Some(message),
            stream,
        })
    })
}
