"""Witnesses: somebody outside who signs that our checkpoint continues every one they saw before.

Covers: witnesses' keys, reading and adding cosignatures (c2sp.org/tlog-cosignature, Ed25519 and ML-DSA-44), and what is sent
to a witness and what it answers (c2sp.org/tlog-witness, `add-checkpoint`).
Not covered: being a witness; how many witnesses are enough; sending (`doors/cli/cosign.py`).

A cosignature says: at this time, the largest tree of this ledger that I saw has this root. Whoever trusts a witness who is not
ours no longer needs to have kept a checkpoint: a fork would have to be shown to the witness too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from witting.errors import ProofInvalid
from witting.ledger.checkpoint import (
    NAME,
    Signature,
    decode_base64,
    encode_base64,
    parse_checkpoint,
    parse_note,
    parse_signatures,
)

ED25519 = 0x04  # c2sp.org/tlog-cosignature, "Format"
ML_DSA_44 = 0x06
PUBLIC_BYTES = {ED25519: 32, ML_DSA_44: 1312}
SIGNATURE_BYTES = {ED25519: 64, ML_DSA_44: 2420}
TIME_BYTES = 8
SECONDS_MAX = 253_402_300_799  # the year 9999; the format allows 2**63 - 1
LABEL = b"subtree/v1\n\0"
NAME_BYTES_MAX = 255


@dataclass(frozen=True)
class WitnessKey:
    """Who cosigns: a name, the kind of signature, and the public key, spelt `name+id+key`."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """SHA-256(name || 0x0A || kind || public key)[:4]."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True)
class Cosignature:
    witness: str
    at: datetime  # whole seconds, UTC, by the witness' clock
    signature: Signature


def parse_witness_key(text: str) -> WitnessKey:
    """Reads `name+id+key`; ProofInvalid if it is no witness' key. A ledger's own key (type 1) is none."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode_base64(encoded)
    kind = material[0] if material else 0
    if not NAME.fullmatch(name) or len(material) - 1 != PUBLIC_BYTES.get(kind):
        raise ProofInvalid(
            "a witness' key is spelt name+id+key, and its type is 4 (Ed25519) or 6 (ML-DSA-44); this one is not."
        )
    key = WitnessKey(name, kind, material[1:])
    if key.id.hex() != key_id:
        raise ProofInvalid(
            f"the witness key named {name} does not match its own id; it was mistyped or changed."
        )
    return key


def read_cosignature(note: str, key: WitnessKey) -> Cosignature | None:
    """The witness' newest cosignature on the note, None if it has none. ProofInvalid if one of theirs does not fit the text:
    a note with a broken signature of a known key is refused as a whole (c2sp.org/signed-note)."""
    text, signatures = parse_note(note)
    theirs = [one for one in signatures if (one.name, one.key_id) == (key.name, key.id)]
    found = [_check(text, key, one) for one in theirs]
    return max(found, key=lambda one: one.at, default=None)


def add_cosignatures(note: str, answer: str, key: WitnessKey) -> str:
    """The note with this witness' newest cosignature out of `answer`, which is signature lines or a whole note over the same
    text. Lines of others in the answer are ignored; ProofInvalid if the witness' are not there or do not fit."""
    text, signatures = parse_note(note)
    if "\n\n" in answer:
        theirs, lines = parse_note(answer)
        if theirs != text:
            raise ProofInvalid("what was cosigned is another checkpoint than this one.")
    else:
        lines = parse_signatures(answer)
    mine = [one for one in [*signatures, *lines] if (one.name, one.key_id) == (key.name, key.id)]
    newest = max((_check(text, key, one) for one in mine), key=lambda one: one.at, default=None)
    if newest is None:
        raise ProofInvalid(f"there is no cosignature by {key.name} with the key {key.id.hex()}.")
    others = [one for one in signatures if (one.name, one.key_id) != (key.name, key.id)]
    return text + "\n" + "".join(map(str, [*others, newest.signature]))


def merge_notes(note: str, kept: str) -> str:
    """The note with every further signature that a kept copy of it carries. Of another text, the note alone."""
    text, signatures = parse_note(note)
    try:
        theirs, lines = parse_note(kept)
    except ProofInvalid:
        return note
    more = [one for one in lines if one not in signatures] if theirs == text else []
    return text + "\n" + "".join(map(str, [*signatures, *more]))


def add_checkpoint_request(old: int, proof: Sequence[bytes], note: str) -> str:
    """The body of `POST <prefix>/add-checkpoint` (c2sp.org/tlog-witness): old size, consistency proof, checkpoint."""
    return "\n".join([f"old {old}", *map(encode_base64, proof)]) + "\n\n" + note


def _check(text: str, key: WitnessKey, signature: Signature) -> Cosignature:
    data = signature.data
    seconds = int.from_bytes(data[:TIME_BYTES], "big")
    if len(data) != TIME_BYTES + SIGNATURE_BYTES[key.kind] or not 0 < seconds <= SECONDS_MAX:
        raise ProofInvalid(f"the cosignature by {key.name} is not a time and a signature of its type.")
    try:
        if key.kind == ED25519:
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            Ed25519PublicKey.from_public_bytes(key.public).verify(data[TIME_BYTES:], message)
        else:
            _check_ml_dsa(key, _subtree_message(text, key.name, seconds), data[TIME_BYTES:])
    except (InvalidSignature, ValueError) as error:
        raise ProofInvalid(
            f"the cosignature by {key.name} does not fit the checkpoint: one of them was changed."
        ) from error
    return Cosignature(key.name, datetime.fromtimestamp(seconds, UTC), signature)


def _check_ml_dsa(key: WitnessKey, message: bytes, signature: bytes) -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError as error:
        raise ProofInvalid("ML-DSA-44 needs a newer version of the package cryptography.") from error
    MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)


def _subtree_message(text: str, cosigner: str, seconds: int) -> bytes:
    """`cosigned_message` of c2sp.org/tlog-cosignature, "ML-DSA-44 signed message", of a whole tree: start is 0."""
    checkpoint = parse_checkpoint(text)
    names = [cosigner.encode(), checkpoint.origin.encode()]
    if any(len(name) > NAME_BYTES_MAX for name in names):
        raise ProofInvalid(f"the name of a witness or ledger has more than {NAME_BYTES_MAX} bytes.")
    cosigner_name, origin = (bytes([len(name)]) + name for name in names)
    numbers = (seconds.to_bytes(8, "big"), (0).to_bytes(8, "big"), checkpoint.size.to_bytes(8, "big"))
    return LABEL + cosigner_name + numbers[0] + origin + numbers[1] + numbers[2] + checkpoint.root
