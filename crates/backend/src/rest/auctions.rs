//! Auctions.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use gavelscope_contract::auction::{
    AuctionSnapshot, BeginAnswer, BidAnswer, BidRequest, ClubList, DeleteAnswer, EventPage, IDEMPOTENCY_KEY,
    PauseAnswer, StartLotAnswer,
};
use gavelscope_contract::{AuctionId, ClubId, LotId, Position, RefusalCode, UserId};
use serde::Deserialize;

use super::body::Body;
use super::caller::Caller;
use crate::refuse::{Denied, Refused};
use crate::sockets::Shared;

/// The longest idempotency key, bytes.
const KEY: usize = 200;

/// Refuses whoever is not in the auction's league.
async fn members_only(house: &Shared, auction: &AuctionId, user: &UserId) -> Result<(), Denied> {
    let league = house.must_exist(auction).await?;
    if house.store.is_member(&league, user).await? {
        Ok(())
    } else {
        Err(Refused::not_a_member().into())
    }
}

/// `GET /auction/{id}`. Its `ETag` is the position in the auction's stream: whoever has read that far already is told so
/// in one line (304), which keeps those who have to read again and again cheap.
pub(super) async fn get(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
    headers: HeaderMap,
) -> Result<Response, Denied> {
    members_only(&house, &id, &caller.0).await?;
    if let Some(known) = headers.get(IF_NONE_MATCH) {
        let position = house.store.position_of(&id).await?;
        let tag = tag(&position.ok_or_else(Refused::auction_not_found)?);
        if tag.as_ref() == Some(known) {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, known.clone())]).into_response());
        }
    }
    let snapshot: AuctionSnapshot = house
        .store
        .snapshot(&id)
        .await?
        .ok_or_else(Refused::auction_not_found)?;
    let tag = snapshot.stream.as_ref().and_then(tag);
    let mut answer = Json(snapshot).into_response();
    if let Some(tag) = tag {
        answer.headers_mut().insert(ETAG, tag);
    }
    Ok(answer)
}

/// Weak, because the server's clock in the body moves on.
fn tag(position: &Position) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("W/\"{}-{}\"", position.epoch, position.seq)).ok()
}

/// `GET /auction/{id}/clubs`
pub(super) async fn clubs(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
) -> Result<Json<ClubList>, Denied> {
    members_only(&house, &id, &caller.0).await?;
    Ok(Json(house.store.clubs_of(&id).await?))
}

/// Where to go on.
#[derive(Debug, Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// `GET /auction/{id}/events?after=`
pub(super) async fn events(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
    query: Result<Query<After>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<EventPage>, Denied> {
    let Ok(Query(After { after })) = query else {
        let sentence = "after has to be a whole number, not below 0";
        return Err(Refused::new(422, RefusalCode::InvalidBody, sentence).into());
    };
    members_only(&house, &id, &caller.0).await?;
    let page = house.store.events_after(&id, after).await?;
    Ok(Json(page.ok_or_else(Refused::auction_not_found)?))
}

/// `POST /auction/{id}/begin`
pub(super) async fn begin(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
) -> Result<Json<BeginAnswer>, Denied> {
    house.begin(id, caller.0).await.map(Json)
}

/// `POST /auction/{id}/bid`
pub(super) async fn bid(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
    headers: HeaderMap,
    Body(request): Body<BidRequest>,
) -> Result<Json<BidAnswer>, Denied> {
    let key = idempotency_key(&headers)?;
    caller.must_be(&request.user_id)?;
    house.bid(id, caller.0, request.amount, key).await.map(Json)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|key| (1..=KEY).contains(&key.len()))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let sentence = "Idempotency-Key has to be 1 to 200 printable ASCII characters";
            Refused::new(422, RefusalCode::InvalidBody, sentence)
        })
}

/// `POST /auction/{id}/pause`
pub(super) async fn pause(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
) -> Result<Json<PauseAnswer>, Denied> {
    house.pause(id, caller.0).await.map(Json)
}

/// `POST /auction/{id}/resume`
pub(super) async fn resume(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
) -> Result<Json<PauseAnswer>, Denied> {
    house.resume(id, caller.0).await.map(Json)
}

/// Which lot is meant; where it is left out, the one on the block.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Which {
    lot_id: Option<LotId>,
}

/// `POST /auction/{id}/complete-lot`
pub(super) async fn complete_lot(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
    Query(which): Query<Which>,
) -> Result<Json<Option<()>>, Denied> {
    house.complete_lot(id, caller.0, which.lot_id).await?;
    Ok(Json(None))
}

/// `POST /auction/{id}/start-lot/{clubId}`
pub(super) async fn start_lot(
    State(house): State<Shared>,
    caller: Caller,
    Path((id, club)): Path<(AuctionId, ClubId)>,
) -> Result<Json<StartLotAnswer>, Denied> {
    let club = house.start_lot(id, caller.0, club).await?;
    Ok(Json(StartLotAnswer {
        message: "Lot started successfully".to_owned(),
        club,
    }))
}

/// `DELETE /auction/{id}`
pub(super) async fn delete(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<AuctionId>,
) -> Result<Json<DeleteAnswer>, Denied> {
    let deleted = house.delete(id, caller.0).await?;
    let counts = [
        ("auction", 1),
        ("bids", deleted.bids),
        ("participants_reset", deleted.participants_reset),
    ];
    Ok(Json(DeleteAnswer {
        message: "Auction deleted successfully".to_owned(),
        deleted_data: counts.map(|(kind, count)| (kind.to_owned(), count)).into(),
    }))
}
