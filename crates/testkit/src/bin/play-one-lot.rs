//! Plays one lot of the practice auction through the real window and leaves a picture: what `cargo xtask run` shows
//! where there is no display.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use gavelscope_testkit::window::Window;

/// A lot, its late bids, and the pause after it.
const A_LOT: Duration = Duration::from_mins(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut app, mut screenshot) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--app" => app = arguments.next().map(PathBuf::from),
            "--screenshot" => screenshot = arguments.next().map(PathBuf::from),
            other => anyhow::bail!("unknown argument {other}; expected --app PATH --screenshot PATH"),
        }
    }
    let app = app.context("--app PATH is missing")?;
    let screenshot = screenshot.context("--screenshot PATH is missing")?;
    let window = Window::open(&app, screenshot.parent()).await?;
    println!("The window is open; starting a practice auction.");
    window.begin_practice().await?;
    println!("Lot 1 is {}.", window.text("lot-name").await);
    window.bid_until_it_counts().await?;
    println!("A bid counts: {}", window.text("bid-fate").await);
    window.shoot_to(&screenshot).await?;
    window.wait_for("last-sale", A_LOT).await?;
    println!("Sold: {}", window.text("last-sale").await.replace('\n', " "));
    window.shoot_to(&screenshot).await?;
    window.close().await?;
    println!("A picture of it: {}", screenshot.display());
    Ok(())
}
