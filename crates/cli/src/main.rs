//! gavelctl: watch, bid, bots, demo, doctor and replay from a terminal. The proof that the core needs no window.

mod arguments;
mod bid;
mod bots;
mod demo;
mod doctor;
mod failure;
mod follow;
mod line;
mod output;
mod reach;
mod replay;
mod result;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    start_logging();
    let output = Output::new(arguments.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new(
                Exit::System,
                format!("gavelctl cannot start: {error}."),
                "Close other programs and try again.",
            );
            return output.failed(&failure);
        }
    };
    if let Command::Doctor(doctor) = arguments.command {
        let verdict = runtime.block_on(doctor::run(&doctor, &output));
        runtime.shutdown_timeout(Duration::from_millis(500));
        return verdict;
    }
    let result = runtime.block_on(run(arguments.command, &output));
    // A socket that is slow to close is no reason to keep anybody waiting.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}

async fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Watch(arguments) => watch::run(arguments, output).await,
        Command::Bid(arguments) => bid::run(arguments, output).await,
        Command::Bots(arguments) => bots::run(arguments, output).await,
        Command::Demo(arguments) => demo::run(arguments, output).await,
        Command::Replay(arguments) => replay::run(arguments, output).await,
        Command::Check(arguments) => reach::run(&arguments, output).await,
        // Its exit code is a verdict: see `main`.
        Command::Doctor(_) => Ok(()),
    }
}

/// Logs are for who asks for them with `RUST_LOG`: the sentences of a command are its output.
fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}

/// Help and version are answers; everything else that the command line's reader says is a refusal.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Nobody reading is no failure of ours.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let json = std::env::args_os().any(|argument| argument == "--json");
    if json {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let sentence = format!("{}.", first.trim_start_matches("error: ").trim_end_matches('.'));
        return Output::new(true).failed(&Failure::new(
            Exit::Usage,
            sentence,
            "gavelctl --help says what there is.",
        ));
    }
    let _ = error.print();
    ExitCode::from(Exit::Usage as u8)
}
