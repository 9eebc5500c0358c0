//! What the window is shown, and what it hands in, beyond the session's own state.

use gavelscope_client::recorder::RecordingFile;
use gavelscope_client::state::{FeedItem, Millis, SessionState, TransportKind};
use gavelscope_contract::Money;
use gavelscope_diagnosis::evidence::ProbeEvidence;
use gavelscope_diagnosis::probe::Stage;
use gavelscope_diagnosis::{Evidence, Hearing, Light, Partition, PodCount, Report, pod_count};
use serde::{Deserialize, Serialize};
use specta::Type;
use std::sync::Arc;

/// One message to the window; there is at most one a frame.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The whole state, where it changed.
    pub state: Option<AppState>,
    /// New lines of the feed, oldest first.
    pub feed: Vec<FeedItem>,
    /// Lines that went by faster than they could be handed over, in all.
    pub feed_dropped: u32,
}

/// All that the window shows.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppState {
    /// The session, where there is one.
    pub session: Option<Arc<SessionState>>,
    /// Whether it is with the backend in this very process.
    pub practice: bool,
    /// What the session's measurements prove, and those of the last diagnosis.
    pub report: Option<Report>,
    /// The diagnosis that was asked for.
    pub diagnosis: Diagnosis,
    /// Where sign-ins are kept.
    pub keeping: Keeping,
    /// The user's choices.
    pub settings: Settings,
    /// Servers that were added.
    pub servers: Vec<SavedServer>,
}

/// The diagnosis that was asked for in the open session.
#[derive(Debug, Clone, Default, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// How far the one that runs has come; none while none does.
    pub running: Option<Progress>,
    /// What the last one measured.
    pub last: Option<Arc<Measured>>,
    /// The connection was lost since the last one began. What answers now may be another backend, so it counts no more.
    pub outdated: bool,
    /// How often the connection had been lost when the last one began.
    #[serde(skip)]
    pub reconnects: u32,
}

impl Diagnosis {
    /// What a session has seen, with what was measured in it since its connection was last lost.
    pub fn evidence(&self, session: &SessionState) -> Evidence {
        let seen = Evidence::collect(session);
        match &self.last {
            Some(last) if !self.is_outdated(session) => seen.with_probe(last.probe.clone()),
            _ => seen,
        }
    }

    fn is_outdated(&self, session: &SessionState) -> bool {
        self.last.is_some() && session.connection.reconnects != self.reconnects
    }

    /// The same, as it is shown beside a session.
    pub fn beside(&self, session: Option<&SessionState>) -> Self {
        let outdated = session.is_some_and(|session| self.is_outdated(session));
        Self {
            outdated,
            ..self.clone()
        }
    }
}

/// How far a diagnosis has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What it does now.
    pub stage: Stage,
    /// When it began.
    pub began_at: Millis,
    /// It takes no longer than this, ms.
    pub at_most_ms: u32,
}

/// What a diagnosis measured, with what can be told from it at once.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The measurements.
    pub probe: ProbeEvidence,
    /// Who hears whom, in groups.
    pub partition: Partition,
    /// Sockets that hear much later than most, by their places in the matrix.
    pub late: Vec<u32>,
    /// How many pods take turns, where requests were searched for.
    pub pods: Option<PodCount>,
}

impl From<ProbeEvidence> for Measured {
    fn from(probe: ProbeEvidence) -> Self {
        let room = probe.room.as_ref();
        let late = room.map(|room| Hearing::of(room).late).unwrap_or_default();
        Self {
            partition: room.map(|room| room.matrix.partition()).unwrap_or_default(),
            late: late
                .iter()
                .map(|(socket, _)| u32::try_from(*socket).unwrap_or(u32::MAX))
                .collect(),
            pods: probe.turns.as_ref().and_then(|turns| pod_count(&turns.searches)),
            probe,
        }
    }
}

/// Where sign-ins are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum Keeping {
    /// In the operating system's keychain.
    Keychain,
    /// In memory: there is no keychain, and they are gone when the application ends.
    Memory,
    /// In a file that only this user can read, because the user chose so.
    File,
}

/// The user's choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// A bid above this is asked for twice; none asks never.
    pub confirm_above: Option<Money>,
    /// Where there is no keychain, keep sign-ins in a file.
    pub keep_in_file: bool,
    /// Over which library the socket runs.
    pub transport: TransportKind,
    /// Whether sessions are recorded.
    pub record: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confirm_above: Some(Money::from_pounds(20_000_000)),
            keep_in_file: false,
            transport: TransportKind::RustSocketio,
            record: true,
        }
    }
}

/// A server that was added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SavedServer {
    /// Ours.
    pub id: String,
    /// What the user calls it.
    pub label: String,
    /// Its address, made whole.
    pub address: String,
    /// Its Socket.IO path.
    pub path: String,
    /// The name of who is signed in there.
    pub user: Option<String>,
}

/// How a practice auction is to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PracticeOptions {
    /// What the user is called.
    pub name: String,
    /// How many bots bid against them: 1 to 7.
    pub bots: u32,
    /// How many lots: 3 to 12.
    pub lots: u32,
    /// Seconds that a lot runs: 5 to 60.
    pub timer_seconds: u32,
}

/// What was found at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ServerCheck {
    /// The address, made whole.
    pub address: String,
    /// The Socket.IO path.
    pub path: String,
    /// The mode that it claims.
    pub mode: Option<String>,
    /// The pod that answered, where it says so.
    pub pod: Option<String>,
    /// The status that it claims.
    pub status: String,
    /// How long the socket's handshake took, ms.
    pub handshake_ms: u32,
}

/// How far a sign-in has come.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SignInStep {
    /// Done at once: a development backend hands the link's token over instead of mailing it.
    pub signed_in: Option<SavedServer>,
    /// Otherwise the link in the mail is good for so many seconds.
    pub expires_in_seconds: u32,
}

/// What a bid would be.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BidCheck {
    /// The amount as it was understood.
    pub amount: Money,
    /// Whether it is above the user's own limit.
    pub needs_confirm: bool,
    /// `Bid £6,000,000 for Everton FC`.
    pub sentence: String,
}

/// The recordings that can be opened.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RecordingList {
    /// Where they are; what is put there can be opened too.
    pub folder: String,
    /// Newest first.
    pub files: Vec<RecordingFile>,
}

/// A recording that was opened.
#[derive(Debug, Clone, PartialEq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OpenRecording {
    /// The file.
    pub file: RecordingFile,
    /// How many lines it has: steps are counted from 0 up to this, without it.
    pub steps: u32,
    /// Its last line was cut off, as by a crash, and is left out.
    pub is_cut: bool,
}

/// What a report will hold, before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReportPreview {
    /// What is in it, and what is not, in words.
    pub parts: Vec<ReportPart>,
    /// The whole file.
    pub text: String,
}

/// A part of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReportPart {
    /// What it is.
    pub what: String,
    /// What is in it.
    pub said: String,
}

/// A report that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SavedReport {
    /// Where it is.
    pub folder: String,
    /// The file for programs.
    pub json: String,
    /// The page for people.
    pub html: String,
}

/// The reports that can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReportList {
    /// Where they are; what is put there, as by `gavelctl doctor --save`, can be compared with, too.
    pub folder: String,
    /// Newest first.
    pub files: Vec<ReportFile>,
}

/// A report that can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReportFile {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// When its evidence was put together.
    pub at: Millis,
    /// The backend that it is about.
    pub server: String,
    /// Its verdict's light.
    pub light: Light,
    /// It rests on a diagnosis that was asked for, too.
    pub probed: bool,
}
