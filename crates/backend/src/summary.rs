//! What an instance is started with, in plain lines for whoever starts it: which parts are real, which are switched off.
//! No secret is in them.

use crate::link::RedisAddress;
use crate::settings::{Database, Origin, Redis, Settings, Web};

/// A line for every part; the first word says which.
pub(crate) fn lines(settings: &Settings) -> Vec<String> {
    let line = |what: &str, text: &str| format!("{what:<10} {text}");
    vec![
        line("pod", settings.pod.as_str()),
        line("database", &database(&settings.database)),
        line("other pods", &other_pods(&settings.redis)),
        line("sign-in", sign_in(settings)),
        line("web", &web(&settings.web)),
        line(
            "limits",
            &format!(
                "{} packets may wait for one socket; {} events of an auction are kept; {}",
                settings.socket_buffer,
                settings.kept_events,
                if settings.limits.none {
                    "users and addresses may ask for as much as they like"
                } else {
                    "users and addresses are limited"
                }
            ),
        ),
    ]
}

fn database(database: &Database) -> String {
    match database {
        Database::Memory => "in memory: gone when this process ends".to_owned(),
        Database::File(_) => format!("SQLite in the file {database}: for one pod"),
        Database::Postgres(_) => format!("PostgreSQL at {database}"),
    }
}

fn other_pods(redis: &Redis) -> String {
    let Some(url) = redis.wanted() else {
        return "none: this pod is alone, its rooms are in its memory (REDIS_URL is not set)".to_owned();
    };
    // One that cannot be read ends the start anyway, with a sentence of its own.
    let address = url.parse::<RedisAddress>().map_or_else(
        |_| "an address that cannot be read".to_owned(),
        |address| address.to_string(),
    );
    let trusted = match (&redis.ca_file, address.starts_with("rediss://")) {
        (Some(file), _) => format!(", its certificate checked against {}", file.display()),
        (None, true) => ", its certificate checked against this system's authorities".to_owned(),
        (None, false) => String::new(),
    };
    let without = if redis.required {
        "no start without it"
    } else {
        "without it this pod goes on alone and says so"
    };
    format!(
        "heard through Redis at {address}, channels {}-…{trusted}; {without}",
        redis.channel
    )
}

fn sign_in(settings: &Settings) -> &'static str {
    if settings.dev_sign_in {
        "for development: whoever asks for a link is handed its token"
    } else {
        "links are not handed out, and there is no mail transport yet"
    }
}

fn web(web: &Web) -> String {
    let tls = if web.tls_cert.is_some() {
        "TLS by itself"
    } else {
        "no TLS of its own"
    };
    let origins = web.allowed_origins.iter().map(|origin| match origin {
        Origin::Any => "any".to_owned(),
        Origin::One(origin) => origin.clone(),
    });
    let origins: Vec<_> = origins.collect();
    let pages = match origins.as_slice() {
        [] => "none".to_owned(),
        origins => origins.join(", "),
    };
    let proxies: Vec<_> = web.trusted_proxies.iter().map(ToString::to_string).collect();
    let proxies = match proxies.as_slice() {
        [] => "none".to_owned(),
        proxies => proxies.join(", "),
    };
    let metrics = web
        .metrics_listen
        .map_or_else(|| "nowhere".to_owned(), |address| address.to_string());
    format!("{tls}; pages that may call: {pages}; proxies that are believed: {proxies}; metrics: {metrics}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_on_and_no_secret() {
        let settings = Settings {
            redis: Redis::at("rediss://ada:hunter2@cache:6380/3"),
            database: "postgres://ada:hunter2@db/auctions".parse().unwrap(),
            ..Settings::practice()
        };
        let lines = lines(&settings).join("\n");
        assert!(lines.contains("rediss://ada:[redacted]@cache:6380/3"), "{lines}");
        assert!(lines.contains("this system's authorities"), "{lines}");
        assert!(
            lines.contains("PostgreSQL at postgres://ada@db/auctions"),
            "{lines}"
        );
        assert!(!lines.contains("hunter2"), "{lines}");
    }

    #[test]
    fn a_pod_without_redis_is_called_alone() {
        let said = lines(&Settings::practice()).join("\n");
        assert!(said.contains("this pod is alone"), "{said}");
    }
}
