//! The command line.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gavelscope_client::state::TransportKind;
use gavelscope_contract::Secret;

const EXIT_CODES: &str =
    "Exit codes (doctor: 0 healthy, 1 worth a look, 2 broken, 3 cannot be known, 4 nobody answers):
  0   done                              20  no such auction, league or invitation
  10  wrong address, or nobody answers  21  not an amount
  11  TLS does not trust the server     22  the bid breaks a rule; nothing was sent
  12  not an auction backend            23  the server refused the bid
  13  no Socket.IO at this path         24  the bid was not stored
  14  sign-in refused                   25  the bid's fate is unknown
  15  no answer in time                 26  accepted, but never seen in the room
  16  an answer breaks the contract     27  the server refused something else
  17  the connection was lost           30  the demonstration cannot start
  40  a replay differs                  41  not a recording, or not readable
  64  wrong usage                       31  the result does not add up
  74  the output cannot be written      71  the system refused something
  130 stopped with Ctrl-C before the end

Errors go to standard error: what happened, and what to do. docs/cli.md has the JSON lines.";

const EXAMPLES: &str = "Examples:
  gavelctl demo --play                      a whole auction between bots, here, in a minute
  gavelctl demo                             a backend with bots to point the window at
  gavelctl check --server auctions.example  is there an auction backend?
  gavelctl doctor --server auctions.example --email me@example.com --probe     what is wrong, and what to do
  gavelctl watch --server auctions.example --email me@example.com --league LEAGUE
  gavelctl bid --email me@example.com --auction AUCTION 5.5m
  gavelctl bots --invite TOKEN 3            three bots join a league and play
  gavelctl replay recordings/               a recorded session once more, checked byte for byte";

/// Watch and play live auctions from a terminal.
#[derive(Debug, Parser)]
#[command(name = "gavelctl", version, after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Arguments {
    /// Print one JSON object a line, for programs (docs/cli.md)
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow an auction until it is over
    #[command(after_help = "Examples:
  gavelctl watch --email me@example.com --auction AUCTION
  gavelctl watch --email me@example.com --league LEAGUE --json | jq -r 'select(.type==\"hammer\").club.name'
  gavelctl watch --email me@example.com --token-stdin --league LEAGUE < link-token.txt")]
    Watch(WatchArguments),
    /// Bid once, and say what became of it
    #[command(after_help = "Examples:
  gavelctl bid --email me@example.com --auction AUCTION 5000000
  gavelctl bid --email me@example.com --auction AUCTION 5.5m --json

The exit code tells the bid's fate: 0 confirmed, 21 not an amount, 22 breaks a rule (nothing was sent), 23 refused,
24 not stored, 25 unknown, 26 accepted but never seen in the room. A bid is sent once; only a server that has shown
that it takes a bid's key but once is asked again. The bid is written to a file before it leaves; if the program is
killed before the answer comes, the next run looks for the bid and says what became of it.")]
    Bid(BidArguments),
    /// Play with bidders that bid by themselves, until the auction is over
    #[command(after_help = "Examples:
  gavelctl bots --invite TOKEN 3                     three bots join the league and wait for its auction
  gavelctl bots --invite TOKEN --pace 0.2 --quiet 5  five hasty ones, who only say at the end what they did

Bots sign in by themselves, which only a backend with development sign-in allows.")]
    Bots(BotsArguments),
    /// Start a backend with a league, an auction and bots, here or on a development server
    #[command(after_help = "Examples:
  gavelctl demo                      starts a backend and bots, says how to join, and waits for you to begin
  gavelctl demo --begin              the same, and the auction begins at once
  gavelctl demo --play               bots alone play it to its end; prints who won what
  gavelctl demo --play --lots 3 --pace 0.1 --transport wire")]
    Demo(DemoArguments),
    /// Play a recorded session once more, and check every state that it recorded
    #[command(after_help = "Examples:
  gavelctl watch --email me@example.com --auction AUCTION --record evening/
  gavelctl replay evening/                 as fast as possible
  gavelctl replay --speed 10 evening/      ten times as fast as it was
  gavelctl replay --json FILE | jq -r 'select(.type==\"bid\").amount'

Every input of the recording is folded by the same rules as in the session. Exit codes: 0 every recorded state came out
again, byte for byte; 40 one did not (the sentence names the line and the first difference); 41 it is not a recording, or a
line cannot be read.")]
    Replay(ReplayArguments),
    /// Find out what is wrong with a backend, how that is known, and what to do
    #[command(after_help = "Examples:
  gavelctl doctor --server auctions.example --email me@example.com --probe
  gavelctl doctor --email me@example.com --auction AUCTION --watch     judge by what a session sees, and go on
  gavelctl doctor --probe --save report.json --json | jq .report.verdict
  gavelctl doctor --evidence report.json                               judge saved evidence once more
  REDIS_URL=rediss://:password@cache:6380 gavelctl doctor --email me@example.com --probe     for operators: Redis, too

A probe takes about ten seconds, at most 20 connections and 10 requests a second. It happens in a room of its own: it
never bids, and joins no auction's room. Our own backend lets only its users probe (--email).

Exit codes: 0 healthy, 1 worth a look, 2 broken, 3 cannot be known, 4 nobody answers, 64 wrong usage.")]
    Doctor(DoctorArguments),
    /// Ask whether there is an auction backend
    #[command(after_help = "Examples:
  gavelctl check --server auctions.example")]
    Check(ServerArguments),
}

/// Which backend.
#[derive(Debug, Args)]
pub struct ServerArguments {
    /// The backend's address
    #[arg(
        long,
        env = "GAVELCTL_SERVER",
        default_value = "http://127.0.0.1:8001",
        value_name = "ADDRESS"
    )]
    pub server: String,
    #[command(flatten)]
    pub socket: SocketArguments,
}

/// How its socket is reached.
#[derive(Debug, Clone, Args)]
pub struct SocketArguments {
    /// The Socket.IO path
    #[arg(long, default_value = "/api/socket.io/", value_name = "PATH")]
    pub path: String,
    /// The library that holds the socket
    #[arg(long, default_value = "rust-socketio", value_name = "LIBRARY")]
    pub transport: Transport,
}

/// Over which library the socket runs.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Transport {
    /// The `rust_socketio` library, boxed
    RustSocketio,
    /// Our own plain connection
    Wire,
}

impl From<Transport> for TransportKind {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::RustSocketio => Self::RustSocketio,
            Transport::Wire => Self::Wire,
        }
    }
}

/// As whom.
#[derive(Debug, Args)]
pub struct SignInArguments {
    /// The e-mail address to sign in with. The token of the mailed link comes from --token-stdin or from the
    /// environment (`GAVELCTL_TOKEN`); a development backend needs none
    #[arg(long, env = "GAVELCTL_EMAIL", hide_env_values = true, value_name = "E-MAIL")]
    pub email: String,
    /// Create the user by this name where the backend does not know the address yet
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Read the token of the mailed sign-in link from standard input (one line)
    #[arg(long)]
    pub token_stdin: bool,
}

/// Which auction.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct AuctionArguments {
    /// The auction
    #[arg(long, value_name = "ID")]
    pub auction: Option<String>,
    /// The league; its auction is waited for where there is none yet
    #[arg(long, value_name = "ID")]
    pub league: Option<String>,
}

/// `watch`
#[derive(Debug, Args)]
pub struct WatchArguments {
    #[command(flatten)]
    pub which: AuctionArguments,
    #[command(flatten)]
    pub server: ServerArguments,
    #[command(flatten)]
    pub sign_in: SignInArguments,
    /// Give up when a lost connection has not come back after so many seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub give_up: u32,
    /// Record the session in this folder: 8 files of 8 MB at the most, the oldest are deleted
    #[arg(long, value_name = "FOLDER")]
    pub record: Option<PathBuf>,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub server: ServerArguments,
    /// Sign in with this e-mail address; the token as for the other commands
    #[arg(long, env = "GAVELCTL_EMAIL", hide_env_values = true, value_name = "E-MAIL")]
    pub email: Option<String>,
    /// Read the token of the mailed sign-in link from standard input (one line)
    #[arg(long)]
    pub token_stdin: bool,
    /// Follow this auction as a session does, and judge by what it sees
    #[arg(long, value_name = "ID")]
    pub auction: Option<String>,
    /// How long to follow it before judging
    #[arg(long, default_value_t = 8, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub seconds: u32,
    /// Measure: how many pods there are, and whether they hear each other
    #[arg(long)]
    pub probe: bool,
    /// Sockets in the probe's room at the least; it takes more by itself where there are more pods
    #[arg(long, default_value_t = 6, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=20))]
    pub sockets: u32,
    #[command(flatten)]
    pub redis: RedisArguments,
    /// Go on, and say when the verdict changes
    #[arg(long)]
    pub watch: bool,
    /// Judge a file that --save, --json or the window wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["probe", "auction", "watch"])]
    pub evidence: Option<PathBuf>,
    /// Write report and evidence to this file
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// The pods' Redis, which its operator can have looked at.
#[derive(Debug, Args)]
pub struct RedisArguments {
    /// For operators: look at the Redis through which the pods hear each other, and at how many of them listen there.
    /// `redis://user:password@host:6379/0`, or `rediss://…` with TLS; one with a password is better given in `REDIS_URL`,
    /// because other users of a machine can read command lines
    // As a secret, and read only later: clap would print it, password and all, where it is wrong.
    #[arg(
        id = "redis",
        long = "redis",
        env = "REDIS_URL",
        hide_env_values = true,
        value_name = "URL",
        value_parser = secret
    )]
    pub url: Option<Secret>,
    /// The certificate of the authority that vouches for Redis, as PEM, in place of those the system trusts
    #[arg(
        id = "redis_ca",
        long = "redis-ca",
        env = "REDIS_CA_FILE",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,
    /// A channel that pods were told to use, where it is not the usual one; may be given more than once
    #[arg(id = "redis_channel", long = "redis-channel", value_name = "NAME")]
    pub channels: Vec<String>,
}

/// `replay`
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// A file of a recording, or a folder of them
    #[arg(value_name = "FILE|FOLDER")]
    pub path: PathBuf,
    /// So many times as fast as it was recorded [default: as fast as possible]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub speed: Option<f64>,
}

/// `bid`
#[derive(Debug, Args)]
pub struct BidArguments {
    /// How much: 5000000, 5,000,000, 5.5m
    #[arg(allow_hyphen_values = true)]
    pub amount: String,
    /// The auction
    #[arg(long, value_name = "ID")]
    pub auction: String,
    #[command(flatten)]
    pub server: ServerArguments,
    #[command(flatten)]
    pub sign_in: SignInArguments,
    /// How long to look for a bid whose fate is not known
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub limit: u32,
    /// Bid even if there is less time left than a bid needs to get there
    #[arg(long)]
    pub insist: bool,
    #[command(flatten)]
    pub ledger: LedgerArguments,
}

/// Where bids are written down.
#[derive(Debug, Args)]
pub struct LedgerArguments {
    /// The file that the bid is written to before it leaves; what an earlier run left open in it is looked for
    /// [default: gavelctl/bids.db in the user's data folder]
    #[arg(long, env = "GAVELCTL_LEDGER", value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Write nothing: a bid that has no answer when the program ends is forgotten
    #[arg(long, conflicts_with = "ledger")]
    pub no_ledger: bool,
}

/// `bots`
#[derive(Debug, Args)]
pub struct BotsArguments {
    /// How many
    #[arg(value_parser = clap::value_parser!(u32).range(1..=64))]
    pub count: u32,
    #[command(flatten)]
    pub which: BotsAuction,
    #[command(flatten)]
    pub server: ServerArguments,
    /// How their e-mail addresses begin: bot gives bot1@bots.example, bot2@bots.example, …
    #[arg(long, default_value = "bot", value_name = "PREFIX")]
    pub prefix: String,
    #[command(flatten)]
    pub manner: MannerArguments,
    /// Give up when a lost connection has not come back after so many seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub give_up: u32,
}

/// Where bots play.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct BotsAuction {
    /// Join the league by this invitation
    #[arg(long, value_name = "TOKEN")]
    pub invite: Option<String>,
    /// Play in this league's auction, which they are managers of already
    #[arg(long, value_name = "ID")]
    pub league: Option<String>,
    /// Play in this auction
    #[arg(long, value_name = "ID")]
    pub auction: Option<String>,
}

/// How bots play and what is printed.
#[derive(Debug, Clone, Args)]
pub struct MannerArguments {
    /// How long they think: 1 as people do, less is faster
    #[arg(long, value_name = "FACTOR", value_parser = pace)]
    pub pace: Option<f64>,
    /// Print only what they did at the end
    #[arg(long)]
    pub quiet: bool,
}

/// `demo`
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Set it up on this backend, which must have development sign-in, instead of starting one
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["listen", "lots"])]
    pub server: Option<String>,
    #[command(flatten)]
    pub socket: SocketArguments,
    /// Where the backend listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// How many bots
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub bots: u32,
    /// How many clubs are sold
    #[arg(long, default_value_t = 12, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=24))]
    pub lots: u32,
    /// Seconds that a lot runs [default: 12; with --play 4]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub timer: Option<u32>,
    /// Seconds that a late bid leaves on the clock [default: 4; with --play 1]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=600))]
    pub anti_snipe: Option<u32>,
    #[command(flatten)]
    pub manner: MannerArguments,
    /// Begin the auction at once
    #[arg(long)]
    pub begin: bool,
    /// Let bots alone play the whole auction, print its result and end
    #[arg(long)]
    pub play: bool,
}

#[allow(clippy::unnecessary_wraps, reason = "the signature that clap calls")]
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

fn pace(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|factor| (0.0..=100.0).contains(factor))
        .ok_or_else(|| "a factor is a number from 0 to 100".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|factor| (0.001..=1_000_000.0).contains(factor))
        .ok_or_else(|| "a speed is a number from 0.001 to 1000000".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_amount_may_begin_with_a_minus_and_options_may_follow_it() {
        let line = [
            "gavelctl",
            "bid",
            "-5",
            "--auction",
            "a",
            "--email",
            "e",
            "--json",
        ];
        let arguments = Arguments::try_parse_from(line).unwrap();
        assert!(arguments.json);
        assert!(matches!(arguments.command, Command::Bid(bid) if bid.amount == "-5" && bid.auction == "a"));
    }

    #[test]
    fn the_documentation_has_every_exit_code_and_examples_that_are_json() {
        let documentation = include_str!("../../../docs/cli.md");
        let codes = EXIT_CODES
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() <= 3 && word.parse::<u8>().is_ok());
        assert!(codes.clone().count() > 20);
        for code in codes {
            assert!(documentation.contains(&format!("\n| {code} |")), "{code}");
        }
        let examples = documentation.split("```json\n").skip(1);
        let types: Vec<String> = examples
            .map(|example| {
                let text = example.split("```").next().unwrap_or_default();
                let value: serde_json::Value =
                    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
                value["type"].as_str().unwrap_or("error").to_owned()
            })
            .collect();
        let told = "error server connection auction waitingRoom lot bid extended hammer gap myBid bot result replayed \
                    demo notice";
        assert_eq!(types.join(" "), told);
    }

    #[test]
    fn a_speed_that_stands_still_is_refused() {
        for text in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(speed(text).is_err(), "{text}");
        }
        assert_eq!(speed("10"), Ok(10.0));
    }

    #[test]
    fn a_pace_that_is_no_number_is_refused() {
        for text in ["fast", "-1", "NaN", "inf", "1e9"] {
            assert!(pace(text).is_err(), "{text}");
        }
        assert_eq!(pace("0.25"), Ok(0.25));
    }
}
