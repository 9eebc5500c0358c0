//! Where the pods of a fleet hear each other.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Args;
use gavelscope_contract::Secret;

/// What socketioxide's adapter calls its channels where nothing else is said.
const CHANNEL: &str = "socket.io";

/// Where the pods of a fleet hear each other; without an address this pod is alone.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Redis {
    /// Redis, through which the pods of a fleet hear each other: `redis://user:password@host:6379/0`, or `rediss://…`
    /// with TLS. Without it this pod shares its rooms with no other
    // As a secret, and read only when starting: clap would print it, password and all, where it is wrong.
    #[arg(
        id = "redis_url",
        long = "redis-url",
        env = "REDIS_URL",
        hide_env_values = true,
        value_name = "URL",
        value_parser = secret
    )]
    pub url: Option<Secret>,
    /// The certificate of the authority that vouches for Redis, as PEM, in place of those the system trusts
    #[arg(
        id = "redis_ca_file",
        long = "redis-ca-file",
        env = "REDIS_CA_FILE",
        value_name = "FILE"
    )]
    pub ca_file: Option<PathBuf>,
    /// What the names of the channels begin with. Fleets that share a Redis each need their own: the number of a
    /// database does not part them
    #[arg(
        id = "redis_channel",
        long = "redis-channel",
        env = "GAVELD_REDIS_CHANNEL",
        default_value = CHANNEL,
        value_name = "PREFIX"
    )]
    pub channel: String,
    /// Do not start where Redis cannot be reached. (Otherwise the pod starts, serves its own sockets, says that it is
    /// degraded, and connects as soon as it can.)
    #[arg(id = "require_redis", long = "require-redis", env = "GAVELD_REQUIRE_REDIS")]
    pub required: bool,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            channel: CHANNEL.to_owned(),
            required: false,
        }
    }
}

impl Redis {
    /// For a fleet over the Redis with this URL.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: Some(Secret::new(url)),
            ..Self::default()
        }
    }

    /// The URL, where one is given: an empty one, which is how some ways of starting a process leave a variable out, is
    /// none.
    pub(crate) fn wanted(&self) -> Option<&str> {
        let url = self.url.as_ref()?.expose().trim();
        (!url.is_empty()).then_some(url)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the signature that clap calls")]
fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}
