"""What the backends in the field do and a client must survive (contract, section 4). All are on by default."""

import argparse
import os
from dataclasses import dataclass

QUIRKS = {
    "room_size_zero": "every ack says that the room is empty",
    "no_compare_and_set": "two bids at once are both accepted, and the later write wins, not the higher bid",
    "countdown_bids_lost": "a bid between two lots is answered with 200 and has no effect",
    "float_money": "whole pounds are written with a decimal point",
    "zoneless_times": "times that were read from the database have no zone",
    "timer_seq_restarts": "the number in ticks lives in this process's memory",
    "timer_dies": "after a restart nobody ticks, and no hammer falls",
}


@dataclass(frozen=True)
class Options:
    port: int
    database: str
    pod: str
    database_ms: float
    ping_interval: float
    ping_timeout: float
    redis_url: str
    channel: str
    quirks: frozenset

    def has(self, quirk):
        return quirk in self.quirks


def read_options():
    parser = argparse.ArgumentParser(description="A pod like those in the field. For tests: anybody may be anybody.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", required=True, help="an SQLite file; several pods may share one")
    parser.add_argument("--pod", default="python", help="its name, for the log alone: the field's pods have none")
    parser.add_argument("--database-ms", type=float, default=2.0, help="what a round trip to the database takes")
    parser.add_argument("--ping-interval", type=float, default=20.0)
    parser.add_argument("--ping-timeout", type=float, default=25.0)
    parser.add_argument(
        "--redis-url", default=os.environ.get("REDIS_URL", ""), help="where the pods of a fleet hear each other"
    )
    parser.add_argument("--channel", default="socketio", help="pods on another channel hear nothing of these")
    names = ", ".join(f"{name} ({what})" for name, what in QUIRKS.items())
    parser.add_argument(
        "--without",
        default=os.environ.get("GAVELSCOPE_POD_WITHOUT", ""),
        help=f"quirks to leave out, with commas between them: {names}",
    )
    given = parser.parse_args()
    without = {name for name in given.without.split(",") if name}
    if unknown := without - QUIRKS.keys():
        parser.error(f"there is no quirk {', '.join(sorted(unknown))}; there are {', '.join(QUIRKS)}")
    return Options(
        port=given.port,
        database=given.database,
        pod=given.pod,
        database_ms=given.database_ms,
        ping_interval=given.ping_interval,
        ping_timeout=given.ping_timeout,
        redis_url=given.redis_url,
        channel=given.channel,
        quirks=frozenset(QUIRKS.keys() - without),
    )
