//! Whose an auction's clock is: a lease with a fence, decided here and nowhere else, without I/O.
//!
//! A pod takes a clock that nobody has, or whose lease has lapsed, and gets a fence that is greater than all before it.
//! Everything the clock does happens in a transaction that holds the auction's lock and finds this pod and this fence in
//! the lease ([`Lease::admits`]); taking it holds the same lock. So of two pods that both believe to have the clock, the
//! database hears one, whatever stood still for how long. A tick changes nothing and needs no lock: it is said only while
//! the lease that was just read cannot have lapsed ([`Lease::may_speak`]).
//!
//! All times are the database's, ms; a pod measures with its own clock only how long ago it has read one.

use std::time::Duration;

/// How long a lease lasts after it was taken or renewed, ms.
pub const LEASE: i64 = 2_000;
/// How long before its end a holder falls silent, ms: what a tick may take on its way out, and more than two machines'
/// clocks can drift apart in the length of a lease.
pub const MARGIN: i64 = 400;

/// A clock's lease, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The boot of the pod that has it, or had it last.
    pub holder: String,
    /// Grows with every taking.
    pub fence: i64,
    /// When it lapses.
    pub until: i64,
}

/// What a holder shows for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The boot of the pod.
    pub holder: String,
    /// The fence that it was given.
    pub fence: i64,
}

/// A clock that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its lease from now on.
    pub lease: Lease,
    /// Another pod had it before.
    pub moved: bool,
}

/// Takes a clock, if it is to be had.
pub fn take(current: Option<&Lease>, by: &str, now: i64) -> Option<Taken> {
    let (fence, moved) = match current {
        None => (1, false),
        Some(lease) if now < lease.until => return None,
        Some(lease) => (lease.fence + 1, lease.holder != by),
    };
    Some(Taken {
        lease: Lease {
            holder: by.to_owned(),
            fence,
            until: now + LEASE,
        },
        moved,
    })
}

impl Lease {
    /// What its holder shows for it.
    pub fn hold(&self) -> Hold {
        Hold {
            holder: self.holder.clone(),
            fence: self.fence,
        }
    }

    /// Whether it is this holder's, lapsed or not.
    pub fn belongs_to(&self, hold: &Hold) -> bool {
        self.holder == hold.holder && self.fence == hold.fence
    }

    /// Whether this holder may move the clock. Asked under the auction's lock.
    pub fn admits(&self, hold: &Hold, now: i64) -> bool {
        self.belongs_to(hold) && now < self.until
    }

    /// The lease made longer; none where it has lapsed: then it has to be taken anew.
    #[must_use]
    pub fn renewed(&self, hold: &Hold, now: i64) -> Option<Self> {
        self.admits(hold, now).then(|| Self {
            until: self.until.max(now + LEASE),
            ..self.clone()
        })
    }

    /// The lease given back, so that another pod can take it at once.
    #[must_use]
    pub fn released(&self, hold: &Hold) -> Option<Self> {
        self.belongs_to(hold).then(|| Self {
            until: 0,
            ..self.clone()
        })
    }

    /// Whether this holder may say something to the room that no transaction guards, `since` it has begun to read this
    /// lease together with the time.
    pub fn may_speak(&self, hold: &Hold, now: i64, since: Duration) -> bool {
        let since = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        self.belongs_to(hold) && since < (self.until - now).saturating_sub(MARGIN)
    }
}
