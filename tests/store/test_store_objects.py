from __future__ import annotations

import errno
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import ConfigError, DiskFull, ObjectExists, StoreError
from witting.store.objects import UNFINISHED, Objects

CREATE_UNTIL_KILLED = """
import hashlib, sys
from witting.store.objects import Objects
objects = Objects(sys.argv[1])
for number in range(10_000):
    data = number.to_bytes(4, "big") * 200_000
    objects.create(f"parts/{hashlib.sha256(data).hexdigest()}", data)
    print(number, flush=True)
"""


@pytest.fixture(params=["folder", "memory"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "objects") if request.param == "folder" else "memory://")


def test_an_object_is_read_back_exactly(objects: Objects) -> None:
    objects.create("a/b.parquet", b"\x00\xffdata")
    assert objects.read("a/b.parquet") == b"\x00\xffdata"
    assert objects.exists("a/b.parquet")
    assert not objects.exists("a/c.parquet")


def test_an_empty_object_is_an_object(objects: Objects) -> None:
    objects.create("empty", b"")
    assert objects.read("empty") == b""


def test_the_same_bytes_again_are_fine_and_others_are_refused(objects: Objects) -> None:
    objects.create("a/b", b"one")
    objects.create("a/b", b"one")
    with pytest.raises(ObjectExists, match="a/b"):
        objects.create("a/b", b"two")
    assert objects.read("a/b") == b"one"


@pytest.mark.parametrize("key", ["absent", "a", "a/b/c"])
def test_an_absent_object_is_a_key_error_and_may_be_deleted(objects: Objects, key: str) -> None:
    objects.create("a/b", b"one")
    with pytest.raises(KeyError):
        objects.read(key)
    objects.delete(key)
    assert not objects.exists(key)


def test_a_deleted_object_is_gone_and_its_name_free(objects: Objects) -> None:
    objects.create("a/b", b"one")
    objects.delete("a/b")
    with pytest.raises(KeyError):
        objects.read("a/b")
    objects.create("a/b", b"two")
    assert objects.read("a/b") == b"two"


def test_keys_are_those_that_start_with_the_prefix_in_order(objects: Objects) -> None:
    for key in ["turns/b", "turns/a", "turns-old/a", "turns/deep/er", "signals/a"]:
        objects.create(key, b"")
    assert list(objects.keys("turns/")) == ["turns/a", "turns/b", "turns/deep/er"]
    assert list(objects.keys("turns")) == ["turns-old/a", "turns/a", "turns/b", "turns/deep/er"]
    assert list(objects.keys("")) == ["signals/a", "turns-old/a", "turns/a", "turns/b", "turns/deep/er"]
    assert list(objects.keys("nothing/")) == []


@given(st.sets(st.from_regex(r"[ab_]([ab.\-]{0,2}/[ab0]){0,2}", fullmatch=True), max_size=8))
def test_keys_come_in_the_order_of_their_characters(keys: set[str]) -> None:
    nested = {key for key in keys if not any(other.startswith(f"{key}/") for other in keys)}
    objects = Objects("memory://")
    for key in nested:
        objects.create(key, b"")
    assert list(objects.keys("")) == sorted(nested)


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a/.b", "a\0b", "ä", "a" * 513, "-a"]
)
def test_a_key_that_could_leave_the_folder_is_refused(objects: Objects, key: str) -> None:
    for act in (objects.read, objects.exists, objects.delete, lambda key: objects.create(key, b"")):
        with pytest.raises(StoreError, match="not allowed"):
            act(key)


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    Objects(str(tmp_path / "objects")).create("a/b", b"one")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "objects").rglob("*")}
    assert modes == {"a": 0o700, "b": 0o600, UNFINISHED: 0o700}


def test_a_pickled_store_opens_the_same_folder(tmp_path: Path) -> None:
    objects = Objects(str(tmp_path / "objects"))
    objects.create("a", b"one")
    assert pickle.loads(pickle.dumps(objects)).read("a") == b"one"


@pytest.mark.parametrize("url", ["ftp://host/x", "https://host/x", "file:///tmp/x"])
def test_an_unknown_kind_of_store_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/prefix"):
        Objects(url)


def test_a_file_in_place_of_the_folder_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("")
    with pytest.raises(ConfigError, match="not a folder"):
        Objects(str(tmp_path / "objects"))


def test_of_many_writers_of_one_name_all_succeed_or_all_but_one_are_refused(tmp_path: Path) -> None:
    def attempt(number: int) -> bool:
        try:
            Objects(str(tmp_path)).create("contested", bytes([number]))
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, range(16)))
    assert sum(results) == 1
    assert Objects(str(tmp_path)).read("contested") == bytes([results.index(True)])


@pytest.mark.parametrize("created_before_kill", [1, 3, 4, 6, 9])
def test_kill_9_leaves_no_partial_object_and_no_stray(tmp_path: Path, created_before_kill: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", CREATE_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    for _ in range(created_before_kill):
        writer.stdout.readline()
    writer.kill()
    writer.wait()
    objects = Objects(str(tmp_path))
    keys = list(objects.keys("parts/"))
    assert len(keys) >= created_before_kill
    assert {len(objects.read(key)) for key in keys} == {800_000}
    assert list((tmp_path / UNFINISHED).iterdir()) == []


def test_a_sweep_leaves_the_files_of_living_writers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = Objects(str(tmp_path))
    (tmp_path / UNFINISHED / "stray").write_bytes(b"half")
    seen: list[int] = []
    sync = os.fsync

    def sync_after_a_sweep(descriptor: int) -> None:
        Objects(str(tmp_path))
        seen.append(len(list((tmp_path / UNFINISHED).iterdir())))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync_after_a_sweep)
    objects.create("a", b"whole")
    assert seen[0] == 1
    assert objects.read("a") == b"whole"


@contextmanager
def file_size_limit(tmp_path: Path) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_space(tmp_path: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", _refuse)
        yield


def _refuse(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("disk", [file_size_limit, no_space])
def test_a_full_disk_is_a_clear_error_and_nothing_is_named(tmp_path: Path, disk: Callable) -> None:
    objects = Objects(str(tmp_path))
    objects.create("before", b"one")
    (tmp_path / "parts").mkdir()
    with disk(tmp_path), pytest.raises(DiskFull, match=r"parts/large.*free space and run again"):
        objects.create("parts/large", bytes(2_000_000))
    assert list(objects.keys("")) == ["before"]
    assert list((tmp_path / UNFINISHED).iterdir()) == []
    objects.create("parts/large", bytes(2_000_000))
    assert len(objects.read("parts/large")) == 2_000_000
