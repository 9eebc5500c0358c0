//! Why a server said no, as a code to act on.
//!
//! The field's backend tells its refusals apart only by their English text; the table below is the one place that
//! knows those texts. Gavelscope's own backend says the code.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::money::Money;

/// What a refusal means. Written in `snake_case` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The body is not what the call takes (422).
    InvalidBody,
    /// No such auction.
    AuctionNotFound,
    /// The auction is not taking bids: waiting, paused or over.
    AuctionNotActive,
    /// The server does not know the bidder.
    UserNotFound,
    /// The bidder is not a manager of this league.
    NotAParticipant,
    /// Below the least that any bid may be.
    BelowMinimum,
    /// More than the bidder has left.
    InsufficientBudget,
    /// It would leave too little for the slots still to be filled.
    ReserveRequired,
    /// All slots are filled.
    RosterFull,
    /// Nothing is on the block.
    NoLot,
    /// The bidder leads already.
    AlreadyHighest,
    /// Not above the current bid.
    BidTooLow,
    /// Somebody else's bid won the moment (409, our backend).
    PriceMoved,
    /// The lot is over: a bid in the 3-2-1 pause between two lots (our backend; the field takes and loses it).
    LotClosed,
    /// The idempotency key was used with another body (our backend).
    KeyReused,
    /// Not signed in, or the token is no longer good (401).
    NotSignedIn,
    /// The magic link is wrong, used or too old (401).
    InvalidMagicLink,
    /// The token says somebody else than the body does (403).
    NotYou,
    /// Only the league's commissioner may do this (403).
    CommissionerOnly,
    /// The auction's state does not allow this call (begin twice, resume what is not paused, …).
    WrongState,
    /// No such league.
    LeagueNotFound,
    /// The invitation is wrong.
    InvalidInvite,
    /// The league has no place left.
    LeagueFull,
    /// No such club in this auction.
    ClubNotFound,
    /// Too fast (429): wait, and try again.
    TooManyRequests,
    /// The server failed (5xx). For a bid this does **not** mean that it was not stored.
    ServerFailed,
    /// A refusal that this contract does not know; its text is all there is.
    #[serde(other)]
    Other,
}

/// The field's texts, by how they begin (or, with `…` in front, by what they contain). First match wins.
const FIELD_TEXTS: &[(&str, RefusalCode)] = &[
    ("Auction is not active", RefusalCode::AuctionNotActive),
    ("Auction is not in waiting state", RefusalCode::WrongState),
    ("Auction not found", RefusalCode::AuctionNotFound),
    ("No auction found for this league", RefusalCode::AuctionNotFound),
    ("User not found", RefusalCode::UserNotFound),
    ("User is not a participant", RefusalCode::NotAParticipant),
    ("Bid must be at least", RefusalCode::BelowMinimum),
    ("Insufficient budget", RefusalCode::InsufficientBudget),
    ("Must reserve", RefusalCode::ReserveRequired),
    ("…roster is full", RefusalCode::RosterFull),
    ("…Roster is full", RefusalCode::RosterFull),
    ("…roster full", RefusalCode::RosterFull),
    ("…already own the maximum", RefusalCode::RosterFull),
    ("No club currently", RefusalCode::NoLot),
    ("No team currently", RefusalCode::NoLot),
    ("No lot", RefusalCode::NoLot),
    ("No current", RefusalCode::NoLot),
    ("You are already the highest bidder", RefusalCode::AlreadyHighest),
    ("Bid must exceed current bid", RefusalCode::BidTooLow),
    ("Invalid or expired magic link", RefusalCode::InvalidMagicLink),
    ("Magic link has", RefusalCode::InvalidMagicLink),
    ("Authentication required", RefusalCode::NotSignedIn),
    ("Invalid authorization header", RefusalCode::NotSignedIn),
    ("Invalid authentication token", RefusalCode::NotSignedIn),
    ("Invalid token type", RefusalCode::NotSignedIn),
    ("Invalid refresh token", RefusalCode::NotSignedIn),
    ("Only the league commissioner", RefusalCode::CommissionerOnly),
    ("Only the commissioner", RefusalCode::CommissionerOnly),
    ("Can only pause", RefusalCode::WrongState),
    ("Can only resume", RefusalCode::WrongState),
    ("Can only reset", RefusalCode::WrongState),
    ("Can only update your own", RefusalCode::NotYou),
    ("League not found", RefusalCode::LeagueNotFound),
    ("League is full", RefusalCode::LeagueFull),
    ("Invalid invite", RefusalCode::InvalidInvite),
    ("Club not found", RefusalCode::ClubNotFound),
];

/// The body of a refusal. `detail` is always there; the rest is our backend's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusalBody {
    /// A sentence, or for a 422 a list of what is wrong.
    pub detail: Value,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusalCode>,
    /// The price, where the refusal is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_bid: Option<Money>,
    /// The least that would be taken now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_bid: Option<Money>,
    /// The most that this bidder may bid now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_bid: Option<Money>,
}

/// A server's no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What it means.
    pub code: RefusalCode,
    /// The server's own words, shortened.
    pub detail: String,
    /// The price, where the server said it.
    pub current_bid: Option<Money>,
    /// The least that would be taken now, where the server said it.
    pub minimum_bid: Option<Money>,
    /// How long the server asks to be left alone (`Retry-After`), s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<std::time::Duration> {
        self.retry_after_seconds
            .map(|seconds| std::time::Duration::from_secs(u64::from(seconds)))
    }

    /// How much of a server's words is kept, in characters.
    const KEPT: usize = 300;

    /// Reads the answer with a status of 400 and more; any body will do.
    pub fn read(status: u16, body: &str) -> Self {
        let parsed = serde_json::from_str::<RefusalBody>(body).ok();
        let detail = match parsed.as_ref().map(|b| &b.detail) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => items
                .iter()
                .map(Self::describe_field)
                .collect::<Vec<_>>()
                .join("; "),
            Some(other) => other.to_string(),
            None => body.trim().to_owned(),
        };
        let code = match parsed.as_ref().and_then(|b| b.code) {
            Some(code) => code,
            None => Self::code_of(status, &detail),
        };
        Self {
            status,
            code,
            detail: detail.chars().take(Self::KEPT).collect(),
            current_bid: parsed.as_ref().and_then(|b| b.current_bid),
            minimum_bid: parsed.as_ref().and_then(|b| b.minimum_bid),
            retry_after_seconds: None,
        }
    }

    /// One entry of a 422: where, and what is wrong with it.
    fn describe_field(item: &Value) -> String {
        let message = item["msg"].as_str().unwrap_or("is not accepted");
        match item["loc"].as_array().and_then(|loc| loc.last()) {
            Some(Value::String(field)) => format!("{field}: {message}"),
            _ => message.to_owned(),
        }
    }

    fn code_of(status: u16, detail: &str) -> RefusalCode {
        let by_text = FIELD_TEXTS.iter().find(|(text, _)| match text.strip_prefix('…') {
            Some(part) => detail.contains(part),
            None => detail.starts_with(text),
        });
        match (by_text, status) {
            (Some((_, code)), _) => *code,
            (None, 401) => RefusalCode::NotSignedIn,
            (None, 409) => RefusalCode::PriceMoved,
            (None, 422) => RefusalCode::InvalidBody,
            (None, 429) => RefusalCode::TooManyRequests,
            (None, 500..) => RefusalCode::ServerFailed,
            _ => RefusalCode::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_texts_become_codes() {
        // Left: status and text as recorded; right: what they mean.
        for (status, detail, code) in [
            (
                400,
                "Auction is not active (status: waiting)",
                RefusalCode::AuctionNotActive,
            ),
            (404, "Auction not found", RefusalCode::AuctionNotFound),
            (404, "User not found", RefusalCode::UserNotFound),
            (
                403,
                "User is not a participant in this league",
                RefusalCode::NotAParticipant,
            ),
            (400, "Bid must be at least £1,000,000", RefusalCode::BelowMinimum),
            (
                400,
                "Insufficient budget. You have £20,000,000 remaining",
                RefusalCode::InsufficientBudget,
            ),
            (
                400,
                "Must reserve £1m for 1 remaining slot(s). Max bid: £19.0m",
                RefusalCode::ReserveRequired,
            ),
            (
                400,
                "You are already the highest bidder",
                RefusalCode::AlreadyHighest,
            ),
            (
                400,
                "Bid must exceed current bid of £5,000,000. Please bid higher.",
                RefusalCode::BidTooLow,
            ),
            (
                401,
                "Magic link has already been used",
                RefusalCode::InvalidMagicLink,
            ),
            (401, "something new", RefusalCode::NotSignedIn),
            (429, "slow down", RefusalCode::TooManyRequests),
            (502, "<html>Bad gateway</html>", RefusalCode::ServerFailed),
            (418, "teapot", RefusalCode::Other),
        ] {
            let body = serde_json::json!({ "detail": detail }).to_string();
            let refusal = Refusal::read(status, &body);
            assert_eq!((refusal.code, refusal.detail.as_str()), (code, detail));
        }
    }

    #[test]
    fn our_own_code_wins_over_the_text() {
        let body = r#"{"detail":"Auction not found","code":"price_moved","currentBid":5000000,"minimumBid":5000001.0}"#;
        let refusal = Refusal::read(409, body);
        assert_eq!(refusal.code, RefusalCode::PriceMoved);
        assert_eq!(refusal.current_bid, Some(Money::from_pounds(5_000_000)));
    }

    #[test]
    fn a_code_from_the_future_is_other_and_loses_nothing() {
        let refusal = Refusal::read(400, r#"{"detail":"No.","code":"invented_tomorrow"}"#);
        assert_eq!(
            (refusal.code, refusal.detail.as_str()),
            (RefusalCode::Other, "No.")
        );
    }

    #[test]
    fn a_422_says_which_field() {
        let refusal = Refusal::read(
            422,
            r#"{"detail":[{"type":"missing","loc":["body","amount"],"msg":"Field required","input":null}]}"#,
        );
        assert_eq!(
            (refusal.code, refusal.detail.as_str()),
            (RefusalCode::InvalidBody, "amount: Field required")
        );
    }

    #[test]
    fn any_body_is_survived() {
        for body in [
            "",
            "Internal Server Error",
            "[]",
            "{\"detail\":",
            "null",
            "{\"detail\":null}",
            "{\"detail\":{}}",
        ] {
            assert_eq!(Refusal::read(500, body).code, RefusalCode::ServerFailed, "{body}");
        }
        assert_eq!(
            Refusal::read(500, &"x".repeat(10_000)).detail.len(),
            Refusal::KEPT
        );
    }
}
