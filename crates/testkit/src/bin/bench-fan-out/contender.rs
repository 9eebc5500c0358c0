//! The servers that are measured, each in processes of its own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use gavelscope_contract::Secret;
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, free_port, python, seed};
use gavelscope_testkit::process::Process;
use gavelscope_testkit::services::postgres::Postgres;
use gavelscope_testkit::services::redis::Redis;
use tempfile::TempDir;

use crate::bids::Bidding;
use crate::load::Room;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Gaveld,
    Socketioxide,
    Node,
    Python,
    Bare,
    BareTogether,
}

impl Contender {
    pub(crate) const ALL: [Self; 6] = [
        Self::Gaveld,
        Self::Socketioxide,
        Self::Node,
        Self::Python,
        Self::Bare,
        Self::BareTogether,
    ];
    /// Those that can be several pods.
    pub(crate) const FLEETS: [Self; 3] = [Self::Gaveld, Self::Node, Self::Python];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Gaveld => "gaveld",
            Self::Socketioxide => "socketioxide",
            Self::Node => "node",
            Self::Python => "python",
            Self::Bare => "bare",
            Self::BareTogether => "bare-together",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gaveld => "gaveld, real bids",
            Self::Socketioxide => "socketioxide as gaveld sets it up",
            Self::Node => "Node socket.io",
            Self::Python => "python-socketio + uvicorn",
            Self::Bare => "bare writes, one an event",
            Self::BareTogether => "bare writes, one a bid",
        }
    }
}

/// What goes on without a listener: how bids are made.
#[derive(Debug)]
pub(crate) enum Stimulus {
    /// They are placed, over REST.
    Placed(Bidding),
    /// The server is asked to say them.
    Asked(reqwest::Client, String),
}

/// A server, ready.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) pids: Vec<u32>,
    pub(crate) redis: Option<Redis>,
    pub(crate) stimulus: Stimulus,
    servers: Vec<String>,
    seed: Option<Seed>,
    // Killed when they are dropped; the folder last.
    _pods: Vec<Pod>,
    _processes: Vec<Process>,
    _postgres: Option<Postgres>,
    _folder: TempDir,
}

/// So many can bid at once.
const BIDDERS: usize = 8;
const START_LIMIT: Duration = Duration::from_mins(1);

impl Server {
    /// Starts it; as two pods, with a Redis between them.
    pub(crate) async fn start(contender: Contender, pods: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("gavelscope-bench-").tempdir()?;
        let redis = match pods {
            1 => None,
            _ => Some(Redis::start(folder.path()).await?),
        };
        let url = redis.as_ref().map(Redis::url);
        let mut server = if contender == Contender::Gaveld {
            Self::pods(PodKind::Gaveld, pods, url, folder).await?
        } else {
            Self::processes(contender, pods, url.as_deref(), folder).await?
        };
        server.redis = redis;
        Ok(server)
    }

    /// Pods that take bids.
    pub(crate) async fn pods(
        kind: PodKind,
        count: usize,
        redis: Option<String>,
        folder: TempDir,
    ) -> anyhow::Result<Self> {
        // Pods of a fleet share PostgreSQL, as they would anywhere.
        let postgres = match (kind, count) {
            (PodKind::Gaveld, 2..) => Some(Postgres::start(folder.path()).await?),
            _ => None,
        };
        let options = PodOptions {
            redis_url: redis.map(Secret::new),
            database_url: postgres.as_ref().map(|postgres| Secret::new(postgres.url())),
            no_limits: true,
            ..PodOptions::default()
        };
        let mut pods = vec![Pod::start(kind, options).await?];
        for number in 2..=count {
            let next = pods[0].start_beside(&format!("pod-{number}")).await?;
            pods.push(next);
        }
        let seed = seed(&pods[0].url(), BIDDERS).await?;
        Ok(Self {
            pids: pods.iter().filter_map(Pod::pid).collect(),
            redis: None,
            stimulus: Stimulus::Placed(Bidding::new(
                &pods.iter().map(Pod::url).collect::<Vec<_>>(),
                &seed,
            )?),
            servers: pods
                .iter()
                .map(|pod| format!("127.0.0.1:{}", pod.port()))
                .collect(),
            seed: Some(seed),
            _pods: pods,
            _processes: Vec::new(),
            _postgres: postgres,
            _folder: folder,
        })
    }

    async fn processes(
        contender: Contender,
        count: usize,
        redis: Option<&str>,
        folder: TempDir,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::new();
        let mut processes = Vec::new();
        let mut servers = Vec::new();
        for number in 1..=count {
            let port = free_port()?;
            let mut process = Process::not_started(folder.path().join(format!("server-{number}.log")));
            process.launch(&mut command(contender, port, redis)?)?;
            let address = format!("127.0.0.1:{port}");
            await_health(&http, &address, &mut process).await?;
            processes.push(process);
            servers.push(address);
        }
        let first = servers.first().context("there is a server")?;
        Ok(Self {
            pids: processes.iter().filter_map(Process::pid).collect(),
            redis: None,
            stimulus: Stimulus::Asked(http, format!("http://{first}/go")),
            servers,
            seed: None,
            _pods: Vec::new(),
            _processes: processes,
            _postgres: None,
            _folder: folder,
        })
    }

    /// What the generator has to know.
    pub(crate) fn room(&self, sockets: usize) -> Room {
        let people = self.seed.iter().flat_map(|seed| &seed.people);
        Room {
            servers: self.servers.clone(),
            auction: self
                .seed
                .as_ref()
                .map_or_else(|| "fan-out".to_owned(), |seed| seed.auction.to_string()),
            tokens: people.map(|person| person.access.expose().to_owned()).collect(),
            sockets,
        }
    }

    /// Has so many bids said at this pace; how many there were.
    pub(crate) async fn say(&mut self, bids: u32, per_second: f64) -> anyhow::Result<u32> {
        match &mut self.stimulus {
            Stimulus::Placed(bidding) => bidding.paced(bids, per_second).await.map(|paced| paced.accepted),
            Stimulus::Asked(http, url) => {
                let asked = format!("{url}?bids={bids}&perSecond={per_second}");
                // Who cannot keep the pace is still saying them long after: what was not heard by then is lost.
                let limit = Duration::from_secs_f64(f64::from(bids) / per_second) + Duration::from_secs(20);
                match http.get(asked).timeout(limit).send().await {
                    Ok(answer) => drop(answer.error_for_status()?),
                    Err(error) if error.is_timeout() => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(bids)
            }
        }
    }
}

fn command(contender: Contender, port: u16, redis: Option<&str>) -> anyhow::Result<Command> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let given = serde_json::json!({ "port": port, "redisUrl": redis }).to_string();
    Ok(match contender {
        Contender::Gaveld => bail!("gaveld is started as a pod"),
        Contender::Node => {
            let mut command = Command::new("node");
            command
                .arg(peers.join("fan-out.mjs"))
                .arg(given)
                .env("NODE_ENV", "production");
            command
        }
        Contender::Python => {
            let mut command = Command::new(python()?);
            command
                .arg(peers.join("fan_out.py"))
                .arg(given)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
        Contender::Socketioxide | Contender::Bare | Contender::BareTogether => {
            let mut command = Command::new(std::env::current_exe()?);
            command.args(["serve", contender.word(), &port.to_string()]);
            command
        }
    })
}

async fn await_health(http: &reqwest::Client, address: &str, process: &mut Process) -> anyhow::Result<()> {
    let since = Instant::now();
    let url = format!("http://{address}/health");
    loop {
        let asked = http.get(&url).timeout(Duration::from_secs(2)).send().await;
        if asked.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if process.ended()?.is_some() {
            bail!(
                "a server ended before it answered; its log ends:\n{}",
                process.end_of_log()
            );
        }
        if since.elapsed() > START_LIMIT {
            bail!("a server did not answer within {START_LIMIT:?}");
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
