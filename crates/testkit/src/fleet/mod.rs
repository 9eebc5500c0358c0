//! A fleet on one machine: pods, the database and the Redis that they share, and HAProxy in front, all real and all in
//! one temporary directory. All of it is gone when the fleet is dropped.

mod options;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::try_join_all;
use gavelscope_contract::Secret;
use tempfile::TempDir;

use crate::pods::{Pod, PodError, PodKind, PodOptions, free_port};
use crate::services::deafness::Deafness;
use crate::services::haproxy::{Farm, Haproxy, HaproxyError, HaproxyOptions};
use crate::services::postgres::{Postgres, PostgresError};
use crate::services::redis::{Redis, RedisError};

pub use options::{Adapter, FleetKind, FleetOptions, MOST_PODS};

/// The channel of the pod that was set up wrongly.
const ANOTHER_CHANNEL: &str = "another-fleet";

/// Why a fleet is not there.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// So many pods are too many, or none.
    #[error("a fleet here has 1 to {MOST_PODS} pods, not {0}")]
    Pods(usize),
    /// No folder, or no free port.
    #[error("the fleet's folder or a free port could not be had: {0}")]
    System(#[from] std::io::Error),
    /// A pod did not start.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// The database did not start.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Redis did not start.
    #[error(transparent)]
    Redis(#[from] RedisError),
    /// The balancer did not start.
    #[error(transparent)]
    Haproxy(#[from] HaproxyError),
}

/// Pods of one kind behind one address.
#[derive(Debug)]
pub struct Side {
    kind: PodKind,
    url: String,
    pods: Vec<Pod>,
}

impl Side {
    /// Which backend.
    pub fn kind(&self) -> PodKind {
        self.kind
    }

    /// The balancer's address for these pods, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The pods, `<kind>-1` first.
    pub fn pods(&self) -> &[Pod] {
        &self.pods
    }

    /// The same, to be killed, ended and started again.
    pub fn pods_mut(&mut self) -> &mut [Pod] {
        &mut self.pods
    }
}

/// The fleet. What is in front is dropped first.
#[derive(Debug)]
pub struct Fleet {
    options: FleetOptions,
    haproxy: Haproxy,
    sides: Vec<Side>,
    /// Between the last pod and Redis, where that pod is not to hear.
    _deafness: Option<Deafness>,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    folder: Arc<TempDir>,
}

impl Fleet {
    /// Starts everything and waits until every pod answers.
    pub async fn start(options: FleetOptions) -> Result<Self, FleetError> {
        if !(1..=MOST_PODS).contains(&options.pods) {
            return Err(FleetError::Pods(options.pods));
        }
        let folder = tempfile::Builder::new().prefix("gavelscope-fleet-").tempdir()?;
        let kinds = options.kind.sides();
        let postgres = if kinds.contains(&PodKind::Gaveld) {
            Some(Postgres::start(folder.path()).await?)
        } else {
            None
        };
        let redis = if options.adapter.has_redis() {
            Some(Redis::start(folder.path()).await?)
        } else {
            None
        };
        let redis_url = match (&redis, options.adapter) {
            (Some(redis), _) => Some(redis.url()),
            (None, Adapter::Dead) => Some(format!("redis://127.0.0.1:{}", free_port()?)),
            (None, _) => None,
        };
        let deafness = match (&redis, options.adapter) {
            (Some(redis), Adapter::Deaf) => Some(Deafness::before(redis.port()).await?),
            _ => None,
        };
        let folder = Arc::new(folder);
        let mut sides = Vec::new();
        for &kind in kinds {
            let one = PodOptions {
                redis_url: redis_url.clone().map(Secret::new),
                database_url: postgres.as_ref().map(|postgres| Secret::new(postgres.url())),
                ..PodOptions::default()
            };
            sides.push(Side {
                kind,
                url: String::new(),
                pods: start_pods(kind, &one, options, deafness.as_ref(), &folder).await?,
            });
        }
        let farms: Vec<_> = sides.iter().map(farm).collect();
        let how = HaproxyOptions {
            balance: options.balancer,
            refuse_websockets: options.refuse_websockets,
            port: options.port,
        };
        let haproxy = Haproxy::start(folder.path(), how, &farms).await?;
        for (side, url) in sides.iter_mut().zip(haproxy.urls()) {
            side.url.clone_from(url);
        }
        Ok(Self {
            options,
            haproxy,
            sides,
            _deafness: deafness,
            redis,
            postgres,
            folder,
        })
    }

    /// What it was started with.
    pub fn options(&self) -> FleetOptions {
        self.options
    }

    /// The balancer's address, without a slash at its end; of the first side where there are two.
    pub fn url(&self) -> &str {
        self.sides.first().map_or("", Side::url)
    }

    /// The pods; of the first side where there are two.
    pub fn pods(&self) -> &[Pod] {
        self.sides.first().map_or(&[], Side::pods)
    }

    /// The same, to be killed, ended and started again.
    pub fn pods_mut(&mut self) -> &mut [Pod] {
        self.sides.first_mut().map_or(&mut [], Side::pods_mut)
    }

    /// Its sides: one for each backend.
    pub fn sides(&self) -> &[Side] {
        &self.sides
    }

    /// The Redis that the pods were told of, where there is one.
    pub fn redis(&self) -> Option<&Redis> {
        self.redis.as_ref()
    }

    /// The same, to be killed and started again.
    pub fn redis_mut(&mut self) -> Option<&mut Redis> {
        self.redis.as_mut()
    }

    /// The database, where there is a `gaveld` in it.
    pub fn postgres(&self) -> Option<&Postgres> {
        self.postgres.as_ref()
    }

    /// The same, to be killed and started again.
    pub fn postgres_mut(&mut self) -> Option<&mut Postgres> {
        self.postgres.as_mut()
    }

    /// The balancer.
    pub fn haproxy(&self) -> &Haproxy {
        &self.haproxy
    }

    /// Where the configuration, the files and the log of every process are, while it lives.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is wrong with it by its options begins: the Redis of [`Adapter::Stalled`] stops answering. Nothing could
    /// be set up on pods of the field after that, so it is the caller who says when.
    pub fn begin_trouble(&self) -> Result<(), FleetError> {
        match (&self.redis, self.options.adapter) {
            (Some(redis), Adapter::Stalled) => Ok(redis.stop_process()?),
            _ => Ok(()),
        }
    }
}

/// The first alone, because it makes the database's tables, then the others at once.
async fn start_pods(
    kind: PodKind,
    one: &PodOptions,
    options: FleetOptions,
    deafness: Option<&Deafness>,
    folder: &Arc<TempDir>,
) -> Result<Vec<Pod>, PodError> {
    let start = |number: usize| {
        let is_last = number == options.pods;
        let is_apart = options.adapter == Adapter::Split && is_last;
        let mut one = PodOptions {
            channel: is_apart.then(|| ANOTHER_CHANNEL.to_owned()),
            ..one.clone()
        };
        if let Some(deafness) = deafness.filter(|_| is_last) {
            one.redis_url = Some(Secret::new(deafness.url()));
        }
        let word = match kind {
            PodKind::Gaveld => "gaveld",
            PodKind::Python => "python",
        };
        Pod::start_in(kind, one, format!("{word}-{number}"), Arc::clone(folder))
    };
    let mut pods = vec![start(1).await?];
    pods.extend(try_join_all((2..=options.pods).map(start)).await?);
    Ok(pods)
}

fn farm(side: &Side) -> Farm {
    let pods = side.pods.iter();
    Farm {
        name: match side.kind {
            PodKind::Gaveld => "rust".to_owned(),
            PodKind::Python => "python".to_owned(),
        },
        pods: pods.map(|pod| (pod.name().to_owned(), pod.port())).collect(),
    }
}
