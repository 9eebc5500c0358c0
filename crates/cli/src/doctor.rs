//! `gavelctl doctor`: what is wrong with a backend, how that is known, and what to do.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use gavelscope_client::rest::Credentials;
use gavelscope_client::{ClientError, ServerAddress, Session, time};
use gavelscope_contract::AuctionId;
use gavelscope_diagnosis::operator::{RedisAddress, RedisTarget, look_at_redis};
use gavelscope_diagnosis::probe::{Caps, Stage, Target, TlsOptions, probe};
use gavelscope_diagnosis::{Evidence, Finding, Light, Outcome, Report, Saved, diagnose, exit_code};
use tokio_util::sync::CancellationToken;

use crate::arguments::{DoctorArguments, RedisArguments, ServerArguments, SignInArguments};
use crate::failure::{Exit, Failure};
use crate::follow;
use crate::output::Output;
use crate::reach::Backend;

/// Between two looks with `--watch`.
const EVERY: Duration = Duration::from_secs(10);

/// Nobody answers, or something else does.
const UNREACHABLE: u8 = 4;

/// Examines a backend, or evidence that was saved.
pub async fn run(arguments: &DoctorArguments, output: &Output) -> ExitCode {
    let examined = match &arguments.evidence {
        Some(file) => judge_file(file, output),
        None => Box::pin(examine(arguments, output)).await,
    };
    match examined {
        Ok(light) => ExitCode::from(exit_code(light)),
        Err(failure) => {
            let unreachable = matches!(
                failure.exit,
                Exit::Unreachable | Exit::Tls | Exit::NotABackend | Exit::WrongPath | Exit::TimeOut
            );
            let printed = output.failed(&failure);
            if unreachable {
                ExitCode::from(UNREACHABLE)
            } else {
                printed
            }
        }
    }
}

fn judge_file(file: &Path, output: &Output) -> Result<Light, Failure> {
    let unreadable = |why: String| {
        let way = "Give a file that `gavelctl doctor --save` or the window's “Save report” wrote.";
        Failure::new(
            Exit::NotARecording,
            format!("{} is no evidence: {why}.", file.display()),
            way,
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
    let saved = Saved::read(&text).map_err(|error| unreadable(error.to_string()))?;
    show(&saved.report, &saved.evidence, output)?;
    Ok(saved.report.light)
}

async fn examine(arguments: &DoctorArguments, output: &Output) -> Result<Light, Failure> {
    let redis = redis(&arguments.redis)?;
    let backend = match Backend::find(&arguments.server.server, &arguments.server.socket).await {
        // Whose certificate it is and what is wrong with it is a finding.
        Err(failure) if failure.exit == Exit::Tls && arguments.probe => {
            return not_trusted(arguments, failure, output).await;
        }
        found => found?,
    };
    let credentials = match &arguments.email {
        Some(email) => {
            let sign_in = SignInArguments {
                email: email.clone(),
                name: None,
                token_stdin: arguments.token_stdin,
            };
            Some(backend.sign_in(&sign_in).await?)
        }
        None => None,
    };
    let session = match (&arguments.auction, &credentials) {
        (Some(auction), Some(credentials)) => {
            let session = backend.session(credentials.clone())?;
            follow::open(&session, &AuctionId::from(auction.as_str())).await?;
            Some(session)
        }
        (Some(_), None) => {
            return Err(Failure::new(
                Exit::Usage,
                "Only somebody who is signed in can look into an auction.",
                "Add --email.",
            ));
        }
        (None, _) => None,
    };
    if session.is_none() && !arguments.probe && redis.is_none() {
        return Err(Failure::new(
            Exit::Usage,
            "There is nothing to judge by.",
            "Add --probe to measure, --auction with --email to watch, --redis to look at Redis, or --evidence for a saved \
             file.",
        ));
    }
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let mut last: Option<(Light, String)> = None;
    loop {
        let evidence = gather(
            arguments,
            backend.address(),
            session.as_ref(),
            credentials.as_ref(),
            &stop,
        )
        .await;
        let evidence = match &redis {
            Some(redis) if !stop.is_cancelled() => {
                say("what Redis says");
                evidence.with_redis(look_at_redis(redis, &arguments.redis.channels, time::now()).await)
            }
            _ => evidence,
        };
        let report = diagnose(&evidence, time::now());
        let verdict = (report.light, report.verdict.clone());
        // While watching, only what is new is worth a line.
        if last.as_ref() != Some(&verdict) {
            show(&report, &evidence, output)?;
            save(arguments.save.as_deref(), &report, &evidence)?;
        }
        last = Some(verdict);
        if !arguments.watch || stop.is_cancelled() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Some(session) = session {
        session.close().await;
    }
    Ok(last.map_or(Light::Grey, |(light, _)| light))
}

/// A server that cannot prove who it is: nobody signs in there. Where the probe finds nothing wrong with its certificate,
/// the failure is left as it was.
async fn not_trusted(
    arguments: &DoctorArguments,
    failure: Failure,
    output: &Output,
) -> Result<Light, Failure> {
    let ServerArguments { server, socket } = &arguments.server;
    let address = ServerAddress::parse(server, &socket.path).map_err(ClientError::from)?;
    let evidence = gather(arguments, &address, None, None, &CancellationToken::new()).await;
    let report = diagnose(&evidence, time::now());
    if report.light != Light::Red {
        return Err(failure);
    }
    show(&report, &evidence, output)?;
    save(arguments.save.as_deref(), &report, &evidence)?;
    Ok(report.light)
}

async fn gather(
    arguments: &DoctorArguments,
    address: &ServerAddress,
    session: Option<&Session>,
    credentials: Option<&Credentials>,
    stop: &CancellationToken,
) -> Evidence {
    if session.is_some() {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(u64::from(arguments.seconds))) => {}
            () = stop.cancelled() => {}
        }
    }
    let probed = if arguments.probe {
        let target = Target {
            address: address.clone(),
            token: credentials.map(|credentials| credentials.access.clone()),
            tls: TlsOptions::default(),
        };
        let caps = Caps {
            sockets: arguments.sockets,
            ..Caps::default()
        };
        Some(probe(&target, caps, time::now(), tell, stop.clone()).await)
    } else {
        None
    };
    match (session, probed) {
        (Some(session), Some(probed)) => Evidence::collect(&session.state().borrow()).with_probe(probed),
        (Some(session), None) => Evidence::collect(&session.state().borrow()),
        (None, Some(probed)) => Evidence::of_probe(address.base(), time::now(), probed),
        (None, None) => Evidence::of_server(address.base(), time::now()),
    }
}

/// The Redis that was asked for. An empty address is none, as for gaveld.
fn redis(arguments: &RedisArguments) -> Result<Option<RedisTarget>, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("Redis cannot be looked at: {error}."),
            "Mend --redis or REDIS_URL, --redis-ca or REDIS_CA_FILE; or leave both out.",
        )
    };
    let url = arguments.url.as_ref().map_or("", |url| url.expose().trim());
    if url.is_empty() {
        return Ok(None);
    }
    let address: RedisAddress = url.parse().map_err(|error| unusable(&error))?;
    let target = RedisTarget::new(address, arguments.ca_file.as_deref());
    target.map(Some).map_err(|error| unusable(&error))
}

fn tell(stage: Stage) {
    let word = match stage {
        Stage::Path => "the way to the server",
        Stage::Health => "what the pods say of themselves",
        Stage::Turns => "how many pods take turns",
        Stage::Places => "sockets take their places",
        Stage::Room => "who hears whom",
        Stage::Done => return,
    };
    say(word);
}

/// Progress goes to standard error, for who looks at it.
fn say(word: &str) {
    use std::io::IsTerminal as _;
    let mut out = std::io::stderr().lock();
    if out.is_terminal() {
        // Nobody reading is no failure.
        let _ = writeln!(out, "… {word}");
    }
}

fn show(report: &Report, evidence: &Evidence, output: &Output) -> Result<(), Failure> {
    let text = if output.is_json() {
        serde_json::to_string(&whole(report, evidence)?).map_err(|error| unwritable(&error))?
    } else {
        in_words(report) + &cost(evidence)
    };
    output.print(&text)
}

fn save(file: Option<&Path>, report: &Report, evidence: &Evidence) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let text = whole(report, evidence)?
        .text()
        .map_err(|error| unwritable(&error))?;
    std::fs::write(file, text).map_err(|error| {
        Failure::new(
            Exit::Output,
            format!("The report cannot be written to {}: {error}.", file.display()),
            "Give --save a file that can be written.",
        )
    })
}

fn whole(report: &Report, evidence: &Evidence) -> Result<Saved, Failure> {
    Saved::of(report.clone(), evidence.clone()).map_err(|error| unwritable(&error))
}

fn unwritable(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Output,
        format!("The report cannot be put into words: {error}."),
        "Report this with the sentence.",
    )
}

/// What the probe cost the server.
fn cost(evidence: &Evidence) -> String {
    evidence.probe.as_ref().map_or_else(String::new, |probe| {
        let cost = &probe.cost;
        format!(
            "\nThe probe took {:.1} s and cost the server {} connections, {} requests and {} messages.",
            f64::from(probe.took_ms) / 1_000.0,
            cost.connections,
            cost.requests,
            cost.messages
        )
    })
}

/// The report for people: the verdict, what is wrong with its proof and its fix, what could not be known, and what is well
/// in a line.
fn in_words(report: &Report) -> String {
    let light = match report.light {
        Light::Green => "HEALTHY",
        Light::Amber => "WORTH A LOOK",
        Light::Red => "BROKEN",
        Light::Grey => "CANNOT KNOW",
    };
    let mut text = format!("{light}: {}\n", report.verdict);
    let of = |outcomes: &'static [Outcome]| {
        report
            .findings
            .iter()
            .filter(move |finding| outcomes.contains(&finding.outcome))
    };
    for finding in of(&[
        Outcome::Fail,
        Outcome::Warn,
        Outcome::Crashed,
        Outcome::Inconclusive,
    ]) {
        text.push('\n');
        one(&mut text, finding);
    }
    for (word, outcomes) in [
        ("Well", &[Outcome::Pass] as &'static [Outcome]),
        ("Not looked at", &[Outcome::Skipped]),
    ] {
        let codes: Vec<&str> = of(outcomes).map(|finding| finding.code.as_str()).collect();
        if !codes.is_empty() {
            let _ = write!(text, "\n{word}: {}", codes.join(" "));
        }
    }
    text
}

fn one(text: &mut String, finding: &Finding) {
    let word = match finding.outcome {
        Outcome::Fail => "broken",
        Outcome::Warn => "look",
        Outcome::Crashed => "crashed",
        Outcome::Inconclusive => "unknown",
        Outcome::Skipped => "skipped",
        Outcome::Pass => "well",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{word:<8}{}  {}", finding.code, finding.sentence);
    // What cannot be known cannot be mended, and can be found out.
    let fix = if finding.outcome == Outcome::Inconclusive {
        "settle"
    } else {
        "fix"
    };
    for (label, line) in [
        ("means", &finding.meaning),
        ("cause", &finding.cause),
        (fix, &finding.fix),
    ] {
        if let Some(line) = line {
            let _ = writeln!(text, "        {label:<6} {line}");
        }
    }
    for fact in &finding.evidence {
        let claimed = if fact.claimed { " (claimed)" } else { "" };
        let _ = writeln!(text, "        {}: {}{claimed}", fact.label, fact.value);
    }
    let _ = writeln!(text, "        rests on: {}", finding.rests_on);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_the_light() {
        let codes = [Light::Green, Light::Amber, Light::Red, Light::Grey].map(exit_code);
        assert_eq!(codes, [0, 1, 2, 3]);
    }
}
