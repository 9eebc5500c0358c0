//! What sessions heard and said: when an auction's clock was heard, and why the state was read instead of followed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_client::Session;
use gavelscope_contract::Event;
use tokio::sync::broadcast::error::RecvError;

/// What the listening sessions heard of one auction's clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    heard: Arc<Mutex<Vec<Instant>>>,
}

impl Clock {
    /// Listens with this session, too, until it ends.
    pub async fn listen(&self, session: &Session) {
        let Ok((_, mut feed)) = session.feed().await else {
            return;
        };
        let heard = Arc::clone(&self.heard);
        tokio::spawn(async move {
            loop {
                match feed.recv().await {
                    // What only the clock's pod says. (A late bid moves the hammer, too, wherever it was taken.)
                    Ok(entry) => {
                        let by_the_clock = matches!(
                            entry.event(),
                            Some(
                                Event::Tick(_)
                                    | Event::LotStarted(_)
                                    | Event::Sold(_)
                                    | Event::NextTeamCountdown(_)
                            )
                        );
                        if by_the_clock {
                            lock(&heard).push(Instant::now());
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    /// The longest silence that began after `from` (give or take a tick) and ended before `to`.
    pub fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        let mut heard = lock(&self.heard).clone();
        heard.sort();
        let begin = from.checked_sub(Duration::from_millis(600)).unwrap_or(from);
        let within: Vec<Instant> = heard.into_iter().filter(|at| (begin..=to).contains(at)).collect();
        within
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap_or_default()
    }

    /// Whether it was heard since.
    pub fn heard_since(&self, since: Instant) -> bool {
        lock(&self.heard).iter().any(|at| *at > since)
    }
}

/// How often sessions went over to reading the state, by why.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    by_why: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Doubts {
    /// Listens to this session, too, until it ends.
    pub async fn listen(&self, session: &Session) {
        let Ok((_, mut feed)) = session.feed().await else {
            return;
        };
        let by_why = Arc::clone(&self.by_why);
        tokio::spawn(async move {
            loop {
                match feed.recv().await {
                    Ok(entry) if entry.event().is_none() => {
                        let note = entry.item();
                        if note.name == "polled" {
                            *lock(&by_why).entry(note.summary).or_default() += 1;
                        }
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        });
    }

    /// What was counted since this was last asked.
    pub fn take(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut lock(&self.by_why))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
