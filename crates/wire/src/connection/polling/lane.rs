//! One HTTP connection that is kept open between requests.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::MaybeTlsStream;

use super::super::error::{ConnectError, ConnectionError, HttpRefusal};
use super::super::line::Stream;
use super::super::upgrade::excerpt;
use super::super::{dial, proxy, tls};
use super::requests::{Sent, Way};
use crate::engine::Refusal;
use crate::{Bytes, Utf8Bytes};

/// A connection that was idle for longer is not used again: servers close theirs after 5 s (uvicorn, Node), and a POST that
/// meets the closing half way may or may not have been taken.
const LONGEST_IDLE: Duration = Duration::from_secs(3);

/// An HTTP connection, opened anew where the server has closed it.
pub(super) struct Lane(Option<Open>);

struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// Moves the bytes. It ends with this value.
    _driver: JoinSet<()>,
    last_used: Instant,
}

/// What a request was answered with.
pub(super) struct Answer {
    status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl Lane {
    /// One that is opened when it is first used.
    pub(super) fn closed() -> Self {
        Self(None)
    }

    pub(super) async fn over(stream: Stream) -> Result<Self, ConnectionError> {
        Open::over(stream).await.map(|open| Self(Some(open)))
    }

    /// Sends a request and reads the whole answer, of at most `most_bytes`.
    pub(super) fn exchange(
        &mut self,
        way: &Way,
        request: Sent,
        most_bytes: usize,
    ) -> impl Future<Output = Result<Answer, ConnectionError>> {
        let way = way.clone();
        async move {
            // Taken out, so that a connection whose exchange was given up half way is not used again.
            let kept = match self.0.take() {
                Some(open) => open.usable().await,
                None => None,
            };
            let mut open = match kept {
                Some(open) => open,
                None => Open::dial(&way).await?,
            };
            let answer = match open.sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut failed) => match failed.take_message() {
                    // It had been closed in the meantime, and nothing was sent.
                    Some(request) => {
                        open = Open::dial(&way).await?;
                        open.sender
                            .send_request(request)
                            .await
                            .map_err(|error| broken(&error))?
                    }
                    None => return Err(broken(failed.error())),
                },
            };
            let answer = Answer::read(answer, most_bytes).await?;
            open.last_used = Instant::now();
            self.0 = Some(open);
            Ok(answer)
        }
    }
}

impl Open {
    async fn dial(way: &Way) -> Result<Self, ConnectionError> {
        let connecting = async {
            let (mut tcp, _) = dial::open(&[way.peer]).await?;
            Ok(match &way.tls {
                None => MaybeTlsStream::Plain(tcp),
                Some(config) => {
                    if let Some(proxy) = &way.proxy {
                        proxy::tunnel(&mut tcp, &way.endpoint, proxy).await?;
                    }
                    MaybeTlsStream::Rustls(tls::handshake(Arc::clone(config), &way.endpoint, tcp).await?)
                }
            })
        };
        let stream = connecting.await.map_err(|error: ConnectError| match error {
            ConnectError::Tls(failure) => ConnectionError::Tls(failure),
            ConnectError::Refused { .. } => ConnectionError::Lost {
                kind: Some(io::ErrorKind::ConnectionRefused),
                reason: error.to_string(),
            },
            ConnectError::Unreachable { kind, reason, .. } => ConnectionError::Lost {
                kind: Some(kind),
                reason,
            },
            other => ConnectionError::Lost {
                kind: None,
                reason: other.to_string(),
            },
        })?;
        Self::over(stream).await
    }

    async fn over(stream: Stream) -> Result<Self, ConnectionError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let mut driver = JoinSet::new();
        // Its failure is told to whoever waits for an answer.
        driver.spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            _driver: driver,
            last_used: Instant::now(),
        })
    }

    async fn usable(mut self) -> Option<Self> {
        (self.last_used.elapsed() < LONGEST_IDLE && self.sender.ready().await.is_ok()).then_some(self)
    }
}

impl Answer {
    async fn read(response: http::Response<Incoming>, most_bytes: usize) -> Result<Self, ConnectionError> {
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, most_bytes).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(ConnectionError::TooLarge {
                    size: most_bytes.saturating_add(1),
                    limit: most_bytes,
                });
            }
            Err(error) => {
                return Err(error
                    .downcast_ref::<hyper::Error>()
                    .map_or_else(|| ConnectionError::Protocol(error.to_string()), broken));
            }
        };
        Ok(Self {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// The body of an answer that says yes; otherwise what the refusal means.
    pub(super) fn packets(self) -> Result<Utf8Bytes, ConnectionError> {
        if self.status == StatusCode::OK {
            return Utf8Bytes::try_from(self.body)
                .map_err(|_| ConnectionError::Protocol("an answer is not UTF-8".to_owned()));
        }
        let body = String::from_utf8_lossy(&self.body);
        let refusal = Refusal::from_body(&body);
        let refused = Box::new(HttpRefusal {
            status: self.status.as_u16(),
            body: excerpt(&body),
            refusal,
            headers: self.headers,
        });
        Err(match refusal {
            Some(Refusal::UnknownSession) => ConnectionError::InvalidSession(refused),
            _ => ConnectionError::HttpRefused(refused),
        })
    }
}

/// What an HTTP connection's failure means.
fn broken(error: &hyper::Error) -> ConnectionError {
    if error.is_parse() {
        return ConnectionError::Protocol("the answer is not HTTP".to_owned());
    }
    let source = error.source();
    let cause = source.and_then(|source| source.downcast_ref::<io::Error>());
    ConnectionError::Lost {
        kind: cause.map(io::Error::kind),
        reason: source.map_or_else(|| error.to_string(), ToString::to_string),
    }
}
