//! Who hears whom: each of the sockets in the scratch room says something in turn, and what the others hear of it is counted.
//!
//! In the rooms of leagues what is heard carries the room's id alone and not who said it. So a room is used again only when
//! what was said in it has come everywhere where it is going to come, as far as that is known; what could be one thing or
//! another counts as neither; and who was not heard the same each time is asked again, with so much time between that
//! nothing can be mistaken.

mod joining;

use std::time::Duration;

use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hearsay::{self, LATEST, Manner, Stimulus, reached_all};
use super::pace::{Pace, Stopped, Turn};
use super::socket::{Arrival, Socket};
use crate::evidence::{RoomProbe, Scratch};

/// Rooms that are used in turn, where one is not quiet again soon enough.
const ROOMS: usize = 2;
/// So many speak twice even where everybody heard everybody.
const AGAIN_AT_LEAST: usize = 6;
/// Who was not heard the same each time is asked again so often.
const MORE_ROUNDS: usize = 2;
/// A room is quiet when nothing was heard in it for so long.
const QUIET: Duration = Duration::from_millis(300);
/// Where not everybody has heard what was said in a room, the room is used again after so long at the earliest.
const AGAIN: Duration = Duration::from_millis(400);

/// The sockets, the rooms that they are in, and what was said there.
pub(super) struct Meeting {
    scratch: Scratch,
    rooms: Vec<String>,
    /// The first of the rooms, up to so many, are used in turn.
    used: usize,
    sockets: Vec<Socket>,
    /// The first of them, up to so many, have joined.
    joined: usize,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    said: Vec<Stimulus>,
    /// What took longest so far: to be heard, or to be told that a join was taken.
    slowest: Duration,
}

fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Meeting {
    pub(super) fn new(arrivals: mpsc::UnboundedReceiver<Arrival>) -> Self {
        Self {
            scratch: Scratch::ProbeRoom,
            rooms: Vec::new(),
            used: 1,
            sockets: Vec::new(),
            joined: 0,
            arrivals,
            said: Vec::new(),
            slowest: Duration::ZERO,
        }
    }

    /// Where it takes place from now on.
    pub(super) fn meets_in(&mut self, scratch: Scratch) {
        self.scratch = scratch;
        self.rooms = vec![random_id()];
    }

    pub(super) fn size(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn sits_down(&mut self, socket: Socket) {
        self.sockets.push(socket);
    }

    pub(super) async fn leave(self) {
        futures_util::future::join_all(self.sockets.into_iter().map(Socket::close)).await;
    }

    /// The seats whose sockets still stand: who was lost says nothing of the pods.
    fn present(&self) -> Vec<usize> {
        let stands = |&seat: &usize| !self.sockets[seat].is_lost();
        (0..self.size()).filter(stands).collect()
    }

    /// Everybody speaks, and is heard or not.
    pub(super) async fn ask_everybody(
        &mut self,
        pace: &Pace,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        if self.scratch == Scratch::LeagueRooms {
            if reached_all(&self.said) {
                self.until_joins_are_told(pace, evidence).await?;
            } else {
                self.open_another_room(pace, evidence).await?;
            }
        }
        let mut speaking = self.present();
        self.round(pace, &speaking, Manner::InTurn, evidence).await?;
        let soon = Instant::now() + pace.gap().max(self.slowest * 3 / 2);
        self.until(pace, soon, evidence, reached_all).await?;
        if reached_all(&self.said) {
            // Who was heard by everybody once is likely to be heard again; some are asked whether it is so.
            speaking.shuffle(&mut rand::rng());
            speaking.truncate(AGAIN_AT_LEAST);
        }
        self.round(pace, &speaking, Manner::InTurn, evidence).await?;
        self.until_told_all(pace, evidence).await?;
        let unsteady = hearsay::unsteady(&self.said, &self.present(), self.scratch);
        if !unsteady.is_empty() {
            for _ in 0..MORE_ROUNDS {
                self.round(pace, &unsteady, Manner::Patiently, evidence).await?;
            }
            self.until_told_all(pace, evidence).await?;
        }
        Ok(())
    }

    /// Until everybody has heard what was said last, or never will: silence is a proof only where what is late has had its
    /// time.
    async fn until_told_all(&mut self, pace: &Pace, evidence: &mut RoomProbe) -> Result<(), Stopped> {
        let told = |said: &[Stimulus]| {
            let now = Instant::now();
            let mut last = said.iter().filter(|said| now - said.at < LATEST);
            last.all(Stimulus::reached_everybody)
        };
        self.until(pace, Instant::now() + LATEST, evidence, told).await
    }

    /// How long what was said last may still be on its way: twice what the slowest took.
    fn patience(&self) -> Duration {
        (self.slowest * 2).clamp(QUIET, LATEST)
    }

    fn next_room(&self) -> usize {
        self.said.len() % self.used
    }

    /// Each of them speaks once, in an order of their own.
    async fn round(
        &mut self,
        pace: &Pace,
        who: &[usize],
        manner: Manner,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let mut order = who.to_vec();
        order.shuffle(&mut rand::rng());
        for from in order {
            if self.sockets[from].is_lost() {
                continue;
            }
            let since = Instant::now();
            self.until_told(pace, self.next_room(), manner, evidence).await?;
            if since.elapsed() > pace.gap() && self.rooms.len() < ROOMS {
                // What is said in one room has its time while something is said in the other.
                self.open_another_room(pace, evidence).await?;
            }
            let room = self.next_room();
            pace.turn(Turn::Message).await?;
            let nonce = uuid::Uuid::new_v4().simple().to_string();
            let id = self.rooms[room].clone();
            let (name, payload) = match self.scratch {
                Scratch::ProbeRoom => ("probe", json!({ "probeId": id, "nonce": nonce })),
                Scratch::LeagueRooms => joining::join(self.scratch, &id),
            };
            self.said.push(Stimulus {
                from,
                room,
                at: Instant::now(),
                manner,
                nonce,
                there: self.sockets.iter().map(|socket| !socket.is_lost()).collect(),
                heard: vec![None; self.size()],
            });
            self.sockets[from].say(name, payload).await;
            self.take_all(evidence);
        }
        Ok(())
    }

    /// Until what was said last in this room has come wherever it is going to come: to everybody who has been heard
    /// together with who said it, or for as long as that may take. Where everything that is said carries a number there is
    /// nothing to wait for.
    async fn until_told(
        &mut self,
        pace: &Pace,
        room: usize,
        manner: Manner,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        if self.scratch == Scratch::ProbeRoom {
            return Ok(());
        }
        let Some(last) = self.said.iter().rposition(|said| said.room == room) else {
            return Ok(());
        };
        let enough = match manner {
            Manner::Patiently => LATEST,
            Manner::Joining | Manner::InTurn => (self.slowest * 3 / 2).clamp(AGAIN, LATEST),
        };
        let company = hearsay::company(&self.said, self.said[last].from);
        let told = |said: &[Stimulus]| {
            let last = &said[last];
            // Who is alone so far may have others who were not asked yet.
            manner != Manner::Patiently
                && company.len() > 1
                && company.iter().all(|&socket| last.reached(socket) != Some(false))
                || last.reached_everybody()
        };
        let until = self.said[last].at + enough;
        self.until(pace, until, evidence, told).await
    }

    /// Takes what has come, up to a time or until something holds.
    async fn until(
        &mut self,
        pace: &Pace,
        until: Instant,
        evidence: &mut RoomProbe,
        holds: impl Fn(&[Stimulus]) -> bool,
    ) -> Result<(), Stopped> {
        while !holds(&self.said) {
            let next = tokio::time::timeout_at(until, self.arrivals.recv());
            let Ok(Some(arrival)) = pace.within(next).await? else {
                break;
            };
            self.take(&arrival, evidence);
        }
        Ok(())
    }

    /// Takes what comes until nothing came for so long.
    async fn until_quiet(
        &mut self,
        pace: &Pace,
        quiet: Duration,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let ends = Instant::now() + 2 * LATEST;
        loop {
            let until = ends.min(Instant::now() + quiet);
            let next = tokio::time::timeout_at(until, self.arrivals.recv());
            // All sockets are gone, or it is quiet.
            let Ok(Some(arrival)) = pace.within(next).await? else {
                return Ok(());
            };
            self.take(&arrival, evidence);
        }
    }

    /// Takes whatever has come.
    fn take_all(&mut self, evidence: &mut RoomProbe) {
        while let Ok(arrival) = self.arrivals.try_recv() {
            self.take(&arrival, evidence);
        }
    }

    /// Puts down what was heard to what was said.
    fn take(&mut self, arrival: &Arrival, evidence: &mut RoomProbe) {
        let Some((name, payload)) = &arrival.event else {
            evidence.lost += 1;
            evidence.trouble = Some("a socket of the probe was lost on the way".to_owned());
            return;
        };
        let is_it = |socket: &Socket| socket.number == arrival.socket;
        let Some(seat) = self.sockets.iter().position(is_it) else {
            // One that did not get in.
            return;
        };
        let field = |field: &str| payload.get(field).and_then(Value::as_str);
        let place = match self.scratch {
            Scratch::ProbeRoom if name == "probe" => {
                let nonce = field("nonce");
                let is_open = |said: &Stimulus| said.heard.get(seat).is_some_and(Option::is_none);
                let of = |said: &Stimulus| Some(said.nonce.as_str()) == nonce && is_open(said);
                self.said.iter().position(of)
            }
            Scratch::LeagueRooms if name == "sync_members" => {
                let id = field("leagueId");
                let room = self.rooms.iter().position(|room| Some(room.as_str()) == id);
                hearsay::put_down(&self.said, room, seat, arrival.at)
            }
            _ => return,
        };
        let Some(place) = place else {
            // Who came in a moment ago may still hear what was said before; else it is somebody who guessed the room, or
            // something that came far too late.
            let is_new = self
                .said
                .iter()
                .any(|said| said.heard.len() <= seat && arrival.at - said.at <= LATEST);
            evidence.strangers += u32::from(!is_new);
            return;
        };
        let said = &mut self.said[place];
        said.heard[seat] = Some(arrival.at);
        if said.manner != Manner::Joining {
            self.slowest = self.slowest.max(arrival.at - said.at);
        }
    }

    /// Puts down what came of it, of the sockets that still stand.
    pub(super) fn finish(&mut self, evidence: &mut RoomProbe) {
        self.take_all(evidence);
        let seats = self.present();
        evidence.scratch = Some(self.scratch);
        evidence.matrix = hearsay::matrix(&self.said, &seats, self.scratch);
        evidence.unsteady = hearsay::unsteady_pairs(&self.said, &seats, self.scratch);
        let mut seat = 0..;
        evidence
            .sockets
            .retain(|_| seat.next().is_some_and(|seat| seats.contains(&seat)));
    }
}
