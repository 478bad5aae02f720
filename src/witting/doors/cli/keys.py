"""A key given by hand: as it is spelt (name+id+key), or as a file that holds it, such as checkpoints/ledger.vkey.

Covers: telling which was given, and saying what is wrong with it as wrong usage. Not covered: what a key is (`ledger/checkpoint.py`,
`ledger/cosign.py`); keys that lie in a workspace or beside checkpoints, which are read where they lie.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from witting.errors import ProofInvalid, UsageError
from witting.ledger.checkpoint import VerifierKey, parse_verifier_key
from witting.ledger.cosign import WitnessKey, parse_witness_key

KEY_FILE_BYTES_MAX = 1 << 16
Key = TypeVar("Key", VerifierKey, WitnessKey)


def given_verifier_key(given: str) -> VerifierKey:
    """The ledger's key that --key names. Raises UsageError."""
    return _given("--key", given, parse_verifier_key)


def given_witness_key(given: str) -> WitnessKey:
    """The witness' key that --witness names. Raises UsageError."""
    return _given("--witness", given, parse_witness_key)


def _given(option: str, given: str, parse: Callable[[str], Key]) -> Key:
    try:
        return parse(given)
    except ProofInvalid as error:
        held = _held(given)
        if held is None:
            raise UsageError(f"{option}: {error} There is no file of that name either.") from error
    try:
        return parse(held)
    except ProofInvalid as error:
        raise UsageError(f"{option} {given}: {error}") from error


def _held(given: str) -> str | None:
    """The text of the file of that name; None without one. A long key is no name at all."""
    with contextlib.suppress(OSError, ValueError):
        if Path(given).is_file():
            with Path(given).open("rb") as stream:
                return stream.read(KEY_FILE_BYTES_MAX).decode("utf-8", "replace")
    return None
