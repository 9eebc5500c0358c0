//! A league with a lot on the block, pods that serve it, and sockets that listen.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use gavelscope_backend::{Database, Demo, DemoSpec, Redis, Running, Settings, seed_demo, start};
use gavelscope_contract::health::Health;
use gavelscope_contract::{Money, PodId};
use gavelscope_wire::connection::{ConnectOptions, Connection, Endpoint, Incoming, connect};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a test says that it never came.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A league with a lot on the block for an hour, and a folder for whatever serves it.
pub struct Hall {
    pub folder: TempDir,
    pub demo: Demo,
    http: reqwest::Client,
    price: u32,
}

impl Hall {
    /// With so many managers. The pod that sets it up is gone afterwards.
    pub async fn open(people: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let founder = start(settings(&folder, "founder", Redis::default()))
            .await
            .unwrap();
        let spec = DemoSpec {
            timer_seconds: 3_600,
            budget: Money::from_pounds(2_000_000_000),
            ..DemoSpec::practice("Hanna", people - 1)
        };
        let demo = seed_demo(&founder, &spec).await.unwrap();
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let begin = format!("{}/api/auction/{}/begin", founder.url(), demo.auction);
        let begin = http.post(begin).bearer_auth(demo.people[0].access_token.expose());
        begin.send().await.unwrap().error_for_status().unwrap();
        founder.stop().await;
        Self {
            folder,
            demo,
            http,
            price: 0,
        }
    }

    /// A pod in this process.
    pub async fn pod(&self, name: &str, redis: Redis) -> Running {
        start(settings(&self.folder, name, redis)).await.unwrap()
    }

    /// Two of them.
    pub async fn pods(&self, redis: &Redis) -> (Running, Running) {
        (
            self.pod("a", redis.clone()).await,
            self.pod("b", redis.clone()).await,
        )
    }

    /// A bid above every one before, which has to be accepted; its price.
    pub async fn bid(&mut self, url: &str) -> Money {
        self.price += 1;
        let amount = Money::from_pounds(1_000_000 + self.price * 10_000);
        let person = &self.demo.people[self.price as usize % self.demo.people.len()];
        let request = self
            .http
            .post(format!("{url}/api/auction/{}/bid", self.demo.auction))
            .bearer_auth(person.access_token.expose())
            .json(&json!({ "userId": person.user.id, "amount": amount }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        amount
    }

    /// What the pod says of itself.
    pub async fn health(&self, url: &str) -> Health {
        let answer = self.http.get(format!("{url}/health")).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Waits until the pod says this of itself; how long that took.
    pub async fn wait_for_health(&self, url: &str, status: &str) -> (Health, Duration) {
        let since = Instant::now();
        loop {
            let health = self.health(url).await;
            if health.status == status {
                return (health, since.elapsed());
            }
            assert!(since.elapsed() < PATIENCE, "never {status}: {health:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Somebody's socket, in the auction's room.
    pub async fn socket(&self, url: &str, person: usize) -> Socket {
        let token = self.demo.people[person].access_token.expose();
        let options = ConnectOptions::default()
            .with_auth(&json!({ "token": token }))
            .unwrap();
        let connection = connect(&Endpoint::parse(url).unwrap(), &options).await.unwrap();
        let mut socket = Socket {
            connection,
            waiting: VecDeque::new(),
            room: json!({ "auctionId": self.demo.auction }),
        };
        socket.join().await;
        socket
    }
}

fn settings(folder: &TempDir, name: &str, redis: Redis) -> Settings {
    Settings {
        database: Database::File(folder.path().join("auction.db")),
        pod: PodId::from(name),
        redis,
        ..Settings::practice()
    }
}

/// Why the pods do not hear each other, as a pod says it.
pub fn reason(health: &Health) -> String {
    let adapter = health
        .socketio
        .as_ref()
        .and_then(|io| io.adapter.clone())
        .unwrap();
    adapter.reason.unwrap_or_default()
}

/// A socket in the auction's room.
pub struct Socket {
    connection: Connection,
    waiting: VecDeque<(String, Value)>,
    room: Value,
}

impl Socket {
    /// Joins the room, again if need be; how many are in it here, and over all pods.
    pub async fn join(&mut self) -> (u64, Option<u64>) {
        let answer = self.call("join_auction").await;
        assert_eq!(answer["ok"], true, "{answer}");
        (
            answer["roomSize"].as_u64().unwrap(),
            answer["clusterRoomSize"].as_u64(),
        )
    }

    pub async fn leave(&mut self) {
        let answer = self.call("leave_auction").await;
        assert_eq!(answer["ok"], true, "{answer}");
    }

    /// Asks until so many are in the room over all pods.
    pub async fn wait_for_cluster_size(&mut self, wanted: u64) -> Duration {
        let since = Instant::now();
        loop {
            let (_, size) = self.join().await;
            if size == Some(wanted) {
                return since.elapsed();
            }
            assert!(since.elapsed() < PATIENCE, "{size:?} and never {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn call(&mut self, event: &str) -> Value {
        let id = self.connection.emit_with_ack(event, &self.room).unwrap();
        loop {
            match self.incoming().await {
                Incoming::Event(event) => self.keep(&event),
                Incoming::Ack(ack) if ack.id() == id => {
                    return serde_json::from_str(ack.first_argument().unwrap()).unwrap();
                }
                _ => {}
            }
        }
    }

    async fn incoming(&mut self) -> Incoming {
        let next = tokio::time::timeout(PATIENCE, self.connection.next());
        next.await.expect("something comes in time").unwrap()
    }

    fn keep(&mut self, event: &gavelscope_wire::connection::Event) {
        let payload = event.first_argument().unwrap_or("null");
        let payload = serde_json::from_str(payload).unwrap();
        self.waiting.push_back((event.name().to_owned(), payload));
    }

    /// The next event.
    pub async fn any(&mut self) -> (String, Value) {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return event;
            }
            if let Incoming::Event(event) = self.incoming().await {
                self.keep(&event);
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
        let came = tokio::time::timeout(PATIENCE, wait).await;
        came.unwrap_or_else(|_| panic!("{name} never came"))
    }

    /// The prices of all bids that come up to this one.
    pub async fn bids_up_to(&mut self, last: Money) -> Vec<Money> {
        let mut prices = Vec::new();
        while prices.last() != Some(&last) {
            let bid = self.event("bid_update").await;
            prices.push(serde_json::from_value(bid["amount"].clone()).unwrap());
        }
        prices
    }
}
