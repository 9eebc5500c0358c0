//! The Socket.IO side: who a socket speaks for, and the rooms it joins (contract, sections 2 and 5).

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use gavelscope_contract::ack::Ack;
use gavelscope_contract::event::{Connected, Event, RoomJoined, SyncMembers};
use gavelscope_contract::{AuctionId, LeagueId, RefusalCode, Room, UserId};
use serde::Serialize;
use serde_json::Value;
use socketioxide::extract::{State, TryData};
use socketioxide::handler::ConnectHandler;

use crate::drain;
use crate::house::House;
use crate::limits::whence::Whence;
use crate::limits::{Held, Met};
use crate::link::{Io, Reply, Socket};
use crate::probe;
use crate::refuse::{Denied, Refused};
use crate::rooms::Left;

/// Who a socket speaks for, once it has shown a token; it keeps the place among their sockets.
#[derive(Debug, Clone)]
struct SpeaksFor(
    UserId,
    #[allow(dead_code, reason = "kept for as long as the socket speaks for them")] Arc<Held>,
);

/// A socket's places among all sockets, and among those of its address.
#[derive(Debug, Clone)]
struct Places(
    #[allow(dead_code, reason = "kept for as long as the socket is there")] Arc<(Held, Option<Held>)>,
);

/// A shared house, as handlers get it.
pub(crate) type Shared = Arc<House>;

/// Registers what the namespace `/` understands.
pub(crate) async fn register(io: &Io) {
    if let Err(error) = io.ns("/", connected.with(admitted)).await {
        // The driver refuses nothing, and the namespace's name is well formed.
        tracing::error!(%error, "sockets are not served");
    }
}

/// Before the server's CONNECT leaves: a client may send as soon as it has that, and what comes before its handler is
/// there would be dropped without an ack.
async fn admitted(
    socket: Socket,
    TryData(auth): TryData<Value>,
    State(house): State<Shared>,
) -> Result<(), String> {
    let whence = socket.req_parts().extensions.get::<Whence>();
    let whence = whence.map_or(Ipv4Addr::LOCALHOST.into(), |whence| whence.0);
    let places = house.door.gate.socket_from(whence);
    let places = met(&house, places).map_err(|refused| refused.sentence())?;
    socket.extensions.insert(Places(Arc::new(places)));
    let header = socket
        .req_parts()
        .headers
        .get(axum::http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let token = auth
        .ok()
        .and_then(|auth| text(&auth, "token"))
        .or(header.map(str::to_owned));
    // A bad token is no reason to hang up: the joins say what is wrong with it.
    if let Some(user) = token.and_then(|token| house.tokens.user(&token, house.store.now()).ok()) {
        speaks_for(&socket, &house, user).map_err(|refused| refused.sentence())?;
    }
    listen(&socket);
    socket.on_disconnect(disconnected);
    Ok(())
}

/// The list of what sockets may call and its registration, made together: what is listened to is on the list.
macro_rules! calls {
    ($($name:literal => $handler:path),+ $(,)?) => {
        /// Every call over a socket that is served: for a test that must not miss one.
        pub const CALLS: &[&str] = &[$($name),+];

        fn listen(socket: &Socket) {
            $(socket.on($name, $handler);)+
        }
    };
}

calls! {
    "join_auction" => join_auction,
    "join_league_room" => join_league_room,
    "leave_auction" => leave_auction,
    "leave_league" => leave_league,
    "rejoin_rooms" => rejoin_rooms,
    "join_probe_room" => probe::join,
    "probe" => probe::probe,
}

async fn connected(socket: Socket, State(house): State<Shared>) {
    tracing::debug!(pod = %house.pod, sid = %socket.id, transport = ?socket.transport_type(), "connected");
    emit(
        &socket,
        "connected",
        &Connected {
            sid: socket.id.to_string(),
            pod: Some(house.pod.clone()),
        },
    );
    if house.closed.is_cancelled() {
        // It came in as the door was shut.
        drain::tell(&house, &socket, Duration::from_secs(1));
    }
}

async fn disconnected(socket: Socket, State(house): State<Shared>) {
    // Whatever else may still hold the socket, its places are free.
    socket.extensions.remove::<SpeaksFor>();
    socket.extensions.remove::<Places>();
    for left in house.rooms.leave_all(socket.id) {
        has_left(&house, left).await;
    }
}

/// A field of a payload, if it is a text that says something.
pub(crate) fn text(payload: &Value, field: &str) -> Option<String> {
    payload
        .get(field)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// Sends an event to one socket; one that is gone, or too slow to be helped, misses it.
pub(crate) fn emit<T: Serialize>(socket: &Socket, name: &str, payload: &T) {
    if let Err(error) = socket.emit(name, payload) {
        tracing::debug!(sid = %socket.id, event = name, %error, "an event was not sent");
    }
}

/// The refusal of a limit that was met, which is counted.
fn met<T>(house: &House, outcome: Result<T, Met>) -> Result<T, Refused> {
    outcome.map_err(|met| {
        house.metrics.limited(met.limit);
        met.refused
    })
}

/// From now on the socket speaks for somebody, unless they have enough of them.
fn speaks_for(socket: &Socket, house: &House, user: UserId) -> Result<(), Refused> {
    let place = met(house, house.door.gate.socket_of(&user))?;
    socket.extensions.insert(SpeaksFor(user, Arc::new(place)));
    Ok(())
}

/// One more call of a socket, whoever it speaks for.
pub(crate) fn counted(socket: &Socket, house: &House) -> Result<(), Refused> {
    met(house, house.door.gate.socket_call(socket.id))
}

/// Who the socket speaks for: by its handshake, or by the token of this payload. Counts the call.
pub(crate) fn speaker(socket: &Socket, payload: &Value, house: &House) -> Result<UserId, Refused> {
    counted(socket, house)?;
    let user = spoken_for(socket, payload, house)?;
    met(house, house.door.gate.socket_call_of(&user))?;
    Ok(user)
}

fn spoken_for(socket: &Socket, payload: &Value, house: &House) -> Result<UserId, Refused> {
    let known = socket.extensions.get::<SpeaksFor>().map(|speaks| speaks.0);
    let shown = text(payload, "token")
        .map(|token| house.tokens.user(&token, house.store.now()))
        .transpose()?;
    match (known, shown) {
        (Some(known), Some(shown)) if known != shown => Err(Refused::not_you()),
        (Some(known), _) => Ok(known),
        (None, Some(shown)) => {
            speaks_for(socket, house, shown.clone())?;
            Ok(shown)
        }
        (None, None) => Err(Refused::new(
            401,
            RefusalCode::NotSignedIn,
            "Authentication required: connect with a token, or send one with the join.",
        )),
    }
}

/// What a payload names, or the field's words for what is missing.
fn wanted(payload: Result<Value, impl Sized>, field: &str) -> Result<(Value, String), Refused> {
    let missing = || Refused::new(422, RefusalCode::InvalidBody, format!("{field} required"));
    let payload = payload.map_err(|_| missing())?;
    let id = text(&payload, field).ok_or_else(missing)?;
    Ok((payload, id))
}

/// The ack for a room that the socket is in, or was.
pub(crate) fn acknowledged(house: &House, room: &Room, size: u32) -> Ack {
    Ack {
        ok: true,
        room: Some(room.to_string()),
        room_size: Some(size),
        cluster_room_size: Some(
            house
                .link
                .cluster_room_size(room, size)
                .filter(|_| house.unheard().is_none()),
        ),
        pod: Some(house.pod.clone()),
        error: None,
    }
}

/// Answers a call, whatever became of it.
pub(crate) fn answer(ack: Reply, house: &House, outcome: Result<Ack, Denied>) {
    let answer = outcome.unwrap_or_else(|denied| {
        if let Denied::Failed(error) = &denied {
            house.metrics.database_failed();
            tracing::error!(%error, "the database failed");
        }
        Ack {
            ok: false,
            room: None,
            room_size: None,
            cluster_room_size: None,
            pod: Some(house.pod.clone()),
            error: Some(denied.sentence()),
        }
    });
    if let Err(error) = ack.send(&answer) {
        tracing::debug!(%error, "an ack was not sent");
    }
}

/// Puts the socket into a room that holds at most `limit`; how many are in it then, none where it is full.
pub(crate) async fn enter(
    socket: &Socket,
    house: &Shared,
    room: &Room,
    user: &UserId,
    limit: usize,
) -> Result<Option<u32>, Refused> {
    let others = house.rooms.count_of(socket.id, |other| other != room);
    met(house, house.door.gate.room_for(others))?;
    let Some(size) = house.rooms.enter(socket.id, room, user, limit) else {
        return Ok(None);
    };
    socket.join(room.to_string());
    // It may have gone while this was on its way, and then nobody else would take it out again.
    if !socket.connected() {
        for left in house.rooms.leave_all(socket.id) {
            has_left(house, left).await;
        }
    }
    tracing::info!(pod = %house.pod, %room, roomSize = size, %user, sid = %socket.id, "joined");
    Ok(Some(size))
}

/// What follows from somebody's leaving a room.
async fn has_left(house: &Shared, left: Left) {
    tracing::info!(pod = %house.pod, room = %left.room, roomSize = left.size, user = %left.user, "left");
    let Room::Auction(auction) = left.room else {
        return;
    };
    if !left.still_here
        && let Err(denied) = move_in_waiting_room(house, &auction, &left.user, false).await
    {
        tracing::warn!(?denied, %auction, "the waiting room could not be told");
    }
}

/// Whether that changed who waits.
async fn move_in_waiting_room(
    house: &Shared,
    auction: &AuctionId,
    user: &UserId,
    enters: bool,
) -> Result<bool, Denied> {
    let (shared, auction, user) = (Arc::clone(house), auction.clone(), user.clone());
    house
        .to_end(async move {
            let bench = shared.bench(&auction);
            let _turn = bench.turn.lock().await;
            let said = shared.store.move_in_waiting_room(&auction, &user, enters).await?;
            let changed = !said.is_empty();
            shared.announce(&auction, said).await;
            Ok(changed)
        })
        .await
}

async fn join_auction(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = async {
        let (payload, id) = wanted(payload, "auctionId")?;
        let user = speaker(&socket, &payload, &house)?;
        let waits = text(&payload, "userId");
        if waits.as_ref().is_some_and(|named| *named != user.0) {
            return Err(Refused::not_you().into());
        }
        enter_auction(&socket, &house, AuctionId(id), &user, waits.is_some()).await
    };
    let outcome = outcome.await;
    answer(ack, &house, outcome);
}

async fn enter_auction(
    socket: &Socket,
    house: &Shared,
    auction: AuctionId,
    user: &UserId,
    waits: bool,
) -> Result<Ack, Denied> {
    let league = house.must_exist(&auction).await?;
    if !house.store.is_member(&league, user).await? {
        return Err(Refused::not_a_member().into());
    }
    let room = Room::Auction(auction.clone());
    // In the room first, then the snapshot: what is said in between is covered by it, or comes after it.
    let size = enter(socket, house, &room, user, usize::MAX)
        .await?
        .unwrap_or_default();
    if waits && !move_in_waiting_room(house, &auction, user, true).await? {
        // Everybody knows; only the one who is back does not.
        if let Some(list) = house.store.waiting_room(&auction).await? {
            emit(socket, "waiting_room_updated", &list);
        }
    }
    if let Some(snapshot) = house.store.snapshot_event(&auction).await? {
        emit(socket, "auction_snapshot", &snapshot);
    }
    // Those who are in the room already were told when it happened.
    if let Some(degraded) = house.link.degraded() {
        emit(socket, "cluster_degraded", &degraded);
    }
    Ok(acknowledged(house, &room, size))
}

async fn join_league_room(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = async {
        let (payload, id) = wanted(payload, "leagueId")?;
        let user = speaker(&socket, &payload, &house)?;
        enter_league(&socket, &house, LeagueId(id), &user).await
    };
    let outcome = outcome.await;
    answer(ack, &house, outcome);
}

async fn enter_league(
    socket: &Socket,
    house: &Shared,
    league: LeagueId,
    user: &UserId,
) -> Result<Ack, Denied> {
    if house.store.league(&league).await?.is_none() {
        return Err(Refused::league_not_found().into());
    }
    if !house.store.is_member(&league, user).await? {
        return Err(Refused::not_a_member().into());
    }
    let room = Room::League(league.clone());
    let size = enter(socket, house, &room, user, usize::MAX)
        .await?
        .unwrap_or_default();
    let members = house.store.members_of(&league).await?;
    let member_count = u32::try_from(members.len())?;
    let everybody = Event::SyncMembers(SyncMembers {
        league_id: league.clone(),
        members,
    });
    house.tell_league(&league, &everybody).await;
    emit(
        socket,
        "room_joined",
        &RoomJoined {
            league_id: league,
            member_count,
        },
    );
    Ok(acknowledged(house, &room, size))
}

/// Takes the socket out of a room. Of a room that it was not in it is told nothing, not even how many are there.
async fn leave(socket: &Socket, house: &Shared, payload: &Value, room: &Room) -> Result<Ack, Denied> {
    speaker(socket, payload, house)?;
    socket.leave(room.to_string());
    let Some(left) = house.rooms.leave(socket.id, room) else {
        return Ok(Ack {
            room_size: None,
            cluster_room_size: None,
            ..acknowledged(house, room, 0)
        });
    };
    has_left(house, left).await;
    Ok(acknowledged(house, room, house.rooms.size(room)))
}

async fn leave_auction(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = match wanted(payload, "auctionId") {
        Ok((payload, id)) => leave(&socket, &house, &payload, &Room::Auction(AuctionId(id))).await,
        Err(refused) => Err(refused.into()),
    };
    answer(ack, &house, outcome);
}

async fn leave_league(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = match wanted(payload, "leagueId") {
        Ok((payload, id)) => leave(&socket, &house, &payload, &Room::League(LeagueId(id))).await,
        Err(refused) => Err(refused.into()),
    };
    answer(ack, &house, outcome);
}

/// Puts the socket back into the rooms of its user's leagues and their auctions.
async fn rejoin_rooms(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = async {
        let payload = payload.unwrap_or(Value::Null);
        let user = speaker(&socket, &payload, &house)?;
        if text(&payload, "userId").is_some_and(|named| named != user.0) {
            return Err(Refused::not_you().into());
        }
        for competition in house.store.competitions_of(&user).await? {
            enter_league(&socket, &house, competition.league_id, &user).await?;
            if let Some(auction) = competition.active_auction_id {
                enter_auction(&socket, &house, auction, &user, true).await?;
            }
        }
        Ok(Ack {
            ok: true,
            room: None,
            room_size: None,
            cluster_room_size: None,
            pod: Some(house.pod.clone()),
            error: None,
        })
    };
    let outcome: Result<Ack, Denied> = outcome.await;
    answer(ack, &house, outcome);
}
