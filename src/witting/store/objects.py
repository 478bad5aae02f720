"""Bytes under a name, created once: written, fsynced, and only then named.

Covered: a local folder (the default) and a bucket (`s3://...`, by obstore; `memory://` for tests), create-if-absent,
a clear error on a full disk, no partial object under a name at any moment, strays of a killed process swept.
Not covered: what the bytes mean (`parts.py`), which of them are still needed (`parts.Snapshots`).

An object never changes: to change what a name means, write another object and move a pointer in the database. The
folder is written by ourselves and not through obstore, which does not fsync. Idea: create, fsync, link, fsync the
folder, as in maildir (D. J. Bernstein); the lock on the unfinished file tells the sweep that its writer lives.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from witting.errors import ConfigError, DiskFull, ObjectExists, StoreError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

KEY_CHARS_MAX = 512
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
UNFINISHED = ".unfinished"  # a folder no key can name: keys start with a letter or digit
SWEPT_UNDER_US_MAX = 3  # how often a writer starts again when a sweep took its unlocked file
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Backend(Protocol):
    def create(self, key: str, data: bytes) -> bool: ...  # False: something has that name already
    def read(self, key: str) -> bytes: ...
    def exists(self, key: str) -> bool: ...
    def delete(self, key: str) -> None: ...
    def keys(self, folder: str) -> Iterator[str]: ...


class Objects:
    """Objects in a local folder (made if absent, mode 0700), or in `s3://bucket/prefix`. May be pickled."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._backend: Backend = Bucket(url) if "://" in url else Folder(Path(url))

    def __reduce__(self) -> tuple[type[Objects], tuple[str]]:
        return (Objects, (self.url,))

    def create(self, key: str, data: bytes) -> None:
        """Names `data`, durably. The same bytes again are fine. Raises ObjectExists for others, DiskFull."""
        if not self._backend.create(_checked(key), data) and self.read(key) != data:
            raise ObjectExists(
                f"object {key} exists with other content; an object is never changed. Use a new key."
            )

    def read(self, key: str) -> bytes:
        """All its bytes; KeyError if absent."""
        return self._backend.read(_checked(key))

    def exists(self, key: str) -> bool:
        return self._backend.exists(_checked(key))

    def delete(self, key: str) -> None:
        """Gone, durably; absent is fine."""
        self._backend.delete(_checked(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with these characters, sorted."""
        folder = prefix.rpartition("/")[0]
        if folder:
            _checked(folder)
        return (key for key in self._backend.keys(folder) if key.startswith(prefix))


class Folder:
    """A local folder. Files 0600, folders 0700."""

    def __init__(self, root: Path) -> None:
        if root.exists() and not root.is_dir():
            raise ConfigError(
                f"objects: {root} is not a folder; name a folder of the workspace, or s3://bucket/prefix."
            )
        self.root = root
        self._unfinished = root / UNFINISHED
        with _clear_errors("the object folder", str(root)):
            self._unfinished.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()

    def create(self, key: str, data: bytes) -> bool:
        path = self.root / key
        with _clear_errors("object", key):
            self._make_folders(path.parent)
            for _ in range(SWEPT_UNDER_US_MAX):
                with contextlib.suppress(FileNotFoundError):
                    return self._write_then_name(path, data)
        raise StoreError(f"object {key}: its unfinished file vanished {SWEPT_UNDER_US_MAX} times; run again.")

    def read(self, key: str) -> bytes:
        if not self.exists(key):
            raise KeyError(key)
        try:
            with _clear_errors("object", key):
                return (self.root / key).read_bytes()
        except FileNotFoundError:  # deleted since we looked
            raise KeyError(key) from None

    def exists(self, key: str) -> bool:
        return (self.root / key).is_file()

    def delete(self, key: str) -> None:
        if not self.exists(key):
            return
        path = self.root / key
        with contextlib.suppress(FileNotFoundError), _clear_errors("object", key):
            path.unlink()
            sync_folder(path.parent)

    def keys(self, folder: str) -> Iterator[str]:
        yield from _walk(self.root / folder, f"{folder}/" if folder else "")

    def _write_then_name(self, path: Path, data: bytes) -> bool:
        unfinished = self._unfinished / secrets.token_hex(16)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # until the file has its name: the sweep leaves it alone
            _write_all(descriptor, data)
            os.fsync(descriptor)
            return _name(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
            os.close(descriptor)

    def _make_folders(self, folder: Path) -> None:
        """Durably: a new folder's name lies in its parent, which is synced too."""
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)

    def _sweep(self) -> None:
        """Deletes what killed processes left behind: unfinished files that nobody holds locked."""
        for stray in self._unfinished.iterdir():
            with contextlib.suppress(FileNotFoundError, BlockingIOError):
                _unlink_if_unlocked(stray)


class Bucket:
    """A bucket behind obstore: `s3://bucket/prefix` with credentials from the environment (AWS_*), or `memory://`.
    Tried by hand against moto's S3 server: create-if-absent, list, delete."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("s3://", "memory://")):
            raise ConfigError("objects: use a folder of the workspace, or s3://bucket/prefix.")
        self._store = _open_bucket(url)

    def create(self, key: str, data: bytes) -> bool:
        from obstore.exceptions import AlreadyExistsError

        try:
            with _clear_bucket_errors(key):
                self._store.put(key, data, mode="create")
        except AlreadyExistsError:
            return False
        except FileNotFoundError as error:
            raise StoreError(
                f"object {key}: the bucket does not exist. Make it, or correct `objects`."
            ) from error
        return True

    def read(self, key: str) -> bytes:
        try:
            with _clear_bucket_errors(key):
                return bytes(self._store.get(key).bytes())
        except FileNotFoundError:
            raise KeyError(key) from None

    def exists(self, key: str) -> bool:
        try:
            with _clear_bucket_errors(key):
                self._store.head(key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError), _clear_bucket_errors(key):
            self._store.delete(key)

    def keys(self, folder: str) -> Iterator[str]:
        with _clear_bucket_errors(folder):
            pages = self._store.list(prefix=folder or None)
            yield from sorted(item["path"] for page in pages for item in page)


def _checked(key: str) -> str:
    if len(key) > KEY_CHARS_MAX or not KEY.fullmatch(key):
        raise StoreError(
            f"object key {key[:64]!r} is not allowed: at most {KEY_CHARS_MAX} of A-Z a-z 0-9 . _ - in parts joined "
            "by /, none of which starts with a dot or dash."
        )
    return key


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]  # a write may be short, e.g. at a size limit


def _name(unfinished: Path, path: Path) -> bool:
    try:
        os.link(unfinished, path)  # refuses an existing name, which rename would replace
        created = True
    except FileExistsError:
        created = False  # perhaps named a moment ago by a process that has not synced the folder yet
    sync_folder(path.parent)
    return created


def sync_folder(folder: Path) -> None:
    """Makes the names in this folder durable; syncing a file makes only its bytes so."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unlink_if_unlocked(stray: Path) -> None:
    descriptor = os.open(stray, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stray.unlink()
    finally:
        os.close(descriptor)


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """Keys below `folder` in the order of their characters."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    # A folder sorts as "name/", so that the whole walk is in the order of the keys.
    for name, entry in sorted((f"{e.name}/" if e.is_dir() else e.name, e) for e in entries):
        if entry.name.startswith("."):
            continue
        if name.endswith("/"):
            yield from _walk(Path(entry.path), prefix + name)
        else:
            yield prefix + name


@contextlib.contextmanager
def _clear_errors(what: str, key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(
                f"{what} {key} could not be written: no space ({error.strerror}). Nothing was lost; free space "
                "and run again."
            ) from error
        raise StoreError(f"{what} {key} cannot be read or written: {error.strerror}.") from error


def _open_bucket(url: str) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import MemoryStore, from_url

    if url.startswith("memory://"):
        return MemoryStore()
    try:
        return from_url(url)
    except BaseError as error:
        raise ConfigError(
            f"objects: {url} cannot be opened ({type(error).__name__}); use s3://bucket/prefix."
        ) from error


@contextlib.contextmanager
def _clear_bucket_errors(key: str) -> Iterator[None]:
    from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

    try:
        yield
    except NotFoundError:  # obstore raises this or FileNotFoundError, by version
        raise FileNotFoundError(key) from None
    except (AlreadyExistsError, FileNotFoundError):
        raise
    except (BaseError, OSError) as error:
        raise StoreError(
            f"the bucket refused object {key or '(listing)'} ({type(error).__name__}); check `objects` in "
            "witting.toml, the credentials and the network, then run again."
        ) from error
