//! What the adapter speaks through: nothing here waits on Redis.

use std::convert::Infallible;

use socketioxide_redis::drivers::{ChanItem, Driver, MessageStream};

/// The way to the other pods, or the knowledge that there is none.
#[derive(Debug, Clone)]
pub(crate) struct Link;

impl Link {
    /// A pod that shares its rooms with no other.
    pub(crate) fn alone() -> Self {
        Self
    }

    /// Whether this pod shares its rooms with no other.
    #[allow(clippy::unused_self, reason = "a link that is not alone follows")]
    pub(crate) fn is_alone(&self) -> bool {
        true
    }
}

impl Driver for Link {
    type Error = Infallible;

    async fn publish(&self, _channel: String, _message: Vec<u8>) -> Result<(), Infallible> {
        Ok(())
    }

    async fn subscribe(&self, _channel: String, _size: usize) -> Result<MessageStream<ChanItem>, Infallible> {
        Ok(MessageStream::new_empty())
    }

    async fn unsubscribe(&self, _channel: String) -> Result<(), Infallible> {
        Ok(())
    }

    async fn num_serv(&self, _channel: &str) -> Result<u16, Infallible> {
        Ok(1)
    }
}
