//! Ports that stay free while nobody listens on them.

use std::net::TcpListener;

use rand::RngExt;

/// Linux gives outgoing connections ports from 32768 up. A port from below is not taken by one of them while its pod
/// is down (nor connected to itself, which happens on loopback).
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port on loopback that nobody listens on.
pub fn free_port() -> std::io::Result<u16> {
    let mut last = None;
    for _ in 0..200 {
        let port = rand::rng().random_range(PORTS);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}
