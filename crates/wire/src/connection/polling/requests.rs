//! What the requests of one polling session have in common.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, PROXY_AUTHORIZATION, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;
use rustls::ClientConfig;

use super::super::endpoint::Endpoint;
use super::super::options::ConnectOptions;
use super::super::proxy::Proxy;
use super::super::upgrade;
use crate::Bytes;

/// A request with its body.
pub(super) type Sent = Request<Full<Bytes>>;

/// Cookies beyond this many are not kept: a balancer sets one or two.
const MOST_COOKIES: usize = 32;

/// How another connection of the same session is opened.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) endpoint: Endpoint,
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<Arc<ClientConfig>>,
    pub(super) proxy: Option<Proxy>,
}

/// Makes the requests.
pub(super) struct Requests {
    way: Way,
    headers: HeaderMap,
    cookies: BTreeMap<String, String>,
    session: Option<String>,
}

impl Requests {
    pub(super) fn new(
        endpoint: Endpoint,
        peer: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        options: &ConnectOptions,
    ) -> Self {
        let mut headers = options.headers.clone();
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(upgrade::USER_AGENT));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        if let Ok(host) = HeaderValue::from_str(&endpoint.host_header()) {
            headers.insert(HOST, host);
        }
        Self {
            way: Way {
                endpoint,
                peer,
                tls,
                proxy: options.proxy.clone(),
            },
            headers,
            cookies: BTreeMap::new(),
            session: None,
        }
    }

    pub(super) fn way(&self) -> Way {
        self.way.clone()
    }

    pub(super) fn session_is(&mut self, session: &str) {
        self.session = Some(session.to_owned());
    }

    /// The GET that opens a session.
    pub(super) fn open(&self) -> Sent {
        self.request(Method::GET, Bytes::new())
    }

    /// The GET that waits for what comes.
    pub(super) fn poll(&self) -> Sent {
        self.request(Method::GET, Bytes::new())
    }

    /// The POST that sends a payload.
    pub(super) fn post(&self, payload: String) -> Sent {
        let mut request = self.request(Method::POST, payload.into());
        let plain = HeaderValue::from_static("text/plain;charset=UTF-8");
        request.headers_mut().insert(CONTENT_TYPE, plain);
        request
    }

    fn request(&self, method: Method, body: Bytes) -> Sent {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.headers_mut() = self.headers.clone();
        let endpoint = &self.way.endpoint;
        let mut target = endpoint.polling_target(self.session.as_deref());
        // Without TLS there is no tunnel: the proxy is told the whole address.
        if let Some(proxy) = self.way.proxy.as_ref().filter(|_| !endpoint.is_secure()) {
            target = format!("http://{}{target}", endpoint.host_header());
            if let Some(authorization) = &proxy.authorization {
                request
                    .headers_mut()
                    .insert(PROXY_AUTHORIZATION, authorization.clone());
            }
        }
        // A path that was percent-encoded is always a target; without one the server's answer tells what is wrong.
        *request.uri_mut() = target.parse().unwrap_or_default();
        if let Some(cookies) = self.cookie_header() {
            request.headers_mut().insert(COOKIE, cookies);
        }
        request
    }

    /// The caller's cookies and those of the server; the server's win.
    fn cookie_header(&self) -> Option<HeaderValue> {
        let given = self.headers.get(COOKIE).and_then(|value| value.to_str().ok());
        let name_of = |pair: &str| pair.split('=').next().unwrap_or_default().trim().to_owned();
        let given = given
            .into_iter()
            .flat_map(|cookies| cookies.split(';'))
            .map(str::trim)
            .filter(|pair| !pair.is_empty() && !self.cookies.contains_key(&name_of(pair)))
            .map(str::to_owned);
        let kept = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let pairs: Vec<String> = given.chain(kept).collect();
        HeaderValue::from_str(&pairs.join("; "))
            .ok()
            .filter(|value| !value.is_empty())
    }

    /// Keeps the cookies of an answer. All requests of a session go to one path of one host, so attributes change nothing
    /// but for `Max-Age=0`, which takes a cookie back.
    pub(super) fn keep_cookies(&mut self, answer: &HeaderMap) {
        for cookie in answer
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
                self.cookies.remove(name);
            } else if self.cookies.len() < MOST_COOKIES || self.cookies.contains_key(name) {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_the_server_come_back_beside_those_of_the_caller() {
        let mut options = ConnectOptions::default();
        options
            .headers
            .insert(COOKIE, HeaderValue::from_static("route=mine; lang=en"));
        let endpoint = Endpoint::parse("http://h").unwrap();
        let mut requests = Requests::new(endpoint, "127.0.0.1:1".parse().unwrap(), None, &options);
        let mut check = |set: &[&'static str], expect: &str| {
            let mut answer = HeaderMap::new();
            for cookie in set {
                answer.append(SET_COOKIE, HeaderValue::from_static(cookie));
            }
            requests.keep_cookies(&answer);
            assert_eq!(requests.poll().headers()[COOKIE], expect, "{set:?}");
        };
        check(&[], "route=mine; lang=en");
        check(
            &["io=abc; Path=/; HttpOnly", "route=b; Path=/"],
            "lang=en; io=abc; route=b",
        );
        check(&["io=; Max-Age=0", "nonsense"], "lang=en; route=b");
    }

    #[test]
    fn a_session_id_cannot_leave_its_place() {
        let endpoint = Endpoint::parse("http://h:8001/pod").unwrap();
        let mut requests = Requests::new(
            endpoint,
            "127.0.0.1:1".parse().unwrap(),
            None,
            &ConnectOptions::default(),
        );
        let opening = requests.open();
        assert_eq!(opening.uri(), "/pod/api/socket.io/?EIO=4&transport=polling");
        assert_eq!(opening.headers()[HOST], "h:8001");
        requests.session_is("a&b c\r\n#");
        assert_eq!(
            requests.poll().uri(),
            "/pod/api/socket.io/?EIO=4&transport=polling&sid=a%26b+c%0D%0A%23"
        );
    }
}
