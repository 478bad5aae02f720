"""Run as a program by the tests of the line: URL MOMENT. Appends once, and ends at that moment as a kill would end it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger, queue
from witting.ledger.queue import Queue


def die(*anything: object, **more: object) -> None:
    print("died", flush=True)
    os._exit(9)


def main(url: str, moment: str) -> None:
    database = sa.create_engine(url)
    match moment:
        case "waiting":
            queue.LOOK_MS = 60_000
            Queue._wait = lambda *anything: print("waits", flush=True) or sys.stdin.read()  # type: ignore[method-assign]
        case "about to commit":
            served = Queue._serve
            Queue._serve = lambda *words: (served(*words), die())  # type: ignore[method-assign]
        case "committed":
            queue._tell = die  # the first of those it appended for is about to be told
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    print("begins", flush=True)
    Ledger(database, signer, origin="ledger.example/test").append(
        "run.trained", {"by": "the dead"}, now=datetime(2026, 11, 24, tzinfo=UTC)
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
