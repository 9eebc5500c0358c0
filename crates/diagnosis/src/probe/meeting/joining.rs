//! How one gets into the rooms: the sockets join without waiting for each other, and that is a first hint of who hears whom.

use std::ops::Range;
use std::time::Duration;

use futures_util::future::try_join_all;
use gavelscope_contract::ack::Ack;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Meeting, QUIET, random_id};
use crate::evidence::{RoomProbe, Scratch};
use crate::probe::hearsay::{Manner, Stimulus, reached_all};
use crate::probe::millis;
use crate::probe::pace::{Pace, Stopped, Turn};
use crate::probe::socket::Socket;

/// How long a join may take. What is not acknowledged by then never is (contract, section 4, 10).
const ACK_LIMIT: Duration = Duration::from_secs(2);

/// What came of a join.
struct Joined {
    seat: usize,
    said: Instant,
    answered: Instant,
    /// None where there was no answer in time.
    answer: Option<Result<Ack, String>>,
}

impl Joined {
    fn is_in(&self) -> bool {
        matches!(self.answer, Some(Ok(_)))
    }
}

/// What a join was answered: in, or why not.
fn read(answer: Value) -> Result<Ack, String> {
    let ack: Ack = serde_json::from_value(answer)
        .map_err(|_| "the answer to a join of the scratch room cannot be read".to_owned())?;
    if ack.ok {
        Ok(ack)
    } else {
        Err(ack
            .error
            .unwrap_or_else(|| "the scratch room was refused".to_owned()))
    }
}

/// The message that joins a room. In the room of a league everybody hears of it, each time.
pub(super) fn join(scratch: Scratch, room: &str) -> (&'static str, Value) {
    match scratch {
        Scratch::ProbeRoom => ("join_probe_room", json!({ "probeId": room })),
        Scratch::LeagueRooms => ("join_league_room", json!({ "leagueId": room })),
    }
}

impl Meeting {
    /// Joins with a socket that has no place yet; what came of it, or nothing where nothing was answered.
    pub(in crate::probe) async fn tries(
        &self,
        pace: &Pace,
        socket: &Socket,
        limit: Duration,
    ) -> Result<Option<Result<Ack, String>>, Stopped> {
        let (name, payload) = join(self.scratch, &self.rooms[0]);
        let answer = pace.within(socket.ask(name, payload, limit)).await?;
        Ok(answer.map(read))
    }

    /// Whoever sat down last joins, and gives up the place where that comes to nothing.
    pub(in crate::probe) async fn join(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let mut there = self.joined;
        for this in self.enter(pace, 0, there..self.size(), evidence).await? {
            let (seen, took) = (&mut evidence.sockets[there], this.answered - this.said);
            match this.answer {
                Some(Ok(ack)) => {
                    there += 1;
                    seen.joined_as = u32::try_from(there).unwrap_or(u32::MAX);
                    seen.join_ms = Some(millis(took));
                    seen.pod = ack.pod.map(|pod| pod.0);
                    seen.claimed = ack.room_size;
                    seen.claimed_cluster = ack.cluster_room_size.flatten();
                    continue;
                }
                Some(Err(trouble)) => evidence.trouble = Some(trouble),
                None => evidence.trouble = Some("a join of the scratch room was not acknowledged".to_owned()),
            }
            evidence.lost += 1;
            evidence.sockets.remove(there);
            self.forget(there).close().await;
        }
        self.joined = there;
        Ok(())
    }

    /// Everybody joins one more room; it is used when all of them are in it.
    pub(super) async fn open_another_room(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        self.rooms.push(random_id());
        let joined = self
            .enter(pace, self.rooms.len() - 1, 0..self.size(), evidence)
            .await?;
        if joined.iter().all(Joined::is_in) {
            self.used = self.rooms.len();
        }
        self.until_joins_are_told(pace, evidence).await
    }

    /// What joins set off dies away before anybody speaks: it looks like what is said.
    pub(super) async fn until_joins_are_told(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let quiet = if reached_all(&self.said) {
            QUIET
        } else {
            self.patience()
        };
        self.until_quiet(pace, quiet, evidence).await
    }

    /// They join a room, without waiting for each other.
    async fn enter(
        &mut self,
        pace: &Pace,
        room: usize,
        seats: Range<usize>,
        evidence: &mut RoomProbe,
    ) -> Result<Vec<Joined>, Stopped> {
        let (sockets, scratch, id) = (&self.sockets, self.scratch, &self.rooms[room]);
        let before = seats.start;
        let joining = seats.map(async |seat| {
            pace.turn(Turn::Message).await?;
            let said = Instant::now();
            let (name, payload) = join(scratch, id);
            let answer = pace.within(sockets[seat].ask(name, payload, ACK_LIMIT)).await?;
            Ok(Joined {
                seat,
                said,
                answered: Instant::now(),
                answer: answer.map(read),
            })
        });
        let joined: Vec<Joined> = Box::pin(try_join_all(joining)).await?;
        for this in &joined {
            if self.scratch == Scratch::LeagueRooms {
                // Those before, and those of these that were told so; who joins is in the room only a little later.
                let is_there = |seat: usize| {
                    let other = joined.iter().find(|other| other.seat == seat);
                    seat < before || other.is_some_and(|other| other.is_in() && other.answered <= this.said)
                };
                self.said.push(Stimulus {
                    from: this.seat,
                    room,
                    at: this.said,
                    manner: Manner::Joining,
                    nonce: String::new(),
                    there: (0..self.size()).map(is_there).collect(),
                    heard: vec![None; self.size()],
                });
            }
            if this.is_in() {
                self.slowest = self.slowest.max(this.answered - this.said);
            }
        }
        self.take_all(evidence);
        Ok(joined)
    }

    /// One that did not get in has no place, and has said nothing.
    fn forget(&mut self, seat: usize) -> Socket {
        self.said.retain(|said| said.from != seat);
        for said in &mut self.said {
            said.from -= usize::from(said.from > seat);
            if seat < said.heard.len() {
                said.heard.remove(seat);
                said.there.remove(seat);
            }
        }
        self.sockets.remove(seat)
    }

    /// Whether everybody has heard of whoever joined after them. Where what is said carries a number there is no need for
    /// such a hint.
    pub(in crate::probe) async fn is_whole_so_far(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
    ) -> Result<bool, Stopped> {
        let until = Instant::now() + self.patience();
        self.until(pace, until, evidence, reached_all).await?;
        Ok(reached_all(&self.said))
    }
}
