"""Statements: an erasure certificate, a receipt, a release or an audit that anyone can check offline.

Covers: sealing a statement into the ledger, its document (`witting.statement/1`, docs/formats/certificate.md), and
checking such a document. Not covered: what a statement says (the rooms that make it), and whether what it says is
true: the proof shows who stated it, when, and that it was not changed since.

A document carries the statement, the exact bytes of the ledger entry that holds its hash, the entry's path to a signed
checkpoint, and proofs that this checkpoint continues the ledger's earlier ones. Every field is bound by one of them:
a document with any value changed, added or removed does not verify.

`verify/witting_verify.py` is a second, independent implementation of the same checks under the same names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid
from witting.ledger import merkle
from witting.ledger.checkpoint import (
    Checkpoint,
    VerifierKey,
    decode_base64,
    encode_base64,
    open_checkpoint,
    parse_verifier_key,
)
from witting.ledger.entry import Entry, canonical, check_kind, format_time, parse_entry, parse_json
from witting.ledger.log import Along, Ledger
from witting.ledger.proof import TlogProof, format_proof, parse_proof

FORMAT = "witting.statement/1"
STATEMENT_BYTES_MAX = 16 << 20
HISTORY_MAX = 16  # earlier checkpoints whose continuation a document proves
STATEMENT_KINDS = {  # the ledger entry that seals each kind, unless the caller names another
    "erasure": "erasure.completed",
    "release": "release.decided",
    "receipt": "receipt.issued",
    "audit": "audit.done",
    "assessment": "rights.assessment",
}
FIELDS: Mapping[str, type] = {
    "format": str,
    "kind": str,
    "body": dict,
    "body_sha256": str,
    "entry": int,
    "at": str,
    "entry_bytes": str,  # base64
    "proof": str,  # a .tlog-proof without extra line
    "history": list,  # [{"checkpoint": signed note, "hashes": [base64]}]
    "verifier_key": str,
}


@dataclass(frozen=True)
class Check:
    """One thing that was checked, whether it held, and in a sentence what was found."""

    name: str
    ok: bool
    detail: str


# -- sealing ----------------------------------------------------------------------------------------------------------


def seal_statement(
    ledger: Ledger,
    kind: str,
    body: Mapping[str, Any],
    *,
    now: datetime,
    entry_kind: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Appends the ledger entry that holds the statement's hash, and gives the whole document.

    `facts` are further fields of that entry, for projections (an erasure's subject, a release's corpus). Neither they
    nor `body` may name a person. One append and one signed checkpoint.
    """
    entry_kind, sealing = _sealing(kind, body, entry_kind=entry_kind, facts=facts)
    index = ledger.append(entry_kind, sealing, now=now)
    return reissue_statement(ledger, index, body, now=now)


def _sealing(
    kind: str, body: Mapping[str, Any], *, entry_kind: str | None, facts: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any]]:
    """Kind and body of the entry that seals a statement. Raises LedgerError."""
    if kind not in STATEMENT_KINDS:
        raise LedgerError(f"statements are of kind {', '.join(STATEMENT_KINDS)}; not {kind!r}.")
    if facts and "statement" in facts:
        raise LedgerError(
            "the facts of a statement's entry may not hold a field named statement; it is the hash's."
        )
    entry_kind = entry_kind or STATEMENT_KINDS[kind]
    check_kind(entry_kind)
    data = canonical(dict(body), what=f"the {kind} statement")
    if len(data) > STATEMENT_BYTES_MAX:
        raise LedgerError(
            f"the {kind} statement has {len(data)} bytes; at most {STATEMENT_BYTES_MAX} are allowed."
        )
    return entry_kind, dict(facts or {}) | {"statement": _commitment(kind, hashlib.sha256(data).hexdigest())}


def seal_all(
    ledger: Ledger,
    kind: str,
    statements: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    *,
    now: datetime,
    along: Along | None = None,
) -> list[int]:
    """As `seal_statement`, of many (body, facts) in one append; gives the entries, whose documents `issue_all` makes. `along`
    is as for `Ledger.append_many`."""
    sealing = [_sealing(kind, body, entry_kind=None, facts=facts) for body, facts in statements]
    return ledger.append_many(sealing, now=now, along=along)


def issue_all(
    ledger: Ledger, sealed: Iterable[tuple[int, Mapping[str, Any]]], *, note: str
) -> Iterator[dict[str, Any]]:
    """The documents of (entry, body) pairs, all under this checkpoint. Appends nothing; LedgerError as for one."""
    top = _top(ledger, note)
    for index, body in sealed:
        yield _reissued(ledger, index, body, top)


def reissue_statement(
    ledger: Ledger, index: int, body: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """The document of a statement that ledger entry `index` seals, under a checkpoint of now: after a crash between
    the append and the writing of the file, or for a reader whose kept checkpoint is newer. Appends nothing."""
    return _reissued(ledger, index, body, _top(ledger, ledger.checkpoint(now=now)))


def _reissued(ledger: Ledger, index: int, body: Mapping[str, Any], top: _Top) -> dict[str, Any]:
    entry = ledger.entry(index)
    digest = hashlib.sha256(canonical(dict(body), what="the statement")).hexdigest()
    sealed = entry.body.get("statement")
    if not isinstance(sealed, dict) or sealed != _commitment(str(sealed.get("kind")), digest):
        raise LedgerError(
            f"ledger entry {index} does not seal this statement; pass the body as it was sealed."
        )
    written = parse_json(
        json.dumps(dict(body))
    )  # as the file will have it, in the caller's order, which reads better
    return _document(ledger, entry, sealed["kind"], written, digest, top)


def seal_once(
    ledger: Ledger, kind: str, body: Mapping[str, Any], *, now: datetime, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """As `seal_statement`; where an entry already seals exactly this body (a crash came before its file was written),
    that entry's document again, and nothing is appended."""
    wanted = commitment(kind, body)
    for entry in ledger.entries(kind=STATEMENT_KINDS[kind]):
        if entry.body.get("statement") == wanted:
            return reissue_statement(ledger, entry.index, body, now=now)
    return seal_statement(ledger, kind, body, now=now, facts=facts)


def commitment(kind: str, body: Mapping[str, Any]) -> dict[str, str]:
    """What the entry that seals this statement holds under `statement`."""
    return _commitment(kind, hashlib.sha256(canonical(dict(body), what=f"the {kind} statement")).hexdigest())


def _commitment(kind: str, digest: str) -> dict[str, str]:
    return {"format": FORMAT, "kind": kind, "body_sha256": digest}


@dataclass(frozen=True)
class _Top:
    """What documents are proven against: a signed checkpoint, and how it continues the ones before it."""

    note: str
    size: int
    history: tuple[dict[str, Any], ...]


def _top(ledger: Ledger, note: str) -> _Top:
    size = open_checkpoint(note, ledger.verifier_key).size
    others = [other for other in ledger.checkpoints(newest=HISTORY_MAX + 1) if other != note][:HISTORY_MAX]
    return _Top(note, size, tuple(_continuation(ledger, other, size) for other in others))


def _document(
    ledger: Ledger, entry: Entry, kind: str, body: dict[str, Any], digest: str, top: _Top
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": kind,
        "body": body,
        "body_sha256": digest,
        "entry": entry.index,
        "at": format_time(entry.at),
        "entry_bytes": encode_base64(entry.bytes),
        "proof": format_proof(entry.index, ledger.inclusion_proof(entry.index, top.size), top.note),
        "history": list(top.history),
        "verifier_key": str(ledger.verifier_key),
    }


def _continuation(ledger: Ledger, note: str, size: int) -> dict[str, Any]:
    other = open_checkpoint(note, ledger.verifier_key).size
    hashes = ledger.consistency_proof(min(other, size), max(other, size))
    return {"checkpoint": note, "hashes": [encode_base64(hashed) for hashed in hashes]}


def with_continuation(ledger: Ledger, document: Mapping[str, Any], old_checkpoint: str) -> dict[str, Any]:
    """The document with a proof for somebody who kept `old_checkpoint`, older or newer than the document's own."""
    ledger.compare(old_checkpoint)
    size = open_checkpoint(parse_proof(document["proof"]).checkpoint, ledger.verifier_key).size
    added = _continuation(ledger, old_checkpoint, size)
    history = [known for known in document["history"] if known != added]
    return dict(document) | {"history": [added, *history][:HISTORY_MAX]}


def statement_text(document: Mapping[str, Any]) -> str:
    """The document as the file to hand out: indented UTF-8 JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


# -- checking ---------------------------------------------------------------------------------------------------------


def read_statement(data: bytes) -> dict[str, Any]:
    """A document from a file's bytes, or ProofInvalid. Refuses names that occur twice: two readers could see two
    different statements."""
    if len(data) > STATEMENT_BYTES_MAX * 2:
        raise ProofInvalid(
            f"the statement file has {len(data)} bytes; at most {STATEMENT_BYTES_MAX * 2} are read."
        )
    try:
        document = parse_json(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProofInvalid(
            "the file is not JSON in UTF-8 with every name once; it was cut or changed."
        ) from error
    if not isinstance(document, dict):
        raise ProofInvalid("the file is not a statement: a JSON object was expected.")
    return document


@dataclass(frozen=True)
class _Opened:
    """A document's parts, read but not yet believed."""

    document: Mapping[str, Any]
    entry: Entry
    proof: TlogProof
    key: VerifierKey


def verify_statement(
    document: Mapping[str, Any], *, verifier_key: str | None = None, old_checkpoint: str | None = None
) -> list[Check]:
    """Every check with its outcome; the statement holds exactly if all are ok. Raises nothing for a bad document.

    Without `verifier_key` the key in the document is used: that proves the document whole, not who made it.
    """
    opened: list[_Opened] = []
    checks = [_check("format", lambda: _check_format(document, opened))]
    if not opened:
        return checks
    parts = opened[0]
    checks += [
        _check("key", lambda: compare_key(parts.key, verifier_key)),
        _check("statement", lambda: _check_statement(parts)),
        _check("signature", lambda: _check_signature(parts)),
        _check("inclusion", lambda: _check_inclusion(parts)),
        _check("history", lambda: _check_history(parts)),
    ]
    if old_checkpoint is not None:
        checks.append(_check("kept checkpoint", lambda: _check_kept(parts, old_checkpoint)))
    return checks


def _check(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except (ProofInvalid, LedgerDamaged) as error:
        return Check(name, False, str(error))


def _check_format(document: Mapping[str, Any], opened: list[_Opened]) -> str:
    if document.get("format") != FORMAT:
        raise ProofInvalid(f"not a statement in the format {FORMAT}.")
    if document.keys() != FIELDS.keys():
        raise ProofInvalid(f"a statement has exactly the fields {', '.join(FIELDS)}.")
    wrong = [name for name, kind in FIELDS.items() if type(document[name]) is not kind]
    if wrong:
        raise ProofInvalid(f"the fields {', '.join(wrong)} are not of the type that the format gives them.")
    if document["kind"] not in STATEMENT_KINDS:
        raise ProofInvalid(f"a statement is of kind {', '.join(STATEMENT_KINDS)}; this one is of another.")
    proof = parse_proof(document["proof"])
    if (
        proof.extra is not None
        or format_proof(proof.index, proof.hashes, proof.checkpoint) != document["proof"]
    ):
        raise ProofInvalid("the proof inside the statement is not spelt as the format demands.")
    entry = parse_entry(decode_base64(document["entry_bytes"]))
    key = parse_verifier_key(document["verifier_key"])
    if str(key) != document["verifier_key"]:
        raise ProofInvalid("the verifier key inside the statement is not in its canonical spelling.")
    opened.append(_Opened(document, entry, proof, key))
    return f"{FORMAT}, {document['kind']}, with all its parts"


def compare_key(key: VerifierKey, expected: str | None) -> str:
    """What to say of the key that came with a file; ProofInvalid if another was expected."""
    if expected is None:
        return f"not compared: {key} came with the file; compare it with one you got elsewhere"
    if parse_verifier_key(expected) != key:
        raise ProofInvalid(f"signed by {key}, not by the expected {expected.strip()}.")
    return f"{key} is the expected one"


def _check_statement(parts: _Opened) -> str:
    document, entry = parts.document, parts.entry
    try:
        digest = hashlib.sha256(canonical(document["body"], what="the statement's body")).hexdigest()
    except LedgerError as error:
        raise ProofInvalid(str(error)) from error
    if digest != document["body_sha256"]:
        raise ProofInvalid(
            "the statement's text does not have the hash it names: it was changed after sealing."
        )
    if entry.body.get("statement") != _commitment(document["kind"], digest):
        raise ProofInvalid("the ledger entry seals another statement than this one.")
    if (document["entry"], document["at"]) != (entry.index, format_time(entry.at)):
        raise ProofInvalid("the statement names another entry or time than the ledger entry it carries.")
    return f"its hash {digest} is sealed in ledger entry {entry.index} ({entry.kind}) of {document['at']}"


def _check_signature(parts: _Opened) -> str:
    checkpoint = open_checkpoint(parts.proof.checkpoint, parts.key)
    return f"the checkpoint over {checkpoint.size} entries is signed by {parts.key}"


def _check_inclusion(parts: _Opened) -> str:
    checkpoint = open_checkpoint(parts.proof.checkpoint, parts.key)
    if parts.proof.index != parts.entry.index:
        raise ProofInvalid("the proof is about another ledger entry than the one the statement carries.")
    merkle.verify_inclusion(
        merkle.leaf_hash(parts.entry.bytes),
        index=parts.proof.index,
        size=checkpoint.size,
        proof=parts.proof.hashes,
        root=checkpoint.root,
    )
    return f"entry {parts.entry.index} is in the tree of {checkpoint.size} entries with root {checkpoint.root.hex()}"


def _check_history(parts: _Opened) -> str:
    own = open_checkpoint(parts.proof.checkpoint, parts.key)
    history = parts.document["history"]
    if len(history) > HISTORY_MAX:
        raise ProofInvalid(
            f"a statement proves at most {HISTORY_MAX} other checkpoints; this one has {len(history)}."
        )
    others = [_verified_continuation(item, own, parts.key) for item in history]
    if not others:
        return "no other checkpoint came with the statement"
    return f"consistent with {len(others)} other signed checkpoints, over {', '.join(str(o.size) for o in others)} entries"


def _verified_continuation(
    item: Any, own: Checkpoint, key: VerifierKey
) -> Checkpoint:  # Any: JSON from outside
    if not isinstance(item, dict) or item.keys() != {"checkpoint", "hashes"}:
        raise ProofInvalid("the statement's history has an item that is not a checkpoint with its hashes.")
    note, hashes = item["checkpoint"], item["hashes"]
    if (
        not isinstance(note, str)
        or not isinstance(hashes, list)
        or not all(isinstance(h, str) for h in hashes)
    ):
        raise ProofInvalid("the statement's history has an item whose parts are of another type.")
    other = open_checkpoint(note, key)
    _verify_order(other, own, [decode_base64(hashed) for hashed in hashes])
    return other


def _verify_order(one: Checkpoint, two: Checkpoint, proof: list[bytes]) -> None:
    older, newer = sorted((one, two), key=lambda checkpoint: checkpoint.size)
    merkle.verify_consistency(
        old=older.size, new=newer.size, proof=proof, old_root=older.root, new_root=newer.root
    )


def _check_kept(parts: _Opened, old_checkpoint: str) -> str:
    own = open_checkpoint(parts.proof.checkpoint, parts.key)
    kept = open_checkpoint(old_checkpoint, parts.key)
    if kept.size in (0, own.size):
        _verify_order(kept, own, [])
        return f"the kept checkpoint over {kept.size} entries is the beginning of this ledger"
    for item in parts.document["history"]:
        other = _verified_continuation(item, own, parts.key)
        if other.size == kept.size:
            if other.root != kept.root:
                raise ProofInvalid(
                    f"fork: two different trees of {kept.size} entries were signed, one you kept and one shown here."
                )
            return f"the kept checkpoint over {kept.size} entries is consistent with this one over {own.size}"
    raise ProofInvalid(
        f"the statement has no proof for the kept checkpoint over {kept.size} entries. Ask for the statement with one "
        "(witting ledger proof), or check the ledger file itself."
    )
