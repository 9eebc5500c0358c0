//! Two connections to Redis, signed in and tried: one to speak, one to listen.

use std::time::Duration;

use gavelscope_redis::{Target, Trouble};
use redis::aio::{MultiplexedConnection, PubSub, PubSubSink, PubSubStream};
use redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio_util::task::AbortOnDropHandle;

/// How long connecting and signing in may take together.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// How long Redis may take to confirm what it was told. Bids do not wait for it; only the verdict does.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Two connections to Redis that work.
pub(super) struct Line {
    pub speaking: MultiplexedConnection,
    pub subscribing: PubSubSink,
    pub listening: PubSubStream,
    /// What moves the bytes of `speaking`.
    pub driver: AbortOnDropHandle<()>,
}

/// Connects twice, and signs in.
pub(super) async fn connect(target: &Target) -> Result<Line, Trouble> {
    let both = async { tokio::try_join!(target.open(), target.open()) };
    let (speaking, listening) = match tokio::time::timeout(CONNECT_LIMIT, both).await {
        Ok(both) => both?,
        Err(_) => return Err(Trouble::Silent(CONNECT_LIMIT)),
    };
    // Signing in is done, and pub/sub is the same in every version of the protocol.
    let nothing_to_do = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(ANSWER_LIMIT));
    let trouble = |error| Trouble::command(&error, ANSWER_LIMIT, target.address.password.as_ref());
    let (speaking, driver) = MultiplexedConnection::new_with_config(&nothing_to_do, speaking, config)
        .await
        .map_err(trouble)?;
    let driver = AbortOnDropHandle::new(tokio::spawn(driver));
    let pubsub = PubSub::new(&nothing_to_do, listening).await.map_err(trouble)?;
    let (subscribing, listening) = pubsub.split();
    Ok(Line {
        speaking,
        subscribing,
        listening,
        driver,
    })
}
