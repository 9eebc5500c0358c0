//! The real window, driven by WebDriver: the built application in WebKit, and what a person does in it.
//!
//! WebKit's own driver starts the application; two environment variables tell Tauri to let itself be driven.

mod person;
mod surroundings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

pub use person::{PEOPLE, cast};

/// WebKit's driver, where Debian and Ubuntu put it.
const DRIVER: &str = "/usr/bin/WebKitWebDriver";
/// The window has to be there after this long.
const START_LIMIT: Duration = Duration::from_mins(1);
/// One request to the driver is given up after this long.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// What a press leads to, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Between two looks at the page.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The two themes.
pub const THEMES: [&str; 2] = ["light", "dark"];

/// The application in its window.
pub struct Window {
    client: Client,
    driver: Child,
    /// Settings of its own, so that nobody's are touched.
    home: tempfile::TempDir,
    screenshots: Option<PathBuf>,
}

impl Window {
    /// Starts the application under a driver. With a folder, [`Window::shoot`] leaves pictures there.
    pub async fn open(app: &Path, screenshots: Option<&Path>) -> anyhow::Result<Self> {
        ensure!(
            app.is_file(),
            "there is no application at {}: build it first",
            app.display()
        );
        ensure!(
            Path::new(DRIVER).is_file(),
            "{DRIVER} is missing: install webkit2gtk-driver"
        );
        let home = tempfile::tempdir()?;
        let port = free_port()?;
        let driver = Command::new(DRIVER)
            .args([format!("--port={port}"), "--host=127.0.0.1".to_owned()])
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_DATA_HOME", home.path().join("data"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .kill_on_drop(true)
            .spawn()
            .context("starting WebKit's driver")?;
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            ensure!(started.elapsed() < START_LIMIT, "WebKit's driver does not listen");
            sleep(LOOK_EVERY).await;
        }
        let mut capabilities = serde_json::Map::new();
        capabilities.insert(
            "webkitgtk:browserOptions".into(),
            json!({ "binary": app, "args": [] }),
        );
        let address = format!("http://127.0.0.1:{port}");
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let session = builder.capabilities(capabilities).connect(&address);
        let client = timeout(START_LIMIT, session)
            .await
            .context("the window did not open in time")?
            .context("opening the window")?;
        let window = Self {
            client,
            driver,
            home,
            screenshots: screenshots.map(Path::to_path_buf),
        };
        window.size(1280, 800).await?;
        Ok(window)
    }

    /// Closes the window and ends the driver.
    pub async fn close(mut self) -> anyhow::Result<()> {
        let closed = timeout(REQUEST_LIMIT, self.client.close()).await;
        let _ = self.driver.kill().await;
        drop(self.home);
        closed.context("the window did not close in time")??;
        Ok(())
    }

    /// Sets the window's size in pixels.
    pub async fn size(&self, width: u32, height: u32) -> anyhow::Result<()> {
        Ok(self.client.set_window_size(width, height).await?)
    }

    fn selector(id: &str) -> String {
        format!("[data-testid=\"{id}\"]")
    }

    async fn find(&self, id: &str) -> Option<Element> {
        self.client.find(Locator::Css(&Self::selector(id))).await.ok()
    }

    /// Whether something is on the page.
    pub async fn has(&self, id: &str) -> bool {
        self.find(id).await.is_some()
    }

    /// What something says; empty where it is not there.
    pub async fn text(&self, id: &str) -> String {
        match self.find(id).await {
            // Not the driver's idea of visible text: that leaves out what is cut off with dots.
            Some(element) => match element.prop("textContent").await {
                Ok(Some(text)) => text.split_whitespace().collect::<Vec<_>>().join(" "),
                _ => String::new(),
            },
            None => String::new(),
        }
    }

    /// An attribute, where there is one.
    pub async fn attribute(&self, id: &str, name: &str) -> Option<String> {
        self.find(id).await?.attr(name).await.ok().flatten()
    }

    /// Whether something can be pressed now.
    pub async fn is_enabled(&self, id: &str) -> bool {
        match self.find(id).await {
            Some(element) => element.is_enabled().await.unwrap_or(false),
            None => false,
        }
    }

    /// Waits until a look at the page says yes; otherwise fails, saying what was waited for and what the page shows.
    pub async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        limit: Duration,
        look: impl Fn() -> F,
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if timeout(REQUEST_LIMIT, look())
                .await
                .context("the window does not answer")?
            {
                return Ok(());
            }
            if started.elapsed() > limit {
                let page = self.text_of_page().await;
                if let Some(folder) = &self.screenshots {
                    let _ = self.shoot_to(&folder.join("failed.png")).await;
                }
                bail!("{what}: not within {limit:?}. The page says:\n{page}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until something has an attribute of this value.
    pub async fn until_attribute(
        &self,
        id: &str,
        name: &str,
        value: &str,
        limit: Duration,
    ) -> anyhow::Result<()> {
        let has = || async { self.attribute(id, name).await.as_deref() == Some(value) };
        self.until(&format!("waiting for {id} with {name}=\"{value}\""), limit, has)
            .await
    }

    /// Waits until a script in the page says `true`.
    pub async fn until_script(&self, what: &str, limit: Duration, script: &str) -> anyhow::Result<()> {
        let says = || async { self.script(script).await.is_ok_and(|said| said == true) };
        self.until(what, limit, says).await
    }

    /// Waits until something is on the page.
    pub async fn wait_for(&self, id: &str, limit: Duration) -> anyhow::Result<()> {
        self.until(&format!("waiting for {id}"), limit, || self.has(id))
            .await
    }

    /// Presses something as soon as it can be pressed: it is there, enabled, and under nothing else, such as a dialog
    /// that is just going away.
    pub async fn press(&self, id: &str) -> anyhow::Result<()> {
        self.until(&format!("waiting to press {id}"), SOON, || self.press_now(id))
            .await
    }

    /// Types into a field.
    pub async fn type_into(&self, id: &str, text: &str) -> anyhow::Result<()> {
        self.wait_for(id, SOON).await?;
        let element = self.find(id).await.with_context(|| format!("{id} went away"))?;
        element.clear().await?;
        Ok(element.send_keys(text).await?)
    }

    /// Presses keys wherever the focus is.
    pub async fn keys(&self, keys: &str) -> anyhow::Result<()> {
        let body = self.client.find(Locator::Css("body")).await?;
        Ok(body.send_keys(keys).await?)
    }

    /// Runs a script in the page.
    pub async fn script(&self, script: &str) -> anyhow::Result<Value> {
        Ok(timeout(REQUEST_LIMIT, self.client.execute(script, Vec::new()))
            .await
            .context("the window does not answer")??)
    }

    async fn text_of_page(&self) -> String {
        match self.script("return document.body.innerText").await {
            Ok(Value::String(text)) => text,
            _ => "(nothing)".to_owned(),
        }
    }

    /// Leaves a picture of what is shown, in both themes, as `<name>-light.png` and `<name>-dark.png`.
    pub async fn shoot(&self, name: &str) -> anyhow::Result<()> {
        let Some(folder) = &self.screenshots else {
            return Ok(());
        };
        for theme in THEMES {
            self.script(&format!("document.documentElement.dataset.theme = '{theme}'"))
                .await?;
            self.shoot_to(&folder.join(format!("{name}-{theme}.png"))).await?;
        }
        self.script("delete document.documentElement.dataset.theme")
            .await?;
        Ok(())
    }

    /// One picture. Right after a change WebKit can still show the old page: two frames and a moment later it does not.
    pub async fn shoot_to(&self, path: &Path) -> anyhow::Result<()> {
        let settle = "const done = arguments[arguments.length - 1]; \
                      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 250)));";
        timeout(REQUEST_LIMIT, self.client.execute_async(settle, Vec::new()))
            .await
            .context("the window does not answer")??;
        let png = timeout(REQUEST_LIMIT, self.client.screenshot())
            .await
            .context("no picture in time")??;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, png)?)
    }

    /// Presses something if it can be pressed at this moment, and says whether it was.
    async fn press_now(&self, id: &str) -> bool {
        match self.find(id).await {
            Some(element) if element.is_enabled().await.unwrap_or(false) => element.click().await.is_ok(),
            _ => false,
        }
    }
}

/// The first number in what an element says.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let digits: String = text
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    digits.parse().ok()
}

fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
