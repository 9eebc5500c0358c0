//! Several pods on one database: whoever takes a call, and whichever of them has the clock, there is one auction.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gavelscope_backend::{Clock, DemoSpec, Running, Settings, Store, SystemClock, start};
use gavelscope_contract::AuctionId;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::common::databases::{Shared, shared};
use crate::common::process::Process;
use crate::common::{Callers, Hall, PATIENCE, callers, settings, spec};
use crate::restart::seeded;

/// Two pods in this process, the first with a begun auction and its clock.
struct Pair {
    here: Hall,
    there: Running,
    over_there: Callers,
    _database: Shared,
}

impl Pair {
    async fn begun(spec: DemoSpec) -> Self {
        let database = shared(crate::ON);
        let settings = Settings {
            database: database.database.clone(),
            ..settings()
        };
        let here = Hall::begun(settings.clone(), spec).await;
        let there = start(settings).await.unwrap();
        let over_there = Callers {
            url: there.url(),
            ..here.callers.clone()
        };
        Self {
            here,
            there,
            over_there,
            _database: database,
        }
    }
}

/// A look into a database beside the pods.
async fn store(database: &Shared) -> Store {
    let clock = Arc::new(SystemClock);
    Store::open(&database.database, clock, 5_000, Duration::from_secs(1))
        .await
        .unwrap()
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(since.elapsed() < 3 * PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn boot_of(pod: &Callers) -> String {
    let health = pod.call(reqwest::Method::GET, "/health", None, None).await.ok();
    health["bootId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_that_start_at_once_on_a_new_database_make_its_tables_once() {
    let database = shared(crate::ON);
    let settings = || Settings {
        database: database.database.clone(),
        ..settings()
    };
    let (one, two, three) = tokio::join!(start(settings()), start(settings()), start(settings()));
    for started in [one, two, three] {
        started.unwrap().stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_and_a_key_of_one_pod_hold_on_the_other() {
    let pair = Pair::begun(spec(2)).await;
    let (one, other) = tokio::join!(
        pair.here.bid_with_key(1, 2_000_000, Some("k")),
        pair.over_there.bid_with_key(1, 2_000_000, Some("k")),
    );
    assert_eq!(
        one.ok(),
        other.ok(),
        "the same key gets the same answer, wherever"
    );
    assert_eq!(pair.here.snapshot().await.bids.len(), 1, "and leaves one bid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pod_with_the_clock_sees_what_another_one_did() {
    let pair = Pair::begun(spec(2)).await;
    let mut room = pair.here.in_the_room(1).await;
    room.event("tick").await;
    pair.over_there.command(0, "pause").await.ok();
    until("the clock stands still", async || {
        // A tick and a half without one.
        let quiet = tokio::time::timeout(Duration::from_millis(750), room.event("tick")).await;
        quiet.is_err().then_some(())
    })
    .await;
    pair.over_there.command(0, "resume").await.ok();
    room.event("tick").await;
    pair.over_there.command(0, "complete-lot").await.ok();
    assert_eq!(
        pair.over_there.snapshot().await.auction.current_lot,
        2,
        "it answered when the next lot was on the block, which the other pod put there"
    );
    room.event("lot_started").await;
    pair.over_there.bid(1, 1_000_000).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_stops_hands_its_clock_over_and_the_epoch_changes() {
    let pair = Pair::begun(spec(2)).await;
    let before = pair.over_there.snapshot().await.stream.unwrap();
    let mut room = pair.over_there.in_the_room(1).await;
    pair.here.running.stop().await;
    let tick = room.event("tick").await;
    assert_ne!(tick["stream"]["epoch"], json!(before.epoch));
    let boot = boot_of(&pair.over_there).await;
    let auction = AuctionId(pair.over_there.auction.clone());
    let (lease, _) = pair.there.store().lease_of(&auction).await.unwrap();
    let lease = lease.unwrap();
    assert_eq!((lease.holder, lease.fence), (boot, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_wait_on_a_pod_that_is_gone_are_shown_out_and_nobody_else() {
    let database = shared(crate::ON);
    let demo = seeded(&database, spec(3)).await;
    let (first, second) = (Process::on(&database), Process::on(&database));
    let (here, there) = (
        callers(first.url.clone(), &demo),
        callers(second.url.clone(), &demo),
    );
    let _on_both = (here.in_the_room(0).await, there.in_the_room(0).await);
    let _here = here.in_the_room(1).await;
    let _there = there.in_the_room(2).await;
    let who = async || there.snapshot().await.auction.users_in_waiting_room;
    assert_eq!(who().await.len(), 3, "a pod that starts shows nobody out");
    drop(first);
    until("those who waited there only are out", async || {
        (who().await.len() == 2).then_some(())
    })
    .await;
    let left: Vec<_> = who().await.iter().map(|user| user.0.clone()).collect();
    assert_eq!(left, [there.id(0), there.id(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_pods_clock_goes_on_and_bids_all_the_while() {
    let database = shared(crate::ON);
    let demo = seeded(&database, spec(2)).await;
    let mut holder = Process::on(&database);
    callers(holder.url.clone(), &demo).command(0, "begin").await.ok();
    let mut stood_still = Vec::new();
    let mut pounds = 1_000_000;
    for _ in 0..3 {
        let next = Process::on(&database);
        let there = callers(next.url.clone(), &demo);
        let mut room = there.in_the_room(1).await;
        drop(holder);
        let killed = SystemClock.now();
        let ticked = AtomicBool::new(false);
        let tick = async {
            let tick = room.event("tick").await;
            ticked.store(true, Ordering::Relaxed);
            tick
        };
        // Every bid to its end: one that was given up may count all the same.
        let bids = async {
            while !ticked.load(Ordering::Relaxed) {
                // Not three seconds apart from each other: whoever leads is refused for that alone.
                there.bid(usize::from(pounds / 1_000 % 2 == 1), pounds).await.ok();
                pounds += 1_000;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let (tick, ()) = tokio::join!(tick, bids);
        stood_still.push(tick["serverNow"].as_i64().unwrap() - killed);
        holder = next;
    }
    println!("the clock stood still for {stood_still:?} ms");
    assert!(pounds > 1_010_000, "bids were taken all the while");
    // That it is less than three seconds is a sum of the periods (`clock_keeper`); how long it took here also tells how busy
    // this machine is.
    assert!(stood_still.iter().all(|still| *still < 30_000), "{stood_still:?}");
}

/// Every tick that was said: when, and by which pod. These pods share no rooms, so who hears it on a pod has it from that pod.
type Ticks = Arc<Mutex<Vec<(i64, String)>>>;

async fn listen(pod: &Callers, ticks: &Ticks) -> String {
    let boot = boot_of(pod).await;
    let (pod, ticks, said_by) = (pod.clone(), Arc::clone(ticks), boot.clone());
    tokio::spawn(async move {
        let mut room = pod.in_the_room(1).await;
        while let Some((name, payload)) = room.next().await {
            if name == "tick" {
                let said = payload["serverNow"].as_i64().unwrap();
                ticks.lock().unwrap().push((said, said_by.clone()));
            }
        }
    });
    boot
}

/// Notes whose the clock is, for as long as it is not aborted. A lease lasts far longer than a look takes.
fn watch_holders(look: &Store, auction: &AuctionId) -> (Arc<Mutex<BTreeMap<i64, String>>>, AbortHandle) {
    let (look, auction) = (look.clone(), auction.clone());
    let holders = Arc::new(Mutex::new(BTreeMap::new()));
    let noted = Arc::clone(&holders);
    let task = tokio::spawn(async move {
        loop {
            if let (Some(lease), _) = look.lease_of(&auction).await.unwrap() {
                noted.lock().unwrap().insert(lease.fence, lease.holder);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    (holders, task.abort_handle())
}

/// The holder is stopped or killed again and again, mostly just before it would have done something; stopped ones wake up
/// when another has long taken over.
#[allow(
    clippy::too_many_lines,
    reason = "one story, told from its beginning to its end"
)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_two_clocks() {
    let database = shared(crate::ON);
    let lots = 5;
    let spec = DemoSpec {
        lots,
        timer_seconds: 1,
        anti_snipe_seconds: 0,
        club_slots: 5,
        ..spec(2)
    };
    let demo = seeded(&database, spec).await;
    let look = store(&database).await;
    let auction = demo.auction.clone();
    let ticks = Ticks::default();
    let mut pods = BTreeMap::new();
    for _ in 0..3 {
        let pod = Process::on(&database);
        let calls = callers(pod.url.clone(), &demo);
        pods.insert(listen(&calls, &ticks).await, pod);
    }
    let anybody = pods.values().next().unwrap().url.clone();
    callers(anybody, &demo).command(0, "begin").await.ok();

    let (holders, watching) = watch_holders(&look, &auction);
    let mut last = None;
    for round in 0..5 {
        let holder = until("somebody has the clock", async || {
            let (lease, now) = look.lease_of(&auction).await.unwrap();
            let lease = lease.filter(|lease| now < lease.until)?;
            (last.as_ref() != Some(&lease.holder)).then_some(lease.holder)
        })
        .await;
        last = Some(holder.clone());
        // At another moment of a lot in every round.
        tokio::time::sleep(Duration::from_millis(170 * (round + 1))).await;
        if round == 2 {
            pods.remove(&holder);
            let pod = Process::on(&database);
            let calls = callers(pod.url.clone(), &demo);
            pods.insert(listen(&calls, &ticks).await, pod);
            continue;
        }
        pods[&holder].signal(Signal::STOP);
        until("another one has it", async || {
            let (lease, _) = look.lease_of(&auction).await.unwrap();
            lease.filter(|lease| lease.holder != holder)
        })
        .await;
        pods[&holder].signal(Signal::CONT);
    }
    let calls = callers(pods.values().next().unwrap().url.clone(), &demo);
    until("the auction is over", async || {
        let status = calls.snapshot().await.auction.status;
        (status == gavelscope_contract::auction::AuctionStatus::Completed).then_some(())
    })
    .await;

    // What was decided: every lot once and in order, every number of a 3-2-1 at most once, no epoch comes back.
    let events = calls.all_events().await;
    let mut epochs: Vec<&str> = events
        .iter()
        .filter_map(|event| event.payload["stream"]["epoch"].as_str())
        .collect();
    epochs.dedup();
    let mut distinct = epochs.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(epochs.len(), distinct.len(), "an epoch came back: {epochs:?}");
    assert!(epochs.len() > 1, "the clock moved");
    let started: Vec<&Value> = events
        .iter()
        .filter(|event| event.name == "lot_started")
        .map(|event| &event.payload["lotNumber"])
        .collect();
    let expected: Vec<Value> = (1..=started.len()).map(|number| json!(number)).collect();
    assert_eq!(started, expected.iter().collect::<Vec<_>>());
    let hammers = events.iter().filter(|event| event.name == "sold").count();
    assert_eq!(hammers, started.len(), "the hammer fell once a lot");
    let mut counted = Vec::new();
    for event in &events {
        match event.name.as_str() {
            "next_team_countdown" => counted.push(event.payload["seconds"].as_u64().unwrap()),
            "lot_started" => {
                assert!(counted.is_sorted_by(|a, b| a > b), "{counted:?}");
                counted.clear();
            }
            _ => {}
        }
    }

    // What was only said: in the order of the database's time the pods ticked in the order in which they had the clock.
    watching.abort();
    let holders: Vec<String> = holders.lock().unwrap().values().cloned().collect();
    let mut ticks = ticks.lock().unwrap().clone();
    ticks.sort();
    let mut turns: Vec<&String> = ticks.iter().map(|(_, pod)| pod).collect();
    turns.dedup();
    let mut left = holders.iter();
    let in_order = turns.iter().all(|pod| left.any(|holder| holder == *pod));
    assert!(
        in_order,
        "{ticks:?} were said while these had the clock: {holders:?}"
    );
    assert!(turns.len() > 1, "several pods ticked: {ticks:?}");
    println!(
        "{} ticks in {} turns of {} holders",
        ticks.len(),
        turns.len(),
        holders.len()
    );
}
