//! Which channels of a Redis are those of Socket.IO's pods, by their names alone.

use std::collections::{BTreeMap, HashMap};

use crate::evidence::{ChannelForm, RedisChannel};

/// What socketioxide's adapter and gaveld call theirs where nothing else is said.
const SOCKET_IO: &str = "socket.io";
/// What python-socketio and Flask-SocketIO call theirs.
const PYTHON: [&str; 2] = ["socketio", "flask-socketio"];
/// What pods are asked through in socketioxide's form, in the namespace `/`; every pod listens on it.
const REQUESTS: &str = "-request#/#";
/// In the names of channels on which a diagnosis listens to itself.
const OUR_OWN: &str = "-doctor-";
/// Names beside the known ones that are looked at; what is beyond is counted.
const UNKNOWN: usize = 20;
/// The longest name that is looked at.
const LONGEST: usize = 64;
/// A word as long as this is a number that a machine made up.
const LONGEST_WORD: usize = 20;

/// A channel for ourselves. It begins as the pods' do, because a pod's user may be allowed no other.
pub(super) fn our_own() -> String {
    format!("{SOCKET_IO}{OUR_OWN}{}", uuid::Uuid::new_v4().simple())
}

/// The channels whose subscribers are counted: by their full names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Watched {
    channels: BTreeMap<String, (String, ChannelForm)>,
    /// Told even where nobody listens.
    always: Vec<String>,
}

impl Watched {
    /// The usual ones, those that the operator named, and those of the active ones that may be a pod's; and how many
    /// others are active.
    pub(super) fn among(active: &[Vec<u8>], named: &[String]) -> (Self, u32) {
        let mut watched = Self {
            channels: BTreeMap::new(),
            always: Vec::new(),
        };
        watched.know(SOCKET_IO, ChannelForm::SocketIo);
        for name in PYTHON {
            watched.know(name, ChannelForm::Python);
        }
        for name in named {
            watched.know(name, ChannelForm::SocketIo);
            watched.know(name, ChannelForm::Python);
        }
        watched.always = [SOCKET_IO, PYTHON[0]].map(str::to_owned).to_vec();
        watched.always.extend_from_slice(named);
        let mut plain = Vec::new();
        let mut others = 0_u32;
        for name in active {
            let Ok(name) = std::str::from_utf8(name) else {
                others = others.saturating_add(1);
                continue;
            };
            match name.strip_suffix(REQUESTS) {
                Some(prefix) if may_be_kept(prefix) => watched.know(prefix, ChannelForm::SocketIo),
                _ => plain.push(name),
            }
        }
        let mut unknown: Vec<&str> = Vec::new();
        for name in plain {
            if watched.explains(name) {
                continue;
            }
            if may_be_kept(name) {
                unknown.push(name);
            } else {
                others = others.saturating_add(1);
            }
        }
        unknown.sort_unstable();
        let beyond = unknown.len().saturating_sub(UNKNOWN);
        others = others.saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX));
        for name in unknown.into_iter().take(UNKNOWN) {
            watched
                .channels
                .insert(name.to_owned(), (name.to_owned(), ChannelForm::Unknown));
        }
        (watched, others)
    }

    fn know(&mut self, name: &str, form: ChannelForm) {
        let channel = match form {
            ChannelForm::SocketIo => format!("{name}{REQUESTS}"),
            ChannelForm::Python | ChannelForm::Unknown => name.to_owned(),
        };
        self.channels.insert(channel, (name.to_owned(), form));
    }

    /// Whether it is watched already, or belongs to one that is, or to a diagnosis.
    fn explains(&self, name: &str) -> bool {
        let of_a_fleet = || {
            self.channels
                .values()
                .filter(|(_, form)| *form == ChannelForm::SocketIo)
                .any(|(prefix, _)| {
                    let rest = name.strip_prefix(prefix.as_str()).unwrap_or_default();
                    rest == "-pulse" || rest.starts_with("-request#") || rest.starts_with("-response#")
                })
        };
        self.channels.contains_key(name) || name.contains(OUR_OWN) || of_a_fleet()
    }

    /// Their full names.
    pub(super) fn names(&self) -> Vec<&str> {
        self.channels.keys().map(String::as_str).collect()
    }

    /// How many listen on each: on the usual ones even where nobody does.
    pub(super) fn counted(&self, subscribers: &HashMap<String, u32>) -> Vec<RedisChannel> {
        let channels = self.channels.iter().map(|(channel, (name, form))| RedisChannel {
            name: name.clone(),
            form: *form,
            subscribers: subscribers.get(channel).copied().unwrap_or_default(),
        });
        let mut counted: Vec<RedisChannel> = channels
            .filter(|channel| channel.subscribers > 0 || self.always.contains(&channel.name))
            .collect();
        counted.sort_by(|one, other| {
            other
                .subscribers
                .cmp(&one.subscribers)
                .then_with(|| one.cmp(other))
        });
        counted
    }
}

/// A name such as people give to the channel of a fleet. Others can hold anything, even somebody's address or session, and
/// are only counted.
fn may_be_kept(name: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.:/".contains(sign);
    let words = name.split(|sign: char| !sign.is_ascii_alphanumeric());
    let is_made_up = |word: &str| word.len() >= LONGEST_WORD;
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.starts_with("__")
        && name.chars().all(plain)
        && !words.into_iter().any(is_made_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(active: &[&str], named: &[&str]) -> (Watched, u32) {
        let active: Vec<Vec<u8>> = active.iter().map(|name| name.as_bytes().to_vec()).collect();
        let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
        Watched::among(&active, &named)
    }

    fn found(active: &[(&str, u32)], named: &[&str]) -> Vec<(String, ChannelForm, u32)> {
        let heard: Vec<&str> = active.iter().map(|(name, _)| *name).collect();
        let counts = active
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        let (watched, _) = among(&heard, named);
        let counted = watched.counted(&counts).into_iter();
        counted.map(|one| (one.name, one.form, one.subscribers)).collect()
    }

    #[test]
    fn the_usual_channels_are_told_even_where_nobody_listens() {
        let names: Vec<_> = found(&[], &[]).into_iter().map(|one| (one.0, one.2)).collect();
        assert_eq!(names, [("socket.io".to_owned(), 0), ("socketio".to_owned(), 0)]);
    }

    #[test]
    fn a_fleet_of_socketioxide_is_known_by_its_form_and_counted_once() {
        let active = [
            ("socket.io-request#/#", 2),
            ("socket.io-request#/#abc#", 1),
            ("socket.io-response#/#abc#", 1),
            ("socket.io-pulse", 2),
            ("another-request#/#", 1),
            ("another-pulse", 1),
        ];
        let fleets = found(&active, &[]);
        assert_eq!(fleets[0], ("socket.io".to_owned(), ChannelForm::SocketIo, 2));
        assert_eq!(fleets[1], ("another".to_owned(), ChannelForm::SocketIo, 1));
        assert_eq!(fleets.len(), 3, "{fleets:?}");
    }

    #[test]
    fn a_plain_name_is_pythons_only_where_that_is_usual_or_said() {
        let active = [("socketio", 2), ("another-fleet", 1)];
        let form = |named: &[&str]| {
            let found = found(&active, named);
            found
                .iter()
                .find(|one| one.0 == "another-fleet" && one.2 == 1)
                .unwrap()
                .1
        };
        assert_eq!(form(&[]), ChannelForm::Unknown);
        assert_eq!(form(&["another-fleet"]), ChannelForm::Python);
    }

    #[test]
    fn names_that_may_tell_of_people_are_only_counted() {
        let (watched, others) = among(
            &[
                "user:ada@example.com",
                "__keyspace@0__:x",
                "a b",
                "session:0123456789abcdef0123",
                &our_own(),
            ],
            &[],
        );
        assert_eq!(others, 4);
        assert!(
            !watched
                .names()
                .iter()
                .any(|name| name.contains(['@', ' ']) || name.contains("session")),
            "{watched:?}"
        );
        let many: Vec<String> = (0..50).map(|number| format!("queue-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(among(&many, &[]).1, 30);
    }
}
