//! The table.

use gavelscope_diagnosis::Light::{self, Amber, Green, Grey, Red};
use gavelscope_diagnosis::Outcome::{self, Fail, Inconclusive, Pass, Warn};
use gavelscope_testkit::fleet::{Adapter, FleetKind, FleetOptions};
use gavelscope_testkit::services::haproxy::Balance;

use crate::front::Front;

/// Of which backend the pods are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Our own.
    Gaveld,
    /// python-socketio.
    Field,
}

pub const KINDS: [Kind; 2] = [Kind::Gaveld, Kind::Field];

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gaveld => "gaveld",
            Self::Field => "python",
        }
    }

    pub const fn fleet(self) -> FleetKind {
        match self {
            Self::Gaveld => FleetKind::Rust,
            Self::Field => FleetKind::Python,
        }
    }
}

/// What dies while it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dies {
    Redis,
    /// The last of the pods.
    Pod,
}

/// What the diagnosis has to say.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    pub light: Light,
    /// The finding that the verdict is.
    pub code: &'static str,
    /// And words of it.
    pub words: &'static str,
    /// Other findings that matter.
    pub also: &'static [(&'static str, Outcome)],
    /// Why it can be no better, where that needs a word.
    pub because: &'static str,
}

/// A fleet, what is wrong with it, and the verdict.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub number: &'static str,
    pub name: &'static str,
    pub what: &'static str,
    pub pods: usize,
    pub adapter: Adapter,
    pub balancer: Balance,
    pub refuse_websockets: bool,
    pub front: Front,
    /// What is killed when all sockets are in their places and nobody has spoken.
    pub dies: Option<Dies>,
    /// Others use the backend meanwhile. They change whose turn it is, so that where pods have no names one can be left out
    /// by chance; a fault of a single pod needs a row without them.
    pub strangers: bool,
    pub gaveld: Expected,
    pub field: Expected,
}

impl Row {
    #[allow(clippy::needless_update, reason = "what there is to choose of a fleet grows")]
    pub fn fleet(&self, kind: Kind) -> FleetOptions {
        FleetOptions {
            pods: self.pods,
            kind: kind.fleet(),
            adapter: self.adapter,
            balancer: self.balancer,
            refuse_websockets: self.refuse_websockets,
            ..FleetOptions::default()
        }
    }

    pub const fn expected(&self, kind: Kind) -> &Expected {
        match kind {
            Kind::Gaveld => &self.gaveld,
            Kind::Field => &self.field,
        }
    }

    /// All is well there: whatever is said to be wrong is a false alarm.
    pub fn is_well(&self) -> bool {
        self.gaveld.light == Green
    }

    /// What is wrong is wrong for good: the next run takes another fleet.
    pub fn is_spent(&self) -> bool {
        self.dies.is_some() || self.adapter == Adapter::Stalled
    }
}

/// Three pods behind a balancer that goes round, on a Redis that works, and all well.
const WELL: Row = Row {
    number: "",
    name: "",
    what: "",
    pods: 3,
    adapter: Adapter::Redis,
    balancer: Balance::RoundRobin,
    refuse_websockets: false,
    front: Front::Balancer,
    dies: None,
    strangers: false,
    gaveld: HEALTHY,
    field: HEALTHY,
};

const fn says(
    light: Light,
    code: &'static str,
    words: &'static str,
    also: &'static [(&'static str, Outcome)],
) -> Expected {
    Expected {
        light,
        code,
        words,
        also,
        because: "",
    }
}

const fn because(expected: Expected, because: &'static str) -> Expected {
    Expected { because, ..expected }
}

const fn in_words(expected: Expected, words: &'static str) -> Expected {
    Expected { words, ..expected }
}

const SPLIT: &str = "GS-ROOM-SPLIT";
const HEALTHY: Expected = says(
    Green,
    SPLIT,
    "what is bid reaches everybody",
    &[(SPLIT, Pass), ("GS-ONE-WAY", Pass), ("GS-PARTIAL", Pass)],
);
/// `gaveld` knows the others from the database, or misses its own pulse, and says so.
const APART: Expected = says(
    Red,
    SPLIT,
    "do not share rooms",
    &[(SPLIT, Fail), ("GS-CLUSTER", Warn), ("GS-HEALTH", Pass)],
);
/// The field claims to be healthy.
const APART_FIELD: Expected = says(
    Red,
    SPLIT,
    "do not share rooms",
    &[(SPLIT, Fail), ("GS-HEALTH", Warn), ("GS-PODS", Pass)],
);

pub static ROWS: &[Row] = &[
    Row {
        number: "1",
        name: "one_pod",
        what: "one pod",
        strangers: true,
        pods: 1,
        adapter: Adapter::None,
        field: because(
            says(
                Grey,
                SPLIT,
                "only one pod was reached",
                &[(SPLIT, Inconclusive), ("GS-ONE-WAY", Pass), ("GS-PODS", Pass)],
            ),
            "One pod of the field says nothing of others, and a balancer that keeps this address on one of several looks the \
             same from outside.",
        ),
        ..WELL
    },
    Row {
        number: "2",
        name: "no_adapter_in_turn",
        what: "no adapter, the balancer goes round",
        strangers: true,
        adapter: Adapter::None,
        gaveld: APART,
        field: APART_FIELD,
        ..WELL
    },
    Row {
        number: "3",
        name: "no_adapter_at_random",
        what: "no adapter, the balancer draws",
        strangers: true,
        adapter: Adapter::None,
        balancer: Balance::Random,
        gaveld: APART,
        field: APART_FIELD,
        ..WELL
    },
    Row {
        number: "4",
        name: "redis_at_work",
        what: "Redis",
        strangers: true,
        ..WELL
    },
    Row {
        number: "5",
        name: "redis_never_there",
        what: "Redis dead from the start",
        strangers: true,
        adapter: Adapter::Dead,
        gaveld: APART,
        field: APART_FIELD,
        ..WELL
    },
    Row {
        number: "6",
        name: "redis_killed",
        what: "Redis killed in the middle: the sockets are in their places, and nobody has spoken",
        dies: Some(Dies::Redis),
        gaveld: APART,
        field: APART_FIELD,
        ..WELL
    },
    Row {
        number: "7",
        name: "redis_stands_still",
        what: "Redis stalled",
        adapter: Adapter::Stalled,
        gaveld: APART,
        field: because(
            says(
                Red,
                "GS-PATH",
                "takes connections, and then does not answer them",
                &[("GS-PATH", Fail), (SPLIT, Inconclusive)],
            ),
            "A pod of the field waits for Redis before it greets a new socket, so nobody who was not there before gets in.",
        ),
        ..WELL
    },
    Row {
        number: "8",
        name: "another_channel",
        what: "one pod on another channel",
        adapter: Adapter::Split,
        gaveld: in_words(APART, "3 pods in 2 groups that do not share rooms"),
        field: in_words(APART_FIELD, "3 pods in 2 groups that do not share rooms"),
        ..WELL
    },
    Row {
        number: "9",
        name: "one_pod_is_deaf",
        what: "one pod's subscriber broken: it sends and does not hear",
        adapter: Adapter::Deaf,
        gaveld: because(
            says(
                Red,
                "GS-ONE-WAY",
                "a pod of this backend sends, and does not hear the others",
                &[("GS-ONE-WAY", Fail), (SPLIT, Inconclusive), ("GS-HEALTH", Warn)],
            ),
            "Its own pulse comes back to it, so it does not notice; where even that is lost it says that it is alone.",
        ),
        field: says(
            Red,
            "GS-ONE-WAY",
            "a pod of this backend sends, and does not hear the others",
            &[("GS-ONE-WAY", Fail), (SPLIT, Inconclusive), ("GS-HEALTH", Warn)],
        ),
        ..WELL
    },
    Row {
        number: "10",
        name: "sticky_to_one_pod",
        what: "the balancer keeps this address on one pod; Redis",
        strangers: true,
        front: Front::OnePod,
        gaveld: because(
            says(
                Grey,
                SPLIT,
                "Only one of 3 pods can be reached",
                &[(SPLIT, Inconclusive), ("GS-STICKY", Inconclusive)],
            ),
            "Its word that there are three pods proves nothing of the other two.",
        ),
        field: says(
            Grey,
            SPLIT,
            "only one pod was reached",
            &[(SPLIT, Inconclusive), ("GS-PODS", Pass)],
        ),
        ..WELL
    },
    Row {
        number: "10, apart",
        name: "sticky_to_one_pod_without_adapter",
        what: "the same without an adapter",
        strangers: true,
        adapter: Adapter::None,
        front: Front::OnePod,
        gaveld: because(
            says(
                Amber,
                "GS-CLUSTER",
                "its pods do not hear each other now",
                &[(SPLIT, Inconclusive), ("GS-CLUSTER", Warn)],
            ),
            "The pod itself says that it does not hear others of its database.",
        ),
        field: says(
            Grey,
            SPLIT,
            "only one pod was reached",
            &[(SPLIT, Inconclusive), ("GS-PODS", Pass)],
        ),
        ..WELL
    },
    Row {
        number: "11",
        name: "polling_only",
        what: "websockets refused by the balancer, which goes round; Redis",
        refuse_websockets: true,
        gaveld: says(
            Red,
            "GS-PATH",
            "long polling meets pods that take turns",
            &[("GS-PATH", Fail), (SPLIT, Inconclusive), ("GS-STICKY", Pass)],
        ),
        field: says(
            Red,
            "GS-PATH",
            "long polling meets pods that take turns",
            &[("GS-PATH", Fail), (SPLIT, Inconclusive), ("GS-STICKY", Pass)],
        ),
        ..WELL
    },
    Row {
        number: "11, sticky",
        name: "polling_only_with_cookies",
        what: "the same, and a cookie keeps each client on its pod",
        refuse_websockets: true,
        balancer: Balance::Sticky,
        gaveld: says(
            Amber,
            "GS-PATH",
            "long polling is what is left",
            &[("GS-PATH", Warn), (SPLIT, Pass), ("GS-STICKY", Pass)],
        ),
        field: says(
            Amber,
            "GS-PATH",
            "long polling is what is left",
            &[("GS-PATH", Warn), (SPLIT, Pass), ("GS-STICKY", Pass)],
        ),
        ..WELL
    },
    Row {
        number: "12",
        name: "one_pod_is_slow",
        what: "5 pods, one of them slow by 400 ms; Redis",
        pods: 5,
        front: Front::LatePod,
        gaveld: says(
            Amber,
            "GS-SLOW-POD",
            "One of the pods is slow",
            &[("GS-SLOW-POD", Warn), (SPLIT, Pass), ("GS-PODS", Pass)],
        ),
        field: says(
            Amber,
            "GS-SLOW-POD",
            "One of the pods is slow",
            &[("GS-SLOW-POD", Warn), (SPLIT, Pass), ("GS-PODS", Pass)],
        ),
        ..WELL
    },
    Row {
        number: "13",
        name: "one_pod_dies",
        what: "one pod killed in the middle: the sockets are in their places, and nobody has spoken; Redis",
        dies: Some(Dies::Pod),
        gaveld: because(
            says(
                Grey,
                SPLIT,
                "a pod may have been left out",
                &[(SPLIT, Inconclusive), ("GS-ONE-WAY", Pass), ("GS-PARTIAL", Pass)],
            ),
            "The sockets that it held are lost, which says nothing of how pods share rooms; nothing is called healthy, either.",
        ),
        field: says(
            Grey,
            SPLIT,
            "a pod may have been left out",
            &[(SPLIT, Inconclusive), ("GS-ONE-WAY", Pass), ("GS-PARTIAL", Pass)],
        ),
        ..WELL
    },
];
