//! A small server that keeps the contract's rules: what it is, and what it says when it changes.

use std::collections::VecDeque;

use gavelscope_contract::auction::{AuctionStatus, Bid, Bidder, Club, Participant};
use gavelscope_contract::event::{
    AuctionComplete, AuctionPaused, AuctionResumed, BidPlaced, BidUpdate, Event, LotStarted,
    NextTeamCountdown, ParticipantsChanged, Sold, Timer, WaitingRoomUpdated,
};
use gavelscope_contract::{AuctionId, ClubId, LotId, Money, Position, Timestamp, UserId};

pub const AUCTION: &str = "a";
pub const LEAGUE: &str = "l";
const CLUBS: u8 = 4;
/// What a lot runs from its start, and what a late bid leaves on its clock, ms.
const RUNS: i64 = 10_000;
const SNIPE: i64 = 4_000;

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No positions, no numbers on the bids of a snapshot; bids after the hammer are taken; of two bids at once both are.
    Field,
    /// Gavelscope's own: a position on everything that is said to the room.
    Own,
}

/// A bid that was accepted.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub lot: u32,
    pub club: u8,
    pub user: u8,
    pub pounds: u32,
    pub seq: u64,
}

/// What is known of a manager.
#[derive(Debug, Clone)]
pub struct Manager {
    pub budget: u32,
    pub won: Vec<u8>,
}

/// The server at one moment.
#[derive(Debug, Clone)]
pub struct Server {
    pub kind: Kind,
    pub status: AuctionStatus,
    pub lot: u32,
    /// On the block; the field's keeps it there after the hammer.
    pub club: Option<u8>,
    pub hammered: bool,
    pub ends_at: i64,
    pub stopped: Option<f64>,
    pub sequence: u64,
    /// The stored price: after two bids at once it can be the lower one.
    pub stored: Option<(u32, u8)>,
    pub bids: Vec<Accepted>,
    pub managers: Vec<Manager>,
    pub waiting: Vec<u8>,
    pub unsold: Vec<u8>,
    pub epoch: u32,
    pub stream: u64,
    queue: VecDeque<(u8, bool)>,
    retry: bool,
    late: bool,
    counted: u32,
    timer_seq: u64,
    now: i64,
}

pub fn user(number: u8) -> UserId {
    UserId(format!("u{number}"))
}

pub fn club_id(number: u8) -> ClubId {
    ClubId(format!("c{number}"))
}

pub fn club(number: u8) -> Club {
    Club {
        id: club_id(number),
        name: format!("Club {number}"),
        country: None,
        logo: None,
        competition: None,
        competition_short: None,
    }
}

pub fn name(number: u8) -> String {
    format!("U{number}")
}

impl Server {
    pub fn new(kind: Kind) -> Self {
        let manager = Manager {
            budget: 1_000_000,
            won: Vec::new(),
        };
        Self {
            kind,
            status: AuctionStatus::Waiting,
            lot: 0,
            club: None,
            hammered: false,
            ends_at: 0,
            stopped: None,
            sequence: 0,
            stored: None,
            bids: Vec::new(),
            managers: vec![manager; 3],
            waiting: Vec::new(),
            unsold: Vec::new(),
            epoch: 1,
            stream: 0,
            queue: (0..CLUBS).map(|club| (club, false)).collect(),
            retry: false,
            late: false,
            counted: 0,
            timer_seq: 0,
            now: 1_000_000,
        }
    }

    /// Whether a lot is open.
    pub fn open(&self) -> bool {
        self.club.is_some() && !self.hammered
    }

    /// Whether nothing happens any more.
    pub fn is_over(&self) -> bool {
        self.status == AuctionStatus::Completed
    }

    /// The highest accepted bid on the lot, before its hammer.
    pub fn highest(&self) -> Option<&Accepted> {
        // Of two equal ones the first.
        self.bids
            .iter()
            .filter(|bid| bid.lot == self.lot)
            .rev()
            .max_by_key(|bid| bid.pounds)
    }

    /// Goes on by one thing that can happen now; what is said of it.
    pub fn happen(&mut self, what: u8, more: u8) -> Vec<Event> {
        self.now += 37 + i64::from(more);
        let mut said = Vec::new();
        match &self.status {
            AuctionStatus::Waiting => match what {
                0..60 => self.next(&mut said),
                60..80 => {
                    let waits = more % 5;
                    if !self.waiting.contains(&waits) {
                        self.waiting.push(waits);
                    }
                    let users_in_waiting_room = self.waiting.iter().map(|waits| user(*waits)).collect();
                    let stream = self.place();
                    said.push(Event::WaitingRoomUpdated(WaitingRoomUpdated {
                        users_in_waiting_room,
                        stream,
                    }));
                }
                _ => self.somebody_joins(&mut said),
            },
            AuctionStatus::Active if self.open() => match what {
                0..20 => said.push(self.tick()),
                20..55 => self.bid(more, &mut said),
                55..65 => self.two_at_once(more, &mut said),
                65..75 => self.pause(&mut said),
                75..80 => self.new_pod(),
                80..92 => {
                    self.now = self.now.max(self.ends_at);
                    self.close(&mut said);
                }
                _ => self.close(&mut said),
            },
            AuctionStatus::Active => match what {
                0..30 => self.count_down(&mut said),
                30..45 if self.kind == Kind::Field => self.late_bid(more, &mut said),
                45..55 if self.kind == Kind::Own => self.pause(&mut said),
                _ => self.next(&mut said),
            },
            AuctionStatus::Paused => match what {
                0..70 => self.resume(&mut said),
                _ => self.new_pod(),
            },
            AuctionStatus::Completed | AuctionStatus::Unknown(_) => {}
        }
        said
    }

    /// The next place in the stream.
    fn place(&mut self) -> Option<Position> {
        self.stream += 1;
        self.position(false)
    }

    pub fn position(&self, passing: bool) -> Option<Position> {
        (self.kind == Kind::Own).then(|| Position {
            epoch: self.epoch.to_string(),
            seq: self.stream,
            passing,
        })
    }

    fn timer(&mut self) -> Timer {
        self.timer_seq += 1;
        Timer {
            lot_id: LotId::new(&AuctionId::from(AUCTION), self.lot),
            seq: self.timer_seq,
            ends_at: self.ends_at,
            server_now: self.now,
            stream: None,
        }
    }

    fn tick(&mut self) -> Event {
        let stream = self.position(true);
        Event::Tick(Timer {
            stream,
            ..self.timer()
        })
    }

    /// The timer moves to another pod and counts from 1; our own loses its history and counts anew, too.
    fn new_pod(&mut self) {
        self.timer_seq = 0;
        if self.kind == Kind::Own {
            self.epoch += 1;
            self.stream = 0;
        }
    }

    fn somebody_joins(&mut self, said: &mut Vec<Event>) {
        if self.managers.len() < 5 {
            self.managers.push(Manager {
                budget: 1_000_000,
                won: Vec::new(),
            });
        }
        let count = u32::try_from(self.managers.len()).unwrap();
        let stream = self.place();
        said.push(Event::ParticipantsChanged(ParticipantsChanged {
            league_id: LEAGUE.into(),
            count,
            stream,
        }));
    }

    fn accept(&mut self, by: u8, pounds: u32, said: &mut Vec<Event>) {
        self.sequence += 1;
        let bid = Accepted {
            lot: self.lot,
            club: self.club.unwrap_or_default(),
            user: by,
            pounds,
            seq: self.sequence,
        };
        self.stored = Some((pounds, by));
        let stream = self.place();
        said.push(Event::BidUpdate(BidUpdate {
            lot_id: LotId::new(&AuctionId::from(AUCTION), self.lot),
            amount: Money::from_pounds(pounds),
            bidder: Bidder {
                user_id: user(by),
                display_name: Some(name(by)),
            },
            seq: bid.seq,
            server_time: Timestamp::from_millis(self.now),
            client_bid_id: None,
            stream,
        }));
        let stream = self.place();
        said.push(Event::BidPlaced(BidPlaced {
            bid: self.stored_bid(&bid),
            auction_id: AUCTION.into(),
            club_id: club_id(bid.club),
            server_time: Timestamp::from_millis(self.now),
            stream,
        }));
        self.bids.push(bid);
    }

    fn price(&self) -> u32 {
        self.highest().map_or(1_000, |bid| bid.pounds)
    }

    fn bid(&mut self, more: u8, said: &mut Vec<Event>) {
        let by = more % 3;
        if self.highest().is_some_and(|bid| bid.user == by) {
            return;
        }
        self.accept(by, self.price() + 1_000 + u32::from(more), said);
        if self.ends_at - self.now < SNIPE {
            self.ends_at = self.now + SNIPE;
            let stream = self.place();
            said.push(Event::AntiSnipe(Timer {
                stream,
                ..self.timer()
            }));
        }
    }

    /// Both are accepted, the lower one is stored last; told in either order (contract, section 4, 3).
    fn two_at_once(&mut self, more: u8, said: &mut Vec<Event>) {
        if self.kind == Kind::Own {
            return self.bid(more, said);
        }
        let price = self.price();
        let first = said.len();
        self.accept(more % 3, price + 5_000, said);
        self.accept((more + 1) % 3, price + 2_000, said);
        if more.is_multiple_of(2) {
            said[first..].rotate_left(2);
        }
    }

    fn late_bid(&mut self, more: u8, said: &mut Vec<Event>) {
        let by = more % 3;
        if !self.late && self.highest().is_none_or(|bid| bid.user != by) {
            self.late = true;
            self.accept(by, self.price() + 3_000, said);
        }
    }

    fn pause(&mut self, said: &mut Vec<Event>) {
        #[allow(clippy::cast_precision_loss, reason = "seconds are a float on the wire")]
        let left = ((self.ends_at - self.now).max(0) as f64) / 1_000.0;
        self.status = AuctionStatus::Paused;
        self.stopped = Some(left);
        let stream = self.place();
        said.push(Event::AuctionPaused(AuctionPaused {
            message: None,
            remaining_time: Some(left),
            stream,
        }));
    }

    fn resume(&mut self, said: &mut Vec<Event>) {
        let left = self.stopped.take();
        self.status = AuctionStatus::Active;
        #[allow(clippy::cast_possible_truncation, reason = "a few seconds")]
        let ends_at = self.now + (left.unwrap_or_default() * 1_000.0).round() as i64;
        let open = self.open();
        if open {
            self.ends_at = ends_at;
        }
        let stream = self.place();
        said.push(Event::AuctionResumed(AuctionResumed {
            message: None,
            new_end_time: open.then(|| Timestamp::from_millis(ends_at)),
            remaining_time: left,
            stream,
        }));
    }

    fn close(&mut self, said: &mut Vec<Event>) {
        let club = self.club.unwrap();
        let winning = self.highest().cloned();
        self.hammered = true;
        if let Some(bid) = &winning {
            let manager = &mut self.managers[usize::from(bid.user)];
            manager.budget -= bid.pounds;
            manager.won.push(club);
        } else {
            if !self.retry {
                self.queue.push_back((club, true));
            }
            self.unsold.push(club);
        }
        let winning_bid = winning.as_ref().map(|bid| self.stored_bid(bid));
        let (timer, participants, stream) = (Some(self.timer()), self.participants(), self.place());
        said.push(Event::Sold(Sold {
            club_id: club_id(club),
            club_name: None,
            unsold: winning_bid.is_none(),
            winning_bid: winning_bid.clone(),
            participants,
            timer,
            stream,
        }));
        if self.kind == Kind::Own {
            self.club = None;
            self.stored = None;
        }
        if self.queue.is_empty() {
            self.status = AuctionStatus::Completed;
            let stream = self.place();
            said.push(Event::AuctionComplete(AuctionComplete {
                message: None,
                reason: Some("done".to_owned()),
                clubs_sold: 0,
                clubs_unsold: 0,
                final_club_id: Some(club_id(club)),
                final_winning_bid: winning_bid,
                participants: self.participants(),
                stream,
            }));
        } else {
            self.counted = 4;
            self.count_down(said);
        }
    }

    fn count_down(&mut self, said: &mut Vec<Event>) {
        if self.counted > 0 {
            self.counted -= 1;
            let stream = self.place();
            said.push(Event::NextTeamCountdown(NextTeamCountdown {
                seconds: self.counted,
                message: None,
                stream,
            }));
        }
    }

    fn next(&mut self, said: &mut Vec<Event>) {
        let Some((next, retry)) = self.queue.pop_front() else {
            return;
        };
        // Never before the end of the lot before: a clock only moves on.
        self.now = self.now.max(self.ends_at - RUNS + 1);
        self.status = AuctionStatus::Active;
        self.lot += 1;
        self.club = Some(next);
        (self.retry, self.hammered, self.late) = (retry, false, false);
        self.stored = None;
        self.unsold.retain(|club| *club != next);
        self.ends_at = self.now + RUNS;
        self.timer_seq = 0;
        let timer = self.timer();
        let stream = self.place();
        said.push(Event::LotStarted(LotStarted {
            club: club(next),
            lot_number: self.lot,
            timer,
            is_unsold_retry: Some(retry),
            stream,
        }));
    }

    pub fn participants(&self) -> Vec<Participant> {
        (0..)
            .zip(&self.managers)
            .map(|(number, manager)| Participant {
                id: None,
                league_id: Some(LEAGUE.into()),
                user_id: user(number),
                user_name: Some(name(number)),
                user_email: None,
                budget_remaining: Money::from_pounds(manager.budget),
                clubs_won: manager.won.iter().map(|club| club_id(*club)).collect(),
                total_spent: None,
                joined_at: None,
            })
            .collect()
    }

    pub fn stored_bid(&self, bid: &Accepted) -> Bid {
        Bid {
            id: None,
            auction_id: Some(AUCTION.into()),
            user_id: user(bid.user),
            club_id: Some(club_id(bid.club)),
            amount: Money::from_pounds(bid.pounds),
            timestamp: None,
            user_name: Some(name(bid.user)),
            user_email: None,
            client_bid_id: None,
            seq: (self.kind == Kind::Own).then_some(bid.seq),
        }
    }
}
