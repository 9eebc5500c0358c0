//! From the lines of a recording to the states they led to: the same reducer, the same inputs, the same times.

use std::collections::BTreeMap;
use std::sync::Arc;

use gavelscope_contract::auction::{AuctionSnapshot, ClubList, EventPage};
use gavelscope_contract::league::{League, ParticipantList};
use gavelscope_contract::{AuctionId, LeagueId, Received, UserId};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::line::{Entry, FORMAT};
use crate::auction::AuctionState;
use crate::clock::ServerClock;
use crate::input::Input;
use crate::ledger::Ledger;
use crate::redact::redact;
use crate::reducer;
use crate::state::{
    Account, AuctionView, Carrier, ClockEstimate, Connection, LedgerKeeping, LinkPhase, Lobby, Measurements,
    Millis, RoomClaim, ServerInfo, SessionState, Spread, TransportKind,
};
use crate::view::{self, Polled, Surroundings};

/// Why a line cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// It is not a line of a recording.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It was written by a version that this one does not know.
    #[error("it is written in format {0}, and this version reads format {FORMAT}")]
    Format(u32),
    /// Lines before it are not as they were written.
    #[error(
        "the lines of this file up to here are not those that were written: one was changed, added or taken out"
    )]
    Changed,
    /// It states another state than the lines before it lead to.
    #[error(transparent)]
    Differs(Difference),
}

/// Where a recorded state and the replayed one part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state of auction {auction} differs at {place}: recorded {recorded}, replayed {replayed}")]
pub struct Difference {
    /// Of which auction.
    pub auction: AuctionId,
    /// The field, as a path: `lot.bids[3].amount`.
    pub place: String,
    /// What the recording says.
    pub recorded: String,
    /// What came out here.
    pub replayed: String,
}

/// What a line did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// An auction's state may have changed.
    Auction(AuctionId),
    /// My link may have changed.
    Link,
    /// The states are not known until they are stated anew.
    Lost,
    /// Nothing that the states are made of.
    Nothing,
}

/// A session as its recording tells it, up to some line.
#[derive(Debug, Clone)]
pub struct Replay {
    recording: String,
    part: u32,
    server: String,
    path: String,
    me: UserId,
    now: Millis,
    us: u64,
    auctions: Vec<AuctionState>,
    claims: BTreeMap<AuctionId, RoomClaim>,
    polled: BTreeMap<AuctionId, Polled>,
    leagues: BTreeMap<LeagueId, Arc<League>>,
    connection: Connection,
    estimate: ClockEstimate,
    clock: ServerClock,
    needed_ms: u32,
    ledger: Ledger,
    counted: Counted,
    sum: crc32fast::Hasher,
}

/// What was counted on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Lines that were read.
    pub lines: u32,
    /// Events among them.
    pub events: u32,
    /// Events whose name is not known.
    pub unknown: u32,
    /// Events that broke the contract.
    pub malformed: u32,
    /// Inputs that were folded.
    pub folded: u32,
    /// Inputs of an auction whose state was not known at that place.
    pub skipped: u32,
    /// States that were compared, and were equal.
    pub compared: u32,
    /// Lines that the recorder had dropped.
    pub dropped: u32,
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            recording: String::new(),
            part: 0,
            server: String::new(),
            path: String::new(),
            me: UserId::default(),
            now: Millis(0),
            us: 0,
            auctions: Vec::new(),
            claims: BTreeMap::new(),
            polled: BTreeMap::new(),
            leagues: BTreeMap::new(),
            connection: not_connected(),
            estimate: ServerClock::default().estimate(),
            clock: ServerClock::default(),
            needed_ms: 0,
            ledger: Ledger::default(),
            counted: Counted::default(),
            sum: crc32fast::Hasher::new(),
        }
    }
}

impl Replay {
    /// Feeds the next line.
    pub fn feed(&mut self, line: &str) -> Result<Told, ReplayError> {
        let entry = Entry::read(line).map_err(|error| unreadable(&error))?;
        if entry.kind == "seal" && entry.sum != Some(self.sum.clone().finalize()) {
            return Err(ReplayError::Changed);
        }
        let told = self.feed_entry(&entry)?;
        if entry.kind == "recording" {
            self.sum = crc32fast::Hasher::new();
        }
        self.sum.update(line.as_bytes());
        self.sum.update(b"\n");
        Ok(told)
    }

    pub(super) fn feed_entry(&mut self, entry: &Entry<'_>) -> Result<Told, ReplayError> {
        self.counted.lines += 1;
        self.now = entry.at;
        self.us = entry.us;
        match entry.kind.as_ref() {
            "recording" => return self.header(entry),
            "event" => return self.event(entry),
            "input" => return self.input(entry),
            "state" => return self.state(entry),
            "closed" => {
                let auction = auction_of(entry)?;
                self.auctions.retain(|state| state.id != auction);
                return Ok(Told::Auction(auction));
            }
            "dropped" => {
                self.counted.dropped += entry.count.unwrap_or(0);
                self.auctions.clear();
                return Ok(Told::Lost);
            }
            "link" => {
                self.connection = body(entry)?;
                return Ok(Told::Link);
            }
            "room" => drop(self.claims.insert(auction_of(entry)?, body(entry)?)),
            "polled" => {
                let auction = auction_of(entry)?;
                match entry.body() {
                    Some(_) => drop(self.polled.insert(auction, body(entry)?)),
                    None => drop(self.polled.remove(&auction)),
                }
            }
            "bid" => self.ledger.put(body(entry)?),
            "league" => {
                let league: League = body(entry)?;
                self.leagues.insert(league.id.clone(), Arc::new(league));
            }
            "clock" => {
                self.estimate = body(entry)?;
                self.clock = clock_of(&self.estimate);
                self.needed_ms = entry.needed_ms.unwrap_or_default();
            }
            _ => return Ok(Told::Nothing),
        }
        Ok(entry.auction.clone().map_or(Told::Nothing, Told::Auction))
    }

    fn header(&mut self, entry: &Entry<'_>) -> Result<Told, ReplayError> {
        match entry.format {
            Some(FORMAT) => {}
            Some(other) => return Err(ReplayError::Format(other)),
            None => return Err(ReplayError::Unreadable("it does not say its format".to_owned())),
        }
        let recording = entry.recording.as_deref().unwrap_or_default();
        let part = entry.part.unwrap_or_default();
        let follows = self.recording == recording && part == self.part + 1;
        self.part = part;
        if follows {
            return Ok(Told::Nothing);
        }
        // Another recording, or one with a file missing: nothing that was known holds.
        *self = Self {
            recording: recording.to_owned(),
            part,
            server: entry.server.as_deref().unwrap_or_default().to_owned(),
            path: entry.path.as_deref().unwrap_or_default().to_owned(),
            me: entry.user_id.clone().unwrap_or_default(),
            now: entry.at,
            counted: self.counted,
            ..Self::default()
        };
        Ok(Told::Lost)
    }

    fn event(&mut self, entry: &Entry<'_>) -> Result<Told, ReplayError> {
        self.counted.events += 1;
        match entry.verdict.as_deref() {
            Some("unknown") => self.counted.unknown += 1,
            Some(_) => self.counted.malformed += 1,
            None => {}
        }
        let Some(auction) = &entry.auction else {
            return Ok(Told::Nothing);
        };
        let received = Received::from_text(entry.name(), entry.body());
        let event = received.event().ok_or_else(|| {
            ReplayError::Unreadable(format!("“{}” is no event that can be folded", entry.name()))
        })?;
        Ok(self.fold(auction, &Input::Event(event)))
    }

    fn input(&mut self, entry: &Entry<'_>) -> Result<Told, ReplayError> {
        let auction = auction_of(entry)?;
        Ok(match entry.name() {
            "snapshot" => {
                let answer: AuctionSnapshot = body(entry)?;
                let sent = entry.sent.ok_or_else(|| {
                    ReplayError::Unreadable("it does not say when it was asked for".to_owned())
                })?;
                let input = Input::Snapshot {
                    answer: &answer,
                    sent,
                };
                self.fold(&auction, &input)
            }
            "page" => self.fold(&auction, &Input::Page(&body::<EventPage>(entry)?)),
            "clubs" => {
                let list: ClubList = body(entry)?;
                let told = told(entry)?;
                self.fold(&auction, &Input::Clubs { list: &list, told })
            }
            "participants" => {
                let list: ParticipantList = body(entry)?;
                let told = told(entry)?;
                self.fold(&auction, &Input::Participants { list: &list, told })
            }
            "waited" => {
                let since = entry
                    .since
                    .ok_or_else(|| ReplayError::Unreadable("it does not say since when".to_owned()))?;
                self.fold(&auction, &Input::Waited { since })
            }
            "withoutSnapshot" => self.fold(&auction, &Input::WithoutSnapshot),
            "linkLost" => self.fold(&auction, &Input::LinkLost),
            "resync" => self.fold(&auction, &Input::Resync),
            "gone" => self.fold(&auction, &Input::Gone),
            other => {
                return Err(ReplayError::Unreadable(format!("there is no input “{other}”")));
            }
        })
    }

    fn fold(&mut self, auction: &AuctionId, input: &Input<'_>) -> Told {
        let Some(state) = self.auctions.iter_mut().find(|state| state.id == *auction) else {
            self.counted.skipped += 1;
            return Told::Nothing;
        };
        self.counted.folded += 1;
        // What it wants done was done, or not, and stands in the lines that follow.
        let _ = reducer::fold(state, input, self.now);
        Told::Auction(auction.clone())
    }

    /// Compares, or, where nothing is known, takes it over.
    fn state(&mut self, entry: &Entry<'_>) -> Result<Told, ReplayError> {
        let auction = auction_of(entry)?;
        let recorded = entry.body().unwrap_or_default();
        if let Some(state) = self.auctions.iter().find(|state| state.id == auction) {
            let replayed = canonical(state);
            if replayed != recorded {
                return Err(ReplayError::Differs(difference(auction, recorded, &replayed)));
            }
            self.counted.compared += 1;
        } else {
            let state: AuctionState = body(entry)?;
            if state.id != auction {
                return Err(ReplayError::Unreadable(
                    "it is the state of another auction".to_owned(),
                ));
            }
            self.auctions.push(state);
        }
        Ok(Told::Auction(auction))
    }

    /// What was counted so far.
    pub fn counted(&self) -> Counted {
        self.counted
    }

    /// When the last line was written.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// The same since the recorder's start, by a clock that does not jump, µs.
    pub fn after_us(&self) -> u64 {
        self.us
    }

    /// My link at this place.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The auctions at this place, in the order of opening.
    pub fn auctions(&self) -> impl Iterator<Item = &AuctionState> {
        self.auctions.iter()
    }

    /// An auction as it was shown at this place.
    pub fn view(&self, auction: &AuctionId) -> Option<AuctionView> {
        let state = self.auctions.iter().find(|state| state.id == *auction)?;
        Some(self.view_of(state))
    }

    fn view_of(&self, state: &AuctionState) -> AuctionView {
        let not_joined = RoomClaim {
            joined: false,
            at: None,
            here: None,
            cluster: None,
            trouble: None,
        };
        let around = Surroundings {
            me: &self.me,
            league: state
                .league_id
                .as_ref()
                .and_then(|id| self.leagues.get(id))
                .map(AsRef::as_ref),
            online: matches!(self.connection.phase, LinkPhase::Online | LinkPhase::Suspect),
            suspect: self.connection.phase == LinkPhase::Suspect,
            moving: self.connection.moving,
            polled: self.polled.get(&state.id).copied(),
            room: self.claims.get(&state.id).unwrap_or(&not_joined),
            clock: &self.clock,
            ledger: &self.ledger,
            bid_takes_ms: self.needed_ms,
            now: self.now,
        };
        view::auction(state, &around)
    }

    /// The session as it was published at this place, as far as the recording tells it: the lobby and what was measured
    /// of time are not in it.
    pub fn session(&self) -> SessionState {
        let auctions: Vec<Arc<AuctionView>> = self
            .auctions
            .iter()
            .map(|state| Arc::new(self.view_of(state)))
            .collect();
        let name = self.auctions.iter().find_map(|state| state.names.get(&self.me));
        SessionState {
            revision: self.counted.lines,
            at: self.now,
            server: ServerInfo {
                address: self.server.clone(),
                path: self.path.clone(),
                claim: None,
            },
            connection: self.connection.clone(),
            account: Account {
                user_id: self.me.clone(),
                name: name.cloned().unwrap_or_else(|| "You".to_owned()),
            },
            clock: self.estimate.clone(),
            lobby: Lobby {
                read_at: None,
                leagues: Vec::new(),
                trouble: None,
                signed_out: false,
            },
            bids: self.ledger.entries().cloned().collect(),
            ledger: LedgerKeeping {
                file: None,
                trouble: None,
                failed_writes: 0,
            },
            measurements: self.measurements(&auctions),
            auctions,
            recording: None,
        }
    }

    fn measurements(&self, auctions: &[Arc<AuctionView>]) -> Measurements {
        Measurements {
            events: self.counted.events,
            events_per_second: 0,
            events_history: Vec::new(),
            unknown_events: self.counted.unknown,
            unknown_fields: 0,
            malformed: self.counted.malformed,
            gaps: auctions.iter().map(|view| view.gaps).sum(),
            repeats: auctions.iter().map(|view| view.repeats).sum(),
            dropped: 0,
            snapshots: 0,
            polls: 0,
            acks_missing: 0,
            rest_ms: None,
            round_trip: None,
            answer: Spread::default(),
            echo: Spread::default(),
            echoes_missing: 0,
            last_bid_pod: None,
            pods: Vec::new(),
        }
    }
}

/// A state as a recording keeps it.
pub(super) fn canonical(state: &AuctionState) -> String {
    let text = serde_json::to_string(state).unwrap_or_default();
    redact(&text).into_owned()
}

fn not_connected() -> Connection {
    Connection {
        phase: LinkPhase::Idle,
        since: Millis(0),
        transport: TransportKind::RustSocketio,
        carrier: Carrier::Websocket,
        changed_over: None,
        was_online: false,
        transitions: Arc::default(),
        socket_id: None,
        pod: None,
        reconnects: 0,
        attempt: 0,
        retry_at: None,
        heard_at: None,
        ping_interval_ms: None,
        handshake_ms: None,
        moving: false,
        pod_alone: None,
        trouble: None,
    }
}

/// A clock of which that is the estimate.
fn clock_of(estimate: &ClockEstimate) -> ServerClock {
    let mut clock = ServerClock::default();
    if let (Some(offset), Some(error)) = (estimate.offset_ms, estimate.error_ms) {
        let (offset, error) = (i64::from(offset), i64::from(error));
        clock.round_trip(Millis(-error), Millis(error), offset);
    }
    clock
}

fn unreadable(error: &serde_json::Error) -> ReplayError {
    ReplayError::Unreadable(error.to_string())
}

fn auction_of(entry: &Entry<'_>) -> Result<AuctionId, ReplayError> {
    let auction = entry.auction.clone();
    auction.ok_or_else(|| ReplayError::Unreadable("it does not say which auction".to_owned()))
}

fn body<T: DeserializeOwned>(entry: &Entry<'_>) -> Result<T, ReplayError> {
    serde_json::from_str(entry.body().unwrap_or_default()).map_err(|error| unreadable(&error))
}

fn difference(auction: AuctionId, recorded: &str, replayed: &str) -> Difference {
    let read = |text| serde_json::from_str(text).unwrap_or(Value::Null);
    let (place, recorded, replayed) = part(&read(recorded), &read(replayed), String::new())
        // Equal values in other bytes: the spelling was changed by hand.
        .unwrap_or_else(|| {
            (
                "its spelling".to_owned(),
                "another one".to_owned(),
                "this one".to_owned(),
            )
        });
    Difference {
        auction,
        place: place.trim_start_matches('.').to_owned(),
        recorded,
        replayed,
    }
}

/// The first place where two values differ.
fn part(recorded: &Value, replayed: &Value, place: String) -> Option<(String, String, String)> {
    match (recorded, replayed) {
        (Value::Object(one), Value::Object(other)) => one
            .keys()
            .chain(other.keys().filter(|name| !one.contains_key(*name)))
            .find_map(|name| {
                let field = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned();
                match (field(one), field(other)) {
                    (Some(one), Some(other)) => part(&one, &other, format!("{place}.{name}")),
                    (one, other) => Some((
                        format!("{place}.{name}"),
                        short(one.as_ref()),
                        short(other.as_ref()),
                    )),
                }
            }),
        (Value::Array(one), Value::Array(other)) => (0..one.len().max(other.len())).find_map(|index| {
            let place = format!("{place}[{index}]");
            match (one.get(index), other.get(index)) {
                (Some(one), Some(other)) => part(one, other, place),
                (one, other) => Some((place, short(one), short(other))),
            }
        }),
        _ if recorded == replayed => None,
        _ => Some((place, short(Some(recorded)), short(Some(replayed)))),
    }
}

fn short(value: Option<&Value>) -> String {
    const MOST: usize = 80;
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    format!("{}…", text.chars().take(MOST).collect::<String>())
}

/// How often something had been told when this was asked for.
fn told(entry: &Entry<'_>) -> Result<u32, ReplayError> {
    entry
        .told
        .ok_or_else(|| ReplayError::Unreadable("it does not say how often".to_owned()))
}
