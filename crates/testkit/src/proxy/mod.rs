//! A TCP proxy that makes faults, switchable while connections run through it.
//!
//! It knows TCP, and two things above it: where a request to bid begins (to lose the answer to it), and where a
//! websocket frame of the server ends (to put one of ours behind it).

mod frames;
mod pump;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::pods::free_port;

/// How the proxy behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It passes everything on.
    None,
    /// Nobody listens: new connections are refused. Those that stand go on.
    Refuse,
    /// Nothing passes and nothing is closed: what stands stays open on both sides and is silent for ever, and new
    /// connections are taken and share that fate.
    HalfOpen,
    /// Requests pass and answers are thrown away. A connection that lost bytes is reset once the fault is over.
    LoseAnswers,
    /// Requests are thrown away and answers pass. A connection that lost bytes is reset once the fault is over.
    LoseRequests,
    /// Everything is late, in order, in both directions: by `base`, give or take `jitter`.
    Delay {
        /// On average.
        base: Duration,
        /// At the most more or less.
        jitter: Duration,
    },
    /// So few bytes a second pass in each direction of a connection.
    Trickle {
        /// At least 10.
        bytes_per_second: u32,
    },
    /// Every connection is reset after so many more bytes to the client, wherever in a frame that is.
    CutAfter {
        /// Counted from when the fault was made, or the connection, whichever came later.
        bytes: u64,
    },
}

/// How the answer to a bid is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection is reset at once.
    Reset,
    /// The connection stays open and silent: the client has to give up by itself.
    Silence,
}

#[derive(Debug, Clone, Copy)]
struct Setting {
    fault: Fault,
    /// Grows with every change, so that "from now on" can be told.
    number: u64,
}

#[derive(Debug)]
struct Shared {
    port: u16,
    target: Mutex<u16>,
    setting: watch::Sender<Setting>,
    /// The setting that the listener obeys already.
    obeyed: watch::Sender<u64>,
    /// Ends all connections of now with a reset.
    standing: Mutex<CancellationToken>,
    /// Set for all connections of a half-open link; a link that works again has another one.
    link_dead: Mutex<Arc<AtomicBool>>,
    injected: broadcast::Sender<Arc<[u8]>>,
    /// How many more answers to bids are to be lost, and how.
    losing: Mutex<(u32, Loss)>,
    answers_lost: AtomicU64,
    connections: AtomicU64,
}

/// The proxy. Its connections are reset when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of loopback and passes everything on to the port given.
    pub async fn start(target: u16) -> std::io::Result<Self> {
        let port = free_port()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let setting = Setting {
            fault: Fault::None,
            number: 0,
        };
        let shared = Arc::new(Shared {
            port,
            target: Mutex::new(target),
            setting: watch::Sender::new(setting),
            obeyed: watch::Sender::new(0),
            standing: Mutex::default(),
            link_dead: Mutex::default(),
            injected: broadcast::Sender::new(256),
            losing: Mutex::new((0, Loss::Reset)),
            answers_lost: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let task = tokio::spawn(listen(Arc::clone(&shared), listener));
        Ok(Self { shared, task })
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// Makes a fault, or ends the one that is made. Returns when it is so.
    pub async fn set(&self, fault: Fault) {
        self.shared.set(fault).await;
    }

    /// Where new connections lead from now on. Those that stand stay where they are.
    pub fn lead_to(&self, target: u16) {
        *lock(&self.shared.target) = target;
    }

    /// Resets every connection (RST, not a polite end).
    pub fn reset_all(&self) {
        self.shared.reset_all();
    }

    /// Loses the answers to the next so many bids, each after the server gave it: what was stored is stored.
    pub fn lose_answers_to_bids(&self, count: u32, how: Loss) {
        *lock(&self.shared.losing) = (count, how);
    }

    /// How many answers to bids were lost that way.
    pub fn answers_lost(&self) -> u64 {
        self.shared.answers_lost.load(Ordering::Relaxed)
    }

    /// How many connections it has taken.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Puts a text frame behind the one that is passing on every websocket, as if the server had said it. Returns on
    /// how many connections it is waiting for its turn.
    pub fn inject(&self, text: &str) -> usize {
        // Nobody listening is no failure: it is what the number says.
        self.shared.injected.send(frames::text(text)).unwrap_or(0)
    }

    /// Cuts everything and refuses, then passes again, turn by turn, each so long, until the guard is dropped; then
    /// it passes.
    pub fn flap(&self, each: Duration) -> Flapping {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            loop {
                shared.set(Fault::Refuse).await;
                shared.reset_all();
                tokio::time::sleep(each).await;
                shared.set(Fault::None).await;
                tokio::time::sleep(each).await;
            }
        });
        Flapping {
            shared: Arc::clone(&self.shared),
            task,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.reset_all();
    }
}

/// Goes on for as long as it lives.
#[derive(Debug)]
pub struct Flapping {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Flapping {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.send(Fault::None);
    }
}

impl Shared {
    fn send(&self, fault: Fault) -> u64 {
        let mut link_dead = lock(&self.link_dead);
        if fault == Fault::HalfOpen {
            link_dead.store(true, Ordering::Relaxed);
        } else if link_dead.load(Ordering::Relaxed) {
            *link_dead = Arc::default();
        }
        let mut now = 0;
        self.setting.send_modify(|setting| {
            setting.fault = fault;
            setting.number += 1;
            now = setting.number;
        });
        now
    }

    async fn set(&self, fault: Fault) {
        let number = self.send(fault);
        // The listener is gone only when the proxy is.
        let _ = self.obeyed.subscribe().wait_for(|obeyed| *obeyed >= number).await;
    }

    fn reset_all(&self) {
        let mut standing = lock(&self.standing);
        standing.cancel();
        *standing = CancellationToken::new();
    }

    /// Takes one of the losses that were ordered.
    fn take_loss(&self) -> Option<Loss> {
        let mut losing = lock(&self.losing);
        let (left, how) = *losing;
        losing.0 = left.checked_sub(1)?;
        Some(how)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(shared: Arc<Shared>, listener: TcpListener) {
    let mut setting = shared.setting.subscribe();
    let mut listener = Some(listener);
    loop {
        let now = *setting.borrow_and_update();
        if now.fault == Fault::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(("127.0.0.1", shared.port)).await.ok();
            if listener.is_none() {
                // The port is only just free again.
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        }
        shared.obeyed.send_replace(now.number);
        tokio::select! {
            changed = setting.changed() => if changed.is_err() { return },
            taken = accept(listener.as_ref()) => if let Ok(client) = taken {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let cut = lock(&shared.standing).clone();
                let link_dead = lock(&shared.link_dead).clone();
                tokio::spawn(pump::carry(Arc::clone(&shared), client, cut, link_dead));
            },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}
