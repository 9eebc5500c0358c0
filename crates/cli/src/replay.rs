//! `gavelctl replay`: a recorded session once more, by the same rules, and every recorded state compared.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use gavelscope_client::recorder::{Replay, ReplayError, Told, files_of};
use gavelscope_client::state::{AuctionView, Millis};
use gavelscope_contract::AuctionId;
use tokio::time::Instant;

use crate::arguments::ReplayArguments;
use crate::failure::{Exit, Failure};
use crate::follow::{self, Follower};
use crate::line::What;
use crate::output::Output;

/// So long the first lines of an auction wait for the names in it, ms of the recording.
const NAMES_MS: u32 = 2_000;

/// Replays what the command line names.
pub async fn run(arguments: ReplayArguments, output: &Output) -> Result<(), Failure> {
    let files = files_of(&arguments.path).map_err(|error| not_a_recording(&error.to_string()))?;
    if files.is_empty() {
        let sentence = format!("there is no recording in {}", arguments.path.display());
        return Err(not_a_recording(&sentence));
    }
    let mut player = Player {
        replay: Replay::default(),
        link: Follower::default(),
        auctions: BTreeMap::new(),
        speed: arguments.speed,
        start: None,
        output,
    };
    for file in &files {
        player.file(file).await?;
    }
    let counted = player.replay.counted();
    output.say(What::Replayed {
        files: u32::try_from(files.len()).unwrap_or(u32::MAX),
        lines: counted.lines,
        events: counted.events,
        inputs: counted.folded,
        skipped: counted.skipped,
        dropped: counted.dropped,
        states: counted.compared,
    })
}

fn not_a_recording(reason: &str) -> Failure {
    Failure::new(
        Exit::NotARecording,
        format!("It cannot be replayed: {reason}."),
        "Give a file that a recorder wrote, or a folder of them.",
    )
}

/// Where the recording's clock and ours were set going together.
struct Start {
    us: u64,
    here: Instant,
}

struct Player<'a> {
    replay: Replay,
    link: Follower,
    auctions: BTreeMap<AuctionId, Followed>,
    speed: Option<f64>,
    start: Option<Start>,
    output: &'a Output,
}

#[derive(Default)]
struct Followed {
    follower: Follower,
    first: Option<Millis>,
}

impl Player<'_> {
    async fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let unreadable = |error: &std::io::Error| not_a_recording(&format!("{}: {error}", path.display()));
        let mut reader = BufReader::new(File::open(path).map_err(|error| unreadable(&error))?);
        let mut line = String::new();
        let mut number = 0_u32;
        loop {
            line.clear();
            if reader.read_line(&mut line).map_err(|error| unreadable(&error))? == 0 {
                return Ok(());
            }
            number += 1;
            let Some(whole) = line.strip_suffix('\n') else {
                let sentence = format!(
                    "The last line of {} is cut off, as by a crash; it is left out.",
                    path.display()
                );
                return self.output.say_at(self.replay.now(), What::Notice { sentence });
            };
            let told = self
                .replay
                .feed(whole)
                .map_err(|error| wrong(path, number, &error))?;
            self.wait().await?;
            self.tell(told)?;
        }
    }

    /// Until the line is due at the wanted speed.
    async fn wait(&mut self) -> Result<(), Failure> {
        let Some(speed) = self.speed else { return Ok(()) };
        let us = self.replay.after_us();
        let here = Instant::now();
        let start = match self.start.take() {
            // Another recording begins with another clock.
            Some(start) if start.us <= us => start,
            _ => Start { us, here },
        };
        let after = Duration::from_micros(us - start.us).div_f64(speed);
        let due = start.here + after;
        self.start = Some(start);
        if due > here {
            tokio::select! {
                () = tokio::time::sleep_until(due) => {}
                () = follow::stop_signal() => return Err(Failure::interrupted()),
            }
        }
        Ok(())
    }

    fn tell(&mut self, told: Told) -> Result<(), Failure> {
        let mut news = Vec::new();
        match told {
            Told::Nothing => {}
            Told::Lost => {
                // What was told of the auctions before is another story.
                self.auctions.clear();
                self.link = Follower::default();
            }
            Told::Link => {
                news = self.link.link_news(self.replay.connection());
                let open: Vec<AuctionId> = self.replay.auctions().map(|state| state.id.clone()).collect();
                for auction in open {
                    news.extend(self.auction_news(&auction));
                }
            }
            Told::Auction(auction) => news = self.auction_news(&auction),
        }
        let at = self.replay.now();
        news.into_iter().try_for_each(|what| self.output.say_at(at, what))
    }

    fn auction_news(&mut self, auction: &AuctionId) -> Vec<What> {
        let Some(view) = self.replay.view(auction) else {
            self.auctions.remove(auction);
            return Vec::new();
        };
        let now = self.replay.now();
        let followed = self.auctions.entry(auction.clone()).or_default();
        let waited = followed.first.get_or_insert(now).age_at(now);
        if waited < NAMES_MS && !has_names(&view) {
            return Vec::new();
        }
        followed.follower.auction_news(&view)
    }
}

fn has_names(view: &AuctionView) -> bool {
    !view.managers.is_empty() && !view.clubs.is_empty() && view.league_name.is_some()
}

fn wrong(path: &Path, line: u32, error: &ReplayError) -> Failure {
    let place = format!("{}, line {line}", path.display());
    match error {
        ReplayError::Differs(_) | ReplayError::Changed => Failure::new(
            Exit::Differs,
            format!("{place}: {error}."),
            "Either the recording was changed after it was written, or the rules were: replay it with the version that \
             wrote it (its first line says which).",
        ),
        ReplayError::Unreadable(_) | ReplayError::Format(_) => {
            Failure::new(Exit::NotARecording, format!("{place}: {error}."), "")
        }
    }
}
