//! A piece of network between a link and its server, which a test can break.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Sound,
    /// Takes bytes and carries them nowhere; nobody is told.
    Silent,
    /// Every connection is cut.
    Cut,
}

pub struct Relay {
    address: SocketAddr,
    condition: watch::Sender<Condition>,
}

impl Relay {
    /// Deals its connections out to these servers in turn.
    pub async fn to(servers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (condition, watched) = watch::channel(Condition::Sound);
        let servers: Arc<[String]> = servers
            .iter()
            .map(|url| url.trim_start_matches("http://").to_owned())
            .collect();
        tokio::spawn(async move {
            for server in servers.iter().cycle() {
                let Ok((near, _)) = listener.accept().await else {
                    return;
                };
                tokio::spawn(carry(near, server.clone(), watched.clone()));
            }
        });
        Self { address, condition }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn cut(&self) {
        self.condition.send_replace(Condition::Cut);
    }

    pub fn fall_silent(&self) {
        self.condition.send_replace(Condition::Silent);
    }
}

async fn carry(near: TcpStream, server: String, condition: watch::Receiver<Condition>) {
    let far = TcpStream::connect(server).await.unwrap();
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let one_way = async |mut from: tokio::net::tcp::OwnedReadHalf,
                         mut to: tokio::net::tcp::OwnedWriteHalf,
                         mut condition: watch::Receiver<Condition>| {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = tokio::select! {
                read = from.read(&mut buffer) => match read {
                    Ok(count) if count > 0 => count,
                    _ => return,
                },
                cut = condition.wait_for(|condition| *condition == Condition::Cut) => {
                    drop(cut);
                    return;
                }
            };
            if *condition.borrow() == Condition::Sound && to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    // The first end is the end of both.
    tokio::select! {
        () = one_way(near_in, far_out, condition.clone()) => {}
        () = one_way(far_in, near_out, condition) => {}
    }
}
