//! A place to measure in, away from every bidder (contract, section 5): signed-in users only, few sockets a room, and
//! a room that is gone with its last socket.

use gavelscope_contract::ack::{Ack, JoinProbeRoom, ProbeRequest};
use gavelscope_contract::event::Probe;
use gavelscope_contract::{RefusalCode, Room};
use serde_json::Value;
use socketioxide::extract::{State, TryData};

use crate::announcer::Announcement;
use crate::house::House;
use crate::link::{Reply, Socket};
use crate::refuse::{Denied, Refused};
use crate::sockets::{Shared, acknowledged, answer, counted, enter, speaker};

/// Sockets in one probe room.
const SOCKETS: usize = 32;
/// Probe rooms that one socket may be in.
const ROOMS: usize = 4;
/// Bytes of a room's id, and of a nonce.
const LENGTH: usize = 128;

fn invalid(sentence: &str) -> Denied {
    Refused::new(422, RefusalCode::InvalidBody, sentence).into()
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= LENGTH && text.bytes().all(|byte| byte.is_ascii_graphic())
}

pub(crate) async fn join(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = enter_probe_room(&socket, &house, payload.unwrap_or_default()).await;
    answer(ack, &house, outcome);
}

async fn enter_probe_room(socket: &Socket, house: &Shared, payload: Value) -> Result<Ack, Denied> {
    let user = speaker(socket, &payload, house)?;
    let JoinProbeRoom { probe_id } =
        serde_json::from_value(payload).map_err(|_| invalid("probeId required"))?;
    if !is_plain(&probe_id) {
        return Err(invalid("probeId has to be 1 to 128 printable characters"));
    }
    let room = Room::Probe(probe_id);
    let others = house.rooms.count_of(socket.id, |other| {
        matches!(other, Room::Probe(_)) && *other != room
    });
    if others >= ROOMS {
        return Err(invalid("This socket is in enough probe rooms already."));
    }
    match enter(socket, house, &room, &user, SOCKETS).await? {
        Some(size) => Ok(acknowledged(house, &room, size)),
        None => Err(invalid("This probe room is full.")),
    }
}

pub(crate) async fn probe(
    socket: Socket,
    TryData(payload): TryData<Value>,
    ack: Reply,
    State(house): State<Shared>,
) {
    let outcome = say(&socket, &house, payload.unwrap_or_default()).await;
    answer(ack, &house, outcome);
}

async fn say(socket: &Socket, house: &House, payload: Value) -> Result<Ack, Denied> {
    counted(socket, house)?;
    let ProbeRequest { probe_id, nonce } =
        serde_json::from_value(payload).map_err(|_| invalid("probeId and nonce required"))?;
    if !is_plain(&nonce) {
        return Err(invalid("nonce has to be 1 to 128 printable characters"));
    }
    let room = Room::Probe(probe_id.clone());
    if !house.rooms.holds(socket.id, &room) {
        return Err(invalid("Join the probe room first."));
    }
    let payload = serde_json::to_value(Probe {
        probe_id: Some(probe_id),
        nonce,
        pod: house.pod.clone(),
    })?;
    // By the same way as a bid, so that what is measured is what a bid would take.
    let announcement = Announcement {
        room: room.clone(),
        name: "probe",
        payload,
    };
    house.outbox.send(vec![announcement]).await;
    Ok(acknowledged(house, &room, house.rooms.size(&room)))
}
