"""Checking a file that this or another ledger handed out: a statement, a `.tlog-proof` or a checkpoint.

Covers: telling which it is, and every check with its outcome. Not covered: what a statement says. The same checks
without this package: `verify/witting_verify.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from witting.errors import LedgerError, ProofInvalid
from witting.ledger import merkle
from witting.ledger.certificate import Check, compare_key, read_statement, verify_statement
from witting.ledger.checkpoint import VerifierKey, open_checkpoint, parse_verifier_key
from witting.ledger.entry import Entry, canonical, format_time, parse_entry, parse_json
from witting.ledger.proof import TlogProof, parse_proof

FILE_BYTES_MAX = 32 << 20
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class _Proven:
    """A `.tlog-proof` with what its extra line carries, read but not yet believed."""

    proof: TlogProof
    entry: Entry
    key: VerifierKey


def verify_file(path: Path, *, verifier_key: str | None, old_checkpoint: str | None) -> list[Check]:
    """All checks of one file; it holds exactly if all are ok. A bad file is a failed check, not an error."""
    if path.stat().st_size > FILE_BYTES_MAX:
        return [
            Check("format", False, f"the file has more than {FILE_BYTES_MAX} bytes; no proof is so long.")
        ]
    data = path.read_bytes()
    if data.lstrip()[:1] in (b"{", b"["):
        return _statement(data, verifier_key, old_checkpoint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [Check("format", False, "neither a statement, nor a proof, nor a checkpoint.")]
    if text.startswith(PROOF_HEADER):
        return _proof(text, verifier_key, old_checkpoint)
    return _checkpoint(text, verifier_key, old_checkpoint)


def _statement(data: bytes, verifier_key: str | None, old_checkpoint: str | None) -> list[Check]:
    try:
        document = read_statement(data)
    except ProofInvalid as error:
        return [Check("format", False, str(error))]
    return verify_statement(document, verifier_key=verifier_key, old_checkpoint=old_checkpoint)


def _proof(text: str, expected: str | None, kept: str | None) -> list[Check]:
    opened: list[_Proven] = []
    checks = [_check("format", lambda: _open(text, opened))]
    if opened:
        proven = opened[0]
        note, key = proven.proof.checkpoint, proven.key
        checks.append(_check("key", lambda: compare_key(key, expected)))
        checks.append(_check("signature", lambda: _signed(note, key)))
        checks.append(_check("inclusion", lambda: _included(proven)))
        checks += _kept(note, kept, key)
    return checks


def _checkpoint(note: str, expected: str | None, kept: str | None) -> list[Check]:
    if expected is None:
        why = "a checkpoint does not carry its key. Give --key, or --workspace for the ledger's own."
        return [Check("key", False, why)]
    opened: list[VerifierKey] = []
    checks = [_check("key", lambda: _open_key(expected, opened))]
    if opened:
        checks.append(_check("signature", lambda: _signed(note, opened[0])))
        checks += _kept(note, kept, opened[0])
    return checks


def _open_key(text: str, opened: list[VerifierKey]) -> str:
    opened.append(parse_verifier_key(text))
    return f"{opened[0]} is the expected one"


def _open(text: str, opened: list[_Proven]) -> str:
    """Reads the entry and the key from the proof's extra line (docs/formats/checkpoint.md)."""
    proof = parse_proof(text)
    try:
        extra = parse_json((proof.extra or b"").decode("utf-8"))
        entry, key = parse_entry(extra["entry"].encode("utf-8")), parse_verifier_key(extra["verifier_key"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ProofInvalid("the proof carries no entry; ask for one with `witting ledger proof`.") from error
    if canonical({"entry": entry.bytes.decode(), "verifier_key": str(key)}, what="extra line") != proof.extra:
        raise ProofInvalid("the proof's extra line is not an entry and a verifier key in canonical JSON.")
    opened.append(_Proven(proof, entry, key))
    return f"a proof of ledger entry {entry.index} ({entry.kind}) of {format_time(entry.at)}"


def _signed(note: str, key: VerifierKey) -> str:
    checkpoint = open_checkpoint(note, key)
    return f"the checkpoint over {checkpoint.size} entries is signed by {key}"


def _included(proven: _Proven) -> str:
    entry, proof = proven.entry, proven.proof
    checkpoint = open_checkpoint(proof.checkpoint, proven.key)
    if entry.index != proof.index:
        raise ProofInvalid("the proof is about another ledger entry than the one it carries.")
    merkle.verify_inclusion(
        merkle.leaf_hash(entry.bytes),
        index=proof.index,
        size=checkpoint.size,
        proof=proof.hashes,
        root=checkpoint.root,
    )
    return f"entry {entry.index} ({entry.kind}) is in the tree with root {checkpoint.root.hex()}"


def _kept(note: str, kept: str | None, key: VerifierKey) -> list[Check]:
    return [] if kept is None else [_check("kept checkpoint", lambda: _same(note, kept, key))]


def _same(note: str, kept_note: str, key: VerifierKey) -> str:
    """These files carry no consistency proof, so only a checkpoint of the same size, or of nothing, can be compared."""
    own, kept = open_checkpoint(note, key), open_checkpoint(kept_note, key)
    if kept.size not in (0, own.size):
        raise ProofInvalid(
            f"the file has no proof between the kept checkpoint over {kept.size} entries and its own over "
            f"{own.size}. Check a statement, or the ledger file with verify/witting_verify.py."
        )
    merkle.verify_consistency(old=kept.size, new=own.size, proof=[], old_root=kept.root, new_root=own.root)
    return f"the kept checkpoint over {kept.size} entries agrees with this one"


def _check(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except LedgerError as error:
        return Check(name, False, str(error))
