//! How a command fails: an exit code for programs, a sentence and a way on for people.

use gavelscope_client::ClientError;
use gavelscope_contract::RefusalCode;
use serde::Serialize;

/// The exit codes, as docs/cli.md lists them. Those from 1 to 9 are left to `doctor`, which says its
/// verdict by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Exit {
    /// The address is none, or nobody answers there.
    Unreachable = 10,
    /// TLS does not trust the server.
    Tls = 11,
    /// Something else answers.
    NotABackend = 12,
    /// There is no Socket.IO at this path.
    WrongPath = 13,
    /// The sign-in was refused or is over.
    SignIn = 14,
    /// No answer in time.
    TimeOut = 15,
    /// An answer breaks the contract.
    Malformed = 16,
    /// The connection was lost and did not come back.
    Lost = 17,
    /// The server knows no such auction, league or invitation.
    UnknownAuction = 20,
    /// What was typed is no amount.
    NotAnAmount = 21,
    /// The bid breaks a rule that is known here; nothing was sent.
    Rule = 22,
    /// The server refused the bid.
    BidRefused = 23,
    /// The bid never reached the server's memory.
    NotStored = 24,
    /// Whether the bid counts is not known.
    UnknownFate = 25,
    /// The bid was accepted, and the room never showed it.
    Unseen = 26,
    /// The server refused something that is no bid.
    Refused = 27,
    /// The demonstration could not be set up.
    Demo = 30,
    /// Money went missing or came from nowhere.
    DoesNotAddUp = 31,
    /// A replay came to another state than was recorded.
    Differs = 40,
    /// It is no recording, or a line of it cannot be read.
    NotARecording = 41,
    /// The command line is wrong.
    Usage = 64,
    /// The system refused something that every program gets.
    System = 71,
    /// The output cannot be written.
    Output = 74,
    /// Stopped by the user before the end.
    Interrupted = 130,
}

/// Why a command ends without success.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// For programs.
    pub exit: Exit,
    /// What happened.
    pub sentence: String,
    /// What to do about it.
    pub way: String,
}

impl Failure {
    /// From its parts.
    pub fn new(exit: Exit, sentence: impl Into<String>, way: impl Into<String>) -> Self {
        Self {
            exit,
            sentence: sentence.into(),
            way: way.into(),
        }
    }

    /// Stopped by the user.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "Stopped.", "")
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let exit = match &error {
            ClientError::Address(_) | ClientError::Unreachable { .. } => Exit::Unreachable,
            ClientError::Tls { .. } => Exit::Tls,
            ClientError::NotABackend { .. } => Exit::NotABackend,
            ClientError::WrongPath { .. } => Exit::WrongPath,
            ClientError::TooSlow { .. } => Exit::TimeOut,
            ClientError::Malformed { .. } => Exit::Malformed,
            ClientError::SignIn(_) | ClientError::SignedOut => Exit::SignIn,
            ClientError::Amount(_) => Exit::NotAnAmount,
            ClientError::Rule(_)
            | ClientError::Blocked(_)
            | ClientError::PriceMoved { .. }
            | ClientError::TooLate { .. } => Exit::Rule,
            ClientError::UnknownAuction(_) => Exit::UnknownAuction,
            ClientError::Ended => Exit::Lost,
            ClientError::Refused(refusal) => match refusal.code {
                RefusalCode::AuctionNotFound | RefusalCode::LeagueNotFound | RefusalCode::InvalidInvite => {
                    Exit::UnknownAuction
                }
                RefusalCode::NotSignedIn | RefusalCode::InvalidMagicLink => Exit::SignIn,
                _ => Exit::Refused,
            },
        };
        // The client's ways lead through the window's screens; a terminal has none.
        let way = match exit {
            Exit::UnknownAuction => "Check the id or the invitation with the commissioner.",
            Exit::Lost => "Start the command again.",
            Exit::Rule if matches!(error, ClientError::TooLate { .. }) => {
                "Add --insist if you want it sent all the same; it may come too late."
            }
            _ => error.way(),
        };
        Self::new(exit, error.to_string(), way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_clashes_with_the_doctors() {
        for exit in [Exit::Unreachable, Exit::UnknownAuction, Exit::Demo, Exit::Usage] {
            assert!(exit as u8 >= 10, "{exit:?}");
        }
    }

    #[test]
    fn a_failure_keeps_the_clients_sentence() {
        let failure = Failure::from(ClientError::SignIn("the link is used up".into()));
        assert_eq!(failure.sentence, "The sign-in was refused: the link is used up.");
        assert_eq!(failure.exit, Exit::SignIn);
        assert!(!failure.way.is_empty());
    }
}
