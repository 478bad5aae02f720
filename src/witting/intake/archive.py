"""Files, folders and zips as one thing: a root with members that are safe to open, and entries refused with a reason.

Covered: walking folders in sorted order, zips without unpacking them to disk, and their dangers: names that leave the
archive, links, archives inside archives, passwords, duplicate and overlapping members, sizes that grow out of reason.
Not covered: gzip bytes (opened by `json_stream.py`), tar, 7z and rar (refused), what the members mean (`detect.py`).

One dangerous name refuses the whole archive, because nobody's export tool writes one: what else it holds was made by
the same hand. A nested archive or a password refuses that member alone: people do attach zips to chats.

Where the ideas come from: zip slip (Snyk 2018), "A better zip bomb" (Fifield, WOOT 2019) for ratio and overlap,
APPNOTE 4.4 for flags and attributes. Nothing is ever written to disk, so a name can hurt only a later tool.
Voided by: a folder that someone changes while it is read.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import IO, BinaryIO, cast

from witting.errors import InputError
from witting.intake.refusals import reason_of, unreadable
from witting.intake.source import Member

RATIO_MAX = 200  # unpacked bytes a packed byte; chats pack 5 to 40 times
RATIO_SLACK_BYTES = 1 << 20  # small members may pack better than that
TOTAL_BYTES_MAX = 1 << 40  # of all members of one zip, unpacked
MEMBERS_MAX = 500_000
DEPTH_MAX = 64
NAME_CHARS_MAX = 4096
HASH_BLOCK_BYTES = 1 << 20

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1
_UNIX_FILE_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)
_UNSAFE = re.compile(r"[\\\x00-\x1f\x7f]|^/|^[A-Za-z]:|(^|/)\.\.(/|$)")
_ANCHOR = re.compile(
    r"your_(instagram|facebook)_activity|your_activity_across_facebook|(instagram|facebook)(-.*)?"
)


@dataclass(frozen=True)
class Entry:
    """A member, or the reason why there is none."""

    path: str  # relative to the root; of a single file, its name
    member: Member | None
    reason: str = ""
    hint: str = (
        ""  # the path with the folders of its export above the root: which product's folder it lies in
    )


@dataclass(frozen=True)
class Root:
    """What the caller named. `entries` are sorted by path, numbers as numbers."""

    shown: str  # the path as the caller wrote it
    kind: str  # file | folder | zip
    entries: tuple[Entry, ...]
    sha256: Callable[[Member], str]  # of the archive, or of the file itself

    def shown_path(self, entry_path: str) -> str:
        return self.shown if self.kind == "file" or not entry_path else f"{self.shown}/{entry_path}"


@contextmanager
def open_root(path: Path) -> Iterator[Root]:
    """The root at `path`, open for as long as the context lasts.

    What cannot be opened at all is a root with one refused entry; nothing is raised for bad content.
    """
    try:
        is_folder = path.is_dir()
        is_zip = not is_folder and _is_zip(path)
    except OSError:
        yield _refused_root(path, "not_readable")
        return
    if is_folder:
        yield Root(str(path), "folder", tuple(_walk(path)), _file_hash)
    elif is_zip:
        with _open_zip(path) as root:
            yield root
    else:
        yield Root(str(path), "file", (_file_entry(path, path.name),), _file_hash)


def _refused_root(path: Path, reason: str, offenders: tuple[Entry, ...] = ()) -> Root:
    return Root(str(path), "zip" if offenders else "file", (*offenders, Entry("", None, reason)), _file_hash)


def by_number(path: str) -> tuple[tuple[str, int], ...]:
    """A sort key in which message_10 comes after message_2."""
    parts = re.split(r"([0-9]{1,18})", path)
    return tuple((part, 0) if index % 2 == 0 else ("", int(part)) for index, part in enumerate(parts))


def is_media(head: bytes) -> bool:
    """Whether the first bytes are those of a picture, sound, video or document."""
    return head.startswith(_MEDIA_MAGIC) or head[4:8] == b"ftyp"


def has_media_name(path: str) -> bool:
    return path.rpartition(".")[2].lower() in _MEDIA_SUFFIXES


_MEDIA_MAGIC = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF87a", b"GIF89a", b"RIFF", b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1",
    b"%PDF-", b"\x1aE\xdf\xa3", b"#!AMR", b"fLaC", b"\x00\x00\x01\xba", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
_MEDIA_SUFFIXES = frozenset(
    {
        "3gp", "aac", "amr", "avi", "bmp", "doc", "docx", "flac", "gif", "heic", "ico", "jpeg", "jpg",
        "m4a", "mkv", "mov", "mp3", "mp4", "mpeg", "oga", "ogg", "opus", "pdf", "png", "ppt", "pptx",
        "svg", "tif", "tiff", "vcf", "wav", "webm", "webp", "wma", "wmv", "xls", "xlsx",
    }
)  # fmt: skip


def packed_kind(head: bytes) -> str | None:
    """zip, gzip or other for packed bytes; None for anything else."""
    if head.startswith(_ZIP_MAGIC):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    other = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd")
    return "other" if head.startswith(other) or head[257:262] == b"ustar" else None


# Folders


def _walk(root: Path) -> Iterator[Entry]:
    found = list(_walk_folder(root, "", 0))
    if len(found) > MEMBERS_MAX:
        found = [Entry("", None, "too_many_members")]
    yield from sorted(found, key=lambda entry: by_number(entry.path))


def _walk_folder(folder: Path, prefix: str, depth: int) -> Iterator[Entry]:
    if depth > DEPTH_MAX:
        yield Entry(prefix.rstrip("/"), None, "too_deep")
        return
    try:
        with os.scandir(folder) as listing:
            inside = sorted(listing, key=lambda item: by_number(item.name))
    except OSError:
        yield Entry(prefix.rstrip("/"), None, "not_readable")
        return
    for item in inside:
        path = prefix + item.name
        if reason := _skipped_by_name(path):
            yield Entry(path, None, reason)
        elif item.is_symlink():
            yield Entry(path, None, "link")
        elif item.is_dir(follow_symlinks=False):
            yield from _walk_folder(folder / item.name, f"{path}/", depth + 1)
        else:
            yield _file_entry(folder / item.name, path)


def _skipped_by_name(path: str) -> str | None:
    parts = path.split("/")
    if "__MACOSX" in parts:
        return "macos_metadata"
    return "hidden_file" if any(part.startswith(".") for part in parts) else None


def _file_entry(path: Path, relative: str) -> Entry:
    try:
        status = path.stat()
    except OSError:
        return Entry(relative, None, "not_readable")
    if not stat.S_ISREG(status.st_mode):
        return Entry(relative, None, "not_a_file")
    if status.st_size == 0:
        return Entry(relative, None, "empty")
    member = Member(relative, status.st_size, partial(_open_file, path))
    return Entry(relative, member, hint=_hint(path, relative))


def _hint(path: Path, relative: str) -> str:
    """`relative`, with the folders of the export above the root where the caller named only a part of one."""
    parts = path.absolute().parts
    anchors = [index for index, part in enumerate(parts) if _ANCHOR.fullmatch(part)]
    return "/".join(parts[anchors[-1] :]) if anchors else relative


def _open_file(path: Path) -> BinaryIO:
    try:
        return _guarded(path.open("rb", buffering=0))
    except OSError as error:
        raise unreadable("not_readable") from error


def _file_hash(member: Member) -> str:
    """SHA-256 of the member's bytes, read in blocks. Raises UnreadableFile."""
    digest = hashlib.sha256()
    with member.open() as stream:
        while block := stream.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


# Zips


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) in _ZIP_MAGIC


@contextmanager
def _open_zip(path: Path) -> Iterator[Root]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        yield _refused_root(path, "broken_archive")
        return
    except OSError:
        yield _refused_root(path, "not_readable")
        return
    with archive:
        offenders = _offenders(archive)
        if offenders:
            yield _refused_root(path, "archive_refused", offenders)
            return
        try:
            digest = _file_hash(Member(path.name, 0, partial(_open_file, path)))
        except InputError as error:
            yield _refused_root(path, reason_of(error))
            return
        entries = [_zip_entry(archive, info) for info in archive.infolist() if not info.is_dir()]
        entries.sort(key=lambda entry: by_number(entry.path))
        yield Root(str(path), "zip", tuple(entries) or (Entry("", None, "empty"),), lambda _: digest)


def _offenders(archive: zipfile.ZipFile) -> tuple[Entry, ...]:
    """The members that make the whole archive unsafe, with the danger of each. At most one of each danger is named."""
    infos = archive.infolist()
    if len(infos) > MEMBERS_MAX:
        return (Entry("", None, "too_many_members"),)
    found: dict[str, Entry] = {}
    seen: set[str] = set()
    total = 0
    for info in infos:
        name = _plain_name(info)
        total += info.file_size
        reason = _danger(info) or ("duplicate_name" if name in seen else None)
        if reason is None and total > TOTAL_BYTES_MAX:
            reason = "too_large"
        seen.add(name)
        if reason:
            found.setdefault(reason, Entry(_printable(info.orig_filename), None, reason))
    if overlapping := _overlapping(infos):
        found.setdefault("overlapping_members", Entry(_printable(overlapping), None, "overlapping_members"))
    return tuple(found.values())


def _plain_name(info: zipfile.ZipInfo) -> str:
    return "/".join(part for part in info.filename.split("/") if part not in ("", "."))


def _printable(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "\ufffd", name)[:NAME_CHARS_MAX]


def _danger(info: zipfile.ZipInfo) -> str | None:
    name = info.orig_filename  # as stored: zipfile cuts `filename` at a NUL
    if not name or len(name) > NAME_CHARS_MAX or _UNSAFE.search(name):
        return "path_escape"
    unix_kind = stat.S_IFMT(info.external_attr >> 16)
    if unix_kind == stat.S_IFLNK:
        return "link"
    if unix_kind not in _UNIX_FILE_KINDS:
        return "not_a_file"
    if info.file_size > RATIO_SLACK_BYTES and info.file_size > RATIO_MAX * info.compress_size:
        return "over_compressed"
    return None


def _overlapping(infos: list[zipfile.ZipInfo]) -> str | None:
    """The name of a member whose packed bytes begin inside another's (Fifield 2019). Directories hold none."""
    end = -1
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < end:
            return info.orig_filename
        end = info.header_offset + info.compress_size
    return None


def _zip_entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    path = _plain_name(info)
    if reason := _skipped_by_name(path):
        return Entry(path, None, reason)
    if info.flag_bits & _ENCRYPTED:
        return Entry(path, None, "encrypted")
    if info.compress_type not in _METHODS:
        return Entry(path, None, "compression_not_supported")
    if info.file_size == 0:
        return Entry(path, None, "empty")
    return Entry(path, Member(path, info.file_size, partial(_open_member, archive, info)), hint=path)


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    try:
        return _guarded(archive.open(info))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, zlib.error, EOFError) as error:
        raise unreadable("broken_archive") from error
    except OSError as error:
        raise unreadable("not_readable") from error


# Streams


class _Guarded(io.RawIOBase):
    """Holds a file or zip member open and turns what can go wrong while reading into our own errors."""

    def __init__(self, stream: FileIO | IO[bytes]) -> None:
        self._stream = cast("FileIO", stream)  # what zipfile opens has `readinto`, too

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed: Buffer
        try:
            return self._stream.readinto(buffer)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            raise unreadable("broken_archive") from error
        except OSError as error:  # lzma and bz2 raise it for damaged bytes, the disk for its own reasons
            raise unreadable("not_readable") from error

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def _guarded(stream: FileIO | IO[bytes]) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Guarded(stream), HASH_BLOCK_BYTES // 8))
