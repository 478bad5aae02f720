"""Watching a ledger with checkpoints kept elsewhere: is it still the one that was signed then?

Covers: holding a ledger, or the tiles that somebody publishes, against every kept checkpoint; telling a fork, a rollback and
a changed signature apart; keeping the new checkpoint and the evidence of a fork.
Not covered: whether the entries' bytes still have their hashes (`Ledger.verify`); two forks shown to two watchers that
never compare what they kept: for that, a witness (`cosign.py`).

What voids the watch: kept checkpoints that the ledger's operator can write. Somebody else must keep them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid, UsageError
from witting.ledger import merkle
from witting.ledger.checkpoint import NOTE_BYTES_MAX, Checkpoint, VerifierKey, open_checkpoint
from witting.ledger.log import Ledger
from witting.ledger.tiles import CHECKPOINT, Read, Tiles

KEPT_SUFFIXES = (".checkpoint", ".txt")  # `ledger checkpoint` writes the latter
FORK_SUFFIX = ".fork"  # signed, and contradicting what was kept: evidence, never compared with again
KEPT_FILES_MAX = 20_000


@dataclass(frozen=True)
class Kept:
    name: str
    note: str


@dataclass(frozen=True)
class Finding:
    """`against` names the kept checkpoint, or what else was looked at."""

    kind: Literal["fork", "rollback", "signature", "key", "damage"]
    against: str
    detail: str


@dataclass(frozen=True)
class Watched:
    size: int | None  # None where what is published could not be opened
    root: bytes | None
    note: str | None  # the signed checkpoint now; of a ledger only if nothing was found
    findings: list[Finding]


def watch_ledger(
    ledger: Ledger, kept: Sequence[Kept], key: VerifierKey, *, recompute: bool = False, now: datetime
) -> Watched:
    """The ledger itself. Signs a new checkpoint only if nothing was found. `recompute` reads every entry."""
    findings = []
    if ledger.verifier_key != key:
        detail = f"it signs as {ledger.verifier_key}, and the kept checkpoints are of {key}."
        findings.append(Finding("key", "ledger", detail))
    size = ledger.size()
    try:
        if recompute:
            ledger.verify()
        current = Checkpoint(ledger.verifier_key.name, size, ledger.root(size))
        findings += _compare(current, ledger.consistency_proof, kept, key)
        note = None if findings else ledger.checkpoint(now=now)
        root = current.root
        if note is not None:  # writers go on appending meanwhile
            signed = open_checkpoint(note, key)
            size, root = signed.size, signed.root
    except LedgerDamaged as error:
        return Watched(size, None, None, [*findings, Finding("damage", "ledger", str(error))])
    return Watched(size, root, note, findings)


def watch_tiles(read: Read, kept: Sequence[Kept], key: VerifierKey, *, recompute: bool = False) -> Watched:
    """What is published as tiles, wherever it lies; asks for as many tiles as the proofs need. `recompute` reads every tile, and
    the entries' bundles where they are published."""
    published = read(CHECKPOINT)
    try:
        if published is None or len(published) > NOTE_BYTES_MAX:
            raise ProofInvalid("there is no checkpoint at the place of the tiles, or too large a one.")
        note = published.decode("utf-8")
        current = open_checkpoint(note, key)
    except UnicodeDecodeError:
        return _unopened("what lies at the checkpoint's place is not text.")
    except ProofInvalid as error:
        return _unopened(str(error))
    tiles = Tiles(read, current.size)
    try:
        if (tiles.recompute() if recompute else tiles.root()) != current.root:
            raise ProofInvalid(f"the tiles do not lead to the signed root of {current.size} entries.")
        findings = _compare(current, tiles.consistency_proof, kept, key)
    except ProofInvalid as error:
        findings = [Finding("damage", "tiles", str(error)), *_compare(current, _no_proof, kept, key)]
    return Watched(current.size, current.root, note, findings)


def _unopened(why: str) -> Watched:
    return Watched(None, None, None, [Finding("signature", CHECKPOINT, why)])


def _no_proof(old: int, new: int) -> list[bytes] | None:
    """Of damaged tiles nothing can be proven; equal sizes and smaller trees are compared all the same."""
    return [] if old in (0, new) else None


def _compare(
    current: Checkpoint,
    proof: Callable[[int, int], list[bytes] | None],
    kept: Sequence[Kept],
    key: VerifierKey,
) -> list[Finding]:
    findings = []
    for item in kept:
        try:
            known = open_checkpoint(item.note, key)
        except ProofInvalid as error:
            findings.append(Finding("signature", item.name, str(error)))
            continue
        if known.size > current.size:
            detail = f"{known.size} entries were signed, and {current.size} are there now."
            findings.append(Finding("rollback", item.name, detail))
            continue
        path = proof(known.size, current.size)
        if path is not None and not _continues(known, current, path):
            detail = f"the first {known.size} entries are not those that were signed then."
            findings.append(Finding("fork", item.name, detail))
    return findings


def _continues(known: Checkpoint, current: Checkpoint, proof: list[bytes]) -> bool:
    try:
        merkle.verify_consistency(
            old=known.size, new=current.size, proof=proof, old_root=known.root, new_root=current.root
        )
    except ProofInvalid:
        return False
    return True


# -- what is kept -----------------------------------------------------------------------------------------------------


def read_kept(place: Path) -> list[Kept]:
    """The kept notes: the one file, or those in the folder by name. LedgerError if there are too many to be compared."""
    if place.is_file():
        return [Kept(place.name, _text(place))]
    if not place.is_dir():
        return []
    names = sorted(path for path in place.iterdir() if path.suffix in KEPT_SUFFIXES and path.is_file())
    if len(names) > KEPT_FILES_MAX:
        raise LedgerError(
            f"{place} holds more than {KEPT_FILES_MAX} checkpoints. Move old ones away; each newer one continues them."
        )
    return [Kept(path.name, _text(path)) for path in names]


def keep(place: Path, note: str, checkpoint: Checkpoint) -> Path:
    """The note under its size and root in the folder, or in place of the one file."""
    path = place / f"{_stem(checkpoint)}{KEPT_SUFFIXES[0]}" if _is_folder(place) else place
    if not (path.is_file() and _text(path) == note):
        _put(path, note)
    return path


def keep_fork(place: Path, note: str, checkpoint: Checkpoint) -> Path:
    """Two signed checkpoints that contradict each other prove what the signer did. Beside the kept ones."""
    folder = place if _is_folder(place) else place.parent
    path = folder / f"{_stem(checkpoint)}{FORK_SUFFIX}"
    _put(path, note)
    return path


def key_file(place: Path, name: str) -> Path:
    return (place if _is_folder(place) else place.parent) / name


def keep_key(place: Path, name: str, key: VerifierKey) -> None:
    _put(key_file(place, name), f"{key}\n")


def _is_folder(place: Path) -> bool:
    return place.is_dir() or (not place.exists() and place.suffix not in KEPT_SUFFIXES)


def _stem(checkpoint: Checkpoint) -> str:
    return f"{checkpoint.size}-{checkpoint.root.hex()[:16]}"


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        data = stream.read(NOTE_BYTES_MAX + 1)
    return data.decode("utf-8", "replace")  # what is not text does not open as a note


def _put(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        with beside.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except PermissionError as error:
        raise UsageError(f"{path} cannot be written; give the watch a place of its own.") from error
