//! Checking everything, as continuous integration does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::build;
use crate::failure::Failure;
use crate::node;
use crate::project::{FEATURES, FEATURES_WITH_WINDOW, Project};
use crate::python;
use crate::run;
use crate::steps::{Output, Step, Steps};
use crate::system::{self, Purpose};

/// How much is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Everything,
    /// Without the window, and with fewer random cases: for between two edits.
    Quick,
    /// Everything, and the long form of every scenario.
    Soak,
}

/// Random cases of each property test with `--quick`; proptest's own default is 256.
const QUICK_CASES: &str = "32";
/// Tells the tests to run their long form.
const SOAK: &str = "GAVELSCOPE_SOAK";

/// Stops at the first step that the others need; goes on through those that stand alone, and fails at the end.
pub(crate) fn test(project: &Project, steps: &mut Steps, extent: Extent) -> Result<(), Failure> {
    let ended = everything(project, steps, extent);
    // The table is worth most when something stopped half way.
    let summary = steps.finish();
    ended.and(summary)
}

fn everything(project: &Project, steps: &mut Steps, extent: Extent) -> Result<(), Failure> {
    let quick = extent == Extent::Quick;
    let purposes: &[Purpose] = if quick {
        &[Purpose::Compile, Purpose::Window, Purpose::Pods, Purpose::Fleet]
    } else {
        system::EVERYTHING
    };
    system::ensure(project, steps, purposes)?;
    build::ensure_rust_components(project)?;
    steps.check(Step {
        name: "format",
        command: project.cargo(&["fmt", "--all", "--check"]),
        output: Output::Logged,
        advice: "cargo fmt --all",
    });

    node::install(project, steps)?;
    node::install_peers(project, steps)?;
    python::install(project, steps)?;
    let ui = project.ui();
    steps.check(Step {
        name: "ui check",
        command: project.npm(&ui, &["run", "check"]),
        output: Output::Logged,
        advice: "if the generated TypeScript is what differs, run `cargo xtask bindings`.",
    });
    steps.check(Step {
        name: "ui tests",
        command: project.npm(&ui, &["test"]),
        output: Output::Shown,
        advice: "`npm test` in ui/ runs them alone.",
    });
    build::user_interface(project, steps)?;

    // All targets, so that the programs and the test executables come from one choice of features.
    steps.run(Step {
        name: "build",
        command: project.cargo(&["build", "--workspace", "--all-targets", "--features", FEATURES]),
        output: Output::Logged,
        advice: "the compiler's message is above.",
    })?;
    steps.check(Step {
        name: "lints",
        command: project.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            FEATURES_WITH_WINDOW,
            "--",
            "--deny",
            "warnings",
        ]),
        output: Output::Logged,
        advice: "`cargo clippy --fix` mends many of them; an exception needs a reason beside it.",
    });
    steps.check(rust_tests(project, extent));
    if !quick {
        steps.check(window_test(project, &["window", "window_trouble"], &[])?);
        // What a newcomer types first, where there is no display. Its own steps say how it went.
        if let Err(failure) = run::run(project, steps, run::Where::Headless) {
            println!("{failure}");
        }
    }
    Ok(())
}

fn rust_tests(project: &Project, extent: Extent) -> Step<'static> {
    let mut command = project.cargo(&["test", "--workspace", "--features", FEATURES, "--no-fail-fast"]);
    command.env(python::VARIABLE, python::interpreter(project));
    match extent {
        Extent::Everything => {}
        Extent::Quick => {
            command.env("PROPTEST_CASES", QUICK_CASES);
        }
        Extent::Soak => {
            command.env(SOAK, "1");
        }
    }
    Step {
        name: "Rust tests",
        command,
        output: Output::Shown,
        advice: "`cargo test --package <package> <name>` runs one of them alone.",
    }
}

/// Pictures of the window after a diagnosis, for somebody to look at.
pub(crate) fn pictures(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    system::ensure(project, steps, system::EVERYTHING)?;
    node::install(project, steps)?;
    python::install(project, steps)?;
    build::user_interface(project, steps)?;
    build::programs(
        project,
        steps,
        "programs",
        FEATURES_WITH_WINDOW,
        &["gavelscope", "gaveld"],
    )?;
    // Old pictures must not pass for new ones.
    remove_pictures(&screenshots(project), "verdict-")?;
    // One after the other: each has a fleet and a window of its own.
    let words = ["--ignored", "--test-threads=1"];
    steps.run(Step {
        name: "pictures",
        ..window_test(project, &["window_verdicts"], &words)?
    })?;
    println!(
        "\nThe pictures: {}",
        screenshots(project).join("verdict-*.png").display()
    );
    Ok(())
}

/// Where the window's tests leave what they saw.
fn screenshots(project: &Project) -> PathBuf {
    project.target().join("screenshots")
}

/// Removes the pictures of a folder, if it is there, whose names begin so.
fn remove_pictures(folder: &Path, beginning: &str) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        doing: "Removing the old pictures in",
        path: folder.to_path_buf(),
        error,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(beginning) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// The end-to-end test: the real window, driven by `WebDriver`, on a display in memory.
fn window_test(project: &Project, tests: &[&str], words: &[&str]) -> Result<Step<'static>, Failure> {
    let mut cargo = project.cargo(&["test", "--workspace", "--features", FEATURES_WITH_WINDOW]);
    for test in tests {
        cargo.args(["--test", test]);
    }
    cargo.arg("--").args(words);
    let mut command = run::under_xvfb(project)?;
    command.arg(cargo.get_program()).args(cargo.get_args());
    for (name, value) in cargo.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.env("GAVELSCOPE_APP", project.binary("debug", "gavelscope"));
    command.env("GAVELSCOPE_SCREENSHOTS", screenshots(project));
    command.env(python::VARIABLE, python::interpreter(project));
    Ok(Step {
        name: "window test",
        command,
        output: Output::Shown,
        advice: "`cargo xtask run --headless` plays one lot and leaves a screenshot to look at; exit status 124 means that it took too long.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_pictures_go_and_others_stay() {
        let folder = std::env::temp_dir().join(format!("gavelscope-pictures-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in ["verdict-redis-light.png", "room-light.png"] {
            fs::write(folder.join(name), "").unwrap();
        }
        remove_pictures(&folder, "verdict-").unwrap();
        assert!(!folder.join("verdict-redis-light.png").exists());
        assert!(folder.join("room-light.png").exists());
        fs::remove_dir_all(&folder).unwrap();
        assert!(
            remove_pictures(&folder, "verdict-").is_ok(),
            "before the first time there is no folder"
        );
    }
}
