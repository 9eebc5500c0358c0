//! Sign-in and people.

use axum::Json;
use axum::extract::{Path, State};
use gavelscope_contract::auth::{
    MagicLinkAnswer, MagicLinkRequest, NewUser, RefreshRequest, SignIn, User, VerifyRequest,
};
use gavelscope_contract::secret::Email;
use gavelscope_contract::{RefusalCode, UserId};
use serde::Deserialize;

use super::body::{Body, invalid};
use super::caller::Caller;
use crate::refuse::{Denied, Refused};
use crate::sockets::Shared;
use crate::tokens::Purpose;

/// The longest name and address, bytes.
const NAME: usize = 100;
const ADDRESS: usize = 254;

/// An address as it is stored: trimmed, in lower case.
fn normalized(email: &Email) -> Result<String, Refused> {
    let address = email.0.trim().to_lowercase();
    let valid = address
        .split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let plain = address.bytes().all(|byte| byte > b' ' && byte != 0x7f);
    if valid && plain && address.len() <= ADDRESS {
        Ok(address)
    } else {
        Err(Refused::new(
            400,
            RefusalCode::InvalidBody,
            "Valid email required",
        ))
    }
}

fn checked_name(name: &str) -> Result<&str, Refused> {
    let name = name.trim();
    if name.is_empty() || name.len() > NAME || name.chars().any(char::is_control) {
        return Err(invalid("value_error", Some("name"), "a name has 1 to 100 bytes"));
    }
    Ok(name)
}

/// `POST /auth/magic-link`
pub(super) async fn magic_link(
    State(house): State<Shared>,
    Body(request): Body<MagicLinkRequest>,
) -> Result<Json<MagicLinkAnswer>, Denied> {
    let email = normalized(&request.email)?;
    if let Err(met) = house.door.gate.link_for(&email) {
        house.metrics.limited(met.limit);
        return Err(met.refused.into());
    }
    if !house.dev_sign_in {
        tracing::warn!(pod = %house.pod, "a magic link was asked for, and no mail transport is configured");
        let sentence = "This server has no mail transport configured, so it cannot send sign-in links. \
                        Ask whoever runs it.";
        return Err(Refused::new(503, RefusalCode::Other, sentence).into());
    }
    let token = house.tokens.magic_link(&email, house.store.now())?;
    Ok(Json(MagicLinkAnswer {
        message: "Magic link generated successfully".to_owned(),
        email: Email(email),
        token: Some(token),
        expires_in: Purpose::MagicLink.lifetime(),
    }))
}

/// `POST /auth/verify-magic-link`
pub(super) async fn verify(
    State(house): State<Shared>,
    Body(request): Body<VerifyRequest>,
) -> Result<Json<SignIn>, Denied> {
    let refuse = |sentence| Refused::new(401, RefusalCode::InvalidMagicLink, sentence);
    let email = normalized(&request.email)?;
    let claims = house
        .tokens
        .read(request.token.expose(), Purpose::MagicLink, house.store.now())
        .filter(|claims| claims.sub == email)
        .ok_or_else(|| refuse("Invalid or expired magic link"))?;
    if !house.store.use_link(&claims.jti, claims.exp * 1000).await? {
        return Err(refuse("Magic link has already been used").into());
    }
    let name = email.split('@').next().unwrap_or_default();
    let (user, _) = house.store.user_of_email(&email, name).await?;
    tracing::info!(pod = %house.pod, user = %user.id, "signed in");
    Ok(Json(house.tokens.sign_in(user, house.store.now())?))
}

/// `POST /auth/refresh`
pub(super) async fn refresh(
    State(house): State<Shared>,
    Body(request): Body<RefreshRequest>,
) -> Result<Json<SignIn>, Denied> {
    let refuse = || Refused::new(401, RefusalCode::NotSignedIn, "Invalid refresh token");
    let claims = house
        .tokens
        .read(
            request.refresh_token.expose(),
            Purpose::Refresh,
            house.store.now(),
        )
        .ok_or_else(refuse)?;
    let user = house.store.user(&UserId(claims.sub)).await?.ok_or_else(refuse)?;
    Ok(Json(house.tokens.sign_in(user, house.store.now())?))
}

/// `GET /auth/me`
pub(super) async fn me(State(house): State<Shared>, Caller(id): Caller) -> Result<Json<User>, Denied> {
    let user = house.store.user(&id).await?;
    Ok(Json(user.ok_or_else(|| {
        Refused::new(
            401,
            RefusalCode::NotSignedIn,
            "Authentication required: this user is not known here.",
        )
    })?))
}

/// `POST /users`. Anybody may make a user in development; otherwise a user is made by signing in, and this only
/// answers who you are: it must not tell strangers which addresses are known.
pub(super) async fn create_user(
    State(house): State<Shared>,
    caller: Result<Caller, Refused>,
    Body(request): Body<NewUser>,
) -> Result<Json<User>, Denied> {
    let email = normalized(&request.email)?;
    let name = checked_name(&request.name)?;
    if house.dev_sign_in {
        return Ok(Json(house.store.user_of_email(&email, name).await?.0));
    }
    let Caller(id) = caller?;
    let user = house.store.user(&id).await?.ok_or_else(Refused::user_not_found)?;
    if user.email == Some(Email(email)) {
        Ok(Json(user))
    } else {
        Err(Refused::not_you().into())
    }
}

/// `GET /users/{id}`: the address only to its owner.
pub(super) async fn user(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
) -> Result<Json<User>, Denied> {
    let user = house.store.user(&id).await?.ok_or_else(Refused::user_not_found)?;
    Ok(Json(if caller.0 == id {
        user
    } else {
        User { email: None, ..user }
    }))
}

/// `PATCH /users/{id}`
#[derive(Debug, Deserialize)]
pub(super) struct Rename {
    name: String,
}

/// `PATCH /users/{id}`
pub(super) async fn rename(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<UserId>,
    Body(request): Body<Rename>,
) -> Result<Json<User>, Denied> {
    if caller.0 != id {
        let sentence = "Can only update your own profile";
        return Err(Refused::new(403, RefusalCode::NotYou, sentence).into());
    }
    let user = house.store.rename_user(&id, checked_name(&request.name)?).await?;
    Ok(Json(user.ok_or_else(Refused::user_not_found)?))
}
