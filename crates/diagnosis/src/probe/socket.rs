//! One of the probe's sockets: a task owns the connection; what it hears goes to the probe with the time it came.

use std::collections::HashMap;
use std::time::Duration;

use gavelscope_wire::connection::{
    ConnectOptions, Connection, Endpoint, Incoming, Proxy, connect, connect_by_polling,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::Target;

/// How long connecting may take: who waits longer for a backend would not bid over it either.
const LIMIT: Duration = Duration::from_secs(4);
/// How long a goodbye may take; by polling it may need a connection of its own.
const GOODBYE: Duration = Duration::from_millis(250);
const GOODBYE_BY_POLLING: Duration = Duration::from_secs(2);
/// Messages that may wait for a socket.
const WAITING: usize = 64;

/// Something that a socket heard.
#[derive(Debug)]
pub(super) struct Arrival {
    /// The socket, by its number.
    pub socket: u32,
    /// When it came.
    pub at: Instant,
    /// The event's name and first argument; none when the socket was lost.
    pub event: Option<(String, Value)>,
}

/// What a socket is to say.
struct Saying {
    name: &'static str,
    payload: Value,
    ack: Option<oneshot::Sender<Value>>,
}

/// A socket of the probe. Dropped, it says goodbye.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) number: u32,
    sayings: mpsc::Sender<Saying>,
    task: tokio::task::JoinHandle<()>,
}

pub(super) fn endpoint(target: &Target) -> Result<Endpoint, String> {
    Endpoint::parse(&target.address.base())
        .map(|endpoint| endpoint.with_path(target.address.path()))
        .map_err(|error| error.to_string())
}

pub(super) fn options(target: &Target) -> ConnectOptions {
    let mut options = ConnectOptions {
        time_limit: LIMIT,
        tls: target.tls.clone(),
        ..ConnectOptions::default()
    };
    if let Ok(endpoint) = endpoint(target) {
        options.proxy = Proxy::from_environment(&endpoint);
    }
    if let Some(token) = &target.token {
        let auth = serde_json::json!({ "token": token.expose() });
        // A text in an object can always be written.
        options = options.clone().with_auth(&auth).unwrap_or(options);
    }
    options
}

/// Connects over a websocket, or by polling where that is what is left.
pub(super) async fn open(
    target: &Target,
    polling: bool,
    socket: u32,
    arrivals: mpsc::UnboundedSender<Arrival>,
) -> Result<Socket, String> {
    let endpoint = endpoint(target)?;
    let options = options(target);
    let connection = if polling {
        connect_by_polling(&endpoint, &options).await
    } else {
        connect(&endpoint, &options).await
    };
    let connection = connection.map_err(|error| error.to_string())?;
    let (sayings, said) = mpsc::channel(WAITING);
    let goodbye = if polling { GOODBYE_BY_POLLING } else { GOODBYE };
    let task = tokio::spawn(run(connection, socket, said, arrivals, goodbye));
    Ok(Socket {
        number: socket,
        sayings,
        task,
    })
}

impl Socket {
    /// Says something, and does not wait for what comes of it.
    pub(super) async fn say(&self, name: &'static str, payload: Value) {
        let saying = Saying {
            name,
            payload,
            ack: None,
        };
        // A socket that was lost has said so among the arrivals.
        let _ = self.sayings.send(saying).await;
    }

    /// Says something and waits for its acknowledgement; none where there is none in time.
    pub(super) async fn ask(&self, name: &'static str, payload: Value, limit: Duration) -> Option<Value> {
        let (ack, answered) = oneshot::channel();
        let saying = Saying {
            name,
            payload,
            ack: Some(ack),
        };
        self.sayings.send(saying).await.ok()?;
        tokio::time::timeout(limit, answered).await.ok()?.ok()
    }

    /// Whether it was lost on the way.
    pub(super) fn is_lost(&self) -> bool {
        self.task.is_finished()
    }

    /// Says goodbye and waits for the end of it.
    pub(super) async fn close(self) {
        drop(self.sayings);
        let _ = self.task.await;
    }
}

async fn run(
    mut connection: Connection,
    socket: u32,
    mut said: mpsc::Receiver<Saying>,
    arrivals: mpsc::UnboundedSender<Arrival>,
    goodbye: Duration,
) {
    let mut waiting: HashMap<u64, oneshot::Sender<Value>> = HashMap::new();
    let tell = |event| {
        let at = Instant::now();
        // The probe is over when nobody listens, and then `said` ends, too.
        let _ = arrivals.send(Arrival { socket, at, event });
    };
    loop {
        tokio::select! {
            incoming = connection.next() => match incoming {
                Ok(Incoming::Event(event)) => {
                    let payload = event.first_argument().and_then(|text| serde_json::from_str(text).ok());
                    tell(Some((event.name().to_owned(), payload.unwrap_or_default())));
                }
                Ok(Incoming::Ack(ack)) => {
                    if let Some(answered) = waiting.remove(&ack.id()) {
                        let payload = ack.first_argument().and_then(|text| serde_json::from_str(text).ok());
                        let _ = answered.send(payload.unwrap_or_default());
                    }
                }
                Ok(Incoming::Disconnect { .. }) | Err(_) => return tell(None),
                Ok(_) => {}
            },
            saying = said.recv() => {
                let Some(Saying { name, payload, ack }) = saying else {
                    connection.close(goodbye).await;
                    return;
                };
                let sent = match ack {
                    None => connection.emit(name, &payload).map(|()| None),
                    Some(ack) => connection.emit_with_ack(name, &payload).map(|id| Some((id, ack))),
                };
                match sent {
                    Ok(Some((id, ack))) => drop(waiting.insert(id, ack)),
                    Ok(None) => {}
                    Err(_) => return tell(None),
                }
            }
        }
    }
}
