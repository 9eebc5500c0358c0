//! An HTTP proxy between us and the server.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::endpoint::Endpoint;
use super::error::{ConnectError, Stage};
use super::upgrade::{USER_AGENT, closed_in, read_head};

/// An HTTP proxy that a connection goes through: by a tunnel (`CONNECT`; RFC 9110, section 9.3.6), but for polling
/// without TLS, whose requests are handed to it as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it wants to be shown. A secret: `Debug` does not show it.
    pub authorization: Option<HeaderValue>,
}

impl Proxy {
    /// What the environment says for this server (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` and their small
    /// forms). None for this machine itself, and none where a proxy is named that is not spoken to by plain HTTP.
    pub fn from_environment(endpoint: &Endpoint) -> Option<Self> {
        Self::chosen_by(&Matcher::from_env(), endpoint)
    }

    fn chosen_by(matcher: &Matcher, endpoint: &Endpoint) -> Option<Self> {
        if endpoint.is_this_machine() {
            return None;
        }
        let scheme = if endpoint.is_secure() { "https" } else { "http" };
        let server: Uri = format!("{scheme}://{}/", endpoint.host_header()).parse().ok()?;
        let chosen = matcher.intercept(&server)?;
        if chosen.uri().scheme_str() != Some("http") {
            tracing::warn!(
                scheme = chosen.uri().scheme_str(),
                "a proxy of this kind is not used"
            );
            return None;
        }
        Some(Self {
            host: chosen.uri().host()?.trim_matches(['[', ']']).to_owned(),
            port: chosen.uri().port_u16().unwrap_or(80),
            authorization: chosen.basic_auth().map(|value| {
                let mut value = value.clone();
                value.set_sensitive(true);
                value
            }),
        })
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field(
                "authorization",
                &self.authorization.as_ref().map(|_| "[redacted]"),
            )
            .finish()
    }
}

/// Asks the proxy at the other end of `stream` for a tunnel to the server.
pub(super) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    endpoint: &Endpoint,
    proxy: &Proxy,
) -> Result<(), ConnectError> {
    let server = endpoint.authority();
    let mut request =
        format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {USER_AGENT}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let closed = |error: std::io::Error| closed_in(Stage::Proxy, &error);
    stream.write_all(&request).await.map_err(closed)?;
    stream.flush().await.map_err(closed)?;
    let mut received = Vec::new();
    let (head, length) = read_head(stream, &mut received, Stage::Proxy).await?;
    match head.status {
        // Neither TLS nor HTTP begins with the server, so nothing can have come after the head.
        200..=299 if length == received.len() => Ok(()),
        status => Err(ConnectError::ProxyRefused { status }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_proxy_is_chosen_by_scheme_and_host() {
        let matcher = Matcher::builder()
            .http("http://proxy.example:3128")
            .https("http://me:hush@proxy.example")
            .no("inside.example")
            .build();
        let check = |server: &str, expect: Option<(&str, u16, bool)>| {
            let chosen = Proxy::chosen_by(&matcher, &Endpoint::parse(server).unwrap());
            let chosen = chosen
                .as_ref()
                .map(|proxy| (proxy.host.as_str(), proxy.port, proxy.authorization.is_some()));
            assert_eq!(chosen, expect, "{server}");
        };
        check("http://auction.example", Some(("proxy.example", 3128, false)));
        check("https://auction.example:8443", Some(("proxy.example", 80, true)));
        check("https://pod.inside.example", None);
        check("http://localhost:8001", None);
        check("http://127.0.0.1:8001", None);
        check("http://[::1]:8001", None);
    }

    #[test]
    fn a_proxy_of_another_kind_is_not_taken_for_one() {
        let matcher = Matcher::builder().all("socks5://proxy.example:1080").build();
        let endpoint = Endpoint::parse("https://auction.example").unwrap();
        assert_eq!(Proxy::chosen_by(&matcher, &endpoint), None);
    }

    #[test]
    fn what_a_proxy_is_shown_is_not_printed() {
        let proxy = Proxy {
            host: "proxy.example".to_owned(),
            port: 3128,
            authorization: Some(HeaderValue::from_static("Basic aHVzaA==")),
        };
        assert!(!format!("{proxy:?}").contains("aHVzaA"), "{proxy:?}");
    }
}
