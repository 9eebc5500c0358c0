//! The real window in each kind of trouble: what a person sees of it, and that it goes when the trouble does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use gavelscope_testkit::fleet::{Adapter, Fleet, FleetKind, FleetOptions};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, seed_cast};
use gavelscope_testkit::proxy::{Fault, Proxy};
use gavelscope_testkit::window::{Window, cast, number};

const SOON: Duration = Duration::from_secs(30);

const LEAGUE: &str = "Sunday league";
const OTHER_LEAGUE: &str = "Monday league";

/// A backend, the line to it that can fail, and a window at the end of the line.
struct House {
    pod: Pod,
    proxy: Proxy,
    seed: Seed,
    window: Window,
}

impl House {
    /// A lot is on the block, and the window has added the server, signed in as the first manager, and entered.
    async fn start() -> Self {
        let (house, _) = Self::at_the_door(&[]).await;
        house.sit_down().await;
        house
    }

    async fn sit_down(&self) {
        self.enter(LEAGUE).await;
        self.window.wait_for("lot-price", SOON).await.unwrap();
        self.bid(&self.pod, 2, 3_000_000).await;
        self.price("3,000,000").await;
    }

    /// The same, as far as the lobby; with more leagues if there are to be more.
    async fn at_the_door(more: &[&str]) -> (Self, Vec<Seed>) {
        let pod = Pod::start(PodKind::Gaveld, PodOptions::default()).await.unwrap();
        let seed = seed_cast(&pod.url(), &cast(LEAGUE)).await.unwrap();
        let mut others = Vec::new();
        for league in more {
            others.push(seed_cast(&pod.url(), &cast(league)).await.unwrap());
        }
        let proxy = Proxy::start(pod.port()).await.unwrap();
        let window = Window::open_here().await.unwrap();
        window.sign_in(&proxy.url()).await.unwrap();
        let house = Self {
            pod,
            proxy,
            seed,
            window,
        };
        (house, others)
    }

    /// Enters the auction of a league, from the lobby.
    async fn enter(&self, league: &str) {
        self.window.enter(league).await.unwrap();
    }

    /// A bid that goes to a pod past the window's line.
    async fn bid(&self, pod: &Pod, who: usize, pounds: u32) {
        self.seed.bid(&pod.url(), who, pounds).await.unwrap();
    }

    async fn price(&self, figures: &str) {
        self.until(&format!("the price is {figures}"), || async {
            self.window.text("lot-price").await.contains(figures)
        })
        .await;
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, look: impl Fn() -> F) {
        self.window.until(what, SOON, look).await.unwrap();
    }

    async fn attribute_is(&self, id: &str, name: &str, wanted: &str) {
        self.window.until_attribute(id, name, wanted, SOON).await.unwrap();
    }

    async fn is_gone(&self, id: &str) {
        self.until(&format!("{id} is gone"), || async { !self.window.has(id).await })
            .await;
    }

    /// The trouble is over, and nothing on the screen says otherwise.
    async fn all_is_well(&self) {
        self.attribute_is("link-phase", "data-phase", "online").await;
        for id in ["banner-connection", "banner-doubt", "trust-mark", "lot-age"] {
            self.is_gone(id).await;
        }
    }

    async fn end(self) {
        self.window.close().await.unwrap();
    }
}

/// How many malformed messages the diagnostics count.
const MALFORMED: &str = "const name = [...document.querySelectorAll('dt')].find((dt) => dt.textContent === 'Malformed'); \
     return name.nextElementSibling.textContent";

#[tokio::test]
async fn without_a_connection_the_price_says_how_old_it_is() {
    let house = House::start().await;
    house.proxy.set(Fault::Refuse).await;
    house.proxy.reset_all();
    house
        .attribute_is("banner-connection", "data-phase", "backoff")
        .await;
    house
        .attribute_is("banner-connection", "data-trust", "stale")
        .await;
    house.attribute_is("lot-age", "data-trust", "stale").await;
    house.attribute_is("trust-mark", "data-trust", "stale").await;
    house.attribute_is("bid-blocked", "data-reason", "notLive").await;
    assert!(!house.window.has("banner-doubt").await, "one strip says it");
    // The pauses grow; a short one is over before a picture is taken.
    house
        .until(
            "the price grows old, and a pause is long enough for two pictures",
            || async {
                let banner = house.window.text("banner-connection").await;
                let pause = banner
                    .split_once("Next try in ")
                    .and_then(|(_, rest)| number(rest));
                let old = number(&house.window.text("lot-age").await);
                pause >= Some(3.0) && old >= Some(3.0)
            },
        )
        .await;
    assert!(house.window.text("lot-age").await.ends_with(" old"));
    let malformed = house.window.script(MALFORMED).await.unwrap();
    assert_eq!(malformed, "0", "a link that broke is no message of the server");
    house.window.shoot("trouble-reconnecting").await.unwrap();

    // What happens meanwhile is not known here, and is there at once afterwards.
    house.bid(&house.pod, 1, 4_000_000).await;
    assert!(house.window.text("lot-price").await.contains("3,000,000"));
    house.proxy.set(Fault::None).await;
    house.window.press("retry-now").await.unwrap();
    house.price("4,000,000").await;
    house.all_is_well().await;
    house.end().await;
}

#[tokio::test]
async fn where_bids_of_another_pod_are_never_told_the_gap_shows_and_the_price_is_read() {
    let house = House::start().await;
    let there = house.pod.start_beside("pod-2").await.unwrap();
    // The second of two bids is told here, the first is not.
    house.bid(&there, 1, 4_000_000).await;
    house.bid(&house.pod, 2, 5_000_000).await;
    house.price("5,000,000").await;
    house.window.press("tab-feed").await.unwrap();
    let gap = "return document.querySelector('[data-testid=\"feed-row\"][data-gap=\"true\"]') !== null";
    house
        .until("the feed shows the gap", || async {
            house.window.script(gap).await.unwrap() == true
        })
        .await;
    house.window.wait_for("bids-gaps", SOON).await.unwrap();
    house.window.shoot("trouble-gap").await.unwrap();
    house.window.press("tab-diagnostics").await.unwrap();

    // One hole can be an accident; again and again it is none.
    let mut millions = 5;
    while house
        .window
        .attribute("trust-mark", "data-trust")
        .await
        .as_deref()
        != Some("polled")
    {
        assert!(
            millions < 40,
            "the session believes in events of which every other one is missing"
        );
        house.bid(&there, 1, (millions + 1) * 1_000_000).await;
        house.bid(&house.pod, 2, (millions + 2) * 1_000_000).await;
        millions += 2;
        house.price(&format!("{millions},000,000")).await;
    }
    house.attribute_is("banner-doubt", "data-trust", "polled").await;
    house.attribute_is("lot-age", "data-trust", "polled").await;
    assert_eq!(
        house
            .window
            .attribute("link-phase", "data-phase")
            .await
            .as_deref(),
        Some("online"),
        "the connection itself is well"
    );
    house.bid(&there, 1, (millions + 1) * 1_000_000).await;
    house.price(&format!("{},000,000", millions + 1)).await;
    house.attribute_is("banner-doubt", "data-trust", "polled").await;
    house.window.shoot("trouble-polled").await.unwrap();
    // A person can bid all the same.
    house.window.bid_until_it_counts().await.unwrap();
    house.end().await;
}

#[tokio::test]
async fn a_bid_without_an_answer_is_not_known_until_it_is() {
    let house = House::start().await;
    let before = house.pod.bids(&house.seed).await.unwrap().len();
    // The server hears and stores it; of its answers and events nothing comes back.
    house.proxy.set(Fault::LoseAnswers).await;
    house.window.bid_the_next_step().await.unwrap();
    house
        .until("the server has the bid", || async {
            house.pod.bids(&house.seed).await.unwrap().len() == before + 1
        })
        .await;
    house.proxy.set(Fault::Refuse).await;
    house.proxy.reset_all();
    house.attribute_is("open-bid", "data-fate", "unknown").await;
    house.attribute_is("bid-fate", "data-fate", "unknown").await;
    house.attribute_is("trust-mark", "data-trust", "stale").await;
    assert_eq!(house.window.text("open-bids").await, "1 bid not known");
    house.window.shoot("trouble-unknown-bid").await.unwrap();

    house.proxy.set(Fault::None).await;
    house.attribute_is("open-bid", "data-fate", "confirmed").await;
    assert_eq!(
        house
            .window
            .attribute("lot-leader", "data-leading")
            .await
            .as_deref(),
        Some("true")
    );
    house.window.press("open-bid-dismiss").await.unwrap();
    house.is_gone("open-bid").await;
    house.is_gone("open-bids").await;
    let after = house.pod.bids(&house.seed).await.unwrap().len();
    assert_eq!(after, before + 1, "it counts once");
    house.end().await;
}

#[tokio::test]
async fn over_a_slow_line_the_countdown_says_how_far_off_it_may_be() {
    let (house, _) = House::at_the_door(&[]).await;
    // Nothing takes less than 0.65 s either way, so that no measurement can be better than that.
    house
        .proxy
        .set(Fault::Delay {
            base: Duration::from_millis(900),
            jitter: Duration::from_millis(250),
        })
        .await;
    house.window.press("leave").await.unwrap();
    house.window.press("server-connect").await.unwrap();
    house.enter(LEAGUE).await;
    house.window.wait_for("lot-price", SOON).await.unwrap();
    house.window.wait_for("clock-doubt", SOON).await.unwrap();
    house
        .until("the countdown carries its error", || async {
            house.window.text("countdown-error").await.starts_with('±')
        })
        .await;
    house.bid(&house.pod, 2, 3_000_000).await;
    house.price("3,000,000").await;
    house.window.shoot("trouble-clock").await.unwrap();
    house.proxy.set(Fault::None).await;
    house.is_gone("clock-doubt").await;
    house.is_gone("countdown-error").await;
    house.end().await;
}

#[tokio::test]
async fn a_silent_server_is_suspected_and_forgiven_and_the_recording_shows_it() {
    let house = House::start().await;
    house.pod.stop_process().unwrap();
    house
        .attribute_is("banner-connection", "data-phase", "suspect")
        .await;
    assert_ne!(
        house
            .window
            .attribute("banner-connection", "data-trust")
            .await
            .as_deref(),
        Some("live"),
        "nothing is called live that is not heard"
    );
    house.window.shoot("trouble-suspect").await.unwrap();
    house.pod.continue_process().unwrap();
    house.all_is_well().await;

    // The session was written down as it went, and can be looked at while it goes on.
    house.window.press("nav-recordings").await.unwrap();
    house.window.press("recording-open").await.unwrap();
    house.window.wait_for("recording-mark", SOON).await.unwrap();
    let to_the_end = "const slider = document.querySelector('[data-testid=\"recording-slider\"]'); \
         slider.value = slider.max; slider.dispatchEvent(new Event('input', { bubbles: true }));";
    house.window.script(to_the_end).await.unwrap();
    house
        .until("the room stands at the end of the recording", || async {
            house.window.text("recording-room").await.contains("3,000,000")
        })
        .await;
    assert!(house.window.has("recording-line").await);
    house.window.shoot("recording").await.unwrap();
    house.window.press("recording-close").await.unwrap();
    house.window.wait_for("recording-row", SOON).await.unwrap();
    house.end().await;
}

#[tokio::test]
async fn two_auctions_are_two_tabs_over_one_connection() {
    let (house, others) = House::at_the_door(&[OTHER_LEAGUE]).await;
    house.sit_down().await;
    house.window.press("nav-lobby").await.unwrap();
    house.enter(OTHER_LEAGUE).await;
    let tabs = "return document.querySelectorAll('[data-testid=\"auction-tab\"]').length";
    house
        .until("both are open", || async {
            house.window.script(tabs).await.unwrap() == 2
        })
        .await;
    let second = others.into_iter().next().unwrap();
    let elsewhere = House {
        seed: second,
        ..house
    };
    elsewhere.bid(&elsewhere.pod, 1, 9_000_000).await;
    elsewhere.price("9,000,000").await;
    let first = elsewhere.window.text("tab-price").await;
    assert!(first.contains('3'), "the other one keeps its own price: {first}");
    elsewhere.window.shoot("tabs").await.unwrap();
    elsewhere.end().await;
}

/// Three pods that share nothing, and a person who asks what is wrong.
#[tokio::test]
async fn a_fleet_whose_pods_share_no_rooms_is_found_out_from_the_window() {
    let options = FleetOptions {
        pods: 3,
        kind: FleetKind::Rust,
        adapter: Adapter::None,
        ..FleetOptions::default()
    };
    let fleet = Fleet::start(options).await.unwrap();
    let url = fleet.sides()[0].url().to_owned();
    seed_cast(&url, &cast(LEAGUE)).await.unwrap();
    let window = Window::open_here().await.unwrap();
    window.sign_in(&url).await.unwrap();

    window.press("diag-start").await.unwrap();
    window.wait_for("diag-matrix", 3 * SOON).await.unwrap();
    let apart = window.text("diag-matrix-says").await;
    assert!(
        apart.contains("in 3 groups that hear nothing of each other"),
        "{apart}"
    );
    let verdict = window.text("diag-verdict").await;
    assert!(
        verdict.contains("3 pods that do not share rooms") && verdict.contains("set REDIS_URL on every pod"),
        "{verdict}"
    );
    assert_eq!(
        window.attribute("diag-verdict", "data-outcome").await.as_deref(),
        Some("fail")
    );
    window.shoot("fleet-apart").await.unwrap();
    window.close().await.unwrap();
}
