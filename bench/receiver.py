"""How many live events does the receiver take? python bench/receiver.py [--seconds 5] [--senders 8]

A real `witting serve` on a fresh workspace (SQLite), and senders on the same machine over kept connections. First one sender
and then several, each sending one event a request and waiting for its answer; then one sender with batches of 1,000. Every
answered event is counted in the spool at the end: an answer means it is on disk.

The claim is a ratio, of requests a second by several senders to those by one: senders share a transaction instead of waiting
for each other's, so the ratio is well above one. Seconds and rates depend on the machine and its disk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from witting.workspace import Workspace

KEY = "a-key-for-the-bench-0123456789"
PEOPLE = 500
TEXT = "a tree by the river, " * 8  # 168 characters
BATCH_EVENTS = 1_000
NUMBERS = count()


@dataclass(frozen=True)
class Rate:
    requests: int
    seconds: float
    times: list[float]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    def line(self, what: str) -> str:
        times = statistics.quantiles(self.times, n=100)
        return f"{what:<34}{self.per_second:>9,.0f} requests/s   median {times[49]:6.1f} ms   99 % {times[98]:6.1f} ms"


def event() -> dict[str, object]:
    number = next(NUMBERS)
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/bench",
        "type": "chat.turn",
        "subject": f"app:person-{number % PEOPLE}",
        "time": "2026-11-01T10:00:00+00:00",
        "data": {"conversation_id": "c", "turn_id": str(number), "role": "user", "text": TEXT},
    }


def send(address: str, body: Callable[[], object], until: float, times: list[float]) -> None:
    """Posts until the moment, one request at a time."""
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    while time.perf_counter() < until:
        data = json.dumps(body())
        began = time.perf_counter()
        connection.request("POST", "/v1/events", data, headers)
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 202, said
        times.append((time.perf_counter() - began) * 1_000)


def measure(address: str, body: Callable[[], object], *, senders: int, seconds: float) -> Rate:
    found: list[list[float]] = [[] for _ in range(senders)]
    began = time.perf_counter()
    threads = [threading.Thread(target=send, args=(address, body, began + seconds, times)) for times in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [one for some in found for one in some]
    return Rate(len(times), time.perf_counter() - began, times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--senders", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace")
        server = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "witting",
                "serve",
                "--workspace",
                workspace.root,
                "--port",
                "0",
                "--json",
            ],
            stdout=subprocess.PIPE,
            env={**os.environ, "WITTING_API_KEYS": KEY},
        )
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            measure(address, event, senders=1, seconds=1)  # people are made, keys are read
            one = measure(address, event, senders=1, seconds=options.seconds)
            several = measure(address, event, senders=options.senders, seconds=options.seconds)
            batches = measure(
                address, lambda: [event() for _ in range(BATCH_EVENTS)], senders=1, seconds=options.seconds
            )
        finally:
            server.terminate()
            server.wait()
        sent = next(NUMBERS)
        assert workspace.spool.waiting(until=datetime.now(UTC)) == sent
    print(one.line("one sender, one event"))
    print(several.line(f"{options.senders} senders, one event each"))
    print(batches.line(f"one sender, {BATCH_EVENTS:,} events"))
    print(
        f"{batches.per_second * BATCH_EVENTS:,.0f} events/s in batches; {sent:,} events answered, all of them kept"
    )
    print(f"ratio of {options.senders} senders to one: {several.per_second / one.per_second:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
