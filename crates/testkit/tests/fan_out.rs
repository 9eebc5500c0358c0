//! The benchmark of the fan-out, with a handful of sockets: it runs through every server, and counts every event.

use std::process::Command;

/// Nothing here is about time. It fails where a socket missed an event, or heard one twice.
#[test]
fn every_server_is_measured_and_every_event_is_counted() {
    let output = Command::new(env!("CARGO_BIN_EXE_bench-fan-out"))
        .arg("--smoke")
        .output()
        .unwrap();
    let (said, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}\n{failed}");
    // 20 sockets hear the two events of each bid, and the ticks besides.
    for server in [
        "gaveld, real bids | 20",
        "socketioxide as gaveld sets it up | 20",
        "Node socket.io | 20",
        "python-socketio + uvicorn | 20",
        "bare writes, one an event | 20",
        "bare writes, one a bid | 20",
        "gaveld | 20",
        "the Python pod | 20",
    ] {
        assert!(said.contains(server), "{server} is missing:\n{said}\n{failed}");
    }
}
