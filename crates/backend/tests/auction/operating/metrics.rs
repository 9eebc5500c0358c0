//! The metrics are well formed, and move when what they count happens.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use gavelscope_backend::{Limits, Redis, Settings, Web};
use serde_json::json;

use crate::common::{Hall, settings, spec};

fn measured() -> Settings {
    Settings {
        web: Web {
            metrics_listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            ..Web::default()
        },
        ..settings()
    }
}

/// One scrape: by series, and what was declared.
struct Scrape(BTreeMap<String, f64>, Vec<String>);

impl Scrape {
    async fn of(hall: &Hall) -> Self {
        let url = hall.running.metrics_url().unwrap();
        let answer = hall.http.get(url).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert!(
            kind.starts_with("application/openmetrics-text; version=1.0.0"),
            "{kind}"
        );
        Self::read(&answer.text().await.unwrap())
    }

    /// Reads the text as strictly as Prometheus does: every sample belongs to a family that was declared, and nothing comes
    /// twice.
    fn read(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "it is whole");
        let (mut kinds, mut series) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.splitn(3, ' ');
                let (word, name, rest) = (
                    words.next().unwrap(),
                    words.next().unwrap(),
                    words.next().unwrap(),
                );
                match word {
                    "TYPE" => assert!(
                        kinds.insert(name.to_owned(), rest.to_owned()).is_none(),
                        "{name} twice"
                    ),
                    "HELP" => assert!(rest.len() > 5, "{name} says what it is"),
                    "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                    other => panic!("{other} in {line}"),
                }
                continue;
            }
            let (key, value) = line.rsplit_once(' ').unwrap();
            let name = key.split('{').next().unwrap();
            let suffixes = ["_total", "_bucket", "_count", "_sum", "_info"];
            let family = suffixes
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix))
                .unwrap_or(name);
            let kind = kinds
                .get(family)
                .unwrap_or_else(|| panic!("{name} was not declared"));
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(name.starts_with("gaveld_") && !line.contains('@'), "{line}");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line} has no value"));
            assert!(series.insert(key.to_owned(), value).is_none(), "{key} twice");
        }
        for (key, value) in &series {
            if let Some(name) = key.strip_suffix("_count") {
                let last: f64 = series[&format!("{name}_bucket{{le=\"+Inf\"}}")];
                assert!((last - value).abs() < 0.5, "{name}: the last bucket holds all");
            }
        }
        Self(series, kinds.into_keys().collect())
    }

    fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn what_happens_is_counted() {
    let hall = Hall::open(measured(), spec(3)).await;
    let before = Scrape::of(&hall).await;
    assert!(
        before
            .0
            .keys()
            .any(|key| key.starts_with("gaveld_build_info{version="))
    );
    hall.command(0, "begin").await.ok();
    hall.bid(1, 2_000_000).await.ok();
    hall.bid(2, 3_000_000).await.ok();
    assert_eq!(hall.bid(1, 2_500_000).await.status, 400);
    let mut socket = hall.in_the_room(1).await;
    socket
        .call("join_league_room", json!({"leagueId": hall.league}))
        .await;
    let _other = hall.in_the_room(2).await;
    hall.get(0, "/nowhere/at/all").await;
    hall.get(0, "/nowhere/else").await;
    let after = Scrape::of(&hall).await;
    let bid = "gaveld_http_requests_total{method=\"POST\",route=\"/api/auction/{id}/bid\",status=\"200\"}";
    for (series, difference) in [
        ("gaveld_bids_total{outcome=\"accepted\"}", 2.0),
        ("gaveld_bids_total{outcome=\"bid_too_low\"}", 1.0),
        ("gaveld_bid_duration_seconds_count", 3.0),
        (bid, 2.0),
        (
            "gaveld_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}",
            2.0,
        ),
        ("gaveld_sockets", 2.0),
        ("gaveld_rooms{kind=\"auction\"}", 1.0),
        ("gaveld_rooms{kind=\"league\"}", 1.0),
        ("gaveld_room_sockets{kind=\"auction\"}", 2.0),
        ("gaveld_clocks", 1.0),
    ] {
        let moved = after.get(series) - before.get(series);
        assert!(
            (moved - difference).abs() < 0.5,
            "{series} moved by {moved}, not {difference}"
        );
    }
    assert!(after.get("gaveld_connections") >= 3.0);
    assert!((after.get("gaveld_adapter_state{state=\"in-memory\"}") - 1.0).abs() < 0.5);
    assert!(after.get("gaveld_bid_duration_seconds_sum") > 0.0);
    let ids = [&hall.auction, &hall.league];
    assert!(
        !after.0.keys().any(|key| ids.iter().any(|id| key.contains(*id))),
        "an id makes series without end"
    );
}

#[tokio::test]
async fn a_limit_and_a_database_that_fails_are_counted() {
    let limits = Limits {
        user_calls: 1,
        none: false,
        ..Limits::NONE
    };
    let hall = Hall::open(Settings { limits, ..measured() }, spec(2)).await;
    while hall.get(1, "/api/auth/me").await.status != 429 {}
    assert!(
        Scrape::of(&hall)
            .await
            .get("gaveld_limited_total{limit=\"user_calls\"}")
            >= 1.0
    );
    hall.running.store().close().await;
    assert_eq!(hall.bid(0, 1_000_000).await.status, 503);
    let after = Scrape::of(&hall).await;
    assert!(after.get("gaveld_database_errors_total") >= 1.0);
    assert!((after.get("gaveld_bids_total{outcome=\"failed\"}") - 1.0).abs() < 0.5);
}

#[tokio::test]
async fn with_redis_the_link_is_counted_and_its_state_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut redis = gavelscope_testkit::services::redis::Redis::start(folder.path())
        .await
        .unwrap();
    let settings = Settings {
        redis: Redis::at(redis.url()),
        ..measured()
    };
    let hall = Hall::open(settings, spec(2)).await;
    let state = |scrape: &Scrape, state: &str| {
        scrape.get(&format!("gaveld_adapter_state{{state=\"{state}\"}}")) > 0.5
    };
    let connected = until(&hall, "connected", |scrape| state(scrape, "connected")).await;
    assert!(!state(&connected, "in-memory"));
    let said = |scrape: &Scrape| scrape.get("gaveld_link_said_total");
    hall.command(0, "begin").await.ok();
    let later = until(&hall, "said", |scrape| said(scrape) > said(&connected)).await;
    assert!(later.get("gaveld_publish_duration_seconds_count") >= 1.0);
    assert!(later.get("gaveld_publish_duration_seconds_sum") > 0.0);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let operations = std::fs::read_to_string(path).unwrap();
    for name in later
        .1
        .iter()
        .filter(|name| name.contains("link_") || name.contains("publish"))
    {
        assert!(
            operations.contains(&format!("`{name}")),
            "{name} is not in docs/operations.md"
        );
    }
    redis.kill().unwrap();
    until(&hall, "lost", |scrape| {
        state(scrape, "degraded") || state(scrape, "down")
    })
    .await;
}

/// Scrapes until something is so.
async fn until(hall: &Hall, what: &str, is_so: impl Fn(&Scrape) -> bool) -> Scrape {
    for _ in 0..500 {
        let scrape = Scrape::of(hall).await;
        if is_so(&scrape) {
            return scrape;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{what}: it never came to be so");
}

#[tokio::test]
async fn the_documentation_names_every_metric() {
    let hall = Hall::open(measured(), spec(2)).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let operations = std::fs::read_to_string(path).unwrap();
    for name in Scrape::of(&hall).await.1 {
        let named = ["", "_total", "_info"].map(|suffix| format!("`{name}{suffix}`"));
        assert!(
            named.iter().any(|name| operations.contains(name)),
            "{name} is not in docs/operations.md"
        );
    }
}

#[tokio::test]
async fn metrics_are_nowhere_where_they_were_not_asked_for() {
    let hall = Hall::open(settings(), spec(2)).await;
    assert_eq!(hall.running.metrics_url(), None);
    for path in ["/metrics", "/api/metrics"] {
        assert_eq!(hall.get(0, path).await.status, 404);
    }
    let hall = Hall::open(measured(), spec(2)).await;
    assert_eq!(
        hall.get(0, "/metrics").await.status,
        404,
        "nor on the port of the calls where they were"
    );
}
