//! A relay before Redis that makes a pod deaf: what it says goes out, and what others say does not come in. Its own pulse
//! (`gaveld`) does, because a pod that misses that knows that it is alone and says so; this one does not notice.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The end of the name of a channel that is heard all the same.
const HEARD: &[u8] = b"-pulse";

/// The relay. It ends when it is dropped.
#[derive(Debug)]
pub struct Deafness {
    address: SocketAddr,
    server: AbortHandle,
}

impl Deafness {
    /// Before the Redis on this port of loopback, on a free port.
    pub async fn before(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve(listener, port)).abort_handle();
        Ok(Self { address, server })
    }

    /// What the pod is told for an address of Redis.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

impl Drop for Deafness {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, port: u16) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(async move {
            if let Ok(redis) = TcpStream::connect(("127.0.0.1", port)).await {
                // However it ends, the pod sees it as the end of its connection.
                let _ = relay(client, redis).await;
            }
        });
    }
}

async fn relay(client: TcpStream, redis: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    redis.set_nodelay(true)?;
    let (mut from_client, to_client) = client.into_split();
    let (from_redis, mut to_redis) = redis.into_split();
    tokio::select! {
        ended = tokio::io::copy(&mut from_client, &mut to_redis) => ended.map(drop),
        ended = without_messages(from_redis, to_client) => ended,
    }
}

async fn without_messages(mut redis: OwnedReadHalf, mut client: OwnedWriteHalf) -> io::Result<()> {
    let mut kept = Vec::new();
    loop {
        let mut from = 0;
        while let Some(length) = length(&kept[from..]) {
            let value = &kept[from..from + length];
            if !is_message(value) {
                client.write_all(value).await?;
            }
            from += length;
        }
        kept.drain(..from);
        if redis.read_buf(&mut kept).await? == 0 {
            return Ok(());
        }
    }
}

/// How long the value is that the bytes begin with, once all of it is there (the protocol of Redis, 2 and 3).
fn length(bytes: &[u8]) -> Option<usize> {
    let line = bytes.windows(2).position(|two| two == b"\r\n")?;
    let head = line + 2;
    let (kind, number) = bytes[..line].split_first()?;
    let number = || std::str::from_utf8(number).ok()?.parse::<i64>().ok();
    let times = match kind {
        b'$' | b'=' | b'!' => {
            let whole = match usize::try_from(number()?) {
                Ok(text) => head + text + 2,
                // There is none.
                Err(_) => head,
            };
            return (bytes.len() >= whole).then_some(whole);
        }
        b'*' | b'>' | b'~' => usize::try_from(number()?).unwrap_or(0),
        b'%' | b'|' => 2 * usize::try_from(number()?).unwrap_or(0),
        _ => return Some(head),
    };
    let mut whole = head;
    for _ in 0..times {
        whole += length(&bytes[whole..])?;
    }
    Some(whole)
}

/// Something that was published, on a channel that is not heard.
fn is_message(value: &[u8]) -> bool {
    if !matches!(value.first(), Some(b'*' | b'>')) {
        return false;
    }
    let texts: Vec<&[u8]> = value.split(|byte| *byte == b'\n').collect();
    // `*3`, `$7`, `message`, `$…`, the channel, …: each but for its `\r`.
    let text = |place: usize| texts.get(place).map(|text| text.trim_ascii_end());
    let is_message = matches!(text(2), Some(b"message" | b"pmessage" | b"smessage"));
    is_message && text(4).is_some_and(|channel| !channel.ends_with(HEARD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_from_answers_and_the_pulse() {
        let all = b"+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nx\r\ny\r\n\
            >3\r\n$7\r\nmessage\r\n$7\r\na-pulse\r\n$0\r\n\r\n$-1\r\n%1\r\n+a\r\n:2\r\n*3\r\n$7\r\nmess";
        let (mut from, mut seen) = (0, Vec::new());
        while let Some(length) = length(&all[from..]) {
            seen.push((length, is_message(&all[from..from + length])));
            from += length;
        }
        let dropped: Vec<_> = seen.iter().map(|(_, dropped)| *dropped).collect();
        assert_eq!(dropped, [false, false, true, false, false, false]);
        assert_eq!(
            &all[from..],
            b"*3\r\n$7\r\nmess",
            "what is not all there yet waits"
        );
    }
}
