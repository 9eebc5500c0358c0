//! One connection through the proxy: two directions, each with a bounded queue between reading and writing.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::frames::Place;
use super::{Fault, Loss, Setting, Shared, lock};

/// Pieces that wait for their time; a sender that is faster than that feels it.
const QUEUE: usize = 256;
/// The largest piece that is read at once.
const PIECE: usize = 16 * 1024;
/// Between two parts of a trickle.
const DRIP: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// How a direction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As the side that it was read from ended.
    Polite,
    /// With a reset, of both sides.
    Reset,
}

/// What the two directions of a connection share.
struct Connection {
    shared: Arc<Shared>,
    /// A half-open link: see [`Fault::HalfOpen`].
    link_dead: Arc<AtomicBool>,
    /// The same for this connection alone: see [`Loss::Silence`].
    silenced: AtomicBool,
    /// The next answer is to be lost.
    lose_next: Mutex<Option<Loss>>,
    /// Of a silent connection, how many sides have closed.
    closed: AtomicU32,
}

type Piece = (Instant, Vec<u8>);

/// Carries one connection until it ends.
pub(super) async fn carry(
    shared: Arc<Shared>,
    client: TcpStream,
    cut: CancellationToken,
    link_dead: Arc<AtomicBool>,
) {
    let target = *lock(&shared.target);
    let injected = shared.injected.subscribe();
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else {
        // Nobody listens there; a reset is as near to that as a connection gets that was taken already.
        let _ = client.set_zero_linger();
        return;
    };
    // A proxy that waits to fill packets would be a fault of its own.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let connection = Connection {
        shared,
        link_dead,
        silenced: AtomicBool::new(false),
        lose_next: Mutex::new(None),
        closed: AtomicU32::new(0),
    };
    let (up, waiting_up) = mpsc::channel(QUEUE);
    let (down, waiting_down) = mpsc::channel(QUEUE);
    let end = tokio::select! {
        end = connection.take(Direction::ToServer, &client, up) => end,
        end = connection.take(Direction::ToClient, &server, down) => end,
        end = connection.give(Direction::ToServer, &server, waiting_up, None) => end,
        end = connection.give(Direction::ToClient, &client, waiting_down, Some(injected)) => end,
        () = cut.cancelled() => End::Reset,
    };
    if end == End::Reset {
        // No time to linger makes the closing a reset.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

impl Connection {
    fn is_silent(&self) -> bool {
        self.link_dead.load(Ordering::Relaxed) || self.silenced.load(Ordering::Relaxed)
    }

    /// Reads one side. Returns only when the connection is to end at once.
    async fn take(&self, direction: Direction, from: &TcpStream, queue: mpsc::Sender<Piece>) -> End {
        let setting = self.shared.setting.subscribe();
        let mut buffer = vec![0; PIECE];
        let mut last_due = Instant::now();
        let mut lost_bytes = false;
        loop {
            let bytes = match read(from, &mut buffer).await {
                Ok(0) if self.is_silent() => {
                    // The other side does not hear of it.
                    if self.closed.fetch_add(1, Ordering::Relaxed) > 0 {
                        return End::Polite;
                    }
                    return std::future::pending().await;
                }
                Ok(0) => break,
                Ok(count) => &buffer[..count],
                Err(_) => return End::Reset,
            };
            let fault = setting.borrow().fault;
            match (fault, direction) {
                _ if self.is_silent() => continue,
                (Fault::LoseAnswers, Direction::ToClient) | (Fault::LoseRequests, Direction::ToServer) => {
                    lost_bytes = true;
                    continue;
                }
                _ if lost_bytes => return End::Reset,
                _ => {}
            }
            match direction {
                Direction::ToServer if is_bid(bytes) => {
                    if let Some(how) = self.shared.take_loss() {
                        *lock(&self.lose_next) = Some(how);
                    }
                }
                Direction::ToServer => {}
                Direction::ToClient => {
                    if let Some(how) = lock(&self.lose_next).take() {
                        self.shared.answers_lost.fetch_add(1, Ordering::Relaxed);
                        match how {
                            Loss::Reset => return End::Reset,
                            Loss::Silence => self.silenced.store(true, Ordering::Relaxed),
                        }
                        continue;
                    }
                }
            }
            last_due = last_due.max(Instant::now() + lateness(fault));
            if queue.send((last_due, bytes.to_vec())).await.is_err() {
                return End::Reset;
            }
        }
        drop(queue);
        // What is queued is written first; the writer ends the connection.
        std::future::pending().await
    }

    /// Writes the other side.
    async fn give(
        &self,
        direction: Direction,
        to: &TcpStream,
        mut waiting: mpsc::Receiver<Piece>,
        mut injected: Option<broadcast::Receiver<Arc<[u8]>>>,
    ) -> End {
        let mut setting = self.shared.setting.subscribe();
        let mut place = Place::default();
        let mut behind = VecDeque::new();
        let mut counted = (0, 0);
        loop {
            tokio::select! {
                piece = waiting.recv() => {
                    let Some((due, bytes)) = piece else { return End::Polite };
                    tokio::time::sleep_until(due).await;
                    if self.is_silent() {
                        continue;
                    }
                    let now = *setting.borrow_and_update();
                    let written = match (now.fault, direction) {
                        (Fault::Trickle { bytes_per_second }, _) => {
                            trickle(to, &bytes, bytes_per_second, &mut setting).await
                        }
                        (Fault::CutAfter { bytes: most }, Direction::ToClient) => {
                            cut_after(to, &bytes, most, now, &mut counted).await
                        }
                        _ => write(to, &bytes).await,
                    };
                    if written.is_err() {
                        return End::Reset;
                    }
                    place.pass(&bytes);
                }
                frame = next(injected.as_mut()) => match frame {
                    Some(frame) => behind.push_back(frame),
                    None => injected = None,
                },
            }
            while place.between_frames() && !self.is_silent() {
                let Some(frame) = behind.pop_front() else { break };
                if write(to, &frame).await.is_err() {
                    return End::Reset;
                }
            }
        }
    }
}

/// Whether a request to bid begins here. (Clients send the head of a request at once, and one request at a time.)
fn is_bid(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    line.starts_with(b"POST ") && line.ends_with(b"/bid HTTP/1.1")
}

fn lateness(fault: Fault) -> Duration {
    match fault {
        Fault::Delay { base, jitter } => {
            let least = base.saturating_sub(jitter);
            rand::rng().random_range(least..=base + jitter)
        }
        _ => Duration::ZERO,
    }
}

/// The next frame to put in; none, once there will never be one.
async fn next(injected: Option<&mut broadcast::Receiver<Arc<[u8]>>>) -> Option<Arc<[u8]>> {
    use broadcast::error::RecvError;
    let Some(injected) = injected else {
        return std::future::pending().await;
    };
    loop {
        match injected.recv().await {
            Ok(frame) => return Some(frame),
            // Too many at once: those that are kept have to do.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

async fn read(from: &TcpStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Slowly, until the fault is over.
async fn trickle(
    to: &TcpStream,
    bytes: &[u8],
    bytes_per_second: u32,
    setting: &mut watch::Receiver<Setting>,
) -> std::io::Result<()> {
    let part = usize::try_from(bytes_per_second / 10)
        .unwrap_or(usize::MAX)
        .max(1);
    let mut parts = bytes.chunks(part);
    while let Some(part) = parts.next() {
        write(to, part).await?;
        let over = tokio::time::timeout(DRIP, setting.changed()).await.is_ok();
        if over && !matches!(setting.borrow().fault, Fault::Trickle { .. }) {
            for part in parts.by_ref() {
                write(to, part).await?;
            }
        }
    }
    Ok(())
}

/// So many bytes since the fault was made, and then an error.
async fn cut_after(
    to: &TcpStream,
    bytes: &[u8],
    most: u64,
    now: Setting,
    counted: &mut (u64, u64),
) -> std::io::Result<()> {
    if counted.0 != now.number {
        *counted = (now.number, 0);
    }
    let left = most.saturating_sub(counted.1);
    counted.1 += bytes.len() as u64;
    if (bytes.len() as u64) < left {
        return write(to, bytes).await;
    }
    let left = usize::try_from(left).unwrap_or(bytes.len()).min(bytes.len());
    write(to, &bytes[..left]).await?;
    Err(Error::from(ErrorKind::ConnectionReset))
}
