//! Why a chore stopped, each with what to do about it.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

/// A reason to stop. Its text is the last thing the developer reads, so it ends with the way on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is none that we know.
    Usage { given: String },
    /// Something the machine lacks and we cannot install.
    Missing { explanation: String },
    /// A step's command ended badly, or could not be started.
    Step {
        name: String,
        what: String,
        log: PathBuf,
        advice: String,
    },
    /// Steps that go on after one another ended badly.
    Checks { names: Vec<String> },
    /// The file system refused something.
    File {
        doing: &'static str,
        path: PathBuf,
        error: std::io::Error,
    },
    /// The application itself ended with this exit code.
    Application { code: u8 },
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage { .. } => ExitCode::from(2),
            Self::Application { code } => ExitCode::from(*code),
            _ => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { given } => {
                write!(
                    out,
                    "There is no chore `{given}`. `cargo xtask help` lists what there is."
                )
            }
            Self::Missing { explanation } => out.write_str(explanation),
            Self::Step {
                name,
                what,
                log,
                advice,
            } => {
                write!(
                    out,
                    "The step \"{name}\" failed: {what}.\nAll it said: {}",
                    log.display()
                )?;
                if !advice.is_empty() {
                    write!(out, "\nWhat to do: {advice}")?;
                }
                Ok(())
            }
            Self::Checks { names } => write!(out, "Failed: {}.", names.join(", ")),
            Self::File { doing, path, error } => write!(out, "{doing} {}: {error}", path.display()),
            Self::Application { code } => write!(out, "Gavelscope ended with exit code {code}."),
        }
    }
}
