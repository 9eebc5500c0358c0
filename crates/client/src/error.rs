//! What can go wrong between a user and a backend, as something to act on.

use gavelscope_contract::{MoneyError, Refusal};

use crate::address::AddressError;

/// Why a call of the session failed. [`std::fmt::Display`] is the sentence (what happened, what it means);
/// [`ClientError::way`] is what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// What was typed is not an address.
    #[error("That is not an address: {0}.")]
    Address(#[from] AddressError),
    /// The name does not exist, nobody listens, or the network is down.
    #[error("Nobody answers at {address}: {reason}.")]
    Unreachable {
        /// Where.
        address: String,
        /// Why, in the system's words.
        reason: String,
    },
    /// The certificate is not one to trust, or TLS failed otherwise.
    #[error("The connection to {address} cannot be trusted: {reason}.")]
    Tls {
        /// Where.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something answers, and it is not an auction backend.
    #[error("{address} answers, but it is not an auction backend: {reason}.")]
    NotABackend {
        /// Where.
        address: String,
        /// What was found instead.
        reason: String,
    },
    /// The backend is there, and its Socket.IO endpoint is not where it was looked for.
    #[error("The backend answers, but there is no Socket.IO at {path}: {reason}.")]
    WrongPath {
        /// Where it was looked for.
        path: String,
        /// What was found instead.
        reason: String,
    },
    /// No answer in time.
    #[error("{what} was not answered within {seconds} s.")]
    TooSlow {
        /// Which call.
        what: String,
        /// The limit.
        seconds: u32,
    },
    /// An answer that breaks the contract.
    #[error("The answer to {what} is not what an auction backend says: {reason}.")]
    Malformed {
        /// Which call.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server said no.
    #[error("{}", sentence_of(.0))]
    Refused(Refusal),
    /// The server refused the sign-in.
    #[error("The sign-in was refused: {0}.")]
    SignIn(String),
    /// The sign-in has run out and could not be renewed.
    #[error("You are signed out: the server no longer accepts this sign-in.")]
    SignedOut,
    /// What was typed is not an amount.
    #[error("That is not an amount: {0}.")]
    Amount(#[from] MoneyError),
    /// The amount would break a rule that is known here; nothing was sent.
    #[error("{0}")]
    Rule(String),
    /// No bid of any amount is possible now; nothing was sent.
    #[error("{0}")]
    Blocked(String),
    /// The price is not the one that was seen when the bid was confirmed; nothing was sent.
    #[error("The price moved to {now} before your bid was sent, so it was not sent.")]
    PriceMoved {
        /// The price now.
        now: gavelscope_contract::Money,
    },
    /// There is less time left than a bid needs, and it was not insisted upon; nothing was sent.
    #[error(
        "{left_ms} ms are left and a bid needs about {needed_ms} ms to get there, so it would come too late and was not \
         sent."
    )]
    TooLate {
        /// What is left until the hammer, ms.
        left_ms: u32,
        /// What a bid needs, with the clock's error, ms.
        needed_ms: u32,
    },
    /// The auction is not open in this session, or the server does not know it.
    #[error("There is no auction “{0}” here.")]
    UnknownAuction(String),
    /// The session has ended.
    #[error("The session has ended.")]
    Ended,
}

fn sentence_of(refusal: &Refusal) -> String {
    let detail = refusal.detail.trim().trim_end_matches('.');
    match detail {
        "" => format!(
            "The server refused it without a word (status {}).",
            refusal.status
        ),
        words => format!("The server refused it: {words}."),
    }
}

impl ClientError {
    /// What to do about it.
    pub fn way(&self) -> &'static str {
        use gavelscope_contract::RefusalCode as Code;
        match self {
            Self::Address(_) => "Type it like auctions.example or http://127.0.0.1:8001.",
            Self::Unreachable { .. } => "Check the address and your network, then try again.",
            Self::Tls { .. } => {
                "Do not sign in. Check the address; if it is right, the operator has to mend the certificate."
            }
            Self::NotABackend { .. } => "Check the address with the people who run the auction.",
            Self::WrongPath { .. } => {
                "Ask the operator for the Socket.IO path; it is usually /api/socket.io/."
            }
            Self::TooSlow { .. } => "Try again; if it stays slow, the server or your network is overloaded.",
            Self::Malformed { .. } => {
                "The backend may be of another version. Copy the feed's raw line for its operator."
            }
            Self::Refused(refusal) => match refusal.code {
                Code::NotSignedIn => "Sign in again.",
                Code::CommissionerOnly => "Ask the league's commissioner.",
                Code::InvalidInvite => "Check the invitation with whoever sent it.",
                Code::LeagueFull => "Ask the commissioner for a place.",
                Code::AuctionNotFound | Code::LeagueNotFound => "Go back to the lobby and read it anew.",
                Code::TooManyRequests => "Wait a moment, then try again.",
                Code::ServerFailed => {
                    "Look at the auction before you try again: it may have been done all the same."
                }
                _ => "Look at the price and your budget, then decide anew.",
            },
            Self::SignIn(_) => "Ask for a new link and use it once, within its time.",
            Self::SignedOut => "Sign in again.",
            Self::Amount(_) => "Type it like 5000000, 5,000,000 or 5.5m.",
            Self::Rule(_) => "Choose another amount.",
            Self::Blocked(_) => "Nothing was sent.",
            Self::PriceMoved { .. } => "Look at the new price and decide again.",
            Self::TooLate { .. } => "Insist if you want it sent all the same; it may come too late.",
            Self::UnknownAuction(_) => "Go back to the lobby and open it from there.",
            Self::Ended => "Connect again from the start screen.",
        }
    }
}
