"""`witting verify FILE`: any certificate, receipt, release, audit or checkpoint, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from witting.config import CONFIG_NAME
from witting.doors.cli.keys import given_verifier_key, given_witness_key
from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import UsageError
from witting.ledger.verify import verify_file
from witting.workspace import Workspace


def verify(
    file: Path,
    /,
    *,
    checkpoint: Path | None = None,
    key: str | None = None,
    witness: Annotated[list[str] | None, Parameter(negative="")] = None,
    evidence: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Check a certificate, receipt, checkpoint or release. Exit code 0 only if every proof holds.

    Parameters
    ----------
    file
        What to check.
    checkpoint
        An earlier checkpoint you kept: also checks that history was not rewritten since.
    key
        The signer's verifier key (name+id+key), or a file that holds it, from a source you trust. Without it, in a workspace,
        the ledger's own.
    witness
        The key of a witness who must have cosigned the checkpoint, or a file that holds it; may be given several times.
    evidence
        The opened evidence that came with a receipt: also checks that the receipt commits to it.
    """
    for given in (file, checkpoint, evidence):
        if given is not None and not given.is_file():
            raise UsageError(f"there is no file {given}.")
    expected = None if key is None else str(given_verifier_key(key))
    witnesses = [str(given_witness_key(one)) for one in witness or ()]
    if expected is None and (common.workspace / CONFIG_NAME).is_file():
        expected = str(Workspace.open(common.workspace).ledger.verifier_key)
    kept = checkpoint.read_text("utf-8") if checkpoint is not None else None
    opening = evidence.read_bytes() if evidence is not None else None
    checks = verify_file(
        file, old_checkpoint=kept, verifier_key=expected, witnesses=witnesses, opening=opening
    )
    ok = all(check.ok for check in checks)
    said = {"ok": ok, "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]}
    show(
        common,
        said,
        lambda: "\n".join(f"{'holds' if c.ok else 'FAILS'}  {c.name}: {c.detail}" for c in checks),
    )
    return 0 if ok else 1
