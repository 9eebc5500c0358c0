//! HAProxy in front of pods, as many a field has it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::pods::free_port;
use crate::process::Process;

/// It reads its configuration and listens; a busy machine may take this long over it.
const START_LIMIT: Duration = Duration::from_secs(20);
/// Where Debian and Ubuntu put it; a user's PATH need not have that folder.
const PROGRAMS: [&str; 3] = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "haproxy"];

/// Which pod gets the next connection or request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// Any.
    Random,
    /// The one that this client's cookie names; the first time, one after the other.
    Sticky,
}

impl Balance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RoundRobin, Self::Random, Self::Sticky];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::Random => "random",
            Self::Sticky => "sticky",
        }
    }
}

impl FromStr for Balance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        super::one_of(text, "balancer", Self::ALL.map(|one| (one.name(), one)))
    }
}

/// Pods behind one address.
#[derive(Debug, Clone)]
pub struct Farm {
    /// Its name in the log.
    pub name: String,
    /// The pods' names and ports on loopback.
    pub pods: Vec<(String, u16)>,
}

/// How it balances.
#[derive(Debug, Clone, Copy, Default)]
pub struct HaproxyOptions {
    /// Which pod is next.
    pub balance: Balance,
    /// Websocket upgrades are refused with 403, so that only long polling is left.
    pub refuse_websockets: bool,
    /// Where the first farm is found, and the others behind it; none takes free ports.
    pub port: Option<u16>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum HaproxyError {
    /// It is not installed, or the system refused something.
    #[error("HAProxy cannot be started ({0}), so nothing can be balanced; `cargo xtask setup` installs it")]
    Start(#[source] std::io::Error),
    /// It did not like what it was told, or could not listen.
    #[error("HAProxy ended before it listened; its log ends:\n{0}")]
    Ended(String),
    /// It never listened.
    #[error("HAProxy did not listen within {START_LIMIT:?}; its log ends:\n{0}")]
    Silent(String),
}

/// The balancer.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
    urls: Vec<String>,
}

impl Haproxy {
    /// Starts one process with an address for each farm. Its configuration and its log go into the folder.
    pub async fn start(folder: &Path, options: HaproxyOptions, farms: &[Farm]) -> Result<Self, HaproxyError> {
        let mut ports = Vec::new();
        for place in 0..farms.len() {
            ports.push(match (options.port, u16::try_from(place)) {
                (Some(first), Ok(place)) => first.saturating_add(place),
                _ => free_port().map_err(HaproxyError::Start)?,
            });
        }
        let file = folder.join("haproxy.cfg");
        std::fs::write(&file, configuration(options, farms, &ports)).map_err(HaproxyError::Start)?;
        let mut process = Process::not_started(folder.join("haproxy.log"));
        process
            // In the foreground, so that its number is the one that is known here.
            .launch(Command::new(program()).arg("-db").arg("-f").arg(file))
            .map_err(HaproxyError::Start)?;
        let mut haproxy = Self {
            process,
            urls: ports
                .iter()
                .map(|port| format!("http://127.0.0.1:{port}"))
                .collect(),
        };
        haproxy.until_it_listens(&ports).await?;
        Ok(haproxy)
    }

    /// The farms' addresses, in the order in which they were given, without a slash at their ends.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The number of its process.
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    async fn until_it_listens(&mut self, ports: &[u16]) -> Result<(), HaproxyError> {
        let since = Instant::now();
        for port in ports {
            while tokio::net::TcpStream::connect(("127.0.0.1", *port))
                .await
                .is_err()
            {
                self.still_runs()?;
                if since.elapsed() > START_LIMIT {
                    return Err(HaproxyError::Silent(self.process.end_of_log()));
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // It may have been somebody else who listens there.
        self.still_runs()
    }

    fn still_runs(&mut self) -> Result<(), HaproxyError> {
        match self.process.ended().map_err(HaproxyError::Start)? {
            Some(_) => Err(HaproxyError::Ended(self.process.end_of_log())),
            None => Ok(()),
        }
    }
}

fn program() -> &'static str {
    let found = PROGRAMS.into_iter().find(|program| Path::new(program).is_file());
    found.unwrap_or("haproxy")
}

/// Websockets stay for hours; requests do not. A connection that cannot be made goes to another pod; a request that was
/// sent is never sent again, because it may be a bid.
fn configuration(options: HaproxyOptions, farms: &[Farm], ports: &[u16]) -> String {
    let mut text = "\
global
    log stderr format raw local0
    maxconn 10000
    no strict-limits
    noreuseport

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option redispatch 1
    retries 2
    retry-on conn-failure
    timeout connect 2s
    timeout http-request 10s
    timeout queue 5s
    timeout client 90s
    timeout server 90s
    timeout tunnel 1h
    timeout check 2s
    default-server check inter 500ms fastinter 200ms downinter 250ms fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down
"
    .to_owned();
    for (farm, port) in farms.iter().zip(ports) {
        // Writing to a string does not fail.
        let _ = write!(text, "\nlisten {}\n    bind 127.0.0.1:{port}\n", farm.name);
        text +=
            "    option httpchk GET /api/health\n    http-check expect status 200\n    option forwardfor\n";
        if options.refuse_websockets {
            text += "    http-request deny deny_status 403 if { req.hdr(Upgrade) -i websocket }\n";
        }
        text += match options.balance {
            Balance::RoundRobin => "    balance roundrobin\n",
            Balance::Random => "    balance random\n",
            Balance::Sticky => "    balance roundrobin\n    cookie POD insert indirect nocache\n",
        };
        for (name, port) in &farm.pods {
            let _ = write!(text, "    server {name} 127.0.0.1:{port}");
            if options.balance == Balance::Sticky {
                let _ = write!(text, " cookie {name}");
            }
            text.push('\n');
        }
    }
    text
}
