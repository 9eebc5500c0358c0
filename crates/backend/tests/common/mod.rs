//! What the tests share: a backend in this process, people who call it over HTTP, and sockets that listen.
#![allow(dead_code, reason = "each test binary uses its part")]

pub mod databases;
pub mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use databases::{execute, fresh};
use futures_util::{SinkExt, StreamExt};
use gavelscope_backend::{Clock, Database, Demo, DemoSpec, Running, Settings, SystemClock, seed_demo, start};
use gavelscope_contract::auction::{AuctionSnapshot, EventPage};
use gavelscope_contract::auth::SignIn;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderName;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// How long anything may take before a test says that it never came.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The system's clock, which a test can set forward; that of PostgreSQL goes with it.
#[derive(Debug)]
pub struct JumpingClock {
    ahead: AtomicI64,
    database: Database,
}

impl JumpingClock {
    pub fn jump(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        let ahead = self.ahead.fetch_add(by, Ordering::SeqCst) + by;
        if let Database::Postgres(url) = &self.database {
            let statement = format!(
                "CREATE OR REPLACE FUNCTION gaveld_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS
                     'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT + {ahead}'"
            );
            execute(url.expose(), statement);
        }
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> i64 {
        SystemClock.now() + self.ahead.load(Ordering::SeqCst)
    }
}

/// An answer over HTTP.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub pod: Option<String>,
    pub body: Value,
}

impl Answer {
    /// Status and code, which is what a refusal is judged by.
    pub fn verdict(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or("no code"))
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

/// People who call a backend.
#[derive(Debug, Clone)]
pub struct Callers {
    pub url: String,
    pub http: reqwest::Client,
    pub people: Vec<SignIn>,
    pub auction: String,
    pub league: String,
}

impl Callers {
    pub async fn call(&self, method: Method, path: &str, who: Option<usize>, body: Option<Value>) -> Answer {
        let token = who.map(|who| self.people[who].access_token.expose().to_owned());
        self.call_with(method, path, token.as_deref(), body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server answers");
        Answer {
            status: response.status().as_u16(),
            pod: response
                .headers()
                .get("x-pod-id")
                .map(|pod| pod.to_str().unwrap().to_owned()),
            body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null),
        }
    }

    pub async fn post(&self, who: usize, path: &str) -> Answer {
        self.call(Method::POST, path, Some(who), None).await
    }

    pub async fn get(&self, who: usize, path: &str) -> Answer {
        self.call(Method::GET, path, Some(who), None).await
    }

    /// A call on the auction.
    pub async fn command(&self, who: usize, what: &str) -> Answer {
        self.post(who, &format!("/api/auction/{}/{what}", self.auction))
            .await
    }

    pub fn id(&self, who: usize) -> &str {
        self.people[who].user.id.as_str()
    }

    pub async fn bid(&self, who: usize, pounds: impl Into<Value>) -> Answer {
        self.bid_with_key(who, pounds, None).await
    }

    pub async fn bid_with_key(&self, who: usize, pounds: impl Into<Value>, key: Option<&str>) -> Answer {
        let body = json!({"userId": self.id(who), "amount": pounds.into()});
        let token = self.people[who].access_token.expose();
        let headers: Vec<_> = key.map(|key| ("Idempotency-Key", key)).into_iter().collect();
        let path = format!("/api/auction/{}/bid", self.auction);
        self.call_with(Method::POST, &path, Some(token), Some(body), &headers)
            .await
    }

    pub async fn snapshot(&self) -> AuctionSnapshot {
        let body = self.get(0, &format!("/api/auction/{}", self.auction)).await.ok();
        serde_json::from_value(body).unwrap()
    }

    pub async fn events(&self, after: u64) -> EventPage {
        let path = format!("/api/auction/{}/events?after={after}", self.auction);
        serde_json::from_value(self.get(0, &path).await.ok()).unwrap()
    }

    /// Every event that was kept, over all pages.
    pub async fn all_events(&self) -> Vec<gavelscope_contract::auction::KeptEvent> {
        let mut events = Vec::new();
        loop {
            let page = self.events(events.len() as u64).await;
            if page.events.is_empty() {
                return events;
            }
            events.extend(page.events);
        }
    }

    pub async fn socket(&self, who: usize) -> Socket {
        let token = self.people[who].access_token.expose();
        Socket::open(&self.url, json!({ "token": token })).await
    }

    /// A socket that is in the auction's room.
    pub async fn in_the_room(&self, who: usize) -> Socket {
        let mut socket = self.socket(who).await;
        let join = json!({"auctionId": self.auction, "userId": self.id(who)});
        let ack = socket.call("join_auction", join).await;
        assert_eq!(ack["ok"], true, "{ack}");
        socket
    }
}

/// A backend in this process, with a league in it.
pub struct Hall {
    pub running: Running,
    pub demo: Demo,
    pub callers: Callers,
}

impl std::ops::Deref for Hall {
    type Target = Callers;
    fn deref(&self) -> &Callers {
        &self.callers
    }
}

/// Long lots, so that nothing happens by itself: £20m, two slots, four clubs.
pub fn spec(people: usize) -> DemoSpec {
    DemoSpec {
        lots: 4,
        timer_seconds: 600,
        anti_snipe_seconds: 10,
        budget: gavelscope_contract::Money::from_pounds(20_000_000),
        club_slots: 2,
        ..DemoSpec::practice("Hanna", people - 1)
    }
}

/// A fresh database of the suite's kind, and a pause between two lots that takes 30 ms.
pub fn settings() -> Settings {
    Settings {
        database: fresh(crate::ON),
        countdown_step: Duration::from_millis(10),
        ..Settings::practice()
    }
}

pub fn callers(url: String, demo: &Demo) -> Callers {
    Callers {
        url,
        http: reqwest::Client::new(),
        people: demo.people.clone(),
        auction: demo.auction.to_string(),
        league: demo.league.to_string(),
    }
}

impl Hall {
    pub async fn open(settings: Settings, spec: DemoSpec) -> Self {
        let running = start(settings).await.unwrap();
        let demo = seed_demo(&running, &spec).await.unwrap();
        let callers = callers(running.url(), &demo);
        Self {
            running,
            demo,
            callers,
        }
    }

    /// The same with the first lot on the block.
    pub async fn begun(settings: Settings, spec: DemoSpec) -> Self {
        let hall = Self::open(settings, spec).await;
        hall.command(0, "begin").await.ok();
        hall
    }

    /// With a clock that can be set forward.
    pub async fn with_clock(spec: DemoSpec) -> (Self, Arc<JumpingClock>) {
        let settings = settings();
        let clock = Arc::new(JumpingClock {
            ahead: AtomicI64::new(0),
            database: settings.database.clone(),
        });
        let settings = Settings {
            clock: clock.clone(),
            // Long enough that a busy machine says every number of the 3-2-1.
            countdown_step: Duration::from_millis(250),
            ..settings
        };
        (Self::begun(settings, spec).await, clock)
    }

    /// Somebody who is in no league.
    pub async fn outsider(&mut self) -> usize {
        let email = "outsider@practice.example";
        let link = json!({ "email": email });
        let link = self
            .call(Method::POST, "/api/auth/magic-link", None, Some(link))
            .await
            .ok();
        let verify = json!({"email": email, "token": link["token"]});
        let signed_in = self
            .call(Method::POST, "/api/auth/verify-magic-link", None, Some(verify))
            .await
            .ok();
        self.callers
            .people
            .push(serde_json::from_value(signed_in).unwrap());
        self.people.len() - 1
    }
}

/// A socket, spoken by hand: what is tested must not test itself.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came while something else was waited for.
    waiting: std::collections::VecDeque<(String, Value)>,
    next_ack: u32,
    pub sid: String,
}

enum Frame {
    Event(String, Value),
    Ack(u32, Value),
}

impl Socket {
    pub async fn open(url: &str, auth: Value) -> Self {
        Self::open_with(url, auth, &[]).await
    }

    pub async fn open_with(url: &str, auth: Value, headers: &[(&str, &str)]) -> Self {
        let mut socket = Self::try_open(url, auth, headers).await.unwrap();
        assert!(socket.text().await.starts_with("40{"), "the namespace is open");
        let connected = socket.event("connected").await;
        socket.sid.push_str(connected["sid"].as_str().unwrap());
        socket
    }

    /// A socket that the namespace refuses: its words.
    pub async fn refused(url: &str, auth: Value, headers: &[(&str, &str)]) -> String {
        let mut socket = Self::try_open(url, auth, headers).await.unwrap();
        let answer = socket.text().await;
        let reason = answer.strip_prefix("44").expect("the namespace is refused");
        reason.to_owned()
    }

    /// Opens a websocket and asks for the namespace, whose answer is still to be read.
    pub async fn try_open(
        url: &str,
        auth: Value,
        headers: &[(&str, &str)],
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let url = url.replace("http://", "ws://") + "/api/socket.io/?EIO=4&transport=websocket";
        let mut request = url.into_client_request()?;
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (stream, _) = Box::pin(tokio_tungstenite::connect_async(request)).await?;
        let mut socket = Self {
            stream,
            waiting: std::collections::VecDeque::new(),
            next_ack: 0,
            sid: String::new(),
        };
        assert!(socket.text().await.starts_with("0{"), "the handshake comes first");
        socket.send(format!("40{auth}")).await;
        Ok(socket)
    }

    async fn send(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    async fn text(&mut self) -> String {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("a frame comes in time")
                .expect("the socket is open")
                .unwrap();
            match message {
                Message::Text(text) if text.as_str() == "2" => self.send("3".to_owned()).await,
                Message::Text(text) => return text.as_str().to_owned(),
                _ => {}
            }
        }
    }

    async fn frame(&mut self) -> Frame {
        let text = self.text().await;
        let body = text.strip_prefix('4').expect("a Socket.IO packet");
        let (kind, rest) = body.split_at(1);
        let start = rest.find('[').expect("arguments");
        let arguments: Value = serde_json::from_str(&rest[start..]).unwrap();
        match kind {
            "2" => Frame::Event(arguments[0].as_str().unwrap().to_owned(), arguments[1].clone()),
            "3" => Frame::Ack(rest[..start].parse().unwrap(), arguments[0].clone()),
            other => panic!("unexpected packet {other} in {text}"),
        }
    }

    /// The next event, whatever it is.
    pub async fn any(&mut self) -> (String, Value) {
        if let Some(event) = self.waiting.pop_front() {
            return event;
        }
        match self.frame().await {
            Frame::Event(name, payload) => (name, payload),
            Frame::Ack(id, _) => panic!("nobody waits for ack {id}"),
        }
    }

    /// The next event, as long as the socket is open: for one whose pod is going to be killed.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            match self.stream.next().await?.ok()? {
                Message::Text(text) if text.as_str() == "2" => {
                    self.stream.send(Message::text("3")).await.ok()?;
                }
                Message::Text(text) if text.starts_with("42[") => {
                    let arguments: Value = serde_json::from_str(&text[2..]).ok()?;
                    return Some((arguments[0].as_str()?.to_owned(), arguments[1].clone()));
                }
                _ => {}
            }
        }
    }

    /// The next event of a name; those before it are passed over.
    pub async fn event(&mut self, name: &str) -> Value {
        let wait = async {
            loop {
                let (came, payload) = self.any().await;
                if came == name {
                    return payload;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{name} never came"))
    }

    /// Emits, and waits for the ack; events that come before it are kept.
    pub async fn call(&mut self, event: &str, payload: Value) -> Value {
        let id = self.next_ack;
        self.next_ack += 1;
        self.send(format!("42{id}{}", json!([event, payload]))).await;
        loop {
            match self.frame().await {
                Frame::Event(name, payload) => self.waiting.push_back((name, payload)),
                Frame::Ack(came, answer) if came == id => return answer,
                Frame::Ack(..) => {}
            }
        }
    }

    /// Emits without asking for an ack.
    pub async fn say(&mut self, event: &str, payload: Value) {
        self.send(format!("42{}", json!([event, payload]))).await;
    }

    /// What came while something else was waited for.
    pub fn heard(&mut self) -> impl Iterator<Item = (String, Value)> {
        self.waiting.drain(..)
    }

    pub async fn close(mut self) {
        self.stream.close(None).await.unwrap();
    }
}
