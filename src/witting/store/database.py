"""Opens the one database of a workspace and brings its tables up to date.

Covered: SQLite (the default; a file of mode 0600) and PostgreSQL (extra `postgres`), their settings, migrations
under a lock, the two kinds of transaction, and clear errors for a full disk, a busy or a damaged database.
Not covered: what is in the tables (`tables.py`), key material (`keys.py`, a file of its own).

SQLite forgets what is deleted: `secure_delete` overwrites it with zeros, and the write-ahead log, which would keep
old pages, is off. The rollback journal is emptied at each commit and the emptying synced, so that no power cut brings an old
page back over a commit that was told (a deleted journal may come back: sqlite.org, PRAGMA synchronous, EXTRA). Void once a file system keeps older copies of blocks itself (snapshots, flash wear levelling);
that is why the words are sealed under keys that are destroyed, and not only deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import ExceptionContext

from witting.errors import ConfigError, DiskFull, MissingExtra, StoreError

HEAD = "0006"  # the newest step in migrations/versions; a test holds them equal
BUSY_TIMEOUT_MS = 30_000
IDS_PER_QUERY_MAX = 1_000  # ids in one IN (...); both databases allow some 30,000
DAMAGED = "the database file is damaged or not SQLite. Restore it from a backup."
UNREADABLE = re.compile(r"Could not decode to UTF-8|no such (table|column)|malformed|unsupported file format")
MIGRATIONS = Path(__file__).parent / "migrations"

PRAGMAS = (
    "PRAGMA secure_delete=ON",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
)


def open_database(url: str, *, root: Path) -> sa.Engine:
    """The database at `url`, its tables at the newest version; a relative SQLite path is under `root`.

    Quick when nothing is to be done: one query, and alembic stays unimported. Two processes that open a new
    database at once are safe: one makes the tables, the other waits.
    Raises ConfigError, MissingExtra, StoreError, DiskFull.
    """
    parsed = _parse(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        engine = _open_sqlite(parsed, root)
    elif backend == "postgresql":
        engine = _open_postgresql(parsed)
    else:
        raise ConfigError(
            f"database: {backend} is not supported; use sqlite:///FILE or postgresql://USER@HOST/DATABASE."
        )
    sa.event.listen(engine, "handle_error", _say_what_happened)
    _migrate(engine)
    return engine


def is_missing(url: str, *, root: Path) -> bool:
    """Whether `open_database` would begin a new SQLite file there."""
    parsed = _parse(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return False
    path = root / parsed.database
    return not path.exists() or path.stat().st_size == 0


@contextlib.contextmanager
def begin_write(engine: sa.Engine, *, lock: str = "store") -> Iterator[sa.Connection]:
    """A transaction that may write. No other one is open at the same time: on SQLite the whole file is locked from
    the start (a lock taken later, at the first write, can deadlock), on PostgreSQL everyone who names `lock`.
    The ledger, below this room, takes its lock with its own first statement; on SQLite it is the same lock."""
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            _begin_immediate(connection)
        else:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_lock_number(lock))))
        yield connection


@contextlib.contextmanager
def begin_read(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction in which every query sees the same state."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts the rows whose key is not there yet. Any: column values."""
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(table).on_conflict_do_nothing(), rows)


def chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """`ids` in pieces that fit one IN (...)."""
    for start in range(0, len(ids), IDS_PER_QUERY_MAX):
        yield ids[start : start + IDS_PER_QUERY_MAX]


def _begin_immediate(connection: sa.Connection) -> None:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except (
        sa.exc.OperationalError
    ) as error:  # others, the ledger among them, try again; we say what is the matter
        if _primary_code(error.orig) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
        seconds = BUSY_TIMEOUT_MS // 1000
        raise StoreError(
            f"another process has held the database for {seconds} s. Let it finish, then run again."
        ) from error


def _parse(url: str) -> sa.URL:
    try:
        return sa.make_url(url)
    except sa.exc.ArgumentError as error:
        # The URL itself may hold a password and is not repeated.
        raise ConfigError(
            "database: not a URL; use sqlite:///witting.db or postgresql://USER@HOST/DATABASE."
        ) from error


def _open_sqlite(url: sa.URL, root: Path) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError(
            "database: SQLite needs a file, e.g. sqlite:///witting.db; the ledger may never be lost."
        )
    path = root / url.database
    _make_private_file(path)
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )
    sa.event.listen(engine, "connect", _set_pragmas)
    return engine


def _make_private_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except FileNotFoundError as error:
        raise StoreError(
            f"{path.parent} does not exist; make the folder first, or `witting init` it."
        ) from error
    except OSError as error:
        raise StoreError(f"{path} cannot be opened for writing: {error.strerror}.") from error


def _set_pragmas(connection: sqlite3.Connection, record: object) -> None:
    try:
        _set(connection)
    except UnicodeDecodeError as error:  # SQLite's complaint repeats bytes of the damaged schema
        raise StoreError(DAMAGED) from error


def _set(connection: sqlite3.Connection) -> None:
    for pragma in PRAGMAS:
        connection.execute(pragma)
    (mode,) = connection.execute("PRAGMA journal_mode=TRUNCATE").fetchone()
    if mode != "truncate":
        raise StoreError(
            f"the database is in journal mode {mode}, which keeps deleted pages, and it is in use: "
            "close every other program that has it open and try again."
        )


def _open_postgresql(url: sa.URL) -> sa.Engine:
    if importlib.util.find_spec("psycopg") is None:
        raise MissingExtra('PostgreSQL needs its driver: run `pip install "witting[postgres]"`.')
    if url.drivername not in {"postgresql", "postgresql+psycopg"}:
        raise ConfigError(f"database: write postgresql:// instead of {url.drivername}://.")
    return sa.create_engine(url.set(drivername="postgresql+psycopg"))


def _lock_number(name: str) -> int:
    """PostgreSQL's advisory locks are named by a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(f"witting.{name}".encode()).digest()[:8], "big", signed=True)


def _migrate(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with begin_write(engine, lock="migrations") as connection:
        if _revision(connection) != HEAD:
            _upgrade(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # 0.3 s to import, needed once in the life of a database
    from alembic.config import Config
    from alembic.util import CommandError

    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise StoreError(
            f"the database is at version {_revision(connection)}, which this Witting (up to {HEAD}) does not know: "
            "a newer Witting made it. Upgrade Witting."
        ) from error


def _say_what_happened(context: ExceptionContext) -> StoreError | None:
    """What SQLAlchemy raises in place of the few driver errors that an operator can do something about."""
    return _sentence(context.original_exception)


def _sentence(error: BaseException) -> StoreError | None:
    if isinstance(error, UnicodeDecodeError):
        return StoreError(DAMAGED)
    if isinstance(error, sqlite3.Error):
        if UNREADABLE.match(str(error)):
            return StoreError(DAMAGED)
        return _sqlite_sentence(
            getattr(error, "sqlite_errorcode", 0) & 0xFF
        )  # the low byte: the primary code
    state = getattr(error, "sqlstate", None)
    if state == "53100":  # PostgreSQL: disk_full
        return DiskFull(
            "the database server's disk is full. Nothing was lost; free space there and run again."
        )
    if (
        type(error).__name__ == "OperationalError" and state is None
    ):  # no answer from a server carries no SQLSTATE
        return StoreError(
            "the PostgreSQL server does not answer; check `database` in witting.toml, and the server."
        )
    return None


def _primary_code(error: BaseException | None) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bytes say more than we need


def _sqlite_sentence(code: int) -> StoreError | None:
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(
            "the disk that holds the database is full. Nothing was lost; free space and run again."
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            "the database could not be read or written (disk I/O error): a failing disk, a quota or a limit on file sizes. "
            "What was committed is kept; look at the disk, then run again."
        )
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreError(DAMAGED)
    return None
