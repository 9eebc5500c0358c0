//! What the web side is told: who may call from a page, behind which proxies, with which certificate.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

/// Longer than clients keep an idle connection (reqwest: 90 s), so that it is they who close it: a bid must not be sent
/// into a connection that is being closed.
const HEADER_TIMEOUT: u32 = 100;

/// What the web side is told.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Web {
    /// Origins whose pages may call this server, as `https://host[:port]`, separated by commas; `*` is every origin.
    /// With any, a socket from a page of another origin is refused
    #[arg(
        long,
        env = "GAVELD_ALLOWED_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    pub allowed_origins: Vec<Origin>,
    /// Proxies that are believed when they say for whom they ask, as addresses or networks, separated by commas
    #[arg(
        long,
        env = "GAVELD_TRUSTED_PROXIES",
        value_delimiter = ',',
        value_name = "NETWORK",
        value_parser = network
    )]
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it
    #[arg(
        long,
        env = "GAVELD_FORWARDED_HEADER",
        default_value = "x-forwarded-for",
        value_name = "HEADER"
    )]
    pub forwarded_header: ForwardedHeader,
    /// The certificate, and those that lead to its authority, as PEM: with it this server speaks TLS by itself. Read
    /// again at SIGHUP
    #[arg(long, env = "GAVELD_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key, as PEM
    #[arg(long, env = "GAVELD_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// How long a client may take over the head of a request, or stay silent between two
    #[arg(long, env = "GAVELD_HEADER_TIMEOUT", default_value_t = HEADER_TIMEOUT, value_name = "SECONDS",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub header_timeout: u32,
    /// Where `/metrics` is served, to whoever can reach it: an address of its own, so that no proxy shows it to the world
    /// [default: nowhere]
    #[arg(long, env = "GAVELD_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}

/// In which header a proxy says for whom it asks. The other one is not looked at: a proxy that does not set it would pass
/// a client's own on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ForwardedHeader {
    /// What most proxies write.
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Where a page comes from, as browsers say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Anywhere.
    Any,
    /// One scheme, host and port.
    One(String),
}

impl std::str::FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let wrong = || format!("“{text}” is no origin: it has to be like https://host or https://host:8443");
        let url = url::Url::parse(text).map_err(|_| wrong())?;
        let origin = url.origin().ascii_serialization();
        // Written as browsers write it, so that it can be compared as text.
        if matches!(url.scheme(), "http" | "https") && origin == text.trim_end_matches('/').to_lowercase() {
            Ok(Self::One(origin))
        } else {
            Err(wrong())
        }
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| format!("“{text}” is neither an address nor a network like 10.0.0.0/8"))
}

impl Default for Web {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            tls_cert: None,
            tls_key: None,
            header_timeout: HEADER_TIMEOUT,
            metrics_listen: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_a_browser_writes_it() {
        for (text, origin) in [
            ("https://app.example", Some("https://app.example")),
            ("https://App.Example/", Some("https://app.example")),
            ("http://localhost:5173", Some("http://localhost:5173")),
            ("https://app.example/path", None),
            ("https://user@app.example", None),
            ("app.example", None),
            ("tauri://localhost", None),
            ("null", None),
            ("", None),
        ] {
            let read = text.parse::<Origin>().ok();
            assert_eq!(
                read,
                origin.map(|origin| Origin::One(origin.to_owned())),
                "{text}"
            );
        }
        assert_eq!("*".parse(), Ok(Origin::Any));
    }

    #[test]
    fn a_proxy_is_an_address_or_a_network() {
        assert_eq!(network("10.0.0.7").unwrap().to_string(), "10.0.0.7/32");
        assert_eq!(network(" fd00::/8 ").unwrap().to_string(), "fd00::/8");
        assert!(network("proxy.example").is_err());
    }
}
