//! Opening the application: in front of the developer, or on a display in memory.

use std::env;
use std::fs;
use std::process::Command;

use crate::build;
use crate::failure::Failure;
use crate::node;
use crate::project::{FEATURES, FEATURES_WITH_WINDOW, Project};
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

/// Where the window opens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    DisplayIfThereIsOne,
    Headless,
}

pub(crate) fn run(project: &Project, steps: &mut Steps, place: Where) -> Result<(), Failure> {
    let headless = place == Where::Headless || !there_is_a_display();
    if headless && place == Where::DisplayIfThereIsOne {
        println!("There is no display here: one lot of the practice auction will be played under Xvfb.");
    }
    let purposes: &[Purpose] = if headless {
        &[Purpose::Compile, Purpose::Window, Purpose::Headless]
    } else {
        &[Purpose::Compile, Purpose::Window]
    };
    system::ensure(project, steps, purposes)?;
    node::install(project, steps)?;
    build::user_interface(project, steps)?;
    if headless {
        play_one_lot(project, steps)
    } else {
        build::programs(project, steps, "application", FEATURES, &["gavelscope"])?;
        open(project)
    }
}

/// Longest time for a step with the window in memory, building its test included. Exit status 124 tells of it.
const WINDOW_SECONDS: &str = "900";

/// Opens the window and stays until it is closed, so that its log is read where it was started.
fn open(project: &Project) -> Result<(), Failure> {
    let program = project.binary("debug", "gavelscope");
    println!("\nOpening {}", program.display());
    let status = project
        .command(&program)
        .status()
        .map_err(|error| Failure::File {
            doing: "Starting",
            path: program,
            error,
        })?;
    if status.success() {
        return Ok(());
    }
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Err(Failure::Application { code })
}

/// Plays one lot in the real window on a display in memory, and leaves a screenshot.
fn play_one_lot(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    let programs = ["gavelscope", "play-one-lot"];
    // The player drives the window, and is built only with its driver.
    build::programs(project, steps, "application", FEATURES_WITH_WINDOW, &programs)?;
    let screenshot = project.scratch().join("practice-lot.png");
    // An old picture must not pass for the new one.
    let _ = fs::remove_file(&screenshot);
    let mut command = under_xvfb(project)?;
    command.arg(project.binary("debug", "play-one-lot"));
    command.arg("--app").arg(project.binary("debug", "gavelscope"));
    command.arg("--screenshot").arg(&screenshot);
    steps.run(Step {
        name: "practice lot",
        command,
        output: Output::Shown,
        advice: "the lines above are the player's and the application's own words; exit status 124 means that it took too long.",
    })?;
    let size = fs::metadata(&screenshot)
        .map(|found| found.len())
        .map_err(|error| Failure::File {
            doing: "The lot was played, but there is no screenshot at",
            path: screenshot.clone(),
            error,
        })?;
    println!(
        "\nOne lot was played in the real window. Screenshot: {} ({size} bytes)",
        screenshot.display()
    );
    Ok(())
}

/// `xvfb-run` with the surroundings in which the window behaves the same on every machine. The program and its
/// words are still to be added.
pub(crate) fn under_xvfb(project: &Project) -> Result<Command, Failure> {
    // A home of its own: what the developer's application remembers is neither read nor changed.
    let home = project.scratch().join("headless-home");
    let _ = fs::remove_dir_all(&home);
    // A window that never answers must not hold continuous integration: coreutils' timeout ends the whole group of
    // processes, the display included.
    let mut command = project.command("timeout");
    command.args(["--kill-after", "10", WINDOW_SECONDS, "xvfb-run"]);
    command.args(["--auto-servernum", "--server-args", "-screen 0 1280x800x24"]);
    for (variable, folder) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
    ] {
        let folder = home.join(folder);
        fs::create_dir_all(&folder).map_err(|error| Failure::File {
            doing: "Making the folder",
            path: folder.clone(),
            error,
        })?;
        command.env(variable, folder);
    }
    // GTK prefers Wayland, and would open the window in front of the developer.
    command.env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
    // No session bus: an application that is already open must not be taken for this one, and the developer's
    // keychain is none of a test's business.
    command
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
        .env("NO_AT_BRIDGE", "1");
    // WEBKIT_DISABLE_COMPOSITING_MODE would spare processor time, but WebDriver's screenshots never come with it.
    command.env_remove("WEBKIT_DISABLE_COMPOSITING_MODE");
    Ok(command)
}

fn there_is_a_display() -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
