//! The link to the other pods: what is said to a room on one pod is said on all of them.
//!
//! socketioxide's Redis adapter does the speaking, over a driver of our own, because with its stock drivers local
//! delivery waits for Redis, and fails with it.

mod driver;

use socketioxide::SocketIo;
use socketioxide::adapter::Emitter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide_redis::{CustomRedisAdapter, RedisAdapterConfig, RedisAdapterCtr};

pub(crate) use driver::Link;

/// How rooms are shared.
pub(crate) type Adapter = CustomRedisAdapter<Emitter, Link>;

/// The sockets of this pod, and the way to those of all pods.
pub(crate) type Io = SocketIo<Adapter>;

/// One socket of this pod.
pub(crate) type Socket = SocketRef<Adapter>;

/// The way back to who sent an event.
pub(crate) type Reply = AckSender<Adapter>;

/// What the adapter is made from.
pub(crate) fn adapter(link: &Link) -> RedisAdapterCtr<Link> {
    RedisAdapterCtr::new_with_driver(link.clone(), RedisAdapterConfig::new())
}
