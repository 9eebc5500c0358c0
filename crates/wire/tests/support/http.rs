//! An HTTP server whose answers a test gives one by one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;

/// A request that waits for its answer. Dropping it closes its connection without one.
pub struct Request {
    pub method: String,
    pub target: String,
    /// The request's head in lower case.
    pub head: String,
    pub body: String,
    /// Which TCP connection it came over, counted from 0.
    pub connection: usize,
    reply: oneshot::Sender<String>,
}

impl Request {
    /// Answers with these raw bytes.
    pub fn answer_raw(self, answer: String) {
        let _ = self.reply.send(answer);
    }

    /// Answers with a status line such as `400 Bad Request`, further headers (each ending in a line end) and a body.
    pub fn answer(self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        self.answer_raw(format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ));
    }

    pub fn ok(self, body: &str) {
        self.answer("200 OK", "", body);
    }

    /// Whether the client has given up waiting.
    pub async fn given_up(mut self) {
        self.reply.closed().await;
    }
}

/// The server's end of a test.
pub struct HttpPeer {
    pub address: SocketAddr,
    requests: mpsc::Receiver<Request>,
    /// Requests that were taken while another kind was looked for.
    aside: Vec<Request>,
}

impl HttpPeer {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same over TLS.
    pub async fn start_tls(config: rustls::ServerConfig) -> Self {
        Self::start_with(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (send, requests) = mpsc::channel(64);
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, send) = (tls.clone(), send.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, send).await,
                        // A client that does not trust us goes away in the middle.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, connection, send).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            requests,
            aside: Vec::new(),
        }
    }

    /// The next GET or POST; one of the other kind is kept.
    pub async fn next(&mut self, method: &str) -> Request {
        if let Some(at) = self.aside.iter().position(|request| request.method == method) {
            return self.aside.remove(at);
        }
        loop {
            let waiting = tokio::time::timeout(Duration::from_secs(20), self.requests.recv());
            let request = waiting.await.unwrap().unwrap();
            if request.method == method {
                return request;
            }
            self.aside.push(request);
        }
    }

    /// Grants a session; returns the GET that waits then.
    pub async fn greet(&mut self, open: &str) -> Request {
        self.greet_at("/api/socket.io/", open).await
    }

    /// The same where the path, or the whole address, is another.
    pub async fn greet_at(&mut self, path: &str, open: &str) -> Request {
        let opening = self.next("GET").await;
        assert_eq!(opening.target, format!("{path}?EIO=4&transport=polling"));
        opening.answer("200 OK", "x-pod-id: pod-a\r\n", open);
        let waiting = self.next("GET").await;
        assert_eq!(
            waiting.target,
            format!("{path}?EIO=4&transport=polling&sid=engine-1")
        );
        let connect = self.next("POST").await;
        assert_eq!(connect.target, waiting.target);
        assert_eq!(connect.body, "40{}");
        connect.ok("ok");
        waiting.ok(super::GRANT);
        self.next("GET").await
    }
}

/// Reads requests and writes answers until either side has enough.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    connection: usize,
    requests: mpsc::Sender<Request>,
) {
    let mut received = Vec::new();
    while let Some(request) = read(&mut stream, &mut received).await {
        let (head, body) = request;
        let mut words = head.split(' ');
        let (reply, answer) = oneshot::channel();
        let request = Request {
            method: words.next().unwrap().to_owned(),
            target: words.next().unwrap().to_owned(),
            head: head.to_lowercase(),
            body,
            connection,
            reply,
        };
        if requests.send(request).await.is_err() {
            return;
        }
        let mut one = [0];
        let answer = tokio::select! {
            answer = answer => answer,
            // A client that waits says nothing: what comes is its end.
            _ = stream.read(&mut one) => return,
        };
        let Ok(answer) = answer else { return };
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S, received: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(received[..end].to_vec()).unwrap();
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0_usize);
            let whole = end + 4 + length;
            if received.len() >= whole {
                let body = String::from_utf8(received[end + 4..whole].to_vec()).unwrap();
                received.drain(..whole);
                return Some((head, body));
            }
        }
        if stream.read_buf(received).await.ok()? == 0 {
            return None;
        }
    }
}
