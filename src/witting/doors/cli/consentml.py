"""`witting rights import`: another tool's store, its noes recorded and its history named in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import InputError, UsageError
from witting.intake import SOURCES
from witting.rights.consentml import FINDINGS_MAX, RUNS_MAX, ConsentmlStore, read_store, withdrawals
from witting.rights.record import record
from witting.workspace import Workspace

ENTRY = "lineage.imported"
ID_BYTES_MAX = 500


def import_(
    store: Path,
    /,
    *,
    source: str,
    ids: Path | None = None,
    format: Literal["consentml"] = "consentml",
    common: Common = DEFAULT,
) -> int:
    """Take over another tool's store: its revocations become withdrawals, its training runs are counted and named in the ledger.
    Exit code 1 if its log is broken or a revocation names nobody; what can be recorded is recorded all the same.

    Parameters
    ----------
    store
        consentml's SQLite file. It is only read.
    source
        Whose ids the store holds, as in a handle source:name.
    ids
        Text, an id a line: the people the store may speak of, to find them by their hashes.
    format
        Which tool's: consentml.
    """
    if source not in {known.name for known in SOURCES}:
        raise UsageError(f"the sources are {', '.join(sorted(known.name for known in SOURCES))}.")
    if not store.is_file():
        raise UsageError(f"there is no file {store}.")
    workspace, at = Workspace.open(common.workspace), now()
    held = read_store(store)
    known = [handle.partition(":")[2] for handle in workspace.vault.living_handles(f"{source}:")]
    events, unmatched = withdrawals(held, source=source, ids=[*known, *_ids(ids)], now=at)
    done = record(events, vault=workspace.vault, ledger=workspace.ledger, packs=workspace.packs, now=at)
    entry = _entry(workspace, held)
    if entry is None:
        said = held.as_entry()
        if len(held.runs) > RUNS_MAX:
            workspace.objects.create(f"lineage/{said['runs_sha256']}.json", held.runs_kept())
        entry = workspace.ledger.append(ENTRY, said, now=at)
    said = held.as_entry() | {
        "format": format,
        "found": list(held.findings[:FINDINGS_MAX]),
        "recorded": done.as_json(),
        "unmatched": unmatched,
        "entry": entry,
    }
    show(common, said, lambda: _page(held, done.recorded, unmatched, entry))
    return 1 if held.findings or held.unreadable_revocations else 0


def _ids(path: Path | None) -> Iterator[str]:
    if path is None:
        return
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if len(line) > ID_BYTES_MAX:
                raise InputError(
                    f"{path}, line {number}: longer than {ID_BYTES_MAX} bytes; write an id a line."
                )
            try:
                name = line.decode("utf-8").strip("\r\n")
            except UnicodeDecodeError as error:
                raise InputError(f"{path}, line {number}: not UTF-8; save the file as UTF-8.") from error
            if name:
                yield name


def _entry(workspace: Workspace, held: ConsentmlStore) -> int | None:
    """The entry that names this very file, if it was taken over before."""
    for entry in workspace.ledger.entries(kind=ENTRY):
        if entry.body.get("sha256") == held.sha256:
            return entry.index
    return None


def _page(held: ConsentmlStore, recorded: int, unmatched: int, entry: int) -> str:
    lines = [
        f"Its chain of {held.entries:,} entries is {held.chain}"
        + (f"; {len(held.findings):,} contradictions, among them:" if held.findings else "."),
        *(f"  {finding}" for finding in held.findings[:FINDINGS_MAX]),
        f"{len(held.revocations):,} revocations: {recorded:,} recorded as withdrawals, the others were recorded before.",
        f"{len(held.runs):,} training runs over {held.subjects:,} people, {held.lineage_rows:,} lineage rows: named in ledger "
        f"entry {entry}. None of them is a consent.",
    ]
    if held.fields_left_out:
        lines.append(
            f"{held.fields_left_out:,} fields of runs are no hash, number or time; they were left out."
        )
    if unmatched:
        lines.append(
            f"{unmatched:,} revocations match NOBODY known here. They are kept under their hash; give the ids (--ids), or run "
            "this again once their words are here, before you train."
        )
    if held.unreadable_revocations:
        lines.append(f"{held.unreadable_revocations:,} revocations NAME NOBODY. Ask whoever kept the store.")
    return "\n".join(lines)
