//! The link to the other pods: what is said to a room on one pod is said on all of them.
//!
//! socketioxide's Redis adapter does the speaking, over a driver of our own, because with its stock drivers local
//! delivery waits for Redis, and fails with it. Here a message for the others is laid into a bounded queue, and one task
//! (`keeper`) owns the connections. Whether the others hear it is proved, not assumed: every pod publishes a pulse, and
//! listens for its own (`presence`).

mod connect;
mod driver;
mod keeper;
mod presence;
mod standing;
mod telling;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use gavelscope_contract::PodId;
use gavelscope_redis::Target;
pub use gavelscope_redis::{AddressError, CertificatesError, RedisAddress, Trouble};
use socketioxide::SocketIo;
use socketioxide::adapter::Emitter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide_redis::{CustomRedisAdapter, RedisAdapterConfig, RedisAdapterCtr};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use driver::Link;
pub(crate) use standing::{Carried, PUBLISH_CLASSES_MS, Standing};

use crate::clock::Clock;
use crate::rooms::Rooms;
use crate::settings::Redis;
use driver::{Outgoing, Shared};
use keeper::Keeper;
use presence::OwnSizes;

/// How rooms are shared.
pub(crate) type Adapter = CustomRedisAdapter<Emitter, Link>;

/// The sockets of this pod, and the way to those of all pods.
pub(crate) type Io = SocketIo<Adapter>;

/// One socket of this pod.
pub(crate) type Socket = SocketRef<Adapter>;

/// The way back to who sent an event.
pub(crate) type Reply = AckSender<Adapter>;

/// How many messages of other pods may wait for this one.
const INCOMING: usize = 4_096;
/// How long a start waits to know whether the others are heard.
const FIRST_VERDICT: Duration = Duration::from_secs(3);

/// Why the settings for Redis cannot be used.
#[derive(Debug, Error)]
pub enum RedisSettingsError {
    /// Its address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Its certificates.
    #[error(transparent)]
    Certificates(#[from] CertificatesError),
    /// Its channels.
    #[error("the prefix of Redis' channels, “{0}”, has to be 1 to 100 visible ASCII characters other than #")]
    Channel(String),
}

/// A link that is to be set going.
#[derive(Debug)]
pub(crate) struct Unstarted {
    shared: Arc<Shared>,
    target: Target,
    waiting: mpsc::Receiver<Outgoing>,
}

/// The tasks of a link, which end with it.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    _tasks: Vec<AbortOnDropHandle<()>>,
}

/// What the settings want, read and found usable.
#[derive(Debug)]
pub(crate) struct Plan {
    wanted: Option<(Target, String)>,
}

impl Plan {
    /// Reads the settings, and the certificates that they name.
    pub(crate) fn read(settings: &Redis) -> Result<Self, RedisSettingsError> {
        let Some(url) = settings.wanted() else {
            return Ok(Self { wanted: None });
        };
        let target = Target::new(url.parse()?, settings.ca_file.as_deref())?;
        let channel = settings.channel.clone();
        if !(1..=100).contains(&channel.len())
            || !channel
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'#')
        {
            return Err(RedisSettingsError::Channel(channel));
        }
        Ok(Self {
            wanted: Some((target, channel)),
        })
    }

    /// The link of a pod. Nothing is connected yet.
    pub(crate) fn link(
        self,
        pod: &PodId,
        boot_id: &str,
        clock: &Arc<dyn Clock>,
    ) -> (Link, Option<Unstarted>) {
        let Some((target, channel)) = self.wanted else {
            return (Link::alone(), None);
        };
        let (shared, waiting) = Shared::new(pod.clone(), boot_id.to_owned(), channel, Arc::clone(clock));
        let link = Link {
            shared: Some(Arc::clone(&shared)),
        };
        let unstarted = Unstarted {
            shared,
            target,
            waiting,
        };
        (link, Some(unstarted))
    }
}

/// What the adapter is made from.
pub(crate) fn adapter(link: &Link) -> RedisAdapterCtr<Link> {
    let mut config = RedisAdapterConfig::new().with_stream_buffer(INCOMING);
    if let Some(shared) = &link.shared {
        config = config.with_prefix(Cow::Owned(shared.channel.clone()));
    }
    RedisAdapterCtr::new_with_driver(link.clone(), config)
}

impl Unstarted {
    /// Where Redis is, without its password.
    pub(crate) fn address(&self) -> String {
        self.target.address.to_string()
    }

    /// Sets the link going, when the adapter has said what it wants to hear. Returns as soon as it is known whether the
    /// others are heard; where they are not, with the reason, and the link goes on trying.
    pub(crate) async fn start(self, rooms: &Arc<Rooms>, io: &Io) -> (Tasks, Result<(), Trouble>) {
        let Self {
            shared,
            target,
            waiting,
        } = self;
        let mut standing = shared.standing.subscribe();
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            target,
            waiting,
            rooms: Arc::clone(rooms),
            own: OwnSizes::default(),
        };
        let telling = telling::tell(shared, Arc::clone(rooms), io.clone());
        let tasks = vec![
            AbortOnDropHandle::new(tokio::spawn(keeper.run())),
            AbortOnDropHandle::new(tokio::spawn(telling)),
        ];
        let known = standing.wait_for(|standing| *standing != Standing::Starting);
        let verdict = match tokio::time::timeout(FIRST_VERDICT, known).await {
            Ok(Ok(standing)) => match &*standing {
                Standing::Lost { trouble, .. } => Err(trouble.clone()),
                Standing::Starting | Standing::Attached { .. } => Ok(()),
            },
            Ok(Err(_)) => Err(Trouble::Lost),
            Err(_) => Err(Trouble::Silent(FIRST_VERDICT)),
        };
        (Tasks { _tasks: tasks }, verdict)
    }
}
