"""Run as a program by the concurrency tests: URL TIMES BATCH. Appends, and says each index once it is committed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger


def main(url: str, times: int, batch: int) -> None:
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    ledger = Ledger(sa.create_engine(url), signer, origin="ledger.example/test")
    now = datetime(2026, 11, 24, tzinfo=UTC)
    for number in range(times):
        indexes = ledger.append_many([("rights.withdrawal", {"number": number})] * batch, now=now)
        print(*indexes, flush=True)
        if number % 5 == 4:
            ledger.checkpoint(now=now)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
