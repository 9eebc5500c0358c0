//! How much one user, one address and one socket may ask for.

use clap::Args;

/// How much one user, one address and one socket may ask for. 0 is no limit.
///
/// What is meant by *an address* is the client's, told by a trusted proxy where there is one; all of an IPv6 network of 64
/// bits is one address; and addresses of this machine itself are not limited.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Limits {
    /// No limit of those below at all: for tests of load
    #[arg(long = "no-limits", env = "GAVELD_NO_LIMITS")]
    pub none: bool,
    /// Calls that a signed-in user may make, a second; what is not used is saved up for two seconds
    #[arg(
        long = "limit-user-calls",
        env = "GAVELD_LIMIT_USER_CALLS",
        default_value_t = 50,
        value_name = "PER_SECOND"
    )]
    pub user_calls: u32,
    /// Bids that a user may place, a second, likewise
    #[arg(
        long = "limit-user-bids",
        env = "GAVELD_LIMIT_USER_BIDS",
        default_value_t = 20,
        value_name = "PER_SECOND"
    )]
    pub user_bids: u32,
    /// Calls without a good token and new socket connections from an address, a second, likewise
    #[arg(
        long = "limit-address-calls",
        env = "GAVELD_LIMIT_ADDRESS_CALLS",
        default_value_t = 100,
        value_name = "PER_SECOND"
    )]
    pub address_calls: u32,
    /// Sign-ins from an address (each takes two calls), a minute
    #[arg(
        long = "limit-address-sign-ins",
        env = "GAVELD_LIMIT_ADDRESS_SIGN_INS",
        default_value_t = 60,
        value_name = "PER_MINUTE"
    )]
    pub address_sign_ins: u32,
    /// Sign-in links for one e-mail address, an hour
    #[arg(
        long = "limit-email-links",
        env = "GAVELD_LIMIT_EMAIL_LINKS",
        default_value_t = 20,
        value_name = "PER_HOUR"
    )]
    pub email_links: u32,
    /// Calls of one socket (joins, leaves, probes), a minute
    #[arg(
        long = "limit-socket-calls",
        env = "GAVELD_LIMIT_SOCKET_CALLS",
        default_value_t = 240,
        value_name = "PER_MINUTE"
    )]
    pub socket_calls: u32,
    /// The same of all sockets of a user, a minute
    #[arg(
        long = "limit-user-socket-calls",
        env = "GAVELD_LIMIT_USER_SOCKET_CALLS",
        default_value_t = 960,
        value_name = "PER_MINUTE"
    )]
    pub user_socket_calls: u32,
    /// Rooms that one socket may be in
    #[arg(
        long = "limit-socket-rooms",
        env = "GAVELD_LIMIT_SOCKET_ROOMS",
        default_value_t = 64,
        value_name = "ROOMS"
    )]
    pub socket_rooms: u32,
    /// Sockets that a user may have on this pod
    #[arg(
        long = "limit-user-sockets",
        env = "GAVELD_LIMIT_USER_SOCKETS",
        default_value_t = 32,
        value_name = "SOCKETS"
    )]
    pub user_sockets: u32,
    /// Sockets, and connections, that an address may have on this pod
    #[arg(
        long = "limit-address-sockets",
        env = "GAVELD_LIMIT_ADDRESS_SOCKETS",
        default_value_t = 2_000,
        value_name = "SOCKETS"
    )]
    pub address_sockets: u32,
    /// Connections that this pod takes in all, each of which needs an open file
    #[arg(
        long = "limit-connections",
        env = "GAVELD_LIMIT_CONNECTIONS",
        default_value_t = 20_000,
        value_name = "CONNECTIONS"
    )]
    pub connections: u32,
}

impl Limits {
    /// No limits.
    pub const NONE: Self = Self {
        none: true,
        user_calls: 0,
        user_bids: 0,
        address_calls: 0,
        address_sign_ins: 0,
        email_links: 0,
        socket_calls: 0,
        user_socket_calls: 0,
        socket_rooms: 0,
        user_sockets: 0,
        address_sockets: 0,
        connections: 0,
    };
}
