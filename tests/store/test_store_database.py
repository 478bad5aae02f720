from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from witting.errors import ConfigError, DiskFull, MissingExtra, StoreError
from witting.ledger import tables as ledger_tables
from witting.store import database as database_module
from witting.store.database import HEAD, MIGRATIONS, begin_write, open_database
from witting.store.tables import metadata, runs

OPEN = """
import sys
from pathlib import Path
from witting.store.database import open_database
open_database(sys.argv[1], root=Path(sys.argv[2]))
print("alembic" in sys.modules)
"""


def opened_elsewhere(url: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", OPEN, url, str(root)], stdout=subprocess.PIPE, text=True)


def test_migrations_make_exactly_the_tables_of_the_metadata(database: sa.Engine) -> None:
    whole = sa.MetaData()
    for table in [*metadata.sorted_tables, *ledger_tables.metadata.sorted_tables]:
        table.to_metadata(whole)
    with database.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), whole) == []


def test_the_newest_migration_is_the_one_that_opening_looks_for() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_the_ledger_in_a_fresh_database_is_append_only(database: sa.Engine) -> None:
    entry = {"index": 0, "kind": "test", "at": "", "body": b"{}", "leaf_hash": b""}
    with begin_write(database) as connection:
        connection.execute(sa.insert(ledger_tables.ledger_entries), entry)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), begin_write(database) as connection:
        connection.execute(sa.delete(ledger_tables.ledger_entries))


def test_two_processes_may_open_a_new_database_at_once(database_url: str, tmp_path: Path) -> None:
    processes = [opened_elsewhere(database_url, tmp_path) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    open_database(database_url, root=tmp_path).dispose()


def test_opening_again_does_not_import_alembic(database_url: str, tmp_path: Path) -> None:
    first = opened_elsewhere(database_url, tmp_path).communicate()[0]
    again = opened_elsewhere(database_url, tmp_path).communicate()[0]
    assert (first.strip(), again.strip()) == ("True", "False")


def test_a_database_of_a_newer_witting_is_refused_and_left_alone(database_url: str, tmp_path: Path) -> None:
    engine = open_database(database_url, root=tmp_path)
    with begin_write(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"9999.*Upgrade Witting"):
        open_database(database_url, root=tmp_path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


def test_sqlite_keeps_nothing_deleted_and_its_file_is_private(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        engine = open_database("sqlite:///witting.db", root=tmp_path)
    finally:
        os.umask(previous)
    assert (tmp_path / "witting.db").stat().st_mode & 0o777 == 0o600
    with engine.connect() as connection:
        found = {
            p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "secure_delete")
        }
        assert found == {"journal_mode": "truncate", "secure_delete": 1}
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_a_relative_path_lies_under_the_root_and_an_absolute_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    open_database("sqlite:///inside/a.db", root=tmp_path)
    open_database(f"sqlite:///{tmp_path}/b.db", root=tmp_path / "inside")
    assert (tmp_path / "inside" / "a.db").is_file()
    assert (tmp_path / "b.db").is_file()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/x", "mysql is not supported"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("witting.db", "not a URL"),
        ("postgresql+asyncpg://localhost/x", "postgresql://"),
    ],
)
def test_an_unusable_url_is_a_configuration_error(url: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        open_database(url, root=tmp_path)


def test_a_missing_driver_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'pip install "witting\[postgres\]"'):
        open_database("postgresql://localhost/x", root=tmp_path)


def test_a_server_that_does_not_answer_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not answer"):
        open_database(f"postgresql+psycopg://witting@/x?host={tmp_path}", root=tmp_path)


@pytest.mark.parametrize(
    "content", [b"this is a letter, not a database. " * 99, b"SQLite format 3\0" + bytes(4080)]
)
def test_a_file_that_is_no_database_is_a_clear_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "witting.db").write_bytes(content)
    with pytest.raises(StoreError, match="damaged or not SQLite"):
        open_database("sqlite:///witting.db", root=tmp_path)


def test_a_missing_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        open_database("sqlite:///nowhere/witting.db", root=tmp_path)


def test_a_full_disk_undoes_the_transaction_and_says_so(tmp_path: Path) -> None:
    engine = open_database("sqlite:///witting.db", root=tmp_path)
    row = {"kind": "walk", "as_of": sa.func.now(), "status": "open"}

    def fill() -> None:
        with begin_write(engine) as connection:
            connection.execute(sa.insert(runs).values(run_id="small", body="{}", **row))
            connection.exec_driver_sql("PRAGMA max_page_count=1")  # no page more than there are
            connection.execute(sa.insert(runs).values(run_id="large", body="x" * 1_000_000, **row))

    with pytest.raises(DiskFull, match="Nothing was lost"):
        fill()
    engine.dispose()
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(runs)).scalar() == 0


def test_a_database_held_by_another_process_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PRAGMAS", ("PRAGMA busy_timeout=1",))
    engine = open_database("sqlite:///witting.db", root=tmp_path)
    holder = sqlite3.connect(tmp_path / "witting.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process"), begin_write(engine):
        pass
    holder.execute("ROLLBACK")
    with begin_write(engine) as connection:
        assert connection.in_transaction()
    holder.close()
