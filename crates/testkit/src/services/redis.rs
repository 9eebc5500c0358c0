//! Redis, through which the pods of a fleet hear each other. Nothing is kept on the disk.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::certificate::Certificate;
use crate::pods::free_port;
use crate::process::Process;

/// It starts in a moment; a busy machine may take this long over it.
const START_LIMIT: Duration = Duration::from_secs(20);
const END_LIMIT: Duration = Duration::from_secs(5);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// It is not installed, or the system refused something.
    #[error("Redis cannot be started ({0}), so pods cannot hear each other; `cargo xtask setup` installs it")]
    Start(#[source] io::Error),
    /// The system refused something.
    #[error("Redis cannot be signalled: {0}")]
    Signal(#[source] io::Error),
    /// It never answered.
    #[error("Redis did not answer within {START_LIMIT:?}; its log ends:\n{0}")]
    Silent(String),
    /// It did not like what it was told, or could not listen.
    #[error("Redis ended before it answered; its log ends:\n{0}")]
    Ended(String),
}

/// A Redis server. It stays on its port when it is killed and started again.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Redis {
    /// Starts one; its log goes into the folder.
    pub async fn start(folder: &Path) -> Result<Self, RedisError> {
        Self::start_with(folder, &[]).await
    }

    /// The same with more settings, as on its command line: `--requirepass`, `--maxclients`, …
    pub async fn start_with(folder: &Path, arguments: &[&str]) -> Result<Self, RedisError> {
        let port = free_port().map_err(RedisError::Start)?;
        let mut redis = Self {
            process: Process::not_started(folder.join("redis.log")),
            port,
            folder: folder.to_path_buf(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        };
        redis.launch().await?;
        Ok(redis)
    }

    /// The same, with TLS on a second port, by a certificate for `localhost` and 127.0.0.1 from an authority of its own;
    /// that port, and the file with the authority's certificate.
    pub async fn start_with_tls(
        folder: &Path,
        arguments: &[&str],
    ) -> Result<(Self, u16, PathBuf), RedisError> {
        let issued = Certificate::issue(folder, "redis").map_err(RedisError::Start)?;
        let port = free_port().map_err(RedisError::Start)?;
        let text = port.to_string();
        let file = |path: &Path| path.to_string_lossy().into_owned();
        let (certificate, key) = (file(&issued.certificate), file(&issued.key));
        let trusted = file(&issued.authority);
        let mut all = vec!["--tls-port", &text, "--tls-auth-clients", "no"];
        all.extend(["--tls-cert-file", &certificate, "--tls-key-file", &key]);
        all.extend(["--tls-ca-cert-file", &trusted]);
        all.extend(arguments);
        let redis = Self::start_with(folder, &all).await?;
        Ok((redis, port, issued.authority))
    }

    /// Where it listens, without TLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, where it asks for no password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Kills it: its connections are reset, and nobody listens.
    pub fn kill(&mut self) -> Result<(), RedisError> {
        self.process.kill().map_err(RedisError::Signal)
    }

    /// Tells it to end, and waits until it has.
    pub async fn end(&mut self) -> Result<(), RedisError> {
        let ended = self.process.end(Signal::TERM, END_LIMIT).await;
        ended.map(drop).map_err(RedisError::Signal)
    }

    /// Stops the process (SIGSTOP): its connections stay open, new ones are taken by the kernel, nothing is answered.
    pub fn stop_process(&self) -> Result<(), RedisError> {
        self.process.signal(Signal::STOP).map_err(RedisError::Signal)
    }

    /// Sets a stopped process going again.
    pub fn continue_process(&self) -> Result<(), RedisError> {
        self.process.signal(Signal::CONT).map_err(RedisError::Signal)
    }

    /// Starts it again on its port, killing it first where it still runs.
    pub async fn restart(&mut self) -> Result<(), RedisError> {
        self.launch().await
    }

    async fn launch(&mut self) -> Result<(), RedisError> {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .arg("--dir")
            .arg(&self.folder)
            .args(&self.arguments);
        self.process.launch(&mut command).map_err(RedisError::Start)?;
        let since = Instant::now();
        while !self.answers().await {
            if self.process.ended().map_err(RedisError::Start)?.is_some() {
                return Err(RedisError::Ended(self.process.end_of_log()));
            }
            if since.elapsed() > START_LIMIT {
                return Err(RedisError::Silent(self.process.end_of_log()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// That it wants a password is an answer too.
    async fn answers(&self) -> bool {
        let asked = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            stream.write_all(b"PING\r\n").await?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await?;
            io::Result::Ok(answer == *b"+PONG" || answer == *b"-NOAU")
        };
        matches!(
            tokio::time::timeout(Duration::from_secs(2), asked).await,
            Ok(Ok(true))
        )
    }
}
