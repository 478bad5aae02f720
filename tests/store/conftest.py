"""Databases to run one set of tests on: SQLite always, PostgreSQL when its server's binaries are installed.

With WITTING_REQUIRE_POSTGRES=1 a missing server is a failure; without it, those tests are not collected.
The server is private: a fresh cluster in a temporary folder, reached by a unix socket, stopped at the end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.objects import Objects

REQUIRED = os.environ.get("WITTING_REQUIRE_POSTGRES") == "1"
READY_ATTEMPTS_MAX = 150
NUMBERS = count()


def _binaries() -> Path | None:
    """The folder of the newest server; initdb and postgres are not on the PATH of Debian."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


DATABASES = ["sqlite", "postgresql"] if _binaries() or REQUIRED else ["sqlite"]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    binaries = _binaries()
    if binaries is None:
        pytest.fail(
            "WITTING_REQUIRE_POSTGRES=1, but no PostgreSQL server is installed: apt-get install postgresql"
        )
    folder = Path(tempfile.mkdtemp(prefix="witting-pg-"))
    become = _as_somebody_else(folder)
    initdb = [
        binaries / "initdb",
        "-D",
        folder / "data",
        "-U",
        "witting",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run([*become, *initdb, "--locale", "C"], check=True, capture_output=True, cwd="/")
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    server = subprocess.Popen(
        [*become, binaries / "postgres", "-D", folder / "data", *settings],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(binaries, folder)
        yield f"postgresql://witting@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: the cluster is thrown away
        try:
            server.wait(timeout=20)
        finally:
            server.kill()
            shutil.rmtree(folder, ignore_errors=True)


def _as_somebody_else(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root. Dies with us in any case."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--pdeathsig=QUIT"]


def _wait_until_ready(binaries: Path, folder: Path) -> None:
    ask = [binaries / "pg_isready", "-h", folder, "-t", "1", "-q"]
    for _ in range(READY_ATTEMPTS_MAX):
        if subprocess.run(ask, check=False).returncode == 0:
            return
        subprocess.run(["sleep", "0.1"], check=True)
    pytest.fail("the private PostgreSQL server did not answer in 15 s")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, empty database of each kind; SQLite's is relative to `tmp_path`."""
    if request.param == "sqlite":
        return "sqlite:///witting.db"
    server = sa.make_url(request.getfixturevalue("postgresql_url"))
    name = f"test_{next(NUMBERS)}"
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(database_url, root=tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "objects"))


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore.create(tmp_path / "keys")
