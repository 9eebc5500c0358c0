//! The live feed: every event as it arrived, and what this side noticed, in bounded memory.

use std::collections::VecDeque;
use std::sync::Arc;

use gavelscope_contract::event::{Decoded, Event, Raw};
use gavelscope_contract::{AuctionId, Received};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::redact::redact;
use crate::state::{FeedItem, FeedKind, Millis};
use crate::words;

/// How many lines are kept for who asks later.
const KEPT: usize = 1_000;
/// How many lines a reader may be late before it misses some (which it is told). What is on the way stays in memory; with no
/// more than are kept anyway it costs nothing.
const ON_THE_WAY: usize = 1_024;

/// One line, unspoken: its words are made when somebody reads it.
#[derive(Debug)]
pub struct FeedEntry {
    /// Counted from 1.
    pub id: u32,
    /// When.
    pub at: Millis,
    /// The auction it belongs to.
    pub auction_id: Option<Arc<AuctionId>>,
    /// What it is.
    pub body: Body,
}

/// What a line is.
#[derive(Debug)]
pub enum Body {
    /// An event.
    Event(Received),
    /// A frame that is no packet.
    Undecodable {
        /// The frame, shortened.
        raw: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that this side noticed.
    Note {
        /// In a word.
        name: &'static str,
        /// In a sentence.
        text: String,
    },
}

impl FeedEntry {
    /// As it is shown.
    pub fn item(&self) -> FeedItem {
        let (kind, name, summary, has_raw) = match &self.body {
            Body::Event(received) => {
                let kind = match received.decoded {
                    Decoded::Known(_) => FeedKind::Event,
                    Decoded::Unknown => FeedKind::Unknown,
                    Decoded::Malformed(_) => FeedKind::Malformed,
                };
                (
                    kind,
                    received.name.to_string(),
                    words::summary(received),
                    received.raw != Raw::Nothing,
                )
            }
            Body::Undecodable { reason, raw } => (
                FeedKind::Malformed,
                "frame".to_owned(),
                format!("Not a packet: {reason}."),
                !raw.is_empty(),
            ),
            Body::Note { name, text } => (FeedKind::Note, (*name).to_owned(), text.clone(), false),
        };
        FeedItem {
            id: self.id,
            at: self.at,
            kind,
            name,
            auction_id: self.auction_id.as_deref().cloned(),
            summary,
            has_raw,
        }
    }

    /// The raw JSON, indented, with e-mail addresses and tokens blotted out.
    pub fn raw(&self) -> Option<String> {
        let text = match &self.body {
            Body::Event(received) => received.raw.to_text(),
            Body::Undecodable { raw, .. } => raw.clone(),
            Body::Note { .. } => return None,
        };
        Some(pretty(&redact(&text)))
    }

    /// The event, where it was understood.
    pub fn event(&self) -> Option<&Event> {
        match &self.body {
            Body::Event(received) => received.event(),
            _ => None,
        }
    }
}

/// JSON with indentation; anything else as it is.
pub(crate) fn pretty(text: &str) -> String {
    serde_json::from_str::<Value>(text)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| text.to_owned())
}

/// The feed of a session.
pub struct Feed {
    kept: VecDeque<Arc<FeedEntry>>,
    readers: broadcast::Sender<Arc<FeedEntry>>,
    next: u32,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            kept: VecDeque::with_capacity(KEPT),
            readers: broadcast::channel(ON_THE_WAY).0,
            next: 1,
        }
    }
}

impl Feed {
    /// One more line.
    pub fn push(&mut self, at: Millis, auction_id: Option<Arc<AuctionId>>, body: Body) {
        let entry = Arc::new(FeedEntry {
            id: self.next,
            at,
            auction_id,
            body,
        });
        self.next = self.next.wrapping_add(1);
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(Arc::clone(&entry));
        // Nobody reading is no error.
        let _ = self.readers.send(entry);
    }

    /// What is kept, and everything from now on.
    pub fn read(&self) -> (Vec<Arc<FeedEntry>>, broadcast::Receiver<Arc<FeedEntry>>) {
        (self.kept.iter().cloned().collect(), self.readers.subscribe())
    }

    /// One line, while it is kept.
    pub fn get(&self, id: u32) -> Option<&Arc<FeedEntry>> {
        self.kept.iter().rev().find(|entry| entry.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, payload: &str) -> FeedEntry {
        let body = Body::Event(Received::from_text(name, Some(payload)));
        FeedEntry {
            id: 1,
            at: Millis(0),
            auction_id: None,
            body,
        }
    }

    #[test]
    fn raw_json_shows_no_address_and_no_token() {
        let raw = entry(
            "sold",
            r#"{"a":[{"userEmail":"a@example.com","accessToken":"t","name":"A"}]}"#,
        )
        .raw()
        .unwrap();
        assert!(!raw.contains("example.com") && !raw.contains("\"t\""), "{raw}");
        assert!(raw.contains("\"A\""));
    }

    #[test]
    fn what_breaks_the_contract_is_shown_as_that_and_kept() {
        let malformed = entry("connected", r#"{"sid":5}"#);
        assert_eq!(malformed.item().kind, FeedKind::Malformed);
        assert!(malformed.raw().unwrap().contains('5'));
    }

    #[test]
    fn memory_is_bounded() {
        let mut feed = Feed::default();
        for _ in 0..KEPT * 3 {
            feed.push(
                Millis(0),
                None,
                Body::Note {
                    name: "note",
                    text: String::new(),
                },
            );
        }
        assert_eq!(feed.read().0.len(), KEPT);
        assert!(feed.get(1).is_none() && feed.get(u32::try_from(KEPT).unwrap() * 3).is_some());
    }
}
