"""Every reader on damaged files, through the public door: verdicts that add up and sound records, never a crash.

Covered: each file of each source's example, damaged in ways of its format (`damage.py`), read alone with its source
forced and sealed, and among the files it lies with, by content. Not covered: crashes that only coverage finds (`make fuzz`).

Size: WITTING_FUZZ_EXAMPLES damaged files a source, a few dozen by default, thousands in `make stress`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from intake.damage import damaged
from intake.record_laws import assert_sound, by_file, silent_lines, words_of
from intake.test_every_source import EXAMPLES, MAPPED, SOURCES
from witting.intake import Turn, admit
from witting.intake.seal import seal
from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.vault import Vault

ASKED = os.environ.get("WITTING_FUZZ_EXAMPLES")
FILES = {
    folder.name: [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".toml"]
    for folder in sorted(EXAMPLES.iterdir())
}
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]


def _examples(usual: int) -> settings:
    # Without a database and derandomized: a test run finds what the last one found; other damage comes with the size.
    return settings(max_examples=int(ASKED or usual), deadline=None, database=None, derandomize=True, suppress_health_check=QUIET)  # fmt: skip


Seal = Callable[[list], object]


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seal]:
    """Seals records and verdicts, and keeps nothing of it."""
    root = tmp_path_factory.mktemp("sealing")
    keys, database = KeyStore.create(root / "keys"), open_database("sqlite:///witting.db", root=root)
    vault, now = Vault(database, keys), datetime(2026, 11, 24, tzinfo=UTC)
    yield lambda stream: list(
        seal(stream, artifact="ab" * 32, keys=keys, vault=vault, shards=4, time_zone="UTC", part_rows=1_000, now=now)
    )  # fmt: skip
    database.dispose()


def _copy(source: str, tmp_path: Path) -> Path:
    folder = tmp_path / source
    if not folder.exists():
        shutil.copytree(EXAMPLES / source, folder)
    return folder


def _assert_law(source: str, path: Path, data: bytes, folder: Path, sealing: Seal) -> None:
    """Reads the damaged file alone and in its folder."""
    name = MAPPED if source == "table" else source
    whole = path.read_bytes()
    path.write_bytes(data)
    try:
        alone = list(admit([path], text_chars_max=100_000, source=name, sources=SOURCES, with_exporter=True))
        sealing(alone)
        for found in (
            by_file(alone),
            by_file(admit([folder], text_chars_max=100_000, sources=SOURCES)),
        ):
            for verdict, records in found:
                size = max(
                    len(data) * 200, 1 << 20
                )  # of the plain bytes of a zip or gzip: what no place may pass
                file = (
                    data
                    if Path(verdict.path) == path and not data.startswith((b"PK", b"PAR1", b"\x1f\x8b"))
                    else None
                )
                assert_sound(
                    records, dict.fromkeys({r.member for r in records}, size if file is None else len(file))
                )
                if file is not None and path.suffix == ".jsonl" and verdict.verdict == "read":
                    _assert_lines_told(file, records)
    finally:
        path.write_bytes(whole)


def _assert_lines_told(data: bytes, records: list) -> None:
    data = data.replace(b"\xef\xbb\xbf", b"   ", 1) if data.startswith(b"\xef\xbb\xbf") else data
    first = len(data) - len(data.lstrip())
    if data[first : first + 1] != b"[":  # an array's lines are its writer's layout, not its records
        header = set() if data[first : first + 1] == b"{" else {data[:first].count(b"\n")}  # of a table
        assert set(silent_lines(data, records)) <= header
    for turn in records:
        held = data[slice(*turn.bytes)]
        if isinstance(turn, Turn) and b"\\u00" not in held:
            assert all(word in held for word in words_of(turn))


def _damage_and_read(source: str, tmp_path: Path, choices: st.DataObject, sealing: Seal) -> None:
    folder = _copy(source, tmp_path)
    rng = choices.draw(st.randoms(use_true_random=False))
    chosen = rng.choice(FILES[source])
    others = [path.read_bytes() for path in FILES[source]]
    data = damaged(chosen.name, chosen.read_bytes(), others, rng)
    note(f"{chosen.name}: {data[:3000]!r}")
    _assert_law(source, folder / chosen.relative_to(EXAMPLES / source), data, folder, sealing)


@pytest.mark.parametrize("source", FILES)
@given(choices=st.data())
@_examples(50)
def test_damaged_files_end_in_verdicts_that_add_up(
    source: str, tmp_path: Path, sealing: Seal, choices: st.DataObject
) -> None:
    _damage_and_read(source, tmp_path, choices, sealing)


@pytest.mark.stress
@pytest.mark.parametrize("source", FILES)
@given(choices=st.data())
@_examples(1_000)
def test_damaged_files_by_the_thousand(
    source: str, tmp_path: Path, sealing: Seal, choices: st.DataObject
) -> None:
    _damage_and_read(source, tmp_path, choices, sealing)
