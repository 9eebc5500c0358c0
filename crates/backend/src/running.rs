//! Starting an instance, and stopping it.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavelscope_contract::auth::SignIn;
use gavelscope_contract::{PodId, Secret, UserId};
use socketioxide::{SocketIo, SocketIoBuilder, TransportType};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::announcer;
use crate::clock_keeper;
use crate::door::Door;
use crate::drain::Drain;
use crate::house::House;
use crate::link::{self, Io, RedisSettingsError, Trouble};
use crate::metrics::Metrics;
use crate::neighbours::Neighbours;
use crate::refuse::Denied;
use crate::rest;
use crate::serving::{CertificateError, Identity, Serving};
use crate::settings::Settings;
use crate::sockets;
use crate::store::{Store, StoreError};
use crate::tokens::Tokens;
use crate::voices::Voices;

/// What a client is told at the handshake (contract, section 2).
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(25);
const MAX_PAYLOAD: u64 = 1_000_000;
/// How long a stop waits for what is on its way.
const FAREWELL: Duration = Duration::from_secs(5);
/// The same at the end of a drain, which has waited already.
const SHORT_FAREWELL: Duration = Duration::from_secs(1);

/// Why an instance could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Somebody listens there already.
    #[error(
        "the address {0} is in use already; stop what listens there, or choose another port with --listen"
    )]
    AddressInUse(SocketAddr),
    /// It is impossible to listen there.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database {database}: {error}")]
    Database {
        /// Its file, `:memory:`, or its URL without the password.
        database: String,
        /// Why not.
        error: StoreError,
    },
    /// What is said of Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] RedisSettingsError),
    /// Redis is required, and the other pods are not heard through it.
    #[error(
        "{trouble} (at {address}); this pod is told not to start without it: mend that, or leave out --require-redis"
    )]
    RedisRequired {
        /// Where it should be, without its password.
        address: String,
        /// What is wrong.
        trouble: Trouble,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The system gives no threads.
    #[error("cannot start the sockets' threads: {0}")]
    Threads(io::Error),
    /// The pod's name cannot be said in a header.
    #[error("the pod's name “{0}” has to be 1 to 100 visible ASCII characters")]
    PodName(String),
}

/// An instance that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    house: Arc<House>,
    io: Io,
    server: JoinHandle<io::Result<()>>,
    announcer: JoinHandle<()>,
    link_tasks: link::Tasks,
    identity: Option<Identity>,
    metrics_address: Option<SocketAddr>,
    voices: Voices,
    /// An instance that is dropped stops, too, if less politely.
    _stops_with_it: DropGuard,
}

/// Starts an instance: opens the database, listens, and looks for clocks that nobody runs.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let name = settings.pod.as_str();
    if !(1..=100).contains(&name.len()) || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(StartError::PodName(name.to_owned()));
    }
    // The port first: a database must not be made for an instance that cannot run.
    let (listener, address) = listen(settings.listen).await?;
    let (metrics, metrics_address) = match settings.web.metrics_listen {
        Some(address) => listen(address)
            .await
            .map(|(listener, at)| (Some(listener), Some(at)))?,
        None => (None, None),
    };
    let identity = Identity::read(&settings.web)?;
    let unopened = |error| StartError::Database {
        database: settings.database.to_string(),
        error,
    };
    // Read before the database is made, for the same reason.
    let plan = link::Plan::read(&settings.redis)?;
    let (house, inbox, unstarted) = found(&settings, plan).await.map_err(unopened)?;
    let (layer, io) = socket_builder(&settings, &house).build_layer();
    let voices = Voices::start().map_err(StartError::Threads)?;
    let registering = {
        let io = io.clone();
        // There, so that what other pods say is passed on there, too.
        voices.handle().spawn(async move { sockets::register(&io).await })
    };
    registering
        .await
        .map_err(|error| StartError::Threads(io::Error::other(error)))?;
    let link_tasks = match unstarted {
        Some(unstarted) => start_link(unstarted, &settings, &house, &io).await?,
        None => link::Tasks::default(),
    };
    let announcer = voices.handle().spawn(inbox.run(io.clone(), house.link.clone()));
    clock_keeper::start(&house);

    if let Some(metrics) = metrics {
        tokio::spawn(crate::metrics::serve(Arc::clone(&house), metrics));
    }
    let serving = Serving {
        router: rest::router(Arc::clone(&house), layer, voices.handle().clone()),
        identity: identity.clone(),
        header_timeout: Duration::from_secs(u64::from(settings.web.header_timeout)),
        stopping: house.closed.clone(),
        house: Arc::clone(&house),
    };
    let server = tokio::spawn(serving.run(listener));
    let tls = identity.is_some();
    tracing::info!(pod = %house.pod, bootId = %house.boot_id, %address, tls, "listening");
    if let Some(address) = metrics_address {
        tracing::info!(pod = %house.pod, %address, "metrics are at /metrics");
    }
    Ok(Running {
        address,
        io,
        server,
        announcer,
        link_tasks,
        identity,
        metrics_address,
        voices,
        _stops_with_it: house.stopping.clone().drop_guard(),
        house,
    })
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bound.await.map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse(address),
        _ => StartError::Listen { address, error },
    })
}

/// Sets the link to the other pods going; a pod that does not hear them starts all the same, unless it is told not to.
async fn start_link(
    unstarted: link::Unstarted,
    settings: &Settings,
    house: &House,
    io: &Io,
) -> Result<link::Tasks, StartError> {
    let address = unstarted.address();
    match unstarted.start(&house.rooms, io).await {
        (_, Err(trouble)) if settings.redis.required => Err(StartError::RedisRequired { address, trouble }),
        // Why not is in the log already, and in /health.
        (tasks, _) => Ok(tasks),
    }
}

async fn found(
    settings: &Settings,
    plan: link::Plan,
) -> Result<(Arc<House>, announcer::Inbox, Option<link::Unstarted>), StoreError> {
    let store = Store::open(
        &settings.database,
        Arc::clone(&settings.clock),
        settings.kept_events,
        settings.countdown_step,
    )
    .await?;
    let secret = match &settings.token_secret {
        Some(secret) => secret.clone(),
        None => Secret::new(store.setting_or("token_secret", Tokens::fresh_secret()).await?),
    };
    let (outbox, inbox) = announcer::queue();
    let (link, unstarted) = plan.link(&settings.pod, store.boot(), &settings.clock);
    let stopping = CancellationToken::new();
    let house = House {
        pod: settings.pod.clone(),
        boot_id: store.boot().to_owned(),
        dev_sign_in: settings.dev_sign_in,
        countdown_step: settings.countdown_step,
        store,
        tokens: Tokens::new(&secret),
        rooms: Arc::default(),
        outbox,
        door: Door::new(settings),
        metrics: Metrics::new(settings.pod.as_str(), &link),
        link,
        neighbours: Neighbours::default(),
        tasks: TaskTracker::new(),
        handing_over: stopping.child_token(),
        keeper_wake: Notify::new(),
        draining: CancellationToken::new(),
        closed: stopping.child_token(),
        stopping,
        benches: Mutex::new(HashMap::new()),
        clocks: Mutex::default(),
    };
    Ok((Arc::new(house), inbox, unstarted))
}

fn socket_builder(settings: &Settings, house: &Arc<House>) -> SocketIoBuilder<link::Adapter> {
    SocketIo::builder()
        .req_path(rest::SOCKET_PATH)
        .transports([TransportType::Polling, TransportType::Websocket])
        .ping_interval(PING_INTERVAL)
        .ping_timeout(PING_TIMEOUT)
        .max_payload(MAX_PAYLOAD)
        .max_buffer_size(settings.socket_buffer)
        .with_state(Arc::clone(house))
        .with_adapter::<link::Adapter>(link::adapter(&house.link))
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL, without a slash at its end.
    pub fn url(&self) -> String {
        let scheme = if self.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where the metrics are, if anywhere.
    pub fn metrics_url(&self) -> Option<String> {
        Some(format!("http://{}/metrics", self.metrics_address?))
    }

    /// Shows new connections what the files of the certificate hold now. Where that cannot be used, all stays as it is.
    pub fn read_certificate_again(&self) -> Result<(), CertificateError> {
        self.identity.as_ref().map_or(Ok(()), Identity::read_again)
    }

    /// Its name.
    pub fn pod(&self) -> &PodId {
        &self.house.pod
    }

    /// Its database, to be looked at directly.
    pub fn store(&self) -> &Store {
        &self.house.store
    }

    /// Signs a user in without mail: for whoever runs this process.
    pub async fn sign_in(&self, user: &UserId) -> Result<Option<SignIn>, StoreError> {
        let Some(user) = self.house.store.user(user).await? else {
            return Ok(None);
        };
        Ok(self.house.tokens.sign_in(user, self.house.store.now()).ok())
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.house
    }

    /// Stops: takes no more calls, closes the sockets, lets what has begun come to its end, closes the database.
    /// Running auctions go on when the next instance starts.
    pub async fn stop(self) {
        self.close(FAREWELL).await;
    }

    /// Stops in good order: sends everybody elsewhere first ([`Drain`]).
    pub async fn drain(self, drain: Drain) {
        drain.run(&self.house, &self.io).await;
        self.close(SHORT_FAREWELL).await;
    }

    async fn close(self, farewell: Duration) {
        let Self {
            house,
            io,
            server,
            announcer,
            link_tasks,
            voices,
            ..
        } = self;
        house.stopping.cancel();
        if !house.draining.is_cancelled() {
            clock_keeper::hand_over(&house).await;
        }
        io.close().await;
        let abort = server.abort_handle();
        if tokio::time::timeout(farewell, server).await.is_err() {
            abort.abort();
            tracing::warn!(pod = %house.pod, "some connections did not end in time");
        }
        house.tasks.close();
        if tokio::time::timeout(farewell, house.tasks.wait()).await.is_err() {
            tracing::warn!(pod = %house.pod, "some work did not end in time");
        }
        // What was decided is told, if not to anybody here.
        if tokio::time::timeout(farewell, house.outbox.said_all())
            .await
            .is_err()
        {
            tracing::warn!(pod = %house.pod, "some events were not said in time");
        }
        announcer.abort();
        house.link.flush().await;
        drop(link_tasks);
        let letting_go = async {
            if let Err(error) = house.store.forget_pod(&house.boot_id).await {
                tracing::debug!(%error, "this pod was not signed off");
            }
            house.store.close().await;
        };
        // A database that does not answer must not hold a stop up.
        if tokio::time::timeout(farewell, letting_go).await.is_err() {
            tracing::warn!(pod = %house.pod, "the database did not let go in time");
        }
        drop(voices);
        tracing::info!(pod = %house.pod, "stopped");
    }
}

/// A rule's or the database's no, for callers inside the process.
#[derive(Debug, Error)]
pub enum SeedError {
    /// A rule says no.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Denied> for SeedError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused(refused) => Self::Refused(refused.sentence()),
            Denied::Failed(error) => Self::Store(error),
        }
    }
}
