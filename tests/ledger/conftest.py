"""A ledger on SQLite always, and on a private PostgreSQL server where one is installed.

With WITTING_REQUIRE_POSTGRES=1 a missing server is a failure; without it, those cases are not collected.
"""

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger
from witting.ledger.tables import append_only_triggers, metadata

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
REQUIRED = os.environ.get("WITTING_REQUIRE_POSTGRES") == "1"
DATABASES = ["sqlite", "postgresql"] if SERVERS or REQUIRED else ["sqlite"]
ORIGIN = "ledger.example/test"
NUMBERS = count()


@pytest.fixture(scope="session")
def postgresql_folder() -> Iterator[Path]:
    if not SERVERS:
        pytest.fail(
            "WITTING_REQUIRE_POSTGRES=1, but no PostgreSQL server is installed: apt-get install postgresql"
        )
    binaries, folder = SERVERS[-1].parent, Path(tempfile.mkdtemp(prefix="witting-ledger-"))
    become = _as_postgres(folder)
    initdb = [binaries / "initdb", "-D", folder / "data", "-U", "witting", "-A", "trust", "--no-sync"]
    subprocess.run(
        [*become, *initdb, "--locale", "C", "-E", "UTF8"], check=True, capture_output=True, cwd="/"
    )
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    start = [
        binaries / "pg_ctl",
        "-D",
        folder / "data",
        "-w",
        "-l",
        folder / "log",
        "-o",
        " ".join(settings),
        "start",
    ]
    subprocess.run([*become, *start], check=True, capture_output=True, cwd="/")
    yield folder
    stop = [binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"]
    subprocess.run([*become, *stop], check=True, capture_output=True, cwd="/")
    shutil.rmtree(folder, ignore_errors=True)


def _as_postgres(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")  # PostgreSQL refuses to run as root
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Fresh, empty databases of each kind; on PostgreSQL schemas, which are made a hundred times faster."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path / f'witting{next(NUMBERS)}.db'}"
    folder = request.getfixturevalue("postgresql_folder")

    def make() -> str:
        name = f"ledger_{next(NUMBERS)}"
        server = f"postgresql+psycopg://witting@/postgres?host={folder}"
        engine = sa.create_engine(server)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        engine.dispose()
        return f"{server}&options=-csearch_path%3D{name}"

    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def database(url: str) -> Iterator[sa.Engine]:
    engine = make_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = make_database(f"sqlite:///{tmp_path / 'witting.db'}")
    yield engine
    engine.dispose()


def make_database(url: str) -> sa.Engine:
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _without_waiting_for_the_disk)
    metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in append_only_triggers(engine.dialect.name):
            connection.exec_driver_sql(statement)
    return engine


def _without_waiting_for_the_disk(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")  # for speed; the tests that kill processes open their own


@pytest.fixture
def signer() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def ledger(database: sa.Engine, signer: Ed25519PrivateKey) -> Ledger:
    return Ledger(database, signer, origin=ORIGIN)


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture
def tamper(database: sa.Engine) -> Callable[[str], None]:
    """Runs a statement as somebody would who owns the database: triggers dropped first."""

    def run(statement: str) -> None:
        with database.begin() as connection:
            _drop_triggers(connection)
            connection.exec_driver_sql(statement)

    return run


def _drop_triggers(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        names = (
            connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            .scalars()
            .all()
        )
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        for table in ("ledger_entries", "ledger_nodes", "ledger_checkpoints"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
