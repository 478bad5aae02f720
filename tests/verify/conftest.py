"""The offline verifier, loaded from its one file, and a ledger to hand it things from."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger
from witting.ledger.tables import append_only_triggers, metadata

VERIFIER = Path(__file__).parents[2] / "verify" / "witting_verify.py"
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("witting_verify", VERIFIER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["witting_verify"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def database_path(tmp_path: Path) -> Path:
    return tmp_path / "witting.db"


@pytest.fixture
def ledger(database_path: Path) -> Iterator[Ledger]:
    """Twelve entries and a checkpoint over seven of them."""
    engine = sa.create_engine(f"sqlite:///{database_path}")
    sa.event.listen(engine, "connect", _without_waiting_for_the_disk)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in append_only_triggers("sqlite"):
            connection.exec_driver_sql(statement)
    ledger = Ledger(
        engine, Ed25519PrivateKey.from_private_bytes(bytes(range(32))), origin="ledger.example/test"
    )
    people = [f"{number:032x}" for number in range(12)]
    ledger.append_many([("rights.consent", {"subject": person}) for person in people[:7]], now=NOW)
    ledger.checkpoint(now=NOW)
    ledger.append_many([("run.trained", {"subjects": [person]}) for person in people[7:]], now=NOW)
    yield ledger
    engine.dispose()


def _without_waiting_for_the_disk(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
