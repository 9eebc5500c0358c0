//! Where Redis is, read from a URL, and never shown with its password.

use std::fmt;
use std::str::FromStr;

use gavelscope_contract::Secret;
use thiserror::Error;
use url::{Host, Url};

/// The port where a URL names none.
const PORT: u16 = 6379;

/// Where Redis is, and how to sign in there. It prints as its URL without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// Who signs in; none is the default user.
    pub user: Option<String>,
    /// What with.
    pub password: Option<Secret>,
    /// The number of the database. Messages do not care for it.
    pub database: u32,
}

impl RedisAddress {
    /// Where it is, without who signs in there.
    pub fn place(&self) -> String {
        let anybody = Self {
            user: None,
            password: None,
            ..self.clone()
        };
        anybody.to_string()
    }
}

/// Why a text is not the URL of a Redis. The URL is shown without what may be a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Nothing says how to speak to it.
    #[error(
        "the address of Redis, “{0}”, has no scheme; write redis://host:6379, or rediss://host:6380 with TLS"
    )]
    NoScheme(String),
    /// It is something else's URL.
    #[error(
        "the address of Redis, “{0}”, has the scheme {1}://; it has to be redis://, or rediss:// with TLS"
    )]
    WrongScheme(String, String),
    /// It cannot be read.
    #[error(
        "the address of Redis, “{0}”, cannot be read ({1}); write redis://user:password@host:6379/0 and encode the \
         signs / ? # @ : % of a password as %2F %3F %23 %40 %3A %25"
    )]
    Unreadable(String, String),
}

impl FromStr for RedisAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let shown = || without_password(text);
        let unreadable = |why: &str| AddressError::Unreadable(shown(), why.to_owned());
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(AddressError::NoScheme(shown()));
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "redis" => false,
            "rediss" => true,
            "" => return Err(AddressError::NoScheme(shown())),
            other => return Err(AddressError::WrongScheme(shown(), other.to_owned())),
        };
        let url = Url::parse(text).map_err(|error| unreadable(&error.to_string()))?;
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(unreadable("it names no host")),
        };
        if host.is_empty() {
            return Err(unreadable("it names no host"));
        }
        if url.fragment().is_some() {
            return Err(unreadable("it has a # in it"));
        }
        // What the stock drivers need in the URL is harmless here; anything else would be ignored in silence.
        if url.query_pairs().any(|(name, _)| name != "protocol") {
            return Err(unreadable("its part after the ? is not understood"));
        }
        let database = match url.path().trim_matches('/') {
            "" => 0,
            number => number
                .parse()
                .map_err(|_| unreadable("a database's number has to follow the last /"))?,
        };
        let plain = |encoded: &str| {
            decoded(encoded).ok_or_else(|| unreadable("a % in it is not followed by two digits"))
        };
        let user = Some(plain(url.username())?).filter(|user| !user.is_empty());
        let password = url
            .password()
            .map(plain)
            .transpose()?
            .filter(|text| !text.is_empty());
        if user.is_some() && password.is_none() {
            return Err(unreadable("a user needs a password: redis://user:password@host"));
        }
        Ok(Self {
            tls,
            host,
            port: url.port().unwrap_or(PORT),
            user,
            password: password.map(Secret::new),
            database,
        })
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "rediss://" } else { "redis://" })?;
        if self.password.is_some() {
            write!(f, "{}:[redacted]@", self.user.as_deref().unwrap_or_default())?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        write!(f, ":{}/{}", self.port, self.database)
    }
}

/// A text that should have been a URL, without everything that may have been meant as its password.
fn without_password(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    // A password may hold any sign, so only what follows the last @ is known to be none of it.
    let (signs_in, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("[redacted]@", rest),
        None => ("", rest),
    };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_place = match place.rsplit_once(':') {
        Some((host, port)) => {
            !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => true,
    };
    if is_place {
        format!("{scheme}{signs_in}{place}{path}")
    } else {
        // Something like `:secret` or `user:secret`, whose host was forgotten.
        format!("{scheme}{signs_in}[redacted]")
    }
}

/// Undoes the %-encoding.
fn decoded(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        for (text, shown) in [
            ("redis://host:6379", "redis://host:6379/0"),
            ("redis://host", "redis://host:6379/0"),
            ("redis://:hunter2@host:6379", "redis://:[redacted]@host:6379/0"),
            (
                "redis://ada:hunter2@host:6379",
                "redis://ada:[redacted]@host:6379/0",
            ),
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://host:6379/3", "redis://host:6379/3"),
            ("rediss://host:6380", "rediss://host:6380/0"),
            (
                "rediss://:hunter2@host:6380/0",
                "rediss://:[redacted]@host:6380/0",
            ),
            ("REDIS://[::1]:7000/2?protocol=resp3", "redis://[::1]:7000/2"),
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown, "{text}");
            assert!(!format!("{address:?}").contains("hunter2"));
        }
    }

    #[test]
    fn an_encoded_password_is_decoded() {
        let address: RedisAddress = "redis://a%40b:p%2F%23%3a%25@host".parse().unwrap();
        assert_eq!(address.user.as_deref(), Some("a@b"));
        assert_eq!(address.password.unwrap().expose(), "p/#:%");
    }

    #[test]
    fn every_other_text_is_refused_without_its_password() {
        for (text, start) in [
            ("host:6379", "the address of Redis, “host:6379”, has no scheme"),
            ("://host", "the address of Redis, “://host”, has no scheme"),
            (
                "ada:hunter2@host:6379",
                "the address of Redis, “[redacted]@host:6379”, has no scheme",
            ),
            ("ada:hunter2", "the address of Redis, “[redacted]”, has no scheme"),
            (
                "http://:hunter2@host:6379",
                "the address of Redis, “http://[redacted]@host:6379”, has the scheme http://",
            ),
            (
                "redis+unix:///tmp/redis.sock",
                "the address of Redis, “redis+unix:///tmp/redis.sock”, has the scheme redis+unix://",
            ),
            (
                "redis://:hunter2/7@host:6379",
                "the address of Redis, “redis://[redacted]@host:6379”, cannot be read",
            ),
            (
                "redis://ada:hunter2",
                "the address of Redis, “redis://[redacted]”, cannot be read",
            ),
            ("redis://", "the address of Redis, “redis://”, cannot be read"),
            (
                "redis://:hunter2@",
                "the address of Redis, “redis://[redacted]@”, cannot be read",
            ),
            (
                "redis://host:6379/first",
                "the address of Redis, “redis://host:6379/first”, cannot be read",
            ),
            (
                "redis://host:6379?password=hunter2",
                "the address of Redis, “redis://host:6379”, cannot be read",
            ),
            (
                "redis://ada@host",
                "the address of Redis, “redis://[redacted]@host”, cannot be read",
            ),
            (
                "redis://:hunter%zz2@host",
                "the address of Redis, “redis://[redacted]@host”, cannot be read",
            ),
        ] {
            let error = text.parse::<RedisAddress>().unwrap_err();
            let sentence = error.to_string();
            assert!(sentence.starts_with(start), "{text}: {sentence}");
            assert!(!sentence.contains("hunter"), "{sentence}");
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
    }
}
