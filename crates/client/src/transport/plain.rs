//! The plain connection of `wire` as a session's transport.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gavelscope_contract::Received;
use gavelscope_wire::connection::{
    self, ConnectError, ConnectOptions, Connection, ConnectionError, Incoming, Proxy, StageTap, connect,
    connect_by_polling,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{AckError, FarEnd, Inbound, Lost, Online, Outbound, Stage, TOGETHER, Target, hand_over};
use crate::state::Carrier;

/// How long reading may wait for a session that is behind. Meanwhile events wait at the server's end and none is lost;
/// much longer, and pings would be answered too late.
const HELD_BACK: Duration = Duration::from_secs(2);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(250);
/// How often missing acks are looked for.
const WATCH: Duration = Duration::from_millis(250);

type Ack = oneshot::Sender<Result<Vec<Value>, AckError>>;

pub(super) fn start(target: Target, far_end: FarEnd) {
    tokio::spawn(async move {
        let arrivals = far_end.arrivals.clone();
        let lost = run(target, far_end).await;
        let _ = arrivals.send(Inbound::Closed(lost)).await;
    });
}

async fn run(target: Target, far_end: FarEnd) -> Lost {
    let FarEnd {
        arrivals,
        mut departures,
        mut asked,
        dropped,
    } = far_end;
    let started = Instant::now();
    let mut connection = match open(&target, &arrivals).await {
        Ok(connection) => connection,
        Err(lost) => return lost,
    };
    let handshake = connection.handshake();
    let online = Online {
        socket_id: Some(handshake.socket_sid.clone()),
        ping_interval: Some(handshake.ping_interval),
        ping_timeout: Some(handshake.ping_timeout),
        answers_checks: target.carrier == Carrier::Websocket,
        took: started.elapsed(),
    };
    hand_over(&arrivals, &dropped, Inbound::Online(online));
    let mut waiting: HashMap<u64, (Instant, Ack)> = HashMap::new();
    let mut watch = tokio::time::interval(WATCH);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            incoming = connection.next() => {
                let mut incoming = Some(incoming);
                while let Some(message) = incoming {
                    match message {
                        Err(error) => {
                            flush(&mut batch, &arrivals, &dropped).await;
                            return over(&error);
                        }
                        Ok(Incoming::Disconnect { .. }) => {
                            flush(&mut batch, &arrivals, &dropped).await;
                            return Lost::ClosedByServer;
                        }
                        Ok(Incoming::Event(event)) => {
                            let received = Received::from_text(event.name(), event.first_argument());
                            batch.push(received);
                            if batch.len() >= TOGETHER {
                                break;
                            }
                        }
                        // What is no event keeps its place among the events.
                        Ok(other) => {
                            flush(&mut batch, &arrivals, &dropped).await;
                            settle(other, &arrivals, &dropped, &mut waiting);
                        }
                    }
                    incoming = connection.next_ready();
                }
                flush(&mut batch, &arrivals, &dropped).await;
            }
            emit = departures.recv() => match emit {
                None => {
                    connection.close(GOODBYE).await;
                    return Lost::ClosedHere;
                }
                Some(emit) => if let Err(lost) = send(&mut connection, emit, &mut waiting) {
                    return lost;
                },
            },
            // One that cannot be asked for does not come, and the session's own limit judges that.
            Some(()) = asked.recv() => drop(connection.ask_for_life()),
            _ = watch.tick() => {
                let now = Instant::now();
                let late: Vec<u64> = waiting.iter().filter(|(_, (until, _))| *until <= now).map(|(id, _)| *id).collect();
                for id in late {
                    if let Some((_, ack)) = waiting.remove(&id) {
                        let _ = ack.send(Err(AckError::Missing));
                    }
                }
            }
        }
    }
}

async fn open(target: &Target, arrivals: &mpsc::Sender<Inbound>) -> Result<Connection, Lost> {
    let endpoint = super::endpoint(&target.url)?;
    let progress = arrivals.clone();
    let mut options = ConnectOptions {
        time_limit: target.limit,
        proxy: Proxy::from_environment(&endpoint),
        stage_tap: Some(StageTap::new(move |stage| {
            let stage = match stage {
                connection::Stage::Tcp => Stage::Connecting,
                connection::Stage::Connect => Stage::Handshaking,
                _ => return,
            };
            // Two messages at the most, in an empty queue.
            let _ = progress.try_send(Inbound::Progress(stage));
        })),
        ..ConnectOptions::default()
    };
    if let Some(token) = &target.token {
        let auth = serde_json::json!({ "token": token.expose() });
        options = options
            .with_auth(&auth)
            .map_err(|error| Lost::NotConnected(error.to_string()))?;
    }
    let opened = match target.carrier {
        Carrier::Websocket => connect(&endpoint, &options).await,
        Carrier::Polling => connect_by_polling(&endpoint, &options).await,
    };
    opened.map_err(|error| {
        if let Some(wait) = error.retry_after() {
            let _ = arrivals.try_send(Inbound::RetryAfter(wait));
        }
        refused(&error, target.carrier)
    })
}

fn refused(error: &ConnectError, carrier: Carrier) -> Lost {
    let text = error.to_string();
    match error {
        ConnectError::Tls(failure) => Lost::Tls(failure.to_string()),
        ConnectError::TimedOut { .. } => Lost::TooSlow,
        ConnectError::NamespaceRefused { .. } => Lost::Refused(text),
        // A proxy may have a way for requests where it has none for websockets.
        ConnectError::ProxyRefused { .. } if carrier == Carrier::Websocket => Lost::WebsocketRefused(text),
        ConnectError::NotAnUpgrade { .. } | ConnectError::BadUpgrade { .. } => Lost::WebsocketRefused(text),
        ConnectError::InvalidSession(_) => Lost::InvalidSession(text),
        ConnectError::NotHttp { .. }
        | ConnectError::UnsupportedVersion { .. }
        | ConnectError::NotEngineIo { .. } => Lost::NotSocketIo(text),
        // An Engine.IO server that says no, or something else that is busy or broken.
        ConnectError::HttpRefused(refusal) if refusal.refusal.is_none() && refusal.status == 404 => {
            Lost::NotSocketIo(text)
        }
        _ => Lost::NotConnected(text),
    }
}

/// Hands over what came together. A session that is behind is waited for, within limits.
async fn flush(batch: &mut Vec<Received>, arrivals: &mpsc::Sender<Inbound>, dropped: &AtomicU32) {
    if batch.is_empty() {
        return;
    }
    let events = std::mem::replace(batch, Vec::with_capacity(TOGETHER));
    let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
    if tokio::time::timeout(HELD_BACK, arrivals.send(Inbound::Events(events)))
        .await
        .is_err()
    {
        dropped.fetch_add(count, Ordering::Relaxed);
    }
}

fn settle(
    incoming: Incoming,
    arrivals: &mpsc::Sender<Inbound>,
    dropped: &AtomicU32,
    waiting: &mut HashMap<u64, (Instant, Ack)>,
) {
    match incoming {
        Incoming::Ack(answer) => {
            if let Some((_, ack)) = waiting.remove(&answer.id()) {
                let text = format!("[{}]", answer.arguments());
                let _ = ack.send(Ok(serde_json::from_str(&text).unwrap_or_default()));
            }
        }
        Incoming::Ping { at } => hand_over(arrivals, dropped, Inbound::Ping(at)),
        Incoming::Pong { at } => hand_over(arrivals, dropped, Inbound::Alive(at)),
        Incoming::Undecodable { raw, error } => {
            let raw = format!("{raw:?}").chars().take(300).collect();
            hand_over(
                arrivals,
                dropped,
                Inbound::Undecodable {
                    raw,
                    reason: error.to_string(),
                },
            );
        }
        Incoming::ConnectError { payload, .. } => {
            let reason = "the server refused a namespace".to_owned();
            hand_over(
                arrivals,
                dropped,
                Inbound::Undecodable {
                    raw: payload.unwrap_or_default(),
                    reason,
                },
            );
        }
        // The contract has no binary events: they are counted as what they are.
        Incoming::Binary(_) => {
            let reason = "a binary event, which the contract does not have".to_owned();
            hand_over(
                arrivals,
                dropped,
                Inbound::Undecodable {
                    raw: String::new(),
                    reason,
                },
            );
        }
        Incoming::Event(_) | Incoming::Disconnect { .. } => {}
    }
}

fn send(
    connection: &mut Connection,
    emit: Outbound,
    waiting: &mut HashMap<u64, (Instant, Ack)>,
) -> Result<(), Lost> {
    let broken = |error: gavelscope_wire::connection::SendError| Lost::Broken(error.to_string());
    match emit.ack {
        None => connection.emit(emit.name, &emit.payload).map_err(broken),
        Some(ack) => {
            let id = connection
                .emit_with_ack(emit.name, &emit.payload)
                .map_err(broken)?;
            waiting.insert(id, (Instant::now() + emit.limit, ack));
            Ok(())
        }
    }
}

fn over(error: &ConnectionError) -> Lost {
    match error {
        ConnectionError::Closed { .. } | ConnectionError::EngineClosed => Lost::ClosedByServer,
        ConnectionError::InvalidSession(_) => Lost::InvalidSession(error.to_string()),
        ConnectionError::Tls(failure) => Lost::Tls(failure.to_string()),
        other => Lost::Broken(other.to_string()),
    }
}
