"""An opened commitment: the salt and evidence that a person was given, held against what their receipt commits to.

Covers: one check, under the name that `verify/witting_verify.py` uses, which does the same without this package. Not covered:
whether the evidence is true: it shows what the controller had sealed when the event was recorded, and nothing else.
Commitment: SHA-256 over 16 random bytes and the evidence in canonical JSON (`rights/record.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from witting.errors import LedgerError, ProofInvalid
from witting.ledger.entry import canonical, parse_json

OPENING_BYTES_MAX = 4 << 20
FIELDS = {"commitment", "salt", "evidence"}
SALT = re.compile(r"[0-9a-f]{32}")
RECORD, CAPTURE, COMMITMENT = "dpv:hasRecordOfActivity", "witting:capture", "witting:evidenceCommitment"


def check_opening(body: Mapping[str, Any], data: bytes) -> str:  # Any: JSON
    """What was found, in a sentence. `body` is a receipt's; `data` the file with the opening. Raises ProofInvalid."""
    committed = _inner(_inner(body, RECORD), CAPTURE).get(COMMITMENT)
    if not isinstance(committed, str):
        raise ProofInvalid(
            "this is no receipt that commits to evidence; there is nothing to hold it against."
        )
    opening = _read(data)
    try:
        evidence = canonical(opening["evidence"], what="the evidence")
    except LedgerError as error:
        raise ProofInvalid("the evidence cannot be written as canonical JSON.") from error
    digest = hashlib.sha256(bytes.fromhex(opening["salt"]) + evidence).hexdigest()
    if not digest == opening["commitment"] == committed:
        raise ProofInvalid("this is not the evidence that the receipt commits to: one of them was changed.")
    return f"the evidence is the one that was sealed as {committed}"


def _read(data: bytes) -> dict[str, Any]:
    if len(data) > OPENING_BYTES_MAX:
        raise ProofInvalid(f"the evidence file has more than {OPENING_BYTES_MAX} bytes.")
    try:
        opening = parse_json(data)
    except (ValueError, RecursionError) as error:
        raise ProofInvalid("the evidence file is not JSON in UTF-8 with every name once.") from error
    if not isinstance(opening, dict) or opening.keys() != FIELDS:
        raise ProofInvalid("an evidence file holds commitment, salt and evidence, and nothing else.")
    if not isinstance(opening["salt"], str) or not SALT.fullmatch(opening["salt"]):
        raise ProofInvalid("the salt in the evidence file is not 32 hexadecimal characters.")
    return opening


def _inner(value: Any, name: str) -> Mapping[str, Any]:  # Any: JSON
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}
