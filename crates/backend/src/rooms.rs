//! Who is in which room on this pod: what `roomSize` is read from.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use gavelscope_contract::{Room, UserId};
use socketioxide::socket::Sid;

/// The rooms of this pod.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rooms: HashMap<Room, HashMap<Sid, UserId>>,
    sockets: HashMap<Sid, HashSet<Room>>,
}

/// A room that a socket has left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub room: Room,
    pub user: UserId,
    /// The same person is still in it with another socket.
    pub still_here: bool,
    /// How many sockets are left in it.
    pub size: u32,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A map is whole after every statement, so a panic elsewhere does not spoil it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a socket into a room that holds at most `limit`; how many are in it then, none where it is full.
    pub(crate) fn enter(&self, sid: Sid, room: &Room, user: &UserId, limit: usize) -> Option<u32> {
        let mut inner = self.lock();
        let sockets = inner.rooms.entry(room.clone()).or_default();
        if !sockets.contains_key(&sid) && sockets.len() >= limit {
            return None;
        }
        sockets.insert(sid, user.clone());
        let size = count(sockets.len());
        inner.sockets.entry(sid).or_default().insert(room.clone());
        Some(size)
    }

    /// How many sockets are in a room.
    pub(crate) fn size(&self, room: &Room) -> u32 {
        self.lock()
            .rooms
            .get(room)
            .map_or(0, |sockets| count(sockets.len()))
    }

    /// Every room that somebody is in, with its size.
    pub(crate) fn sizes(&self) -> HashMap<Room, u32> {
        let inner = self.lock();
        let sizes = inner.rooms.iter().filter(|(_, sockets)| !sockets.is_empty());
        sizes
            .map(|(room, sockets)| (room.clone(), count(sockets.len())))
            .collect()
    }

    /// How many rooms of each kind there are here, and how many sockets are in them.
    pub(crate) fn by_kind(&self) -> [(&'static str, usize, usize); 3] {
        let mut kinds = [("auction", 0, 0), ("league", 0, 0), ("probe", 0, 0)];
        for (room, sockets) in &self.lock().rooms {
            let kind = match room {
                Room::Auction(_) => 0,
                Room::League(_) => 1,
                Room::Probe(_) => 2,
            };
            kinds[kind].1 += 1;
            kinds[kind].2 += sockets.len();
        }
        kinds
    }

    /// Whether a socket is in a room.
    pub(crate) fn holds(&self, sid: Sid, room: &Room) -> bool {
        self.lock()
            .sockets
            .get(&sid)
            .is_some_and(|rooms| rooms.contains(room))
    }

    /// How many rooms of a kind a socket is in.
    pub(crate) fn count_of(&self, sid: Sid, kind: impl Fn(&Room) -> bool) -> usize {
        self.lock()
            .sockets
            .get(&sid)
            .map_or(0, |rooms| rooms.iter().filter(|room| kind(room)).count())
    }

    /// Takes a socket out of a room.
    pub(crate) fn leave(&self, sid: Sid, room: &Room) -> Option<Left> {
        self.lock().leave(sid, room)
    }

    /// Takes a socket out of every room.
    pub(crate) fn leave_all(&self, sid: Sid) -> Vec<Left> {
        let mut inner = self.lock();
        let rooms = inner.sockets.get(&sid).cloned().unwrap_or_default();
        rooms.iter().filter_map(|room| inner.leave(sid, room)).collect()
    }
}

impl Inner {
    fn leave(&mut self, sid: Sid, room: &Room) -> Option<Left> {
        let sockets = self.rooms.get_mut(room)?;
        let user = sockets.remove(&sid)?;
        let left = Left {
            room: room.clone(),
            still_here: sockets.values().any(|other| *other == user),
            size: count(sockets.len()),
            user,
        };
        if sockets.is_empty() {
            self.rooms.remove(room);
        }
        if let Some(rooms) = self.sockets.get_mut(&sid) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.sockets.remove(&sid);
            }
        }
        Some(left)
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::Probe("p".into())
    }

    #[test]
    fn a_socket_counts_once_and_a_room_ends_with_its_last_socket() {
        let (rooms, user) = (Rooms::default(), UserId::from("u"));
        let (first, second) = (Sid::new(), Sid::new());
        assert_eq!(rooms.enter(first, &room(), &user, 32), Some(1));
        assert_eq!(rooms.enter(first, &room(), &user, 32), Some(1));
        assert_eq!(rooms.enter(second, &room(), &user, 32), Some(2));
        let left = rooms.leave_all(first);
        assert_eq!((left.len(), left[0].still_here, left[0].size), (1, true, 1));
        assert!(!rooms.leave(second, &room()).unwrap().still_here);
        assert!(rooms.lock().rooms.is_empty() && rooms.lock().sockets.is_empty());
    }

    #[test]
    fn a_full_room_takes_nobody_else() {
        let (rooms, user) = (Rooms::default(), UserId::from("u"));
        let first = Sid::new();
        assert_eq!(rooms.enter(first, &room(), &user, 1), Some(1));
        assert_eq!(rooms.enter(Sid::new(), &room(), &user, 1), None);
        assert_eq!(rooms.enter(first, &room(), &user, 1), Some(1), "it is in already");
        assert_eq!(rooms.size(&room()), 1);
    }
}
