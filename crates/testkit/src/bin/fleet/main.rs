//! Starts a fleet on this machine, sets up an auction in it, says how to take part, and stays until it is stopped:
//! what `cargo xtask fleet` runs.

mod arguments;
mod told;

use std::process::ExitCode;

use anyhow::Context as _;
use arguments::Wanted;
use gavelscope_client::ServerAddress;
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::rest::Rest;
use gavelscope_contract::Money;
use gavelscope_testkit::fleet::{Fleet, FleetOptions};
use gavelscope_testkit::pods::{Cast, Seed, seed_cast, set_up};
use tokio::signal::unix::{SignalKind, signal};

/// Who takes part, the commissioner first. `.example` can never receive mail (RFC 2606).
const PEOPLE: [(&str, &str); 4] = [
    ("Carla", "carla@demo.example"),
    ("Ada", "ada@demo.example"),
    ("Bruno", "bruno@demo.example"),
    ("Chidi", "chidi@demo.example"),
];

/// How long a lot runs, s.
const LOT: u32 = 60;
/// And where it begins before anybody has come.
const LONG_LOT: u32 = 600;

#[tokio::main]
async fn main() -> ExitCode {
    let (options, begin) = match arguments::read(std::env::args().skip(1)) {
        Ok(Wanted::Help) => {
            print!("{}", include_str!("help.txt"));
            return ExitCode::SUCCESS;
        }
        Ok(Wanted::Fleet { options, begin }) => (options, begin),
        Err(sentence) => {
            eprintln!("fleet: {sentence}");
            return ExitCode::from(2);
        }
    };
    // What is started is dropped where this returns, whichever way.
    tokio::select! {
        // The signals first: from the first process on there has to be somebody who hears them.
        biased;
        stopped = stop_signal() => match stopped {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fleet: signals cannot be heard: {error}");
                ExitCode::FAILURE
            }
        },
        served = serve(options, begin) => match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fleet: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

async fn serve(options: FleetOptions, begin: bool) -> anyhow::Result<()> {
    println!("Starting {}.", told::what_it_is(options));
    let fleet = Fleet::start(options)
        .await
        .context("the fleet cannot be started")?;
    let mut seeds = Vec::new();
    for side in fleet.sides() {
        let seed = auction(side.url(), begin).await;
        seeds.push(seed.context("the auction cannot be set up")?);
    }
    fleet.begin_trouble()?;
    told::tell(&fleet, &PEOPLE, &seeds, begin)?;
    std::future::pending().await
}

async fn auction(url: &str, begin: bool) -> anyhow::Result<Seed> {
    let rest = Rest::new(ServerAddress::parse(url, DEFAULT_PATH)?)?;
    for (name, email) in PEOPLE {
        rest.create_user(name, email).await?;
    }
    let cast = Cast {
        league: "Demonstration league",
        people: &PEOPLE.map(|(_, email)| email),
        budget: Money::from_pounds(500_000_000),
        lots: 7,
        seconds: if begin { LONG_LOT } else { LOT },
        anti_snipe_seconds: 10,
        slots: 3,
    };
    let made = if begin {
        seed_cast(url, &cast).await
    } else {
        set_up(url, &cast).await
    };
    Ok(made?)
}

/// Returns when the process is asked to stop, or when its terminal is gone.
async fn stop_signal() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    println!("\nStopping everything.");
    Ok(())
}
