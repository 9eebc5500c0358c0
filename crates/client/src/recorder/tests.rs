//! The ring is bounded, its files stand alone, and what the other side says does no harm to them.

use std::fs;
use std::io;
use std::path::Path;

use gavelscope_contract::Received;

use super::*;
use crate::auction::AuctionState;
use crate::state::Millis;

fn about() -> About {
    About {
        server: "http://auctions.example".to_owned(),
        path: "/api/socket.io/".to_owned(),
        user: "me".into(),
    }
}

/// Waits for the thread, and reads every file.
fn written(recorder: &Recorder, folder: &Path) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(recorder.finish());
    let files = files_of(folder).unwrap();
    files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

fn small() -> Limits {
    Limits {
        files: 3,
        file_bytes: 4_096,
        ..Limits::default()
    }
}

#[test]
fn the_ring_is_bounded_whether_states_come_or_not() {
    for states in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        // Of an earlier session, and somebody else's.
        fs::write(folder.path().join("00000101T000000.000Z-old-0001.jsonl"), "old").unwrap();
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let recorder = Recorder::start(folder.path(), small(), about()).unwrap();
        let state = AuctionState::new("a".into());
        for number in 0..500 {
            if states && recorder.wants_states() {
                recorder.states(std::iter::once(&state), true);
            }
            recorder.note(None, "note", &format!("number {number}, and so on and so forth"));
        }
        let files = written(&recorder, folder.path());
        assert_eq!(files.len(), small().files);
        for (index, file) in files.iter().enumerate() {
            assert!(
                file.len() as u64 <= small().file_bytes + 1_024,
                "{} bytes",
                file.len()
            );
            let mut lines = file.lines();
            assert!(lines.next().unwrap().contains("\"kind\":\"recording\""));
            if index > 0 && states && files[index - 1].len() < 4_096 {
                let second = lines.next().unwrap();
                assert!(
                    second.contains("\"kind\":\"state\""),
                    "file {index} stands alone: {second}"
                );
            }
        }
        assert!(files.concat().contains("number 499,") && !files.concat().contains("number 0,"));
        assert!(folder.path().join("notes.txt").exists());
        let listed = list(folder.path());
        assert_eq!(listed.len(), 3);
        assert!(listed[0].part > listed[2].part, "newest first");
        for file in files_of(folder.path()).unwrap() {
            Playback::open(&file).unwrap().check().unwrap();
        }
    }
}

#[test]
fn whatever_is_heard_is_one_line_of_json_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), Limits::default(), about()).unwrap();
    let heard = [
        (
            "tick",
            "{\n\"lotId\":\"a-lot-1\",\r\n\"seq\":1,\"endsAt\":2,\"serverNow\":1}",
        ),
        ("sold", "{\"clubId\":NaN,\"userEmail\":\"me@auction.example\""),
        ("bell", "{\"accessToken\":{\"a\":[1,\"}\"]}} trailing"),
        ("bell", "\"}{\\\" me@auction.example\""),
        ("b\"e\nll", ""),
    ];
    for (name, payload) in heard {
        recorder.event(None, &Received::from_text(name, Some(payload)), Millis(7));
    }
    recorder.frame("451-[\"x\",\"me@auction.example\"]\n", "it is \"odd\"");
    let body = "{\"email\":\"me@auction.example\",\"token\":\"s3cret\"}";
    for path in ["/auth/verify-magic-link", "/users", "/leagues/join"] {
        let n = recorder.call("POST", path, Some(body.to_owned()));
        recorder.answer(n, path, 200, 1, None, body);
    }
    let text = written(&recorder, folder.path()).concat();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(value["kind"].is_string() && value["us"].is_u64(), "{line}");
        let path = value["path"].as_str().unwrap_or_default();
        let is_private = path.starts_with("/auth") || path == "/users";
        assert!(!is_private || value["body"].is_null(), "{line}");
    }
    assert_eq!(text.lines().count(), 1 + heard.len() + 1 + 6);
    assert!(!text.contains("me@") && !text.contains("s3cret"), "{text}");
    assert!(text.contains("NaN"), "what is no JSON is kept as a text");
}

#[test]
fn what_is_still_on_its_way_when_the_session_ends_moves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), small(), about()).unwrap();
    recorder.note(None, "note", "the last but one");
    recorder.end();
    let before = written(&recorder, folder.path());
    for number in 0..500 {
        recorder.note(
            None,
            "note",
            &format!("number {number}, of a call that came back late"),
        );
    }
    recorder.states(std::iter::once(&AuctionState::new("a".into())), true);
    assert_eq!(written(&recorder, folder.path()), before);
    assert!(before[0].trim_end().lines().last().unwrap().contains(r#""end""#));
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = 0;
    let recorder = Recorder::start_on(folder.path(), small(), about(), move |path| {
        files += 1;
        if files > 1 {
            return Err(io::Error::other("the disk is full"));
        }
        Ok(Box::new(fs::File::create(path)?))
    })
    .unwrap();
    while recorder.status().trouble.is_none() {
        recorder.note(None, "note", "and so on and so forth");
        std::thread::yield_now();
    }
    let sentence = "Nothing is recorded any more: the disk is full.";
    assert_eq!(recorder.status().trouble.as_deref(), Some(sentence));
    // The thread ends a moment later; from then on everything is counted as dropped, and nobody waits.
    while recorder.status().dropped == 0 {
        recorder.note(None, "note", "one more");
    }
    drop(written(&recorder, folder.path()));
}

#[test]
fn a_folder_that_cannot_be_is_refused_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = Recorder::start(&file.join("deeper"), Limits::default(), about())
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains("cannot take a recording"),
        "{refused}"
    );
    assert!(Playback::open(&file).is_err());
}

#[test]
fn a_line_that_was_cut_off_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), Limits::default(), about()).unwrap();
    recorder.note(None, "note", "whole");
    let text = written(&recorder, folder.path()).concat();
    let file = files_of(folder.path()).unwrap().remove(0);
    fs::write(&file, text.clone() + &text[..20]).unwrap();
    let mut playback = Playback::open(&file).unwrap();
    assert!(playback.is_cut());
    assert_eq!(playback.steps(), 2);
    playback.check().unwrap();
}

#[test]
fn a_recording_of_another_format_is_refused() {
    let line = r#"{"us":0,"at":0,"kind":"recording","format":99,"recording":"r","part":1}"#;
    assert_eq!(Replay::default().feed(line), Err(ReplayError::Format(99)));
}
