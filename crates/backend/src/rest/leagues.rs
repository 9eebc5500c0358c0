//! Leagues.

use axum::Json;
use axum::extract::{Path, Query, State};
use gavelscope_contract::auction::{Club, ResetAnswer};
use gavelscope_contract::event::{Event, Member, ParticipantJoined, ParticipantsChanged, SyncMembers};
use gavelscope_contract::league::{
    Competition, JoinLeagueAnswer, JoinLeagueRequest, League, LeagueAuction, LeagueState, NewLeague,
    ParticipantList,
};
use gavelscope_contract::{LeagueId, RefusalCode, UserId};
use serde::{Deserialize, Serialize};

use super::body::{Body, invalid};
use super::caller::Caller;
use crate::refuse::{Denied, Refused};
use crate::sockets::Shared;
use crate::store::MINIMUM_BID;

/// The longest name, bytes; the longest time on a clock, seconds; the most managers, and the most clubs of one.
const NAME: usize = 100;
const SECONDS: u32 = 3_600;
const MANAGERS: u32 = 10_000;
const SLOTS: u32 = 100;

fn check(new: &NewLeague) -> Result<(), Refused> {
    let wrong = |field, message: &str| Err(invalid("value_error", Some(field), message));
    if new.name.trim().is_empty() || new.name.len() > NAME || new.name.chars().any(char::is_control) {
        return wrong("name", "a league's name has 1 to 100 bytes");
    }
    if !(1..=MANAGERS).contains(&new.max_managers) {
        return wrong("maxManagers", "a league holds 1 to 10000 managers");
    }
    if !(1..=new.max_managers).contains(&new.min_managers) {
        return wrong("minManagers", "has to be at least 1 and at most maxManagers");
    }
    if !(1..=SLOTS).contains(&new.club_slots) {
        return wrong("clubSlots", "a manager has 1 to 100 slots");
    }
    if !(1..=SECONDS).contains(&new.timer_seconds) {
        return wrong("timerSeconds", "a lot runs 1 to 3600 seconds");
    }
    if new.anti_snipe_seconds > SECONDS {
        return wrong("antiSnipeSeconds", "a late bid leaves at most 3600 seconds");
    }
    if new.budget < MINIMUM_BID.saturating_times(new.club_slots) {
        return wrong("budget", "a budget has to pay the minimum bid for every slot");
    }
    Ok(())
}

/// A league, for one of its members.
async fn members_only(house: &Shared, league: &LeagueId, user: &UserId) -> Result<League, Denied> {
    let found = house
        .store
        .league(league)
        .await?
        .ok_or_else(Refused::league_not_found)?;
    if house.store.is_member(league, user).await? {
        Ok(found)
    } else {
        Err(Refused::not_a_member().into())
    }
}

/// `POST /leagues`
pub(super) async fn create(
    State(house): State<Shared>,
    caller: Caller,
    Body(new): Body<NewLeague>,
) -> Result<Json<League>, Denied> {
    caller.must_be(&new.commissioner_id)?;
    check(&new)?;
    if house.store.user(&caller.0).await?.is_none() {
        return Err(Refused::user_not_found().into());
    }
    Ok(Json(house.store.create_league(&new).await?))
}

/// `GET /leagues/{id}`
pub(super) async fn get(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<League>, Denied> {
    Ok(Json(members_only(&house, &id, &caller.0).await?))
}

/// Whose leagues.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Whose {
    user_id: Option<UserId>,
}

/// `GET /me/competitions`
pub(super) async fn competitions(
    State(house): State<Shared>,
    caller: Caller,
    Query(whose): Query<Whose>,
) -> Result<Json<Vec<Competition>>, Denied> {
    if let Some(named) = &whose.user_id {
        caller.must_be(named)?;
    }
    Ok(Json(house.store.competitions_of(&caller.0).await?))
}

/// `POST /leagues/join`
pub(super) async fn join(
    State(house): State<Shared>,
    caller: Caller,
    Body(request): Body<JoinLeagueRequest>,
) -> Result<Json<JoinLeagueAnswer>, Denied> {
    take_in(&house, &caller, None, request).await
}

/// `POST /leagues/{id}/join`
pub(super) async fn join_one(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
    Body(request): Body<JoinLeagueRequest>,
) -> Result<Json<JoinLeagueAnswer>, Denied> {
    take_in(&house, &caller, Some(id), request).await
}

async fn take_in(
    house: &Shared,
    caller: &Caller,
    league: Option<LeagueId>,
    request: JoinLeagueRequest,
) -> Result<Json<JoinLeagueAnswer>, Denied> {
    caller.must_be(&request.user_id)?;
    let shared = house.clone();
    house
        .to_end(async move { admit(&shared, league, request).await })
        .await
        .map(Json)
}

async fn admit(
    house: &Shared,
    league: Option<LeagueId>,
    request: JoinLeagueRequest,
) -> Result<JoinLeagueAnswer, Denied> {
    let joined = house
        .join(league, &request.invite_token, &request.user_id)
        .await?;
    let answer = JoinLeagueAnswer {
        message: if joined.new {
            "Joined league successfully"
        } else {
            "Already joined"
        }
        .to_owned(),
        participant: joined.participant.clone(),
        league_id: Some(joined.league.clone()),
    };
    if !joined.new {
        return Ok(answer);
    }
    let league_id = joined.league;
    let members = house.store.members_of(&league_id).await?;
    let name = joined.participant.user_name.clone().unwrap_or_default();
    let events = [
        Event::MemberJoined(Member {
            user_id: joined.participant.user_id.clone(),
            display_name: joined.participant.user_name.clone(),
            joined_at: joined.participant.joined_at.clone(),
        }),
        Event::ParticipantJoined(ParticipantJoined {
            league_id: league_id.clone(),
            participant: joined.participant,
            message: Some(format!("{name} joined the league")),
        }),
        Event::SyncMembers(SyncMembers {
            league_id: league_id.clone(),
            members,
        }),
        Event::ParticipantsChanged(ParticipantsChanged {
            league_id: league_id.clone(),
            count: joined.count,
            stream: None,
        }),
    ];
    for event in &events {
        house.tell_league(&league_id, event).await;
    }
    Ok(answer)
}

/// `GET /leagues/{id}/participants`
pub(super) async fn participants(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<ParticipantList>, Denied> {
    members_only(&house, &id, &caller.0).await?;
    let participants = house.store.participants_of(&id).await?;
    Ok(Json(ParticipantList {
        count: u32::try_from(participants.len())?,
        participants,
    }))
}

/// `GET /leagues/{id}/members`
pub(super) async fn members(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<Vec<Member>>, Denied> {
    members_only(&house, &id, &caller.0).await?;
    Ok(Json(house.store.members_of(&id).await?))
}

/// What a league's auction sells.
#[derive(Debug, Serialize)]
pub(super) struct Assets {
    assets: Vec<Club>,
}

/// `GET /leagues/{id}/assets`
pub(super) async fn assets(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<Assets>, Denied> {
    members_only(&house, &id, &caller.0).await?;
    let assets = house
        .store
        .assets_of(&id)
        .await?
        .ok_or_else(Refused::league_not_found)?;
    Ok(Json(Assets { assets }))
}

/// `GET /leagues/{id}/state`
pub(super) async fn state(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<LeagueState>, Denied> {
    let league = members_only(&house, &id, &caller.0).await?;
    Ok(Json(LeagueState {
        league_id: league.id,
        status: league.status,
        active_auction_id: league.active_auction_id,
    }))
}

/// `GET /leagues/{id}/auction`
pub(super) async fn auction(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<LeagueAuction>, Denied> {
    members_only(&house, &id, &caller.0).await?;
    let auction = house.store.auction_of(&id).await?;
    Ok(Json(auction.ok_or_else(|| {
        Refused::new(
            404,
            RefusalCode::AuctionNotFound,
            "No auction found for this league",
        )
    })?))
}

/// `POST /leagues/{id}/auction/start`
pub(super) async fn start_auction(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
) -> Result<Json<LeagueAuction>, Denied> {
    let (auction, new) = house.store.create_auction(&id, &caller.0).await?;
    if new {
        house
            .tell_status(&id, "auction_created", Some(&auction.auction_id), None)
            .await;
    }
    Ok(Json(auction))
}

/// Who says they are the commissioner; the token knows it anyway.
#[derive(Debug, Deserialize)]
pub(super) struct Commissioner {
    commissioner_id: Option<UserId>,
}

/// `POST /leagues/{id}/auction/reset`
pub(super) async fn reset_auction(
    State(house): State<Shared>,
    caller: Caller,
    Path(id): Path<LeagueId>,
    Query(query): Query<Commissioner>,
) -> Result<Json<ResetAnswer>, Denied> {
    if let Some(named) = &query.commissioner_id {
        caller.must_be(named)?;
    }
    let deleted = house.reset(id, caller.0).await?;
    Ok(Json(ResetAnswer {
        message: "Auction reset successfully".to_owned(),
        bids_deleted: deleted.bids,
        participants_reset: deleted.participants_reset,
    }))
}
