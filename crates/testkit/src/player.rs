//! A recorded auction, served again: what one socket heard, over a real websocket, and the recorded answers over REST.
//!
//! The frames are played as fast as they can be taken. REST answers stand somewhere in the recording, so a call that
//! asks for the auction's state is given the recorded answer that fits what was played: the last one before, if nothing
//! happened in the room since; otherwise the next one, once it is reached (a server that takes its time). No answer
//! ever contradicts what the socket said, but where the recorded server contradicts itself.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use axum::extract::{Request, State, WebSocketUpgrade};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use gavelscope_contract::AuctionId;
use gavelscope_wire::Limits;
use gavelscope_wire::engine::Packet;
use gavelscope_wire::socket::{self, Kind};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::trace::{Direction, Record, Trace};

/// A server that plays a recording to whoever connects. It ends when it is dropped.
#[derive(Debug)]
pub struct Player {
    address: SocketAddr,
    script: Arc<Script>,
    server: JoinHandle<()>,
}

/// An event that the socket heard.
#[derive(Debug)]
struct Heard {
    /// The line of the recording.
    line: usize,
    name: String,
    frame: Utf8Bytes,
    /// It changes what a call about the auction is answered.
    tells: bool,
    /// The managers that it brings.
    managers: Option<Value>,
}

/// A recorded answer.
#[derive(Debug)]
struct Answer {
    line: usize,
    method: String,
    path: String,
    status: u16,
    body: String,
}

#[derive(Debug)]
struct Script {
    auction: AuctionId,
    /// Before the socket was let into the auction's room.
    lobby: Vec<Heard>,
    /// While it was being let in, before the ack.
    entrance: Vec<Heard>,
    /// From then on.
    room: Vec<Heard>,
    league_ack: String,
    auction_ack: String,
    answers: Vec<Answer>,
    /// The last line that may be played.
    allowed: watch::Sender<usize>,
    /// The last line that was played.
    played: watch::Sender<usize>,
    /// The calls that were answered, with the line of the answer.
    answered: Mutex<Vec<(String, usize)>>,
}

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum CannotPlay {
    /// That socket never joined that auction.
    #[error("{who} is never let into the auction {auction} in this recording")]
    NeverJoined {
        /// Which socket.
        who: String,
        /// Which auction.
        auction: AuctionId,
    },
    /// Nothing of that name is heard.
    #[error("“{0}” is never heard in this recording")]
    NeverHeard(String),
    /// It is impossible to listen.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
}

impl Player {
    /// Serves what `who` heard of `auction`. The room's events wait for [`Player::play_until`] or [`Player::play_all`].
    pub async fn start(trace: &Trace, who: &str, auction: &AuctionId) -> Result<Self, CannotPlay> {
        let script = Arc::new(Script::read(trace, who, auction)?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new()
            .route("/api/socket.io/", any(upgrade))
            .fallback(rest)
            .with_state(Arc::clone(&script));
        let server = tokio::spawn(async move {
            // It serves until the task is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            script,
            server,
        })
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Plays up to the first event of that name, without it, and waits until it was handed to the socket.
    pub async fn play_until(&self, name: &str) -> Result<(), CannotPlay> {
        let stop = self.script.room.iter().find(|heard| heard.name == name);
        let stop = stop.ok_or_else(|| CannotPlay::NeverHeard(name.to_owned()))?;
        self.play_to(stop.line - 1).await;
        Ok(())
    }

    /// Plays what is left, and waits until it was handed to the socket.
    pub async fn play_all(&self) {
        self.play_to(usize::MAX).await;
    }

    async fn play_to(&self, line: usize) {
        self.script.allowed.send_replace(line);
        let mut played = self.script.played.subscribe();
        // The sender lives in the script, which lives in this player.
        let _ = played.wait_for(|played| *played >= line).await;
    }

    /// How often a path was answered with what was recorded at that line or later.
    pub fn answered_since(&self, path: &str, line: usize) -> usize {
        let answered = self
            .script
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        answered
            .iter()
            .filter(|(asked, at)| asked == path && *at >= line)
            .count()
    }

    /// How many events of the room there are to play.
    pub fn room_events(&self) -> usize {
        self.script.entrance.len() + self.script.room.len()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Script {
    fn read(trace: &Trace, who: &str, auction: &AuctionId) -> Result<Self, CannotPlay> {
        let mut events = Vec::new();
        let mut answers = Vec::new();
        let (mut asked, mut admitted) = (None, None);
        let mut league_ack = None;
        for (line, entry) in trace.lines.iter().enumerate() {
            match &entry.record {
                Record::Frame(frame) if entry.who == who && frame.dir == Direction::In => {
                    events.extend(Heard::read(line, &frame.raw));
                }
                Record::Frame(frame) if entry.who == who => {
                    let names_it =
                        frame.raw.contains("\"join_auction\"") && frame.raw.contains(auction.as_str());
                    if names_it && admitted.is_none() {
                        asked = Some(line);
                    }
                }
                Record::Ack { emit, ack, .. } if entry.who == who => {
                    let room = ack.as_ref().and_then(|ack| ack["room"].as_str());
                    let text = || format!("[{}]", ack.as_ref().unwrap_or(&Value::Null));
                    if room == Some(&format!("auction:{auction}")) {
                        admitted.get_or_insert((line, text()));
                    } else if emit == "join_league_room" && room.is_some() {
                        league_ack.get_or_insert(text());
                    }
                }
                Record::Rest(call) => answers.extend(call.status.map(|status| Answer {
                    line,
                    method: call.method.clone(),
                    path: call.bare_path().to_owned(),
                    status,
                    body: call.answer_text(),
                })),
                _ => {}
            }
        }
        let (Some(asked), Some((admitted, auction_ack))) = (asked, admitted) else {
            return Err(CannotPlay::NeverJoined {
                who: who.to_owned(),
                auction: auction.clone(),
            });
        };
        let room = events.split_off(events.partition_point(|heard| heard.line < admitted));
        let entrance = events.split_off(events.partition_point(|heard| heard.line < asked));
        Ok(Self {
            auction: auction.clone(),
            lobby: events,
            entrance,
            room,
            league_ack: league_ack.unwrap_or_else(|| "[{\"ok\":true}]".to_owned()),
            auction_ack,
            answers,
            allowed: watch::Sender::new(0),
            played: watch::Sender::new(asked),
            answered: Mutex::default(),
        })
    }

    /// The recorded answer to a call, as soon as it fits what was played.
    async fn answer(&self, method: &str, path: &str) -> Option<(u16, String)> {
        let all = || {
            self.answers
                .iter()
                .filter(|answer| answer.method == method && answer.path == path)
        };
        let of_auction = path.starts_with(&format!("/api/auction/{}", self.auction));
        let of_managers = path.ends_with("/participants");
        let now = *self.played.borrow();
        let last = all().rfind(|answer| answer.line <= now);
        let chosen = match last {
            Some(last) if of_auction && self.told_between(last.line, now) => {
                let next = all().find(|answer| answer.line > now)?;
                let mut played = self.played.subscribe();
                played.wait_for(|played| *played >= next.line).await.ok()?;
                next
            }
            Some(last) => last,
            // What was recorded only at the end and does not depend on how far the auction has come.
            None => all().next()?,
        };
        self.answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((path.to_owned(), chosen.line));
        let newer = of_managers
            .then(|| self.managers_between(chosen.line, now))
            .flatten();
        Some((chosen.status, newer.unwrap_or_else(|| chosen.body.clone())))
    }

    fn heard(&self) -> impl DoubleEndedIterator<Item = &Heard> {
        self.lobby.iter().chain(&self.entrance).chain(&self.room)
    }

    fn told_between(&self, from: usize, to: usize) -> bool {
        self.heard()
            .any(|heard| heard.tells && (from..=to).contains(&heard.line))
    }

    /// The managers as the newest event brought them, in the shape of the call.
    fn managers_between(&self, from: usize, to: usize) -> Option<String> {
        let newest = self
            .heard()
            .rev()
            .filter(|heard| (from..=to).contains(&heard.line))
            .find_map(|heard| heard.managers.as_ref())?;
        let count = newest.as_array().map_or(0, Vec::len);
        Some(json!({ "count": count, "participants": newest }).to_string())
    }
}

impl Heard {
    fn read(line: usize, raw: &str) -> Option<Self> {
        let limits = Limits::default();
        let Packet::Message(text) = Packet::decode_text(raw, &limits).ok()? else {
            return None;
        };
        let Kind::Event { event, .. } = socket::Packet::decode(text, &limits).ok()?.kind else {
            return None;
        };
        let payload: Value = serde_json::from_str(event.arguments.first()?).ok()?;
        Some(Self {
            line,
            frame: raw.into(),
            tells: !matches!(
                &*event.name,
                "tick" | "next_team_countdown" | "waiting_room_updated" | "league_status_changed"
            ),
            managers: payload
                .get("participants")
                .filter(|list| list.as_array().is_some_and(|list| !list.is_empty()))
                .cloned(),
            name: event.name.into_owned(),
        })
    }
}

async fn rest(State(script): State<Arc<Script>>, request: Request<Body>) -> Response {
    let (method, path) = (
        request.method().as_str().to_owned(),
        request.uri().path().to_owned(),
    );
    match script.answer(&method, &path).await {
        Some((status, body)) => (
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
            .into_response(),
        None => (
            StatusCode::NOT_FOUND,
            json!({ "detail": "Not recorded" }).to_string(),
        )
            .into_response(),
    }
}

async fn upgrade(State(script): State<Arc<Script>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        // A client that goes away is no trouble of a player's.
        let _ = play(socket, &script).await;
    })
}

/// One connection, from the handshake to its end; `None` where it broke.
async fn play(mut socket: WebSocket, script: &Script) -> Option<()> {
    const OPEN: &str =
        r#"0{"sid":"played","upgrades":[],"pingTimeout":25000,"pingInterval":20000,"maxPayload":1000000}"#;
    say(&mut socket, OPEN.into()).await?;
    let mut allowed = script.allowed.subscribe();
    let mut rest = script.room.iter().peekable();
    let mut admitted = false;
    loop {
        let may_play = admitted && rest.peek().is_some_and(|next| next.line <= *allowed.borrow());
        if may_play {
            if let Some(next) = rest.next() {
                script.played.send_replace(next.line);
                say(&mut socket, next.frame.clone()).await?;
            }
            continue;
        }
        if admitted {
            let allowed = *allowed.borrow();
            script.played.send_if_modified(|played| {
                let further = *played < allowed;
                *played = allowed.max(*played);
                further
            });
        }
        tokio::select! {
            changed = allowed.changed() => changed.ok()?,
            message = socket.recv() => match message?.ok()? {
                Message::Text(text) => admitted |= hear(&mut socket, script, &text).await?,
                Message::Close(_) => return None,
                _ => {}
            },
        }
    }
}

/// Answers what a client says; true once it was let into the auction's room.
async fn hear(socket: &mut WebSocket, script: &Script, text: &str) -> Option<bool> {
    let Packet::Message(text) = Packet::decode_text(text, &Limits::default()).ok()? else {
        return Some(false);
    };
    match socket::Packet::decode(text, &Limits::default()).ok()?.kind {
        Kind::Connect { .. } => {
            say(socket, r#"40{"sid":"played"}"#.into()).await?;
            say(socket, r#"42["connected",{"sid":"played"}]"#.into()).await?;
        }
        Kind::Event {
            ack_id: Some(id),
            event,
        } if event.name == "join_auction" => {
            for heard in &script.entrance {
                script.played.send_replace(heard.line);
                say(socket, heard.frame.clone()).await?;
            }
            say(socket, format!("43{id}{}", script.auction_ack).into()).await?;
            return Some(true);
        }
        Kind::Event { ack_id: Some(id), .. } => {
            say(socket, format!("43{id}{}", script.league_ack).into()).await?;
        }
        _ => {}
    }
    Some(false)
}

async fn say(socket: &mut WebSocket, frame: Utf8Bytes) -> Option<()> {
    socket.send(Message::Text(frame)).await.ok()
}
