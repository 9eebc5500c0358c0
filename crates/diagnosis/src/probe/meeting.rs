//! Who hears whom: each of the sockets in the scratch room says something in turn, and what the others hear of it is counted.
//!
//! In the rooms of leagues what is heard carries the room's id alone and not who said it. So a room is used again only when
//! what was said in it has come everywhere where it is going to come, as far as that is known; what could be one thing or
//! another counts as neither; and who was not heard the same each time is asked again, with so much time between that
//! nothing can be mistaken.

use std::time::Duration;

use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hearsay::{self, LATEST, Manner, Stimulus};
use super::pace::{Pace, Stopped, Turn};
use super::socket::{Arrival, Socket};
use crate::evidence::{RoomProbe, Scratch};
use crate::matrix::{Matrix, Pair};

/// Every socket speaks so often; what was not the same each time is asked again.
const ROUNDS: usize = 2;
const MORE_ROUNDS: usize = 2;
/// A room is quiet when nothing was heard in it for so long.
const QUIET: Duration = Duration::from_millis(300);
/// Where not everybody has heard what was said in a room, the room is used again after so long at the earliest.
const AGAIN: Duration = Duration::from_millis(400);

/// The sockets, the rooms that they are in, and what was said there.
pub(super) struct Meeting {
    scratch: Scratch,
    rooms: Vec<String>,
    sockets: Vec<Socket>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    said: Vec<Stimulus>,
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
            sockets: Vec::new(),
            arrivals,
            said: Vec::new(),
            slowest: Duration::ZERO,
        }
    }

    /// Where it takes place from now on.
    pub(super) fn meets_in(&mut self, scratch: Scratch, rooms: usize) {
        self.scratch = scratch;
        self.rooms = (0..rooms).map(|_| random_id()).collect();
        self.said.clear();
    }

    pub(super) fn size(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn rooms(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn sits_down(&mut self, socket: Socket) {
        self.sockets.push(socket);
    }

    /// One that did not get in has said nothing.
    pub(super) fn forget(&mut self, number: usize) {
        self.said.retain(|said| said.from != number);
    }

    pub(super) async fn leave(self) {
        futures_util::future::join_all(self.sockets.into_iter().map(Socket::close)).await;
    }

    /// A socket joins a room; what it was answered, or nothing in time. A room of a league hears of it.
    pub(super) async fn join(
        &mut self,
        pace: &Pace,
        socket: &Socket,
        number: usize,
        room: usize,
        limit: Duration,
        evidence: &mut RoomProbe,
    ) -> Result<Option<Value>, Stopped> {
        let id = self.rooms[room].clone();
        let (name, payload) = match self.scratch {
            Scratch::ProbeRoom => ("join_probe_room", json!({ "probeId": id })),
            Scratch::LeagueRooms => {
                self.note(number, room, Manner::Joining, number + 1, String::new());
                ("join_league_room", json!({ "leagueId": id }))
            }
        };
        let mut asked = Box::pin(pace.within(socket.ask(name, payload, limit)));
        loop {
            tokio::select! {
                answer = &mut asked => return answer,
                Some(arrival) = self.arrivals.recv() => {
                    take(&mut self.said, &self.rooms, self.scratch, &mut self.slowest, &arrival, evidence);
                }
            }
        }
    }

    fn note(&mut self, from: usize, room: usize, manner: Manner, present: usize, nonce: String) {
        self.said.push(Stimulus {
            from,
            room,
            at: Instant::now(),
            manner,
            nonce,
            heard: vec![None; present],
        });
    }

    /// Everybody speaks, and is heard or not.
    pub(super) async fn ask_everybody(
        &mut self,
        pace: &mut Pace,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        // What the joins set off dies away first.
        self.until_quiet(pace, self.patience(), evidence).await?;
        let everybody: Vec<usize> = (0..self.size()).collect();
        for _ in 0..ROUNDS {
            self.round(pace, &everybody, Manner::InTurn, evidence).await?;
        }
        // Silence is a proof only where what is late has had its time.
        let silent = self.matrix().rows.iter().flatten().any(|cell| cell.heard == 0);
        let patience = if silent { LATEST } else { self.patience() };
        self.until_quiet(pace, patience, evidence).await?;
        let unsteady = hearsay::unsteady(&self.said, self.scratch);
        if !unsteady.is_empty() {
            for _ in 0..MORE_ROUNDS {
                self.round(pace, &unsteady, Manner::Patiently, evidence).await?;
            }
            self.until_quiet(pace, LATEST, evidence).await?;
        }
        Ok(())
    }

    /// How long what was said last may still be on its way: several times what the slowest took.
    fn patience(&self) -> Duration {
        (self.slowest * 3).clamp(QUIET, LATEST)
    }

    /// Each of them speaks once, in an order of their own.
    async fn round(
        &mut self,
        pace: &mut Pace,
        who: &[usize],
        manner: Manner,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let mut order = who.to_vec();
        order.shuffle(&mut rand::rng());
        for from in order {
            let room = self.said.len() % self.rooms.len();
            self.until_told(pace, room, manner, evidence).await?;
            pace.turn(Turn::Message).await?;
            let nonce = uuid::Uuid::new_v4().simple().to_string();
            let id = self.rooms[room].clone();
            let (name, payload) = match self.scratch {
                Scratch::ProbeRoom => ("probe", json!({ "probeId": id, "nonce": nonce })),
                Scratch::LeagueRooms => ("join_league_room", json!({ "leagueId": id })),
            };
            self.note(from, room, manner, self.size(), nonce);
            self.sockets[from].say(name, payload).await;
            self.until(pace, Instant::now(), evidence, |_| false).await?;
        }
        Ok(())
    }

    /// Until what was said last in this room has come wherever it is going to come: to everybody who has been heard
    /// together with who said it, or for as long as that may take. Where everything that is said carries a number there is
    /// nothing to wait for.
    pub(super) async fn until_told(
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
            let heard = &said[last].heard;
            // Who is alone so far may have others who were not asked yet.
            manner != Manner::Patiently
                && company.len() > 1
                && company
                    .iter()
                    .all(|&socket| heard.get(socket).is_none_or(Option::is_some))
                || heard.iter().all(Option::is_some)
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

    fn take(&mut self, arrival: &Arrival, evidence: &mut RoomProbe) {
        take(
            &mut self.said,
            &self.rooms,
            self.scratch,
            &mut self.slowest,
            arrival,
            evidence,
        );
    }

    pub(super) fn matrix(&self) -> Matrix {
        hearsay::matrix(&self.said, self.size(), self.scratch)
    }

    pub(super) fn unsteady_pairs(&self) -> Vec<Pair> {
        hearsay::unsteady_pairs(&self.said, self.size(), self.scratch)
    }
}

/// Puts down what was heard to what was said.
fn take(
    said: &mut [Stimulus],
    rooms: &[String],
    scratch: Scratch,
    slowest: &mut Duration,
    arrival: &Arrival,
    evidence: &mut RoomProbe,
) {
    let Some((name, payload)) = &arrival.event else {
        evidence.lost += 1;
        evidence.trouble = Some("a socket of the probe was lost on the way".to_owned());
        return;
    };
    let field = |field: &str| payload.get(field).and_then(Value::as_str);
    let place = match scratch {
        Scratch::ProbeRoom if name == "probe" => {
            let nonce = field("nonce");
            said.iter()
                .position(|said| Some(said.nonce.as_str()) == nonce && is_open(said, arrival))
        }
        Scratch::LeagueRooms if name == "sync_members" => {
            let id = field("leagueId");
            let room = rooms.iter().position(|room| Some(room.as_str()) == id);
            hearsay::put_down(said, room, arrival.socket, arrival.at)
        }
        _ => return,
    };
    let Some(place) = place else {
        // Who came in a moment ago may still hear what was said before; else it is somebody who guessed the room, or
        // something that came far too late.
        let is_new = said
            .iter()
            .any(|said| said.heard.len() <= arrival.socket && arrival.at - said.at <= LATEST);
        evidence.strangers += u32::from(!is_new);
        return;
    };
    let took = arrival.at - said[place].at;
    said[place].heard[arrival.socket] = Some(arrival.at);
    *slowest = (*slowest).max(took);
}

/// The socket was in the room, and has not heard it yet.
fn is_open(said: &Stimulus, arrival: &Arrival) -> bool {
    said.heard.get(arrival.socket).is_some_and(Option::is_none)
}
