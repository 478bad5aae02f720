"""What the rounds of `test_ledger_killed.py` kill: opens the database, then appends, signs, replays and publishes by chance,
and says so in a file once it is committed. Killed from outside at any time, or by itself at a statement drawn beforehand."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger
from witting.ledger.tiles import write_tiles
from witting.store.database import open_database
from witting.store.projections import Projections

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 24, tzinfo=UTC)
STATEMENTS_MAX = 150  # one of the first so many is the last
KINDS = ("consent", "withdrawal", "objection", "refusal")


def opened(url: str, root: Path) -> tuple[Ledger, Projections]:
    database = open_database(url, root=root)
    projections = Projections(database)
    ledger = Ledger(database, SIGNER, origin="ledger.example/killed", fold=projections.fold)
    projections.catch_up(ledger)
    return ledger, projections


def work(url: str, root: str, name: str, seed: int, *, counted: bool, publishes: bool) -> None:
    """Never returns by itself for long: `counted` ends it at a statement, else somebody outside does."""
    chance = random.Random(seed)
    if counted:
        _end_at(chance.randrange(1, STATEMENTS_MAX))
    told = os.open(Path(root) / f"{name}.told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    ledger, projections = opened(url, Path(root))
    for number in range(10_000):
        match chance.randrange(8):
            case 0:
                _say(told, {"note": ledger.checkpoint(now=NOW)})
            case 1:
                projections.rebuild(ledger)
            case 2 if publishes:
                done = write_tiles(ledger, Path(root) / "tiles", entries=True, now=NOW)
                _say(told, {"published": done.size})
            case _:
                entries = [
                    _entry(chance, f"{name}-{number}-{place}") for place in range(chance.randrange(1, 6))
                ]
                indexes = ledger.append_many(entries, now=NOW)
                _say(told, {"indexes": indexes, "tokens": [body["token"] for _, body in entries]})


def _entry(chance: random.Random, token: str) -> tuple[str, dict[str, Any]]:
    body = {"subject": hashlib.sha256(token.encode()).hexdigest()[:32], "token": token}
    if chance.randrange(4) == 0:
        return "run.trained", body
    return f"rights.{chance.choice(KINDS)}", body | {"occurred_at": NOW.isoformat()}


def _say(told: int, what: dict[str, Any]) -> None:
    os.write(told, json.dumps(what).encode() + b"\n")


def _end_at(statement: int) -> None:
    """At this statement or commit of the process, whatever engine it is sent by: migrations, appends, replays."""
    left = statement

    def count(*anything: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for event in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(sa.Engine, event, count)
