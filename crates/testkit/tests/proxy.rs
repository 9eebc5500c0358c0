//! The faults that other tests are made with: each is what it is called, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use gavelscope_testkit::proxy::{Fault, Loss, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Longer than anything takes that happens at all.
const AGES: Duration = Duration::from_secs(20);
/// What is silent for so long stays silent.
const A_WHILE: Duration = Duration::from_millis(300);

/// Says everything back, and tells what it heard.
async fn echo() -> (u16, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, hearing) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut buffer).await {
                    let _ = heard.send(buffer[..count].to_vec());
                    if stream.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (port, hearing)
}

async fn connect(proxy: &Proxy) -> std::io::Result<TcpStream> {
    TcpStream::connect(proxy.url().trim_start_matches("http://")).await
}

async fn says_back(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    let mut buffer = vec![0; text.len()];
    let (mut heard, mut said) = stream.split();
    let both = async { tokio::try_join!(said.write_all(text.as_bytes()), heard.read_exact(&mut buffer)) };
    tokio::time::timeout(AGES, both).await??;
    assert_eq!(String::from_utf8_lossy(&buffer), text);
    Ok(())
}

/// What ends the stream: a reset, or nothing in a while.
async fn ending(stream: &mut TcpStream) -> Option<ErrorKind> {
    let mut buffer = [0; 64];
    loop {
        match tokio::time::timeout(A_WHILE, stream.read(&mut buffer)).await {
            Err(_) => return None,
            Ok(Ok(0)) => return Some(ErrorKind::UnexpectedEof),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Some(error.kind()),
        }
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes_both_ways() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut stream = connect(&proxy).await.unwrap();
    says_back(&mut stream, &"x".repeat(3_000_000)).await.unwrap();
    says_back(&mut stream, "once more").await.unwrap();
}

#[tokio::test]
async fn refusing_is_for_new_connections_alone_and_ends() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut before = connect(&proxy).await.unwrap();
    says_back(&mut before, "a").await.unwrap();
    proxy.set(Fault::Refuse).await;
    assert_eq!(
        connect(&proxy).await.unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    says_back(&mut before, "b").await.unwrap();
    proxy.set(Fault::None).await;
    says_back(&mut connect(&proxy).await.unwrap(), "c").await.unwrap();
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_reset_is_a_reset_and_spares_what_comes_after() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut before = connect(&proxy).await.unwrap();
    says_back(&mut before, "a").await.unwrap();
    proxy.reset_all();
    assert_eq!(ending(&mut before).await, Some(ErrorKind::ConnectionReset));
    says_back(&mut connect(&proxy).await.unwrap(), "b").await.unwrap();
}

#[tokio::test]
async fn a_half_open_link_is_silent_for_ever_and_the_next_one_is_not() {
    let (port, mut hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut busy = connect(&proxy).await.unwrap();
    let mut idle = connect(&proxy).await.unwrap();
    says_back(&mut busy, "a").await.unwrap();
    says_back(&mut idle, "b").await.unwrap();
    while hearing.try_recv().is_ok() {}
    proxy.set(Fault::HalfOpen).await;
    busy.write_all(b"lost").await.unwrap();
    let mut during = connect(&proxy).await.unwrap();
    during.write_all(b"lost too").await.unwrap();
    assert_eq!(ending(&mut busy).await, None);
    proxy.set(Fault::None).await;
    for old in [&mut busy, &mut idle, &mut during] {
        old.write_all(b"still lost").await.unwrap();
        assert_eq!(ending(old).await, None);
    }
    assert!(hearing.try_recv().is_err(), "the server heard something");
    says_back(&mut connect(&proxy).await.unwrap(), "c").await.unwrap();
}

#[tokio::test]
async fn lost_answers_are_lost_on_their_way_back_alone() {
    let (port, mut hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut stream = connect(&proxy).await.unwrap();
    says_back(&mut stream, "a").await.unwrap();
    hearing.recv().await.unwrap();
    proxy.set(Fault::LoseAnswers).await;
    stream.write_all(b"request").await.unwrap();
    assert_eq!(hearing.recv().await.unwrap(), b"request");
    assert_eq!(ending(&mut stream).await, None);
    proxy.set(Fault::None).await;
    stream.write_all(b"next").await.unwrap();
    assert_eq!(
        ending(&mut stream).await,
        Some(ErrorKind::ConnectionReset),
        "bytes are missing"
    );
}

#[tokio::test]
async fn lost_requests_never_reach_the_server() {
    let (port, mut hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut stream = connect(&proxy).await.unwrap();
    proxy.set(Fault::LoseRequests).await;
    stream.write_all(b"request").await.unwrap();
    assert_eq!(ending(&mut stream).await, None);
    assert!(hearing.try_recv().is_err());
}

#[tokio::test]
async fn what_is_delayed_comes_in_order_and_not_before_its_time() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let fault = Fault::Delay {
        base: Duration::from_millis(100),
        jitter: Duration::from_millis(80),
    };
    proxy.set(fault).await;
    let mut stream = connect(&proxy).await.unwrap();
    let since = Instant::now();
    says_back(&mut stream, "one").await.unwrap();
    // The least delay, there and back.
    assert!(since.elapsed() >= Duration::from_millis(40));
    let mut sent = String::new();
    for number in 0..30 {
        let text = format!("{number} ");
        stream.write_all(text.as_bytes()).await.unwrap();
        sent.push_str(&text);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let mut back = vec![0; sent.len()];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(String::from_utf8(back).unwrap(), sent);
}

#[tokio::test]
async fn a_trickle_takes_its_time_and_the_rest_comes_at_once_when_it_is_over() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    proxy
        .set(Fault::Trickle {
            bytes_per_second: 1_000,
        })
        .await;
    let mut stream = connect(&proxy).await.unwrap();
    let since = Instant::now();
    says_back(&mut stream, &"x".repeat(400)).await.unwrap();
    assert!(
        since.elapsed() >= Duration::from_millis(300),
        "{:?}",
        since.elapsed()
    );
    proxy.set(Fault::Trickle { bytes_per_second: 10 }).await;
    let text = "y".repeat(100_000);
    stream.write_all(text.as_bytes()).await.unwrap();
    proxy.set(Fault::None).await;
    let mut back = vec![0; text.len()];
    // At 10 a second it would take hours.
    tokio::time::timeout(AGES, stream.read_exact(&mut back))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_connection_is_cut_after_so_many_bytes_and_not_before() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let mut stream = connect(&proxy).await.unwrap();
    says_back(&mut stream, "these do not count").await.unwrap();
    proxy.set(Fault::CutAfter { bytes: 10 }).await;
    says_back(&mut stream, "12345").await.unwrap();
    stream.write_all(b"67890abc").await.unwrap();
    assert_eq!(ending(&mut stream).await, Some(ErrorKind::ConnectionReset));
    says_back(&mut connect(&proxy).await.unwrap(), "12345")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_answer_to_a_bid_is_lost_after_the_server_heard_it_and_nothing_else_is() {
    const BID: &str = "POST /api/auction/a/bid HTTP/1.1\r\n\r\n";
    let (port, mut hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    for (how, end) in [
        (Loss::Reset, Some(ErrorKind::ConnectionReset)),
        (Loss::Silence, None),
    ] {
        let mut stream = connect(&proxy).await.unwrap();
        proxy.lose_answers_to_bids(1, how);
        says_back(&mut stream, "GET /api/auction/a HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
        while hearing.try_recv().is_ok() {}
        stream.write_all(BID.as_bytes()).await.unwrap();
        assert_eq!(hearing.recv().await.unwrap(), BID.as_bytes());
        assert_eq!(ending(&mut stream).await, end, "{how:?}");
        says_back(&mut connect(&proxy).await.unwrap(), BID).await.unwrap();
    }
    assert_eq!(proxy.answers_lost(), 2);
}

#[tokio::test]
async fn a_flapping_link_fails_and_works_and_works_when_it_is_over() {
    let (port, _hearing) = echo().await;
    let proxy = Proxy::start(port).await.unwrap();
    let flapping = proxy.flap(Duration::from_millis(60));
    let (mut worked, mut failed) = (false, false);
    let since = Instant::now();
    while !(worked && failed) {
        let tried = async { says_back(&mut connect(&proxy).await?, "x").await }.await;
        worked |= tried.is_ok();
        failed |= tried.is_err();
        assert!(since.elapsed() < AGES, "worked: {worked}, failed: {failed}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(flapping);
    let since = Instant::now();
    while connect(&proxy).await.is_err() {
        assert!(since.elapsed() < AGES, "it never listened again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn new_connections_are_led_elsewhere_and_old_ones_stay() {
    let (first, mut first_hears) = echo().await;
    let (second, mut second_hears) = echo().await;
    let proxy = Proxy::start(first).await.unwrap();
    let mut old = connect(&proxy).await.unwrap();
    says_back(&mut old, "a").await.unwrap();
    proxy.lead_to(second);
    says_back(&mut old, "b").await.unwrap();
    says_back(&mut connect(&proxy).await.unwrap(), "c").await.unwrap();
    assert_eq!(first_hears.recv().await.unwrap(), b"a");
    assert_eq!(first_hears.recv().await.unwrap(), b"b");
    assert_eq!(second_hears.recv().await.unwrap(), b"c");
    // Where nobody listens, a connection is reset.
    proxy.lead_to(1);
    assert!(says_back(&mut connect(&proxy).await.unwrap(), "d").await.is_err());
}

#[tokio::test]
async fn a_frame_is_put_between_the_servers_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        for number in 0..200 {
            let text = format!("{number}:{}", "x".repeat(number * 700));
            socket.send(Message::text(text)).await.unwrap();
        }
        // Until the client has enough.
        while let Some(Ok(_)) = socket.next().await {}
    });
    let proxy = Proxy::start(port).await.unwrap();
    let url = proxy.url().replace("http", "ws");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let (mut own, mut ours) = (0, 0);
    while own < 200 || ours < 20 {
        let message = tokio::time::timeout(AGES, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let text = message.into_text().unwrap();
        if text.starts_with("ours") {
            ours += 1;
            continue;
        }
        assert_eq!(
            text.split(':').next().unwrap(),
            own.to_string(),
            "in order and whole"
        );
        if own % 10 == 0 {
            assert_eq!(proxy.inject(&format!("ours {}", "y".repeat(70_000))), 1);
        }
        own += 1;
    }
}
