"""The ledger room: what happened to whose words, in order, for good, and provable to people who trust neither us
nor our database.

Covers: an append-only log in SQLite or PostgreSQL under an RFC 9162 Merkle tree (`log.py`, `merkle.py`), C2SP signed
checkpoints and `.tlog-proof` files (`checkpoint.py`, `proof.py`), the tree as static files (`tiles.py`), the watch over it
with checkpoints kept elsewhere (`watch.py`), witnesses' cosignatures (`cosign.py`), and signed statements that anyone
checks offline (`certificate.py`; `verify/witting_verify.py` checks them without this package).
Not covered: what the entries mean; views of them (`store/projections.py`).
Models: FiloSottile/sunlight and transparency-dev/tessera.
"""

from __future__ import annotations

from witting.ledger.certificate import (
    Check,
    read_statement,
    reissue_statement,
    seal_once,
    seal_statement,
    statement_text,
    verify_statement,
    with_continuation,
)
from witting.ledger.entry import Entry
from witting.ledger.log import Ledger

__all__ = [
    "Check",
    "Entry",
    "Ledger",
    "read_statement",
    "reissue_statement",
    "seal_once",
    "seal_statement",
    "statement_text",
    "verify_statement",
    "with_continuation",
]
