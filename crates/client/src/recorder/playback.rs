//! Stepping through a file of a recording.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

use gavelscope_contract::{AuctionId, UserId};
use serde::{Deserialize, Serialize};

use super::line::Entry;
use super::replay::{Replay, ReplayError};
use super::{ring, summary};
use crate::feed::pretty;
use crate::state::{Millis, SessionState};

/// No file of a recording is larger; more is not read.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;
/// How many places on the way are remembered, so that a step back is quick.
const CHECKPOINTS: usize = 64;

macro_rules! shown {
    ($($item:item)+) => {$(
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "specta", derive(specta::Type))]
        #[serde(rename_all = "camelCase")]
        $item
    )+};
}

shown! {
    /// A file of a recording.
    pub struct RecordingFile {
        /// Where it is.
        pub path: String,
        /// What it is called.
        pub name: String,
        /// How large it is, bytes.
        pub bytes: u32,
        /// When it was begun.
        pub at: Millis,
        /// The backend's address.
        pub server: String,
        /// Who was signed in.
        pub user_id: UserId,
        /// Which recording: the files of one session share it.
        pub recording: String,
        /// Which of its files, counted from 1.
        pub part: u32,
        /// The version of the application that wrote it.
        pub application: String,
    }

    /// A line of a recording, in words.
    pub struct RecordedLine {
        /// Which, counted from 0: what `recording_at` is asked for.
        pub step: u32,
        /// When, by the clock of the machine that recorded it.
        pub at: Millis,
        /// The same since the recorder's start, by a clock that does not jump, ms.
        pub after_ms: u32,
        /// What it is.
        pub kind: RecordedKind,
        /// The event's name, or what happened.
        pub name: String,
        /// The auction it belongs to, where that is known.
        pub auction_id: Option<AuctionId>,
        /// What it says, in words.
        pub summary: String,
    }

    /// A recording at one of its lines.
    pub struct RecordingMoment {
        /// The line, already taken in.
        pub line: RecordedLine,
        /// The whole line as JSON, indented.
        pub raw: String,
        /// The session as it was then.
        pub session: SessionState,
    }
}

/// What a line of a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "camelCase")]
pub enum RecordedKind {
    /// An event that was understood.
    Event,
    /// An event that the contract does not know.
    Unknown,
    /// An event that broke the contract, or a frame that is no packet.
    Malformed,
    /// A request, or an event that was sent.
    Sent,
    /// What it was answered.
    Answer,
    /// My link changed.
    Link,
    /// A bid of mine moved on.
    Bid,
    /// Something was taken into the state, or the state itself.
    State,
    /// Something that this side noticed.
    Note,
}

/// Why a recording cannot be opened or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaybackError {
    /// The system does not let it be read.
    #[error("{path} cannot be read: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// It is something else.
    #[error("{path} is not a recording: {reason}")]
    NotARecording {
        /// Which file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// A line cannot be replayed.
    #[error("in line {line} of {name}, {error}")]
    Line {
        /// The file's name.
        name: String,
        /// Counted from 1.
        line: u32,
        /// What is wrong.
        error: ReplayError,
    },
    /// There is no such line.
    #[error("the recording has {steps} lines, and no. {asked} is none of them")]
    NoSuchLine {
        /// How many there are.
        steps: u32,
        /// Which was asked for, counted from 1.
        asked: u32,
    },
}

/// The recordings in a folder, newest first. Files that are none are left out; a folder that is not there has none.
pub fn list(folder: &Path) -> Vec<RecordingFile> {
    let files = ring::files_in(folder).unwrap_or_default();
    files
        .iter()
        .rev()
        .filter_map(|path| describe(path).ok())
        .collect()
}

/// What a file's first line says.
fn describe(path: &Path) -> Result<RecordingFile, PlaybackError> {
    let unreadable = |error: &std::io::Error| PlaybackError::File {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let none = |reason: String| PlaybackError::NotARecording {
        path: path.display().to_string(),
        reason,
    };
    let file = fs::File::open(path).map_err(|error| unreadable(&error))?;
    let bytes = file.metadata().map_err(|error| unreadable(&error))?.len();
    let mut first = String::new();
    // A header is short; whatever has a longer first line is something else.
    let mut start = BufReader::new(std::io::Read::take(file, 16 * 1024));
    start.read_line(&mut first).map_err(|error| unreadable(&error))?;
    let entry =
        Entry::read(first.trim_end()).map_err(|error| none(format!("its first line says {error}")))?;
    if entry.kind != "recording" {
        return Err(none("its first line is not the beginning of one".to_owned()));
    }
    // Whatever is wrong with the header, the reader of recordings says best.
    Replay::default()
        .feed_entry(&entry)
        .map_err(|error| none(error.to_string()))?;
    let text = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().unwrap_or_default().to_owned();
    Ok(RecordingFile {
        path: path.display().to_string(),
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        at: entry.at,
        server: text(&entry.server),
        user_id: entry.user_id.clone().unwrap_or_default(),
        recording: text(&entry.recording),
        part: entry.part.unwrap_or_default(),
        application: text(&entry.application),
    })
}

/// A file of a recording, open for stepping back and forth.
#[derive(Debug)]
pub struct Playback {
    file: RecordingFile,
    text: String,
    lines: Vec<Range<usize>>,
    is_cut: bool,
    /// The session after so many lines, every so many.
    checkpoints: Vec<Replay>,
    every: usize,
    /// The session after as many lines as it counted.
    here: Replay,
}

impl Playback {
    /// Opens a file. Its first line is read; the others are when they are asked for.
    pub fn open(path: &Path) -> Result<Self, PlaybackError> {
        let mut file = describe(path)?;
        let failed = |reason: String| PlaybackError::File {
            path: path.display().to_string(),
            reason,
        };
        if u64::from(file.bytes) > LARGEST_FILE {
            return Err(failed(format!("it is larger than {} MB", LARGEST_FILE >> 20)));
        }
        let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        file.bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = text[start..].find('\n') {
            lines.push(start..start + length);
            start += length + 1;
        }
        // A line without an end was being written when the application died.
        let is_cut = start < text.len();
        let every = (lines.len() / CHECKPOINTS).max(32);
        Ok(Self {
            file,
            text,
            lines,
            is_cut,
            checkpoints: Vec::new(),
            every,
            here: Replay::default(),
        })
    }

    /// The file.
    pub fn file(&self) -> &RecordingFile {
        &self.file
    }

    /// How many lines there are.
    pub fn steps(&self) -> u32 {
        u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    /// Whether its last line is cut off: it is left out.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Lines from one on, so many at the most, in words.
    pub fn lines(&self, from: u32, count: u32) -> Result<Vec<RecordedLine>, PlaybackError> {
        let end = from.saturating_add(count).min(self.steps());
        (from..end).map(|step| self.line(step)).collect()
    }

    /// One line, in words.
    pub fn line(&self, step: u32) -> Result<RecordedLine, PlaybackError> {
        let entry = self.entry(step)?;
        let (kind, summary) = summary::of(&entry);
        Ok(RecordedLine {
            step,
            at: entry.at,
            after_ms: u32::try_from(entry.us / 1_000).unwrap_or(u32::MAX),
            kind,
            name: entry.name().to_owned(),
            auction_id: entry.auction.clone(),
            summary,
        })
    }

    /// The first line at or after which the state differs from what is stated there, or that cannot be read.
    pub fn check(&mut self) -> Result<(), PlaybackError> {
        match self.steps() {
            0 => Ok(()),
            steps => self.go(steps),
        }
    }

    /// The session as it was once a line was taken in.
    pub fn at(&mut self, step: u32) -> Result<RecordingMoment, PlaybackError> {
        let line = self.line(step)?;
        self.go(step + 1)?;
        Ok(RecordingMoment {
            raw: pretty(self.text_of(step)?),
            line,
            session: self.here.session(),
        })
    }

    /// Takes in lines until there are so many.
    fn go(&mut self, lines: u32) -> Result<(), PlaybackError> {
        let target = lines as usize;
        let here = self.here.counted().lines as usize;
        let nearest = target / self.every;
        if target < here || nearest > here / self.every {
            let back = self.checkpoints.len().min(nearest);
            let known = back.checked_sub(1).map(|index| self.checkpoints[index].clone());
            let known = known.unwrap_or_default();
            if target < here || known.counted().lines as usize > here {
                self.here = known;
            }
        }
        while (self.here.counted().lines as usize) < target {
            let step = self.here.counted().lines;
            let text = self.lines[step as usize].clone();
            if let Err(error) = self.here.feed(&self.text[text]) {
                // A line that did not come to its end must not count.
                self.here = Replay::default();
                return Err(self.wrong(step, error));
            }
            let taken = self.here.counted().lines as usize;
            if taken.is_multiple_of(self.every) && self.checkpoints.len() + 1 == taken / self.every {
                self.checkpoints.push(self.here.clone());
            }
        }
        Ok(())
    }

    fn wrong(&self, step: u32, error: ReplayError) -> PlaybackError {
        PlaybackError::Line {
            name: self.file.name.clone(),
            line: step + 1,
            error,
        }
    }

    fn text_of(&self, step: u32) -> Result<&str, PlaybackError> {
        let range = self.lines.get(step as usize).ok_or(PlaybackError::NoSuchLine {
            steps: self.steps(),
            asked: step.saturating_add(1),
        })?;
        Ok(&self.text[range.clone()])
    }

    fn entry(&self, step: u32) -> Result<Entry<'_>, PlaybackError> {
        let text = self.text_of(step)?;
        Entry::read(text).map_err(|error| self.wrong(step, ReplayError::Unreadable(error.to_string())))
    }
}

/// The files of a recording that a path names: itself, or those in it, oldest first.
pub fn files_of(path: &Path) -> Result<Vec<PathBuf>, PlaybackError> {
    if path.is_dir() {
        ring::files_in(path).map_err(|error| PlaybackError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        })
    } else {
        Ok(vec![path.to_owned()])
    }
}
