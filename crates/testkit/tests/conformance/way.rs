//! The three ways over which a session's socket can run, and a link over one of them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gavelscope_client::state::{Carrier, TransportKind};
use gavelscope_client::transport::{self, AckError, Inbound, Link, Lost, Online, Outbound, Stage, Target};
use gavelscope_contract::{Received, Secret};
use gavelscope_testkit::proxy::{Fault, Proxy};
use serde_json::Value;
use tokio::sync::oneshot;

/// A proxy before this server.
pub async fn proxy_before(url: &str) -> Proxy {
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    Proxy::start(port).await.unwrap()
}

/// Cuts what stands and lets nothing new through. Polling would survive a cut between two of its requests.
pub async fn cut(proxy: &Proxy) {
    proxy.set(Fault::Refuse).await;
    proxy.reset_all();
}

/// How long anything may take before it counts as never.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `rust_socketio` in its box, over a websocket.
    Boxed,
    /// `wire` over a websocket.
    Wire,
    /// `wire` over long polling.
    Polling,
}

pub const WAYS: [Way; 3] = [Way::Boxed, Way::Wire, Way::Polling];

/// One thing for each of [`WAYS`].
pub type Each<T> = [T; 3];

impl Way {
    pub fn of<T>(self, each: &Each<T>) -> &T {
        &each[self as usize]
    }

    pub fn attempt(self, url: &str, token: Option<&str>) -> Link {
        let (kind, carrier) = match self {
            Self::Boxed => (TransportKind::RustSocketio, Carrier::Websocket),
            Self::Wire => (TransportKind::Wire, Carrier::Websocket),
            // Chosen with the other library on purpose: polling is always spoken by `wire`.
            Self::Polling => (TransportKind::RustSocketio, Carrier::Polling),
        };
        let target = Target {
            carrier,
            url: format!("{url}/api/socket.io/"),
            token: token.map(Secret::new),
            limit: PATIENCE,
        };
        transport::open(kind, target)
    }

    /// Connects, or says why not.
    pub async fn connect(self, url: &str, token: Option<&str>) -> Result<Player, Lost> {
        let mut player = Player {
            link: self.attempt(url, token),
            online: None,
            stages: Vec::new(),
            alive: 0,
            came: VecDeque::new(),
            lost: None,
        };
        while player.online.is_none() {
            player.take_in().await;
            if let Some(lost) = player.lost {
                return Err(lost);
            }
        }
        Ok(player)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.of::<&str>(&["rust_socketio", "wire", "wire by polling"]))
    }
}

/// What came, in its order.
#[derive(Debug)]
pub enum Came {
    Event(Received),
    /// A frame that was counted as undecodable.
    Undecodable,
}

/// Somebody at the near end of a link.
pub struct Player {
    pub link: Link,
    pub online: Option<Online>,
    pub stages: Vec<Stage>,
    /// Answers to checks of the link.
    pub alive: u32,
    came: VecDeque<Came>,
    lost: Option<Lost>,
}

impl Player {
    pub async fn take_in(&mut self) {
        let inbound = tokio::time::timeout(PATIENCE, self.link.inbound.recv()).await;
        match inbound
            .expect("a message in time")
            .expect("a link says how it ended")
        {
            Inbound::Progress(stage) => self.stages.push(stage),
            Inbound::Online(online) => self.online = Some(online),
            Inbound::Events(events) => self.came.extend(events.into_iter().map(Came::Event)),
            Inbound::Undecodable { .. } => self.came.push_back(Came::Undecodable),
            Inbound::Closed(lost) => self.lost = Some(lost),
            Inbound::Alive(_) => self.alive += 1,
            Inbound::RetryAfter(_) | Inbound::Ping(_) => {}
        }
    }

    /// What comes next, or how the link ended.
    pub async fn next(&mut self) -> Result<Came, Lost> {
        loop {
            if let Some(came) = self.came.pop_front() {
                return Ok(came);
            }
            if let Some(lost) = &self.lost {
                return Err(lost.clone());
            }
            self.take_in().await;
        }
    }

    /// What came before the event of this name.
    pub async fn before(&mut self, name: &str) -> Result<Vec<Came>, Lost> {
        let mut before = Vec::new();
        loop {
            match self.next().await? {
                Came::Event(event) if event.name == name => return Ok(before),
                other => before.push(other),
            }
        }
    }

    /// How the link ends; what comes before does not matter.
    pub async fn end(&mut self) -> Lost {
        let ending = async {
            loop {
                if let Err(lost) = self.next().await {
                    return lost;
                }
            }
        };
        // Pings come as long as it has not ended.
        let ended = tokio::time::timeout(PATIENCE, ending).await;
        ended.expect("the link ends in time")
    }

    /// Emits without asking for an answer.
    pub async fn tell(&self, name: &'static str, payload: Value) {
        let outbound = Outbound {
            name,
            payload,
            ack: None,
            limit: PATIENCE,
        };
        assert!(
            self.link.outbound.send(outbound).await.is_ok(),
            "the link takes {name}"
        );
    }

    /// Emits and leaves the answer to whoever awaits it.
    pub async fn ask_later(
        &self,
        name: &'static str,
        payload: Value,
        limit: Duration,
    ) -> oneshot::Receiver<Result<Vec<Value>, AckError>> {
        let (ack, answer) = oneshot::channel();
        let outbound = Outbound {
            name,
            payload,
            ack: Some(ack),
            limit,
        };
        assert!(
            self.link.outbound.send(outbound).await.is_ok(),
            "the link takes {name}"
        );
        answer
    }

    /// Emits and waits for the answer.
    pub async fn ask(&self, name: &'static str, payload: Value) -> Result<Vec<Value>, AckError> {
        self.ask_within(name, payload, PATIENCE).await
    }

    pub async fn ask_within(
        &self,
        name: &'static str,
        payload: Value,
        limit: Duration,
    ) -> Result<Vec<Value>, AckError> {
        let answer = self.ask_later(name, payload, limit).await;
        answer.await.unwrap_or(Err(AckError::LinkLost))
    }

    pub fn dropped(&self) -> u32 {
        self.link.dropped.load(Ordering::Relaxed)
    }
}
