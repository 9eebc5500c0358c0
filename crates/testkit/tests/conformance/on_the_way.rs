//! What can stand before a server: a balancer that deals its connections out in turn, and a proxy that knows no websockets.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

pub struct Balancer(SocketAddr);

impl Balancer {
    pub async fn before(servers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let servers: Vec<String> = servers
            .iter()
            .map(|url| url.trim_start_matches("http://").to_owned())
            .collect();
        tokio::spawn(async move {
            for server in servers.iter().cycle() {
                let (mut near, _) = listener.accept().await.unwrap();
                let server = server.clone();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    // Whichever side ends it: that is what the link is to notice.
                    let _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self(address)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

/// A proxy that answers every upgrade to a websocket with 403, and passes on everything else.
pub struct NoWebsockets(SocketAddr);

impl NoWebsockets {
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = server.trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(pass_on(near, server.clone()));
            }
        });
        Self(address)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

async fn pass_on(mut near: TcpStream, server: String) {
    let mut received = Vec::new();
    while !received.windows(4).any(|window| window == b"\r\n\r\n") {
        if near.read_buf(&mut received).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8_lossy(&received).to_lowercase();
    if head.contains("upgrade: websocket") {
        let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let _ = near.write_all(refusal.as_bytes()).await;
        return;
    }
    let mut far = TcpStream::connect(server).await.unwrap();
    far.write_all(&received).await.unwrap();
    let _ = copy_bidirectional(&mut near, &mut far).await;
}
