//! What is counted, and how it is told: in the text that Prometheus reads.

mod link;
mod told;

use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::link::LinkFigures;
pub(crate) use self::told::serve;
use crate::house::House;
use crate::link::Link;
use crate::refuse::Denied;

/// The bounds of times, in seconds: a bid on a good day takes one to ten milliseconds.
const TIMES: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: String,
    /// As the router has it: an id in it would make a series for each.
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

fn times() -> Histogram {
    Histogram::new(TIMES)
}

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<Call, Counter>,
    call_time: Histogram,
    bids: Family<Outcome, Counter>,
    bid_time: Histogram,
    limited: Family<Limit, Counter>,
    database_errors: Counter,
    // Below: read where they are kept when somebody asks.
    sockets: Gauge,
    connections: Gauge,
    rooms: Family<Kind, Gauge>,
    room_sockets: Family<Kind, Gauge>,
    events_dropped: Counter,
    clocks: Gauge,
    adapter: Family<State, Gauge>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    pub(crate) fn new(pod: &str, link: &Link) -> Self {
        let mut registry = Registry::with_prefix("gaveld");
        let build = Info::new([
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("pod", pod.to_owned()),
        ]);
        registry.register("build", "What runs here", build);
        registry.register_collector(Box::new(LinkFigures(link.clone())));
        let metrics = Self {
            calls: Family::default(),
            call_time: times(),
            bids: Family::default(),
            bid_time: times(),
            limited: Family::default(),
            database_errors: Counter::default(),
            sockets: Gauge::default(),
            connections: Gauge::default(),
            rooms: Family::default(),
            room_sockets: Family::default(),
            events_dropped: Counter::default(),
            clocks: Gauge::default(),
            adapter: Family::default(),
            registry,
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let calls = "Calls over HTTP, by method, route and status";
        registry.register("http_requests", calls, self.calls.clone());
        let time = "How long calls over HTTP took, without those that wait: polling, and the end of a lot";
        registry.register_with_unit(
            "http_request_duration",
            time,
            Unit::Seconds,
            self.call_time.clone(),
        );
        let bids = "Bids, by what became of them: accepted, the code of the refusal, or failed";
        registry.register("bids", bids, self.bids.clone());
        let time = "How long bids took, from the call to the answer, whatever it was";
        registry.register_with_unit("bid_duration", time, Unit::Seconds, self.bid_time.clone());
        let limited = "What was refused because of a limit, by limit";
        registry.register("limited", limited, self.limited.clone());
        let errors = "Calls and steps that failed because the database did";
        registry.register("database_errors", errors, self.database_errors.clone());
        registry.register("sockets", "Socket.IO sockets", self.sockets.clone());
        registry.register(
            "connections",
            "Open connections, websockets too",
            self.connections.clone(),
        );
        registry.register(
            "rooms",
            "Rooms with a socket of this pod, by kind",
            self.rooms.clone(),
        );
        let sockets = "Sockets of this pod in rooms, by kind; one in two rooms counts twice";
        registry.register("room_sockets", sockets, self.room_sockets.clone());
        let dropped = "Packets that never reached a socket because it was too slow, or gone";
        registry.register("events_dropped", dropped, self.events_dropped.clone());
        registry.register(
            "clocks",
            "Auctions whose clock runs on this pod",
            self.clocks.clone(),
        );
        let adapter = "Whether the link to the other pods is in this state (in-memory: there is no link)";
        registry.register("adapter_state", adapter, self.adapter.clone());
        self
    }

    /// A call was answered.
    pub(crate) fn called(&self, method: &str, route: &str, status: u16, took: Option<Duration>) {
        // Methods are free text; those that nothing here answers to are one.
        let method = match method {
            "GET" | "POST" | "PATCH" | "DELETE" | "OPTIONS" | "HEAD" => method,
            _ => "other",
        };
        let call = Call {
            method: method.to_owned(),
            route: route.to_owned(),
            status,
        };
        self.calls.get_or_create(&call).inc();
        if let Some(took) = took {
            self.call_time.observe(took.as_secs_f64());
        }
    }

    /// Something became of a bid.
    pub(crate) fn bid<T>(&self, outcome: &Result<T, Denied>, took: Duration) {
        let outcome = match outcome {
            Ok(_) => "accepted".to_owned(),
            Err(Denied::Failed(_)) => "failed".to_owned(),
            Err(Denied::Refused(refused)) => serde_json::to_value(refused.body.code)
                .ok()
                .and_then(|code| code.as_str().map(str::to_owned))
                .unwrap_or_else(|| "other".to_owned()),
        };
        self.bids.get_or_create(&Outcome { outcome }).inc();
        self.bid_time.observe(took.as_secs_f64());
    }

    /// A limit was met.
    pub(crate) fn limited(&self, limit: &'static str) {
        self.limited.get_or_create(&Limit { limit }).inc();
    }

    /// The database failed.
    pub(crate) fn database_failed(&self) {
        self.database_errors.inc();
    }

    /// All of it, as text.
    fn text(&self, house: &House) -> Result<String, fmt::Error> {
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.sockets.set(whole(house.door.gate.sockets()));
        self.connections.set(whole(house.door.gate.connections()));
        for (kind, rooms, sockets) in house.rooms.by_kind() {
            self.rooms.get_or_create(&Kind { kind }).set(whole(rooms));
            self.room_sockets
                .get_or_create(&Kind { kind })
                .set(whole(sockets));
        }
        self.events_dropped
            .inner()
            .store(house.outbox.dropped(), Ordering::Relaxed);
        self.clocks.set(whole(
            house.clocks.lock().unwrap_or_else(PoisonError::into_inner).len(),
        ));
        let now = house
            .link
            .health()
            .map_or_else(|| "in-memory".to_owned(), |adapter| adapter.state);
        for state in ["in-memory", "connected", "degraded", "down"] {
            self.adapter
                .get_or_create(&State { state })
                .set(i64::from(state == now));
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
