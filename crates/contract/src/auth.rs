//! Sign-in by magic link (contract, section 1).

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::secret::{Email, Secret};
use crate::timestamp::Timestamp;

/// `POST /auth/magic-link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MagicLinkRequest {
    /// Where the link goes.
    pub email: Email,
}

/// Its answer. A development backend hands the token back; a real one mails it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MagicLinkAnswer {
    /// A sentence.
    pub message: String,
    /// The address as the server normalized it.
    pub email: Email,
    /// The token, on a development backend.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "Secret::exposed_option"
    )]
    pub token: Option<Secret>,
    /// Seconds that the token lives.
    pub expires_in: u32,
}

/// `POST /auth/verify-magic-link`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// The address the link went to.
    pub email: Email,
    /// The token of the link.
    #[serde(serialize_with = "Secret::exposed")]
    pub token: Secret,
}

/// `POST /auth/refresh`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshRequest {
    /// The refresh token of the last sign-in.
    #[serde(serialize_with = "Secret::exposed")]
    pub refresh_token: Secret,
}

/// What a sign-in gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// For `Authorization: Bearer …`.
    #[serde(serialize_with = "Secret::exposed")]
    pub access_token: Secret,
    /// For `POST /auth/refresh`.
    #[serde(serialize_with = "Secret::exposed")]
    pub refresh_token: Secret,
    /// Always `bearer`.
    pub token_type: String,
    /// Seconds that the access token lives.
    pub expires_in: u32,
    /// Who signed in.
    pub user: User,
}

/// A person, as they see themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// Since when they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// `POST /users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Email,
}
