#!/usr/bin/env python3
"""Checks what Witting hands out, without Witting: certificates, receipts, releases, audits, checkpoints, proofs.

    python witting_verify.py FILE... [--checkpoint OLD] [--key KEY] [--witness KEY]... [--evidence OPENED] [--json]

FILE is a statement (JSON, `witting.statement/1`), a signed checkpoint, a `.tlog-proof`, or a ledger (`witting.db`).
Several FILEs are checked one by one, each against the same OLD, KEY and witnesses.
OLD is a checkpoint you kept from earlier: with it, a ledger that was cut, rolled back or rewritten is found out.
KEY is the signer's verifier key (`name+id+key`) or a file that holds it, got from somewhere else than FILE.
--witness is the key of somebody outside (or a file that holds it) who must have cosigned the checkpoint (c2sp.org/tlog-cosignature).
OPENED is the evidence file that came with a receipt, for one FILE: with it, the receipt's commitment is opened and compared.
Exit status: 0 every check of every file held, 1 one did not, 2 wrong usage.

Needs Python 3.11 or newer and `cryptography` (for Ed25519); it imports nothing of Witting, on purpose.

Covered: the statement's hash lies in a ledger entry; the entry lies in the Merkle tree (RFC 9162); the tree's root is
signed (C2SP signed note, Ed25519); that root continues the roots you and the file know from earlier.
Not covered: whether what was stated is true, whether copies exist elsewhere, and, without KEY, who signed.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FILE_BYTES_MAX = 32 << 20
NOTE_BYTES_MAX = 1 << 20
SIGNATURES_MAX = 100
PROOF_CHARS_MAX = 2 << 20
PROOF_HASHES_MAX = 64
HISTORY_MAX = 16
WHOLE_NUMBER_MAX = 2**53 - 1
STATEMENT_FORMAT = "witting.statement/1"
STATEMENT_KINDS = ("erasure", "release", "receipt", "audit", "assessment")
STATEMENT_FIELDS = {
    "format": str,
    "kind": str,
    "body": dict,
    "body_sha256": str,
    "entry": int,
    "at": str,
    "entry_bytes": str,
    "proof": str,
    "history": list,
    "verifier_key": str,
}
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
SIGNED = "\n\n\u2014 "  # what every signed note has somewhere: a signature below its text
UNKNOWN = "this is no certificate, receipt, checkpoint or proof."
SQLITE_HEADER = b"SQLite format 3\x00"
KEY_FILE = "ledger.vkey"  # looked for beside a checkpoint or ledger, which carry no key themselves
WITNESS_KEYS = {(4, 1 + 32), (6, 1 + 1312)}  # type of signature, bytes of the key with it
WITNESS_SIGNATURE_BYTES = {4: 64, 6: 2420}  # Ed25519, ML-DSA-44
SECONDS_MAX = 253_402_300_799  # the year 9999
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
SALT = re.compile(r"[0-9a-f]{32}")
KEY_NAME = re.compile(r"[^\s+]+")
SIGNATURE_LINE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/=]+)")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


class Failed(Exception):
    """A check that did not hold, with the sentence that says why."""


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Key:
    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n\x01" + self.public).digest()[:4]

    def __str__(self) -> str:
        material = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{material}"


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes


@dataclass(frozen=True)
class Proof:
    index: int
    hashes: list[bytes]
    checkpoint: str
    extra: bytes | None


@dataclass(frozen=True)
class Entry:
    index: int
    kind: str
    at: str
    body: dict[str, Any]
    data: bytes


# -- JSON, read strictly and written canonically ----------------------------------------------------------------------


def read_json(text: str) -> Any:  # Any: JSON
    """I-JSON (RFC 7493): no name twice, no NaN, no whole number beyond 2**53."""
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_int=_whole, parse_float=_double, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Failed(
            "the file is not JSON in which every name occurs once; it was cut or changed."
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > WHOLE_NUMBER_MAX:
        raise ValueError("a whole number beyond 2**53")
    return int(digits)


def _double(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number beyond a double")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def canonical(value: Any) -> bytes:  # Any: JSON
    """RFC 8785. The spelling of numbers is ECMAScript's, the order of names that of UTF-16."""
    try:
        return _spell(value).encode("utf-8")
    except (UnicodeEncodeError, RecursionError) as error:
        raise Failed("the JSON holds text that is not Unicode, or is nested too deeply.") from error


def _spell(value: Any) -> str:
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _spell_double(value)
    if isinstance(value, list):
        return "[" + ",".join(_spell(item) for item in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))  # RFC 8785 §3.2.3
    return "{" + ",".join(f"{_spell(name)}:{_spell(value[name])}" for name in names) + "}"


def _spell_double(number: float) -> str:
    """ECMAScript Number::toString (RFC 8785 §3.2.2.3), from the shortest digits, which Python's repr gives."""
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    _, digit_tuple, exponent = Decimal(repr(abs(number))).as_tuple()
    all_digits = "".join(map(str, digit_tuple))
    digits = all_digits.rstrip("0")
    point = len(all_digits) + int(exponent)  # the value is 0.digits * 10**point
    if 0 < point <= 21:
        if len(digits) <= point:
            whole = digits + "0" * (point - len(digits))
            if int(whole) > WHOLE_NUMBER_MAX:
                raise Failed("the JSON holds a number that reads back as a whole number beyond 2**53.")
            return sign + whole
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


# -- the Merkle tree (RFC 9162 section 2.1) ---------------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        raise Failed(f"entry {index} cannot be in a tree of {size} entries.")
    fn, sn, computed = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise Failed("the inclusion proof has too many hashes.")
        if fn % 2 == 1 or fn == sn:
            computed = node_hash(sibling, computed)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn // 2, sn // 2
    if sn != 0 or computed != root:
        raise Failed(f"entry {index} and its proof do not lead to the signed root of {size} entries.")


def check_consistency(older: Checkpoint, newer: Checkpoint, proof: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.4.2; the empty tree begins every tree, and equal sizes must have equal roots."""
    if older.size in (0, newer.size):
        expected = hashlib.sha256(b"").digest() if older.size == 0 else newer.root
        if proof or older.root != expected:
            raise Failed(f"two different trees of {older.size} entries were signed.")
        return
    if not proof:
        raise Failed(f"the proof from {older.size} to {newer.size} entries is empty.")
    path = [older.root, *proof] if older.size & (older.size - 1) == 0 else list(proof)
    fn, sn = older.size - 1, newer.size - 1
    while fn % 2 == 1:
        fn, sn = fn // 2, sn // 2
    old_side = new_side = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise Failed("the consistency proof has too many hashes.")
        if fn % 2 == 1 or fn == sn:
            old_side, new_side = node_hash(sibling, old_side), node_hash(sibling, new_side)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            new_side = node_hash(new_side, sibling)
        fn, sn = fn // 2, sn // 2
    if sn != 0 or old_side != older.root or new_side != newer.root:
        raise Failed(f"the tree of {older.size} entries is not the beginning of the one of {newer.size}.")


# -- signed notes, checkpoints, proofs (c2sp.org) ---------------------------------------------------------------------


def read_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Failed("a part of the proof is not base64.") from error
    if base64.b64encode(data).decode() != text:
        raise Failed("a part of the proof is not base64 in its canonical spelling.")
    return data


def read_hashes(lines: Sequence[Any]) -> list[bytes]:  # Any: JSON from outside
    if len(lines) > PROOF_HASHES_MAX or not all(isinstance(line, str) for line in lines):
        raise Failed(f"a proof is a list of at most {PROOF_HASHES_MAX} hashes.")
    hashes = [read_base64(line) for line in lines]
    if any(len(hashed) != 32 for hashed in hashes):
        raise Failed("a hash of the proof does not have 32 bytes.")
    return hashes


def read_key(text: str) -> Key:
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = read_base64(encoded)
    if not KEY_NAME.fullmatch(name) or len(material) != 33 or material[0] != 1:
        raise Failed("a verifier key is spelt name+id+key and holds an Ed25519 public key.")
    key = Key(name, material[1:])
    if key.id.hex() != key_id:
        raise Failed(f"the verifier key named {name} does not match its own id.")
    return key


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The text, and the name and bytes of each signature line; none of them is checked."""
    above, separator, below = note.rpartition("\n\n")
    text = above + "\n"
    if not separator or not below.endswith("\n") or len(note) > NOTE_BYTES_MAX:
        raise Failed("not a signed note: a text, an empty line, then signature lines were expected.")
    if any((ord(char) < 32 and char != "\n") or 0xD800 <= ord(char) < 0xE000 for char in text):
        raise Failed("a signed note may not hold control characters.")
    lines = below[:-1].split("\n")
    found = [SIGNATURE_LINE.fullmatch(line) for line in lines[: SIGNATURES_MAX + 1]]
    if len(found) > SIGNATURES_MAX or not all(found):
        raise Failed("a signature line of the note is malformed, or there are too many.")
    signatures = [(match[1], read_base64(match[2])) for match in found if match]
    if any(len(data) < 5 for _, data in signatures):
        raise Failed("a signature of the note is too short.")
    return text, signatures


def open_checkpoint(note: str, key: Key) -> Checkpoint:
    """c2sp.org/signed-note and c2sp.org/tlog-checkpoint; unknown signatures are ignored."""
    text, signatures = split_note(note)
    ours = [data[4:] for name, data in signatures if (name, data[:4]) == (key.name, key.id)]
    if not ours:
        raise Failed(f"the checkpoint is not signed by {key}.")
    for signature in ours:
        _check_signature(key, text, signature)
    return _read_checkpoint(text, key)


def _check_signature(key: Key, text: str, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except (InvalidSignature, ValueError) as error:
        raise Failed(f"the signature by {key.name} does not fit the checkpoint: one was changed.") from error


def _read_checkpoint(text: str, key: Key) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]) or not NUMBER.fullmatch(lines[1]):
        raise Failed("not a checkpoint: an origin, a tree size and a root hash were expected, a line each.")
    if lines[0] != key.name:
        raise Failed("the checkpoint's origin is not the name of the key that signed it.")
    return Checkpoint(lines[0], int(lines[1]), read_hashes([lines[2]])[0])


def read_proof(text: str) -> Proof:
    """c2sp.org/tlog-proof."""
    head, separator, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if len(text) > PROOF_CHARS_MAX or not separator or lines[0] != PROOF_HEADER:
        raise Failed(f"not a .tlog-proof: its first line must be {PROOF_HEADER}.")
    extra = read_base64(lines.pop(1)[6:]) if lines[1:] and lines[1].startswith("extra ") else None
    named = lines[1].removeprefix("index ") if lines[1:] and lines[1].startswith("index ") else ""
    if not NUMBER.fullmatch(named):
        raise Failed("the .tlog-proof does not name its entry.")
    return Proof(int(named), read_hashes(lines[2:]), checkpoint, extra)


def read_entry(data: bytes) -> Entry:
    """A ledger entry from its exact bytes, which must be canonical."""
    try:
        values = read_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Failed("the ledger entry is not UTF-8.") from error
    if not isinstance(values, dict) or values.keys() != {"index", "kind", "at", "body"}:
        raise Failed("the bytes are not a ledger entry.")
    index, kind, at, body = values["index"], values["kind"], values["at"], values["body"]
    if type(index) is not int or not isinstance(kind, str) or not isinstance(body, dict):
        raise Failed("the ledger entry has a part of another type.")
    if not isinstance(at, str) or not TIME.fullmatch(at) or canonical(values) != data:
        raise Failed("the ledger entry is not in its canonical spelling.")
    return Entry(index, kind, at, body, data)


# -- checks -----------------------------------------------------------------------------------------------------------


def check(name: str, act: Callable[[], str]) -> Check:
    try:
        return Check(name, True, act())
    except Failed as failure:
        return Check(name, False, str(failure))


def compare_key(key: Key, expected: str | None) -> str:
    if expected is None:
        return f"not compared: {key} came with the file; compare it with one you got elsewhere (--key)"
    if read_key(expected) != key:
        raise Failed(f"signed by {key}, not by the expected {expected.strip()}.")
    return f"{key} is the expected one"


@dataclass(frozen=True)
class Statement:
    document: dict[str, Any]
    entry: Entry
    proof: Proof
    key: Key


def verify_statement(data: bytes, *, expected: str | None, kept: str | None) -> list[Check]:
    opened: list[Statement] = []
    checks = [check("format", lambda: _open_statement(data, opened))]
    if not opened:
        return checks
    statement = opened[0]
    checks += [
        check("key", lambda: compare_key(statement.key, expected)),
        check("statement", lambda: _check_sealed(statement)),
        check(
            "signature",
            lambda: _signed(open_checkpoint(statement.proof.checkpoint, statement.key), statement.key),
        ),
        check("inclusion", lambda: _check_included(statement.proof, statement.entry, statement.key)),
        check("history", lambda: _check_history(statement)),
    ]
    if kept is not None:
        checks.append(check("kept checkpoint", lambda: _check_kept_by_history(statement, kept)))
    return checks


def _open_statement(data: bytes, opened: list[Statement]) -> str:
    try:
        document = read_json(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Failed("the file is not UTF-8.") from error
    if not isinstance(document, dict) or document.get("format") != STATEMENT_FORMAT:
        raise Failed(f"not a statement in the format {STATEMENT_FORMAT}.")
    if document.keys() != STATEMENT_FIELDS.keys():
        raise Failed(f"a statement has exactly the fields {', '.join(STATEMENT_FIELDS)}.")
    if any(type(document[name]) is not kind for name, kind in STATEMENT_FIELDS.items()):
        raise Failed("a field of the statement is not of the type that the format gives it.")
    if document["kind"] not in STATEMENT_KINDS:
        raise Failed(f"a statement is of kind {', '.join(STATEMENT_KINDS)}; this one is of another.")
    proof, key = read_proof(document["proof"]), read_key(document["verifier_key"])
    if proof.extra is not None:
        raise Failed("the proof inside a statement has no extra line.")
    if str(key) != document["verifier_key"]:
        raise Failed("the verifier key is not in its canonical spelling.")
    opened.append(Statement(document, read_entry(read_base64(document["entry_bytes"])), proof, key))
    return f"{STATEMENT_FORMAT}, {document['kind']}, with all its parts"


def _check_sealed(statement: Statement) -> str:
    document, entry = statement.document, statement.entry
    digest = hashlib.sha256(canonical(document["body"])).hexdigest()
    if digest != document["body_sha256"]:
        raise Failed("the statement's text does not have the hash it names: it was changed after sealing.")
    sealed = {"format": STATEMENT_FORMAT, "kind": document["kind"], "body_sha256": digest}
    if entry.body.get("statement") != sealed:
        raise Failed("the ledger entry seals another statement than this one.")
    if (document["entry"], document["at"]) != (entry.index, entry.at):
        raise Failed("the statement names another entry or time than the ledger entry it carries.")
    return f"its hash {digest} is sealed in ledger entry {entry.index} ({entry.kind}) of {entry.at}"


def _signed(checkpoint: Checkpoint, key: Key) -> str:
    return f"the checkpoint over {checkpoint.size} entries is signed by {key}"


def _check_included(proof: Proof, entry: Entry, key: Key) -> str:
    checkpoint = open_checkpoint(proof.checkpoint, key)
    if proof.index != entry.index:
        raise Failed("the proof is about another ledger entry than the one that comes with it.")
    check_inclusion(leaf_hash(entry.data), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return (
        f"entry {entry.index} is in the tree of {checkpoint.size} entries with root {checkpoint.root.hex()}"
    )


def _check_history(statement: Statement) -> str:
    others = _verified_history(statement)
    if not others:
        return "no other checkpoint came with the statement"
    return (
        f"consistent with {len(others)} other signed checkpoints, over {', '.join(map(str, others))} entries"
    )


def _verified_history(statement: Statement) -> dict[int, Checkpoint]:
    own = open_checkpoint(statement.proof.checkpoint, statement.key)
    items = statement.document["history"]
    if len(items) > HISTORY_MAX:
        raise Failed(f"a statement proves at most {HISTORY_MAX} other checkpoints.")
    others = {}
    for item in items:
        if not isinstance(item, dict) or item.keys() != {"checkpoint", "hashes"}:
            raise Failed("the history has an item that is not a checkpoint with its hashes.")
        if not isinstance(item["checkpoint"], str) or not isinstance(item["hashes"], list):
            raise Failed("the history has an item whose parts are of another type.")
        other = open_checkpoint(item["checkpoint"], statement.key)
        older, newer = sorted((other, own), key=lambda checkpoint: checkpoint.size)
        check_consistency(older, newer, read_hashes(item["hashes"]))
        others[other.size] = other
    return others


def _check_kept_by_history(statement: Statement, kept_note: str) -> str:
    own = open_checkpoint(statement.proof.checkpoint, statement.key)
    kept = open_checkpoint(kept_note, statement.key)
    if kept.size in (0, own.size):
        check_consistency(kept, own, [])
        return f"the kept checkpoint over {kept.size} entries is the beginning of this ledger"
    other = _verified_history(statement).get(kept.size)
    if other is None:
        raise Failed(
            f"the file has no proof for the kept checkpoint over {kept.size} entries. Ask for the statement with one "
            "(witting ledger proof), or check the ledger file itself."
        )
    if other.root != kept.root:
        raise Failed(
            f"fork: two different trees of {kept.size} entries were signed, one you kept and one shown here."
        )
    return f"the kept checkpoint over {kept.size} entries is consistent with this one over {own.size}"


def verify_proof(text: str, *, expected: str | None, kept: str | None) -> list[Check]:
    opened: list[tuple[Proof, Entry, Key]] = []
    checks = [check("format", lambda: _open_proof(text, expected, opened))]
    if not opened:
        return checks
    proof, entry, key = opened[0]
    checks += [
        check("key", lambda: compare_key(key, expected)),
        check("signature", lambda: _signed(open_checkpoint(proof.checkpoint, key), key)),
        check("inclusion", lambda: _check_included(proof, entry, key)),
    ]
    if kept is not None:
        checks.append(check("kept checkpoint", lambda: _check_same(proof.checkpoint, kept, key)))
    return checks


def _open_proof(text: str, expected: str | None, opened: list[tuple[Proof, Entry, Key]]) -> str:
    proof = read_proof(text)
    if proof.extra is None:
        raise Failed(
            "this .tlog-proof has no extra line with the entry's bytes, so there is nothing to check."
        )
    try:
        extra = read_json(proof.extra.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Failed("the extra line of the .tlog-proof is not UTF-8.") from error
    if (
        not isinstance(extra, dict)
        or extra.keys() != {"entry", "verifier_key"}
        or canonical(extra) != proof.extra
    ):
        raise Failed(
            "the extra line of the .tlog-proof is not an entry and a verifier key in canonical JSON."
        )
    if not isinstance(extra["entry"], str) or not isinstance(extra["verifier_key"], str):
        raise Failed("the extra line of the .tlog-proof has a part of another type.")
    entry, key = read_entry(extra["entry"].encode("utf-8")), read_key(extra["verifier_key"])
    if str(key) != extra["verifier_key"]:
        raise Failed("the verifier key is not in its canonical spelling.")
    opened.append((proof, entry, key))
    return f"a .tlog-proof of ledger entry {entry.index} ({entry.kind}) of {entry.at}"


def _check_same(note: str, kept_note: str, key: Key) -> str:
    own, kept = open_checkpoint(note, key), open_checkpoint(kept_note, key)
    if kept.size not in (0, own.size):
        raise Failed(
            f"the file has no proof between the kept checkpoint over {kept.size} entries and its own over {own.size}. "
            "Check the ledger file itself, or a statement."
        )
    check_consistency(kept, own, [])
    return f"the kept checkpoint over {kept.size} entries agrees with this one"


def verify_checkpoint(
    note: str, *, expected: str | None, beside: str | None, kept: str | None
) -> list[Check]:
    named = expected or beside
    if named is None:
        sentence = f"a checkpoint carries no key: give it with --key, or put it beside as {KEY_FILE}."
        return [Check("key", False, sentence)]
    opened: list[Key] = []
    checks = [check("key", lambda: _open_key(named, expected, opened))]
    if opened:
        checks.append(check("signature", lambda: _signed(open_checkpoint(note, opened[0]), opened[0])))
        if kept is not None:
            checks.append(check("kept checkpoint", lambda: _check_same(note, kept, opened[0])))
    return checks


def _open_key(named: str, expected: str | None, opened: list[Key]) -> str:
    opened.append(read_key(named))
    return compare_key(opened[0], expected)


# -- witnesses (c2sp.org/tlog-cosignature) ----------------------------------------------------------------------------


def check_witnesses(note: str, witnesses: Sequence[str]) -> list[Check]:
    return [check("witness", lambda spelt=spelt: _check_witness(note, spelt)) for spelt in witnesses]


def _check_witness(note: str, spelt: str) -> str:
    name, kind, public, key_id = _read_witness_key(spelt)
    text, signatures = split_note(note)
    times = [
        _check_cosignature(text, name, kind, public, data[4:])
        for signer, data in signatures
        if (signer, data[:4]) == (name, key_id)
    ]
    if not times:
        raise Failed(f"{name} did not cosign the checkpoint with the key {key_id.hex()}.")
    seen = datetime.fromtimestamp(max(times), UTC)
    return f"{name} saw the checkpoint at {seen:%Y-%m-%dT%H:%M:%SZ}, and none that contradicts it before"


def _read_witness_key(spelt: str) -> tuple[str, int, bytes, bytes]:
    name, _, rest = spelt.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = read_base64(encoded)
    kind = material[0] if material else 0
    if not KEY_NAME.fullmatch(name) or (kind, len(material)) not in WITNESS_KEYS:
        raise Failed("a witness' key is spelt name+id+key, and its type is 4 (Ed25519) or 6 (ML-DSA-44).")
    computed = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    if computed.hex() != key_id:
        raise Failed(f"the witness key named {name} does not match its own id.")
    return name, kind, material[1:], computed


def _check_cosignature(text: str, name: str, kind: int, public: bytes, data: bytes) -> int:
    """The time in it, in seconds since 1970."""
    seconds, signature = int.from_bytes(data[:8], "big"), data[8:]
    if len(signature) != WITNESS_SIGNATURE_BYTES[kind] or not 0 < seconds <= SECONDS_MAX:
        raise Failed(f"the cosignature by {name} is not a time and a signature of its type.")
    try:
        if kind == 4:
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            _check_ml_dsa(public, signature, _cosigned_message(text, name, seconds))
    except (InvalidSignature, ValueError) as error:
        raise Failed(f"the cosignature by {name} does not fit the checkpoint: one was changed.") from error
    return seconds


def _check_ml_dsa(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError as error:
        raise Failed("ML-DSA-44 needs a newer version of the package cryptography.") from error
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)


def _cosigned_message(text: str, name: str, seconds: int) -> bytes:
    lines = text.split("\n")
    if len(lines) < 4 or not NUMBER.fullmatch(lines[1]):
        raise Failed("not a checkpoint: an origin, a tree size and a root hash were expected, a line each.")
    cosigner, origin, root = name.encode(), lines[0].encode(), read_hashes([lines[2]])[0]
    if max(len(cosigner), len(origin)) > 255:
        raise Failed("the name of a witness or ledger has more than 255 bytes.")
    parts = (b"subtree/v1\n\0", bytes([len(cosigner)]), cosigner, seconds.to_bytes(8, "big"), bytes([len(origin)]),
             origin, bytes(8), int(lines[1]).to_bytes(8, "big"), root)  # fmt: skip
    return b"".join(parts)


# -- opened evidence --------------------------------------------------------------------------------------------------


def check_evidence(statement: bytes, opened: bytes) -> Check:
    """The evidence file of a receipt: salt and evidence have the hash that the receipt commits to."""
    return check("evidence", lambda: _open_evidence(statement, opened))


def _open_evidence(statement: bytes, opened: bytes) -> str:
    committed: Any = read_json(statement.decode("utf-8"))["body"]
    for name in ("dpv:hasRecordOfActivity", "witting:capture", "witting:evidenceCommitment"):
        committed = committed.get(name) if isinstance(committed, dict) else None
    if not isinstance(committed, str):
        raise Failed("this is no receipt that commits to evidence; there is nothing to hold it against.")
    try:
        opening = read_json(opened[: FILE_BYTES_MAX + 1].decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Failed("the evidence file is not JSON in UTF-8 with every name once.") from error
    if not isinstance(opening, dict) or opening.keys() != {"commitment", "salt", "evidence"}:
        raise Failed("an evidence file holds commitment, salt and evidence, and nothing else.")
    if not isinstance(opening["salt"], str) or not SALT.fullmatch(opening["salt"]):
        raise Failed("the salt in the evidence file is not 32 hexadecimal characters.")
    digest = hashlib.sha256(bytes.fromhex(opening["salt"]) + canonical(opening["evidence"])).hexdigest()
    if not digest == opening["commitment"] == committed:
        raise Failed("this is not the evidence that the receipt commits to: one of them was changed.")
    return f"the evidence is the one that was sealed as {committed}"


# -- a whole ledger ---------------------------------------------------------------------------------------------------


def verify_ledger(path: Path, *, expected: str | None, beside: str | None, kept: str | None) -> list[Check]:
    """Recomputes the tree of a SQLite ledger from its entries' bytes, and holds every signed root against it."""
    named = expected or beside
    if named is None:
        sentence = f"a ledger carries no key: give it with --key, or put it beside as {KEY_FILE}."
        return [Check("key", False, sentence)]
    opened: list[Key] = []
    checks = [check("key", lambda: _open_key(named, expected, opened))]
    if opened:
        roots: dict[int, bytes] = {}
        checks.append(check("entries", lambda: _check_entries(path, opened[0], kept, roots)))
        checks.append(check("checkpoints", lambda: _check_stored(path, opened[0], roots)))
        if kept is not None:
            checks.append(check("kept checkpoint", lambda: _check_kept_by_ledger(kept, opened[0], roots)))
    return checks


def _rows(path: Path, query: str) -> Iterator[tuple[Any, ...]]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            yield from database.execute(query)
    except sqlite3.Error as error:
        raise Failed(
            "the file is not a readable Witting ledger: it is damaged, in use, or another database."
        ) from error


def _check_entries(path: Path, key: Key, kept: str | None, roots: dict[int, bytes]) -> str:
    """Fills `roots` with the recomputed root at every signed size."""
    wanted = {size for (size,) in _rows(path, "SELECT size FROM ledger_checkpoints")}
    if kept is not None:
        wanted.add(open_checkpoint(kept, key).size)
    peaks: list[bytes] = []
    size = 0
    roots[0] = _fold(peaks)
    query = 'SELECT "index", kind, at, body, leaf_hash FROM ledger_entries ORDER BY "index"'
    for index, kind, at, data, stored in _rows(path, query):
        if not isinstance(data, bytes):
            raise Failed(f"ledger entry {size} is not bytes any more: it was changed.")
        leaf = leaf_hash(data)
        if index != size or stored != leaf:
            raise Failed(
                f"ledger entry {size} is missing, or its bytes do not have the hash they were appended with."
            )
        entry = read_entry(data)
        if (entry.index, entry.kind, entry.at) != (index, kind, at):
            raise Failed(f"ledger entry {size}: its index, kind or time differ from its bytes.")
        _push(peaks, size, leaf)
        size += 1
        if size in wanted:
            roots[size] = _fold(peaks)
    return f"{size} entries, in order, with root {_fold(peaks).hex()}"


def _push(peaks: list[bytes], size: int, hashed: bytes) -> None:
    while size % 2 == 1:
        hashed, size = node_hash(peaks.pop(), hashed), size // 2
    peaks.append(hashed)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return hashlib.sha256(b"").digest()
    folded = peaks[-1]
    for left in reversed(peaks[:-1]):
        folded = node_hash(left, folded)
    return folded


def _check_stored(path: Path, key: Key, roots: dict[int, bytes]) -> str:
    count = 0
    for size, root, note in _rows(path, "SELECT size, root, note FROM ledger_checkpoints ORDER BY size"):
        signed = open_checkpoint(str(note), key)
        if (signed.size, signed.root) != (size, root):
            raise Failed(f"the stored checkpoint over {size} entries signs another size or root.")
        _against(signed, roots)
        count += 1
    return f"{count} stored checkpoints, all signed by {key} and true of these entries"


def _check_kept_by_ledger(kept_note: str, key: Key, roots: dict[int, bytes]) -> str:
    kept = open_checkpoint(kept_note, key)
    _against(kept, roots)
    return f"the ledger begins with the {kept.size} entries of the kept checkpoint"


def _against(signed: Checkpoint, roots: dict[int, bytes]) -> None:
    if signed.size not in roots:
        raise Failed(
            f"rollback: a checkpoint over {signed.size} entries was signed, the ledger no longer has them all."
        )
    if roots[signed.size] != signed.root:
        raise Failed(f"fork: the first {signed.size} entries are not those that the checkpoint signed.")


# -- the command ------------------------------------------------------------------------------------------------------


def verify(
    path: Path,
    *,
    expected: str | None,
    kept: str | None,
    witnesses: Sequence[str] = (),
    opened: bytes | None = None,
) -> list[Check]:
    """The checks that this kind of file allows, each with its outcome."""
    checks = _verify(path, expected=expected, kept=kept, witnesses=witnesses)
    if opened is None or not checks[0].ok:
        return checks
    if checks[0].name != "format" or path.read_bytes().lstrip()[:1] != b"{":
        return [Check("format", False, "this is no receipt, so there is no evidence to hold against it.")]
    return [*checks, check_evidence(path.read_bytes(), opened)]


def _verify(path: Path, *, expected: str | None, kept: str | None, witnesses: Sequence[str]) -> list[Check]:
    beside = _text_of(path.with_name(KEY_FILE)) if path.with_name(KEY_FILE).is_file() else None
    with path.open("rb") as stream:
        if stream.read(len(SQLITE_HEADER)) == SQLITE_HEADER:
            checks = verify_ledger(path, expected=expected, beside=beside, kept=kept)
            why = "a ledger carries no cosignatures; check its checkpoint's file."
            return checks + [Check("witness", False, why) for _ in witnesses]
    if path.stat().st_size > FILE_BYTES_MAX:
        return [
            Check(
                "format",
                False,
                f"the file has more than {FILE_BYTES_MAX} bytes; nothing of ours is so large.",
            )
        ]
    data = path.read_bytes()
    if data.lstrip()[:1] == b"{":
        checks = verify_statement(data, expected=expected, kept=kept)
        return checks + _statement_witnesses(data, witnesses) if checks[0].ok else checks
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return [Check("format", False, UNKNOWN)]
    if text.startswith(PROOF_HEADER):
        checks = verify_proof(text, expected=expected, kept=kept)
        return checks + check_witnesses(read_proof(text).checkpoint, witnesses) if checks[0].ok else checks
    if SIGNED not in text:
        return [Check("format", False, UNKNOWN)]
    checks = verify_checkpoint(text, expected=expected, beside=beside, kept=kept)
    return checks + check_witnesses(text, witnesses)


def _statement_witnesses(data: bytes, witnesses: Sequence[str]) -> list[Check]:
    return check_witnesses(read_proof(read_json(data.decode("utf-8"))["proof"]).checkpoint, witnesses)


def _text_of(path: Path) -> str:
    return path.read_bytes()[:NOTE_BYTES_MAX].decode("utf-8", "replace")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="witting_verify.py",
        description="Checks a Witting certificate, receipt, release, audit, checkpoint or proof.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--checkpoint", type=Path, metavar="OLD", help="a checkpoint you kept from earlier")
    parser.add_argument(
        "--key", metavar="KEY", help="the signer's key (name+id+key), or a file that holds it"
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="KEY",
        help="the key of a witness who must have cosigned, or a file that holds it",
    )
    parser.add_argument(
        "--evidence", type=Path, metavar="OPENED", help="the evidence file that came with a receipt"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a file, each on a line")
    arguments = parser.parse_args(argv)
    for path in (*arguments.files, arguments.checkpoint, arguments.evidence):
        if path is not None and not path.is_file():
            parser.error(f"{path} is not a file")
    if arguments.evidence is not None and len(arguments.files) > 1:
        parser.error("--evidence came with one receipt: name that one alone")
    if arguments.key:
        arguments.key = _given_key(parser, "--key", arguments.key, read_key)
    arguments.witness = [_given_key(parser, "--witness", one, _read_witness_key) for one in arguments.witness]
    return arguments


def _given_key(
    parser: argparse.ArgumentParser, option: str, given: str, read: Callable[[str], object]
) -> str:
    """The key as it is spelt, or as the file of that name holds it; wrong usage if neither is a key."""
    spelt = given
    with suppress(OSError, ValueError):  # a long key is no file name
        if Path(given).is_file():
            spelt = _text_of(Path(given))
    try:
        read(spelt)
    except Failed as error:
        parser.error(f"{option} is neither a key nor a file that holds one: {error}")
    return spelt


def _print_checks(checks: Sequence[Check], path: Path, *, as_json: bool) -> None:
    held = all(check.ok for check in checks)
    if as_json:
        print(json.dumps({"file": str(path), "ok": held, "checks": [asdict(check) for check in checks]}))
        return
    for one in checks:
        print(f"{'ok  ' if one.ok else 'FAIL'}  {one.name}: {one.detail}")
    print(f"{'every check held' if held else 'DOES NOT HOLD'}: {path}")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    kept = _text_of(arguments.checkpoint) if arguments.checkpoint else None
    opened = arguments.evidence.read_bytes() if arguments.evidence else None
    held = True
    for path in arguments.files:
        checks = verify(path, expected=arguments.key, kept=kept, witnesses=arguments.witness, opened=opened)
        _print_checks(checks, path, as_json=arguments.json)
        held = held and all(check.ok for check in checks)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
