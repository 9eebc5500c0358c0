//! What only an operator can have looked at: the Redis through which the pods hear each other. Nothing is changed there,
//! no message of the pods is read, and what is said is said on a channel of our own.
//!
//! This only measures; what that proves is judged elsewhere.

mod channels;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use gavelscope_client::state::Millis;
pub use gavelscope_redis::{AddressError, CertificatesError, RedisAddress, Target as RedisTarget};
use gavelscope_redis::{Stream, Trouble};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo, RedisError, cmd};
use tokio_util::task::AbortOnDropHandle;

use crate::evidence::{RedisEvidence, RedisTrouble, RedisTroubleKind};
use channels::Watched;

/// How long each step of connecting may take, and each answer.
const LIMIT: Duration = Duration::from_secs(3);
/// Round trips that are measured.
const PINGS: usize = 9;
/// How often who listens is counted, and the pause between: a pod that is just connecting anew is not missed.
const COUNTS: usize = 3;
const PAUSE: Duration = Duration::from_millis(400);

/// Looks at a Redis. `named` are channels that pods were told to use, beside the usual ones.
pub async fn look_at_redis(target: &RedisTarget, named: &[String], at: Millis) -> RedisEvidence {
    let mut seen = RedisEvidence {
        at,
        address: target.address.place(),
        encrypted: target.address.tls,
        ..RedisEvidence::default()
    };
    let looked = Look {
        target,
        seen: &mut seen,
    };
    if let Err(trouble) = looked.all(named).await {
        seen.trouble = Some(kept(trouble));
    }
    seen
}

/// What was in the way, in a form that can be kept.
fn kept(trouble: Trouble) -> RedisTrouble {
    let (kind, detail) = match trouble {
        Trouble::Unreachable(detail) => (RedisTroubleKind::Unreachable, detail),
        Trouble::SignIn(detail) => (RedisTroubleKind::SignIn, detail),
        Trouble::Tls(detail) => (RedisTroubleKind::Tls, detail),
        Trouble::Silent(limit) => (
            RedisTroubleKind::Silent,
            format!("it did not answer within {} s", limit.as_secs()),
        ),
        Trouble::Lost | Trouble::NotHeard => (RedisTroubleKind::Lost, "it hung up".to_owned()),
        Trouble::Refused(detail) | Trouble::NotAllowed(detail) => (RedisTroubleKind::Refused, detail),
    };
    RedisTrouble { kind, detail }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    match tokio::time::timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::Silent(LIMIT)),
    }
}

fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}

/// A look at one Redis.
struct Look<'a> {
    target: &'a RedisTarget,
    seen: &'a mut RedisEvidence,
}

/// A connection that answers, and what moves its bytes.
struct Line {
    speaking: MultiplexedConnection,
    _driver: AbortOnDropHandle<()>,
}

impl Look<'_> {
    async fn all(mut self, named: &[String]) -> Result<(), Trouble> {
        let stream = self.connect().await?;
        let mut line = self.speak(stream).await?;
        self.time_round_trips(&mut line).await?;
        self.ask_who_it_is(&mut line).await?;
        self.hear_ourselves(&mut line).await?;
        self.count_who_listens(&mut line, named).await
    }

    /// Step by step, so that it shows which one fails.
    async fn connect(&mut self) -> Result<Stream, Trouble> {
        let since = Instant::now();
        let addresses = in_time(self.target.resolve()).await?;
        self.seen.resolve_ms = Some(millis(since));
        let since = Instant::now();
        let tcp = in_time(self.target.dial(&addresses)).await?;
        self.seen.tcp_ms = Some(millis(since));
        let since = Instant::now();
        let mut stream = in_time(self.target.secure(tcp)).await?;
        if self.seen.encrypted {
            self.seen.tls_ms = Some(millis(since));
        }
        self.sign_in(&mut stream).await?;
        self.seen.signed_in = true;
        Ok(stream)
    }

    /// A user who may not `PING` is let in all the same.
    async fn sign_in(&mut self, stream: &mut Stream) -> Result<(), Trouble> {
        match in_time(self.target.sign_in(stream)).await {
            Err(Trouble::NotAllowed(_)) => {
                self.may_not("PING");
                Ok(())
            }
            signed_in => signed_in,
        }
    }

    async fn speak(&self, stream: Stream) -> Result<Line, Trouble> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(LIMIT));
        let made = MultiplexedConnection::new_with_config(&nothing_to_do(), stream, config).await;
        let (speaking, driver) = made.map_err(|error| self.trouble(&error))?;
        Ok(Line {
            speaking,
            _driver: AbortOnDropHandle::new(tokio::spawn(driver)),
        })
    }

    fn trouble(&self, error: &RedisError) -> Trouble {
        Trouble::command(error, LIMIT, self.target.address.password.as_ref())
    }

    fn may_not(&mut self, command: &str) {
        if !self.seen.refused.iter().any(|known| known == command) {
            self.seen.refused.push(command.to_owned());
        }
    }

    /// None where this user may not ask: that is no trouble, but something is not known.
    async fn ask<T: FromRedisValue>(
        &mut self,
        line: &mut Line,
        name: &str,
        command: &Cmd,
    ) -> Result<Option<T>, Trouble> {
        let asked = command.query_async(&mut line.speaking).await;
        self.unless_refused(name, asked)
    }

    fn unless_refused<T>(&mut self, name: &str, asked: Result<T, RedisError>) -> Result<Option<T>, Trouble> {
        match asked.map_err(|error| self.trouble(&error)) {
            Ok(answer) => Ok(Some(answer)),
            // A command that was renamed or is unknown is refused as well.
            Err(Trouble::NotAllowed(_) | Trouble::Refused(_)) => {
                self.may_not(name);
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }

    async fn time_round_trips(&mut self, line: &mut Line) -> Result<(), Trouble> {
        let mut took = Vec::with_capacity(PINGS);
        for _ in 0..PINGS {
            let since = Instant::now();
            let Some(()) = self.ask(line, "PING", &cmd("PING")).await? else {
                return Ok(());
            };
            took.push(since.elapsed());
        }
        took.sort_unstable();
        let middle = took.get(took.len() / 2).copied();
        self.seen.round_trip_us = middle.map(|took| u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        Ok(())
    }

    async fn ask_who_it_is(&mut self, line: &mut Line) -> Result<(), Trouble> {
        let Some(server) = self
            .ask::<String>(line, "INFO", cmd("INFO").arg("server"))
            .await?
        else {
            return Ok(());
        };
        let other = field(&server, "valkey_version").map(|version| format!("Valkey {version}"));
        self.seen.version = other.or_else(|| field(&server, "redis_version"));
        let replication = self
            .ask::<String>(line, "INFO", cmd("INFO").arg("replication"))
            .await?;
        self.seen.role = replication.and_then(|text| field(&text, "role"));
        Ok(())
    }

    /// Says something on a channel of its own, and listens for it.
    async fn hear_ourselves(&mut self, line: &mut Line) -> Result<(), Trouble> {
        let mut stream = in_time(async {
            let tcp = self.target.dial(&self.target.resolve().await?).await?;
            self.target.secure(tcp).await
        })
        .await?;
        self.sign_in(&mut stream).await?;
        let made = PubSub::new(&nothing_to_do(), stream).await;
        let mut listening = made.map_err(|error| self.trouble(&error))?;
        let channel = channels::our_own();
        let subscribed = match tokio::time::timeout(LIMIT, listening.subscribe(&channel)).await {
            Ok(subscribed) => self.unless_refused("SUBSCRIBE", subscribed)?,
            Err(_) => return Err(Trouble::Silent(LIMIT)),
        };
        if subscribed.is_none() {
            return Ok(());
        }
        let mut publish = cmd("PUBLISH");
        publish.arg(&channel).arg("gavelctl doctor");
        let Some(()) = self.ask(line, "PUBLISH", &publish).await? else {
            return Ok(());
        };
        let mut messages = listening.on_message();
        let heard = tokio::time::timeout(LIMIT, messages.next()).await;
        self.seen.echoed = Some(matches!(heard, Ok(Some(_))));
        Ok(())
    }

    async fn count_who_listens(&mut self, line: &mut Line, named: &[String]) -> Result<(), Trouble> {
        let mut list = cmd("PUBSUB");
        list.arg("CHANNELS");
        let Some(active) = self.ask::<Vec<Vec<u8>>>(line, "PUBSUB", &list).await? else {
            return Ok(());
        };
        let (watched, other) = Watched::among(&active, named);
        self.seen.other_channels = other;
        let mut count = cmd("PUBSUB");
        count.arg("NUMSUB").arg(watched.names());
        let mut most: HashMap<String, u32> = HashMap::new();
        for round in 0..COUNTS {
            if round > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let Some(counted) = self.ask::<HashMap<String, u32>>(line, "PUBSUB", &count).await? else {
                return Ok(());
            };
            for (name, subscribers) in counted {
                let known = most.entry(name).or_default();
                *known = subscribers.max(*known);
            }
        }
        self.seen.channels = Some(watched.counted(&most));
        let mut patterns = cmd("PUBSUB");
        patterns.arg("NUMPAT");
        self.seen.patterns = self.ask(line, "PUBSUB", &patterns).await?;
        Ok(())
    }
}

/// Signing in is done by the time a connection is handed to the library.
fn nothing_to_do() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_skip_set_lib_name()
}

/// A field of what `INFO` says.
fn field(info: &str, name: &str) -> Option<String> {
    let value = info
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.trim().to_owned())
}
