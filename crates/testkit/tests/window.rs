//! The whole house, driven through its real window: a person's first evening.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::Duration;

use gavelscope_testkit::window::{Window, number};

const SOON: Duration = Duration::from_secs(20);
/// A lot, its late bids, and the pause after it.
const A_LOT: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_person_plays_a_lot_of_practice_and_reads_the_connections_health() {
    let window = Window::open_here().await.unwrap();
    window.wait_for("screen-start", SOON).await.unwrap();
    window.shoot("start").await.unwrap();

    window.press("practice-start").await.unwrap();
    window.wait_for("screen-room", SOON).await.unwrap();
    window
        .until("the others are here", SOON, || async {
            window.is_enabled("begin-auction").await
        })
        .await
        .unwrap();
    window.shoot("waiting-room").await.unwrap();
    window.press("nav-lobby").await.unwrap();
    window.wait_for("screen-lobby", SOON).await.unwrap();
    window.shoot("lobby").await.unwrap();
    window.press("nav-room").await.unwrap();
    window.press("begin-auction").await.unwrap();
    window.wait_for("lot-price", SOON).await.unwrap();

    let lot = window.text("lot-number").await;
    window.bid_until_it_counts().await.unwrap();
    // The leader is a person's name: mine as long as nobody bid more.
    let outbid =
        || async { window.attribute("lot-leader", "data-leading").await.as_deref() == Some("false") };
    window.until("a bot bids more", A_LOT, outbid).await.unwrap();
    window.bid_until_it_counts().await.unwrap();
    window.shoot("room").await.unwrap();

    window.wait_for("last-sale", A_LOT).await.unwrap();
    assert!(
        window.text("last-sale").await.contains('£'),
        "a lot with bids is sold for money"
    );
    let next_lot = || async { window.text("lot-number").await != lot };
    window.until("the next lot begins", SOON, next_lot).await.unwrap();

    let healthy =
        || async { window.attribute("diag-verdict", "data-outcome").await.as_deref() == Some("pass") };
    window.until("practice is healthy", SOON, healthy).await.unwrap();
    assert!(!window.text("diag-pod").await.is_empty(), "the pod has a name");
    // Three bots and this window.
    let everybody = || async { number(&window.text("diag-room-size").await) == Some(4.0) };
    window
        .until("everybody is in the room", SOON, everybody)
        .await
        .unwrap();
    let echo = window.text("diag-echo").await;
    assert!(number(&echo).is_some(), "the echo was timed: {echo}");
    window.shoot("diagnostics").await.unwrap();

    window.press("diag-start").await.unwrap();
    window.wait_for("diag-progress", SOON).await.unwrap();
    window.wait_for("diag-matrix", A_LOT).await.unwrap();
    let says = window.text("diag-matrix-says").await;
    assert!(says.starts_with("All 8 sockets hear each other"), "{says}");
    let green = || async { window.attribute("trust-light", "data-light").await.as_deref() == Some("green") };
    window
        .until("a bidder sees it in the room", SOON, green)
        .await
        .unwrap();
    let charts = "return document.querySelectorAll('[data-testid^=\"chart-\"] canvas').length";
    let drawn = || async { window.script(charts).await.unwrap() == 4 };
    window.until("the charts are drawn", SOON, drawn).await.unwrap();
    window.shoot("diagnosed").await.unwrap();
    window.press("report-save").await.unwrap();
    window.wait_for("report-parts", SOON).await.unwrap();
    window.press("report-write").await.unwrap();
    window.wait_for("report-saved", SOON).await.unwrap();
    let page = window.text("report-saved").await;
    assert!(page.contains(".html") && page.contains(".json"), "{page}");
    window.shoot("report").await.unwrap();
    let shut = "document.querySelector('[data-testid=\"report-preview\"] .dialog-actions button').click()";
    window.script(shut).await.unwrap();

    window.press("tab-feed").await.unwrap();
    window.wait_for("feed-row", SOON).await.unwrap();
    window.shoot("feed").await.unwrap();
    window.close().await.unwrap();
}

#[tokio::test]
async fn one_window_shows_room_and_diagnostics_without_scrolling() {
    let window = Window::open_here().await.unwrap();
    window.begin_practice().await.unwrap();
    let fits = "const e = document.scrollingElement; return e.scrollHeight <= e.clientHeight && e.scrollWidth <= e.clientWidth";
    assert_eq!(
        window.script(fits).await.unwrap(),
        true,
        "the page does not scroll at 1280×800"
    );
    for id in [
        "lot-price",
        "bid-place",
        "diag-verdict",
        "diag-pod",
        "diag-room-size",
        "diag-echo",
    ] {
        let inside = format!(
            "const r = document.querySelector('[data-testid=\"{id}\"]').getBoundingClientRect(); \
             return r.top >= 0 && r.left >= 0 && r.bottom <= innerHeight && r.right <= innerWidth"
        );
        assert_eq!(
            window.script(&inside).await.unwrap(),
            true,
            "{id} is inside the window"
        );
    }
    window.size(900, 600).await.unwrap();
    window.shoot("room-small").await.unwrap();
    window.close().await.unwrap();
}

#[tokio::test]
async fn bad_input_gets_a_sentence_and_a_way_on() {
    let window = Window::open_here().await.unwrap();
    window.wait_for("screen-start", SOON).await.unwrap();
    window.press("server-new").await.unwrap();
    // Nobody listens on the first port.
    for (address, says) in [
        ("http://127.0.0.1:1", "Nobody answers"),
        ("ftp://x", "not an address"),
    ] {
        window.type_into("server-address", address).await.unwrap();
        window.press("server-check").await.unwrap();
        let sentence = || async { window.text("error-sentence").await.contains(says) };
        window
            .until(
                &format!("a sentence about {address}"),
                Duration::from_secs(6),
                sentence,
            )
            .await
            .unwrap();
    }
    window.shoot("error").await.unwrap();
    window.begin_practice().await.unwrap();
    window
        .until("bidding is open", SOON, || async {
            window.is_enabled("bid-input").await
        })
        .await
        .unwrap();
    window.type_into("bid-input", "a fortune").await.unwrap();
    window.press("bid-place").await.unwrap();
    let sentence = || async { window.text("error-sentence").await.contains("not an amount") };
    window
        .until("a sentence about the amount", SOON, sentence)
        .await
        .unwrap();
    window.close().await.unwrap();
}
