//! The recordings in `traces/`: what a backend in the field said and was told, one JSON object a line.

use serde::Deserialize;
use serde_json::Value;

/// A recording.
#[derive(Debug, Clone)]
pub struct Trace {
    /// What it is called.
    pub name: &'static str,
    /// Its lines, in the order of recording.
    pub lines: Vec<Line>,
}

/// One line of a recording.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// When, ms since the epoch.
    pub ms_epoch: i64,
    /// Which client recorded it; a note has none.
    #[serde(default)]
    pub who: String,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// What a line holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Record {
    /// A remark of whoever recorded it.
    Note {
        /// The remark.
        text: String,
    },
    /// A REST call with its answer.
    Rest(RestCall),
    /// A frame as it crossed the wire.
    Frame(Frame),
    /// An HTTP request of Engine.IO itself.
    Http(HttpCall),
    /// An event as a client's library handed it over.
    Event {
        /// Its name; in angle brackets where it is the library's own.
        event: String,
        /// Its first argument.
        data: Value,
    },
    /// What an emit was answered.
    Ack {
        /// The event that was emitted.
        emit: String,
        /// With what.
        data: Value,
        /// The answer's first argument; none where none came.
        #[serde(default)]
        ack: Option<Value>,
    },
}

/// A REST call with its answer.
#[derive(Debug, Clone, Deserialize)]
pub struct RestCall {
    /// `GET`, `POST`, …
    pub method: String,
    /// With its query.
    pub path: String,
    /// What was sent: JSON, or a text where it was meant to be none.
    #[serde(default)]
    pub req_body: Value,
    /// The answer's status; none where the connection broke.
    #[serde(default)]
    pub status: Option<u16>,
    /// The answer: JSON, or a text where it was none.
    #[serde(default)]
    pub res_body: Value,
}

impl RestCall {
    /// The path without its query.
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// The answer as it crossed the wire.
    pub fn answer_text(&self) -> String {
        match &self.res_body {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        }
    }
}

/// A frame as it crossed the wire.
#[derive(Debug, Clone, Deserialize)]
pub struct Frame {
    /// From the server or to it.
    pub dir: Direction,
    /// The Engine.IO text.
    pub raw: String,
}

impl Frame {
    /// What the recorder wrote where a connection ended: no frame at all.
    pub fn is_marker(&self) -> bool {
        self.raw.starts_with('<')
    }
}

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the server.
    In,
    /// To the server.
    Out,
}

/// An HTTP request of Engine.IO itself.
#[derive(Debug, Clone, Deserialize)]
pub struct HttpCall {
    /// The answer's status; none where there was no answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// What was posted.
    #[serde(default)]
    pub req_body: Option<String>,
    /// What was answered.
    #[serde(default)]
    pub res_body: Option<String>,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the trace {name} is not one: {error}")]
pub struct BadTrace {
    name: &'static str,
    line: usize,
    error: serde_json::Error,
}

impl Trace {
    /// One pod: sign-in, league, lobby, every way a bid is refused, anti-snipe, pause, sold, unsold, completion, delete.
    pub fn full_auction() -> Result<Self, BadTrace> {
        Self::read("full-auction", include_str!("../traces/full-auction.jsonl"))
    }

    /// All of them.
    pub fn all() -> Result<Vec<Self>, BadTrace> {
        Ok(vec![
            Self::full_auction()?,
            Self::read(
                "two-pods-no-redis",
                include_str!("../traces/two-pods-no-redis.jsonl"),
            )?,
            Self::read("two-pods-redis", include_str!("../traces/two-pods-redis.jsonl"))?,
            Self::read(
                "two-pods-dead-redis",
                include_str!("../traces/two-pods-dead-redis.jsonl"),
            )?,
        ])
    }

    fn read(name: &'static str, text: &str) -> Result<Self, BadTrace> {
        let lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|error| BadTrace {
                    name,
                    line: index + 1,
                    error,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { name, lines })
    }

    /// The frames, markers left out, each with who saw it.
    pub fn frames(&self) -> impl Iterator<Item = (&str, &Frame)> {
        self.lines.iter().filter_map(|line| match &line.record {
            Record::Frame(frame) if !frame.is_marker() => Some((line.who.as_str(), frame)),
            _ => None,
        })
    }

    /// The REST calls.
    pub fn calls(&self) -> impl Iterator<Item = &RestCall> {
        self.lines.iter().filter_map(|line| match &line.record {
            Record::Rest(call) => Some(call),
            _ => None,
        })
    }
}
