"""Archives with the exports of every source inside: read as the folder is read, and refused where one member is hostile.

Covered: each danger of `archive.py` on a member that a reader would have claimed, whatever its format: the whole zip or
that member is refused, by name, and nothing hostile is read. Not covered: each danger in all its spellings
(`test_archive_dangers.py`), tar, 7z and rar (refused by their first bytes there).
"""

from __future__ import annotations

import gzip
import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from intake.record_laws import by_file
from intake.test_every_source import EXAMPLES, SOURCES
from witting.intake import FileVerdict, Turn, admit

FOLDERS = sorted(EXAMPLES.iterdir())
NEIGHBOUR = (
    "neighbour.jsonl",
    b'{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]}\n',
)
BOMB = b" " * (2 << 20)  # the slack is 1 MiB
GZIP_BOMB = gzip.compress(b" " * (24 << 20), 9)  # the slack is 8 MiB
LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def members(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".zip", ".toml")
    }


def packed(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytearray:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that stands twice
        for name, data in entries:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return bytearray(sink.getvalue())


def read(path: Path) -> dict[str, FileVerdict]:
    """Verdicts by the name inside `path`."""
    found = by_file(admit([path], text_chars_max=10_000, sources=SOURCES))
    return {verdict.path.removeprefix(str(path)).lstrip("/"): verdict for verdict, _ in found}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_zip_is_read_as_the_folder_it_was_packed_from(folder: Path, tmp_path: Path) -> None:
    files = members(folder)
    for name, data in files.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(data)
    (tmp_path / "x.zip").write_bytes(packed(*files.items()))
    said = [
        {name: (v.source, v.reason, v.turns, v.signals, v.skipped) for name, v in read(root).items()}
        for root in (tmp_path / "folder", tmp_path / "x.zip")
    ]
    assert said[0] == said[1]
    assert set(said[0]) == set(files)


# Dangers of one member: what is made of it, and how what came is told.


def escape(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (f"../{name}", data))


def absolute(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (f"/{name}", data))


def link(name: str, data: bytes) -> bytes:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return packed(NEIGHBOUR, (info, data))


def twice(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (name, data), (f"./{name}", data[: len(data) // 2]))


def bomb(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (name, data + BOMB))


def encrypted(name: str, data: bytes) -> bytes:
    made = packed(NEIGHBOUR, (name, data))
    made[made.rindex(CENTRAL) + 8] |= 1
    return made


def nested(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (name, bytes(packed((name, data)))))


def nested_in_gzip(name: str, data: bytes) -> bytes:
    return packed(NEIGHBOUR, (name, gzip.compress(bytes(packed((name, data))))))


def other_name_in_its_header(name: str, data: bytes) -> bytes:
    made = packed(NEIGHBOUR, (name, data))
    at = made.rindex(LOCAL) + 30
    made[at : at + 1] = b"~"
    return made


def understated(name: str, data: bytes) -> bytes:
    """Says of itself that it unpacks to one byte less than it does."""
    made = packed(NEIGHBOUR, (name, data))
    at = made.rindex(CENTRAL) + 24
    made[at : at + 4] = struct.pack("<I", len(data) - 1)
    return made


WHOLE = {
    escape: "path_escape",
    absolute: "path_escape",
    link: "link",
    twice: "duplicate_name",
    bomb: "over_compressed",
}
ALONE = {
    encrypted: "encrypted",
    nested: "nested_archive",
    nested_in_gzip: "nested_archive",
    other_name_in_its_header: "broken_archive",
    understated: "broken_archive",
}
Danger = Callable[[str, bytes], bytes]


@pytest.mark.parametrize("danger", WHOLE, ids=lambda danger: danger.__name__)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_member_that_nobodys_export_tool_writes_refuses_the_whole_zip(
    folder: Path, danger: Danger, tmp_path: Path
) -> None:
    for name, data in members(folder).items():
        path = tmp_path / "x.zip"
        path.write_bytes(danger(name, data))
        entries = list(admit([path], text_chars_max=10_000, sources=SOURCES))
        assert not any(isinstance(entry, Turn) for entry in entries)
        whole = {v.path.removeprefix(str(path)): v.reason for v in entries if isinstance(v, FileVerdict)}
        assert whole.pop("") == "archive_refused"
        ((shown, reason),) = whole.items()
        assert shown.endswith(name)
        assert reason == WHOLE[danger]


@pytest.mark.parametrize("danger", ALONE, ids=lambda danger: danger.__name__)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_member_that_cannot_be_read_is_refused_and_its_neighbour_read(
    folder: Path, danger: Danger, tmp_path: Path
) -> None:
    for name, data in members(folder).items():
        path = tmp_path / "x.zip"
        path.write_bytes(danger(name, data))
        found = read(path)
        assert (found[name].reason, found[name].records) == (ALONE[danger], 0), name
        assert (found[NEIGHBOUR[0]].reason, found[NEIGHBOUR[0]].turns) == ("", 2)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_gzip_bytes_that_grow_out_of_reason_are_never_read_to_their_end(folder: Path, tmp_path: Path) -> None:
    for name, data in members(folder).items():
        grown = gzip.compress(data) + GZIP_BOMB
        (tmp_path / "x.gz").write_bytes(grown)
        (tmp_path / "x.zip").write_bytes(packed((name, grown)))
        for path in (tmp_path / "x.gz", tmp_path / "x.zip"):
            (verdict,) = read(path).values()
            if verdict.verdict == "read":
                assert verdict.records == 0, (
                    name
                )  # a profile beside the chats, of which only the head is looked at
            else:
                # as it grows; or before that: as one record of a table, as gzip in gzip, as a page where none is packed
                assert verdict.reason in (
                    "hostile_archive",
                    "too_large",
                    "unknown_format",
                    "broken_json",
                    "nested_archive",
                ), name
