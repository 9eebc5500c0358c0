//! A fleet with an auction under way, and what stands in front of its pods.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::rows::Dies;
use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Rest;
use gavelscope_testkit::fleet::{Adapter, Fleet, FleetOptions};
use gavelscope_testkit::pods::{Pod, PodKind, Seed, seed_lots};
use gavelscope_testkit::proxy::{Fault, Proxy};
use gavelscope_testkit::services::haproxy::{Farm, Haproxy, HaproxyOptions};
use tempfile::TempDir;

/// Longer than pods need to find each other, or to notice that they do not, on a busy machine.
const SETTLED: Duration = Duration::from_secs(40);
/// By so much everything that goes to the slow pod, or comes from it, is late.
const LATE: Duration = Duration::from_millis(400);

/// Where clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The fleet's own balancer.
    Balancer,
    /// One that leads everybody to the first pod.
    OnePod,
    /// The way to the last pod is long.
    LatePod,
}

/// The fleet, set up.
pub struct House {
    pub url: String,
    pub seed: Seed,
    pub fleet: Mutex<Fleet>,
    /// The numbers of the pods' processes.
    pub pids: Vec<u32>,
    _before: Option<(Haproxy, Option<Proxy>, TempDir)>,
}

impl House {
    /// Starts it, begins an auction, and waits until every pod knows how it stands with the others.
    pub async fn open(options: FleetOptions, front: Front) -> Result<Self, String> {
        let fleet = Fleet::start(options).await.map_err(|error| error.to_string())?;
        let seed = seed_lots(fleet.url(), 4, 2, 3_600)
            .await
            .map_err(|error| error.to_string())?;
        until_settled(&fleet).await?;
        fleet.begin_trouble().map_err(|error| error.to_string())?;
        let before = before(&fleet, front).await.map_err(|error| error.to_string())?;
        let url = match &before {
            Some((balancer, _, _)) => balancer.urls()[0].clone(),
            None => fleet.url().to_owned(),
        };
        Ok(Self {
            url,
            seed,
            pids: fleet.pods().iter().filter_map(Pod::pid).collect(),
            fleet: Mutex::new(fleet),
            _before: before,
        })
    }

    /// It is gone, at once.
    pub fn kill(&self, dies: Dies) {
        let mut fleet = self.fleet.lock().unwrap();
        match dies {
            Dies::Redis => fleet.redis_mut().unwrap().kill().unwrap(),
            Dies::Pod => fleet.pods_mut().last_mut().unwrap().kill().unwrap(),
        }
    }
}

async fn before(
    fleet: &Fleet,
    front: Front,
) -> Result<Option<(Haproxy, Option<Proxy>, TempDir)>, Box<dyn std::error::Error>> {
    let mut pods: Vec<_> = fleet
        .pods()
        .iter()
        .map(|pod| (pod.name().to_owned(), pod.port()))
        .collect();
    let mut way = None;
    match front {
        Front::Balancer => return Ok(None),
        Front::OnePod => pods.truncate(1),
        Front::LatePod => {
            let last = pods.last_mut().unwrap();
            let proxy = Proxy::start(last.1).await?;
            let (base, jitter) = (LATE, Duration::ZERO);
            proxy.set(Fault::Delay { base, jitter }).await;
            last.1 = proxy.url().rsplit(':').next().unwrap().parse()?;
            way = Some(proxy);
        }
    }
    let folder = tempfile::tempdir()?;
    let name = "pods".to_owned();
    let haproxy = Haproxy::start(folder.path(), HaproxyOptions::default(), &[Farm { name, pods }]).await?;
    Ok(Some((haproxy, way, folder)))
}

/// A pod of `gaveld` knows after a second or two whether it hears the others. Those of the field never say.
async fn until_settled(fleet: &Fleet) -> Result<(), String> {
    let works = matches!(
        fleet.options().adapter,
        Adapter::Redis | Adapter::Stalled | Adapter::Deaf
    );
    let wanted = if works || fleet.pods().len() == 1 {
        "healthy"
    } else {
        "degraded"
    };
    let since = Instant::now();
    for pod in fleet.pods() {
        if pod.kind() == PodKind::Python {
            return Ok(());
        }
        let address = ServerAddress::parse(&pod.url(), DEFAULT_PATH).map_err(|error| error.to_string())?;
        let rest = Rest::new(address).map_err(|error| error.to_string())?;
        loop {
            let health = rest.health().await.map_err(|error| error.to_string())?.body;
            let adapter = health.socketio.as_ref().and_then(|io| io.adapter.as_ref());
            let count = adapter.and_then(|adapter| adapter.pods);
            let all = u32::try_from(fleet.pods().len()).ok();
            if health.status == wanted && (!works || count == all) {
                break;
            }
            if since.elapsed() > SETTLED {
                return Err(format!("{} never was {wanted}: {health:?}", pod.name()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
