"""Keyed ids and draws: stable for whoever holds the key, unguessable for everyone else.

Covers: ids of examples and text clusters, and which people are held out.
Not covered: ids of rows and subjects (`store/keys.py`).
A plain hash of a short message can be reversed by guessing it, so every hash kept here is keyed BLAKE2b (RFC 7693
section 2.9); `person` keeps the uses of one key apart.
"""

from __future__ import annotations

import hashlib

from witting.errors import UsageError

KEY_BYTES_MIN, KEY_BYTES_MAX = 16, 64  # BLAKE2b takes at most 64
ID_BYTES = 16
DRAW_BYTES = 8


def check_key(key: bytes) -> bytes:
    """`key` itself; raises UsageError for one too short to keep a secret or too long for BLAKE2b."""
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise UsageError(
            f"the curation key has {len(key)} bytes; {KEY_BYTES_MIN} to {KEY_BYTES_MAX} are allowed. "
            "Take it from the workspace's key store."
        )
    return key


def keyed_id(text: str, *, key: bytes, use: bytes) -> str:
    """32 hex characters."""
    return hashlib.blake2b(text.encode(), digest_size=ID_BYTES, key=key, person=use).hexdigest()


def heldout(subject_id: str, *, key: bytes, percent: int) -> bool:
    """Whether this person is kept out of training to measure it. By person, never by row: two rows of one person
    are not independent. Each person is drawn alone, so erasing one moves nobody else; with few people it can
    happen that nobody is held out, and the caller must say so."""
    drawn = hashlib.blake2b(subject_id.encode(), digest_size=DRAW_BYTES, key=key, person=b"heldout").digest()
    return int.from_bytes(drawn, "big") % 100 < percent
