"""Checking a file that this or another ledger handed out: a statement, a `.tlog-proof` or a checkpoint.

Covers: telling which it is, and every check with its outcome. Not covered: what a statement says. The same checks
without this package: `verify/witting_verify.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from witting.errors import LedgerError, ProofInvalid
from witting.ledger import merkle
from witting.ledger.certificate import Check, read_statement, verify_statement
from witting.ledger.checkpoint import VerifierKey, open_checkpoint, parse_verifier_key
from witting.ledger.entry import Entry, parse_entry, parse_json
from witting.ledger.proof import TlogProof, parse_proof

FILE_BYTES_MAX = 32 << 20
PROOF_HEADER = "c2sp.org/tlog-proof@v1"


def verify_file(path: Path, *, verifier_key: str | None, old_checkpoint: str | None) -> list[Check]:
    """All checks of one file; it holds exactly if all are ok. A bad file is a failed check, not an error."""
    if path.stat().st_size > FILE_BYTES_MAX:
        return [
            Check("format", False, f"the file has more than {FILE_BYTES_MAX} bytes; no proof is so long.")
        ]
    data = path.read_bytes()
    if data.lstrip()[:1] == b"{":
        return _statement(data, verifier_key, old_checkpoint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [Check("format", False, "neither a statement, nor a proof, nor a checkpoint.")]
    if verifier_key is None:
        why = "a checkpoint or proof does not carry its key. Give --key, or --workspace for the ledger's own."
        return [Check("key", False, why)]
    if text.startswith(PROOF_HEADER):
        return _proof(text, verifier_key)
    return [_check("signature", lambda: _signed(text, parse_verifier_key(verifier_key)))]


def _statement(data: bytes, verifier_key: str | None, old_checkpoint: str | None) -> list[Check]:
    try:
        document = read_statement(data)
    except ProofInvalid as error:
        return [Check("format", False, str(error))]
    return verify_statement(document, verifier_key=verifier_key, old_checkpoint=old_checkpoint)


def _proof(text: str, verifier_key: str) -> list[Check]:
    opened: list[TlogProof] = []
    checks = [_check("format", lambda: _open(text, opened))]
    if opened:
        key, proof = parse_verifier_key(verifier_key), opened[0]
        checks.append(_check("signature", lambda: _signed(proof.checkpoint, key)))
        checks.append(_check("inclusion", lambda: _included(proof, key)))
    return checks


def _open(text: str, opened: list[TlogProof]) -> str:
    opened.append(parse_proof(text))
    return f"a proof for entry {opened[0].index}"


def _signed(note: str, key: VerifierKey) -> str:
    checkpoint = open_checkpoint(note, key)
    return f"the checkpoint over {checkpoint.size} entries is signed by {key}"


def _included(proof: TlogProof, key: VerifierKey) -> str:
    entry, checkpoint = _entry_of(proof), open_checkpoint(proof.checkpoint, key)
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


def _entry_of(proof: TlogProof) -> Entry:
    """The entry in the proof's extra line, beside the verifier key (docs/formats/checkpoint.md)."""
    try:
        extra = parse_json((proof.extra or b"").decode("utf-8"))
        return parse_entry(extra["entry"].encode("utf-8"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProofInvalid("the proof carries no entry; ask for one with `witting ledger proof`.") from error


def _check(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except LedgerError as error:
        return Check(name, False, str(error))
