//! A server's address as people type it, made whole.

use url::Url;

/// The Socket.IO path of the contract.
pub const DEFAULT_PATH: &str = "/api/socket.io/";

/// Where a backend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    base: Url,
    path: String,
}

/// Why a text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was typed.
    #[error("no address was given")]
    Empty,
    /// Not a URL.
    #[error("“{0}” is not an address")]
    Unreadable(String),
    /// A scheme other than http, https, ws and wss.
    #[error("“{0}:” is not a way to reach an auction backend; http: and https: are")]
    Scheme(String),
    /// A user or a password in it.
    #[error("the address holds a user name or a password; sign-in is asked for later")]
    Credentials,
}

impl ServerAddress {
    /// Reads `auctions.example`, `auctions.example:8001`, `https://…`; without a scheme it is `https`, and `http`
    /// where the host is this machine. An empty path is the contract's.
    pub fn parse(typed: &str, path: &str) -> Result<Self, AddressError> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(AddressError::Empty);
        }
        let unreadable = || AddressError::Unreadable(typed.chars().take(100).collect());
        let whole = if typed.contains("://") {
            typed.to_owned()
        } else if is_this_machine(typed) {
            format!("http://{typed}")
        } else {
            format!("https://{typed}")
        };
        let mut base = Url::parse(&whole).map_err(|_| unreadable())?;
        let scheme = match base.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            other => return Err(AddressError::Scheme(other.to_owned())),
        };
        if base.scheme() != scheme {
            base = Url::parse(&whole.replacen(base.scheme(), scheme, 1)).map_err(|_| unreadable())?;
        }
        if base.host_str().is_none_or(str::is_empty) {
            return Err(unreadable());
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(AddressError::Credentials);
        }
        base.set_query(None);
        base.set_fragment(None);
        // People paste the address of the site's REST interface; the contract's `/api` is added where it is used.
        let prefix = base
            .path()
            .trim_end_matches('/')
            .trim_end_matches("/api")
            .to_owned();
        base.set_path(&prefix);
        Ok(Self {
            base,
            path: normal_path(path),
        })
    }

    /// `https://host:port`, with a prefix where the backend lives under one.
    pub fn base(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// The Socket.IO path, with a slash at both ends (Node's server refuses it without the last one).
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The address of a REST call, `call` beginning with a slash.
    pub fn rest(&self, call: &str) -> String {
        format!("{}/api{call}", self.base())
    }

    /// Whose name has to be looked up, and the port.
    pub fn host_and_port(&self) -> (String, u16) {
        let host = self.base.host_str().unwrap_or_default();
        // A literal IPv6 address is in brackets in a URL, and nowhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        (host, self.base.port_or_known_default().unwrap_or(443))
    }

    /// The address of the Socket.IO endpoint.
    pub fn socket(&self) -> String {
        format!("{}{}", self.base(), self.path)
    }
}

fn normal_path(path: &str) -> String {
    match path.trim().trim_matches('/') {
        "" => DEFAULT_PATH.to_owned(),
        inner => format!("/{inner}/"),
    }
}

fn is_this_machine(typed: &str) -> bool {
    let host = typed.split(['/', ':']).next().unwrap_or_default();
    host == "localhost" || host.starts_with("127.") || typed.starts_with("[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_becomes_whole() {
        for (typed, path, base, socket) in [
            (
                "auctions.example",
                "",
                "https://auctions.example",
                "https://auctions.example/api/socket.io/",
            ),
            (
                "localhost:8001",
                "socket.io",
                "http://localhost:8001",
                "http://localhost:8001/socket.io/",
            ),
            (
                " 127.0.0.1:8001/ ",
                "/x/y",
                "http://127.0.0.1:8001",
                "http://127.0.0.1:8001/x/y/",
            ),
            (
                "wss://a.example/api/",
                "",
                "https://a.example",
                "https://a.example/api/socket.io/",
            ),
            (
                "http://a.example:80/b?c#d",
                "",
                "http://a.example/b",
                "http://a.example/b/api/socket.io/",
            ),
        ] {
            let address = ServerAddress::parse(typed, path).unwrap();
            assert_eq!(
                (address.base().as_str(), address.socket().as_str()),
                (base, socket),
                "{typed}"
            );
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for (typed, error) in [
            ("", AddressError::Empty),
            ("   ", AddressError::Empty),
            ("ftp://a.example", AddressError::Scheme("ftp".into())),
            ("http://", AddressError::Unreadable("http://".into())),
            ("a b c", AddressError::Unreadable("a b c".into())),
            ("https://me:secret@a.example", AddressError::Credentials),
        ] {
            assert_eq!(ServerAddress::parse(typed, ""), Err(error), "{typed}");
        }
    }
}
