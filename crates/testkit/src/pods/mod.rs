//! Real backends as processes: `gaveld`, and a python-socketio pod like those in the field. They can be killed,
//! stopped, set going again and restarted on their port, and go on where they were: the state is in a file.

mod port;
mod programs;
mod seed;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Deserialize;
use tempfile::TempDir;

use gavelscope_contract::auction::Bid;
use gavelscope_contract::{AuctionId, Secret};

use crate::process::Process;

pub use port::free_port;
pub use programs::python;
pub use seed::{Cast, Seed, SeedError, seed, seed_cast, seed_lots, set_up};

/// How long a pod may take until it answers; Python on a busy machine is slow to start.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long one that is told to end may take before it is killed.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodKind {
    /// Our own, with everything of the contract's section 5.
    Gaveld,
    /// One on python-socketio, with everything of section 4.
    Python,
}

/// How a pod is to be.
#[derive(Debug, Clone)]
pub struct PodOptions {
    /// Where it listens; none takes a free one.
    pub port: Option<u16>,
    /// The Python pod's quirks that are left out, by the names in `pods/python/quirks.py`.
    pub without: Vec<&'static str>,
    /// The Python pod's heartbeat: the interval and what a late answer is waited for, s. (`gaveld` has 20 and 25.)
    pub heartbeat: (f64, f64),
    /// Where the pods of its fleet hear each other; none leaves it alone. A secret, because it may hold a password.
    pub redis_url: Option<Secret>,
    /// Pods on another channel hear nothing of it; none is the usual one.
    pub channel: Option<String>,
    /// Where `gaveld` keeps its state; none is a file of the pod's folder. (The Python pods always share that file.)
    pub database_url: Option<Secret>,
    /// `gaveld` lets anybody do as much as they like, for tests of load. (The Python pod always does.)
    pub no_limits: bool,
}

impl Default for PodOptions {
    fn default() -> Self {
        Self {
            port: None,
            without: Vec::new(),
            heartbeat: (20.0, 25.0),
            redis_url: None,
            channel: None,
            database_url: None,
            no_limits: false,
        }
    }
}

/// Why a pod is not there.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// No Python with the pods' packages.
    #[error(
        "there is no Python with the pods' packages at {0}, so no pod can be started; run `cargo xtask setup`"
    )]
    NoPython(PathBuf),
    /// `gaveld` was not built.
    #[error(
        "there is no gaveld at {0}, so no pod can be started; run `cargo build --package gavelscope-backend`, \
         or name it in GAVELSCOPE_GAVELD"
    )]
    NoGaveld(PathBuf),
    /// The operating system refused something.
    #[error("{doing}: {error}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// It ended before it answered.
    #[error("the pod ended with {status} before it answered; its log ends:\n{log}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// Its last words.
        log: String,
    },
    /// It never answered.
    #[error("the pod did not answer /health within {START_LIMIT:?}; its log ends:\n{log}")]
    Silent {
        /// Its last words.
        log: String,
    },
    /// It answered something else than expected.
    #[error("the pod's answer could not be had or read: {0}")]
    Answer(#[from] reqwest::Error),
}

fn system(doing: &'static str) -> impl Fn(std::io::Error) -> PodError {
    move |error| PodError::System { doing, error }
}

/// A backend as a process. It is killed when it is dropped, and its files go with the last pod that uses them.
#[derive(Debug)]
pub struct Pod {
    kind: PodKind,
    options: PodOptions,
    port: u16,
    name: String,
    folder: Arc<TempDir>,
    process: Process,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Snapshot {
    bids: Vec<Bid>,
}

impl Pod {
    /// Starts one with files of its own, and waits until it answers.
    pub async fn start(kind: PodKind, options: PodOptions) -> Result<Self, PodError> {
        let folder = tempfile::Builder::new()
            .prefix("gavelscope-pod-")
            .tempdir()
            .map_err(system("making the pod's folder"))?;
        Self::start_in(kind, options, "pod-1".to_owned(), Arc::new(folder)).await
    }

    /// Starts another one on the same files: its successor, or its neighbour.
    pub async fn start_beside(&self, name: &str) -> Result<Self, PodError> {
        let options = PodOptions {
            port: None,
            ..self.options.clone()
        };
        Self::start_in(self.kind, options, name.to_owned(), Arc::clone(&self.folder)).await
    }

    /// Starts one by this name on the files of this folder, where its log is kept too.
    pub(crate) async fn start_in(
        kind: PodKind,
        options: PodOptions,
        name: String,
        folder: Arc<TempDir>,
    ) -> Result<Self, PodError> {
        let port = match options.port {
            Some(port) => port,
            None => free_port().map_err(system("looking for a free port"))?,
        };
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()?;
        let log = folder.path().join(format!("{name}.log"));
        let mut pod = Self {
            kind,
            options,
            port,
            name,
            folder,
            process: Process::not_started(log),
            http,
        };
        pod.launch().await?;
        Ok(pod)
    }

    /// Which backend it is.
    pub fn kind(&self) -> PodKind {
        self.kind
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it goes by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Everything it said so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Kills it as the kernel does when memory runs out: nothing more is written, said or closed by it.
    pub fn kill(&mut self) -> Result<(), PodError> {
        self.process.kill().map_err(system("killing the pod"))
    }

    /// Tells it to end, as a rolling restart does, and waits until it has. One that does not is killed; then there is
    /// no status.
    pub async fn end(&mut self) -> Result<Option<ExitStatus>, PodError> {
        self.process
            .end(Signal::TERM, END_LIMIT)
            .await
            .map_err(system("waiting for the pod to end"))
    }

    /// How it ended, if it ended by itself since it was last asked.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, PodError> {
        self.process.ended().map_err(system("looking after the pod"))
    }

    /// Stops the process (SIGSTOP): its connections stay open, and nothing is answered.
    pub fn stop_process(&self) -> Result<(), PodError> {
        self.signal(Signal::STOP)
    }

    /// Sets a stopped process going again.
    pub fn continue_process(&self) -> Result<(), PodError> {
        self.signal(Signal::CONT)
    }

    /// Starts it again on its port and its files, killing it first where it still runs.
    pub async fn restart(&mut self) -> Result<(), PodError> {
        self.kill()?;
        self.launch().await
    }

    /// Every bid of the auction, in the order in which the server took them. (`gaveld` tells those of the lot on the
    /// block, and a [`Seed`] has no other.)
    pub async fn bids(&self, seed: &Seed) -> Result<Vec<Bid>, PodError> {
        let auction = &seed.auction;
        let path = match self.kind {
            PodKind::Python => format!("/api/testkit/auction/{auction}/bids"),
            PodKind::Gaveld => format!("/api/auction/{auction}"),
        };
        let mut request = self.http.get(self.url() + &path);
        if let Some(person) = seed.people.first() {
            request = request.bearer_auth(person.access.expose());
        }
        let answer = request.send().await?.error_for_status()?;
        Ok(match self.kind {
            PodKind::Python => answer.json().await?,
            PodKind::Gaveld => answer.json::<Snapshot>().await?.bids,
        })
    }

    /// Lets a Python pod say these Socket.IO packets to every socket in the auction's room, unseen: how a backend
    /// gone mad sounds. Returns how many sockets heard them.
    pub async fn say_raw(&self, auction: &AuctionId, frames: &[String]) -> Result<usize, PodError> {
        #[derive(Deserialize)]
        struct Said {
            sockets: usize,
        }
        let url = format!("{}/api/testkit/auction/{auction}/frames", self.url());
        let request = self.http.post(url).json(&serde_json::json!({ "frames": frames }));
        let answer = request.send().await?.error_for_status()?;
        Ok(answer.json::<Said>().await?.sockets)
    }

    fn signal(&self, signal: Signal) -> Result<(), PodError> {
        self.process
            .signal(signal)
            .map_err(system("sending the pod a signal"))
    }

    async fn launch(&mut self) -> Result<(), PodError> {
        let mut command = self.command()?;
        self.process
            .launch(&mut command)
            .map_err(system("starting the pod"))?;
        self.wait_until_it_answers().await
    }

    fn command(&self) -> Result<Command, PodError> {
        let file = self.folder.path().join("auction.db");
        let mut command = match self.kind {
            PodKind::Gaveld => {
                let mut command = Command::new(programs::gaveld()?);
                command
                    .args(["--listen", &format!("127.0.0.1:{}", self.port)])
                    .args(["--pod-id", &self.name, "--dev-sign-in"]);
                // A developer's own database is none of a test's business, nor is their Redis.
                command.env_remove("DATABASE_URL").env_remove("REDIS_URL");
                if self.options.no_limits {
                    command.arg("--no-limits");
                }
                match &self.options.database_url {
                    Some(url) => command.env("DATABASE_URL", url.expose()),
                    None => command.arg("--database").arg(file),
                };
                command
            }
            PodKind::Python => {
                let pod = Path::new(env!("CARGO_MANIFEST_DIR")).join("pods/python/pod.py");
                let (interval, timeout) = self.options.heartbeat;
                let mut command = Command::new(programs::python()?);
                command
                    .env_remove("REDIS_URL")
                    .arg(pod)
                    .args(["--port", &self.port.to_string(), "--pod", &self.name])
                    .args(["--without", &self.options.without.join(",")])
                    .args(["--ping-interval", &interval.to_string()])
                    .args(["--ping-timeout", &timeout.to_string()])
                    .arg("--database")
                    .arg(file)
                    .env("PYTHONDONTWRITEBYTECODE", "1")
                    .env("PYTHONUNBUFFERED", "1");
                command
            }
        };
        if let Some(url) = &self.options.redis_url {
            command.env("REDIS_URL", url.expose());
        }
        if let Some(channel) = &self.options.channel {
            match self.kind {
                PodKind::Gaveld => command.env("GAVELD_REDIS_CHANNEL", channel),
                PodKind::Python => command.args(["--channel", channel]),
            };
        }
        Ok(command)
    }

    async fn wait_until_it_answers(&mut self) -> Result<(), PodError> {
        let url = format!("{}/api/health", self.url());
        let since = Instant::now();
        loop {
            if let Some(status) = self.process.ended().map_err(system("looking after the pod"))? {
                let log = self.process.end_of_log();
                return Err(PodError::Ended { status, log });
            }
            let asked = self.http.get(&url).timeout(Duration::from_secs(2)).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if since.elapsed() > START_LIMIT {
                let log = self.process.end_of_log();
                return Err(PodError::Silent { log });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}
