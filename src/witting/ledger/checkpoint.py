"""Checkpoints: the size and root of the ledger, signed, as a text a person can read.

Covers: C2SP signed notes with Ed25519 (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint), and verifier
keys in the `name+id+key` spelling of Go's sumdb/note.
Not covered: witnesses' cosignatures (`cosign.py`): here their lines are allowed and ignored, as of all unknown keys.

A signature proves that the holder of the key signed this root. It cannot show that no other root was signed for
somebody else: only a checkpoint kept outside can (`Ledger.compare`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from witting.errors import ProofInvalid, UsageError
from witting.ledger.merkle import HASH_BYTES

NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
ED25519 = b"\x01"  # c2sp.org/signed-note, "Signature types"
DASH = "\u2014 "
NAME = re.compile(r"[^\s+]+")  # non-empty, no Unicode spaces, no plus
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
SIGNATURE_LINE = re.compile(rf"{DASH}([^\s+]+) ([A-Za-z0-9+/=]+)")


@dataclass(frozen=True)
class VerifierKey:
    """Who signs: a name and an Ed25519 public key, spelt `name+id+key` so that it can be passed on as one word."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes: key ID = SHA-256(name || 0x0A || 0x01 || public key)[:4] (c2sp.org/signed-note)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode_base64(ED25519 + self.public)}"


@dataclass(frozen=True)
class Signature:
    """A signature line of a note, read and not yet believed; `str()` is the line."""

    name: str
    key_id: bytes
    data: bytes

    def __str__(self) -> str:
        return f"{DASH}{self.name} {encode_base64(self.key_id + self.data)}\n"


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text: origin, size and root on three lines (c2sp.org/tlog-checkpoint, "Note text")."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


def verifier_key(signer: Ed25519PrivateKey, *, name: str) -> VerifierKey:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"the ledger's origin {name!r} is empty or has spaces or a plus; use e.g. example.com/witting."
        )
    return VerifierKey(name, signer.public_key().public_bytes_raw())


def parse_verifier_key(text: str) -> VerifierKey:
    """Reads `name+id+key`; ProofInvalid if it is not an Ed25519 verifier key or its parts disagree."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode_base64(encoded)
    if not NAME.fullmatch(name) or len(material) != 1 + HASH_BYTES or material[:1] != ED25519:
        raise ProofInvalid(
            "a verifier key is spelt name+id+key and holds an Ed25519 public key; this one does not."
        )
    key = VerifierKey(name, material[1:])
    if key.id.hex() != key_id:
        raise ProofInvalid(
            f"the verifier key named {name} does not match its own id; it was mistyped or changed."
        )
    return key


def sign_note(text: str, *, name: str, signer: Ed25519PrivateKey) -> str:
    """The text with a signature line below it. The text must end in a newline and hold no other control characters."""
    key = verifier_key(signer, name=name)
    _check_text(text)
    return f"{text}\n{Signature(name, key.id, signer.sign(text.encode()))}"


def open_note(note: str, key: VerifierKey) -> str:
    """The text of a note that `key` signed, or ProofInvalid. Signatures of other keys are ignored."""
    text, signatures = parse_note(note)
    ours = [one.data for one in signatures if (one.name, one.key_id) == (key.name, key.id)]
    if not ours:
        raise ProofInvalid(f"the note is not signed by {key}.")
    for signature in ours:
        _check_signature(key, text, signature)
    return text


def parse_note(note: str) -> tuple[str, list[Signature]]:
    """The text of a note and its signature lines, none of them checked; ProofInvalid if it is not a note."""
    if len(note.encode("utf-8", "surrogatepass")) > NOTE_BYTES_MAX:
        raise ProofInvalid(f"a signed note may have {NOTE_BYTES_MAX} bytes; this one has more.")
    above, separator, below = note.rpartition("\n\n")
    text = above + "\n"
    if not separator or not below.endswith("\n"):
        raise ProofInvalid("not a signed note: a text, an empty line, then signature lines were expected.")
    _check_text(text)
    return text, parse_signatures(below)


def parse_signatures(lines: str) -> list[Signature]:
    """Signature lines, each with its newline, none of them checked; ProofInvalid if one is malformed."""
    if not lines.endswith("\n"):
        raise ProofInvalid("a signature line of the note is malformed.")
    signatures = [_parse_signature(line) for line in lines[:-1].split("\n")[: SIGNATURES_MAX + 1]]
    if len(signatures) > SIGNATURES_MAX:
        raise ProofInvalid(f"a signed note may carry {SIGNATURES_MAX} signatures; this one has more.")
    return signatures


def parse_checkpoint(text: str) -> Checkpoint:
    """Reads a note's text as a checkpoint; extension lines are allowed and not kept."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]) or not DECIMAL.fullmatch(lines[1]):
        raise ProofInvalid(
            "not a checkpoint: an origin, a tree size and a root hash were expected, a line each."
        )
    root = decode_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise ProofInvalid(f"the checkpoint's root hash does not have {HASH_BYTES} bytes.")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign_checkpoint(checkpoint: Checkpoint, signer: Ed25519PrivateKey) -> str:
    """Signed under the origin as key name."""
    return sign_note(checkpoint.text(), name=checkpoint.origin, signer=signer)


def open_checkpoint(note: str, key: VerifierKey) -> Checkpoint:
    """The checkpoint that `key` signed under its own name, or ProofInvalid."""
    checkpoint = parse_checkpoint(open_note(note, key))
    if checkpoint.origin != key.name:
        raise ProofInvalid(f"a checkpoint of {checkpoint.origin} was signed by the key of {key.name}.")
    return checkpoint


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical spelling, or ProofInvalid: no bit of a proof is free."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ProofInvalid("a part of the proof is not base64.") from error
    if encode_base64(data) != text:
        raise ProofInvalid("a part of the proof is not base64 in its canonical spelling.")
    return data


def _check_text(text: str) -> None:
    if not text.endswith("\n") or any(ord(char) < 0x20 and char != "\n" for char in text):
        raise ProofInvalid("a note's text ends in a newline and holds no other control characters.")
    if any(0xD800 <= ord(char) < 0xE000 for char in text):
        raise ProofInvalid("a note's text is not valid UTF-8.")


def _parse_signature(line: str) -> Signature:
    found = SIGNATURE_LINE.fullmatch(line)
    if not found:
        raise ProofInvalid("a signature line of the note is malformed.")
    data = decode_base64(found[2])
    if len(data) <= 4:
        raise ProofInvalid("a signature of the note is too short.")
    return Signature(found[1], data[:4], data[4:])


def _check_signature(key: VerifierKey, text: str, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise ProofInvalid(
            f"the signature by {key.name} does not fit the note: one of them was changed."
        ) from error
