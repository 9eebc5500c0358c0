//! A server that produces events faster than any client takes them, to measure clients with.
//!
//! One auction whose lots never end: 200 bids to a lot, a tick after every tenth, then the hammer and the next lot. The
//! frames are encoded once and only their numbers are written anew, so that the server is never what is measured. It
//! speaks just enough to be connected to: the handshake over websocket, acks for joins, and the REST calls of a session.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use gavelscope_contract::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The auction that is always on.
pub const AUCTION: &str = "57c9540c-3dfe-4d73-8b21-5cfeb95ed8b4";
/// Its league.
pub const LEAGUE: &str = "52ea77bd-8b95-4c55-891a-7a2de267b3dc";
/// Somebody who looks on: one of its managers, who never bids.
pub const ONLOOKER: &str = "537afcf3-8b6f-4887-8260-af0b4631c155";
const BIDDERS: [(&str, &str); 4] = [
    ("54d8da89-6434-4309-8d7d-fe086e5892c5", "Alice"),
    ("98741647-98cb-45c4-8729-e2e6576f71cc", "Bruno"),
    ("4a66fd29-fa8a-4061-8cbd-770322c9fc70", "Carol"),
    ("aa537960-7139-4f1a-80af-105e74ac4af1", "Dalia"),
];
const BIDS_A_LOT: u64 = 200;
const BIDS_A_TICK: u64 = 10;
const CLUBS: u64 = 24;
/// Numbers begin where they have as many digits as they will ever have, so that they can be written over.
const FIRST_SEQ: u64 = 10_000_000;
const FIRST_LOT: u64 = 100_000;

/// How events are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// At least so many; a lot is always finished.
    pub events: u64,
    /// So many a second, each with the time it left in `serverTime`; none: as fast as they are taken.
    pub per_second: Option<u64>,
}

impl Order {
    /// How many events that will really be.
    pub fn events(&self) -> u64 {
        self.lots() * EVENTS_A_LOT
    }

    /// The bid sequence number after the last of them.
    pub fn last_seq(&self) -> u64 {
        FIRST_SEQ + self.lots() * BIDS_A_LOT - 1
    }

    fn lots(&self) -> u64 {
        self.events.div_ceil(EVENTS_A_LOT)
    }
}

/// The start of a lot, its bids, its ticks, the hammer.
const EVENTS_A_LOT: u64 = 1 + BIDS_A_LOT + BIDS_A_LOT / BIDS_A_TICK + 1;

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub struct Flood {
    address: SocketAddr,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    order: watch::Sender<Option<Order>>,
    /// The lots that were sent whole.
    said: AtomicU64,
}

impl Flood {
    /// Listens. `GET /go?events=…&rate=…` sets it off, once a connection; without a rate it goes as fast as it can.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            order: watch::Sender::new(None),
            said: AtomicU64::new(0),
        });
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                // A client that goes away is no trouble of this server's.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/api/socket.io/") {
            let key = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
                .map(|(_, key)| key.trim())
                .unwrap_or_default();
            let accept = derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).await?;
            return converse(stream, shared).await;
        }
        let body = rest(path, shared).to_string();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn rest(path: &str, shared: &Shared) -> Value {
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    match bare.strip_prefix("/api").unwrap_or(bare).trim_start_matches('/') {
        "go" => {
            let number = |name: &str| {
                query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(key, _)| *key == name)
                    .and_then(|(_, value)| value.parse().ok())
            };
            let order = Order {
                events: number("events").unwrap_or(0),
                per_second: number("rate"),
            };
            shared.said.store(0, Ordering::Relaxed);
            shared.order.send_replace(Some(order));
            json!({ "events": order.events(), "lastSeq": order.last_seq() })
        }
        "health" => json!({ "status": "healthy" }),
        "me/competitions" => json!([]),
        part if part.ends_with("/participants") => {
            let list = participants();
            json!({ "count": list.len(), "participants": list })
        }
        part if part.ends_with("/clubs") => {
            let clubs: Vec<_> = (0..CLUBS)
                .map(|club| {
                    json!({ "id": club_id(club), "name": format!("Club {club}"), "status": "upcoming",
                            "lotNumber": club + 1, "winner": null, "winningBid": null })
                })
                .collect();
            json!({ "clubs": clubs, "summary": { "totalClubs": CLUBS, "soldClubs": 0, "unsoldClubs": 0,
                                                 "remainingClubs": CLUBS } })
        }
        part if part.starts_with("leagues/") => json!({
            "id": LEAGUE, "name": "Bench", "commissionerId": BIDDERS[0].0, "budget": 500_000_000,
            "minManagers": 2, "maxManagers": 8, "clubSlots": 3, "status": "active", "activeAuctionId": AUCTION,
        }),
        _ => snapshot(shared.said.load(Ordering::Relaxed)),
    }
}

/// The auction after so many events, as a server would tell it.
fn snapshot(said: u64) -> Value {
    let (lot, number) = (said / EVENTS_A_LOT, said % EVENTS_A_LOT);
    let bids = number.saturating_sub(1) - number.saturating_sub(1) / (BIDS_A_TICK + 1);
    let mut auction = json!({
        "id": AUCTION, "leagueId": LEAGUE, "status": "active", "currentLot": FIRST_LOT + lot - 1,
        "currentClubId": null, "currentLotId": null, "bidTimer": 30, "timerEndsAt": null, "clubQueue": [],
        "unsoldClubs": [], "minimumBudget": 1_000_000, "pausedRemainingTime": null, "currentBid": null,
        "currentBidder": null, "bidSequence": FIRST_SEQ + lot * BIDS_A_LOT + bids - 1, "usersInWaitingRoom": [],
    });
    if number == 0 {
        // Between two lots: what was sold last is not on the block any more.
        return json!({ "auction": auction, "bids": [], "currentClub": null });
    }
    let club = json!({ "id": club_id(lot), "name": "A club", "country": "England" });
    auction["currentLot"] = (FIRST_LOT + lot).into();
    auction["currentClubId"] = club_id(lot).into();
    auction["currentLotId"] = format!("{AUCTION}-lot-{}", FIRST_LOT + lot).into();
    auction["timerEndsAt"] = Timestamp::from_millis(millis() + 30_000).as_str().into();
    let list: Vec<Value> = (0..bids)
        .map(|bid| {
            let (user, name) = BIDDERS[usize::try_from(bid).unwrap_or(0) % BIDDERS.len()];
            json!({ "userId": user, "userName": name, "amount": 1_000_000 + bid * 10_000, "clubId": club_id(lot) })
        })
        .collect();
    if let Some(last) = list.last() {
        auction["currentBid"] = last["amount"].clone();
        auction["currentBidder"] = json!({ "userId": last["userId"], "displayName": last["userName"] });
    }
    json!({ "auction": auction, "bids": list, "currentClub": club })
}

fn participants() -> Vec<Value> {
    let people = BIDDERS.iter().copied().chain([(ONLOOKER, "Dave")]);
    people
        .map(|(user, name)| json!({ "userId": user, "userName": name, "budgetRemaining": 500_000_000, "clubsWon": [] }))
        .collect()
}

fn club_id(lot: u64) -> String {
    format!("club-{:02}", lot % CLUBS)
}

/// The handshake and the joins; then, once it is set off, the flood.
async fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    // Not the pings of a real server: a run is over before the first would be due.
    const OPEN: &str =
        r#"0{"sid":"flood","upgrades":[],"pingTimeout":60000,"pingInterval":300000,"maxPayload":1000000}"#;
    let mut order = shared.order.subscribe();
    order.mark_unchanged();
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    socket
        .send(Message::text(OPEN))
        .await
        .map_err(std::io::Error::other)?;
    loop {
        tokio::select! {
            changed = order.changed() => {
                changed.map_err(std::io::Error::other)?;
                break;
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    for answer in answers(&text) {
                        socket.send(Message::text(answer)).await.map_err(std::io::Error::other)?;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(std::io::Error::other(error)),
                None => return Ok(()),
            },
        }
    }
    let order = *order.borrow();
    let (mut heard, mut said) = socket.into_inner().into_split();
    let listening = tokio::spawn(async move { tokio::io::copy(&mut heard, &mut tokio::io::sink()).await });
    if let Some(order) = order {
        match order.per_second {
            None => flood(&mut said, order, shared).await?,
            Some(per_second) => pace(&mut said, order, per_second, shared).await?,
        }
    }
    // Until the client has enough.
    let _ = listening.await;
    Ok(())
}

fn answers(text: &str) -> Vec<String> {
    if text.starts_with("40") {
        return vec![
            r#"40{"sid":"flood"}"#.to_owned(),
            r#"42["connected",{"sid":"flood"}]"#.to_owned(),
        ];
    }
    let id: String = text
        .strip_prefix("42")
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if id.is_empty() {
        return Vec::new();
    }
    vec![format!(
        r#"43{id}[{{"ok":true,"room":"auction:{AUCTION}","roomSize":1}}]"#
    )]
}

fn millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

/// Now, with microseconds.
fn stamp() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let whole = Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or_default());
    let text = whole.as_str().trim_end_matches('Z').to_owned();
    format!("{text}{:03}+00:00", since.subsec_micros() % 1_000)
}

/// The events of a lot, by their number within it.
fn event(lot: u64, number: u64, server_time: &str) -> String {
    let lot_id = format!("{AUCTION}-lot-{}", FIRST_LOT + lot);
    let now = millis();
    let timer = |seq| json!({ "lotId": lot_id, "seq": seq, "endsAt": now + 30_000, "serverNow": now });
    // A tick after every tenth bid.
    let group = BIDS_A_TICK + 1;
    let event = match number {
        0 => json!(["lot_started", { "lotNumber": FIRST_LOT + lot, "timer": timer(1), "isUnsoldRetry": false,
            "club": { "id": club_id(lot), "name": "A club", "country": "England" } }]),
        _ if number == EVENTS_A_LOT - 1 => json!(["sold", { "clubId": club_id(lot), "clubName": "A club",
            "winningBid": { "userId": BIDDERS[0].0, "userName": BIDDERS[0].1, "amount": 3_000_000 },
            "unsold": false, "participants": participants() }]),
        _ if number.is_multiple_of(group) => json!(["tick", timer(1)]),
        _ => {
            let bid = number - 1 - (number - 1) / group;
            let (user, name) = BIDDERS[usize::try_from(bid).unwrap_or(0) % BIDDERS.len()];
            // As the field writes it, in its order.
            return format!(
                r#"42["bid_update",{{"lotId":"{lot_id}","amount":{}.0,"bidder":{{"userId":"{user}","displayName":"{name}"}},"seq":{},"serverTime":"{server_time}"}}]"#,
                1_000_000 + bid * 10_000,
                FIRST_SEQ + lot * BIDS_A_LOT + bid,
            );
        }
    };
    format!("42{event}")
}

/// A text frame of a server.
fn frame(text: &str, to: &mut Vec<u8>) {
    to.push(0x81);
    match u16::try_from(text.len()) {
        Ok(short @ ..126) => to.push(short.to_le_bytes()[0]),
        Ok(long) => {
            to.push(126);
            to.extend(long.to_be_bytes());
        }
        Err(_) => {
            to.push(127);
            to.extend((text.len() as u64).to_be_bytes());
        }
    }
    to.extend(text.as_bytes());
}

/// A lot's frames, encoded, with the places of the numbers that change from lot to lot.
struct Block {
    bytes: Vec<u8>,
    lots: Vec<usize>,
    seqs: Vec<usize>,
    clubs: Vec<usize>,
}

impl Block {
    fn new() -> Self {
        let mut bytes = Vec::new();
        let now = stamp();
        for number in 0..EVENTS_A_LOT {
            frame(&event(0, number, &now), &mut bytes);
        }
        let places = |mark: &str, offset: usize| {
            bytes
                .windows(mark.len())
                .enumerate()
                .filter(|(_, window)| *window == mark.as_bytes())
                .map(|(at, _)| at + offset)
                .collect::<Vec<_>>()
        };
        let mut lots = places(&format!("-lot-{FIRST_LOT}"), 5);
        lots.extend(places(&format!("\"lotNumber\":{FIRST_LOT}"), 12));
        let clubs = places("\"club-00\"", 6);
        let seqs = (0..BIDS_A_LOT)
            .flat_map(|bid| places(&format!("\"seq\":{}", FIRST_SEQ + bid), 6))
            .collect();
        Self {
            bytes,
            lots,
            seqs,
            clubs,
        }
    }

    fn number(&mut self, lot: u64) {
        fn write(bytes: &mut [u8], at: usize, number: u64, digits: usize) {
            let mut place = &mut bytes[at..at + digits];
            // The width is fixed by where the numbers begin, so it always fits.
            let _ = write!(place, "{number:0digits$}");
        }
        for at in &self.lots {
            write(&mut self.bytes, *at, FIRST_LOT + lot, 6);
        }
        for at in &self.clubs {
            write(&mut self.bytes, *at, lot % CLUBS, 2);
        }
        for (bid, at) in (0..).zip(&self.seqs) {
            write(&mut self.bytes, *at, FIRST_SEQ + lot * BIDS_A_LOT + bid, 8);
        }
    }
}

async fn flood(to: &mut (impl AsyncWriteExt + Unpin), order: Order, shared: &Shared) -> std::io::Result<()> {
    let mut block = Block::new();
    for lot in 0..order.lots() {
        block.number(lot);
        to.write_all(&block.bytes).await?;
        shared.said.store((lot + 1) * EVENTS_A_LOT, Ordering::Relaxed);
    }
    Ok(())
}

async fn pace(
    to: &mut (impl AsyncWriteExt + Unpin),
    order: Order,
    per_second: u64,
    shared: &Shared,
) -> std::io::Result<()> {
    // Whoever set this off is still busy with the answer.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut clock = tokio::time::interval(Duration::from_micros(1_000_000 / per_second.max(1)));
    let mut bytes = Vec::new();
    for number in 0..order.events() {
        clock.tick().await;
        bytes.clear();
        frame(
            &event(number / EVENTS_A_LOT, number % EVENTS_A_LOT, &stamp()),
            &mut bytes,
        );
        to.write_all(&bytes).await?;
        shared.said.store(number + 1, Ordering::Relaxed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_its_events_are() {
        let mut block = Block::new();
        block.number(1_234);
        let text = String::from_utf8_lossy(&block.bytes).into_owned();
        for number in [0, 1, 50, EVENTS_A_LOT - 1] {
            let mut wanted = event(1_234, number, "");
            // The times in it differ.
            wanted.truncate(wanted.find("\"serverTime\"").unwrap_or(60));
            assert!(text.contains(&wanted), "{wanted}");
        }
        assert_eq!(block.seqs.len() as u64, BIDS_A_LOT);
        let order = Order {
            events: 1,
            per_second: None,
        };
        assert_eq!(
            (order.events(), order.last_seq()),
            (EVENTS_A_LOT, FIRST_SEQ + BIDS_A_LOT - 1)
        );
    }

    #[test]
    fn a_bid_is_as_long_as_in_the_field() {
        assert!((220..260).contains(&event(0, 5, &stamp()).len()));
    }
}
