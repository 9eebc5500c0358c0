//! The desktop application.

// Without this, Windows opens a terminal beside the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match gavelscope::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Gavelscope cannot open its window: {error:#}.");
            ExitCode::FAILURE
        }
    }
}
