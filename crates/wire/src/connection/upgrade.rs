//! The HTTP request that becomes a websocket.
//!
//! Done here and not by the websocket library, because the instrument must show what a refusal says: the library keeps
//! only as much of the body as came in the same packet as the headers.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::endpoint::Endpoint;
use super::error::{BadUpgrade, ConnectError, Stage};
use crate::engine::Refusal;

/// Longest head of an answer.
const LONGEST_HEAD: usize = 64 * 1024;
/// Most headers of an answer.
const MOST_HEADERS: usize = 128;
/// Characters of a foreign text that are kept for showing.
const EXCERPT_CHARACTERS: usize = 300;
/// Bytes of a body that are read for that.
const MOST_BODY_BYTES: usize = 4 * 1024;
/// How long a refused request waits for the rest of the body.
const BODY_GRACE: Duration = Duration::from_millis(500);

/// Said of us where the caller says nothing.
pub(super) const USER_AGENT: &str = concat!("gavelscope/", env!("CARGO_PKG_VERSION"));

/// Headers that a request sets itself.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "content-length",
    "transfer-encoding",
];

/// What a successful upgrade leaves.
#[derive(Debug)]
pub(super) struct Upgraded {
    /// The answer's headers.
    pub(super) headers: HeaderMap,
    /// What came after the head: the first websocket frames already.
    pub(super) tail: Vec<u8>,
}

/// Sends the upgrade request and reads the answer.
pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    endpoint: &Endpoint,
    headers: &HeaderMap,
) -> Result<Upgraded, ConnectError> {
    let key = generate_key();
    let request = request(endpoint, headers, &key)?;
    stream.write_all(&request).await.map_err(|error| closed(&error))?;
    stream.flush().await.map_err(|error| closed(&error))?;

    let mut received = Vec::new();
    let (head, head_length) = read_head(stream, &mut received, Stage::Upgrade).await?;
    let tail = received.split_off(head_length);
    if head.status != 101 {
        return Err(refused(stream, head, tail).await);
    }
    check(&head.headers, &key).map_err(|reason| ConnectError::BadUpgrade { reason })?;
    Ok(Upgraded {
        headers: head.headers,
        tail,
    })
}

/// The request's bytes.
fn request(endpoint: &Endpoint, headers: &HeaderMap, key: &str) -> Result<Vec<u8>, ConnectError> {
    let mut head = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        head,
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        endpoint.request_target(),
        endpoint.host_header(),
    );
    if !headers.contains_key(http::header::USER_AGENT) {
        let _ = write!(head, "User-Agent: {USER_AGENT}\r\n");
    }
    refuse_own(headers)?;
    let mut bytes = head.into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// A caller's header must not be one that the request sets itself.
pub(super) fn refuse_own(headers: &HeaderMap) -> Result<(), ConnectError> {
    match headers.keys().find(|name| OWN_HEADERS.contains(&name.as_str())) {
        Some(name) => Err(ConnectError::InvalidHeader {
            name: name.to_string(),
        }),
        None => Ok(()),
    }
}

/// The head of an HTTP answer.
pub(super) struct Head {
    pub(super) status: u16,
    headers: HeaderMap,
}

/// Reads until the head is complete; `received` then holds it and what came with it.
pub(super) async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    received: &mut Vec<u8>,
    stage: Stage,
) -> Result<(Head, usize), ConnectError> {
    loop {
        let read = stream.read_buf(received).await;
        if read.map_err(|error| closed_in(stage, &error))? == 0 {
            let reason = "the stream ended".to_owned();
            return Err(ConnectError::ClosedDuringHandshake {
                stage,
                code: None,
                reason,
            });
        }
        let mut parsed = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut parsed);
        match response.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.unwrap_or_default();
                let headers = collect(response.headers);
                return Ok((Head { status, headers }, length));
            }
            Ok(httparse::Status::Partial) if received.len() < LONGEST_HEAD => {}
            _ => {
                return Err(ConnectError::NotHttp {
                    excerpt: excerpt(&String::from_utf8_lossy(received)),
                });
            }
        }
    }
}

/// A header that is not one (a name or value with odd bytes) is left out; the answer is judged by the others.
fn collect(parsed: &[httparse::Header<'_>]) -> HeaderMap {
    let pair = |header: &httparse::Header<'_>| {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_bytes(header.value).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in parsed.iter().filter_map(pair) {
        headers.append(name, value);
    }
    headers
}

/// RFC 6455, section 4.1: what makes a 101 a websocket.
fn check(headers: &HeaderMap, key: &str) -> Result<(), BadUpgrade> {
    let has_token = |name: HeaderName, token: &str| {
        let values = headers
            .get_all(name)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if !has_token(http::header::UPGRADE, "websocket") {
        return Err(BadUpgrade::NotWebsocket);
    }
    if !has_token(http::header::CONNECTION, "upgrade") {
        return Err(BadUpgrade::NoConnectionUpgrade);
    }
    let expected = derive_accept_key(key.as_bytes());
    let accept = headers.get(http::header::SEC_WEBSOCKET_ACCEPT);
    if accept.is_none_or(|value| value.as_bytes() != expected.as_bytes()) {
        return Err(BadUpgrade::WrongAccept);
    }
    Ok(())
}

/// Reads what can be had of the body, and names the refusal.
async fn refused<S: AsyncRead + Unpin>(stream: &mut S, head: Head, mut body: Vec<u8>) -> ConnectError {
    let chunked = head
        .headers
        .get(http::header::TRANSFER_ENCODING)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    let announced = head
        .headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    let reading = async {
        while body.len() < announced.unwrap_or(MOST_BODY_BYTES).min(MOST_BODY_BYTES) {
            if chunked && unchunk(&body).1 {
                break;
            }
            if !matches!(stream.read_buf(&mut body).await, Ok(count) if count > 0) {
                break;
            }
        }
    };
    // A body that does not come in time is shown as far as it came.
    let _ = tokio::time::timeout(BODY_GRACE, reading).await;
    let body = if chunked { unchunk(&body).0 } else { body };
    let body = String::from_utf8_lossy(&body);
    let refusal = Refusal::from_body(&body);
    let body = excerpt(&body);
    match refusal {
        Some(Refusal::UnsupportedVersion) => ConnectError::UnsupportedVersion { reason: body },
        _ => ConnectError::NotAnUpgrade {
            status: head.status,
            body,
            refusal,
            headers: Box::new(head.headers),
        },
    }
}

/// Takes a chunked body apart as far as it came; the flag says whether it is complete (or broken, which ends it too).
fn unchunk(mut body: &[u8]) -> (Vec<u8>, bool) {
    let mut content = Vec::new();
    loop {
        match httparse::parse_chunk_size(body) {
            Ok(httparse::Status::Complete((start, size))) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let rest = &body[start..];
                if size == 0 {
                    return (content, true);
                }
                content.extend_from_slice(&rest[..size.min(rest.len())]);
                // Two bytes for the line end after the chunk.
                match size.checked_add(2).and_then(|end| rest.get(end..)) {
                    Some(after) => body = after,
                    None => return (content, false),
                }
            }
            Ok(httparse::Status::Partial) => return (content, false),
            Err(_) => return (content, true),
        }
    }
}

/// The beginning of a foreign text, fit for showing: control characters become spaces.
pub(super) fn excerpt(text: &str) -> String {
    let shown = |character: char| if character.is_control() { ' ' } else { character };
    text.trim().chars().take(EXCERPT_CHARACTERS).map(shown).collect()
}

fn closed(error: &io::Error) -> ConnectError {
    closed_in(Stage::Upgrade, error)
}

/// The stream broke while an answer was awaited.
pub(super) fn closed_in(stage: Stage, error: &io::Error) -> ConnectError {
    ConnectError::ClosedDuringHandshake {
        stage,
        code: None,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_chunked_body_is_put_together_as_far_as_it_came() {
        let check = |body: &str, expect: &str, complete: bool| {
            assert_eq!(
                unchunk(body.as_bytes()),
                (expect.as_bytes().to_vec(), complete),
                "{body:?}"
            );
        };
        check("5\r\nhello\r\n3\r\n, a\r\n0\r\n\r\n", "hello, a", true);
        check("5\r\nhel", "hel", false);
        check("5\r\nhello\r\n", "hello", false);
        check("", "", false);
        check("zz\r\n", "", true);
        check("ffffffffffffffff\r\nabc", "abc", false);
    }

    #[test]
    fn an_excerpt_is_short_and_has_no_control_characters() {
        assert_eq!(excerpt(" a\r\nb\u{1b}[1m "), "a  b [1m");
        assert_eq!(excerpt(&"é".repeat(1000)).chars().count(), 300);
    }

    #[test]
    fn a_header_that_the_upgrade_sets_itself_is_refused() {
        let endpoint = Endpoint::parse("http://h").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_static("a=b"));
        let sent = String::from_utf8(request(&endpoint, &headers, "key").unwrap()).unwrap();
        assert!(
            sent.starts_with("GET /api/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\n"),
            "{sent}"
        );
        assert!(sent.ends_with("cookie: a=b\r\n\r\n"), "{sent}");
        headers.insert("upgrade", HeaderValue::from_static("h2c"));
        let error = request(&endpoint, &headers, "key").unwrap_err();
        assert!(matches!(error, ConnectError::InvalidHeader { name } if name == "upgrade"));
    }

    proptest! {
        #[test]
        fn no_body_makes_unchunking_panic(body in any::<Vec<u8>>()) {
            let _ = unchunk(&body);
        }

        #[test]
        fn no_near_chunk_makes_unchunking_panic(body in "([0-9a-f]{0,17}\r\n[a-z]{0,4}\r?\n?){0,4}") {
            let _ = unchunk(body.as_bytes());
        }
    }
}
