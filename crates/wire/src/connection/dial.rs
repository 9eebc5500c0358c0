//! From a host's name to an open TCP connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::error::ConnectError;

/// A name with more addresses than this has enough of them.
const MOST_ADDRESSES: usize = 8;

/// How long an attempt may stay unanswered before the next address is tried beside it (RFC 8305, section 5).
const NEXT_ATTEMPT_AFTER: Duration = Duration::from_millis(250);

/// Resolves the host's name.
pub(super) async fn resolve(host: String, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    // An address needs no resolver, and the resolver's thread is not always free.
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let not_resolved = |reason: String| ConnectError::NameNotResolved {
        host: host.clone(),
        reason,
    };
    let found = tokio::net::lookup_host((host.as_str(), port))
        .await
        .map_err(|error| not_resolved(error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.take(MOST_ADDRESSES).collect();
    if addresses.is_empty() {
        Err(not_resolved("it has no address".to_owned()))
    } else {
        Ok(addresses)
    }
}

/// Opens a TCP connection to the first address that answers. The others are tried beside a silent one, so that a network
/// where IPv6 leads nowhere costs a quarter of a second and not the time limit.
pub(super) async fn open(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), ConnectError> {
    let mut attempts = FuturesUnordered::new();
    let mut untried = addresses.iter().copied();
    let mut first_failure = None;
    loop {
        if let Some(address) = untried.next() {
            attempts.push(async move { (address, TcpStream::connect(address).await) });
        } else if attempts.is_empty() {
            return Err(first_failure.unwrap_or_else(no_address));
        }
        // An attempt that fails lets the next address be tried at once.
        let is_last = untried.len() == 0;
        let answer = tokio::select! {
            answer = attempts.next() => answer,
            () = tokio::time::sleep(NEXT_ATTEMPT_AFTER), if !is_last => continue,
        };
        match answer {
            Some((address, Ok(stream))) => {
                // A bid must not wait for the acknowledgement of the packet before it.
                stream
                    .set_nodelay(true)
                    .map_err(|error| failure(address, &error))?;
                return Ok((stream, address));
            }
            Some((address, Err(error))) => {
                first_failure.get_or_insert_with(|| failure(address, &error));
            }
            None => {}
        }
    }
}

fn failure(address: SocketAddr, error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { address },
        kind => ConnectError::Unreachable {
            address,
            kind,
            reason: error.to_string(),
        },
    }
}

fn no_address() -> ConnectError {
    ConnectError::NameNotResolved {
        host: String::new(),
        reason: "there is no address to try".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_packets_are_not_held_back() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (stream, _) = open(&[listener.local_addr().unwrap()]).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let live = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .into_std()
            .unwrap();
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (live_address, dead_address) = (live.local_addr().unwrap(), dead.local_addr().unwrap());
        drop(dead);
        let (_, chosen) = open(&[dead_address, live_address]).await.unwrap();
        assert_eq!(chosen, live_address);
        let error = open(&[dead_address, dead_address]).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Refused { address } if address == dead_address),
            "{error:?}"
        );
    }
}
