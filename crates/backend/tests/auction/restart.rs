//! A process is killed in the middle of an auction, and the next one goes on with it.

use std::time::Duration;

use gavelscope_backend::{Demo, DemoSpec, Settings, seed_demo, start};
use gavelscope_contract::auction::{AuctionSnapshot, AuctionStatus};
use serde_json::json;

use crate::common::databases::{Shared, shared};
use crate::common::process::Process;
use crate::common::{Callers, callers, settings, spec};

/// A league in a database.
pub async fn seeded(database: &Shared, spec: DemoSpec) -> Demo {
    let settings = Settings {
        database: database.database.clone(),
        ..settings()
    };
    let running = start(settings).await.unwrap();
    let demo = seed_demo(&running, &spec).await.unwrap();
    running.stop().await;
    demo
}

fn quick(timer_seconds: u32) -> DemoSpec {
    DemoSpec {
        timer_seconds,
        anti_snipe_seconds: 0,
        ..spec(2)
    }
}

async fn wait_for_lot(hall: &Callers, number: u32) {
    let wait = async {
        while hall.snapshot().await.auction.current_lot < number {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .unwrap_or_else(|_| panic!("lot {number} never came"));
}

#[tokio::test]
async fn killed_mid_lot_the_lot_goes_on_to_the_same_deadline() {
    let database = shared(crate::ON);
    let demo = seeded(&database, quick(3)).await;
    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    hall.command(0, "begin").await.ok();
    hall.bid_with_key(1, 2_000_000, Some("k")).await.ok();
    let before = hall.snapshot().await;
    drop(process);

    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    let after = hall.snapshot().await;
    assert_eq!(
        after.auction, before.auction,
        "price, leader and deadline are as they were"
    );
    let seq = |snapshot: &AuctionSnapshot| snapshot.stream.as_ref().unwrap().seq;
    assert_eq!(seq(&after), seq(&before), "the stream goes on where it stood");
    let again = hall.bid_with_key(1, 2_000_000, Some("k")).await.ok();
    assert_eq!(again["bid"]["seq"], 1, "even the key is remembered");
    wait_for_lot(&hall, 2).await;
    let events = hall.all_events().await;
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    let countdown = ["next_team_countdown"; 4];
    let mut expected = vec!["lot_started", "bid_update", "bid_placed", "sold"];
    expected.extend(countdown);
    expected.push("lot_started");
    assert_eq!(names, expected);
    let sold = &events[3].payload;
    assert_eq!(sold["winningBid"]["userId"], hall.id(1));
    let deadline = before.auction.timer_ends_at.unwrap().millis();
    assert_eq!(sold["timer"]["endsAt"], deadline);
}

#[tokio::test]
async fn killed_in_the_three_two_one_it_counts_on() {
    let database = shared(crate::ON);
    let demo = seeded(&database, quick(600)).await;
    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    hall.command(0, "begin").await.ok();
    hall.bid(1, 2_000_000).await.ok();
    let mut socket = hall.in_the_room(0).await;
    let completing = {
        let hall = hall.clone();
        tokio::spawn(async move {
            let path = format!("{}/api/auction/{}/complete-lot", hall.url, hall.auction);
            let token = hall.people[0].access_token.expose();
            // The server dies before it answers.
            let _ = hall.http.post(path).bearer_auth(token).send().await;
        })
    };
    assert_eq!(socket.event("next_team_countdown").await["seconds"], 3);
    drop(process);
    completing.await.unwrap();

    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    wait_for_lot(&hall, 2).await;
    let events = hall.all_events().await;
    let sold = events.iter().filter(|event| event.name == "sold").count();
    assert_eq!(sold, 1, "the hammer fell once");
    let said: Vec<_> = events
        .iter()
        .filter(|event| event.name == "next_team_countdown")
        .map(|event| event.payload["seconds"].as_u64().unwrap())
        .collect();
    assert!(
        said.is_sorted_by(|a, b| a > b) && said.last() == Some(&0),
        "{said:?}"
    );
}

#[tokio::test]
async fn killed_and_started_past_the_deadline_the_hammer_falls_at_once() {
    let database = shared(crate::ON);
    let demo = seeded(&database, quick(1)).await;
    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    hall.command(0, "begin").await.ok();
    hall.bid(1, 2_000_000).await.ok();
    drop(process);
    // The time in which nobody is there is what is tested.
    tokio::time::sleep(Duration::from_millis(1_200)).await;

    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    assert_eq!(
        hall.bid(0, 3_000_000).await.verdict(),
        (400, "lot_closed"),
        "no bid slips in"
    );
    wait_for_lot(&hall, 2).await;
    let clubs = hall
        .get(0, &format!("/api/auction/{}/clubs", hall.auction))
        .await
        .ok();
    assert_eq!(
        (&clubs["clubs"][0]["winnerId"], &clubs["clubs"][0]["winningBid"]),
        (&json!(hall.id(1)), &json!(2_000_000))
    );
}

#[tokio::test]
async fn a_paused_auction_is_still_paused_after_a_restart() {
    let database = shared(crate::ON);
    let demo = seeded(&database, quick(600)).await;
    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    hall.command(0, "begin").await.ok();
    let left = hall.command(0, "pause").await.ok()["remainingTime"].clone();
    drop(process);

    let process = Process::on(&database);
    let hall = callers(process.url.clone(), &demo);
    assert_eq!(hall.snapshot().await.auction.status, AuctionStatus::Paused);
    assert_eq!(hall.command(0, "resume").await.ok()["remainingTime"], left);
    hall.bid(1, 2_000_000).await.ok();
}
