//! Where a Socket.IO server is.

use std::fmt::{self, Write as _};

use url::{Host, Url};

/// What is wrong with a server's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not an address at all.
    #[error("it is not an address like https://auction.example.org: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// Neither http, https, ws nor wss.
    #[error("it begins with {scheme}: and must begin with http: or https:")]
    Scheme {
        /// The scheme given.
        scheme: String,
    },
    /// No host.
    #[error("it names no host")]
    NoHost,
    /// A user name or password in the address would end up in logs.
    #[error("it holds a user name or password, which does not belong there")]
    Credentials,
}

/// The address of a Socket.IO server: host, port, whether it is encrypted, and the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    secure: bool,
    host: Host<String>,
    port: u16,
    /// Path of the address itself, without a slash at its end; the Socket.IO path comes after it.
    prefix: String,
    path: String,
}

impl Endpoint {
    /// Where the auction backend serves Socket.IO (contract.md section 2).
    pub const DEFAULT_PATH: &str = "/api/socket.io/";

    /// Reads `http://…`, `https://…`, `ws://…` or `wss://…`. A path in the address is a prefix of the Socket.IO path;
    /// query and fragment are ignored.
    pub fn parse(server: &str) -> Result<Self, InvalidAddress> {
        let url = Url::parse(server.trim()).map_err(|error| match error {
            url::ParseError::EmptyHost => InvalidAddress::NoHost,
            other => InvalidAddress::Malformed {
                reason: other.to_string(),
            },
        })?;
        Self::from_url(&url)
    }

    /// The same from an address that was already parsed.
    pub fn from_url(server: &Url) -> Result<Self, InvalidAddress> {
        let secure = match server.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => {
                return Err(InvalidAddress::Scheme {
                    scheme: other.to_owned(),
                });
            }
        };
        if !server.username().is_empty() || server.password().is_some() {
            return Err(InvalidAddress::Credentials);
        }
        let host = server.host().ok_or(InvalidAddress::NoHost)?.to_owned();
        Ok(Self {
            secure,
            host,
            port: server
                .port_or_known_default()
                .unwrap_or(if secure { 443 } else { 80 }),
            prefix: server.path().trim_end_matches('/').to_owned(),
            path: Self::DEFAULT_PATH.to_owned(),
        })
    }

    /// Another Socket.IO path; the slashes at both ends are added where they are missing, because servers insist on them.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        let trimmed = path.trim().trim_matches('/');
        self.path = if trimmed.is_empty() {
            "/".to_owned()
        } else {
            format!("/{}/", encode_path(trimmed))
        };
        self
    }

    /// Host name or IP address (an IPv6 address without brackets).
    pub fn host(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.clone(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether TLS is spoken.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is a name or address of this machine itself.
    pub(super) fn is_this_machine(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }

    /// Host and port, as a proxy is asked for them.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The whole path, prefix included.
    pub fn path(&self) -> String {
        format!("{}{}", self.prefix, self.path)
    }

    /// Path and query of the upgrade request.
    pub(super) fn request_target(&self) -> String {
        format!("{}?EIO=4&transport=websocket", self.path())
    }

    /// Path and query of a polling request.
    pub(super) fn polling_target(&self, session: Option<&str>) -> String {
        let mut target = format!("{}?EIO=4&transport=polling", self.path());
        if let Some(session) = session {
            target.push_str("&sid=");
            target.extend(url::form_urlencoded::byte_serialize(session.as_bytes()));
        }
        target
    }

    /// The `Host` header: with the port, unless it is the scheme's own.
    pub(super) fn host_header(&self) -> String {
        let default_port = if self.secure { 443 } else { 80 };
        if self.port == default_port {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Percent-encodes what must not stand in a request line.
fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(formatter, "{scheme}://{}{}", self.host_header(), self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_websocket_addresses() {
        let check = |server: &str, expect: &str| {
            assert_eq!(Endpoint::parse(server).unwrap().to_string(), expect, "{server}");
        };
        check("http://127.0.0.1:8001", "ws://127.0.0.1:8001/api/socket.io/");
        check(
            " https://auction.example.org/ ",
            "wss://auction.example.org/api/socket.io/",
        );
        check(
            "wss://auction.example.org:443",
            "wss://auction.example.org/api/socket.io/",
        );
        check(
            "https://example.org:8443/pod-a/?x=1#y",
            "wss://example.org:8443/pod-a/api/socket.io/",
        );
        check("ws://[::1]:9000", "ws://[::1]:9000/api/socket.io/");
    }

    #[test]
    fn the_path_is_given_its_slashes_and_nothing_can_leave_it() {
        let check = |path: &str, expect: &str| {
            let endpoint = Endpoint::parse("http://h").unwrap().with_path(path);
            assert_eq!(
                endpoint.request_target(),
                format!("{expect}?EIO=4&transport=websocket"),
                "{path}"
            );
        };
        check("/socket.io", "/socket.io/");
        check("socket.io/", "/socket.io/");
        check("", "/");
        check("a b\r\nX: y?z#", "/a%20b%0D%0AX:%20y%3Fz%23/");
    }

    #[test]
    fn what_is_no_server_is_refused_with_the_reason() {
        let check = |server: &str, expect: InvalidAddress| {
            assert_eq!(Endpoint::parse(server), Err(expect), "{server}");
        };
        check(
            "ftp://h",
            InvalidAddress::Scheme {
                scheme: "ftp".to_owned(),
            },
        );
        check(
            "localhost:8001",
            InvalidAddress::Scheme {
                scheme: "localhost".to_owned(),
            },
        );
        check("http://", InvalidAddress::NoHost);
        check("http://user:secret@h", InvalidAddress::Credentials);
        assert!(matches!(
            Endpoint::parse("auction"),
            Err(InvalidAddress::Malformed { .. })
        ));
        assert!(matches!(
            Endpoint::parse("http://h:99999"),
            Err(InvalidAddress::Malformed { .. })
        ));
    }
}
