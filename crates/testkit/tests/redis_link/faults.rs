//! Redis goes away, in every way it can, and comes back.

use gavelscope_backend::Redis;
use gavelscope_testkit::proxy::{Fault, Proxy};
use gavelscope_testkit::services::redis::Redis as Server;

use tokio::net::{TcpListener, TcpStream};

use crate::hall::{Hall, reason};

/// The two pods lose each other by `harm`, for a reason with these words, and find each other after `mend`.
async fn lost_and_found(
    harm: impl AsyncFnOnce(&mut Server),
    words: &[&str],
    mend: impl AsyncFnOnce(&mut Server),
) {
    let mut hall = Hall::open(4).await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await.unwrap();
    let (a, b) = hall.pods(&Redis::at(server.url())).await;
    let (a_url, b_url) = (a.url(), b.url());
    let (mut on_a, mut on_b) = (hall.socket(&a_url, 0).await, hall.socket(&b_url, 1).await);
    let first = hall.bid(&a_url).await;
    assert_eq!(on_a.bids_up_to(first).await, [first]);
    assert_eq!(on_b.bids_up_to(first).await, [first]);

    harm(&mut server).await;
    let (health, noticed) = hall.wait_for_health(&a_url, "degraded").await;
    hall.wait_for_health(&b_url, "degraded").await;
    let io = health.socketio.clone().unwrap();
    assert!(io.redis_configured && !io.multi_pod_ready, "{io:?}");
    assert_eq!(io.adapter.as_ref().unwrap().pods, None);
    let why = reason(&health);
    assert!(words.iter().any(|words| why.contains(words)), "{why}");
    for socket in [&mut on_a, &mut on_b] {
        let told = socket.event("cluster_degraded").await;
        assert!(told["since"].is_i64() && told["reason"].is_string(), "{told}");
    }
    let mut late = hall.socket(&b_url, 2).await;
    assert_eq!(late.event("cluster_degraded").await["pod"], "b");
    assert_eq!(late.join().await.1, None, "what other pods hold is not known");

    // Bids are answered, and told to those on the same pod, each once and in order.
    let mut bids = Vec::new();
    for _ in 0..40 {
        bids.push(hall.bid(&a_url).await);
    }
    assert_eq!(on_a.bids_up_to(*bids.last().unwrap()).await, bids);

    mend(&mut server).await;
    let (_, back) = hall.wait_for_health(&a_url, "healthy").await;
    hall.wait_for_health(&b_url, "healthy").await;
    eprintln!("noticed after {noticed:?}, back after {back:?}");
    for socket in [&mut on_a, &mut on_b] {
        let told = socket.event("cluster_restored").await;
        assert!(told["afterMs"].as_u64().is_some(), "{told}");
    }
    let after = hall.bid(&a_url).await;
    assert_eq!(on_a.bids_up_to(after).await, [after]);
    assert_eq!(
        on_b.bids_up_to(after).await.last(),
        Some(&after),
        "events cross again"
    );
    let after = hall.bid(&b_url).await;
    assert_eq!(on_a.bids_up_to(after).await, [after]);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_started_again() {
    lost_and_found(
        async |server| server.kill().unwrap(),
        &["nothing listens there", "the connection to Redis was lost"],
        async |server| server.restart().await.unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_stands_still_and_goes_on() {
    lost_and_found(
        async |server| server.stop_process().unwrap(),
        &["does not answer"],
        async |server| server.continue_process().unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_not_there_at_the_start_and_comes_later() {
    let mut hall = Hall::open(4).await;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await.unwrap();
    server.kill().unwrap();
    let (a, b) = hall.pods(&Redis::at(server.url())).await;
    let (health, _) = hall.wait_for_health(&a.url(), "degraded").await;
    assert!(reason(&health).contains("Redis cannot be reached: nothing listens there"));
    assert_eq!(health.socketio.unwrap().adapter.unwrap().state, "down");
    let (mut on_a, mut on_b) = (hall.socket(&a.url(), 0).await, hall.socket(&b.url(), 1).await);
    let alone = hall.bid(&a.url()).await;
    assert_eq!(on_a.bids_up_to(alone).await, [alone]);

    server.restart().await.unwrap();
    on_a.event("cluster_restored").await;
    on_b.event("cluster_restored").await;
    let bid = hall.bid(&a.url()).await;
    assert_eq!(
        on_b.bids_up_to(bid).await,
        [bid],
        "what was said before is not said now"
    );
    assert_eq!(on_a.bids_up_to(bid).await, [bid]);
}

/// What a pod with this address says is wrong.
async fn wrong(redis: Redis) -> String {
    let hall = Hall::open(2).await;
    let pod = hall.pod("a", redis).await;
    let (health, _) = hall.wait_for_health(&pod.url(), "degraded").await;
    reason(&health)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_called_so_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--requirepass", "hunter2"])
        .await
        .unwrap();
    for given in ["", ":swordfish@", "ada:swordfish@"] {
        let why = wrong(Redis::at(format!("redis://{given}127.0.0.1:{}", server.port()))).await;
        assert!(
            why.contains("refuses this pod's user or password"),
            "{given}: {why}"
        );
        assert!(!why.contains("swordfish"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full_of_clients_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), &["--maxclients", "4"])
        .await
        .unwrap();
    let redis = Redis::at(server.url());
    let mut hall = Hall::open(2).await;
    let (a, b) = hall.pods(&redis).await;
    hall.wait_for_health(&b.url(), "healthy").await;
    let late = hall.pod("c", redis).await;
    let (health, _) = hall.wait_for_health(&late.url(), "degraded").await;
    assert!(
        reason(&health).contains("max number of clients reached"),
        "{}",
        reason(&health)
    );
    let mut on_b = hall.socket(&b.url(), 1).await;
    let bid = hall.bid(&a.url()).await;
    assert_eq!(on_b.bids_up_to(bid).await, [bid], "the others go on");
    // Room is made, and it comes in by itself.
    a.stop().await;
    hall.wait_for_health(&late.url(), "healthy").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_whose_memory_is_full_passes_events_on() {
    let folder = tempfile::tempdir().unwrap();
    let full = ["--maxmemory", "1", "--maxmemory-policy", "noeviction"];
    let server = Server::start_with(folder.path(), &full).await.unwrap();
    let mut hall = Hall::open(2).await;
    let (a, b) = hall.pods(&Redis::at(server.url())).await;
    hall.wait_for_health(&a.url(), "healthy").await;
    let mut on_b = hall.socket(&b.url(), 1).await;
    let bid = hall.bid(&a.url()).await;
    assert_eq!(on_b.bids_up_to(bid).await, [bid]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_pod_could_not_say_the_others_are_told_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let line = Proxy::start(server.port()).await.unwrap();
    let mut hall = Hall::open(3).await;
    let through = line.url().replace("http://", "redis://");
    let a = hall.pod("a", Redis::at(through)).await;
    let b = hall.pod("b", Redis::at(server.url())).await;
    let mut on_b = hall.socket(&b.url(), 1).await;
    let mut on_a = hall.socket(&a.url(), 0).await;
    // They know each other by now.
    on_b.wait_for_cluster_size(2).await;

    // A connection that is open and dead.
    line.set(Fault::HalfOpen).await;
    let (health, _) = hall.wait_for_health(&a.url(), "degraded").await;
    assert!(reason(&health).contains("does not answer"), "{}", reason(&health));
    assert_eq!(hall.health(&b.url()).await.status, "healthy", "the other is well");
    let unheard = hall.bid(&a.url()).await;
    assert_eq!(on_a.bids_up_to(unheard).await, [unheard]);
    line.set(Fault::None).await;
    let told = on_b.event("cluster_restored").await;
    assert_eq!(told["pod"], "b", "{told}");
    on_a.event("cluster_restored").await;
    let heard = hall.bid(&a.url()).await;
    assert_eq!(on_b.bids_up_to(heard).await, [heard]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_hear_the_pulse_is_called_so() {
    // Somebody who may publish and subscribe, but to another channel than the pulse's.
    let folder = tempfile::tempdir().unwrap();
    let rights = [
        "--user",
        "ada",
        "on",
        ">hunter2",
        "&socket.io-request*",
        "&socket.io-response*",
        "+@all",
    ];
    let server = Server::start_with(folder.path(), &rights).await.unwrap();
    let why = wrong(Redis::at(format!(
        "redis://ada:hunter2@127.0.0.1:{}",
        server.port()
    )))
    .await;
    assert!(why.contains("Redis refuses to pass messages on: NOPERM"), "{why}");
}

/// Leads every second connection to the other of two servers, as a balancer before two that know nothing of each other.
async fn split(one: u16, other: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for target in [one, other].into_iter().cycle() {
            let (mut here, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut there = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut here, &mut there).await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_what_is_said_and_does_not_pass_it_on_is_found_out() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let one = Server::start(here.path()).await.unwrap();
    let other = Server::start(there.path()).await.unwrap();
    let port = split(one.port(), other.port()).await;
    let why = wrong(Redis::at(format!("redis://127.0.0.1:{port}"))).await;
    assert!(
        why.contains("what this pod publishes does not come back from Redis"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_bids_than_may_wait_for_redis_are_taken_while_it_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let mut hall = Hall::open(2).await;
    let (a, _b) = hall.pods(&Redis::at(server.url())).await;
    let mut on_a = hall.socket(&a.url(), 0).await;
    server.stop_process().unwrap();
    let mut bids = Vec::new();
    // Each says two things, and 4,096 may wait for Redis.
    for _ in 0..2_200 {
        bids.push(hall.bid(&a.url()).await);
        // Read as they come: a socket that does not read is another story.
        let last = *bids.last().unwrap();
        assert_eq!(on_a.bids_up_to(last).await, [last]);
    }
    server.continue_process().unwrap();
    on_a.event("cluster_restored").await;
}
