//! Steps: one command each, with its name, live progress and time on the screen and all its output in a log.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::outcomes::Outcomes;
use crate::project::Project;

/// How often the line with the elapsed time is painted anew on a terminal.
const REPAINT: Duration = Duration::from_millis(200);
/// How often a long quiet step says that it lives where there is no terminal.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// The last lines of a failed step, shown at once; the log has them all.
const TAIL_ON_A_TERMINAL: usize = 40;
/// More where nobody can open the log afterwards, as in continuous integration.
const TAIL_ELSEWHERE: usize = 300;
/// How long to wait for output after the command itself ended: a forgotten child may hold the pipe open.
const DRAIN: Duration = Duration::from_secs(2);

/// What happens to a step's output besides the log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Only the log, and its tail if the step fails.
    Logged,
    /// Also on the screen as it comes. For tests, whose own words are the result.
    Shown,
}

/// One command of a chore.
pub(crate) struct Step<'a> {
    pub(crate) name: &'a str,
    pub(crate) command: Command,
    pub(crate) output: Output,
    /// How to go on when it fails; may be empty.
    pub(crate) advice: &'a str,
}

enum Outcome {
    Passed,
    Failed,
    Skipped(&'static str),
}

/// Runs steps and remembers how each ended.
pub(crate) struct Steps {
    logs: PathBuf,
    started: Instant,
    ended: Vec<(String, Outcome, Duration)>,
    rust_tests: Outcomes,
}

impl Steps {
    pub(crate) fn new(project: &Project) -> Result<Self, Failure> {
        let logs = project.scratch().join("logs");
        fs::create_dir_all(&logs).map_err(|error| Failure::File {
            doing: "Making the folder",
            path: logs.clone(),
            error,
        })?;
        Ok(Self {
            logs,
            started: Instant::now(),
            ended: Vec::new(),
            rust_tests: Outcomes::default(),
        })
    }

    /// Runs a step without which the next ones make no sense.
    pub(crate) fn run(&mut self, step: Step<'_>) -> Result<(), Failure> {
        let Step {
            name,
            command,
            output,
            advice,
        } = step;
        let log = self.logs.join(log_name(name));
        let started = Instant::now();
        begin(name, output);
        let mut tail = VecDeque::new();
        let outcome = execute(command, name, output, &log, &mut tail, &mut self.rust_tests);
        let elapsed = started.elapsed();
        let what = match outcome {
            Ok(status) if status.success() => {
                end("ok    ", name, elapsed, "");
                self.ended.push((name.to_owned(), Outcome::Passed, elapsed));
                return Ok(());
            }
            Ok(status) => status.to_string(),
            Err(error) => format!("it could not be run ({error})"),
        };
        end("FAILED", name, elapsed, &what);
        if output == Output::Logged {
            for line in &tail {
                println!("    | {line}");
            }
        }
        self.ended.push((name.to_owned(), Outcome::Failed, elapsed));
        Err(Failure::Step {
            name: name.to_owned(),
            what,
            log,
            advice: advice.to_owned(),
        })
    }

    /// Runs a step whose failure does not keep the others from being worth running; `finish` reports it.
    pub(crate) fn check(&mut self, step: Step<'_>) {
        if let Err(failure) = self.run(step) {
            println!("{failure}");
        }
    }

    /// Notes a step that had nothing to do.
    pub(crate) fn skip(&mut self, name: &str, why: &'static str) {
        end("same  ", name, Duration::ZERO, why);
        self.ended
            .push((name.to_owned(), Outcome::Skipped(why), Duration::ZERO));
    }

    /// Prints the table of all steps and fails if one of them did.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        println!("\n{}", self.table());
        let words = self.rust_tests.words();
        if !words.is_empty() {
            println!("\nWhat the failed tests said\n\n{words}");
        }
        let names: Vec<String> = self
            .ended
            .iter()
            .filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed))
            .map(|(name, _, _)| name.clone())
            .collect();
        if names.is_empty() {
            Ok(())
        } else {
            Err(Failure::Checks { names })
        }
    }

    fn table(&self) -> String {
        let width = self
            .ended
            .iter()
            .map(|(name, _, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut lines = Vec::new();
        let (mut passed, mut failed) = (0, 0);
        for (name, outcome, elapsed) in &self.ended {
            let (word, time) = match outcome {
                Outcome::Passed => ("ok", spoken(*elapsed)),
                Outcome::Failed => ("FAILED", spoken(*elapsed)),
                Outcome::Skipped(why) => ("same", (*why).to_owned()),
            };
            if matches!(outcome, Outcome::Failed) {
                failed += 1;
            } else {
                passed += 1;
            }
            lines.push(format!("  {name:width$}  {word:6}  {time}"));
        }
        lines.push(format!(
            "  {:width$}  {:6}  {}\n",
            "all",
            "",
            spoken(self.started.elapsed())
        ));
        if !self.rust_tests.is_empty() {
            lines.push(self.rust_tests.count());
        }
        lines.push(format!("Steps: {passed} passed, {failed} failed"));
        lines.join("\n")
    }
}

/// Runs the command to its end. Lines go to the log, to `tail`, and to the screen as `output` says.
fn execute(
    mut command: Command,
    name: &str,
    output: Output,
    log: &PathBuf,
    tail: &mut VecDeque<String>,
    tests: &mut Outcomes,
) -> io::Result<ExitStatus> {
    let mut log = File::create(log)?;
    let words: Vec<_> = command.get_args().collect();
    writeln!(log, "$ {} {words:?}", command.get_program().display())?;
    let mut child = command
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let lines = lines_of(&mut child);
    let longest_tail = if io::stdout().is_terminal() {
        TAIL_ON_A_TERMINAL
    } else {
        TAIL_ELSEWHERE
    };
    let started = Instant::now();
    let mut last_sign = started;
    let mut ended_at: Option<Instant> = None;
    loop {
        match lines.recv_timeout(REPAINT) {
            Ok(line) => {
                writeln!(log, "{line}")?;
                tests.hear(&line);
                if output == Output::Shown {
                    println!("{line}");
                }
                if tail.len() == longest_tail {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                if child.try_wait()?.is_some() {
                    let since = *ended_at.get_or_insert_with(Instant::now);
                    if since.elapsed() > DRAIN {
                        break;
                    }
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if output == Output::Logged {
            progress(
                name,
                started,
                &mut last_sign,
                tail.back().map_or("", String::as_str),
            );
        }
    }
    child.wait()
}

/// One thread for each of the two pipes. The channel is bounded: a command that says more than we can print waits.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = sync_channel(1024);
    if let Some(pipe) = child.stdout.take() {
        forward(pipe, sender.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        forward(pipe, sender);
    }
    receiver
}

fn forward(pipe: impl Read + Send + 'static, lines: SyncSender<String>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            let line = String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\n', '\r'])
                .to_owned();
            bytes.clear();
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

fn begin(name: &str, output: Output) {
    match output {
        Output::Shown => println!("-----  {name}"),
        Output::Logged if io::stdout().is_terminal() => {}
        Output::Logged => println!("...    {name}"),
    }
    let _ = io::stdout().flush();
}

fn progress(name: &str, started: Instant, last_sign: &mut Instant, latest: &str) {
    let latest: String = latest
        .chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect();
    if io::stdout().is_terminal() {
        if last_sign.elapsed() >= REPAINT {
            *last_sign = Instant::now();
            // Carriage return and "erase the line": the next paint or the end of the step takes its place.
            print!("\r\x1b[2K...    {name}  {}  {latest}", spoken(started.elapsed()));
            let _ = io::stdout().flush();
        }
    } else if last_sign.elapsed() >= SIGN_OF_LIFE {
        *last_sign = Instant::now();
        println!("...    {name}  {}  {latest}", spoken(started.elapsed()));
    }
}

fn end(word: &str, name: &str, elapsed: Duration, remark: &str) {
    let erase = if io::stdout().is_terminal() {
        "\r\x1b[2K"
    } else {
        ""
    };
    let time = if elapsed.is_zero() {
        String::new()
    } else {
        format!("  {}", spoken(elapsed))
    };
    let remark = if remark.is_empty() {
        String::new()
    } else {
        format!("  ({remark})")
    };
    println!("{erase}{word} {name}{time}{remark}");
}

/// A time as one says it: `0.4 s`, `12.0 s`, `3 min 05 s`.
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// The step's name as a file name.
fn log_name(step: &str) -> String {
    let name: String = step
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!("{}.log", name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(name: &str) -> Steps {
        let logs = std::env::temp_dir().join(format!("xtask-steps-{}-{name}", std::process::id()));
        fs::create_dir_all(&logs).unwrap();
        Steps {
            logs,
            started: Instant::now(),
            ended: Vec::new(),
            rust_tests: Outcomes::default(),
        }
    }

    fn shell<'a>(name: &'a str, script: &str) -> Step<'a> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Step {
            name,
            command,
            output: Output::Logged,
            advice: "look again",
        }
    }

    #[test]
    fn a_failed_step_stops_and_says_where_its_log_is() {
        let mut steps = steps("failed");
        let failure = steps
            .run(shell("break it", "echo to-out; echo to-err >&2; exit 3"))
            .unwrap_err();
        let Failure::Step {
            what, log, advice, ..
        } = failure
        else {
            panic!("another failure")
        };
        let text = fs::read_to_string(&log).unwrap();
        fs::remove_dir_all(&steps.logs).unwrap();
        assert!(what.contains('3'), "the exit code is told: {what}");
        assert!(
            text.contains("to-out") && text.contains("to-err"),
            "both streams are in the log: {text}"
        );
        assert_eq!(advice, "look again");
    }

    #[test]
    fn a_command_that_is_not_there_is_a_failed_step_and_no_crash() {
        let mut steps = steps("absent");
        let command = Command::new("/nowhere/at-all");
        let failure = steps.run(Step {
            name: "absent",
            command,
            output: Output::Logged,
            advice: "",
        });
        fs::remove_dir_all(&steps.logs).unwrap();
        assert!(matches!(failure, Err(Failure::Step { .. })));
    }

    #[test]
    fn checks_go_on_after_a_failure_and_the_end_names_it() {
        let mut steps = steps("checks");
        steps.check(shell("first", "exit 1"));
        steps.check(shell("second", "exit 0"));
        let end = steps.finish();
        let table = steps.table();
        fs::remove_dir_all(&steps.logs).unwrap();
        assert!(matches!(end, Err(Failure::Checks { names }) if names == ["first"]));
        assert!(table.ends_with("Steps: 1 passed, 1 failed"), "{table}");
    }

    #[test]
    fn a_child_that_outlives_its_step_does_not_hold_it() {
        let mut steps = steps("orphan");
        let started = Instant::now();
        steps.run(shell("orphan", "sleep 20 & exit 0")).unwrap();
        fs::remove_dir_all(&steps.logs).unwrap();
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        assert_eq!(spoken(Duration::from_millis(420)), "0.4 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 05 s");
    }
}
