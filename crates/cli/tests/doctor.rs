//! `gavelctl doctor` as a process: what it prints, for programs and for people, and its exit code.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use gavelscope_backend::{Running, Settings, Web, start};
use gavelscope_diagnosis::Saved;
use gavelscope_testkit::services::redis::Redis;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// A look comes every ten seconds, on a machine that has other things to do.
const LONG: Duration = Duration::from_mins(2);

async fn backend() -> Running {
    start(Settings::practice()).await.unwrap()
}

/// It, against a backend, with this environment and none of a developer's.
fn command(server: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavelctl"));
    for name in ["REDIS_URL", "REDIS_CA_FILE", "GAVELCTL_EMAIL", "GAVELCTL_SERVER"] {
        command.env_remove(name);
    }
    command
        .args(["doctor", "--server", server])
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn doctor(server: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let output = command(server, arguments, environment).output().await.unwrap();
    for said in [&output.stdout, &output.stderr] {
        let said = String::from_utf8_lossy(said);
        println!("{said}");
        assert!(!said.contains("hunter"), "a password: {said}");
    }
    output
}

/// One object on one line, which is what a file of --save holds, too (its fields: tests/schema.rs).
fn json(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    let printed: Value = serde_json::from_str(&text).unwrap();
    let read = serde_json::to_value(Saved::read(&text).unwrap()).unwrap();
    assert_eq!(printed["evidence"], read["evidence"]);
    printed
}

fn outcome<'a>(saved: &'a Value, code: &str) -> &'a str {
    let findings = saved["report"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == code);
    found.unwrap()["outcome"].as_str().unwrap()
}

#[tokio::test]
async fn redis_is_looked_at_when_its_operator_asks_for_it() {
    let running = backend().await;
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::start_with(folder.path(), &["--requirepass", "hunter2"])
        .await
        .unwrap();
    let right = format!("redis://:hunter2@127.0.0.1:{}", redis.port());
    let by_environment = doctor(&running.url(), &["--json"], &[("REDIS_URL", &right)]).await;
    let by_option = doctor(&running.url(), &["--json", "--redis", &right], &[]).await;
    for output in [by_environment, by_option] {
        let saved = json(&output);
        assert_eq!(outcome(&saved, "GS-REDIS"), "pass");
        // Nobody listens there.
        assert_eq!(outcome(&saved, "GS-REDIS-SUBSCRIBERS"), "warn");
        assert_eq!((output.status.code(), saved["exit"].as_u64()), (Some(1), Some(1)));
    }
    let wrong = format!("redis://:hunter3@127.0.0.1:{}", redis.port());
    let refused = doctor(&running.url(), &["--json", "--redis", &wrong], &[]).await;
    assert_eq!(outcome(&json(&refused), "GS-REDIS"), "fail");
    assert_eq!(refused.status.code(), Some(2));
    let said = doctor(&running.url(), &["--redis", &wrong], &[]).await;
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.starts_with("BROKEN: ") && text.contains("Redis refuses the user or the password"));
    running.stop().await;
}

#[tokio::test]
async fn while_it_watches_it_says_what_changed_and_ends_with_the_last_verdict() {
    let running = backend().await;
    let folder = tempfile::tempdir().unwrap();
    let mut redis = Redis::start(folder.path()).await.unwrap();
    let file = folder.path().join("report.json");
    let arguments = ["--json", "--watch", "--save", file.to_str().unwrap()];
    let mut child = command(&running.url(), &arguments, &[("REDIS_URL", &redis.url())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(LONG, lines.next_line()).await;
        serde_json::from_str::<Value>(&line.unwrap().unwrap().unwrap()).unwrap()
    };
    assert_eq!(next().await["exit"], 1);
    redis.kill().unwrap();
    assert_eq!(next().await["exit"], 2);
    // The file is written after the line.
    let saved = async {
        while Saved::read(&std::fs::read_to_string(&file).unwrap()).map(|saved| saved.exit) != Ok(2) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, saved).await.unwrap();
    let pid = child.id().unwrap().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    assert!(told.success());
    let ended = tokio::time::timeout(LONG, child.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(2));
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_wrong_usage_and_an_empty_address_is_none() {
    let running = backend().await;
    let unreadable = [
        (vec!["--redis", "ada:hunter2"], "has no scheme"),
        (
            vec!["--redis", "redis://h", "--redis-ca", "/nowhere.pem"],
            "which is not encrypted",
        ),
        (
            vec!["--redis", "rediss://h", "--redis-ca", "/nowhere.pem"],
            "cannot be read",
        ),
        (vec!["--redis", ""], "There is nothing to judge by"),
        (vec![], "There is nothing to judge by"),
    ];
    for (arguments, words) in unreadable {
        let output = doctor(&running.url(), &arguments, &[]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words), "{said}");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
    }
    running.stop().await;
}

/// A backend with a certificate that vouches for itself; and the file that whoever trusts it names.
async fn with_certificate(folder: &Path, expired: bool) -> (Running, String) {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    if expired {
        params.not_after = date_time_ymd(2001, 1, 1);
        params.not_before = date_time_ymd(2000, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let (certificate, key_file) = (folder.join("certificate.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, params.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let trusted = certificate.display().to_string();
    let web = Web {
        tls_cert: Some(certificate),
        tls_key: Some(key_file),
        ..Web::default()
    };
    let running = start(Settings {
        web,
        ..Settings::practice()
    });
    (running.await.unwrap(), trusted)
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_finding_where_somebody_probes() {
    let folder = tempfile::tempdir().unwrap();
    let (running, trusted) = with_certificate(folder.path(), true).await;
    let trusting = [("SSL_CERT_FILE", trusted.as_str())];
    let probed = doctor(&running.url(), &["--json", "--probe"], &trusting).await;
    let saved = json(&probed);
    assert_eq!(outcome(&saved, "GS-TLS"), "fail");
    assert_eq!(
        saved["evidence"]["probe"]["path"]["tls"]["distrust"]["kind"],
        "expired"
    );
    assert_eq!(probed.status.code(), Some(2));
    // Without a probe there is nothing to judge, and nobody answers who is trusted.
    let asked = doctor(
        &running.url(),
        &["--email", "ada@example.com", "--auction", "a"],
        &trusting,
    )
    .await;
    assert_eq!(asked.status.code(), Some(4));
    let said = String::from_utf8(asked.stderr).unwrap();
    assert!(said.contains("its certificate has expired"), "{said}");
    running.stop().await;

    let (running, trusted) = with_certificate(folder.path(), false).await;
    let probed = doctor(
        &running.url(),
        &["--json", "--probe"],
        &[("SSL_CERT_FILE", &trusted)],
    )
    .await;
    assert_eq!(outcome(&json(&probed), "GS-TLS"), "pass");
    running.stop().await;
}
