//! Over what a session connects, and when it changes over by itself because what was chosen cannot serve here.
//!
//! Pure: it is told how links end.

use std::time::Duration;

use crate::state::{Carrier, TransportKind};
use crate::transport::Lost;

/// So many acks that never came, and the library is not trusted with this server any more.
const ACKS: u32 = 2;
/// A link that breaks sooner than this after it stood, so many times in a row: there is something in this room that the
/// library cannot take (a frame of 17 MiB ends its connection).
const SHORT: Duration = Duration::from_secs(10);
const BREAKS: u32 = 3;

/// A library and what carries its packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The library.
    pub transport: TransportKind,
    /// What carries it.
    pub carrier: Carrier,
}

/// The way that is used, and what it was learnt from.
#[derive(Debug)]
pub struct ChangeOver {
    chosen: Way,
    now: Way,
    proxy: bool,
    acks_missing: u32,
    breaks: u32,
    why: Option<String>,
}

impl ChangeOver {
    /// Begins with what the user chose. `proxy`: the environment asks for one, which websockets pass by.
    pub fn new(transport: TransportKind, proxy: bool) -> Self {
        let chosen = Way {
            transport,
            carrier: Carrier::Websocket,
        };
        Self {
            chosen,
            now: chosen,
            proxy,
            acks_missing: 0,
            breaks: 0,
            why: None,
        }
    }

    /// The way to take now.
    pub const fn way(&self) -> Way {
        self.now
    }

    /// Why it is not the chosen one: a sentence.
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// A link is over. `stood` is how long it was online. Returns the sentence for a change.
    pub fn lost(&mut self, lost: &Lost, stood: Option<Duration>) -> Option<String> {
        let websocket = self.now.carrier == Carrier::Websocket;
        let boxed = self.now.transport == TransportKind::RustSocketio;
        match lost {
            Lost::WebsocketRefused(_) if websocket => self.over(
                Carrier::Polling,
                "Websockets are refused on the way to this server; long polling is tried instead.",
            ),
            Lost::NotConnected(_) | Lost::TooSlow if websocket && self.proxy && stood.is_none() => {
                if boxed {
                    let why = "The standard library passes by the proxy that this machine is told to use; the plain \
                               one goes through it.";
                    self.over(Carrier::Websocket, why)
                } else {
                    let why = "No websocket gets through the proxy that this machine is told to use; long polling is \
                               tried.";
                    self.over(Carrier::Polling, why)
                }
            }
            Lost::InvalidSession(_) if !websocket => {
                self.now = self.chosen;
                let why = "Long polling cannot work here: requests of one connection reach pods that do not know it. \
                           Websockets are tried again. The operator has to let websockets through, or to send each \
                           client to one pod.";
                self.why = Some(why.to_owned());
                self.why.clone()
            }
            Lost::AckMissing if boxed => {
                self.acks_missing += 1;
                (self.acks_missing >= ACKS)
                    .then(|| self.over_to_wire("Answers of the server go astray in the standard library"))
            }
            Lost::Unreadable(_) if boxed => {
                Some(self.over_to_wire("The standard library cannot read what this server sends"))
            }
            Lost::Broken(_) | Lost::ClosedByServer if boxed && stood.is_some() => {
                let short = stood.is_some_and(|stood| stood < SHORT);
                self.breaks = if short { self.breaks + 1 } else { 0 };
                (self.breaks >= BREAKS).then(|| {
                    self.over_to_wire("The connection breaks again and again in the standard library")
                })
            }
            _ => None,
        }
    }

    fn over(&mut self, carrier: Carrier, why: &str) -> Option<String> {
        self.now = Way {
            transport: TransportKind::Wire,
            carrier,
        };
        self.why = Some(why.to_owned());
        self.why.clone()
    }

    fn over_to_wire(&mut self, what: &str) -> String {
        self.now.transport = TransportKind::Wire;
        self.chosen.transport = TransportKind::Wire;
        let why = format!("{what}; the plain one takes over.");
        self.why = Some(why.clone());
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOXED: Way = Way {
        transport: TransportKind::RustSocketio,
        carrier: Carrier::Websocket,
    };
    const PLAIN: Way = Way {
        transport: TransportKind::Wire,
        carrier: Carrier::Websocket,
    };
    const POLLING: Way = Way {
        transport: TransportKind::Wire,
        carrier: Carrier::Polling,
    };

    fn refused() -> Lost {
        Lost::WebsocketRefused("403".into())
    }

    fn broke() -> Lost {
        Lost::Broken("the connection broke".into())
    }

    #[test]
    fn refused_websockets_lead_to_polling_and_pods_that_take_turns_back_again() {
        let mut way = ChangeOver::new(TransportKind::RustSocketio, false);
        assert!(way.lost(&refused(), None).is_some());
        assert_eq!(way.way(), POLLING);
        let said = way.lost(&Lost::InvalidSession("x".into()), None).unwrap();
        assert!(said.contains("operator"), "{said}");
        assert_eq!(way.way(), BOXED);
        assert!(
            way.lost(&refused(), None).is_some(),
            "and so on, one attempt each"
        );
        assert_eq!(way.way(), POLLING);
    }

    #[test]
    fn a_proxy_is_a_reason_only_where_nothing_else_gets_through() {
        let mut direct = ChangeOver::new(TransportKind::RustSocketio, false);
        let unreachable = Lost::NotConnected("refused".into());
        assert_eq!(direct.lost(&unreachable, None), None);
        let mut behind = ChangeOver::new(TransportKind::RustSocketio, true);
        assert!(behind.lost(&unreachable, None).is_some());
        assert_eq!(behind.way(), PLAIN);
        assert!(behind.lost(&unreachable, None).is_some());
        assert_eq!(behind.way(), POLLING);
    }

    #[test]
    fn acks_that_go_astray_lead_to_the_plain_connection_for_good() {
        let mut way = ChangeOver::new(TransportKind::RustSocketio, false);
        assert_eq!(way.lost(&Lost::AckMissing, Some(SHORT)), None, "one can happen");
        assert!(way.lost(&Lost::AckMissing, Some(SHORT)).is_some());
        assert_eq!(way.way(), PLAIN);
        way.lost(&refused(), None);
        way.lost(&Lost::InvalidSession("x".into()), None);
        assert_eq!(way.way(), PLAIN, "not back to what failed");
        assert_eq!(
            way.lost(&Lost::AckMissing, Some(SHORT)),
            None,
            "there is nothing beyond it"
        );
    }

    #[test]
    fn breaking_again_and_again_leads_there_too_and_a_steady_link_forgives() {
        let short = Some(Duration::from_secs(1));
        let mut way = ChangeOver::new(TransportKind::RustSocketio, false);
        way.lost(&broke(), short);
        way.lost(&broke(), short);
        assert_eq!(way.lost(&broke(), Some(Duration::from_mins(1))), None);
        way.lost(&broke(), short);
        way.lost(&broke(), short);
        assert_eq!(way.way(), BOXED);
        assert!(way.lost(&broke(), short).is_some());
        assert_eq!(way.way(), PLAIN);
    }

    #[test]
    fn a_frame_that_the_library_cannot_read_leads_there_at_once() {
        let mut way = ChangeOver::new(TransportKind::RustSocketio, false);
        let unreadable = Lost::Unreadable("expected value".into());
        assert!(way.lost(&unreadable, Some(Duration::from_mins(10))).is_some());
        assert_eq!(way.way(), PLAIN);
    }

    #[test]
    fn a_server_that_is_down_changes_nothing() {
        let mut way = ChangeOver::new(TransportKind::RustSocketio, false);
        for _ in 0..100 {
            assert_eq!(way.lost(&Lost::NotConnected("refused".into()), None), None);
        }
        assert_eq!(way.way(), BOXED);
    }
}
