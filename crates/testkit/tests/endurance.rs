//! What a session leaves behind when its link is lost again and again, and what it costs while there is nobody to talk
//! to. One test in a process of its own: descriptors, threads and processor time are counted for the whole process.
//!
//! `GAVELSCOPE_SOAK=1` makes a thousand cycles over each transport and five minutes without a server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, Instant};

use gavelscope_client::address::DEFAULT_PATH;
use gavelscope_client::state::{LinkPhase, SessionState, TransportKind};
use gavelscope_client::{ServerAddress, Session, SessionConfig};
use gavelscope_testkit::pods::{Pod, PodKind, PodOptions, Seed, seed};
use gavelscope_testkit::proxy::{Fault, Proxy};

/// Cycles before the counting begins: caches fill, pools grow.
const WARM_UP: u32 = 20;

fn soak() -> bool {
    std::env::var_os("GAVELSCOPE_SOAK").is_some()
}

/// What this process holds.
#[derive(Debug, Clone, Copy)]
struct Holdings {
    descriptors: usize,
    threads: usize,
    tasks: usize,
    kilobytes: u64,
}

impl Holdings {
    fn now() -> Self {
        let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            kilobytes: line.split_whitespace().nth(1).unwrap().parse().unwrap(),
        }
    }

    /// Whether what could leak is not more than it was. Idle REST connections come and go, and each counts at both ends
    /// of the proxy; a leak in a thousand cycles is far beyond that.
    fn is_no_more_than(self, before: Self) -> bool {
        self.descriptors <= before.descriptors + 8
            && self.threads <= before.threads + 1
            && self.tasks <= before.tasks + 3
    }
}

/// Processor time of this process, in hundredths of a second.
fn ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = text.rsplit_once(')').unwrap().1;
    let fields: Vec<u64> = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse().unwrap())
        .collect();
    fields.iter().sum()
}

async fn until(session: &Session, what: &str, holds: impl Fn(&SessionState) -> bool) {
    let mut state = session.state();
    let found = tokio::time::timeout(Duration::from_secs(30), state.wait_for(|state| holds(state))).await;
    assert!(
        found.is_ok(),
        "never: {what}; the link is {:#?}",
        session.state().borrow().connection
    );
}

fn joined(state: &SessionState) -> bool {
    state.connection.phase == LinkPhase::Online && state.auctions.first().is_some_and(|view| view.room.joined)
}

async fn session(proxy: &Proxy, seed: &Seed, transport: TransportKind) -> Session {
    let address = ServerAddress::parse(&proxy.url(), DEFAULT_PATH).unwrap();
    let config = SessionConfig::new(address, seed.people[0].clone(), transport);
    let session = Session::start(config).unwrap();
    session.open_auction(seed.auction.clone()).await.unwrap();
    until(&session, "joined", joined).await;
    session
}

async fn lose_and_come_back(session: &Session, proxy: &Proxy) {
    let before = session.state().borrow().connection.reconnects;
    proxy.reset_all();
    until(session, "the loss", |state| {
        state.connection.phase != LinkPhase::Online || state.connection.reconnects > before
    })
    .await;
    session.retry_now().await;
    until(session, "back in the room", |state| {
        state.connection.reconnects > before && joined(state)
    })
    .await;
}

async fn cycles(proxy: &Proxy, seed: &Seed, transport: TransportKind, count: u32) {
    let session = session(proxy, seed, transport).await;
    for _ in 0..WARM_UP {
        lose_and_come_back(&session, proxy).await;
    }
    let before = Holdings::now();
    for _ in 0..count {
        lose_and_come_back(&session, proxy).await;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut after = Holdings::now();
    while !after.is_no_more_than(before) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = Holdings::now();
    }
    println!("{transport:?}, {count} cycles: {before:?} → {after:?}");
    assert!(after.is_no_more_than(before), "{before:?} became {after:?}");
    // The feed and the history of the link fill up to their bounds; a cycle that leaks leaves a socket's buffers.
    let grown = after.kilobytes.saturating_sub(before.kilobytes);
    assert!(
        grown < 6_000 + u64::from(count) * 4,
        "{grown} kB more after {count} cycles"
    );
    session.close().await;
}

async fn nobody_there(proxy: &Proxy, seed: &Seed, transport: TransportKind, seconds: u64) {
    let session = session(proxy, seed, transport).await;
    proxy.set(Fault::Refuse).await;
    proxy.reset_all();
    until(&session, "the loss", |state| {
        state.connection.phase != LinkPhase::Online
    })
    .await;
    let before = ticks();
    // This waits for time to pass, and for nothing else.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let used = ticks() - before;
    let attempts = session.state().borrow().connection.attempt;
    println!(
        "{transport:?}: {used} hundredths of a second of processor time in {seconds} s, {attempts} attempts"
    );
    // One hundredth of a core, and what the first quick attempts cost.
    assert!(
        used <= seconds + 30,
        "{used} hundredths of a second in {seconds} s"
    );
    proxy.set(Fault::None).await;
    session.retry_now().await;
    until(&session, "back in the room", joined).await;
    session.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losses_leave_nothing_behind_and_waiting_costs_nothing() {
    let (count, seconds) = if soak() { (1_000, 300) } else { (40, 8) };
    let pod = Pod::start(PodKind::Gaveld, PodOptions::default()).await.unwrap();
    let seed = seed(&pod.url(), 1).await.unwrap();
    let proxy = Proxy::start(pod.port()).await.unwrap();
    for transport in [TransportKind::Wire, TransportKind::RustSocketio] {
        cycles(&proxy, &seed, transport, count).await;
        nobody_there(&proxy, &seed, transport, seconds).await;
    }
}
