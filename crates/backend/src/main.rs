//! `gaveld`: the auction backend as a process.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use gavelscope_backend::{
    Database, Demo, DemoPerson, DemoSpec, Drain, Limits, Redis, Running, Settings, StartError, Web,
    seed_demo, start,
};
use gavelscope_contract::{Money, PodId, Secret};
use tracing_subscriber::EnvFilter;

/// The auction backend: leagues, live auctions and bids over REST and Socket.IO.
///
/// SIGTERM stops it in good order within 10 s: clients are sent to other pods first. Ctrl-C stops it without that, and a
/// second signal at once.
///
/// Exit codes: 0 stopped as asked · 1 something else failed · 2 wrong usage · 3 cannot listen · 4 cannot open the
/// database · 5 Redis is required and cannot be used.
#[derive(Debug, Parser)]
#[command(name = "gaveld", version)]
struct Arguments {
    /// Where to listen, as address:port; port 0 takes a free one.
    #[arg(
        long,
        env = "GAVELD_LISTEN",
        default_value = "127.0.0.1:8001",
        value_name = "ADDRESS"
    )]
    listen: SocketAddr,
    /// Where the state is kept: a file, made where it is missing (`sqlite:` may stand before it), `:memory:`, which keeps
    /// nothing, or `postgres://user:password@host/database` for a fleet.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "auction.db",
        value_name = "FILE|URL"
    )]
    database: Database,
    /// The name this instance goes by in headers, acks and logs [default: the host's name and four random letters]
    #[arg(long, env = "GAVELD_POD_ID", value_name = "NAME")]
    pod_id: Option<String>,
    /// Hand the token of a sign-in link back to whoever asks for it, instead of mailing it: anybody can then sign in
    /// as anybody. For development.
    #[arg(long, env = "GAVELD_DEV_SIGN_IN")]
    dev_sign_in: bool,
    /// What tokens are signed with [default: made once and kept in the database]
    #[arg(
        long,
        env = "GAVELD_TOKEN_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    token_secret: Option<String>,
    /// Set up a league with a commissioner, bidders and 12 lots, and print how to join. Implies --dev-sign-in.
    #[arg(long, env = "GAVELD_DEMO")]
    demo: bool,
    /// How logs are written; what is logged is said by `RUST_LOG`.
    #[arg(
        long,
        env = "GAVELD_LOG_FORMAT",
        default_value = "text",
        value_name = "FORMAT"
    )]
    log_format: LogFormat,
    /// How many packets may wait for one slow socket.
    #[arg(
        long,
        env = "GAVELD_SOCKET_BUFFER",
        default_value_t = 1024,
        value_name = "PACKETS"
    )]
    socket_buffer: u16,
    /// How many events of an auction are kept to fill gaps from.
    #[arg(long, env = "GAVELD_KEPT_EVENTS", default_value_t = 5000, value_name = "EVENTS",
          value_parser = clap::value_parser!(u32).range(10..))]
    kept_events: u32,
    /// How many seconds this pod serves on, once told to stop by SIGTERM, while `/health` says `draining`: what the
    /// balancer in front needs to notice. At most 3.
    #[arg(
        long,
        env = "GAVELD_DRAIN_NOTICE",
        default_value = "2",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    drain_notice: Duration,
    #[command(flatten)]
    redis: Redis,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    web: Web,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

fn pod_name() -> PodId {
    let host = std::env::var("HOSTNAME")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .unwrap_or_default();
    let host = host.trim().split('.').next().unwrap_or_default();
    let random = Settings::random_pod();
    match host {
        "" => random,
        // Two instances on one host are two pods.
        host => PodId(format!(
            "{host}-{}",
            random
                .as_str()
                .trim_start_matches("pod-")
                .get(..4)
                .unwrap_or_default()
        )),
    }
}

fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,engineioxide=warn,socketioxide=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_logging(arguments.log_format);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("cannot start: {error}")),
    };
    let code = runtime.block_on(serve(arguments));
    // What is left after a stop at once is not waited for.
    runtime.shutdown_background();
    code
}

fn fail(code: u8, sentence: &str) -> ExitCode {
    eprintln!("gaveld: {sentence}");
    ExitCode::from(code)
}

async fn serve(arguments: Arguments) -> ExitCode {
    let settings = Settings {
        listen: arguments.listen,
        database: arguments.database,
        pod: arguments.pod_id.map_or_else(pod_name, PodId),
        dev_sign_in: arguments.dev_sign_in || arguments.demo,
        token_secret: arguments.token_secret.map(Secret::new),
        socket_buffer: usize::from(arguments.socket_buffer).max(16),
        kept_events: arguments.kept_events,
        redis: arguments.redis,
        limits: arguments.limits,
        web: arguments.web,
        ..Settings::practice()
    };
    for line in settings.summary() {
        tracing::info!("{line}");
    }
    if settings.dev_sign_in {
        tracing::warn!("development sign-in is on: anybody who can reach this server can sign in as anybody");
    }
    // Before anybody is answered: who sees that it is there may tell it to stop.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return fail(1, &format!("signals cannot be waited for: {error}")),
    };
    let started = tokio::select! {
        biased;
        started = Box::pin(start(settings)) => started,
        // Nobody was answered yet.
        _ = signals.next(|| ()) => return ExitCode::SUCCESS,
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            let code = match error {
                StartError::AddressInUse(_) | StartError::Listen { .. } => 3,
                StartError::Database { .. } => 4,
                StartError::PodName(_) | StartError::Redis(_) | StartError::Certificate(_) => 2,
                StartError::RedisRequired { .. } => 5,
                StartError::Threads(_) => 1,
            };
            return fail(code, &error.to_string());
        }
    };
    if arguments.demo
        && let Err(error) = set_up_demo(&running).await
    {
        running.stop().await;
        return fail(1, &format!("cannot set up the demonstration: {error}"));
    }
    let first = signals.next(|| read_certificate_again(&running)).await;
    let stopping = async {
        match first {
            Signal::Terminate => {
                let notice = arguments.drain_notice;
                running
                    .drain(Drain {
                        notice,
                        ..Drain::default()
                    })
                    .await;
            }
            Signal::Interrupt => running.stop().await,
        }
    };
    tokio::select! {
        () = stopping => ExitCode::SUCCESS,
        _ = signals.next(|| ()) => fail(1, "asked twice to stop, so it stops at once"),
    }
}

async fn set_up_demo(running: &Running) -> anyhow::Result<()> {
    let person = |name: &str| DemoPerson {
        name: name.to_owned(),
        email: format!("{}@demo.example", name.to_lowercase()),
    };
    let spec = DemoSpec {
        league_name: "Demonstration league".to_owned(),
        people: ["Carla", "Ada", "Bruno", "Chidi"].map(person).into(),
        commissioner: 0,
        lots: 12,
        timer_seconds: 30,
        anti_snipe_seconds: 10,
        budget: Money::from_pounds(500_000_000),
        club_slots: 3,
    };
    let demo = seed_demo(running, &spec).await?;
    print_demo(running, &spec, &demo)?;
    Ok(())
}

fn print_demo(running: &Running, spec: &DemoSpec, demo: &Demo) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "A league is set up, and its auction waits for the commissioner to begin.\n"
    )?;
    writeln!(out, "  server         {}", running.url())?;
    writeln!(out, "  socket path    /api/socket.io/")?;
    writeln!(out, "  league         {}", demo.league)?;
    writeln!(out, "  auction        {}", demo.auction)?;
    writeln!(out, "  invite token   {}", demo.invite_token)?;
    for (number, person) in spec.people.iter().enumerate() {
        let role = if number == demo.commissioner {
            "commissioner"
        } else {
            "bidder"
        };
        writeln!(out, "  {role:<14} {} signs in as {}", person.name, person.email)?;
    }
    writeln!(
        out,
        "\nSigning in needs no mail here: the server hands the link's token back. Stop it with Ctrl-C."
    )?;
    out.flush()
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| format!("“{text}” is no number of seconds"))?;
    if (0.0..=3.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("a number of seconds from 0 to 3 is wanted, because a drain ends within 10 s".to_owned())
    }
}

fn read_certificate_again(running: &Running) {
    match running.read_certificate_again() {
        Ok(()) => tracing::info!("the certificate was read again"),
        Err(error) => tracing::error!(%error, "the certificate stays as it was"),
    }
}

/// How a process is asked to stop.
enum Signal {
    /// By whoever runs it: a service, a rolling restart.
    Terminate,
    /// By Ctrl-C.
    Interrupt,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Returns when the process is asked to stop; until then, does what a hang-up asks for.
    async fn next(&mut self, hung_up: impl Fn()) -> Signal {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Signal::Terminate,
                _ = self.interrupt.recv() => return Signal::Interrupt,
                _ = self.hang_up.recv() => hung_up(),
            }
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "elsewhere it can fail")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self, _hung_up: impl Fn()) -> Signal {
        let _ = tokio::signal::ctrl_c().await;
        Signal::Interrupt
    }
}
