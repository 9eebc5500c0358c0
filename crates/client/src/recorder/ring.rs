//! The files: one thread writes them, in a ring that is bounded in number and size.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};

use gavelscope_contract::Raw;
use serde::de::IgnoredAny;
use tokio::sync::oneshot;

use super::handle::{About, Shared};
use super::line::{FORMAT, Head};
use crate::redact::redact;
use crate::state::Millis;
use crate::time;

/// How a recording's files are called at their end.
pub(super) const EXTENSION: &str = "jsonl";

/// How much is kept and how much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files in the folder, those of earlier recordings counted.
    pub files: usize,
    /// Bytes of a file.
    pub file_bytes: u64,
    /// Lines that may wait for the disk.
    pub waiting: usize,
    /// Bytes that may wait for the disk, about.
    pub waiting_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 8,
            file_bytes: 8 * 1024 * 1024,
            waiting: 16_384,
            waiting_bytes: 32 * 1024 * 1024,
        }
    }
}

/// When a line was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub us: u64,
    pub at: Millis,
}

/// What stands in a line's `body`.
#[derive(Debug)]
pub(super) enum Body {
    Nothing,
    /// JSON that was made here.
    Json(String),
    /// Whatever the other side said.
    Heard(String),
    /// The same, shared with the feed.
    Raw(Raw),
}

impl Body {
    /// About how much memory it holds. A parsed value is not measured but guessed.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Nothing | Self::Raw(Raw::Nothing) => 0,
            Self::Json(text) | Self::Heard(text) => text.len(),
            Self::Raw(Raw::Text(text)) => text.len(),
            Self::Raw(Raw::Value(_)) => 1_024,
        }
    }
}

/// What is handed to the thread.
pub(super) enum Message {
    Line {
        stamp: Stamp,
        head: String,
        body: Body,
        /// The session is over: what comes after it was on its way and is nobody's any more.
        last: bool,
    },
    /// The whole state of every auction, for the beginning of the next file where one is due.
    States {
        stamp: Stamp,
        /// The next file begins with them.
        turn: bool,
        lines: Vec<(String, Body)>,
    },
    /// Everything before it is on disk once this is answered.
    Finish(oneshot::Sender<()>),
}

/// Makes a file.
pub(super) type Open = Box<dyn FnMut(&Path) -> io::Result<Box<dyn Write + Send>> + Send>;

/// A file that only this user can read.
pub(super) fn private_file(path: &Path) -> io::Result<Box<dyn Write + Send>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(Box::new(options.open(path)?))
}

/// The ring, seen from the thread that writes it.
pub(super) struct Ring {
    folder: PathBuf,
    limits: Limits,
    about: About,
    recording: String,
    open: Open,
    file: BufWriter<Box<dyn Write + Send>>,
    part: u32,
    written: u64,
    named_at: Millis,
    line: String,
    sum: crc32fast::Hasher,
    ended: bool,
    shared: Arc<Shared>,
}

impl Ring {
    /// Begins the first file.
    pub(super) fn begin(
        folder: &Path,
        limits: Limits,
        about: About,
        mut open: Open,
        shared: Arc<Shared>,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let recording = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        let named_at = time::now();
        let path = folder.join(file_name(named_at, &recording, 1));
        make_room(folder, limits.files)?;
        let file = BufWriter::with_capacity(64 * 1024, open(&path)?);
        let mut ring = Self {
            folder: folder.to_owned(),
            limits,
            about,
            recording,
            open,
            file,
            part: 1,
            written: 0,
            named_at,
            line: String::new(),
            sum: crc32fast::Hasher::new(),
            ended: false,
            shared,
        };
        ring.shared.writes_to(&path);
        let stamp = ring.shared.stamp(named_at);
        ring.header(stamp)?;
        ring.file.flush()?;
        Ok(ring)
    }

    /// Until the last handle is gone, or the disk says no.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let message = match inbox.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    // What was taken is seen by who follows the file, before anything is waited for.
                    if let Err(error) = self.file.flush() {
                        return self.shared.stopped(&error);
                    }
                    match inbox.recv() {
                        Ok(message) => message,
                        Err(_) => return,
                    }
                }
            };
            self.shared.queued.fetch_sub(message.weight(), Ordering::Relaxed);
            if let Err(error) = self.take(message) {
                return self.shared.stopped(&error);
            }
        }
        if let Err(error) = self.file.flush() {
            self.shared.stopped(&error);
        }
    }

    fn take(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Line { .. } | Message::States { .. } if self.ended => Ok(()),
            Message::Line {
                stamp,
                head,
                body,
                last,
            } => {
                self.ended = last;
                if self.written >= self.limits.file_bytes {
                    // No states came in time; they follow as soon as they can be had.
                    self.turn(stamp)?;
                    self.shared.lost_track();
                }
                self.write(stamp, &head, &body)?;
                // A quarter is left for the states to arrive.
                if self.written >= self.limits.file_bytes / 4 * 3 {
                    self.shared.wants_turn.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Message::States { stamp, turn, lines } => {
                if turn {
                    // The end of one file and the beginning of the next: either can be checked by itself.
                    self.states(stamp, &lines)?;
                    self.turn(stamp)?;
                }
                self.states(stamp, &lines)?;
                self.seal(stamp)
            }
            Message::Finish(done) => {
                self.file.flush()?;
                // Who asked may have given up waiting.
                let _ = done.send(());
                Ok(())
            }
        }
    }

    fn states(&mut self, stamp: Stamp, lines: &[(String, Body)]) -> io::Result<()> {
        lines
            .iter()
            .try_for_each(|(head, state)| self.write(stamp, head, state))
    }

    /// The next file.
    fn turn(&mut self, stamp: Stamp) -> io::Result<()> {
        self.seal(stamp)?;
        self.file.flush()?;
        make_room(&self.folder, self.limits.files)?;
        // A clock that was set back must not make the next file sort before this one.
        self.named_at = Millis(time::now().0.max(self.named_at.0 + 1));
        self.part += 1;
        let path = self
            .folder
            .join(file_name(self.named_at, &self.recording, self.part));
        self.file = BufWriter::with_capacity(64 * 1024, (self.open)(&path)?);
        self.written = 0;
        self.sum = crc32fast::Hasher::new();
        self.shared.writes_to(&path);
        self.shared.wants_turn.store(false, Ordering::Relaxed);
        self.header(stamp)
    }

    fn header(&mut self, stamp: Stamp) -> io::Result<()> {
        let head = Head::Recording {
            format: FORMAT,
            application: env!("CARGO_PKG_VERSION"),
            recording: &self.recording,
            part: self.part,
            server: &self.about.server,
            path: &self.about.path,
            user_id: &self.about.user,
        };
        let head = serde_json::to_string(&head)?;
        self.write(stamp, &head, &Body::Nothing)
    }

    fn seal(&mut self, stamp: Stamp) -> io::Result<()> {
        let sum = self.sum.clone().finalize();
        let head = serde_json::to_string(&Head::Seal { sum })?;
        self.write(stamp, &head, &Body::Nothing)
    }

    fn write(&mut self, stamp: Stamp, head: &str, body: &Body) -> io::Result<()> {
        use std::fmt::Write as _;
        self.line.clear();
        let fields = head.trim_start_matches('{').trim_end_matches('}');
        // Writing to a string cannot fail.
        let _ = write!(self.line, "{{\"us\":{},\"at\":{},{fields}", stamp.us, stamp.at.0);
        match body {
            Body::Nothing | Body::Raw(Raw::Nothing) => {}
            Body::Json(text) => put(&mut self.line, text),
            Body::Heard(text) => heard(&mut self.line, text),
            Body::Raw(Raw::Text(text)) => heard(&mut self.line, text),
            Body::Raw(raw @ Raw::Value(_)) => put(&mut self.line, &raw.to_text()),
        }
        self.line.push('}');
        let line = redact(&self.line);
        for part in [line.as_bytes(), b"\n"] {
            self.file.write_all(part)?;
            self.sum.update(part);
        }
        self.written += line.len() as u64 + 1;
        self.shared.lines.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn put(line: &mut String, json: &str) {
    line.push_str(",\"body\":");
    line.push_str(json);
}

/// What the other side said, as JSON where it is some, otherwise as a text.
fn heard(line: &mut String, said: &str) {
    let is_json = serde_json::from_str::<IgnoredAny>(said).is_ok();
    if is_json && !said.contains(['\n', '\r']) {
        put(line, said);
    } else if is_json {
        // Within JSON a line's end is a blank like any other.
        put(line, &said.replace(['\n', '\r'], " "));
    } else {
        // In quotes and escaped, field names would no longer be seen.
        line.push_str(",\"text\":");
        line.push_str(&serde_json::Value::from(redact(said).as_ref()).to_string());
    }
}

impl Message {
    /// About how much memory it holds.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Line { head, body, .. } => head.len() + body.weight() + 64,
            Self::States { lines, .. } => lines
                .iter()
                .map(|(head, state)| head.len() + state.weight())
                .sum(),
            Self::Finish(_) => 0,
        }
    }
}

/// Names sort by time; the files of one recording, by their place in it.
fn file_name(at: Millis, recording: &str, part: u32) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    format!(
        "{}-{recording}-{part:04}.{EXTENSION}",
        time.strftime("%Y%m%dT%H%M%S%.3fZ")
    )
}

/// Recordings in a folder, oldest first.
pub(super) fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION) && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// Deletes the oldest, so that with one more there are no more than are kept.
fn make_room(folder: &Path, most: usize) -> io::Result<()> {
    let files = files_in(folder)?;
    let too_many = (files.len() + 1).saturating_sub(most.max(1));
    for oldest in files.into_iter().take(too_many) {
        fs::remove_file(oldest)?;
    }
    Ok(())
}
