//! What is printed: lines to standard output, failures to standard error, for people or for programs.

use std::io::Write;
use std::process::ExitCode;

use gavelscope_client::state::Millis;
use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::line::{Line, What};

/// Where lines go.
#[derive(Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For people, or with `json` for programs.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a line.
    pub fn say(&self, what: What) -> Result<(), Failure> {
        self.say_at(gavelscope_client::time::now(), what)
    }

    /// Prints a line about something that happened then.
    pub fn say_at(&self, at: Millis, what: What) -> Result<(), Failure> {
        let line = Line { at, what };
        let text = if self.json {
            serde_json::to_string(&line).unwrap_or_default()
        } else {
            line.to_string()
        };
        self.print(&text)
    }

    /// Whether lines are for programs.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints text as it is.
    #[allow(
        clippy::unused_self,
        reason = "whoever prints was given the output to print to"
    )]
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(|error| {
                Failure::new(
                    Exit::Output,
                    format!("The output cannot be written: {error}."),
                    "",
                )
            })
    }

    /// Prints why the command failed, and makes its exit code.
    pub fn failed(&self, failure: &Failure) -> ExitCode {
        let Failure { exit, sentence, way } = failure;
        let code = *exit as u8;
        let text = if self.json {
            json!({ "error": { "code": code, "name": exit, "sentence": sentence, "way": way } }).to_string()
        } else if way.is_empty() {
            sentence.clone()
        } else {
            format!("{sentence}\n{way}")
        };
        // Where not even this can be written, the code has to do.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        ExitCode::from(code)
    }
}
