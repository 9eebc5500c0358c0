//! The one channel to the window: at most one message a frame, whatever the rate of events.

use std::sync::Arc;
use std::time::Duration;

use gavelscope_client::feed::FeedEntry;
use gavelscope_client::state::{FeedItem, SessionState};
use gavelscope_diagnosis::{Report, diagnose};
use tauri::ipc::Channel;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::desk::{Desk, Open};
use crate::shown::{AppState, Diagnosis, Update};

/// A frame.
const FRAME: Duration = Duration::from_millis(16);
/// More lines than a window can show between two frames; the rest is counted.
const LINES_A_FRAME: usize = 500;

/// What is followed of one session.
struct Followed {
    state: watch::Receiver<Arc<SessionState>>,
    feed: broadcast::Receiver<Arc<FeedEntry>>,
}

/// Feeds a window until its channel is closed.
pub async fn run(desk: Arc<Desk>, channel: Channel<Update>) {
    let mut open = desk.watch();
    let mut followed: Option<Followed> = None;
    let mut lines: Vec<FeedItem> = Vec::new();
    let mut dropped: u32 = 0;
    let mut is_new_session = true;
    let mut changed = true;
    let mut next_frame = Instant::now();
    loop {
        if is_new_session {
            is_new_session = false;
            changed = true;
            lines.clear();
            let session = open.borrow_and_update().session.clone();
            followed = match session {
                None => None,
                Some(session) => match session.feed().await {
                    Ok((kept, feed)) => {
                        lines.extend(kept.iter().map(|entry| entry.item()));
                        Some(Followed {
                            state: session.state(),
                            feed,
                        })
                    }
                    Err(_) => None,
                },
            };
        }
        if (changed || !lines.is_empty()) && Instant::now() >= next_frame {
            let state = changed.then(|| app_state(&desk, &open.borrow(), followed.as_ref()));
            let update = Update {
                state,
                feed: std::mem::take(&mut lines),
                feed_dropped: dropped,
            };
            if channel.send(update).is_err() {
                return;
            }
            changed = false;
            next_frame = Instant::now() + FRAME;
        }
        let waiting = changed || !lines.is_empty();
        tokio::select! {
            () = tokio::time::sleep_until(next_frame), if waiting => {}
            desk_changed = open.changed() => {
                if desk_changed.is_err() {
                    return;
                }
                is_new_session = is_another(&open, followed.as_ref());
                changed = true;
            }
            heard = hear(followed.as_mut()) => match heard {
                Heard::State => changed = true,
                Heard::Line(entry) if lines.len() < LINES_A_FRAME => lines.push(entry.item()),
                Heard::Line(_) => dropped = dropped.saturating_add(1),
                Heard::Missed(missed) => {
                    dropped = dropped.saturating_add(u32::try_from(missed).unwrap_or(u32::MAX));
                }
                // The session has ended; the desk says what is next.
                Heard::End => {
                    followed = None;
                    changed = true;
                }
            },
        }
    }
}

/// Whether the desk's session is another than the one that is followed.
fn is_another(open: &watch::Receiver<Open>, followed: Option<&Followed>) -> bool {
    match (&open.borrow().session, followed) {
        (None, None) => false,
        (Some(session), Some(followed)) => !session.state().same_channel(&followed.state),
        _ => true,
    }
}

/// What came from a session.
enum Heard {
    State,
    Line(Arc<FeedEntry>),
    Missed(u64),
    End,
}

async fn hear(followed: Option<&mut Followed>) -> Heard {
    let Some(Followed { state, feed }) = followed else {
        return std::future::pending().await;
    };
    tokio::select! {
        changed = state.changed() => if changed.is_ok() { Heard::State } else { Heard::End },
        line = feed.recv() => match line {
            Ok(entry) => Heard::Line(entry),
            Err(broadcast::error::RecvError::Lagged(missed)) => Heard::Missed(missed),
            Err(broadcast::error::RecvError::Closed) => Heard::End,
        },
    }
}

fn app_state(desk: &Desk, open: &Open, followed: Option<&Followed>) -> AppState {
    let session = followed.map(|followed| Arc::clone(&followed.state.borrow()));
    AppState {
        report: session.as_deref().map(|session| judge(session, &open.diagnosis)),
        diagnosis: open.diagnosis.beside(session.as_deref()),
        session,
        practice: open.practice,
        keeping: desk.keeper().keeping(),
        settings: desk.settings(),
        servers: desk.servers(),
    }
}

/// What the session sees anyway and what was last measured on purpose, judged together.
fn judge(session: &SessionState, diagnosis: &Diagnosis) -> Report {
    diagnose(&diagnosis.evidence(session), session.at)
}
