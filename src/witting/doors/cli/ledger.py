"""`witting ledger …`: checkpoints and proofs of what happened."""

from __future__ import annotations

from witting.doors.cli.cosign import cosignatures, with_cosignatures
from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import UsageError
from witting.ledger.checkpoint import open_checkpoint
from witting.workspace import Workspace


def checkpoint(*, common: Common = DEFAULT) -> int:
    """Sign the ledger's present size and root, and keep the note in checkpoints/. Give copies to people outside."""
    workspace = Workspace.open(common.workspace)
    note = with_cosignatures(workspace, workspace.ledger.checkpoint(now=now()))
    signed = open_checkpoint(note, workspace.ledger.verifier_key)
    path = workspace.write("checkpoints", f"{signed.size}.txt", text=note)
    witnesses = cosignatures(workspace, note)
    said = {
        "size": signed.size,
        "root": signed.root.hex(),
        "path": str(path),
        "note": note,
        "cosignatures": [{"witness": name, "at": at.isoformat()} for name, at in witnesses],
    }
    lines = [f"Cosigned by {name} at {at:%Y-%m-%d %H:%M:%S} UTC." for name, at in witnesses]
    show(common, said, lambda: "\n".join([note, *lines, f"Kept as {path}."]))
    return 0


def proof(index: int, /, *, common: Common = DEFAULT) -> int:
    """Prove that entry INDEX is in the ledger: a .tlog-proof file in checkpoints/.

    Parameters
    ----------
    index
        The entry's number, from 0.
    """
    workspace = Workspace.open(common.workspace)
    size = workspace.ledger.size()
    if not 0 <= index < size:
        raise UsageError(f"there is no entry {index}; the ledger holds {size}, numbered from 0.")
    at = now()
    note = with_cosignatures(workspace, workspace.ledger.checkpoint(now=at))
    text = workspace.ledger.tlog_proof(index, now=at, note=note)
    path = workspace.write("checkpoints", f"{index}.tlog-proof", text=text)
    show(common, {"index": index, "path": str(path), "proof": text}, lambda: f"{text}\nKept as {path}.")
    return 0


def rebuild(*, common: Common = DEFAULT) -> int:
    """Verify every entry and node, then drop what is derived from the ledger and replay it."""
    workspace = Workspace.open(common.workspace)
    with workspace.held():
        workspace.ledger.verify()
        workspace.projections.rebuild(workspace.ledger)
    size = workspace.ledger.size()
    show(
        common,
        {"entries": size, "ok": True},
        lambda: f"{size:,} entries verify; what is derived was rebuilt.",
    )
    return 0
