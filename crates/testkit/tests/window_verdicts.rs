//! What the window says of seven backends after *Run diagnosis*, as pictures for somebody to look at. Each is checked to show
//! what it is for, so that no picture of something else passes for it.
//!
//! Ignored, because they take minutes and the rows themselves are proved elsewhere: `cargo xtask pictures` runs them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use gavelscope_testkit::fleet::{Adapter, Fleet, FleetKind, FleetOptions};
use gavelscope_testkit::pods::{Pod, seed_cast};
use gavelscope_testkit::proxy::{Fault, Proxy};
use gavelscope_testkit::services::haproxy::{Farm, Haproxy, HaproxyOptions};
use gavelscope_testkit::window::{Window, cast};
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(40);
/// A diagnosis ends after 30 s at the latest; a busy machine gets the double.
const DIAGNOSED: Duration = Duration::from_mins(1);
/// By so much one of the pods is late.
const LATE: Duration = Duration::from_millis(400);

const LEAGUE: &str = "Sunday league";
/// What is in front of the pods.
#[derive(Clone, Copy)]
enum Front {
    /// The fleet's own balancer.
    Balancer,
    /// One that leads everybody to the first pod.
    OnePod,
    /// The way to the last pod is long.
    LatePod,
}

/// A backend, and what the window has to say of it.
struct Row {
    name: &'static str,
    kind: FleetKind,
    pods: usize,
    adapter: Adapter,
    front: Front,
    /// The light's outcome.
    outcome: &'static str,
    /// The verdict holds this.
    says: &'static str,
}

const RUST: Row = Row {
    name: "",
    kind: FleetKind::Rust,
    pods: 3,
    adapter: Adapter::None,
    front: Front::Balancer,
    outcome: "fail",
    says: "",
};

/// What stands in front of a fleet beside its own balancer; gone when it is dropped.
struct Before {
    url: String,
    _parts: Option<(Haproxy, Option<Proxy>, TempDir)>,
}

async fn before(fleet: &Fleet, front: Front) -> Before {
    let port = |pod: &Pod| (pod.name().to_owned(), pod.port());
    let mut pods: Vec<_> = fleet.pods().iter().map(port).collect();
    let mut line = None;
    match front {
        Front::Balancer => {
            return Before {
                url: fleet.url().to_owned(),
                _parts: None,
            };
        }
        Front::OnePod => pods.truncate(1),
        Front::LatePod => {
            let last = pods.last_mut().unwrap();
            let proxy = Proxy::start(last.1).await.unwrap();
            proxy
                .set(Fault::Delay {
                    base: LATE,
                    jitter: Duration::ZERO,
                })
                .await;
            last.1 = proxy.url().rsplit(':').next().unwrap().parse().unwrap();
            line = Some(proxy);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let farm = Farm {
        name: "pods".to_owned(),
        pods,
    };
    let haproxy = Haproxy::start(folder.path(), HaproxyOptions::default(), &[farm])
        .await
        .unwrap();
    Before {
        url: haproxy.urls()[0].clone(),
        _parts: Some((haproxy, line, folder)),
    }
}

/// Brings a part of the pane to its top.
async fn scroll_to(window: &Window, what: &str) {
    let script = format!(
        "const pane = document.querySelector('.side-content'); \
         const part = pane.querySelector('{what}'); \
         pane.scrollTop += part.getBoundingClientRect().top - pane.getBoundingClientRect().top - 12;"
    );
    window.script(&script).await.unwrap();
}

/// The first finding; where nothing is to be told, the list of what passed.
const FOLD: &str = "const fold = document.querySelector('.findings > [data-collapsible-root], [data-testid=\"findings-passed\"]');";

/// Unfolds it, or folds it again.
async fn unfold(window: &Window, wanted: bool) {
    let press = format!("{FOLD} fold.querySelector('button, summary').click()");
    window.script(&press).await.unwrap();
    // What unfolds is measured before it is shown: only then does it take its room.
    let settled = format!(
        "{FOLD} const [head, inside] = fold.children; const whole = fold.clientHeight; \
         return {wanted} ? whole > head.offsetHeight + 8 && inside.scrollHeight > 0 && inside.offsetHeight >= inside.scrollHeight \
                         : whole <= head.offsetHeight + 8"
    );
    let what = if wanted {
        "it unfolds"
    } else {
        "it is folded again"
    };
    window.until_script(what, SOON, &settled).await.unwrap();
}

async fn show(row: Row) {
    let options = FleetOptions {
        pods: row.pods,
        kind: row.kind,
        adapter: row.adapter,
        ..FleetOptions::default()
    };
    let fleet = Fleet::start(options).await.unwrap();
    let seed = seed_cast(fleet.url(), &cast(LEAGUE)).await.unwrap();
    let before = before(&fleet, row.front).await;
    let window = Window::open_here().await.unwrap();
    window.sign_in(&before.url).await.unwrap();
    window.enter(LEAGUE).await.unwrap();
    window.wait_for("lot-price", SOON).await.unwrap();
    let (first, last) = (fleet.pods()[0].url(), fleet.pods().last().unwrap().url());
    seed.bid(&first, 1, 2_000_000).await.unwrap();
    seed.bid(&last, 2, 3_000_000).await.unwrap();
    let price = || async { window.text("lot-price").await.contains("3,000,000") };
    window.until("the price is known", SOON, price).await.unwrap();
    // Once, so that no second press is refused in the picture.
    window.press("bid-step-1").await.unwrap();
    window
        .until_attribute("bid-fate", "data-fate", "confirmed", SOON)
        .await
        .unwrap();
    seed.bid(&last, 1, 9_000_000).await.unwrap();

    window.press("diag-start").await.unwrap();
    window.wait_for("diag-progress", SOON).await.unwrap();
    window
        .shoot(&format!("verdict-{}-running", row.name))
        .await
        .unwrap();
    window.wait_for("diag-matrix", DIAGNOSED).await.unwrap();
    // What the session itself sees may come later than what was measured.
    window
        .until_attribute("diag-verdict", "data-outcome", row.outcome, SOON)
        .await
        .unwrap();
    let verdict = window.text("diag-verdict").await;
    assert!(verdict.contains(row.says), "{verdict}");
    let charts = "return document.querySelectorAll('[data-testid^=\"chart-\"] canvas').length";
    assert_eq!(window.script(charts).await.unwrap(), 4, "the charts are drawn");

    let shoot = async |part: &str| {
        window
            .shoot(&format!("verdict-{}{part}", row.name))
            .await
            .unwrap();
    };
    shoot("").await;
    unfold(&window, true).await;
    scroll_to(&window, ".findings").await;
    shoot("-finding").await;
    unfold(&window, false).await;
    scroll_to(&window, "[data-testid=\"diag-matrix\"]").await;
    shoot("-matrix").await;
    scroll_to(&window, "[aria-labelledby=\"charts-title\"]").await;
    shoot("-charts").await;
    window
        .script("const pane = document.querySelector('.side-content'); pane.scrollTop = pane.scrollHeight")
        .await
        .unwrap();
    shoot("-end").await;
    window.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn one_pod() {
    show(Row {
        name: "one-pod",
        pods: 1,
        outcome: "pass",
        says: "All is well",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn no_adapter() {
    show(Row {
        name: "no-adapter",
        says: "3 pods that do not share rooms",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn no_adapter_in_the_field() {
    show(Row {
        name: "no-adapter-field",
        kind: FleetKind::Python,
        says: "3 pods that do not share rooms",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn redis() {
    show(Row {
        name: "redis",
        adapter: Adapter::Redis,
        outcome: "pass",
        says: "All is well",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn another_channel() {
    show(Row {
        name: "another-channel",
        adapter: Adapter::Split,
        says: "do not share rooms",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn kept_on_one_pod() {
    show(Row {
        name: "kept-on-one-pod",
        adapter: Adapter::Redis,
        front: Front::OnePod,
        outcome: "inconclusive",
        says: "Only one of 3 pods can be reached",
        ..RUST
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "leaves pictures to look at"]
async fn slow_pod() {
    show(Row {
        name: "slow-pod",
        pods: 5,
        adapter: Adapter::Redis,
        front: Front::LatePod,
        outcome: "warn",
        says: "slow",
        ..RUST
    })
    .await;
}
