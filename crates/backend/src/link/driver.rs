//! What the adapter speaks through, and what the rest of the pod asks of the link. Nothing here waits on Redis.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gavelscope_contract::event::ClusterDegraded;
use gavelscope_contract::health::AdapterHealth;
use gavelscope_contract::{PodId, Room};
use socketioxide_redis::drivers::{ChanItem, Driver, MessageStream};
use tokio::sync::{Notify, mpsc, watch};

use super::presence::{PERIOD, Presence};
use super::standing::{Carried, Figures, Standing};
use crate::clock::Clock;

/// How many messages may wait to be passed on.
const WAITING: usize = 4_096;
/// How long a stop waits for what is still to be passed on.
const FLUSH: Duration = Duration::from_millis(500);

/// The way to the other pods, or the knowledge that there is none.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(super) shared: Option<Arc<Shared>>,
}

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub channel: String,
    pub message: Vec<u8>,
    pub handed_in: Instant,
}

/// What the link's task and everybody else share.
#[derive(Debug)]
pub(super) struct Shared {
    pub pod: PodId,
    pub boot_id: String,
    pub channel: String,
    pub clock: Arc<dyn Clock>,
    queue: mpsc::Sender<Outgoing>,
    /// There is a connection to speak through.
    pub carries: AtomicBool,
    wanted: Mutex<HashMap<String, mpsc::Sender<ChanItem>>>,
    /// The list of wanted channels has changed.
    pub wishes: Notify,
    pub standing: watch::Sender<Standing>,
    /// Counts the occasions on which something of other pods was missed while the link was up.
    pub missed: watch::Sender<u64>,
    presence: Mutex<Presence>,
    pub figures: Figures,
}

impl Shared {
    pub(super) fn new(
        pod: PodId,
        boot_id: String,
        channel: String,
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let (queue, waiting) = mpsc::channel(WAITING);
        let shared = Self {
            presence: Mutex::new(Presence::new(boot_id.clone())),
            pod,
            boot_id,
            channel,
            clock,
            queue,
            carries: AtomicBool::new(false),
            wanted: Mutex::default(),
            wishes: Notify::new(),
            standing: watch::Sender::new(Standing::Starting),
            missed: watch::Sender::new(0),
            figures: Figures::default(),
        };
        (Arc::new(shared), waiting)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wanted(&self) -> MutexGuard<'_, HashMap<String, mpsc::Sender<ChanItem>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel of the pulse.
    pub(super) fn pulse_channel(&self) -> String {
        format!("{}-pulse", self.channel)
    }

    /// Messages that nobody else will hear.
    pub(super) fn unsaid(&self, count: u64) -> u64 {
        self.figures.unsaid.fetch_add(count, Ordering::SeqCst) + count
    }

    /// Hands over what another pod has said.
    pub(super) fn hand_over(&self, channel: &str, message: &[u8]) {
        let taker = self.wanted().get(channel).cloned();
        let Some(taker) = taker else { return };
        if taker.try_send((channel.to_owned(), message.to_vec())).is_err() {
            let unheard = self.figures.unheard.fetch_add(1, Ordering::Relaxed) + 1;
            self.missed.send_modify(|count| *count += 1);
            tracing::warn!(pod = %self.pod, unheard, "a message of another pod was dropped: this pod is too slow");
        }
    }

    /// Since when what other pods say is known in full, as far as that goes.
    fn knows_everybody(&self, now: Instant) -> bool {
        match &*self.standing.borrow() {
            Standing::Attached { since, .. } => now.saturating_duration_since(*since) >= 2 * PERIOD,
            Standing::Starting | Standing::Lost { .. } => false,
        }
    }
}

impl Link {
    /// A pod that shares its rooms with no other.
    pub(crate) fn alone() -> Self {
        Self { shared: None }
    }

    /// Whether this pod shares its rooms with no other.
    pub(crate) fn is_alone(&self) -> bool {
        self.shared.is_none()
    }

    /// How many sockets are in a room over all pods, of which `here` are on this one; none where that cannot be known.
    pub(crate) fn cluster_room_size(&self, room: &Room, here: u32) -> Option<u32> {
        let Some(shared) = &self.shared else {
            return Some(here);
        };
        let now = Instant::now();
        if !shared.knows_everybody(now) {
            return None;
        }
        let elsewhere = shared.presence().elsewhere(room, now)?;
        Some(here.saturating_add(elsewhere))
    }

    /// The other pods that are heard.
    pub(crate) fn heard(&self) -> Vec<PodId> {
        let shared = self.shared.as_ref();
        shared.map_or_else(Vec::new, |shared| shared.presence().others(Instant::now()))
    }

    /// How the link is; none where the pod is alone.
    pub(crate) fn standing(&self) -> Option<Standing> {
        Some(self.shared.as_ref()?.standing.borrow().clone())
    }

    /// What it has carried; none where the pod is alone.
    pub(crate) fn carried(&self) -> Option<Carried> {
        Some(self.shared.as_ref()?.figures.carried())
    }

    /// What a socket that joins an auction now has to know: that this pod does not hear the others.
    pub(crate) fn degraded(&self) -> Option<ClusterDegraded> {
        let shared = self.shared.as_ref()?;
        match &*shared.standing.borrow() {
            Standing::Starting | Standing::Attached { .. } => None,
            Standing::Lost {
                trouble, since_ms, ..
            } => Some(ClusterDegraded {
                pod: shared.pod.clone(),
                reason: format!("This pod and the others do not hear each other: {trouble}."),
                since: Some(*since_ms),
            }),
        }
    }

    /// What `/health` says of it; none where the pod is alone.
    pub(crate) fn health(&self) -> Option<AdapterHealth> {
        let shared = self.shared.as_ref()?;
        let now = Instant::now();
        let standing = shared.standing.borrow().clone();
        let (state, reason) = match &standing {
            Standing::Starting => ("down", Some("Redis has not been reached yet.".to_owned())),
            Standing::Lost { trouble, .. } => (
                if trouble.is_reachable() {
                    "degraded"
                } else {
                    "down"
                },
                Some(format!(
                    "This pod and the others do not hear each other, so nothing is known of their rooms: {trouble}."
                )),
            ),
            Standing::Attached { .. } if shared.knows_everybody(now) => ("connected", None),
            Standing::Attached { .. } => (
                "connected",
                Some("Just connected: not every pod has been heard yet.".to_owned()),
            ),
        };
        let pods = shared.knows_everybody(now).then(|| {
            let others = shared.presence().others(now).len();
            u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1)
        });
        let Carried { unsaid, unheard, .. } = shared.figures.carried();
        let last_publish = shared.figures.last_publish(now);
        Some(AdapterHealth {
            kind: "redis".to_owned(),
            state: state.to_owned(),
            last_publish_ms: last_publish.map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
            last_error: (unsaid + unheard > 0).then(|| {
                format!(
                    "{unsaid} messages of this pod did not reach the others, and {unheard} of theirs were dropped here, \
                     since it started"
                )
            }),
            pods,
            reason,
        })
    }

    /// Waits until what was said has been passed on, for a while.
    pub(crate) async fn flush(&self) {
        let Some(shared) = &self.shared else { return };
        let quiet = async {
            while shared.carries.load(Ordering::SeqCst) && shared.figures.is_busy() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(FLUSH, quiet).await.is_err() {
            tracing::warn!(pod = %shared.pod, "the last messages did not reach the other pods");
        }
    }
}

impl Driver for Link {
    type Error = Infallible;

    async fn publish(&self, channel: String, message: Vec<u8>) -> Result<(), Infallible> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        shared.figures.handed_in.fetch_add(1, Ordering::SeqCst);
        // While there is no connection nothing is kept: what is old by the time there is one would only confuse.
        if !shared.carries.load(Ordering::SeqCst) {
            shared.unsaid(1);
            return Ok(());
        }
        let outgoing = Outgoing {
            channel,
            message,
            handed_in: Instant::now(),
        };
        if shared.queue.try_send(outgoing).is_err() {
            let unsaid = shared.unsaid(1);
            if unsaid.is_power_of_two() {
                tracing::warn!(pod = %shared.pod, unsaid, "too many messages wait for Redis: other pods miss some");
            }
        }
        Ok(())
    }

    async fn subscribe(&self, channel: String, size: usize) -> Result<MessageStream<ChanItem>, Infallible> {
        let Some(shared) = &self.shared else {
            return Ok(MessageStream::new_empty());
        };
        let (sender, receiver) = mpsc::channel(size);
        shared.wanted().insert(channel, sender);
        shared.wishes.notify_one();
        Ok(MessageStream::new(receiver))
    }

    async fn unsubscribe(&self, channel: String) -> Result<(), Infallible> {
        if let Some(shared) = &self.shared {
            shared.wanted().remove(&channel);
            shared.wishes.notify_one();
        }
        Ok(())
    }

    async fn num_serv(&self, _channel: &str) -> Result<u16, Infallible> {
        let others = match &self.shared {
            Some(shared) => shared.presence().others(Instant::now()).len(),
            None => 0,
        };
        Ok(u16::try_from(others).unwrap_or(u16::MAX).saturating_add(1))
    }
}
