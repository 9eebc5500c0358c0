//! From which address a request comes: the other end of the line, or, where that is a proxy that is trusted, whom it
//! says it asks for.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::settings::{ForwardedHeader, Web};

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub SocketAddr);

/// The address that a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whence(pub IpAddr);

/// Who is believed, and where they say it.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
    header: ForwardedHeader,
}

impl Proxies {
    pub(crate) fn new(web: &Web) -> Self {
        Self {
            trusted: web.trusted_proxies.clone(),
            header: web.forwarded_header,
        }
    }

    /// Whether somebody is a proxy that is trusted.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Who asks. The list is read from its end, which the nearest proxy has written: the first address that is no
    /// proxy's is the client's, and all before that is hearsay.
    pub(crate) fn whence(&self, peer: IpAddr, headers: &HeaderMap) -> Whence {
        let mut nearest = peer.to_canonical();
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let lines: Vec<&str> = headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .collect();
        let mut hops = lines.iter().flat_map(|line| line.split(',')).rev();
        while self.trusts(nearest) {
            let Some(hop) = hops.next().and_then(|hop| self.address_in(hop)) else {
                // Unknown, hidden or nonsense: the proxy that said it is all that is known.
                break;
            };
            nearest = hop;
        }
        Whence(nearest)
    }

    fn address_in(&self, hop: &str) -> Option<IpAddr> {
        let text = match self.header {
            ForwardedHeader::XForwardedFor => hop.trim(),
            ForwardedHeader::Forwarded => hop.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("for")
                    .then(|| value.trim().trim_matches('"'))
            })?,
        };
        let bare = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
        let address = bare
            .and_then(|bare| bare.parse().ok())
            .or_else(|| text.parse().ok())
            .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
        address.map(|address: IpAddr| address.to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whence(header: ForwardedHeader, peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies {
            trusted: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            header,
        };
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        proxies.whence(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_and_only_what_they_wrote() {
        use ForwardedHeader::XForwardedFor as Xff;
        for (peer, lines, expected) in [
            // A stranger's word about themselves counts for nothing.
            ("198.51.100.1", &["203.0.113.9"][..], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // What the client sent in itself stands before what the proxy has added.
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.2.3.4"], "203.0.113.9"),
            ("10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            ("fd00::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(whence(Xff, peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_header_of_rfc_7239_is_read_likewise() {
        use ForwardedHeader::Forwarded;
        for (lines, expected) in [
            (&["for=203.0.113.9;proto=https;by=10.0.0.1"][..], "203.0.113.9"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=1.1.1.1, for=203.0.113.9"], "203.0.113.9"),
            (&["for=_hidden"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
        ] {
            assert_eq!(whence(Forwarded, "10.0.0.1", lines), expected, "{lines:?}");
        }
    }
}
