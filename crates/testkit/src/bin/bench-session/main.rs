//! What a session costs, beside the official JavaScript client and a bare websocket loop. `cargo xtask bench session`.
//!
//! Each client runs in a process of its own, so that neither the server nor another client is counted. The method
//! stands in `docs/benchmarks.md`.

mod client;
mod table;

use std::path::Path;

use anyhow::{Context as _, bail};
use gavelscope_testkit::flood::Flood;
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// What one client did in one run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    events: u64,
    seconds: f64,
    cpu_seconds: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    rss_mb: f64,
    peak_mb: f64,
    /// Whether its state is that of all the events.
    whole: bool,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Bare,
    Library,
    Wire,
    RustSocketio,
    JavaScript,
}

impl Contender {
    const ALL: [Self; 5] = [
        Self::Bare,
        Self::Library,
        Self::Wire,
        Self::RustSocketio,
        Self::JavaScript,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare tokio-tungstenite + serde",
            Self::Library => "rust_socketio alone, events counted",
            Self::Wire => "Session with wire",
            Self::RustSocketio => "Session with rust_socketio",
            Self::JavaScript => "Node socket.io-client",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Library => "library",
            Self::Wire => "wire",
            Self::RustSocketio => "rust_socketio",
            Self::JavaScript => "javascript",
        }
    }
}

/// What was asked for on the command line.
struct Asked {
    events: u64,
    runs: usize,
    seconds: u64,
    only: Vec<Contender>,
}

const HELP: &str =
    "bench-session [--events N] [--runs N] [--seconds N] [--only bare|library|wire|rust_socketio|javascript]
  --events   events of a flood (1000000)
  --runs     runs of which the medians are taken (5)
  --seconds  length of a latency run at 1,000 events a second (5)
  --only     this contender alone; may be given more than once";

/// Events a second while latency is measured.
const PACE: u64 = 1_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.first().map(String::as_str) {
        Some("client") => {
            let [_, contender, url, events, rate] = arguments.as_slice() else {
                bail!("client takes a contender, an address, a number of events and a rate");
            };
            let rate = rate.parse().ok();
            let outcome = runtime.block_on(client::run(contender, url, events.parse()?, rate))?;
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
        Some("-h" | "--help") => {
            println!("{HELP}");
            Ok(())
        }
        _ => runtime.block_on(all(&read(&arguments)?)),
    }
}

fn read(arguments: &[String]) -> anyhow::Result<Asked> {
    let mut asked = Asked {
        events: 1_000_000,
        runs: 5,
        seconds: 5,
        only: Vec::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} takes a value\n{HELP}"))?;
        match name.as_str() {
            "--events" => asked.events = value.parse()?,
            "--runs" => asked.runs = value.parse()?,
            "--seconds" => asked.seconds = value.parse()?,
            "--only" => asked.only.extend(
                Contender::ALL
                    .into_iter()
                    .filter(|contender| contender.word() == value),
            ),
            _ => bail!("{name} is not known\n{HELP}"),
        }
    }
    if asked.only.is_empty() {
        asked.only = Contender::ALL.to_vec();
    }
    Ok(asked)
}

async fn all(asked: &Asked) -> anyhow::Result<()> {
    let mut floods = vec![Vec::new(); asked.only.len()];
    let mut paced = vec![Vec::new(); asked.only.len()];
    for run in 1..=asked.runs {
        // Side by side in every run, so that a machine that grows slower does so for all of them.
        for (index, contender) in asked.only.iter().enumerate() {
            let flood = one(*contender, asked.events, None).await?;
            let pace = one(*contender, asked.seconds * PACE, Some(PACE)).await?;
            eprintln!(
                "run {run} · {}: {:.0} events/s, {:.3} CPU s per 100,000, p50 {:.2} ms, {:.1} MB{}",
                contender.name(),
                table::per_second(&flood),
                table::cpu(&flood),
                pace.p50_ms.unwrap_or_default(),
                flood.rss_mb,
                if flood.whole && pace.whole {
                    ""
                } else {
                    ", not whole"
                },
            );
            floods[index].push(flood);
            paced[index].push(pace);
        }
    }
    table::print(&asked.only, &floods, &paced);
    Ok(())
}

async fn one(contender: Contender, events: u64, rate: Option<u64>) -> anyhow::Result<Outcome> {
    let server = Flood::start().await?;
    let rate = rate.map_or("flood".to_owned(), |rate| rate.to_string());
    let mut command = if contender == Contender::JavaScript {
        let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/fold.mjs");
        let mut command = Command::new("node");
        command.arg(peer);
        command
    } else {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["client", contender.word()]);
        command
    };
    let output = command
        .args([server.url(), events.to_string(), rate])
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("cannot start {}", contender.name()))?;
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.trim()).with_context(|| format!("{} said “{text}”", contender.name()))
}
