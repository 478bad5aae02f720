"""Who vouches for an evidence record: an Ed25519 signature over its canonical JSON.

Covers: the bytes that are signed (RFC 8785 of the record without `evidence_sig`), and checking them with the key of
whoever captured the consent. Not covered: keeping that key, and whether the log at `log_index` really holds the record:
that is asked of the log itself. A signature shows who recorded it and that nothing changed since, not that it is true.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from witting.errors import InputError

KEY_BYTES_MAX = 4_096


def signed_bytes(evidence: Mapping[str, Any]) -> bytes:  # Any: JSON values
    """What is signed. Raises ValueError where a value has no canonical JSON."""
    return rfc8785.dumps({name: value for name, value in evidence.items() if name != "evidence_sig"})


def is_signed(evidence: Mapping[str, Any], key: Ed25519PublicKey) -> bool:  # Any: JSON values
    """Does `evidence_sig.signature` (base64) verify under `key`? What is missing or unreadable does not."""
    said = evidence.get("evidence_sig")
    signature = said.get("signature") if isinstance(said, Mapping) else None
    if not isinstance(signature, str):
        return False
    try:
        key.verify(base64.b64decode(signature, validate=True), signed_bytes(evidence))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def read_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM. Raises InputError."""
    try:
        with path.open("rb") as stream:
            key = load_pem_public_key(stream.read(KEY_BYTES_MAX))
    except OSError as error:
        raise InputError(f"{path} cannot be read as a public key: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{path} is no public key in PEM.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{path} holds a key of another kind; signatures here are Ed25519.")
    return key
