//! The project's chores. No dependencies, so that `cargo xtask` starts at once on a machine that has nothing yet.
//!
//! Every chore is a list of steps; each step prints its name and time and keeps what it said in a log.

mod bench;
mod bindings;
mod build;
mod failure;
mod fleet;
mod icons;
mod node;
mod outcomes;
mod package;
mod project;
mod python;
mod run;
mod stamp;
mod steps;
mod system;
mod test;

use std::process::ExitCode;

use failure::Failure;
use project::Project;
use steps::Steps;

const HELP: &str = "\
The chores of Gavelscope.

Usage: cargo xtask <chore> [options]

Chores:
  run [--headless]      Install what is missing, build, and open the application. Without a display (or with
                        --headless) play one lot of the practice auction under Xvfb and leave a screenshot.
  test [--quick|--soak] Install what is missing and check everything: format, user interface, lints, tests, and
                        the test in the real window. --quick leaves the window out and tries fewer random cases;
                        --soak runs the long form of every scenario (an hour).
  pictures              Leave pictures of the window after diagnoses of seven backends, to be looked at.
  setup                 Only install what is missing, for all of the chores.
  fleet [...]           Install what is missing, build, and start several pods with their database, Redis and HAProxy;
                        `cargo xtask fleet --help` lists the options. Ctrl-C tears everything down.
  bench <name> [...]    Measure. Names: session, fan-out. What follows the name goes to the benchmark.
  package               Build the .deb and the .rpm.
  bindings              Write the TypeScript of the commands and events anew from the Rust list.
  icons                 Draw every size of the icon anew from icons/gavelscope.svg.
  help                  This text.

Environment:
  CARGO_TARGET_DIR                  where to build (default: target)
  GAVELSCOPE_SKIP_SYSTEM_PACKAGES   when set, believe that the system packages are there

Logs of the steps are in <target>/xtask/logs.";

/// Their words go to the program that they start.
const HAS_ITS_OWN_HELP: &[&str] = &["bench", "fleet"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some((&chore, rest)) = words.split_first() else {
        println!("{HELP}");
        return Ok(());
    };
    if matches!(chore, "help" | "--help" | "-h")
        || (rest.contains(&"--help") && !HAS_ITS_OWN_HELP.contains(&chore))
    {
        println!("{HELP}");
        return Ok(());
    }
    if chore == "fleet" && fleet::help(rest) {
        return Ok(());
    }
    let project = Project::find();
    let mut steps = Steps::new(&project)?;
    match (chore, rest) {
        ("run", []) => run::run(&project, &mut steps, run::Where::DisplayIfThereIsOne),
        ("run", ["--headless"]) => run::run(&project, &mut steps, run::Where::Headless),
        ("test", []) => test::test(&project, &mut steps, test::Extent::Everything),
        ("test", ["--quick"]) => test::test(&project, &mut steps, test::Extent::Quick),
        ("test", ["--soak"]) => test::test(&project, &mut steps, test::Extent::Soak),
        ("pictures", []) => test::pictures(&project, &mut steps),
        ("setup", []) => setup(&project, &mut steps),
        ("fleet", given) => fleet::fleet(&project, &mut steps, given),
        ("bench", ["session", given @ ..]) => bench::session(&project, &mut steps, given),
        ("bench", ["fan-out", given @ ..]) => bench::fan_out(&project, &mut steps, given),
        ("package", []) => package::package(&project, &mut steps),
        ("bindings", []) => bindings::write(&project, &mut steps),
        ("icons", []) => icons::draw(&project, &mut steps),
        _ => Err(Failure::Usage {
            given: words.join(" "),
        }),
    }
}

/// Everything that any chore needs, so that the next one can start without the network.
fn setup(project: &Project, steps: &mut Steps) -> Result<(), Failure> {
    system::ensure(project, steps, system::EVERYTHING)?;
    build::ensure_rust_components(project)?;
    node::install(project, steps)?;
    node::install_peers(project, steps)?;
    python::install(project, steps)?;
    println!("\nEverything is there. Next: `cargo xtask run` or `cargo xtask test`.");
    Ok(())
}
