"""How far reading has come is told in bytes: it grows, never goes back, and ends where the file does."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from witting.intake import admit, apart
from witting.walk import alone
from witting.walk.admit import admit_paths
from witting.workspace import Workspace

LINES = "".join(
    json.dumps({"user": "u", "messages": [{"role": "user", "content": f"hi {n}" + "x" * 300}]}) + "\n"
    for n in range(6_000)
)


def told(path: Path, read=admit) -> list[tuple[int, int]]:
    said: list[tuple[int, int]] = []
    paths = [path] if read is admit else path
    for _ in read(paths, source=None, text_chars_max=1_000, progress=lambda *at: said.append(at)):
        pass
    return said


def holds(said: list[tuple[int, int]], size: int) -> None:
    assert said == sorted(said)
    assert {total for _, total in said} == {size}
    assert said[-1][0] == size


def test_one_large_file_is_told_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(LINES)
    said = told(path)
    holds(said, path.stat().st_size)
    assert len(set(said)) >= 3


def test_packed_files_are_told_in_bytes_on_disk(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(LINES.encode()))
    with zipfile.ZipFile(tmp_path / "log.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.jsonl", LINES)
        archive.writestr("stranger.bin", b"\x01" * 9)
    for path in (tmp_path / "log.jsonl.gz", tmp_path / "log.zip"):
        holds(told(path), path.stat().st_size)
    holds(told(tmp_path), sum(path.stat().st_size for path in tmp_path.iterdir()))


def test_a_file_that_is_refused_halfway_and_one_beside_it_are_told_once(tmp_path: Path) -> None:
    packed = gzip.compress(LINES.encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "b.jsonl").write_text(LINES)
    holds(told(tmp_path), sum(path.stat().st_size for path in tmp_path.iterdir()))


def test_a_process_of_its_own_tells_too_while_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "APART_BYTES_MIN", 1)
    path = tmp_path / "log.jsonl"
    path.write_text(LINES)
    said = told(path, apart.admit_apart)
    holds(said, path.stat().st_size)
    assert len(set(said)) >= 3


def test_a_workspace_tells_megabytes_of_all_its_sources(tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.jsonl" for n in range(2)]
    for number, path in enumerate(files):
        path.write_text(LINES.replace("hi", f"hi {number}") * 3)
    said: list[tuple[str, int, int]] = []
    root = tmp_path / "w"
    Workspace.create(root)
    with alone(Workspace.open(root), tell=lambda *at: said.append(at), now=datetime.now(UTC)) as step:
        admit_paths(step, files)
        admit_paths(step, [tmp_path / "gone"])
    size = sum(path.stat().st_size for path in files) // 1_000_000
    read = [at for at in said if at[0] == "reading exports (MB)"]
    assert read == sorted(read)
    assert read[-1][1:] == (size, size)
    assert len({done for _, done, _ in read}) > 5
    assert [at for at in said if at not in read] == [("reading exports (bytes)", 0, 0)] * 2
