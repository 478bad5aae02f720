"""How many live events does the Kafka consumer take? python bench/consumer.py [--events 20000] [--partitions 4]

A cluster in this process (librdkafka's mock; the network is this machine's), a fresh workspace on SQLite, events of 168
characters about 500 people, all of them in the topic before the consumer begins: from its first poll to the last committed
offset. Beside it, in the same run and process, the same number of events straight into the spool in batches of 1,000.

The figure is a ratio, of events a second through Kafka to those straight into the spool: what understanding each message, the
client and committing offsets cost. Every event is counted in the spool at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from doors.kafka_cluster import Cluster
from witting.doors.cloud_events import understood
from witting.doors.kafka.consumer import Stream
from witting.doors.kafka.properties import connect
from witting.workspace import Workspace

PEOPLE = 500
TEXT = "a tree by the river, " * 8
BATCH_EVENTS = 1_000
TEXT_CHARS_MAX = 100_000


def event(kind: str, number: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"{kind}-{number}",
        "source": "/bench",
        "type": "chat.turn",
        "subject": f"app:person-{number % PEOPLE}",
        "time": "2026-11-01T10:00:00+00:00",
        "data": {"conversation_id": "c", "turn_id": str(number), "role": "user", "text": TEXT},
    }


def now() -> datetime:
    return datetime.now(UTC)


def straight(workspace: Workspace, events: int) -> float:
    """Seconds to keep them, understood before the clock starts."""
    told = [understood(event("s", n), now=now(), text_chars_max=TEXT_CHARS_MAX) for n in range(events)]
    kept = [one for one in told if one is not None]
    began = time.perf_counter()
    for start in range(0, events, BATCH_EVENTS):
        workspace.spool.take(kept[start : start + BATCH_EVENTS], now=now())
    return time.perf_counter() - began


def through_kafka(workspace: Workspace, events: int, partitions: int) -> float:
    cluster = Cluster()
    topic = cluster.topic("bench", partitions)
    cluster.send(topic, [event("k", n) for n in range(events)], partitions=partitions)
    stream = Stream(
        lambda hear: connect({}, brokers=cluster.brokers, group="bench", on_error=hear),
        workspace.spool,
        text_chars_max=TEXT_CHARS_MAX,
        now=now,
        tell=lambda _: None,
        progress=lambda _: None,
    )
    began = time.perf_counter()
    stream.run([topic], stopped=lambda: stream.counts.messages >= events)
    seconds = time.perf_counter() - began
    assert sum(cluster.committed(topic, "bench", partitions=partitions)) == events
    cluster.close()
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--partitions", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace")
        workspace.vault.subjects_for([f"app:person-{n}" for n in range(PEOPLE)])
        first = straight(workspace, options.events)
        second = through_kafka(workspace, options.events, options.partitions)
        assert workspace.spool.waiting(until=now()) == 2 * options.events
    print(f"straight into the spool: {options.events / first:,.0f} events/s")
    print(f"through Kafka:           {options.events / second:,.0f} events/s")
    print(f"ratio: {first / second:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
