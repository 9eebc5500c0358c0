//! What a command that fails tells the window: a code to act on, a sentence, a way on.

use gavelscope_client::recorder::PlaybackError;
use gavelscope_client::{AddressError, ClientError};
use gavelscope_contract::{MoneyError, RefusalCode};
use serde::Serialize;
use specta::Type;

/// What kind of trouble it is. A code exists only where the window does something of its own about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ErrorCode {
    /// Not an address.
    BadAddress,
    /// Nobody answers.
    Unreachable,
    /// Somebody else answers.
    NotABackend,
    /// TLS does not trust it.
    Tls,
    /// The backend is there, its sockets are elsewhere.
    WrongPath,
    /// The sign-in was refused.
    SignInRefused,
    /// The sign-in has run out: the window asks for a new one.
    SignedOut,
    /// No such auction.
    UnknownAuction,
    /// Not an amount.
    BadAmount,
    /// The bid breaks a rule.
    BidRefused,
    /// The price moved before the bid was sent: the window asks again.
    PriceMoved,
    /// There is less time left than a bid needs: the window offers to insist.
    TooLate,
    /// The server said no.
    Refused,
    /// No answer in time.
    TooSlow,
    /// Settings could not be written.
    Storage,
    /// There is no session.
    NoSession,
    /// A recording cannot be opened or read: the window goes back to the list of them.
    Recording,
    /// A diagnosis cannot begin now.
    Diagnosis,
    /// A report cannot be saved or read.
    Report,
    /// Anything else.
    Internal,
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// What kind of trouble.
    pub code: ErrorCode,
    /// What happened and what it means.
    pub sentence: String,
    /// What to do.
    pub way: String,
}

impl CommandError {
    /// There is no session to do it in.
    pub fn no_session() -> Self {
        Self {
            code: ErrorCode::NoSession,
            sentence: "There is no session.".to_owned(),
            way: "Connect to a server, or start a practice auction.".to_owned(),
        }
    }

    /// Something on this machine did not work.
    pub fn storage(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self {
            code: ErrorCode::Storage,
            sentence: format!("{what} could not be stored: {error}."),
            way: "Look whether the disk is full and the settings folder can be written.".to_owned(),
        }
    }

    /// Something went wrong that should not.
    pub fn internal(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self {
            code: ErrorCode::Internal,
            sentence: format!("{what} did not work: {error}."),
            way: "Try again; if it happens again, report it with this sentence.".to_owned(),
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        let code = match &error {
            ClientError::Address(_) => ErrorCode::BadAddress,
            ClientError::Unreachable { .. } => ErrorCode::Unreachable,
            ClientError::Tls { .. } => ErrorCode::Tls,
            ClientError::NotABackend { .. } | ClientError::Malformed { .. } => ErrorCode::NotABackend,
            ClientError::WrongPath { .. } => ErrorCode::WrongPath,
            ClientError::TooSlow { .. } => ErrorCode::TooSlow,
            ClientError::Refused(refusal) if refusal.code == RefusalCode::NotSignedIn => ErrorCode::SignedOut,
            ClientError::Refused(_) => ErrorCode::Refused,
            ClientError::SignIn(_) => ErrorCode::SignInRefused,
            ClientError::SignedOut => ErrorCode::SignedOut,
            ClientError::Amount(_) => ErrorCode::BadAmount,
            ClientError::Rule(_) | ClientError::Blocked(_) => ErrorCode::BidRefused,
            ClientError::PriceMoved { .. } => ErrorCode::PriceMoved,
            ClientError::TooLate { .. } => ErrorCode::TooLate,
            ClientError::UnknownAuction(_) => ErrorCode::UnknownAuction,
            ClientError::Ended => ErrorCode::NoSession,
        };
        Self {
            code,
            sentence: error.to_string(),
            way: error.way().to_owned(),
        }
    }
}

impl From<PlaybackError> for CommandError {
    fn from(error: PlaybackError) -> Self {
        Self {
            code: ErrorCode::Recording,
            sentence: format!("The recording cannot be shown: {error}."),
            way: match error {
                PlaybackError::Line { .. } => {
                    "Up to there it can be shown. It was changed after it was written, or \
                     written by another version."
                        .to_owned()
                }
                _ => "Choose another recording.".to_owned(),
            },
        }
    }
}

impl From<AddressError> for CommandError {
    fn from(error: AddressError) -> Self {
        ClientError::from(error).into()
    }
}

impl From<MoneyError> for CommandError {
    fn from(error: MoneyError) -> Self {
        ClientError::from(error).into()
    }
}
