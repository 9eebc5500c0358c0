//! How the backend says no: a status, a code to act on, a sentence to read.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use gavelscope_contract::refusal::RefusalBody;
use gavelscope_contract::{Money, RefusalCode};
use serde_json::Value;

use crate::store::StoreError;

/// A no.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What is answered.
    pub body: Box<RefusalBody>,
    /// How long to wait before asking again, s.
    pub retry_after: Option<u32>,
}

impl Refused {
    /// A no with its sentence.
    pub fn new(status: u16, code: RefusalCode, detail: impl Into<String>) -> Self {
        Self::with_detail(status, code, Value::String(detail.into()))
    }

    /// A no whose detail is not a sentence (a 422).
    pub fn with_detail(status: u16, code: RefusalCode, detail: Value) -> Self {
        Self {
            status,
            body: Box::new(RefusalBody {
                detail,
                code: Some(code),
                current_bid: None,
                minimum_bid: None,
                maximum_bid: None,
            }),
            retry_after: None,
        }
    }

    /// With what the price is, and what could be bid instead.
    #[must_use]
    pub fn with_price(
        mut self,
        current: Option<Money>,
        minimum: Option<Money>,
        maximum: Option<Money>,
    ) -> Self {
        self.body.current_bid = current;
        self.body.minimum_bid = minimum;
        self.body.maximum_bid = maximum;
        self
    }

    /// The sentence.
    pub fn sentence(&self) -> String {
        self.body
            .detail
            .as_str()
            .map_or_else(|| self.body.detail.to_string(), str::to_owned)
    }

    /// No such auction.
    pub fn auction_not_found() -> Self {
        Self::new(404, RefusalCode::AuctionNotFound, "Auction not found")
    }

    /// No such league.
    pub fn league_not_found() -> Self {
        Self::new(404, RefusalCode::LeagueNotFound, "League not found")
    }

    /// No such user.
    pub fn user_not_found() -> Self {
        Self::new(404, RefusalCode::UserNotFound, "User not found")
    }

    /// Not a member of the league.
    pub fn not_a_member() -> Self {
        Self::new(
            403,
            RefusalCode::NotAParticipant,
            "User is not a participant in this league",
        )
    }

    /// The token says somebody else than the request does.
    pub fn not_you() -> Self {
        Self::new(
            403,
            RefusalCode::NotYou,
            "The request names another user than the one who is signed in.",
        )
    }

    /// Only the commissioner may do this.
    pub fn commissioner_only() -> Self {
        Self::new(
            403,
            RefusalCode::CommissionerOnly,
            "Only the league commissioner can do this.",
        )
    }

    /// The auction's state does not allow this.
    pub fn wrong_state(sentence: impl Into<String>) -> Self {
        Self::new(400, RefusalCode::WrongState, sentence)
    }
}

/// Marks an answer that is a no because the database failed, for who counts them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DatabaseFailed;

/// Why something was not done.
#[derive(Debug)]
pub enum Denied {
    /// A rule says no.
    Refused(Refused),
    /// The database failed.
    Failed(StoreError),
}

impl From<Refused> for Denied {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl<E: Into<StoreError>> From<E> for Denied {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.is_unwritable_text() {
            let sentence = "The request holds text with the character U+0000, which cannot be kept.";
            return Refused::new(422, RefusalCode::InvalidBody, sentence).into();
        }
        Self::Failed(error)
    }
}

impl Denied {
    /// The sentence, as far as a stranger may read it.
    pub fn sentence(&self) -> String {
        match self {
            Self::Refused(refused) => refused.sentence(),
            Self::Failed(_) => "The server could not reach its database.".to_owned(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => refused.into_response(),
            Self::Failed(ref error) => {
                tracing::error!(%error, "the database failed");
                let mut response =
                    Refused::new(503, RefusalCode::ServerFailed, self.sentence()).into_response();
                response.extensions_mut().insert(DatabaseFailed);
                response
            }
        }
    }
}
