"""`witting verify FILE`: any certificate, receipt, release, audit or checkpoint, offline."""

from __future__ import annotations

from pathlib import Path

from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import UsageError
from witting.ledger.certificate import verify_file


def verify(
    file: Path, /, *, checkpoint: Path | None = None, key: str | None = None, common: Common = DEFAULT
) -> int:
    """Check a certificate, receipt, checkpoint or release. Exit code 0 only if every proof holds.

    Parameters
    ----------
    file
        What to check.
    checkpoint
        An earlier checkpoint you kept: also checks that history was not rewritten since.
    key
        The signer's verifier key, from a source you trust.
    """
    if not file.is_file():
        raise UsageError(f"there is no file {file}.")
    checks = verify_file(file, old_checkpoint=checkpoint, verifier_key=key)
    ok = all(check.ok for check in checks)
    said = {"ok": ok, "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]}
    show(
        common,
        said,
        lambda: "\n".join(f"{'holds' if c.ok else 'FAILS'}  {c.name}: {c.detail}" for c in checks),
    )
    return 0 if ok else 1
