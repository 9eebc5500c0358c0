//! The handle that a session records by. It never waits: what the disk cannot take is dropped, counted and told.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_contract::league::League;
use gavelscope_contract::{AuctionId, Decoded, LeagueId, Raw, Received, UserId};
use serde::Serialize;
use tokio::sync::oneshot;

use super::line::Head;
use super::ring::{Body, Limits, Message, Open, Ring, Stamp, private_file};
use crate::auction::AuctionState;
use crate::input::Input;
use crate::state::{ClockEstimate, Connection, LedgerEntry, Millis, Recording, RoomClaim, Transition};
use crate::time;
use crate::view::Polled;

/// States are written down at least this often while anything is recorded.
const STATES_EVERY: Duration = Duration::from_secs(30);
/// Larger bodies of answers are left out; their size is told.
const LARGEST_BODY: usize = 256 * 1024;
/// How long the end of a session waits for the disk.
const FINISH_LIMIT: Duration = Duration::from_secs(2);

/// What a recording is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The backend's address, made whole.
    pub server: String,
    /// The Socket.IO path.
    pub path: String,
    /// Who is signed in.
    pub user: UserId,
}

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The first file cannot be made.
    #[error("the folder {folder} cannot take a recording: {reason}")]
    Folder {
        /// Which folder.
        folder: String,
        /// What the system says.
        reason: String,
    },
    /// No thread can be started.
    #[error("the recorder cannot start: {0}")]
    Thread(io::Error),
}

/// What the handles and the thread share.
pub(super) struct Shared {
    started: Instant,
    folder: String,
    /// A file is nearly full: the next states begin a new one.
    pub(super) wants_turn: AtomicBool,
    pub(super) queued: AtomicUsize,
    pub(super) lines: AtomicU32,
    dropped: AtomicU32,
    /// Dropped, and no line says so yet.
    untold: AtomicU32,
    /// Counts the holes; states that were taken after the last one are the way over it.
    holes: AtomicU64,
    stated: AtomicU64,
    stated_us: AtomicU64,
    calls: AtomicU64,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    file: String,
    trouble: Option<String>,
}

impl Shared {
    pub(super) fn stamp(&self, at: Millis) -> Stamp {
        let us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Stamp { us, at }
    }

    pub(super) fn writes_to(&self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.now.lock().unwrap_or_else(PoisonError::into_inner).file = name.into_owned();
    }

    /// States are wanted: what follows does not connect to what a reader of this file knows.
    pub(super) fn lost_track(&self) {
        self.holes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stopped(&self, error: &io::Error) {
        tracing::warn!(%error, "the recording has stopped");
        let sentence = format!("Nothing is recorded any more: {error}.");
        self.now.lock().unwrap_or_else(PoisonError::into_inner).trouble = Some(sentence);
    }
}

/// Records one session. Clones write to the same files; the recording ends with the last of them.
#[derive(Clone)]
pub struct Recorder {
    queue: SyncSender<Message>,
    shared: Arc<Shared>,
    waiting_bytes: usize,
}

impl Recorder {
    /// Begins a recording in a folder, which is made where it does not exist; the oldest files in it are deleted.
    pub fn start(folder: &Path, limits: Limits, about: About) -> Result<Self, RecorderError> {
        Self::start_on(folder, limits, about, private_file)
    }

    /// The same on another disk: `open` makes the files.
    pub fn start_on(
        folder: &Path,
        limits: Limits,
        about: About,
        open: impl FnMut(&Path) -> io::Result<Box<dyn Write + Send>> + Send + 'static,
    ) -> Result<Self, RecorderError> {
        let shared = Arc::new(Shared {
            started: Instant::now(),
            folder: folder.display().to_string(),
            wants_turn: AtomicBool::new(false),
            queued: AtomicUsize::new(0),
            lines: AtomicU32::new(0),
            dropped: AtomicU32::new(0),
            untold: AtomicU32::new(0),
            holes: AtomicU64::new(0),
            stated: AtomicU64::new(0),
            stated_us: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            now: Mutex::default(),
        });
        let open: Open = Box::new(open);
        let ring = Ring::begin(folder, limits, about, open, Arc::clone(&shared)).map_err(|error| {
            RecorderError::Folder {
                folder: folder.display().to_string(),
                reason: error.to_string(),
            }
        })?;
        let (queue, inbox) = sync_channel(limits.waiting);
        std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || ring.run(&inbox))
            .map_err(RecorderError::Thread)?;
        Ok(Self {
            queue,
            shared,
            waiting_bytes: limits.waiting_bytes,
        })
    }

    /// How it is going.
    pub fn status(&self) -> Recording {
        let now = self.shared.now.lock().unwrap_or_else(PoisonError::into_inner);
        Recording {
            folder: self.shared.folder.clone(),
            file: now.file.clone(),
            lines: self.shared.lines.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            trouble: now.trouble.clone(),
        }
    }

    /// Waits until everything that was recorded is on disk, but not for a disk that does not answer.
    pub async fn finish(&self) {
        let (done, mut answer) = oneshot::channel();
        let mut message = Message::Finish(done);
        let waiting = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while let Err(std::sync::mpsc::TrySendError::Full(back)) = self.queue.try_send(message) {
                message = back;
                look.tick().await;
            }
            let _ = (&mut answer).await;
        };
        let _ = tokio::time::timeout(FINISH_LIMIT, waiting).await;
    }

    fn queue(&self, message: Message) -> bool {
        let weight = message.weight();
        let before = self.shared.queued.fetch_add(weight, Ordering::Relaxed);
        let taken = before + weight <= self.waiting_bytes && self.queue.try_send(message).is_ok();
        if !taken {
            self.shared.queued.fetch_sub(weight, Ordering::Relaxed);
        }
        taken
    }

    fn send(&self, message: Message) -> bool {
        let untold = self.shared.untold.swap(0, Ordering::Relaxed);
        let room = untold == 0
            || self.queue(self.message(time::now(), &Head::Dropped { count: untold }, Body::Nothing));
        if room && self.queue(message) {
            return true;
        }
        self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        let untold = if room { 1 } else { untold + 1 };
        self.shared.untold.fetch_add(untold, Ordering::Relaxed);
        self.shared.lost_track();
        false
    }

    fn message(&self, at: Millis, head: &Head<'_>, body: Body) -> Message {
        Message::Line {
            stamp: self.shared.stamp(at),
            // A head is strings and numbers: it serializes.
            head: serde_json::to_string(head).unwrap_or_default(),
            body,
            last: matches!(head, Head::End),
        }
    }

    fn line(&self, at: Millis, head: &Head<'_>, body: Body) {
        self.send(self.message(at, head, body));
    }

    fn kept(&self, head: &Head<'_>, kept: &impl Serialize) {
        self.line(time::now(), head, json(kept));
    }

    /// An event, and the auction whose state it is folded into with that time.
    pub(crate) fn event(&self, auction: Option<&AuctionId>, received: &Received, now: Millis) {
        let (verdict, reason) = match &received.decoded {
            Decoded::Known(_) => (None, None),
            Decoded::Unknown => (Some("unknown"), None),
            Decoded::Malformed(reason) => (Some("malformed"), Some(reason.as_str())),
        };
        let name = &received.name;
        let head = Head::Event {
            name,
            auction,
            verdict,
            reason,
        };
        self.line(now, &head, Body::Raw(received.raw.clone()));
    }

    /// What an auction's reducer is fed.
    pub(crate) fn input(&self, auction: &AuctionId, input: &Input<'_>, now: Millis) {
        let (told, sent, body) = match input {
            Input::Event(event) => {
                let head = Head::Event {
                    name: event.name(),
                    auction: Some(auction),
                    verdict: None,
                    reason: None,
                };
                let body = event
                    .payload()
                    .map_or(Body::Nothing, |payload| Body::Raw(Raw::Value(Arc::new(payload))));
                return self.line(now, &head, body);
            }
            Input::Snapshot { answer, sent } => (None, Some(*sent), json(answer)),
            Input::Page(page) => (None, None, json(page)),
            Input::Clubs { list, told } => (Some(*told), None, json(list)),
            Input::Participants { list, told } => (Some(*told), None, json(list)),
            Input::Waited { .. } | Input::WithoutSnapshot | Input::LinkLost | Input::Resync | Input::Gone => {
                (None, None, Body::Nothing)
            }
        };
        let since = match input {
            Input::Waited { since } => Some(*since),
            _ => None,
        };
        let name = input.name();
        let head = Head::Input {
            auction,
            name,
            told,
            sent,
            since,
        };
        self.line(now, &head, body);
    }

    /// Whether the states of all auctions should be written down before the next input.
    pub(crate) fn wants_states(&self) -> bool {
        let shared = &self.shared;
        let since = shared
            .stamp(Millis(0))
            .us
            .saturating_sub(shared.stated_us.load(Ordering::Relaxed));
        self.wants_all() || Duration::from_micros(since) >= STATES_EVERY
    }

    /// Whether not the states alone but everything that a reader has to know should be written down anew: a file begins,
    /// or lines are missing.
    pub(crate) fn wants_all(&self) -> bool {
        let shared = &self.shared;
        shared.wants_turn.load(Ordering::Relaxed)
            || shared.holes.load(Ordering::Relaxed) != shared.stated.load(Ordering::Relaxed)
    }

    /// The states of all auctions; with `all` a new file may begin with them, and whatever else a reader has to know
    /// follows.
    pub(crate) fn states<'a>(&self, states: impl Iterator<Item = &'a AuctionState>, all: bool) {
        let turn = all && self.shared.wants_turn.load(Ordering::Relaxed);
        let holes = self.shared.holes.load(Ordering::Relaxed);
        let stamp = self.shared.stamp(time::now());
        let lines = states
            .filter_map(|state| {
                let head = Head::State { auction: &state.id };
                Some((serde_json::to_string(&head).ok()?, json(state)))
            })
            .collect();
        if self.send(Message::States { stamp, turn, lines }) {
            self.shared.stated.store(holes, Ordering::Relaxed);
            self.shared.stated_us.store(stamp.us, Ordering::Relaxed);
        }
    }

    /// The state of an auction that was just opened, or is about to be closed.
    pub(crate) fn state(&self, state: &AuctionState) {
        self.kept(&Head::State { auction: &state.id }, state);
    }

    /// An auction is followed no more.
    pub(crate) fn closed(&self, auction: &AuctionId) {
        self.line(time::now(), &Head::Closed { auction }, Body::Nothing);
    }

    /// A frame that is no packet.
    pub(crate) fn frame(&self, raw: &str, reason: &str) {
        self.line(time::now(), &Head::Frame { reason }, Body::Heard(raw.to_owned()));
    }

    /// The server's heartbeat.
    pub(crate) fn ping(&self) {
        self.line(time::now(), &Head::Ping, Body::Nothing);
    }

    /// An event that was sent.
    pub(crate) fn out(&self, name: &str, payload: &serde_json::Value) {
        self.kept(&Head::Out { name }, payload);
    }

    /// What it was answered.
    pub(crate) fn ack(&self, name: &str, answer: Result<Option<&gavelscope_contract::Ack>, String>) {
        match answer {
            Ok(ack) => self.kept(&Head::Ack { name, reason: None }, &ack),
            Err(reason) => {
                let reason = Some(reason);
                self.line(time::now(), &Head::Ack { name, reason }, Body::Nothing);
            }
        }
    }

    /// A REST request; returns its number. What signs a person in is never written down.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<String>) -> u64 {
        let n = self.shared.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let body = body
            .filter(|_| !is_private(path))
            .map_or(Body::Nothing, Body::Json);
        self.line(time::now(), &Head::Call { n, method, path }, body);
        n
    }

    /// The answer to a request.
    pub(crate) fn answer(
        &self,
        n: u64,
        path: &str,
        status: u16,
        took_ms: u32,
        pod: Option<&str>,
        body: &str,
    ) {
        let head = Head::Answer {
            n,
            status: Some(status),
            took_ms,
            bytes: body.len(),
            pod,
            reason: None,
        };
        let kept = if is_private(path) || body.is_empty() || body.len() > LARGEST_BODY {
            Body::Nothing
        } else {
            Body::Heard(body.to_owned())
        };
        self.line(time::now(), &head, kept);
    }

    /// Why a request has no answer.
    pub(crate) fn no_answer(&self, n: u64, took_ms: u32, error: &dyn std::fmt::Display) {
        let head = Head::Answer {
            n,
            status: None,
            took_ms,
            bytes: 0,
            pod: None,
            reason: Some(error.to_string()),
        };
        self.line(time::now(), &head, Body::Nothing);
    }

    /// My link went over to another phase.
    pub(crate) fn transition(&self, transition: &Transition) {
        let head = Head::Transition {
            phase: transition.phase,
            reason: &transition.reason,
        };
        self.line(transition.at, &head, Body::Nothing);
    }

    /// Whether an auction's state is read from the server because its events do not arrive.
    pub(crate) fn polled(&self, auction: &AuctionId, polled: Option<Polled>) {
        let body = polled.as_ref().map_or(Body::Nothing, json);
        self.line(time::now(), &Head::Polled { auction }, body);
    }

    /// How my link is.
    pub(crate) fn link(&self, connection: &Connection) {
        self.kept(&Head::Link, connection);
    }

    /// What a join was answered.
    pub(crate) fn room(&self, auction: &AuctionId, claim: &RoomClaim) {
        self.kept(&Head::Room { auction }, claim);
    }

    /// A bid of mine moved on.
    pub(crate) fn bid(&self, entry: &LedgerEntry) {
        let auction = &entry.auction_id;
        self.kept(&Head::Bid { auction }, entry);
    }

    /// The estimate of the server's clock, and what a bid needs to get there, ms.
    pub(crate) fn clock(&self, estimate: &ClockEstimate, needed_ms: u32) {
        self.kept(&Head::Clock { needed_ms }, estimate);
    }

    /// A league was read.
    pub(crate) fn league(&self, id: &LeagueId, league: &League) {
        self.kept(&Head::League { league: id }, league);
    }

    /// Something that this side noticed or decided.
    pub(crate) fn note(&self, auction: Option<&AuctionId>, name: &str, text: &str) {
        let head = Head::Note {
            name,
            auction,
            reason: text,
        };
        self.line(time::now(), &head, Body::Nothing);
    }

    /// The session ended. Nothing is recorded after it.
    pub(crate) fn end(&self) {
        self.line(time::now(), &Head::End, Body::Nothing);
    }
}

fn json(kept: &impl Serialize) -> Body {
    serde_json::to_string(kept).map_or(Body::Nothing, Body::Json)
}

/// Whether a call's bodies hold what signs a person in.
fn is_private(path: &str) -> bool {
    path.starts_with("/auth/") || path.starts_with("/users")
}
