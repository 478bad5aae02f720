"""`witting ledger watch` and `ledger tiles`: what others need to see that history was not rewritten, and the watch itself.

Covers: where checkpoints are kept and where tiles lie (a folder, a web address). Not covered: the comparing
(`ledger/watch.py`), the tiles (`ledger/tiles.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from witting.doors.cli.cosign import with_cosignatures
from witting.doors.cli.keys import given_verifier_key
from witting.doors.cli.screen import DEFAULT, Common, folded, now, show
from witting.errors import InputError, UsageError
from witting.ledger.checkpoint import VerifierKey, open_checkpoint, parse_verifier_key
from witting.ledger.tiles import FILE_BYTES_MAX, Read, read_folder, write_tiles
from witting.ledger.verify import KEY_FILE
from witting.ledger.watch import (
    Finding,
    Kept,
    Watched,
    keep,
    keep_fork,
    keep_key,
    key_file,
    read_kept,
    watch_ledger,
    watch_tiles,
)
from witting.workspace import Workspace

if TYPE_CHECKING:
    from obstore.store import ObjectStore

FETCH_SECONDS_MAX = 30
TRIES_MAX = 3


def tiles(*, out: Path | None = None, entries: bool = False, common: Common = DEFAULT) -> int:
    """Sign a checkpoint and write the ledger's tree as tiles, files that any web server can hand out. Writes only what is
    new since the last time.

    Parameters
    ----------
    out
        The folder; without it, the one that the config names (ledger.tiles), or tiles/ in the workspace.
    entries
        Publish the entries too, not only their hashes: random ids, kinds and times. Once begun, it goes on.
    """
    workspace = Workspace.open(common.workspace)
    named = workspace.settings.ledger
    folder = workspace.path(named.tiles or "tiles") if out is None else out
    with workspace.held():
        done = write_tiles(
            workspace.ledger,
            folder,
            entries=entries or named.tiles_entries,
            now=now(),
            cosigned=partial(with_cosignatures, workspace),
        )
    said = {
        "size": done.size,
        "root": done.root.hex(),
        "written": done.tiles,
        "path": str(folder),
        "note": done.note,
    }
    show(
        common,
        said,
        lambda: f"{done.note}\n{done.tiles:,} files written in {folder}, over {done.size:,} entries.",
    )
    return 0


def watch(
    kept: Path,
    /,
    *,
    tiles: str | None = None,
    key: str | None = None,
    begin: bool = False,
    recompute: bool = False,
    common: Common = DEFAULT,
) -> int:
    """Hold the ledger against checkpoints kept outside, and keep a new one. Exit code 1 if it forked, was rolled back, or
    a signature or a key changed. With --quiet it prints nothing when all is well.

    Parameters
    ----------
    kept
        A folder of checkpoints, or a file with one, outside the workspace.
    tiles
        Watch published tiles instead of the workspace: a folder, or an http, https or s3 address.
    key
        The ledger's verifier key (name+id+key), or a file that holds it, from a source you trust; kept beside the checkpoints from then on.
    begin
        Nothing is kept yet: keep the first checkpoint.
    recompute
        Also recompute the whole ledger from the bytes of its entries, or from every published tile and bundle.
    """
    notes = read_kept(kept)
    if begin and notes:
        raise UsageError(f"{kept} holds {len(notes)} checkpoints already; leave --begin away.")
    if not begin and not notes:
        raise UsageError(
            f"nothing is kept in {kept}, so nothing can be found. If this is the first time, give --begin; if not, "
            "find out who took the checkpoints away."
        )
    ledger_key, look = (
        _published(tiles, kept, key, recompute) if tiles is not None else _own(common, kept, key, recompute)
    )
    seen = look(notes)
    stored = None
    if seen.note is not None:
        checkpoint = open_checkpoint(seen.note, ledger_key)
        if not seen.findings:
            keep_key(kept, KEY_FILE, ledger_key)
            stored = keep(kept, seen.note, checkpoint)
        elif any(finding.kind == "fork" for finding in seen.findings):
            stored = keep_fork(kept, seen.note, checkpoint)
    if seen.findings or common.json or not common.quiet:  # cron mails whatever is printed
        show(common, _said(seen, notes, stored), lambda: _page(seen, notes, stored))
    return 1 if seen.findings else 0


Look = Callable[[list[Kept]], Watched]


def _own(common: Common, kept: Path, key: str | None, recompute: bool) -> tuple[VerifierKey, Look]:
    workspace = Workspace.open(common.workspace)
    if kept.resolve().is_relative_to(workspace.root.resolve()):
        raise UsageError(
            f"{kept} lies inside the workspace: whoever replaces the ledger replaces it too. Keep it elsewhere."
        )
    ledger = workspace.ledger
    known = _known(kept, key) or ledger.verifier_key

    def look(notes: list[Kept]) -> Watched:
        return watch_ledger(ledger, notes, known, recompute=recompute, now=now())

    return known, look


def _published(place: str, kept: Path, key: str | None, recompute: bool) -> tuple[VerifierKey, Look]:
    known = _known(kept, key)
    if known is None:
        raise UsageError(
            "tiles carry no key: give the ledger's verifier key with --key, from a source you trust."
        )
    return known, lambda notes: watch_tiles(_reader(place), notes, known, recompute=recompute)


def _known(kept: Path, key: str | None) -> VerifierKey | None:
    """The key given, or the one kept the last time; both must be the same."""
    path = key_file(kept, KEY_FILE)
    pinned = parse_verifier_key(path.read_text("utf-8")) if path.is_file() else None
    given = given_verifier_key(key) if key is not None else None
    if pinned and given and pinned != given:
        raise UsageError(
            f"--key is {given}, and {path} holds {pinned}. Keep each ledger's checkpoints in a place of its own."
        )
    return given or pinned


def _reader(place: str) -> Read:
    if "://" not in place:
        if not Path(place).is_dir():
            raise UsageError(f"there is no folder {place}.")
        return read_folder(Path(place))
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        store = from_url(
            place,
            client_options={"timeout": f"{FETCH_SECONDS_MAX}s", "allow_http": True},
            retry_config={"max_retries": TRIES_MAX},
        )
    except (BaseError, ValueError) as error:
        raise UsageError(
            f"{place} is no address of tiles; give a folder, http://, https:// or s3://."
        ) from error
    return lambda path: _fetch(store, place, path)


def _fetch(store: ObjectStore, place: str, path: str) -> bytes | None:
    from obstore.exceptions import BaseError, NotFoundError

    data = bytearray()
    try:
        for chunk in store.get(path).stream():
            data += chunk
            if len(data) > FILE_BYTES_MAX:
                break  # longer than any tile: the reader says so
    except (NotFoundError, FileNotFoundError):
        return None
    except BaseError as error:
        raise InputError(
            f"{place} did not hand out {path}: {type(error).__name__}. Try again later."
        ) from error
    return bytes(data)


def _said(seen: Watched, notes: list[Kept], stored: Path | None) -> dict[str, Any]:
    return {
        "ok": not seen.findings,
        "size": seen.size,
        "root": None if seen.root is None else seen.root.hex(),
        "compared": len(notes),
        "findings": [vars(finding) for finding in seen.findings],
        "path": None if stored is None else str(stored),
    }


def _page(seen: Watched, notes: list[Kept], stored: Path | None) -> str:
    if not seen.findings:
        return folded(f"{seen.size:,} entries continue {len(notes):,} kept checkpoints. Kept as {stored}.")
    lines = [folded(_line(finding)) for finding in seen.findings]
    if stored is not None:
        lines.append(f"The signed checkpoint that contradicts them is kept as {stored}.")
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    return f"{finding.kind.upper()}  {finding.against}: {finding.detail}"
