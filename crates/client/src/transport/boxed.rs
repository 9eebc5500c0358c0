//! `rust_socketio` in a box.
//!
//! The library has no limit on connecting, blocks for ever on a full send buffer, says nothing when a websocket is
//! closed cleanly, and cannot be stopped by dropping it. So every attempt gets a runtime on a thread of its own, which
//! is thrown away with everything in it; its callbacks do nothing but hand over; and loss is seen by the library's
//! read task being gone.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use gavelscope_contract::Received;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio::time::{interval, timeout};
use tungstenite_of_rust_socketio::Error as WebsocketError;

use super::{AckError, FarEnd, Inbound, Lost, Online, Outbound, Stage, TOGETHER, Target, hand_over};

/// How often the library's read task is looked for.
const WATCH: Duration = Duration::from_millis(250);
/// An emit that takes longer stands before a full buffer, which the library never notices.
const EMIT_LIMIT: Duration = Duration::from_secs(5);

/// How many events may wait here while the session is behind.
const MOST_IN_BASKET: usize = 1_024;
/// How long a callback may wait for room. Meanwhile nothing is read, and events wait at the server's end; much longer,
/// and pings would be answered too late: then events are dropped and counted.
const HELD_BACK: Duration = Duration::from_secs(2);

pub(super) fn start(target: Target, far_end: FarEnd) {
    let arrivals = far_end.arrivals.clone();
    let spawned = thread::Builder::new().name("socket".to_owned()).spawn(move || {
        let arrivals = far_end.arrivals.clone();
        let lost = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let lost = runtime.block_on(run(target, far_end));
                // The one reliable way to stop the library's task.
                runtime.shutdown_background();
                lost
            }
            Err(error) => Lost::NotConnected(format!("no runtime for the socket: {error}")),
        };
        // The session reads until this message; waiting for room is right here, nothing else runs on this thread.
        let _ = arrivals.blocking_send(Inbound::Closed(lost));
    });
    if let Err(error) = spawned {
        let _ = arrivals.try_send(Inbound::Closed(Lost::NotConnected(format!(
            "no thread for the socket: {error}"
        ))));
    }
}

/// What the library says of a transport that fails; of a packet that it cannot read it says what is wrong with it. Words
/// are all that it hands over, and after either it reads no more.
const TRANSPORT_FAILED: &str = "EngineIO Error";

/// What the library's lifecycle callbacks say.
enum Lifecycle {
    Connected,
    Closed,
    Error(String),
}

async fn run(target: Target, far_end: FarEnd) -> Lost {
    let FarEnd {
        arrivals,
        mut departures,
        // The library shows neither a ping of its own nor an answer to ours.
        asked: _,
        dropped,
    } = far_end;
    let started = Instant::now();
    // The library resolves, connects and upgrades in one go.
    hand_over(&arrivals, &dropped, Inbound::Progress(Stage::Connecting));
    let (tell, mut lifecycle) = mpsc::channel(16);
    let basket = Basket::default();
    let client = match timeout(target.limit, connect(&target, &basket, &dropped, &tell)).await {
        Err(_) => return Lost::TooSlow,
        Ok(Err(error)) => return refused(&error),
        Ok(Ok(client)) => client,
    };
    hand_over(&arrivals, &dropped, Inbound::Progress(Stage::Handshaking));
    // Nothing is emitted before the server's CONNECT: Node and socketioxide end the connection otherwise.
    let rest = target.limit.saturating_sub(started.elapsed());
    match timeout(rest, next(&mut lifecycle)).await {
        Ok(Some(Lifecycle::Connected)) => {}
        Ok(Some(Lifecycle::Error(reason))) => return Lost::Refused(reason),
        Ok(Some(Lifecycle::Closed)) => return Lost::ClosedByServer,
        Ok(None) => return Lost::Broken("the connection broke during the handshake".to_owned()),
        Err(_) => return Lost::TooSlow,
    }
    let online = Online {
        socket_id: None,
        ping_interval: None,
        ping_timeout: None,
        answers_checks: false,
        took: started.elapsed(),
    };
    hand_over(&arrivals, &dropped, Inbound::Online(online));
    let lost = tokio::select! {
        lost = serve(&client, &mut lifecycle, &mut departures, &arrivals, &dropped) => lost,
        () = basket.carry(&arrivals) => Lost::ClosedHere,
    };
    // What was heard before the end still counts.
    basket.empty(&arrivals).await;
    lost
}

/// Until the link is over.
async fn serve(
    client: &Client,
    lifecycle: &mut mpsc::Receiver<Lifecycle>,
    departures: &mut mpsc::Receiver<Outbound>,
    arrivals: &mpsc::Sender<Inbound>,
    dropped: &AtomicU32,
) -> Lost {
    let mut watch = interval(WATCH);
    let mut unread = None;
    loop {
        tokio::select! {
            said = lifecycle.recv() => match said {
                Some(Lifecycle::Closed) => return Lost::ClosedByServer,
                // The end of the link is nothing that the server said.
                Some(Lifecycle::Error(reason)) if reason == TRANSPORT_FAILED => unread = None,
                Some(Lifecycle::Error(reason)) => {
                    unread = Some(reason.clone());
                    hand_over(arrivals, dropped, Inbound::Undecodable { raw: String::new(), reason });
                }
                Some(Lifecycle::Connected) => {}
                None => return Lost::Broken("the library gave up".to_owned()),
            },
            _ = watch.tick() => if !is_reading() {
                return match unread {
                    Some(reason) => Lost::Unreadable(reason),
                    None => Lost::Broken("the connection broke".to_owned()),
                };
            },
            emit = departures.recv() => match emit {
                None => {
                    let _ = timeout(WATCH, client.disconnect()).await;
                    return Lost::ClosedHere;
                }
                Some(emit) => if let Err(lost) = send(client, emit).await {
                    return lost;
                },
            },
        }
    }
}

/// Whether the library's read task lives: it is the only task of this runtime.
fn is_reading() -> bool {
    tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0
}

/// The next lifecycle message, or none once the read task is gone.
async fn next(lifecycle: &mut mpsc::Receiver<Lifecycle>) -> Option<Lifecycle> {
    loop {
        match timeout(WATCH, lifecycle.recv()).await {
            Ok(said) => return said,
            Err(_) if !is_reading() => return None,
            Err(_) => {}
        }
    }
}

/// What the callbacks hand over. They run on the same thread as [`run`], one after the other while frames are there;
/// what they leave here goes to the session together, so that a flood does not wake it for every event.
#[derive(Clone, Default)]
struct Basket {
    emptied: Arc<Notify>,
    events: Arc<Mutex<Vec<Received>>>,
    filled: Arc<Notify>,
}

impl Basket {
    /// Puts it in, or gives it back where there is no room.
    fn put(&self, received: Received) -> Result<(), Received> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= MOST_IN_BASKET {
            return Err(received);
        }
        events.push(received);
        if events.len() == 1 {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Waits for room.
    async fn put_later(self, mut received: Received, dropped: Arc<AtomicU32>) {
        let until = tokio::time::Instant::now() + HELD_BACK;
        loop {
            match self.put(received) {
                Ok(()) => return,
                Err(back) => received = back,
            }
            if tokio::time::timeout_at(until, self.emptied.notified())
                .await
                .is_err()
            {
                dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Carries what is put here to the session, until nobody listens any more.
    async fn carry(&self, arrivals: &mpsc::Sender<Inbound>) {
        while !arrivals.is_closed() {
            self.filled.notified().await;
            self.empty(arrivals).await;
        }
    }

    async fn empty(&self, arrivals: &mpsc::Sender<Inbound>) {
        loop {
            let events = {
                let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
                let most = events.len().min(TOGETHER);
                if most == events.len() {
                    std::mem::replace(&mut *events, Vec::with_capacity(TOGETHER))
                } else {
                    events.drain(..most).collect()
                }
            };
            self.emptied.notify_one();
            if events.is_empty() || arrivals.send(Inbound::Events(events)).await.is_err() {
                return;
            }
        }
    }
}

/// What a callback does with an event. The library reads on when the future is done.
fn put(basket: &Basket, received: Received, dropped: &Arc<AtomicU32>) -> BoxFuture<'static, ()> {
    match basket.put(received) {
        Ok(()) => std::future::ready(()).boxed(),
        Err(received) => basket.clone().put_later(received, Arc::clone(dropped)).boxed(),
    }
}

async fn connect(
    target: &Target,
    basket: &Basket,
    dropped: &Arc<AtomicU32>,
    tell: &mpsc::Sender<Lifecycle>,
) -> Result<Client, rust_socketio::Error> {
    let mut builder = ClientBuilder::new(target.url.as_str())
        .transport_type(TransportType::Websocket)
        .reconnect(false)
        .reconnect_on_disconnect(false);
    if let Some(token) = &target.token {
        builder = builder.auth(serde_json::json!({ "token": token.expose() }));
    }
    let event = {
        let (basket, dropped) = (basket.clone(), Arc::clone(dropped));
        move |name: &str, payload: Payload| put(&basket, decode(name, payload), &dropped)
    };
    // `close`, `error` and `open` are the library's own words, and an application's event of that name arrives in the
    // same callback. A lifecycle payload is exactly one empty string (an error: one string).
    let lifecycle =
        move |tell: mpsc::Sender<Lifecycle>, said: fn(String) -> Lifecycle, name: &'static str| {
            let event = event.clone();
            move |payload: Payload, _: Client| {
                match own_word(&payload) {
                    Some(word) if word.is_empty() || name == "error" => drop(tell.try_send(said(word))),
                    _ => return event(name, payload),
                }
                std::future::ready(()).boxed()
            }
        };
    let any = {
        let (basket, dropped) = (basket.clone(), Arc::clone(dropped));
        move |event: Event, payload: Payload, _: Client| {
            put(&basket, decode(event.as_str(), payload), &dropped)
        }
    };
    builder
        .on(
            Event::Connect,
            lifecycle(tell.clone(), |_| Lifecycle::Connected, "open"),
        )
        .on(
            Event::Close,
            lifecycle(tell.clone(), |_| Lifecycle::Closed, "close"),
        )
        .on(Event::Error, lifecycle(tell.clone(), Lifecycle::Error, "error"))
        .on_any(any)
        .connect()
        .await
}

/// The library's own word in a lifecycle callback: one string and nothing else.
fn own_word(payload: &Payload) -> Option<String> {
    #[allow(deprecated, reason = "the library still builds it")]
    match payload {
        Payload::Text(values) => match values.as_slice() {
            [Value::String(word)] => Some(word.clone()),
            _ => None,
        },
        Payload::String(word) => Some(word.clone()),
        Payload::Binary(_) => None,
    }
}

fn decode(name: &str, payload: Payload) -> Received {
    #[allow(deprecated, reason = "the library still builds it")]
    match payload {
        Payload::Text(mut values) => {
            // An event without arguments arrives as `message` with its name as the one argument.
            if name == "message"
                && values.len() == 1
                && let Some(Value::String(bare)) = values.first()
            {
                return Received::from_value(bare, None);
            }
            let first = if values.is_empty() {
                None
            } else {
                Some(values.swap_remove(0))
            };
            Received::from_value(name, first)
        }
        Payload::String(text) => Received::from_text(name, Some(&text)),
        // The contract has no binary events: the name is kept, so that it is counted.
        Payload::Binary(_) => Received::from_value(name, None),
    }
}

/// Sends one message and, where it is to be acknowledged, waits for that: ids are random in 0…999, so there is never
/// more than one outstanding.
async fn send(client: &Client, emit: Outbound) -> Result<(), Lost> {
    let Outbound {
        name,
        payload,
        ack,
        limit,
    } = emit;
    let Some(ack) = ack else {
        return match timeout(EMIT_LIMIT, client.emit(name, payload)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Lost::Broken(error.to_string())),
            Err(_) => Err(Lost::Broken("the server stopped reading".to_owned())),
        };
    };
    let (answered, mut answer) = mpsc::channel(1);
    let callback = move |payload: Payload, _: Client| {
        let _ = answered.try_send(payload);
        std::future::ready(()).boxed()
    };
    match timeout(EMIT_LIMIT, client.emit_with_ack(name, payload, limit, callback)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let _ = ack.send(Err(AckError::LinkLost));
            return Err(Lost::Broken(error.to_string()));
        }
        Err(_) => {
            let _ = ack.send(Err(AckError::LinkLost));
            return Err(Lost::Broken("the server stopped reading".to_owned()));
        }
    }
    let deadline = Instant::now() + limit;
    loop {
        match timeout(WATCH, answer.recv()).await {
            Ok(Some(payload)) => {
                let _ = ack.send(Ok(arguments(payload)));
                return Ok(());
            }
            Err(_) if !is_reading() => {
                let _ = ack.send(Err(AckError::LinkLost));
                return Err(Lost::Broken("the connection broke".to_owned()));
            }
            Err(_) if Instant::now() < deadline => {}
            // A timed-out ack stays in the library for ever and can catch a later answer: this connection is spent.
            Ok(None) | Err(_) => {
                let _ = ack.send(Err(AckError::Missing));
                return Err(Lost::AckMissing);
            }
        }
    }
}

/// The library hands an ack over as one value that holds the array of arguments.
fn arguments(payload: Payload) -> Vec<Value> {
    #[allow(deprecated, reason = "the library still builds it")]
    match payload {
        Payload::Text(values) => match <[Value; 1]>::try_from(values) {
            Ok([Value::Array(arguments)]) => arguments,
            Ok([other]) => vec![other],
            Err(values) => values,
        },
        Payload::String(text) => serde_json::from_str(&text).unwrap_or_default(),
        Payload::Binary(_) => Vec::new(),
    }
}

/// The library says little about why a connection did not come about; `check` asks with the instrument instead.
fn refused(error: &rust_socketio::Error) -> Lost {
    let mut reason: &dyn std::error::Error = error;
    loop {
        match reason.downcast_ref::<WebsocketError>() {
            Some(WebsocketError::Http(answer)) => {
                return Lost::WebsocketRefused(format!(
                    "the server answered HTTP {} in place of a websocket",
                    answer.status().as_u16()
                ));
            }
            // Nothing but the upgrade was spoken yet.
            Some(WebsocketError::Protocol(reason)) => {
                return Lost::WebsocketRefused(format!("the websocket upgrade is not valid: {reason}"));
            }
            _ => {}
        }
        match reason.source() {
            Some(source) => reason = source,
            None => break,
        }
    }
    let text = reason.to_string();
    match error {
        rust_socketio::Error::InvalidHandshake(_) => Lost::NotSocketIo(text),
        _ => Lost::NotConnected(text.split(" (os error").next().unwrap_or(&text).to_owned()),
    }
}
