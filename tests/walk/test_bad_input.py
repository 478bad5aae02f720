"""Bad input at the doors: a clear error that names file, line or field and the way out; nothing crashes."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import AS_OF, QUICKSTART, Said, copy_quickstart, witting


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def good_zip() -> bytes:
    return (QUICKSTART / "inbox" / "chatgpt-user-lena01.zip").read_bytes()


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("empty.json", lambda: b""),
    "truncated zip": ("cut.zip", lambda: good_zip()[: len(good_zip()) // 2]),
    "truncated json": ("conversations.json", lambda: b'[{"id": "c1", "mapping": {"r": {"id": "r", "mess'),
    "wrong encoding": ("chat.txt", lambda: "14/03/2024, 21:10 - Zoë: hi\n".encode("utf-16")),
    "path escape": ("escape.zip", lambda: zipped({"../../evil.json": b"[]"})),
    "absolute path": ("absolute.zip", lambda: zipped({"/etc/evil.json": b"[]"})),
    "over-compressed": ("bomb.zip", lambda: zipped({"conversations.json": b"[" + b" " * 300_000_000 + b"]"})),
    "unknown": ("notes.md", lambda: b"# just notes\n"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_refused_with_its_reason_and_the_good_one_beside_it_is_read(
    case: str, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    name, make = FILES[case]
    (tmp_path / name).write_bytes(make())
    shutil.copy(QUICKSTART / "inbox" / "assistant-log.jsonl", tmp_path)
    said = witting_here("intake", tmp_path / name, tmp_path / "assistant-log.jsonl", "--dry-run", "--json")
    assert said.code == 0, said.err
    bad = [f for f in said.json["files"] if name in f["path"]]
    good = [f for f in said.json["files"] if "assistant-log" in f["path"]]
    assert bad
    assert all(f["verdict"] == "refused" and f["reason"] for f in bad)
    assert good[0]["turns"] == 270
    assert not (tmp_path.parent / "evil.json").exists()


def test_nothing_readable_at_all_is_exit_code_1(tmp_path: Path, witting_here: Callable[..., Said]) -> None:
    (tmp_path / "empty.json").write_bytes(b"")
    assert witting_here("intake", tmp_path / "empty.json", "--dry-run").code == 1


def test_a_missing_file_is_bad_usage(tmp_path: Path, witting_here: Callable[..., Said]) -> None:
    said = witting_here("intake", tmp_path / "gone.zip", "--dry-run")
    assert said.code == 2
    assert "gone.zip" in said.err


def test_a_typo_in_the_config_names_the_field_and_the_nearest_one(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    (tmp_path / "witting.toml").write_text("[curation]\nexamples_per_subjct_max = 3\n", "utf-8")
    said = witting_here("run", tmp_path)
    assert said.code == 2
    assert "curation.examples_per_subjct_max" in said.err
    assert "examples_per_subject_max" in said.err


def test_a_folder_that_is_no_workspace_says_how_to_make_one(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    said = witting_here("run", tmp_path)
    assert said.code == 2
    assert "witting init" in said.err


GOOD = {
    "kind": "withdrawal",
    "subject": "chatgpt:x",
    "purposes": ["fine_tune_own_model"],
    "occurred_at": "2026-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"purposes": ["improve_service"]}, "purposes"),
        ({"occurred_at": "2999-01-01T00:00:00+00:00"}, "occurred_at"),
        ({"occurred_at": "2026-01-01T00:00:00"}, "occurred_at"),
        ({"kind": "nod"}, "kind"),
        ({"subject": None}, "subject"),
    ],
)
def test_a_bad_rights_event_names_line_and_field_and_records_nothing(
    change: dict[str, object], named: str, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    assert witting_here("init", tmp_path / "w").code == 0
    lines = [GOOD, GOOD | change]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    said = witting_here("rights", "record", tmp_path / "log.jsonl", "--workspace", tmp_path / "w")
    assert said.code in (1, 2)
    assert "line 2" in said.err
    assert named in said.err
    standing = witting_here("rights", "standing", "chatgpt:x", "--workspace", tmp_path / "w")
    assert standing.code == 2  # nobody of that handle is known: line 1 was not recorded either


def test_a_full_disk_loses_nothing_and_the_next_run_ends_the_same(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    try:
        root = copy_quickstart(disk / "workspace")
        (disk / "ballast").write_bytes(b"x" * (2_200_000))
        full = witting("run", root, "--until", "corpus")
        assert full.code == 1
        assert "disk is full" in full.err.lower() or "no space" in full.err.lower()
        (disk / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        done = witting("run", root, "--until", "corpus", "--json", "--as-of", AS_OF)
        assert done.code == 0, done.err
        assert [s["kept"] for s in done.json["stages"]][:2] == [981, 669]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
