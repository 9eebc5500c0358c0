//! A relay before a backend that does to bids what networks do: loses the request, loses the answer, holds it back.
//!
//! It knows a bid by the head of its request and leaves everything else alone, but where it is told to mute or to slow
//! all that the server says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// What becomes of a bid that comes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBid {
    /// It passes.
    #[default]
    Pass,
    /// Its request is lost with its connection: the server never hears of it.
    LoseRequest,
    /// It reaches the server, and the connection breaks when the answer comes.
    LoseAnswer,
    /// Its request is held and goes nowhere; the connection stays.
    HoldRequest,
    /// It reaches the server; from then on nothing that the server says gets through, on any connection, until
    /// [`Relay::speak`].
    HoldAnswers,
}

/// The relay. It ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ways: Arc<Ways>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Ways {
    on_bid: watch::Sender<OnBid>,
    muted: watch::Sender<bool>,
    delay: watch::Sender<Duration>,
    bids: watch::Sender<u32>,
}

impl Relay {
    /// Before a backend, on a free port.
    pub async fn before(backend: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ways = Arc::new(Ways {
            on_bid: watch::Sender::new(OnBid::Pass),
            muted: watch::Sender::new(false),
            delay: watch::Sender::new(Duration::ZERO),
            bids: watch::Sender::new(0),
        });
        let server = tokio::spawn(serve(listener, backend, Arc::clone(&ways))).abort_handle();
        Ok(Self {
            address,
            ways,
            server,
        })
    }

    /// Its address, for a client.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on bids are treated so.
    pub fn on_bid(&self, what: OnBid) {
        self.ways.on_bid.send_replace(what);
    }

    /// Lets through what the server says again.
    pub fn speak(&self) {
        self.ways.muted.send_replace(false);
    }

    /// From now on everything that the server says takes so much longer.
    pub fn slow_down(&self, by: Duration) {
        self.ways.delay.send_replace(by);
    }

    /// How many bids came by.
    pub fn bids(&self) -> u32 {
        *self.ways.bids.borrow()
    }

    /// Waits until so many bids came by.
    pub async fn until_bids(&self, count: u32) {
        // The sender lives as long as this does.
        let _ = self.ways.bids.subscribe().wait_for(|bids| *bids >= count).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, backend: SocketAddr, ways: Arc<Ways>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let ways = Arc::clone(&ways);
        connections.spawn(async move {
            if let Ok(server) = TcpStream::connect(backend).await {
                // A broken connection is what this is for.
                let _ = relay(client, server, ways).await;
            }
        });
    }
}

async fn relay(client: TcpStream, server: TcpStream, ways: Arc<Ways>) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let lose_answer = watch::Sender::new(false);
    tokio::select! {
        ended = up(from_client, to_server, &ways, &lose_answer) => ended,
        ended = down(from_server, to_client, &ways, &lose_answer) => ended,
    }
}

async fn up(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    ways: &Ways,
    lose_answer: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let chunk = &buffer[..count];
        if !is_bid(chunk) {
            server.write_all(chunk).await?;
            continue;
        }
        let what = *ways.on_bid.borrow();
        match what {
            OnBid::Pass | OnBid::LoseRequest | OnBid::HoldRequest => {}
            OnBid::LoseAnswer => drop(lose_answer.send_replace(true)),
            OnBid::HoldAnswers => drop(ways.muted.send_replace(true)),
        }
        let arrives = !matches!(what, OnBid::LoseRequest | OnBid::HoldRequest);
        if arrives {
            server.write_all(chunk).await?;
        }
        ways.bids.send_modify(|bids| *bids += 1);
        match what {
            OnBid::LoseRequest => return Ok(()),
            OnBid::HoldRequest => std::future::pending().await,
            OnBid::Pass | OnBid::LoseAnswer | OnBid::HoldAnswers => {}
        }
    }
}

async fn down(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    ways: &Ways,
    lose_answer: &watch::Sender<bool>,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = server.read(&mut buffer).await?;
        if count == 0 || *lose_answer.borrow() {
            return Ok(());
        }
        let delay = *ways.delay.borrow();
        tokio::time::sleep(delay).await;
        let _ = ways.muted.subscribe().wait_for(|muted| !muted).await;
        client.write_all(&buffer[..count]).await?;
    }
}

/// A request's head comes in one piece: clients here write head and body at once, and a connection carries one request
/// at a time.
fn is_bid(chunk: &[u8]) -> bool {
    let line = chunk.split(|byte| *byte == b'\r').next().unwrap_or_default();
    line.starts_with(b"POST /api/auction/") && line.ends_with(b"/bid HTTP/1.1")
}
