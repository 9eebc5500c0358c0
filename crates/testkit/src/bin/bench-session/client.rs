//! The clients that are Rust, each in a process of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{FutureExt, SinkExt, StreamExt};
use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::feed::FeedEntry;
use gavelscope_client::rest::Credentials;
use gavelscope_client::state::{SessionState, TransportKind, Trust};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_contract::event::{BidUpdate, Event, LotStarted, Sold, Timer};
use gavelscope_contract::{Money, Secret, UserId};
use gavelscope_testkit::flood::{AUCTION, ONLOOKER, Order};
use rust_socketio::asynchronous::ClientBuilder;
use rust_socketio::{Payload, TransportType};
use serde::Deserialize;
use tokio::sync::{broadcast, watch};
use tokio_tungstenite::tungstenite::Message;

use crate::Outcome;

/// What the server promises when it is set off.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    events: u64,
    last_seq: u64,
}

pub(crate) async fn run(
    contender: &str,
    url: &str,
    events: u64,
    rate: Option<u64>,
) -> anyhow::Result<Outcome> {
    match contender {
        "bare" => bare(url, events, rate).await,
        "library" => library(url, events, rate).await,
        "wire" => session(url, events, rate, TransportKind::Wire).await,
        "rust_socketio" => session(url, events, rate, TransportKind::RustSocketio).await,
        other => bail!("{other} is no contender"),
    }
}

async fn go(http: &reqwest::Client, url: &str, events: u64, rate: Option<u64>) -> anyhow::Result<Promise> {
    let rate = rate.map_or(String::new(), |rate| format!("&rate={rate}"));
    let answer = http.get(format!("{url}/go?events={events}{rate}")).send().await?;
    Ok(serde_json::from_str(&answer.text().await?)?)
}

/// Time that this process and its threads had on a processor.
fn cpu_seconds() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, can hold anything.
    let after = text.rsplit_once(')').context("no such line")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    // USER_HZ is 100 on every Linux of today.
    #[allow(clippy::cast_precision_loss, reason = "seconds of a benchmark")]
    Ok(ticks as f64 / 100.0)
}

fn megabytes(name: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .context("no such line")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kilobytes / 1_024.0)
}

/// What has to be known before the events come.
struct Start {
    at: Instant,
    cpu: f64,
}

impl Start {
    fn now() -> anyhow::Result<Self> {
        Ok(Self {
            cpu: cpu_seconds()?,
            at: Instant::now(),
        })
    }

    fn outcome(&self, events: u64, mut latencies: Vec<f64>, whole: bool) -> anyhow::Result<Outcome> {
        latencies.sort_by(f64::total_cmp);
        let at = |hundredths: usize| {
            let place = (latencies.len() * hundredths / 100).min(latencies.len().saturating_sub(1));
            latencies.get(place).copied()
        };
        Ok(Outcome {
            events,
            seconds: self.at.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds()? - self.cpu,
            p50_ms: at(50),
            p99_ms: at(99),
            rss_mb: megabytes("VmRSS")?,
            peak_mb: megabytes("VmHWM")?,
            whole,
        })
    }
}

/// Milliseconds since the server stamped it.
fn age_ms(server_time: &str) -> Option<f64> {
    let sent: jiff::Timestamp = server_time.parse().ok()?;
    let nanos = jiff::Timestamp::now().as_nanosecond() - sent.as_nanosecond();
    #[allow(clippy::cast_precision_loss, reason = "a latency")]
    Some(nanos as f64 / 1e6)
}

async fn session(
    url: &str,
    events: u64,
    rate: Option<u64>,
    transport: TransportKind,
) -> anyhow::Result<Outcome> {
    let credentials = Credentials {
        user: ONLOOKER.into(),
        name: "Dave".to_owned(),
        access: Secret::new("bench".to_owned()),
        refresh: None,
        expires_at: None,
    };
    let address = ServerAddress::parse(url, DEFAULT_PATH)?;
    let session = Session::start(SessionConfig::new(address, credentials, transport))?;
    session.open_auction(AUCTION.into()).await?;
    let mut state = session.state();
    let ready = |state: &Arc<SessionState>| {
        let view = state.auctions.first();
        // The one that is asked for at the join, too: nothing else is on its way then.
        state.measurements.snapshots >= 2
            && view.is_some_and(|view| {
                view.room.joined && view.trust == Trust::Live && !view.managers.is_empty()
            })
    };
    tokio::time::timeout(Duration::from_secs(10), state.wait_for(ready)).await??;
    let already = u64::from(state.borrow().measurements.events);
    let http = reqwest::Client::new();
    let order = Order {
        events,
        per_second: rate,
    };
    let listening = match rate {
        Some(_) => Some(tokio::spawn(listen(session.feed().await?.1, order.last_seq()))),
        None => None,
    };

    let start = Start::now()?;
    let promise = go(&http, url, events, rate).await?;
    let all = |state: &Arc<SessionState>| {
        let measured = &state.measurements;
        u64::from(measured.events) + u64::from(measured.dropped) >= already + promise.events
    };
    state.wait_for(all).await?;
    // A session that had to read its state in between has not done its work before it caught up.
    let caught_up = |state: &Arc<SessionState>| {
        let view = state.auctions.first();
        view.is_some_and(|view| u64::from(view.sequence) >= promise.last_seq)
    };
    let _ = tokio::time::timeout(Duration::from_secs(5), state.wait_for(caught_up)).await;
    let state = state.borrow().clone();
    let latencies = match listening {
        Some(listening) => listening.await?,
        None => Vec::new(),
    };
    let view = state.auctions.first().context("the auction is open")?;
    let measured = &state.measurements;
    let whole = u64::from(view.sequence) == promise.last_seq
        && (
            view.gaps,
            measured.dropped,
            measured.malformed,
            measured.unknown_events,
        ) == (0, 0, 0, 0);
    if !whole {
        eprintln!(
            "sequence {} of {}, {} gaps, {} dropped, {} snapshots",
            view.sequence, promise.last_seq, view.gaps, measured.dropped, measured.snapshots
        );
    }
    start.outcome(promise.events, latencies, whole)
}

/// What is in the feed has been through transport, decoding and reducer.
async fn listen(mut feed: broadcast::Receiver<Arc<FeedEntry>>, last_seq: u64) -> Vec<f64> {
    let mut latencies = Vec::new();
    while let Ok(entry) = feed.recv().await {
        if let Some(Event::BidUpdate(update)) = entry.event() {
            latencies.extend(age_ms(update.server_time.as_str()));
            if update.seq >= last_seq {
                break;
            }
        }
    }
    latencies
}

/// What a bare loop keeps.
#[derive(Default)]
struct Bare {
    events: u64,
    sequence: Option<u64>,
    gaps: u64,
    price: Option<Money>,
    leader: Option<UserId>,
    latencies: Vec<f64>,
}

impl Bare {
    fn take(&mut self, text: &str, timed: bool) -> anyhow::Result<()> {
        let Some(rest) = text.strip_prefix("42[\"") else {
            return Ok(());
        };
        let (name, payload) = rest.split_once("\",").context("an event has a payload")?;
        let payload = payload.strip_suffix(']').context("an event is a list")?;
        self.events += 1;
        match name {
            "bid_update" => {
                let update: BidUpdate = serde_json::from_str(payload)?;
                let expected = self.sequence.map_or(update.seq, |sequence| sequence + 1);
                self.gaps += update.seq.saturating_sub(expected);
                self.sequence = Some(update.seq);
                if self.price.is_none_or(|price| update.amount > price) {
                    self.price = Some(update.amount);
                    self.leader = Some(update.bidder.user_id);
                }
                if timed {
                    self.latencies.extend(age_ms(update.server_time.as_str()));
                }
            }
            "tick" => drop(serde_json::from_str::<Timer>(payload)?),
            "lot_started" => {
                drop(serde_json::from_str::<LotStarted>(payload)?);
                self.price = None;
            }
            "sold" => drop(serde_json::from_str::<Sold>(payload)?),
            // `connected` is none of those that were ordered.
            _ => self.events -= 1,
        }
        Ok(())
    }
}

async fn bare(url: &str, events: u64, rate: Option<u64>) -> anyhow::Result<Outcome> {
    let address = format!(
        "{}/api/socket.io/?EIO=4&transport=websocket",
        url.replacen("http", "ws", 1)
    );
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await?;
    socket.send(Message::text("40")).await?;
    let join = format!(r#"420["join_auction",{{"auctionId":"{AUCTION}"}}]"#);
    socket.send(Message::text(join)).await?;
    while let Some(message) = socket.next().await {
        if message?.to_text()?.starts_with("43") {
            break;
        }
    }
    let http = reqwest::Client::new();
    let mut bare = Bare::default();
    let start = Start::now()?;
    let promise = go(&http, url, events, rate).await?;
    while bare.events < promise.events {
        let message = socket.next().await.context("the server goes on")??;
        bare.take(message.to_text()?, rate.is_some())?;
    }
    let whole = bare.sequence == Some(promise.last_seq) && bare.gaps == 0;
    start.outcome(promise.events, std::mem::take(&mut bare.latencies), whole)
}

/// The library by itself, doing nothing with what it hands over but counting: what a session over it cannot go below.
async fn library(url: &str, events: u64, rate: Option<u64>) -> anyhow::Result<Outcome> {
    let (heard, mut counted) = watch::channel(0_u64);
    let (latencies, measured) = std::sync::mpsc::channel();
    let client = ClientBuilder::new(format!("{url}/api/socket.io/"))
        .transport_type(TransportType::Websocket)
        .reconnect(false)
        .on_any(move |event, payload: Payload, _| {
            if let (Some(_), "bid_update", Payload::Text(values)) = (rate, event.as_str(), &payload)
                && let Some(at) = values.first().and_then(|value| value["serverTime"].as_str())
            {
                // Nobody listens any more once it is over.
                let _ = latencies.send(age_ms(at));
            }
            if event.as_str() != "connected" {
                heard.send_modify(|count| *count += 1);
            }
            std::future::ready(()).boxed()
        })
        .connect()
        .await?;
    // It says nothing of the server's CONNECT to who does not ask; the first emit has to wait for it.
    tokio::time::sleep(Duration::from_millis(200)).await;
    client
        .emit("join_auction", serde_json::json!({ "auctionId": AUCTION }))
        .await?;
    let http = reqwest::Client::new();
    let start = Start::now()?;
    let promise = go(&http, url, events, rate).await?;
    counted.wait_for(|count| *count >= promise.events).await?;
    start.outcome(promise.events, measured.try_iter().flatten().collect(), true)
}
