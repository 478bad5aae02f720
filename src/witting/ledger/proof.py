"""`.tlog-proof` files: an entry's place in the tree, its path to the root, and the signed checkpoint, as one text.

Covers: writing and reading c2sp.org/tlog-proof@v1. Not covered: verifying one (`merkle.verify_inclusion` with the
entry's bytes, `checkpoint.open_checkpoint` with the signer's key).

The `extra` line is ours to fill and authenticates nothing by itself. We put the entry's bytes and the verifier key
there as canonical JSON, `{"entry": TEXT, "verifier_key": TEXT}`, so that the file can be checked alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from witting.errors import ProofInvalid
from witting.ledger.checkpoint import DECIMAL, decode_base64, encode_base64
from witting.ledger.merkle import HASH_BYTES, PROOF_HASHES_MAX

HEADER = "c2sp.org/tlog-proof@v1"
PROOF_BYTES_MAX = 2 << 20


@dataclass(frozen=True)
class TlogProof:
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str  # the signed note, verbatim
    extra: bytes | None = None


def format_proof(index: int, hashes: Sequence[bytes], checkpoint: str, *, extra: bytes | None = None) -> str:
    lines = [HEADER]
    if extra is not None:
        lines.append(f"extra {encode_base64(extra)}")
    lines.append(f"index {index}")
    lines += [encode_base64(hashed) for hashed in hashes]
    return "\n".join(lines) + "\n\n" + checkpoint


def parse_proof(text: str) -> TlogProof:
    """Reads a `.tlog-proof`, or ProofInvalid. The checkpoint inside is not opened here."""
    if len(text) > PROOF_BYTES_MAX:
        raise ProofInvalid(f"a .tlog-proof may have {PROOF_BYTES_MAX} characters; this one has {len(text)}.")
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != HEADER:
        raise ProofInvalid(
            f"not a .tlog-proof: its first line must be {HEADER}, an empty line must end its path."
        )
    extra = decode_base64(lines.pop(1)[6:]) if lines[1:] and lines[1].startswith("extra ") else None
    index = lines[1][6:] if lines[1:] and lines[1].startswith("index ") else ""
    if not DECIMAL.fullmatch(index):
        raise ProofInvalid(
            "the .tlog-proof does not name the entry: an `index` line with a number was expected."
        )
    return TlogProof(int(index), _parse_hashes(lines[2:]), checkpoint, extra)


def _parse_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > PROOF_HASHES_MAX:
        raise ProofInvalid(
            f"the .tlog-proof has {len(lines)} hashes; at most {PROOF_HASHES_MAX} are possible."
        )
    hashes = tuple(decode_base64(line) for line in lines)
    if any(len(hashed) != HASH_BYTES for hashed in hashes):
        raise ProofInvalid(f"a hash in the .tlog-proof does not have {HASH_BYTES} bytes.")
    return hashes
