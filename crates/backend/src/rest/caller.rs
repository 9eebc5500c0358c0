//! Who makes a call: the bearer token says it, and nothing else does.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use gavelscope_contract::{RefusalCode, UserId};

use crate::refuse::Refused;
use crate::sockets::Shared;

/// Who makes a call.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) UserId);

/// What a request has shown, read once where it came in.
#[derive(Debug, Clone)]
pub(super) struct Shown(pub(super) Result<Caller, Refused>);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, house: &Shared) -> Result<Self, Refused> {
        match parts.extensions.get::<Shown>() {
            Some(Shown(caller)) => caller.clone(),
            None => Self::of(&parts.headers, house),
        }
    }
}

impl Caller {
    /// Who shows these headers.
    pub(super) fn of(headers: &HeaderMap, house: &Shared) -> Result<Self, Refused> {
        let refuse = |sentence| Refused::new(401, RefusalCode::NotSignedIn, sentence);
        let header = headers
            .get(AUTHORIZATION)
            .ok_or_else(|| refuse("Authentication required. Provide an Authorization header."))?;
        let token = header
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| refuse("Invalid authorization header format. Use: Bearer <token>"))?;
        house.tokens.user(token, house.store.now()).map(Self)
    }

    /// Refuses a request that names somebody else.
    pub(super) fn must_be(&self, named: &UserId) -> Result<(), Refused> {
        if self.0 == *named {
            Ok(())
        } else {
            Err(Refused::not_you())
        }
    }
}
