//! Where the state is kept.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use gavelscope_contract::Secret;
use url::Url;

/// Where the state is kept. It prints without its password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file, made where it is missing.
    File(PathBuf),
    /// Memory: gone with the process.
    Memory,
    /// A PostgreSQL server's database, by its URL as it was given; it is looked at when it is opened.
    Postgres(Secret),
}

impl FromStr for Database {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(rest) = text.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            // `?mode=rwc` and the like, which other tools write, ask for what is done anyway.
            return path
                .split('?')
                .next()
                .unwrap_or_default()
                .parse()
                .map(|found| match found {
                    Self::Postgres(_) => Self::File(path.into()),
                    found => found,
                });
        }
        Ok(match text {
            ":memory:" => Self::Memory,
            // Even with another scheme: what may hold a password is not to be taken for a file's name, and printed.
            url if url.contains("://") => Self::Postgres(Secret::new(url)),
            path => Self::File(path.into()),
        })
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Memory => f.write_str(":memory:"),
            Self::Postgres(url) => match without_password(url.expose()) {
                Some(shown) => f.write_str(&shown),
                None => f.write_str("(its URL is not shown)"),
            },
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({self})")
    }
}

/// What of a URL may be printed. None where it is unclear what in it is the password: one with a `/` or `#` in it that
/// was not escaped makes its beginning a part of the host.
fn without_password(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if text.matches('@').count() != usize::from(has_user) || url.fragment().is_some() {
        return None;
    }
    let user = match url.username() {
        "" => String::new(),
        user => format!("{user}@"),
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = url.host_str().unwrap_or_default();
    Some(format!("{}://{user}{host}{port}{}", url.scheme(), url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Database {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_memory_and_urls_are_told_apart() {
        assert_eq!(read("auction.db"), Database::File("auction.db".into()));
        assert_eq!(read("sqlite:auction.db"), Database::File("auction.db".into()));
        assert_eq!(
            read("sqlite:///var/a.db?mode=rwc"),
            Database::File("/var/a.db".into())
        );
        assert_eq!(read("sqlite::memory:"), Database::Memory);
        assert_eq!(read(":memory:"), Database::Memory);
        for url in ["postgres://h/d", "postgresql://h/d", "mysql://u:p@h/d"] {
            assert_eq!(read(url), Database::Postgres(Secret::new(url)));
        }
    }

    #[test]
    fn no_password_is_printed_whatever_the_url_looks_like() {
        for (url, shown) in [
            (
                "postgres://ada:hunter2@db.example:5433/gavel",
                "postgres://ada@db.example:5433/gavel",
            ),
            (
                "postgres://:hunter2@db.example/gavel?password=hunter2",
                "postgres://db.example/gavel",
            ),
            (
                "postgres://db.example/gavel?sslmode=require",
                "postgres://db.example/gavel",
            ),
            ("mysql://ada:hunter2@db/gavel", "mysql://ada@db/gavel"),
            ("postgres://ada:hunter2/x@db/gavel", "(its URL is not shown)"),
            ("postgres://ada:12/hunter2@db/gavel", "(its URL is not shown)"),
            ("postgres://ada:12#hunter2@db/gavel", "(its URL is not shown)"),
            ("postgres://ada:12?hunter2@db/gavel", "(its URL is not shown)"),
            ("postgres://ada:hunter2@x@db/gavel", "(its URL is not shown)"),
        ] {
            assert_eq!(read(url).to_string(), shown, "{url}");
            assert!(!format!("{:?}", read(url)).contains("hunter2"), "{url}");
        }
    }
}
