//! Who hears whom: sockets join a scratch room, each in turn says something, and what the others hear of it is counted.
//!
//! On our own backend the room is a probe room, and everything that is said in it carries a number. The field's backend
//! has none; there the sockets join rooms of leagues that do not exist: every further join is told to the whole room,
//! and to nobody else. What is heard carries the room's id alone, so the rooms are used in turn: a message that comes
//! late still names the one that it belongs to.

use std::time::Duration;

use gavelscope_contract::ack::Ack;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::pace::{Pace, Stopped, Turn};
use super::socket::{Arrival, Socket, open};
use super::{Caps, Target, millis};
use crate::evidence::{ProbeSocket, RoomProbe, Scratch};
use crate::matrix::{Heard, Matrix};

/// How long a join may take. What is not acknowledged by then never is (contract, section 4, 10).
const ACK_LIMIT: Duration = Duration::from_secs(2);
/// A server that knows probe rooms says so before this.
const KNOWS_PROBE_ROOMS: Duration = Duration::from_secs(1);
/// Every socket speaks so often; what was not the same each time is asked again.
const ROUNDS: usize = 2;
const MORE_ROUNDS: usize = 2;
/// Rooms of leagues, used in turn.
const ROOMS: usize = 3;
/// A room is quiet when nothing was heard in it for so long.
const QUIET: Duration = Duration::from_millis(300);
/// What was said last may come so late.
const LATEST: Duration = Duration::from_millis(1_500);

/// A thing that was said.
struct Stimulus {
    from: usize,
    room: usize,
    nonce: String,
    at: Instant,
}

struct Measuring<'a> {
    pace: &'a mut Pace,
    scratch: Scratch,
    rooms: Vec<String>,
    sockets: Vec<Socket>,
    heard: mpsc::UnboundedReceiver<Arrival>,
    said: Vec<Stimulus>,
    /// For every stimulus and listener, when it was heard.
    times: Vec<Vec<Option<Instant>>>,
    slowest: Duration,
}

/// Measures who hears whom, and leaves nothing behind.
pub(super) async fn measure(
    target: &Target,
    caps: Caps,
    pace: &mut Pace,
    evidence: &mut RoomProbe,
    in_place: impl Fn(),
) -> Result<(), Stopped> {
    let (arrivals, heard) = mpsc::unbounded_channel();
    let mut sockets = Vec::new();
    let placed = Box::pin(place(target, caps, pace, evidence, &arrivals, &mut sockets)).await;
    drop(arrivals);
    let scratch = match placed {
        Ok(Some((scratch, rooms))) if sockets.len() > 1 => Ok((scratch, rooms)),
        Ok(_) => {
            evidence
                .trouble
                .get_or_insert_with(|| "fewer than two sockets got into the scratch room".to_owned());
            Err(None)
        }
        Err(stopped) => Err(Some(stopped)),
    };
    let (scratch, rooms) = match scratch {
        Ok(placed) => placed,
        Err(stopped) => {
            leave(sockets).await;
            return stopped.map_or(Ok(()), Err);
        }
    };
    in_place();
    evidence.scratch = Some(scratch);
    let mut measuring = Measuring {
        pace,
        scratch,
        rooms,
        sockets,
        heard,
        said: Vec::new(),
        times: Vec::new(),
        slowest: Duration::ZERO,
    };
    let measured = measuring.run(evidence).await;
    evidence.matrix = measuring.matrix();
    leave(measuring.sockets).await;
    measured
}

async fn leave(sockets: Vec<Socket>) {
    futures_util::future::join_all(sockets.into_iter().map(Socket::close)).await;
}

/// Sockets connect and join; the first one finds out what kind of room there is.
async fn place(
    target: &Target,
    caps: Caps,
    pace: &mut Pace,
    evidence: &mut RoomProbe,
    arrivals: &mpsc::UnboundedSender<Arrival>,
    sockets: &mut Vec<Socket>,
) -> Result<Option<(Scratch, Vec<String>)>, Stopped> {
    let id = || uuid::Uuid::new_v4().to_string();
    let mut found: Option<(Scratch, Vec<String>)> = None;
    let mut polling = false;
    for _ in 0..caps.sockets.min(caps.connections) {
        pace.turn(Turn::Connection).await?;
        let since = Instant::now();
        let number = sockets.len();
        let mut opened = pace
            .within(Box::pin(open(target, polling, number, arrivals.clone())))
            .await?;
        if opened.is_err() && sockets.is_empty() && !polling {
            // Websockets are refused; what is left may still do.
            polling = true;
            opened = pace
                .within(Box::pin(open(target, true, number, arrivals.clone())))
                .await?;
        }
        let socket = match opened {
            Ok(socket) => socket,
            Err(trouble) => {
                evidence.lost += 1;
                evidence.trouble = Some(trouble);
                // One that cannot connect, and no other could: there is nothing to measure with.
                if sockets.is_empty() && evidence.lost > 1 {
                    return Ok(None);
                }
                continue;
            }
        };
        let connect_ms = millis(since.elapsed());
        let known = if let Some(known) = &found {
            known.clone()
        } else {
            let probe = id();
            pace.turn(Turn::Message).await?;
            let answer = pace
                .within(join(&socket, Scratch::ProbeRoom, &probe, KNOWS_PROBE_ROOMS))
                .await?;
            match answer {
                Some(ack) if ack.ok => (Scratch::ProbeRoom, vec![probe]),
                Some(refused) => {
                    // It knows probe rooms, and does not let this one in.
                    evidence.trouble = refused.error.or(Some("the probe room was refused".to_owned()));
                    sockets.push(socket);
                    return Ok(None);
                }
                None => (Scratch::LeagueRooms, (0..ROOMS).map(|_| id()).collect()),
            }
        };
        let mut seen = ProbeSocket {
            connect_ms,
            joined_as: u32::try_from(number + 1).unwrap_or(u32::MAX),
            ..ProbeSocket::default()
        };
        let mut joined = true;
        for room in &known.1 {
            pace.turn(Turn::Message).await?;
            let since = Instant::now();
            match pace.within(join(&socket, known.0, room, ACK_LIMIT)).await? {
                Some(ack) if ack.ok => {
                    seen.join_ms = Some(millis(since.elapsed()));
                    seen.pod = ack.pod.map(|pod| pod.0);
                    seen.claimed = ack.room_size;
                    seen.claimed_cluster = ack.cluster_room_size.flatten();
                }
                answer => {
                    joined = false;
                    evidence.trouble = Some(
                        answer
                            .and_then(|ack| ack.error)
                            .unwrap_or_else(|| "a join of the scratch room was not acknowledged".to_owned()),
                    );
                    break;
                }
            }
        }
        if joined {
            found = Some(known);
            evidence.sockets.push(seen);
            sockets.push(socket);
        } else {
            evidence.lost += 1;
            socket.close().await;
            if sockets.is_empty() && evidence.lost > 1 {
                return Ok(None);
            }
        }
    }
    Ok(found)
}

async fn join(socket: &Socket, scratch: Scratch, room: &str, limit: Duration) -> Option<Ack> {
    let (name, payload) = match scratch {
        Scratch::ProbeRoom => ("join_probe_room", json!({ "probeId": room })),
        Scratch::LeagueRooms => ("join_league_room", json!({ "leagueId": room })),
    };
    let answer = socket.ask(name, payload, limit).await?;
    serde_json::from_value(answer).ok()
}

impl Measuring<'_> {
    async fn run(&mut self, evidence: &mut RoomProbe) -> Result<(), Stopped> {
        // What the joins set off dies away first.
        self.listen(None, QUIET, evidence).await?;
        self.slowest = Duration::ZERO;
        for _ in 0..ROUNDS {
            self.round(None, evidence).await?;
        }
        self.listen(None, self.patience(), evidence).await?;
        let unsteady = self.unsteady();
        if !unsteady.is_empty() {
            for _ in 0..MORE_ROUNDS {
                self.round(Some(&unsteady), evidence).await?;
            }
            self.listen(None, self.patience(), evidence).await?;
        }
        Ok(())
    }

    /// How long what was said last may still be on its way: several times what the slowest took.
    fn patience(&self) -> Duration {
        (self.slowest * 3).clamp(QUIET, LATEST)
    }

    /// Everybody, or those, speak once, in an order of their own.
    async fn round(&mut self, only: Option<&[usize]>, evidence: &mut RoomProbe) -> Result<(), Stopped> {
        let mut order: Vec<usize> = only.map_or_else(|| (0..self.sockets.len()).collect(), <[usize]>::to_vec);
        order.shuffle(&mut rand::rng());
        for from in order {
            self.pace.turn(Turn::Message).await?;
            let room = self.said.len() % self.rooms.len();
            let nonce = uuid::Uuid::new_v4().simple().to_string();
            let id = self.rooms[room].clone();
            let (name, payload) = match self.scratch {
                Scratch::ProbeRoom => ("probe", json!({ "probeId": id, "nonce": nonce })),
                Scratch::LeagueRooms => ("join_league_room", json!({ "leagueId": id })),
            };
            self.said.push(Stimulus {
                from,
                room,
                nonce,
                at: Instant::now(),
            });
            self.times.push(vec![None; self.sockets.len()]);
            self.sockets[from].say(name, payload).await;
            // Until a room is used again, what was said in it has to have come.
            let apart = match self.scratch {
                Scratch::ProbeRoom => Duration::ZERO,
                Scratch::LeagueRooms => {
                    let rooms = u32::try_from(self.rooms.len()).unwrap_or(1);
                    (self.slowest * 3 / 2 / rooms.max(1)).min(LATEST / rooms.max(1))
                }
            };
            self.listen(Some(apart), QUIET, evidence).await?;
        }
        Ok(())
    }

    /// Takes what has come: for a time, or until nothing came for the time of quiet.
    async fn listen(
        &mut self,
        time: Option<Duration>,
        quiet: Duration,
        evidence: &mut RoomProbe,
    ) -> Result<(), Stopped> {
        let ends = Instant::now() + time.unwrap_or(LATEST * 2);
        loop {
            let until = match time {
                Some(_) => ends,
                None => ends.min(Instant::now() + quiet),
            };
            let arrival = self
                .pace
                .within(tokio::time::timeout_at(until, self.heard.recv()))
                .await?;
            match arrival {
                Ok(Some(arrival)) => self.take(&arrival, evidence),
                // All sockets are gone, or it is quiet.
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }

    fn take(&mut self, arrival: &Arrival, evidence: &mut RoomProbe) {
        let Some((name, payload)) = &arrival.event else {
            evidence.lost += 1;
            evidence.trouble = Some("a socket of the probe was lost on the way".to_owned());
            return;
        };
        let field = |field: &str| payload.get(field).and_then(Value::as_str);
        let stimulus = match self.scratch {
            Scratch::ProbeRoom if name == "probe" => {
                let nonce = field("nonce");
                self.said
                    .iter()
                    .position(|said| Some(said.nonce.as_str()) == nonce)
            }
            Scratch::LeagueRooms if name == "sync_members" => {
                let id = field("leagueId");
                let room = self.rooms.iter().position(|room| Some(room.as_str()) == id);
                self.said
                    .iter()
                    .rposition(|said| Some(said.room) == room && said.at <= arrival.at)
            }
            _ => return,
        };
        let Some(stimulus) = stimulus else {
            // The joins of the beginning, or somebody who guessed the room.
            if !self.said.is_empty() {
                evidence.strangers += 1;
            }
            return;
        };
        let Some(place) = self
            .times
            .get_mut(stimulus)
            .and_then(|times| times.get_mut(arrival.socket))
        else {
            return;
        };
        if place.is_some() {
            evidence.strangers += 1;
            return;
        }
        *place = Some(arrival.at);
        self.slowest = self.slowest.max(arrival.at - self.said[stimulus].at);
    }

    /// Who was heard by somebody in one round and not in another.
    fn unsteady(&self) -> Vec<usize> {
        let matrix = self.matrix();
        (0..self.sockets.len())
            .filter(|&from| matrix.rows[from].iter().any(|cell| cell.some()))
            .collect()
    }

    fn matrix(&self) -> Matrix {
        let size = self.sockets.len();
        let rows = (0..size).map(|from| {
            let by: Vec<usize> = (0..self.said.len())
                .filter(|&said| self.said[said].from == from)
                .collect();
            (0..size)
                .map(|to| {
                    let mut took: Vec<Duration> = by
                        .iter()
                        .filter_map(|&said| Some(self.times[said][to]? - self.said[said].at))
                        .collect();
                    took.sort_unstable();
                    Heard {
                        said: u32::try_from(by.len()).unwrap_or(u32::MAX),
                        heard: u32::try_from(took.len()).unwrap_or(u32::MAX),
                        median_ms: took.get(took.len() / 2).copied().map(millis),
                    }
                })
                .collect()
        });
        Matrix { rows: rows.collect() }
    }
}
