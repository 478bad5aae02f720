"""The key store: a folder `keys/` of mode 0700, apart from the data, that holds every key of a workspace.

Covered: the master key, the signing key, one key a person wrapped under the master key, sealing and opening words
with them in bulk, keyed ids, and destroying a person's key so that nothing sealed under it opens again, in no copy.
Not covered: who the person is (`vault.py`); a cloud KMS; backups of this folder (docs/store.md says what they must do).

| file | holds |
|---|---|
| master.key | 32 random bytes in hex, and a check of them |
| signing.pem | Ed25519 private key (PKCS #8) of the ledger and of certificates |
| subjects.db | SQLite: subject id, wrapped key or zeros, when it was destroyed |

A wrapped key is nonce, AES-256-GCM ciphertext and tag under a key derived from the master key, bound to the subject
id. Rows of subjects.db never change their size and are never deleted, so the key's bytes never move within the file:
destroying overwrites them where they lie. Then the whole file is searched for them, on another path than SQLite's.
Idea: crypto-shredding (Boneh and Lipton, A Revocable Backup System, 1996). What voids it: a copy of this folder, or
the memory of a running process; a file system that keeps old blocks holds at most the wrapped bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import mmap
import os
import secrets
import shutil
import sqlite3
import stat
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from witting.errors import DiskFull, KeyStoreError, SubjectErased
from witting.store.objects import sync_folder

MASTER, SIGNING, SUBJECTS = "master.key", "signing.pem", "subjects.db"
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
CACHED_KEYS_MAX = 16_384  # some 2.5 KB each
ROWS_PER_ROUND = 16_384  # bounds what one bulk call holds beside its arguments
IDS_PER_QUERY_MAX = 1_000
SUBJECT_ID_CHARS_MAX = 64
BUSY_TIMEOUT_MS = 30_000
NOT_DESTROYED = "0000-00-00T00:00:00Z"  # as long as a time: a row never changes its size
SCHEMA = f"""
CREATE TABLE subject_keys (
    slot INTEGER PRIMARY KEY,
    subject_id TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL CHECK (length(wrapped) = {WRAPPED_BYTES}),
    destroyed_at TEXT NOT NULL CHECK (length(destroyed_at) = {len(NOT_DESTROYED)})
)
"""
OVERWRITE = f"""
INSERT INTO subject_keys (subject_id, wrapped, destroyed_at)
VALUES (?, zeroblob({WRAPPED_BYTES}), strftime('%Y-%m-%dT%H:%M:%SZ'))
ON CONFLICT (subject_id) DO UPDATE SET wrapped = excluded.wrapped, destroyed_at = excluded.destroyed_at
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True)
class _SubjectKey:
    text: AESGCM
    surrogate: bytes = field(repr=False)


class KeyStore:
    """An open key store. May be pickled and used after a fork: each process opens the files itself."""

    def __init__(self, folder: Path) -> None:
        """Raises KeyStoreError if the folder or a file is missing, damaged, or open to other users."""
        self.folder = folder
        _check_modes(folder)
        self._master = _read_master(folder / MASTER)
        self._wrapping = AESGCM(self._derive("subject-keys"))
        self._quarantine = AESGCM(self.secret("quarantine"))
        self._row_key = self.secret("row")
        self._handle_key = self.secret("handle")
        self._shard_key = self.secret("shard")
        self._lock = threading.RLock()
        self._cache: OrderedDict[str, _SubjectKey] = OrderedDict()
        self._connection: sqlite3.Connection | None = None
        self._inherited: sqlite3.Connection | None = None
        self._opened_by = 0  # process id; a SQLite connection must not cross a fork
        self._seen = -1  # data_version the cache is good for

    def __reduce__(self) -> tuple[type[KeyStore], tuple[Path]]:
        return (KeyStore, (self.folder,))

    def __repr__(self) -> str:
        return f"KeyStore({str(self.folder)!r})"

    @classmethod
    def create(cls, folder: Path) -> KeyStore:
        """A new key store with fresh keys, complete or not at all. Raises KeyStoreError if there is one."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise KeyStoreError(
                f"{folder} is not empty; a key store is made once. Open it, or name another folder."
            )
        making = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
        making.mkdir(mode=0o700, parents=True)
        try:
            _write_private(making / MASTER, _master_text(secrets.token_bytes(KEY_BYTES)))
            _write_private(making / SIGNING, _new_signing_key())
            _write_private(making / SUBJECTS, b"")
            with contextlib.closing(_connect(making / SUBJECTS)) as connection:
                connection.execute(SCHEMA)
            sync_folder(making)
            making.replace(folder)  # an empty folder may be replaced, a full one not
            sync_folder(folder.parent)
        except OSError as error:
            raise KeyStoreError(f"{folder} cannot be made: {error.strerror}.") from error
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return cls(folder)

    # -- people's keys ---------------------------------------------------------------------------------------------

    def add_subjects(self, subject_ids: Sequence[str]) -> None:
        """A fresh key for each that has none yet. Raises SubjectErased if the key of one was destroyed: nobody's key
        is made twice."""
        for subject_id in subject_ids:
            if not 0 < len(subject_id) <= SUBJECT_ID_CHARS_MAX:
                raise KeyStoreError(f"a subject id has 1 to {SUBJECT_ID_CHARS_MAX} characters.")
        with self._writing() as connection:
            for ids in _pieces(subject_ids, IDS_PER_QUERY_MAX):
                held = _rows(connection, ids)
                _refuse_destroyed(i for i, (_, destroyed_at) in held.items() if destroyed_at != NOT_DESTROYED)
                fresh = [i for i in dict.fromkeys(ids) if i not in held]
                rows = [(i, self._wrap(i, secrets.token_bytes(KEY_BYTES)), NOT_DESTROYED) for i in fresh]
                connection.executemany(
                    "INSERT INTO subject_keys (subject_id, wrapped, destroyed_at) VALUES (?, ?, ?)", rows
                )

    def has(self, subject_id: str) -> bool:
        """Whether there is a key that was not destroyed."""
        with self._reading() as connection:
            return _rows(connection, [subject_id]).get(subject_id, (b"", ""))[1] == NOT_DESTROYED

    def destroy(self, subject_id: str) -> None:
        """Overwrites the person's key, durably, and remembers that it was destroyed; again is fine.

        A person without a key is remembered too. Cost: one transaction and one read of the whole file.
        """
        with self._writing() as connection:
            wrapped, destroyed_at = _rows(connection, [subject_id]).get(subject_id, (None, NOT_DESTROYED))
            if destroyed_at == NOT_DESTROYED:
                connection.execute(OVERWRITE, (subject_id,))
            self._cache.pop(subject_id, None)
        if wrapped is not None and destroyed_at == NOT_DESTROYED:
            self._ensure_gone(wrapped)

    # -- sealing ---------------------------------------------------------------------------------------------------

    def seal(
        self, subject_ids: Sequence[str], ids: Sequence[str], texts: Sequence[str | None]
    ) -> list[bytes | None]:
        """Each text under its subject's key: 12-byte nonce, AES-256-GCM, bound to its id; None stays None.
        Raises SubjectErased for a destroyed key, KeyStoreError for an unknown subject."""
        return self.seal_bytes(subject_ids, ids, [_encode(text) for text in texts])

    def seal_bytes(
        self, subject_ids: Sequence[str], ids: Sequence[str], values: Sequence[bytes | None]
    ) -> list[bytes | None]:
        """As `seal`, of bytes."""
        sealed: list[bytes | None] = []
        for start in range(0, _same_length(subject_ids, ids, values), ROWS_PER_ROUND):
            rows = slice(start, start + ROWS_PER_ROUND)
            keys = self._keys(subject_ids[rows])
            _refuse_destroyed(subject_id for subject_id, key in keys.items() if key is None)
            sealed += _seal_round([keys[i] for i in subject_ids[rows]], ids[rows], values[rows])
        return sealed

    def open(
        self, subject_ids: Sequence[str], ids: Sequence[str], sealed: Sequence[bytes | None]
    ) -> list[str | None]:
        """Each text; None where `sealed` is None or the key was destroyed. Raises KeyStoreError, naming the id, for
        bytes that were not sealed for this subject and id or were changed."""
        return [_decode(value) for value in self.open_bytes(subject_ids, ids, sealed)]

    def open_bytes(
        self, subject_ids: Sequence[str], ids: Sequence[str], sealed: Sequence[bytes | None]
    ) -> list[bytes | None]:
        """As `open`, of bytes."""
        opened: list[bytes | None] = []
        for start in range(0, _same_length(subject_ids, ids, sealed), ROWS_PER_ROUND):
            rows = slice(start, start + ROWS_PER_ROUND)
            keys = self._keys(subject_ids[rows])
            opened += _open_round([keys[i] for i in subject_ids[rows]], ids[rows], sealed[rows])
        return opened

    def seal_quarantined(self, ids: Sequence[str], records: Sequence[bytes]) -> list[bytes]:
        """Bad records, of which nobody knows whose they are, under one key of the workspace."""
        nonces = os.urandom(NONCE_BYTES * _same_length(ids, records))
        return [
            nonce + self._quarantine.encrypt(nonce, record, row_id.encode())
            for nonce, row_id, record in zip(_cut(nonces), ids, records, strict=True)
        ]

    def open_quarantined(self, ids: Sequence[str], sealed: Sequence[bytes]) -> list[bytes]:
        return [_decrypt(self._quarantine, i, value) for i, value in zip(ids, sealed, strict=True)]

    # -- keyed names -----------------------------------------------------------------------------------------------

    def row_id(self, *parts: str) -> str:
        """32 hex: keyed BLAKE2b of the parts, each with its length, so that ("ab", "c") is not ("a", "bc")."""
        return _keyed(self._row_key, parts, 16).hex()

    def row_ids(self, *parts: str) -> Callable[[str], str]:
        """`row_id` of many that share all parts but the last: the function of that last part. Three times as fast."""
        begun = hashlib.blake2b(_framed(parts), key=self._row_key, digest_size=16)

        def row_id(last: str) -> str:
            mac, data = begun.copy(), last.encode("utf-8", "surrogatepass")
            mac.update(len(data).to_bytes(8, "big") + data)
            return mac.hexdigest()

        return row_id

    def handle_mac(self, handle: str) -> str:
        """64 hex: keyed BLAKE2b of the handle in Unicode form NFC: one name typed on two systems is one person."""
        return _keyed(self._handle_key, (unicodedata.normalize("NFC", handle),), 32).hex()

    def shard(self, subject_id: str, shards: int) -> int:
        """Which shard's parts and adapter hold the subject's rows; the same for the life of the workspace."""
        if shards < 1:
            raise ValueError(f"shards is {shards}; at least 1.")
        return int.from_bytes(_keyed(self._shard_key, (subject_id,), 8), "big") % shards

    def surrogate_key(self, subject_id: str) -> bytes:
        """32 bytes derived from the subject's key: their surrogates cannot be made again once it is destroyed."""
        key = self._keys([subject_id])[subject_id]
        if key is None:
            _refuse_destroyed([subject_id])
        assert key is not None
        return key.surrogate

    def secret(self, name: str) -> bytes:
        """32 bytes of the workspace for one use, derived from the master key; the same name gives the same bytes."""
        return self._derive(f"secret/{name}")

    def signer(self) -> Ed25519PrivateKey:
        path = self.folder / SIGNING
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise KeyStoreError(
                f"{path} is missing or damaged; restore it from the key store's own backup."
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyStoreError(f"{path} holds another kind of key than Ed25519; restore it from a backup.")
        return key

    # -- inside ----------------------------------------------------------------------------------------------------

    def _derive(self, use: str) -> bytes:
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"witting/1/{use}".encode()).derive(
            self._master
        )

    def _wrap(self, subject_id: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, key, subject_id.encode())

    def _unwrap(self, subject_id: str, wrapped: bytes) -> _SubjectKey:
        try:
            key = self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject_id.encode())
        except InvalidTag as error:
            raise KeyStoreError(
                f"the key of subject {subject_id} does not open with this master key: {self.folder / SUBJECTS} is "
                "damaged or of another workspace. Restore the key store from its own backup."
            ) from error
        # The key is uniformly random, so HKDF's extract step may be left out (RFC 5869 §3.3).
        return _SubjectKey(
            text=AESGCM(_expand(key, b"witting/1/text")), surrogate=_expand(key, b"witting/1/surrogate")
        )

    def _keys(self, subject_ids: Sequence[str]) -> dict[str, _SubjectKey | None]:
        """Each subject's key, None where destroyed; unknown subjects raise KeyStoreError."""
        wanted = dict.fromkeys(subject_ids)
        with self._reading() as connection:
            found: dict[str, _SubjectKey | None] = {i: self._cache[i] for i in wanted if i in self._cache}
            for ids in _pieces([i for i in wanted if i not in found], IDS_PER_QUERY_MAX):
                found |= {
                    subject_id: self._unwrap(subject_id, wrapped) if destroyed_at == NOT_DESTROYED else None
                    for subject_id, (wrapped, destroyed_at) in _rows(connection, ids).items()
                }
            self._remember(found)
        unknown = [i for i in wanted if i not in found]
        if unknown:
            raise KeyStoreError(
                f"no key for {len(unknown)} subjects, first {unknown[0]}: add_subjects comes first."
            )
        return found

    def _remember(self, found: dict[str, _SubjectKey | None]) -> None:
        for subject_id, key in found.items():
            if key is not None:
                self._cache[subject_id] = key
                self._cache.move_to_end(subject_id)
        while len(self._cache) > CACHED_KEYS_MAX:
            self._cache.popitem(last=False)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _clear_errors(self.folder / SUBJECTS):
            connection = self._connected()
            # Changes when another connection wrote: a key destroyed there must not live on in this cache.
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._cache.clear()
                self._seen = version
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None or self._opened_by != os.getpid():
            self._inherited = self._connection  # kept, not closed: after a fork it is the parent's
            self._connection = _connect(self.folder / SUBJECTS)
            self._opened_by, self._seen = os.getpid(), -1
        return self._connection

    def _ensure_gone(self, wrapped: bytes) -> None:
        """Looks for the destroyed bytes in the files themselves, not through SQLite."""
        if not self._holders(wrapped):
            return
        with self._reading() as connection:
            connection.execute("VACUUM")
        holders = self._holders(wrapped)
        if holders:
            raise KeyStoreError(
                f"the key is destroyed in {SUBJECTS}, but a copy of it is still in {', '.join(holders)} of "
                f"{self.folder}: delete that copy."
            )

    def _holders(self, needle: bytes) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_file() and _holds(path, needle))


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=rw"  # never creates; read-only where the file system is
    connection = sqlite3.connect(
        uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )
    # TRUNCATE: a deleted journal may come back after a power cut and undo a destruction that was told (sqlite.org, PRAGMA
    # synchronous, EXTRA); an emptied one is synced.
    for pragma in ("journal_mode=TRUNCATE", "secure_delete=ON", "synchronous=FULL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _rows(connection: sqlite3.Connection, subject_ids: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """subject id → (wrapped key or zeros, destroyed_at), of those that have a row."""
    marks = ",".join("?" * len(subject_ids))
    query = f"SELECT subject_id, wrapped, destroyed_at FROM subject_keys WHERE subject_id IN ({marks})"  # noqa: S608 - marks only
    return {subject_id: (wrapped, at) for subject_id, wrapped, at in connection.execute(query, subject_ids)}


def _refuse_destroyed(subject_ids: Iterable[str]) -> None:
    erased = sorted(subject_ids)
    if erased:
        raise SubjectErased(
            f"{len(erased)} of these people were erased (first: subject {erased[0]}); their data is refused for good. "
            "Leave it out."
        )


def _seal_round(
    keys: Sequence[_SubjectKey | None], ids: Sequence[str], values: Sequence[bytes | None]
) -> list[bytes | None]:
    nonces = os.urandom(NONCE_BYTES * len(ids))
    return [
        None if value is None or key is None else nonce + key.text.encrypt(nonce, value, row_id.encode())
        for nonce, key, row_id, value in zip(_cut(nonces), keys, ids, values, strict=True)
    ]


def _open_round(
    keys: Sequence[_SubjectKey | None], ids: Sequence[str], sealed: Sequence[bytes | None]
) -> list[bytes | None]:
    return [
        None if value is None or key is None else _decrypt(key.text, row_id, value)
        for key, row_id, value in zip(keys, ids, sealed, strict=True)
    ]


def _decrypt(cipher: AESGCM, row_id: str, sealed: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], row_id.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce and a tag
        raise KeyStoreError(
            f"row {row_id} does not open: its sealed bytes were changed, or belong to another row, person or workspace."
        ) from error


def _cut(nonces: bytes) -> Iterator[bytes]:
    return (nonces[i : i + NONCE_BYTES] for i in range(0, len(nonces), NONCE_BYTES))


def _encode(text: str | None) -> bytes | None:
    # Exports hold halves of emoji (lone surrogates); words are never changed, so they pass through.
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _decode(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "surrogatepass")


def _same_length(first: Sequence[object], *others: Sequence[object]) -> int:
    if any(len(other) != len(first) for other in others):
        raise ValueError(f"sequences of different lengths: {[len(first), *map(len, others)]}.")
    return len(first)


def _pieces(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _expand(key: bytes, use: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), KEY_BYTES, info=use).derive(key)


def _keyed(key: bytes, parts: Sequence[str], size: int) -> bytes:
    return hashlib.blake2b(_framed(parts), key=key, digest_size=size).digest()


def _framed(parts: Sequence[str]) -> bytes:
    encoded = [part.encode("utf-8", "surrogatepass") for part in parts]
    return b"".join([piece for data in encoded for piece in (len(data).to_bytes(8, "big"), data)])


def _check_modes(folder: Path) -> None:
    if not folder.is_dir():
        raise KeyStoreError(
            f"{folder} does not exist; `witting init` makes it. If it was lost, restore its backup."
        )
    _check_mode(folder, "700")
    for name in (MASTER, SIGNING, SUBJECTS):
        if not (folder / name).is_file():
            raise KeyStoreError(
                f"{folder / name} is missing; restore it from the key store's own backup. Do not make a new one: "
                "nothing sealed so far would open."
            )
        _check_mode(folder / name, "600")


def _check_mode(path: Path, allowed: str) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyStoreError(
            f"{path} has mode {mode:o}, so other users can read it. Run `chmod {allowed} {path}`."
        )


def _master_text(key: bytes) -> bytes:
    return f"{key.hex()}\n{_check_of(key)}\n".encode()


def _check_of(key: bytes) -> str:
    return hashlib.sha256(b"witting master key, check\n" + key).hexdigest()[:16]


def _read_master(path: Path) -> bytes:
    try:
        text, check = path.read_text("ascii").split()
        key = bytes.fromhex(text)
    except (OSError, ValueError) as error:
        raise _damaged_master(path) from error
    if len(key) != KEY_BYTES or not hmac.compare_digest(check, _check_of(key)):
        raise _damaged_master(path)
    return key


def _damaged_master(path: Path) -> KeyStoreError:
    return KeyStoreError(
        f"{path} is damaged: it should hold 64 hex digits and their check. Restore it from the key store's own backup."
    )


def _new_signing_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _holds(path: Path, needle: bytes) -> bool:
    try:
        with (
            path.open("rb") as file,
            contextlib.closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data,
        ):
            return data.find(needle) >= 0
    except (ValueError, FileNotFoundError):  # an empty file has no map
        return False


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(
                f"{path}: the disk is full. Nothing was lost; free space and run again."
            ) from error
        if code == sqlite3.SQLITE_BUSY:
            raise KeyStoreError(
                f"{path}: another process has held it for 30 s. Let it finish, run again."
            ) from error
        raise KeyStoreError(
            f"{path} is damaged or cannot be read or written ({error}). Check it, or restore it from its own backup."
        ) from error
