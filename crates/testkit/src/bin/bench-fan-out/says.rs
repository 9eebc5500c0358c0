//! The servers that are Rust and are not `gaveld`: socketioxide by itself, and nothing but the writes. Both say what an
//! auction says, when `GET /go?bids=…&perSecond=…` asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::frames::{self, CLOSE, TEXT};

const ROOM: &str = "auction:fan-out";
const AUCTION: &str = "7f7a4a53-0f7e-4a36-a3a1-6b8f6f0f3c11";
const BIDDER: &str = "4c7c1f0e-6f0e-4a52-9d2e-0d6a6a2f8f11";
const EPOCH: &str = "9a1e0f7c-1a52-4a8e-8f6b-6f5d1c2b3a40";

/// The two events of a bid, as `gaveld` says them.
fn bid(seq: u64) -> [(&'static str, Value); 2] {
    let key = format!("b5b5a9f0-52cb-4f7b-8d7b-{seq:012}");
    let server_time = format!("{:.3}", jiff::Timestamp::now());
    let amount = 1_000_000 + seq;
    [
        (
            "bid_update",
            json!({
                "lotId": format!("{AUCTION}-lot-1"),
                "amount": amount,
                "bidder": { "userId": BIDDER, "displayName": "manager1" },
                "seq": seq,
                "serverTime": server_time,
                "clientBidId": key,
                "stream": { "epoch": EPOCH, "seq": 2 * seq },
            }),
        ),
        (
            "bid_placed",
            json!({
                "bid": {
                    "id": "0d9a8c57-93a5-4a90-b8f4-5a5f6b7c8d9e",
                    "auctionId": AUCTION,
                    "userId": BIDDER,
                    "clubId": "club-01",
                    "amount": amount,
                    "timestamp": server_time,
                    "userName": "manager1",
                    "clientBidId": key,
                    "seq": seq,
                },
                "auctionId": AUCTION,
                "clubId": "club-01",
                "serverTime": server_time,
                "stream": { "epoch": EPOCH, "seq": 2 * seq + 1 },
            }),
        ),
    ]
}

fn tick(seq: u64) -> (&'static str, Value) {
    let now = jiff::Timestamp::now().as_millisecond();
    let timer = json!({
        "lotId": format!("{AUCTION}-lot-1"),
        "seq": seq,
        "endsAt": now + 3_600_000,
        "serverNow": now,
        "stream": { "epoch": EPOCH, "seq": 2 * seq, "passing": true },
    });
    ("tick", timer)
}

/// What is to be said, and how fast.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Going {
    bids: u64,
    per_second: f64,
}

const TICK: Duration = Duration::from_millis(500);

/// An event and its payload.
type Said = (&'static str, Value);

/// So many bids, and the ticks in between, each when it is due.
struct Auction {
    going: Going,
    start: Instant,
    ticked: Instant,
    bids: u64,
}

impl Auction {
    fn begin(going: Going) -> Self {
        let start = Instant::now();
        Self {
            going,
            start,
            ticked: start,
            bids: 0,
        }
    }

    /// What belongs together and is to be said now.
    async fn next(&mut self) -> Option<Vec<Said>> {
        if self.bids == self.going.bids {
            return None;
        }
        #[allow(clippy::cast_precision_loss, reason = "a number of bids")]
        let due = self.start + Duration::from_secs_f64(self.bids as f64 / self.going.per_second);
        let tick_due = self.ticked + TICK;
        if tick_due < due {
            tokio::time::sleep_until(tick_due).await;
            self.ticked = tick_due;
            return Some(vec![tick(self.bids)]);
        }
        tokio::time::sleep_until(due).await;
        self.bids += 1;
        Some(bid(self.bids).into())
    }
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind(("127.0.0.1", port)).await?)
}

/// socketioxide with the settings of `gaveld`, and nothing else.
pub(crate) async fn socketioxide(port: u16) -> anyhow::Result<()> {
    let (layer, io) = SocketIo::builder()
        .req_path("/api/socket.io")
        .ping_interval(Duration::from_secs(20))
        .ping_timeout(Duration::from_secs(25))
        .max_payload(1_000_000)
        .max_buffer_size(1_024)
        .build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("join_auction", async |socket: SocketRef, ack: AckSender| {
            socket.join(ROOM);
            // One that is gone needs no answer.
            let _ = ack.send(&json!({ "ok": true, "room": ROOM }));
        });
    });
    let said = async |State(io): State<SocketIo>, Query(going): Query<Going>| {
        let mut auction = Auction::begin(going);
        while let Some(events) = auction.next().await {
            for (name, payload) in &events {
                if let Err(error) = io.to(ROOM).emit(*name, payload).await {
                    eprintln!("{name} did not reach everybody: {error}");
                }
            }
        }
    };
    let app = Router::new()
        .route("/go", get(said))
        .route("/health", get(async || "{}"))
        .with_state(io)
        .layer(layer);
    let listener = listen(port).await?.tap_io(|stream| {
        // One that is gone already needs it no more.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

/// The sockets of the bare server.
type Sockets = Arc<Mutex<HashMap<u64, Arc<TcpStream>>>>;

/// Frames that were made once, written to one socket after the other: the cost that no server can go below, but by
/// writing what belongs together at once.
pub(crate) async fn bare(port: u16, together: bool) -> anyhow::Result<()> {
    let listener = listen(port).await?;
    let sockets = Sockets::default();
    let mut number = 0;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        number += 1;
        let sockets = Arc::clone(&sockets);
        tokio::spawn(async move {
            // A client that hung up is no fault of the measurement's; it counts its own losses.
            let _ = serve(Arc::new(stream), number, &sockets, together).await;
            sockets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&number);
        });
    }
}

async fn serve(stream: Arc<TcpStream>, number: u64, sockets: &Sockets, together: bool) -> anyhow::Result<()> {
    let mut read = Vec::new();
    let end = loop {
        more(&stream, &mut read).await?;
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    read.drain(..end + 4);
    let path = head.split_whitespace().nth(1).context("a request has a path")?;
    let Some(key) = header(&head, "sec-websocket-key") else {
        if let Some((_, query)) = path.split_once("/go?") {
            let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
            let bids = query.get("bids").context("how many?")?.parse()?;
            let per_second = query.get("perSecond").context("how fast?")?.parse()?;
            say_bare(Going { bids, per_second }, sockets, together).await;
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        return write(&stream, answer).await;
    };
    let hello = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    write(&stream, hello.as_bytes()).await?;
    write(&stream, &frames::frame(TEXT, br#"0{"sid":"bare"}"#, false)).await?;
    loop {
        while let Some(frame) = frames::first(&read) {
            let text = frame.unmasked(&read);
            read.drain(..frame.payload.end);
            if frame.opcode == CLOSE {
                return Ok(());
            }
            if text.starts_with(b"40") {
                write(&stream, &frames::frame(TEXT, br#"40{"sid":"bare"}"#, false)).await?;
            } else if text.starts_with(b"420") {
                write(&stream, &frames::frame(TEXT, br#"430[{"ok":true}]"#, false)).await?;
                let mut all = sockets.lock().unwrap_or_else(PoisonError::into_inner);
                all.insert(number, Arc::clone(&stream));
            }
        }
        more(&stream, &mut read).await?;
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

async fn say_bare(going: Going, sockets: &Sockets, together: bool) {
    let mut auction = Auction::begin(going);
    while let Some(events) = auction.next().await {
        let frames = events.iter().map(|(name, payload)| {
            frames::frame(TEXT, format!("42{}", json!([name, payload])).as_bytes(), false)
        });
        let writes: Vec<Vec<u8>> = if together {
            vec![frames.flatten().collect()]
        } else {
            frames.collect()
        };
        let everybody: Vec<_> = {
            let all = sockets.lock().unwrap_or_else(PoisonError::into_inner);
            all.values().cloned().collect()
        };
        for bytes in writes {
            for socket in &everybody {
                // One that is gone is counted at its other end.
                let _ = write(socket, &bytes).await;
            }
        }
    }
}

async fn write(stream: &TcpStream, mut bytes: &[u8]) -> anyhow::Result<()> {
    while !bytes.is_empty() {
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn more(stream: &TcpStream, read: &mut Vec<u8>) -> anyhow::Result<()> {
    loop {
        stream.readable().await?;
        let mut bytes = [0; 1_024];
        match stream.try_read(&mut bytes) {
            Ok(0) => anyhow::bail!("the client hung up"),
            Ok(count) => {
                read.extend_from_slice(&bytes[..count]);
                return Ok(());
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}
