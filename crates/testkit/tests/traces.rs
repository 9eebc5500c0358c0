//! Every recording of a backend in the field is read by the contract and the codec, and nothing of it is lost on the way.

#![allow(clippy::single_match_else, reason = "two kinds of answer, side by side")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::collections::BTreeMap;

use gavelscope_contract::ack::{JoinAuction, JoinLeagueRoom};
use gavelscope_contract::auction::{
    AuctionSnapshot, BeginAnswer, BidAnswer, BidRequest, ClubList, DeleteAnswer, PauseAnswer, ResetAnswer,
};
use gavelscope_contract::auth::{
    MagicLinkAnswer, MagicLinkRequest, NewUser, RefreshRequest, SignIn, User, VerifyRequest,
};
use gavelscope_contract::health::Health;
use gavelscope_contract::league::{
    Competition, JoinLeagueAnswer, JoinLeagueRequest, League, LeagueAuction, LeagueState, NewLeague,
    ParticipantList, StartAnswer,
};
use gavelscope_contract::refusal::RefusalBody;
use gavelscope_contract::{Ack, Event, Refusal};
use gavelscope_testkit::trace::{Direction, Record, Trace};
use gavelscope_wire::Limits;
use gavelscope_wire::engine::{self, Frame, Packet};
use gavelscope_wire::socket::{self, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;

fn traces() -> Vec<Trace> {
    Trace::all().expect("the recordings are lines of JSON")
}

/// A step on the way to a field: the key of an object or the index of a list.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &Path<'_>, to: &mut Vec<Step>) {
    match path {
        Path::Root => {}
        Path::Seq { parent, index } => {
            steps(parent, to);
            to.push(Step::Index(*index));
        }
        Path::Map { parent, key } => {
            steps(parent, to);
            to.push(Step::Key(key.clone()));
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            steps(parent, to);
        }
    }
}

fn without(mut value: Value, ignored: &[Vec<Step>]) -> Value {
    for path in ignored {
        let (last, way) = path.split_last().expect("the whole of it is never ignored");
        let mut place = &mut value;
        for step in way {
            place = match step {
                Step::Key(key) => &mut place[key.as_str()],
                Step::Index(index) => &mut place[*index],
            };
        }
        match last {
            Step::Key(key) => assert!(place.as_object_mut().unwrap().remove(key).is_some(), "{key}"),
            Step::Index(index) => panic!("an element of a list is never unknown: {index}"),
        }
    }
    value
}

/// Equal as JSON: a number is its value, however it is written (an amount in quotes, too).
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::Number(right)) => left.parse().ok() == right.as_f64(),
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// Reads it as a `T` and writes it again; what comes back is what went in, but for the fields that `T` does not know.
fn comes_back<T: DeserializeOwned + Serialize>(raw: &Value) -> Result<(), String> {
    let mut ignored = Vec::new();
    let read: T = serde_ignored::deserialize(raw, |path| {
        let mut way = Vec::new();
        steps(&path, &mut way);
        ignored.push(way);
    })
    .map_err(|error| format!("cannot be read: {error}"))?;
    is_same_but_for(raw, &ignored, &serde_json::to_value(&read).unwrap())
}

fn is_same_but_for(raw: &Value, ignored: &[Vec<Step>], again: &Value) -> Result<(), String> {
    let wanted = without(raw.clone(), ignored);
    if same(&wanted, again) {
        Ok(())
    } else {
        Err(format!("read was\n  {wanted}\nwritten\n  {again}"))
    }
}

fn event_comes_back(name: &str, raw: &Value) -> Result<(), String> {
    let mut ignored = Vec::new();
    let read = Event::read(name, raw, &mut |path: Path<'_>| {
        let mut way = Vec::new();
        steps(&path, &mut way);
        ignored.push(way);
    })
    .ok_or("the contract does not know the name")?
    .map_err(|error| format!("cannot be read: {error}"))?;
    is_same_but_for(raw, &ignored, &read.payload().unwrap())
}

#[test]
fn every_frame_parses_and_is_written_again_as_it_came() {
    let limits = Limits::default();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for trace in traces() {
        for (_, frame) in trace.frames() {
            let raw = frame.raw.as_str();
            let packet = Packet::decode_text(raw, &limits).unwrap_or_else(|error| panic!("{raw}: {error}"));
            match packet.encode() {
                Frame::Text(again) => assert_eq!(again, raw),
                Frame::Binary(_) => panic!("{raw} became binary"),
            }
            let kind = match packet {
                Packet::Open(text) => {
                    let open = engine::Open::parse(text).unwrap_or_else(|error| panic!("{raw}: {error}"));
                    let again: Value = serde_json::from_str(&open.to_json()).unwrap();
                    assert!(same(&serde_json::from_str(text).unwrap(), &again), "{raw}");
                    "open"
                }
                Packet::Ping(_) => "ping",
                Packet::Pong(_) => "pong",
                Packet::Upgrade => "upgrade",
                Packet::Noop => "noop",
                Packet::Message(text) => {
                    let packet = socket::Packet::decode(text, &limits)
                        .unwrap_or_else(|error| panic!("{raw}: {error}"));
                    let mut again = String::new();
                    packet.encode_into(&mut again);
                    assert_eq!(again, text);
                    match packet.kind {
                        Kind::Connect { .. } => "connect",
                        Kind::Disconnect { .. } => "disconnect",
                        Kind::Event { .. } => "event",
                        Kind::Ack { .. } => "ack",
                        other => panic!("{raw} is {other:?}, which the contract does not have"),
                    }
                }
                other => panic!("{raw} is {other:?}, which no websocket of the contract carries"),
            };
            *seen.entry(kind).or_default() += 1;
        }
    }
    let wanted = BTreeMap::from([
        ("ack", 34),
        ("connect", 48),
        ("disconnect", 24),
        ("event", 1_059),
        ("noop", 1),
        ("open", 23),
        ("ping", 17),
        ("pong", 17),
        ("upgrade", 1),
    ]);
    assert_eq!(seen, wanted);
}

#[test]
fn every_event_from_a_server_decodes_and_comes_back() {
    let limits = Limits::default();
    let mut frames = 0;
    let mut handed_over = 0;
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for trace in traces() {
        for (number, line) in trace.lines.iter().enumerate() {
            let place = format!("{} line {}", trace.name, number + 1);
            match &line.record {
                Record::Frame(frame) if frame.dir == Direction::In && frame.raw.starts_with("42") => {
                    let Packet::Message(text) = Packet::decode_text(&frame.raw, &limits).unwrap() else {
                        panic!("{place}");
                    };
                    let Kind::Event { event, .. } = socket::Packet::decode(text, &limits).unwrap().kind
                    else {
                        panic!("{place}");
                    };
                    let payload = serde_json::from_str(event.arguments.first().unwrap()).unwrap();
                    event_comes_back(&event.name, &payload)
                        .unwrap_or_else(|why| panic!("{place}: {} {why}", event.name));
                    *names.entry(event.name.to_string()).or_default() += 1;
                    frames += 1;
                }
                Record::Event { event, data } if !event.starts_with('<') => {
                    event_comes_back(event, data).unwrap_or_else(|why| panic!("{place}: {event} {why}"));
                    handed_over += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!((frames, handed_over, names.len()), (1_020, 415, 20), "{names:?}");
    // What our own backend alone says.
    let missing: Vec<_> = Event::NAMES
        .iter()
        .filter(|name| !names.contains_key(**name))
        .collect();
    assert_eq!(
        missing,
        [
            &"probe",
            &"cluster_degraded",
            &"cluster_restored",
            &"pod_draining"
        ]
    );
}

#[test]
fn every_ack_and_every_emit_of_the_contract_decodes_and_comes_back() {
    let limits = Limits::default();
    let (mut acks, mut joins, mut strangers) = (0, 0, 0);
    for trace in traces() {
        for (_, frame) in trace.frames() {
            let Packet::Message(text) = Packet::decode_text(&frame.raw, &limits).unwrap() else {
                continue;
            };
            match socket::Packet::decode(text, &limits).unwrap().kind {
                Kind::Ack { arguments, .. } => match arguments.first() {
                    Some(first) => {
                        comes_back::<Ack>(&serde_json::from_str(first).unwrap())
                            .unwrap_or_else(|why| panic!("{}: {why}", frame.raw));
                        acks += 1;
                    }
                    // `rejoin_rooms` is answered with nothing.
                    None => strangers += 1,
                },
                Kind::Event { event, .. } if frame.dir == Direction::Out => {
                    let payload: Value = serde_json::from_str(event.arguments.first().unwrap()).unwrap();
                    let read = match &*event.name {
                        "join_auction" | "leave_auction" => comes_back::<JoinAuction>(&payload),
                        "join_league_room" | "leave_league" => comes_back::<JoinLeagueRoom>(&payload),
                        // No session of ours says the others: nobody handles them, or the snapshot does it better.
                        "join_league" | "sync_state" | "rejoin_rooms" => {
                            strangers += 1;
                            continue;
                        }
                        other => panic!("{other}"),
                    };
                    // Two emits were wrong on purpose, to see what the server says.
                    let on_purpose = payload == serde_json::json!({}) || payload == "x";
                    assert_eq!(read.is_err(), on_purpose, "{}: {read:?}", frame.raw);
                    joins += 1;
                }
                _ => {}
            }
        }
        for line in &trace.lines {
            if let Record::Ack { ack: Some(ack), .. } = &line.record {
                comes_back::<Ack>(ack).unwrap_or_else(|why| panic!("{ack}: {why}"));
                acks += 1;
            }
        }
    }
    assert_eq!((acks, joins, strangers), (64, 35, 6));
}

/// The answer to a call of the contract, read and written again; none where the contract does not have the call.
fn answer_comes_back(method: &str, path: &str, body: &Value) -> Option<Result<(), String>> {
    let parts: Vec<&str> = path
        .trim_start_matches("/api")
        .trim_start_matches('/')
        .split('/')
        .collect();
    Some(match (method, parts.as_slice()) {
        ("GET", ["health"]) => comes_back::<Health>(body),
        ("POST", ["auth", "magic-link"]) => comes_back::<MagicLinkAnswer>(body),
        ("POST", ["auth", "verify-magic-link" | "refresh"]) => comes_back::<SignIn>(body),
        ("GET", ["auth", "me"]) | ("POST", ["users"]) | ("GET" | "PATCH", ["users", _]) => {
            comes_back::<User>(body)
        }
        ("POST", ["leagues"]) | ("GET", ["leagues", _]) if !matches!(parts.last(), Some(&"search")) => {
            comes_back::<League>(body)
        }
        ("GET", ["me", "competitions"]) => comes_back::<Vec<Competition>>(body),
        ("POST", ["leagues", "join"] | ["leagues", _, "join"]) => comes_back::<JoinLeagueAnswer>(body),
        ("GET", ["leagues", _, "participants"]) => comes_back::<ParticipantList>(body),
        ("GET", ["leagues", _, "state"]) => comes_back::<LeagueState>(body),
        ("GET", ["leagues", _, "auction"]) => comes_back::<LeagueAuction>(body),
        ("POST", ["leagues", _, "auction", "start"]) => comes_back::<StartAnswer>(body),
        ("POST", ["leagues", _, "auction", "reset"]) => comes_back::<ResetAnswer>(body),
        ("POST", ["auction", _, "begin"]) => comes_back::<BeginAnswer>(body),
        ("GET", ["auction", _]) => comes_back::<AuctionSnapshot>(body),
        ("GET", ["auction", _, "clubs"]) => comes_back::<ClubList>(body),
        ("POST", ["auction", _, "bid"]) => comes_back::<BidAnswer>(body),
        ("POST", ["auction", _, "pause" | "resume"]) => comes_back::<PauseAnswer>(body),
        ("POST", ["auction", _, "complete-lot"]) => comes_back::<()>(body),
        ("DELETE", ["auction", _]) => comes_back::<DeleteAnswer>(body),
        _ => return None,
    })
}

/// The body of a call that was answered with yes.
fn request_comes_back(path: &str, body: &Value) -> Option<Result<(), String>> {
    let parts: Vec<&str> = path.trim_start_matches("/api/").split('/').collect();
    Some(match parts.as_slice() {
        ["auth", "magic-link"] => comes_back::<MagicLinkRequest>(body),
        ["auth", "verify-magic-link"] => comes_back::<VerifyRequest>(body),
        ["auth", "refresh"] => comes_back::<RefreshRequest>(body),
        ["users"] => comes_back::<NewUser>(body),
        ["leagues", "join"] | ["leagues", _, "join"] => comes_back::<JoinLeagueRequest>(body),
        ["auction", _, "bid"] => comes_back::<BidRequest>(body),
        _ => return None,
    })
}

/// What the field's backend has besides and no session of ours calls.
const NOT_OF_THE_CONTRACT: &[&str] = &[
    "/api/",
    "/api/metrics",
    "/api/auction/x/bid",
    "/api/leagues/search",
    "/api/leagues/by-token",
    "/members",
    "/assets",
    "/summary",
    "/standings",
    "/api/sports/",
    "/api/debug/",
    "/api/admin/",
];

#[test]
fn every_rest_body_decodes_and_comes_back() {
    let (mut answers, mut requests, mut refusals, mut strangers, mut broken) = (0, 0, 0, 0, 0);
    for trace in traces() {
        for call in trace.calls() {
            let path = call.bare_path();
            let place = format!("{}: {} {}", trace.name, call.method, call.path);
            match call.status {
                None => broken += 1,
                Some(status @ 400..) => {
                    let text = call.answer_text();
                    let refusal = Refusal::read(status, &text);
                    assert_eq!(refusal.status, status);
                    match &call.res_body["detail"] {
                        Value::String(detail) => assert_eq!(refusal.detail, *detail, "{place}"),
                        Value::Array(_) => assert!(!refusal.detail.is_empty(), "{place}"),
                        _ => assert_eq!(refusal.detail, text, "{place}"),
                    }
                    if call.res_body.is_object() {
                        comes_back::<RefusalBody>(&call.res_body)
                            .unwrap_or_else(|why| panic!("{place}: {why}"));
                    }
                    refusals += 1;
                }
                Some(_) => match answer_comes_back(&call.method, path, &call.res_body) {
                    Some(read) => {
                        read.unwrap_or_else(|why| panic!("{place}: {why}"));
                        answers += 1;
                        if let Some(read) = request_comes_back(path, &call.req_body) {
                            read.unwrap_or_else(|why| panic!("{place}: the request {why}"));
                            requests += 1;
                        }
                    }
                    None => {
                        let known = path == "/api/"
                            || path
                                == format!("/api/leagues/{}", path.rsplit('/').next().unwrap_or_default())
                            || NOT_OF_THE_CONTRACT[1..].iter().any(|part| path.contains(part));
                        assert!(known, "{place} is neither of the contract nor known not to be");
                        strangers += 1;
                    }
                },
            }
        }
    }
    assert_eq!(
        (answers, requests, refusals, strangers, broken),
        (91, 33, 76, 18, 1)
    );
}

#[test]
fn every_bid_that_the_field_refuses_has_a_code_to_act_on() {
    let mut refused = 0;
    for call in traces().iter().flat_map(Trace::calls) {
        let is_bid = call.method == "POST" && call.path.ends_with("/bid");
        if let (true, Some(status @ 400..)) = (is_bid, call.status) {
            let refusal = Refusal::read(status, &call.answer_text());
            assert_ne!(
                refusal.code,
                gavelscope_contract::RefusalCode::Other,
                "{}",
                refusal.detail
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 27);
}

#[test]
fn a_new_league_is_read_with_what_it_leaves_out_filled_in() {
    let trace = Trace::full_auction().unwrap();
    let call = trace
        .calls()
        .find(|call| call.method == "POST" && call.path == "/api/leagues" && call.status == Some(200))
        .expect("a league was made");
    let asked: NewLeague = serde_json::from_value(call.req_body.clone()).unwrap();
    let made: League = serde_json::from_value(call.res_body.clone()).unwrap();
    assert_eq!(
        (asked.name, asked.budget, asked.club_slots),
        (made.name, made.budget, made.club_slots)
    );
    assert_eq!(Some(asked.sport_key), made.sport_key);
}

#[test]
fn engine_io_answers_over_http_are_payloads_or_refusals() {
    let limits = Limits::default();
    let (mut payloads, mut refusals) = (0, 0);
    for trace in traces() {
        for line in &trace.lines {
            let Record::Http(call) = &line.record else {
                continue;
            };
            if let Some(body) = &call.req_body {
                assert_eq!(engine::decode_payload(body, &limits).unwrap().len(), 1, "{body}");
                payloads += 1;
            }
            match (call.status, &call.res_body) {
                (Some(200), Some(body)) if body != "OK" => {
                    let packets =
                        engine::decode_payload(body, &limits).unwrap_or_else(|e| panic!("{body}: {e}"));
                    assert_eq!(engine::encode_payload(&packets), *body);
                    payloads += 1;
                }
                (Some(400), Some(body)) => {
                    assert!(engine::Refusal::from_body(body).is_some(), "{body}");
                    refusals += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!((payloads, refusals), (63, 30));
}
