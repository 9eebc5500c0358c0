//! A balancer that deals its connections out in turn.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
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
