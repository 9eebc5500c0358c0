//! Signed tokens (JWT, HS256): access, refresh, and the token of a magic link.

use gavelscope_contract::auth::{SignIn, User};
use gavelscope_contract::{RefusalCode, Secret, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use crate::refuse::Refused;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// Calls.
    Access,
    /// A new access token.
    Refresh,
    /// Signing in, once.
    MagicLink,
}

impl Purpose {
    /// How long such a token lives, seconds.
    pub(crate) const fn lifetime(self) -> u32 {
        match self {
            Self::Access => 24 * 60 * 60,
            Self::Refresh => 30 * 24 * 60 * 60,
            Self::MagicLink => 15 * 60,
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// A user's id; in a magic link, the address that it was made for.
    pub sub: String,
    /// What it may be used for.
    #[serde(rename = "use")]
    pub purpose: Purpose,
    /// When it was made, seconds since the epoch.
    pub iat: i64,
    /// When it ends, seconds since the epoch.
    pub exp: i64,
    /// Which token it is.
    pub jti: String,
}

/// Makes tokens and reads them.
pub(crate) struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens([redacted])")
    }
}

impl Tokens {
    pub(crate) fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The library would ask the system's clock; ours is asked in `read`.
        validation.validate_exp = false;
        Self {
            sign: EncodingKey::from_secret(secret.expose().as_bytes()),
            verify: DecodingKey::from_secret(secret.expose().as_bytes()),
            validation,
        }
    }

    /// A secret that nobody can guess: 244 random bits.
    pub(crate) fn fresh_secret() -> String {
        let half = || uuid::Uuid::new_v4().simple().to_string();
        half() + &half()
    }

    fn make(&self, subject: &str, purpose: Purpose, now: i64) -> Result<Secret, Refused> {
        let iat = now / 1000;
        let claims = Claims {
            sub: subject.to_owned(),
            purpose,
            iat,
            exp: iat + i64::from(purpose.lifetime()),
            jti: uuid::Uuid::new_v4().simple().to_string(),
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .map(Secret::new)
            .map_err(|_| {
                Refused::new(
                    500,
                    RefusalCode::ServerFailed,
                    "The server could not sign a token.",
                )
            })
    }

    /// The token of a magic link for an address.
    pub(crate) fn magic_link(&self, email: &str, now: i64) -> Result<Secret, Refused> {
        self.make(email, Purpose::MagicLink, now)
    }

    /// What a sign-in gives.
    pub(crate) fn sign_in(&self, user: User, now: i64) -> Result<SignIn, Refused> {
        Ok(SignIn {
            access_token: self.make(user.id.as_str(), Purpose::Access, now)?,
            refresh_token: self.make(user.id.as_str(), Purpose::Refresh, now)?,
            token_type: "bearer".to_owned(),
            expires_in: Purpose::Access.lifetime(),
            user,
        })
    }

    /// Reads a token that is to be of a purpose and still alive; none where it is not.
    pub(crate) fn read(&self, token: &str, purpose: Purpose, now: i64) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.verify, &self.validation)
            .ok()?
            .claims;
        (claims.purpose == purpose && now / 1000 < claims.exp).then_some(claims)
    }

    /// Who an access token speaks for.
    pub(crate) fn user(&self, token: &str, now: i64) -> Result<UserId, Refused> {
        match self.read(token, Purpose::Access, now) {
            Some(claims) => Ok(UserId(claims.sub)),
            None => Err(Refused::new(
                401,
                RefusalCode::NotSignedIn,
                "Invalid authentication token: it is wrong or has expired. Sign in again.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User {
            id: UserId::from("u1"),
            name: "U".into(),
            email: None,
            created_at: None,
        }
    }

    #[test]
    fn a_token_says_who_until_it_ends() {
        let tokens = Tokens::new(&Secret::new("one"));
        let sign_in = tokens.sign_in(user(), 1_000_000).unwrap();
        let access = sign_in.access_token.expose();
        assert_eq!(tokens.user(access, 1_000_000).unwrap(), UserId::from("u1"));
        let end = 1_000_000 + 86_400_000;
        assert!(tokens.user(access, end - 1_000).is_ok());
        assert_eq!(tokens.user(access, end).unwrap_err().status, 401);
    }

    #[test]
    fn a_token_serves_its_purpose_alone() {
        let tokens = Tokens::new(&Secret::new("one"));
        let sign_in = tokens.sign_in(user(), 0).unwrap();
        let link = tokens.magic_link("a@example.com", 0).unwrap();
        assert!(tokens.user(sign_in.refresh_token.expose(), 0).is_err());
        assert!(tokens.user(link.expose(), 0).is_err());
        assert!(
            tokens
                .read(sign_in.access_token.expose(), Purpose::Refresh, 0)
                .is_none()
        );
    }

    #[test]
    fn a_token_signed_with_another_secret_or_none_is_refused() {
        let ours = Tokens::new(&Secret::new("one"));
        let theirs = Tokens::new(&Secret::new("two")).sign_in(user(), 0).unwrap();
        assert!(ours.user(theirs.access_token.expose(), 0).is_err());
        // {"alg":"none"} . {"sub":"u1","use":"access","iat":0,"exp":9999999999,"jti":"x"} .
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1MSIsInVzZSI6ImFjY2VzcyIsImlhdCI6MCwiZXhwIjo5OTk5OTk5OTk5LCJqdGkiOiJ4In0.";
        assert!(ours.user(unsigned, 0).is_err());
    }
}
