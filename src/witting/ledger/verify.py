"""Checking a file that this or another ledger handed out: a statement, a `.tlog-proof` or a checkpoint.

Covers: telling which it is, and every check with its outcome, under the names that `verify/witting_verify.py` uses, which
does the same without this package. Not covered: what a statement says; a whole ledger (`Ledger.verify`, or that script).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid
from witting.ledger import merkle
from witting.ledger.certificate import Check, read_statement, verify_statement
from witting.ledger.checkpoint import VerifierKey, open_checkpoint, parse_verifier_key
from witting.ledger.cosign import parse_witness_key, read_cosignature
from witting.ledger.entry import Entry, canonical, format_time, parse_entry, parse_json
from witting.ledger.opening import check_opening
from witting.ledger.proof import HEADER, TlogProof, parse_proof

FILE_BYTES_MAX = 32 << 20
KEY_FILE = "ledger.vkey"  # looked for beside a checkpoint, which carries no key itself
KEY_BYTES_MAX = 1 << 20
SIGNED = "\n\n\u2014 "  # what every signed note has somewhere: a signature below its text
UNKNOWN = "this is no certificate, receipt, checkpoint or proof."
SQLITE_HEADER = b"SQLite format 3\x00"


def verify_file(
    path: Path,
    *,
    verifier_key: str | None,
    old_checkpoint: str | None,
    witnesses: Sequence[str] = (),
    opening: bytes | None = None,
) -> list[Check]:
    """All checks of one file; it holds exactly if all are ok. A bad file or key is a failed check, not an error.

    Without `verifier_key` the key that comes with the file is used: that proves the file whole, not who made it. Each of the
    `witnesses`, given by their keys, must have cosigned the file's checkpoint. `opening` is a file of opened evidence, which
    only a receipt can be held against.
    """
    if path.stat().st_size > FILE_BYTES_MAX:
        return [_failed(f"the file has more than {FILE_BYTES_MAX} bytes; nothing of ours is so large.")]
    data = path.read_bytes()
    if data.startswith(SQLITE_HEADER):
        return [_failed("this is a whole ledger; check it with verify/witting_verify.py.")]
    if data.lstrip()[:1] == b"{":
        return _statement(data, verifier_key, old_checkpoint, witnesses, opening)
    if opening is not None:
        return [_failed("this is no receipt, so there is no evidence to hold against it.")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [_failed(UNKNOWN)]
    if text.startswith(HEADER):
        return _proof(text, verifier_key, old_checkpoint, witnesses)
    if SIGNED not in text:
        return [_failed(UNKNOWN)]
    return _checkpoint(text, verifier_key, _key_beside(path), old_checkpoint) + _cosigned(text, witnesses)


def _failed(why: str) -> Check:
    return Check("format", False, why)


def _statement(
    data: bytes, expected: str | None, kept: str | None, witnesses: Sequence[str], opening: bytes | None
) -> list[Check]:
    try:
        document = read_statement(data)
    except ProofInvalid as error:
        return [_failed(str(error))]
    checks = verify_statement(document, verifier_key=expected, old_checkpoint=kept)
    if not checks[0].ok:
        return checks
    checks += _cosigned(parse_proof(document["proof"]).checkpoint, witnesses)
    if opening is not None:
        checks.append(_check("evidence", lambda: check_opening(document["body"], opening)))
    return checks


# -- a proof ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Opened:
    """A proof's parts, read but not yet believed."""

    proof: TlogProof
    entry: Entry
    key: VerifierKey


def _proof(text: str, expected: str | None, kept: str | None, witnesses: Sequence[str]) -> list[Check]:
    opened: list[_Opened] = []
    checks = [_check("format", lambda: _open(text, opened))]
    if not opened:
        return checks
    proof, key = opened[0].proof, opened[0].key
    checks += [
        _check("key", lambda: _compared(key, expected)),
        _check("signature", lambda: _signed(proof.checkpoint, key)),
        _check("inclusion", lambda: _included(opened[0])),
    ]
    return checks + _kept(proof.checkpoint, kept, key) + _cosigned(proof.checkpoint, witnesses)


def _open(text: str, opened: list[_Opened]) -> str:
    """The entry and the key are in the proof's extra line (docs/formats/checkpoint.md)."""
    proof = parse_proof(text)
    if proof.extra is None:
        raise ProofInvalid("the proof carries no entry; ask for one with `witting ledger proof`.")
    try:
        extra = parse_json(proof.extra.decode("utf-8"))
        spelt = canonical(extra, what="the extra line")
    except (ValueError, RecursionError, LedgerError) as error:
        raise ProofInvalid("the proof's extra line is not JSON with every name once.") from error
    if not isinstance(extra, dict) or extra.keys() != {"entry", "verifier_key"} or spelt != proof.extra:
        raise ProofInvalid("the proof's extra line is not an entry and a verifier key in canonical JSON.")
    if not all(isinstance(part, str) for part in extra.values()):
        raise ProofInvalid("the proof's extra line has a part of another type.")
    entry = parse_entry(extra["entry"].encode("utf-8", "surrogatepass"))
    key = parse_verifier_key(extra["verifier_key"])
    if str(key) != extra["verifier_key"]:
        raise ProofInvalid("the verifier key in the proof is not in its canonical spelling.")
    opened.append(_Opened(proof, entry, key))
    return f"a proof of ledger entry {entry.index} ({entry.kind}) of {format_time(entry.at)}"


def _included(opened: _Opened) -> str:
    proof, entry = opened.proof, opened.entry
    checkpoint = open_checkpoint(proof.checkpoint, opened.key)
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


# -- a checkpoint -----------------------------------------------------------------------------------------------------


def _checkpoint(note: str, expected: str | None, beside: str | None, kept: str | None) -> list[Check]:
    named = expected or beside
    if named is None:
        why = f"a checkpoint carries no key. Give --key, put it beside as {KEY_FILE}, or name the ledger's --workspace."
        return [Check("key", False, why)]
    opened: list[VerifierKey] = []
    checks = [_check("key", lambda: _open_key(named, expected, opened))]
    if opened:
        checks.append(_check("signature", lambda: _signed(note, opened[0])))
        checks += _kept(note, kept, opened[0])
    return checks


def _key_beside(path: Path) -> str | None:
    beside = path.with_name(KEY_FILE)
    return beside.read_bytes()[:KEY_BYTES_MAX].decode("utf-8", "replace") if beside.is_file() else None


def _open_key(named: str, expected: str | None, opened: list[VerifierKey]) -> str:
    opened.append(parse_verifier_key(named))
    return _compared(opened[0], expected)


# -- both -------------------------------------------------------------------------------------------------------------


def _compared(key: VerifierKey, expected: str | None) -> str:
    if expected is None:
        return f"not compared: {key} came with the file; compare it with one you got elsewhere"
    if parse_verifier_key(expected) != key:
        raise ProofInvalid(f"it is signed by {key}, not by the expected {expected.strip()}.")
    return f"{key} is the expected one"


def _signed(note: str, key: VerifierKey) -> str:
    checkpoint = open_checkpoint(note, key)
    return f"the checkpoint over {checkpoint.size} entries is signed by {key}"


def _kept(note: str, kept: str | None, key: VerifierKey) -> list[Check]:
    return [] if kept is None else [_check("kept checkpoint", lambda: _same(note, kept, key))]


def _same(note: str, kept_note: str, key: VerifierKey) -> str:
    """Neither a proof nor a checkpoint carries a consistency proof, so only the same size can be compared."""
    own, kept = open_checkpoint(note, key), open_checkpoint(kept_note, key)
    if kept.size not in (0, own.size):
        raise ProofInvalid(
            f"the file has no proof between the kept checkpoint over {kept.size} entries and its own over {own.size}. "
            "Check the ledger itself, or a statement."
        )
    merkle.verify_consistency(old=kept.size, new=own.size, proof=[], old_root=kept.root, new_root=own.root)
    return f"the kept checkpoint over {kept.size} entries agrees with this one"


def _cosigned(note: str, witnesses: Sequence[str]) -> list[Check]:
    return [_check("witness", lambda key=key: _cosigned_by(note, key)) for key in witnesses]


def _cosigned_by(note: str, spelt: str) -> str:
    key = parse_witness_key(spelt)
    found = read_cosignature(note, key)
    if found is None:
        raise ProofInvalid(f"{key.name} did not cosign the checkpoint with the key {key.id.hex()}.")
    return (
        f"{key.name} saw the checkpoint at {found.at:%Y-%m-%dT%H:%M:%SZ}, and none that contradicts it before"
    )


def _check(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except (ProofInvalid, LedgerDamaged) as error:
        return Check(name, False, str(error))
