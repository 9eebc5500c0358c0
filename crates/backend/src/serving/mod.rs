//! Connections: taken, counted, given a time for their heads, encrypted where a certificate is there, and let go with
//! what they had begun.

mod certificate;
mod line;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::certificate::CertificateError;
pub(crate) use self::certificate::Identity;
use self::line::Line;
use crate::limits::whence::Peer;
use crate::sockets::Shared;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait where the system has nothing to give for a connection: it would fail again at once.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// How connections are served.
pub(crate) struct Serving {
    pub house: Shared,
    pub router: Router,
    pub identity: Option<Identity>,
    pub header_timeout: Duration,
    /// Whoever stops takes no more connections, and lets those that are there end their requests.
    pub stopping: CancellationToken,
}

impl Serving {
    /// Takes connections until it is to stop, and returns when the last one has ended. All end with it where it is dropped.
    pub(crate) async fn run(self, listener: TcpListener) -> io::Result<()> {
        let serving = Arc::new(self);
        let mut connections = JoinSet::new();
        loop {
            let taken = tokio::select! {
                taken = listener.accept() => taken,
                Some(_) = connections.join_next() => continue,
                () = serving.stopping.cancelled() => break,
            };
            match taken {
                Ok((stream, peer)) => {
                    let serving = Arc::clone(&serving);
                    connections.spawn(async move { serving.serve(stream, peer).await });
                }
                // Theirs alone: they went before they were taken.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "a connection could not be taken");
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    }

    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let is_proxy = self.house.door.proxies.trusts(peer.ip());
        let Some(place) = self.house.door.gate.connection(peer.ip(), is_proxy) else {
            self.house.metrics.limited("connections");
            tracing::debug!(%peer, "a connection was closed: there are enough");
            return;
        };
        // Small packets, one after the other, are all that is sent: none may wait for the next.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
        let Some(identity) = &self.identity else {
            return self.speak(Line::new(stream, place), peer).await;
        };
        match tokio::time::timeout(HANDSHAKE, identity.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.speak(Line::new(stream, place), peer).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
    }

    async fn speak<S>(&self, line: Line<S>, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let answer = hyper::service::Service::call(&router, request);
            async move { answer.await.map_err(|never: Infallible| never) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .serve_connection(TokioIo::new(line), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection ended badly");
        }
    }
}
