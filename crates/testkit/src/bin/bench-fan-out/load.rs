//! The generator: so many sockets in one room, in a process of its own, told on its standard input what to count.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Interest};
use tokio::net::TcpStream;

use crate::frames::{self, CLOSE, PING, PONG, TEXT};
use crate::tally::{Heard, Tally};

/// What it is to open.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Room {
    /// Where, as address:port; the sockets are dealt out over them.
    pub(crate) servers: Vec<String>,
    /// The room's auction.
    pub(crate) auction: String,
    /// Whose tokens the sockets show, in turn.
    pub(crate) tokens: Vec<String>,
    /// How many sockets.
    pub(crate) sockets: usize,
}

/// What it is told, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Order {
    /// Begin to count anew.
    Begin,
    /// So many events of bids were said: wait until every socket has them, or nothing comes any more.
    End(u32),
}

/// What it says, a line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Answer {
    /// So many sockets are in the room after so many seconds.
    Ready(usize, f64),
    /// It counts.
    Counting,
    /// What was heard.
    Heard(Heard),
}

/// How many sockets are opened at once.
const AT_ONCE: usize = 32;
/// How often one that was refused is tried again.
const TRIES: u32 = 5;
/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A window is over when nothing came for so long…
const SILENCE: Duration = Duration::from_secs(3);
/// … or at the latest after so long.
const LIMIT: Duration = Duration::from_secs(15);

thread_local! {
    /// Read into by every socket in turn.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
}

type Shared = Rc<RefCell<Tally>>;

/// Runs until its standard input ends.
pub(crate) async fn run(room: Room) -> anyhow::Result<()> {
    let tally: Shared = Rc::new(RefCell::new(Tally::new(room.sockets)));
    let since = Instant::now();
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let opened: Vec<anyhow::Result<()>> = stream::iter(0..room.sockets)
                .map(|number| open(&room, number, &tally))
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            let failed: Vec<_> = opened.iter().filter_map(|opened| opened.as_ref().err()).collect();
            if let Some(error) = failed.first() {
                eprintln!("{} sockets could not be opened: {error:#}", failed.len());
            }
            say(&Answer::Ready(
                opened.len() - failed.len(),
                since.elapsed().as_secs_f64(),
            ))?;
            obey(&tally).await
        })
        .await
}

fn say(answer: &Answer) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}

async fn obey(tally: &Shared) -> anyhow::Result<()> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Order::Begin => {
                tally.borrow_mut().begin();
                say(&Answer::Counting)?;
            }
            Order::End(expected) => {
                await_the_last(tally, expected).await;
                let heard = tally.borrow_mut().heard(expected);
                say(&Answer::Heard(heard))?;
            }
        }
    }
    Ok(())
}

async fn await_the_last(tally: &Shared, expected: u32) {
    let since = Instant::now();
    let (mut before, mut changed) = (0, since);
    while !tally.borrow().is_complete(expected) {
        let deliveries = tally.borrow().deliveries();
        if deliveries != before {
            (before, changed) = (deliveries, Instant::now());
        }
        if changed.elapsed() > SILENCE || since.elapsed() > LIMIT {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn open(room: &Room, number: usize, tally: &Shared) -> anyhow::Result<()> {
    let mut tries = 0;
    let socket = loop {
        tries += 1;
        let attempt = tokio::time::timeout(PATIENCE, Socket::join(room, number)).await;
        match attempt.unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {PATIENCE:?}"))) {
            Ok(socket) => break socket,
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(200 * u64::from(tries))).await,
        }
    };
    let tally = Rc::clone(tally);
    tokio::task::spawn_local(async move {
        // However it ended: it was not to end.
        let _ = socket.listen(number, &tally).await;
        tally.borrow_mut().disconnects += 1;
    });
    Ok(())
}

struct Socket {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come yet.
    rest: Vec<u8>,
}

impl Socket {
    async fn join(room: &Room, number: usize) -> anyhow::Result<Self> {
        let server = &room.servers[number % room.servers.len()];
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut socket = Self {
            stream,
            rest: Vec::new(),
        };
        let hello = format!(
            "GET /api/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.write(hello.as_bytes()).await?;
        socket.upgraded().await?;
        socket.wait_for("0{").await?;
        let auth = match room.tokens.get(number % room.tokens.len().max(1)) {
            Some(token) => serde_json::json!({ "token": token }).to_string(),
            None => String::new(),
        };
        socket.tell(&format!("40{auth}")).await?;
        socket.wait_for("40").await?;
        let join = serde_json::json!(["join_auction", { "auctionId": room.auction }]);
        socket.tell(&format!("420{join}")).await?;
        let ack = socket.wait_for("430").await?;
        if !ack.contains("\"ok\":true") {
            bail!("the server answered the join with {ack}");
        }
        Ok(socket)
    }

    async fn write(&self, mut bytes: &[u8]) -> anyhow::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn tell(&self, text: &str) -> anyhow::Result<()> {
        self.write(&frames::frame(TEXT, text.as_bytes(), true)).await
    }

    /// Reads more into the rest.
    async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            self.stream.ready(Interest::READABLE).await?;
            let mut bytes = [0; 8 * 1024];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => bail!("the server hung up"),
                Ok(read) => {
                    self.rest.extend_from_slice(&bytes[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn upgraded(&mut self) -> anyhow::Result<()> {
        loop {
            let end = self.rest.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8_lossy(&self.rest[..end]).into_owned();
                let status = head.lines().next().context("an answer has a first line")?;
                if !status.contains(" 101 ") {
                    bail!("the server answered {status}");
                }
                self.rest.drain(..end + 4);
                return Ok(());
            }
            self.read().await?;
        }
    }

    /// The first text that begins so. What comes before it belongs to the joining and is not counted.
    async fn wait_for(&mut self, beginning: &str) -> anyhow::Result<String> {
        loop {
            while let Some(frame) = frames::first(&self.rest) {
                let text = String::from_utf8_lossy(&frame.unmasked(&self.rest)).into_owned();
                self.rest.drain(..frame.payload.end);
                match frame.opcode {
                    CLOSE => bail!("the server closed the connection"),
                    TEXT if text == "2" => self.tell("3").await?,
                    TEXT if text.starts_with(beginning) => return Ok(text),
                    TEXT if text.starts_with("44") => bail!("the server refused the connection: {text}"),
                    _ => {}
                }
            }
            self.read().await?;
        }
    }

    async fn listen(mut self, number: usize, tally: &Shared) -> anyhow::Result<()> {
        loop {
            self.stream.ready(Interest::READABLE).await?;
            // Between two awaits nobody else has the buffer.
            let answers = BUFFER.with_borrow_mut(|buffer| self.take(buffer, number, tally))?;
            for answer in answers {
                self.write(&answer).await?;
            }
        }
    }

    /// Reads what is there; what has to be answered.
    fn take(&mut self, buffer: &mut [u8], number: usize, tally: &Shared) -> anyhow::Result<Vec<Vec<u8>>> {
        let kept = self.rest.len();
        buffer[..kept].copy_from_slice(&self.rest);
        let read = match self.stream.try_read(&mut buffer[kept..]) {
            Ok(0) => bail!("the server hung up"),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = &buffer[..kept + read];
        let mut answers = Vec::new();
        let mut tally = tally.borrow_mut();
        while let Some(frame) = frames::first(bytes) {
            let (whole, rest) = bytes.split_at(frame.payload.end);
            let payload = &whole[frame.payload];
            match frame.opcode {
                TEXT if payload == b"2" => answers.push(frames::frame(TEXT, b"3", true)),
                TEXT => tally.hear(number, payload),
                PING => answers.push(frames::frame(PONG, payload, true)),
                CLOSE => bail!("the server closed the connection"),
                _ => {}
            }
            bytes = rest;
        }
        self.rest.clear();
        self.rest.extend_from_slice(bytes);
        Ok(answers)
    }
}
