//! How much anybody may ask for: how often, and how many at once. What is above a limit is refused with 429 and how long
//! to wait; nothing is queued.

mod rate;
mod tally;
pub(crate) mod whence;

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use gavelscope_contract::{RefusalCode, UserId};
use socketioxide::socket::Sid;

use self::rate::Rate;
pub(crate) use self::tally::Held;
use self::tally::Tally;
use crate::refuse::Refused;
use crate::settings::Limits;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

/// The limits at work.
#[derive(Debug)]
pub(crate) struct Gate {
    user_calls: Rate,
    user_bids: Rate,
    address_calls: Rate,
    address_sign_ins: Rate,
    email_links: Rate,
    socket_calls: Rate,
    user_socket_calls: Rate,
    sockets: Tally<()>,
    user_sockets: Tally<UserId>,
    address_sockets: Tally<IpAddr>,
    address_connections: Tally<IpAddr>,
    connections: Tally<()>,
    socket_rooms: usize,
}

/// A limit that was met: its name for the metrics, and the refusal.
#[derive(Debug)]
pub(crate) struct Met {
    pub limit: &'static str,
    pub refused: Refused,
}

fn too_fast(limit: &'static str, what: &str, wait: Duration) -> Met {
    // Whole seconds, rounded up: a client that waits as long is let through.
    let seconds = u32::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1);
    let sentence = format!("Too many {what}: wait {seconds} s, then try again.");
    let mut refused = Refused::new(429, RefusalCode::TooManyRequests, sentence);
    refused.retry_after = Some(seconds);
    Met { limit, refused }
}

fn too_many(limit: &'static str, sentence: String) -> Met {
    let mut refused = Refused::new(429, RefusalCode::TooManyRequests, sentence);
    // It ends when others close theirs; a guess that keeps a client from asking all the time.
    refused.retry_after = Some(5);
    Met { limit, refused }
}

/// An address as a limit counts it: who has an IPv6 network of 64 bits has all of its addresses. None for this machine's own:
/// behind a proxy on it that is not known as one, everybody would have the same.
fn counted(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        address if address.is_loopback() => None,
        IpAddr::V4(address) => Some(address.into()),
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

impl Gate {
    pub(crate) fn new(limits: &Limits) -> Self {
        let limits = if limits.none { &Limits::NONE } else { limits };
        // What is saved up: two seconds' worth, a minute's, an hour's.
        let of = |count: u32, per, saved: u32| Rate::new(count, per, count.saturating_mul(saved));
        Self {
            user_calls: of(limits.user_calls, SECOND, 2),
            user_bids: of(limits.user_bids, SECOND, 2),
            address_calls: of(limits.address_calls, SECOND, 2),
            // A sign-in is two calls, one for the link and one that shows it.
            address_sign_ins: of(limits.address_sign_ins.saturating_mul(2), MINUTE, 1),
            email_links: of(limits.email_links, HOUR, 1),
            socket_calls: of(limits.socket_calls, MINUTE, 1),
            user_socket_calls: of(limits.user_socket_calls, MINUTE, 1),
            sockets: Tally::new(0),
            user_sockets: Tally::new(limits.user_sockets),
            address_sockets: Tally::new(limits.address_sockets),
            address_connections: Tally::new(limits.address_sockets),
            connections: Tally::new(limits.connections),
            socket_rooms: match limits.socket_rooms {
                0 => usize::MAX,
                rooms => usize::try_from(rooms).unwrap_or(usize::MAX),
            },
        }
    }

    /// A call of a signed-in user.
    pub(crate) fn user_call(&self, user: &UserId) -> Result<(), Met> {
        let call = self.user_calls.spend(user);
        call.map_err(|wait| too_fast("user_calls", "calls of this user", wait))
    }

    /// A bid.
    pub(crate) fn user_bid(&self, user: &UserId) -> Result<(), Met> {
        let bid = self.user_bids.spend(user);
        bid.map_err(|wait| too_fast("user_bids", "bids of this user", wait))
    }

    /// A call of nobody in particular, or a new socket.
    pub(crate) fn address_call(&self, address: IpAddr) -> Result<(), Met> {
        let call = counted(address).map_or(Ok(()), |address| self.address_calls.spend(&address));
        call.map_err(|wait| too_fast("address_calls", "calls from this address", wait))
    }

    /// A step of signing in.
    pub(crate) fn sign_in(&self, address: IpAddr) -> Result<(), Met> {
        let step = counted(address).map_or(Ok(()), |address| self.address_sign_ins.spend(&address));
        step.map_err(|wait| too_fast("address_sign_ins", "sign-ins from this address", wait))
    }

    /// A sign-in link for an address to which mail goes.
    pub(crate) fn link_for(&self, email: &str) -> Result<(), Met> {
        let link = self.email_links.spend(&email);
        link.map_err(|wait| too_fast("email_links", "sign-in links for this e-mail address", wait))
    }

    /// A call of a socket, whoever it speaks for.
    pub(crate) fn socket_call(&self, socket: Sid) -> Result<(), Met> {
        let call = self.socket_calls.spend(&socket);
        call.map_err(|wait| too_fast("socket_calls", "calls of this socket", wait))
    }

    /// The same, once it is known whom it speaks for.
    pub(crate) fn socket_call_of(&self, user: &UserId) -> Result<(), Met> {
        let call = self.user_socket_calls.spend(user);
        call.map_err(|wait| too_fast("user_socket_calls", "calls of this user's sockets", wait))
    }

    /// Whether a socket that is in so many other rooms may be in one more.
    pub(crate) fn room_for(&self, others: usize) -> Result<(), Met> {
        if others < self.socket_rooms {
            return Ok(());
        }
        let sentence =
            format!("This socket is in {others} rooms, as many as one may be in: leave one first.");
        Err(too_many("socket_rooms", sentence))
    }

    /// A socket of a user, for as long as what is returned is kept.
    pub(crate) fn socket_of(&self, user: &UserId) -> Result<Held, Met> {
        let held = self.user_sockets.hold(user.clone());
        held.map_err(|most| {
            let sentence =
                format!("This user has {most} sockets here, as many as one may have: close one first.");
            too_many("user_sockets", sentence)
        })
    }

    /// A socket, from an address, likewise.
    pub(crate) fn socket_from(&self, address: IpAddr) -> Result<(Held, Option<Held>), Met> {
        let full = |most| too_many("sockets", format!("There are {most} sockets here already."));
        let one = self.sockets.hold(()).map_err(full)?;
        let held = counted(address).map(|address| self.address_sockets.hold(address));
        let of_address = held.transpose();
        of_address.map(|of_address| (one, of_address)).map_err(|most| {
            too_many(
                "address_sockets",
                format!("This address has {most} sockets here already."),
            )
        })
    }

    /// A connection, from whom it comes at the other end of the line, likewise; none where there are enough.
    pub(crate) fn connection(&self, peer: IpAddr, is_proxy: bool) -> Option<(Held, Option<Held>)> {
        let all = self.connections.hold(()).ok()?;
        let of_peer = counted(peer).filter(|_| !is_proxy);
        let of_peer = of_peer.map(|peer| self.address_connections.hold(peer));
        Some((all, of_peer.transpose().ok()?))
    }

    /// How many sockets there are.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.all()
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_counted_as_what_one_client_has() {
        let counted = |text: &str| counted(text.parse().unwrap()).map(|address| address.to_string());
        for (address, as_) in [
            ("203.0.113.7", Some("203.0.113.7")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("127.0.0.1", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
        ] {
            assert_eq!(counted(address).as_deref(), as_, "{address}");
        }
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_that_suffice() {
        for (wait, told) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            let met = too_fast("x", "x", Duration::from_millis(wait));
            assert_eq!(met.refused.retry_after, Some(told), "{wait} ms");
        }
    }
}
