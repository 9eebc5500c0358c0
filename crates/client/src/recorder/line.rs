//! The lines of a recording: what is written, and how it is read.
//!
//! A line is `{"us":…,"at":…,"kind":…, …}`: microseconds since the recorder's start by a clock that does not jump,
//! milliseconds since the epoch by this machine's clock (for an input: the time that it was folded with), the kind, the
//! kind's own fields, and `body`, JSON as it crossed the wire or as it is kept. What is no JSON stands in `text`.

use std::borrow::Cow;

use gavelscope_contract::{AuctionId, LeagueId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::state::{LinkPhase, Millis};

/// The version of the lines. A reader refuses what it does not know.
pub const FORMAT: u32 = 2;

/// A line but for its times and its body.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Head<'a> {
    /// The first line of every file.
    Recording {
        format: u32,
        application: &'a str,
        /// Which recording: the files of one session share it.
        recording: &'a str,
        /// Which of its files, counted from 1.
        part: u32,
        server: &'a str,
        path: &'a str,
        user_id: &'a UserId,
    },
    /// An event; one with an auction was folded into its state.
    Event {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        auction: Option<&'a AuctionId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        verdict: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// A frame that is no packet.
    Frame { reason: &'a str },
    /// The server's heartbeat.
    Ping,
    /// An event that was sent.
    Out { name: &'a str },
    /// What it was answered.
    Ack {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A REST request.
    Call { n: u64, method: &'a str, path: &'a str },
    /// Its answer, or why there is none.
    Answer {
        n: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        took_ms: u32,
        bytes: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        pod: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Something else than an event that was folded into an auction's state.
    Input {
        auction: &'a AuctionId,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        told: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sent: Option<Millis>,
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Millis>,
    },
    /// My link went over to another phase.
    Transition { phase: LinkPhase, reason: &'a str },
    /// My link as it is.
    Link,
    /// Whether an auction's state is read from the server because its events do not arrive, and how.
    Polled { auction: &'a AuctionId },
    /// What a join was answered.
    Room { auction: &'a AuctionId },
    /// A bid of mine moved on.
    Bid { auction: &'a AuctionId },
    /// The estimate of the server's clock changed, or what a bid needs to get there with its error, ms.
    Clock { needed_ms: u32 },
    /// A league was read.
    League { league: &'a LeagueId },
    /// Something that this side noticed or decided.
    Note {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        auction: Option<&'a AuctionId>,
        reason: &'a str,
    },
    /// An auction is followed no more.
    Closed { auction: &'a AuctionId },
    /// The whole state of an auction.
    State { auction: &'a AuctionId },
    /// Lines that came faster than the disk could take them are not here.
    Dropped { count: u32 },
    /// The checksum (CRC-32) of every line of this file so far, their ends counted.
    Seal { sum: u32 },
    /// The session ended.
    End,
}

/// A line as it is read: the fields of all kinds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    pub us: u64,
    pub at: Millis,
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    #[serde(default, borrow)]
    pub name: Option<Cow<'a, str>>,
    pub auction: Option<AuctionId>,
    #[serde(default, borrow)]
    pub verdict: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub reason: Option<Cow<'a, str>>,
    pub n: Option<u64>,
    #[serde(default, borrow)]
    pub method: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub path: Option<Cow<'a, str>>,
    pub status: Option<u16>,
    pub took_ms: Option<u32>,
    pub told: Option<u32>,
    #[serde(default)]
    pub sent: Option<Millis>,
    #[serde(default)]
    pub since: Option<Millis>,
    pub needed_ms: Option<u32>,
    pub count: Option<u32>,
    pub sum: Option<u32>,
    #[serde(default, borrow)]
    pub body: Option<&'a RawValue>,
    pub format: Option<u32>,
    #[serde(default, borrow)]
    pub recording: Option<Cow<'a, str>>,
    pub part: Option<u32>,
    #[serde(default, borrow)]
    pub server: Option<Cow<'a, str>>,
    pub user_id: Option<UserId>,
    #[serde(default, borrow)]
    pub application: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    /// Reads a line.
    pub fn read(line: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// The body as JSON text.
    pub fn body(&self) -> Option<&'a str> {
        self.body.map(RawValue::get)
    }

    /// What is said of it in a word.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.kind)
    }
}
