"""Proving a corpus: every part by its hash, every turn by a permission that holds now, the whole by the ledger.

Covers: eight checks, each with what it saw. Not covered: whether redaction missed something (no check can read that
off a hash), whether the ledger itself is whole (`Ledger.verify`).

What voids it: a decisions table that is not the one of now. `corpus verify` decides afresh before it calls this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from witting.corpus.commit import count_parts, entry_of
from witting.corpus.manifest import ID_HEX, Manifest, Removed
from witting.errors import LedgerError, ObjectDamaged, ProofInvalid
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.log import Ledger
from witting.ledger.merkle import leaf_hash, verify_inclusion
from witting.schema import EXAMPLE, conform
from witting.store.objects import Objects
from witting.store.parts import Part, read_part

NAMED_MAX = 3  # turns or parts named in a detail


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    detail: str


def verify(
    manifest: Manifest,
    objects: Objects,
    decisions: pa.Table,
    ledger: Ledger,
    *,
    removed: Iterable[Removed] = (),
) -> list[Check]:
    """All checks, whatever fails. `decisions` (DECISION) are those of now for the manifest's purpose. `removed`: what
    later versions removed for erasures; such a part may be missing, and the check says so."""
    gone = {entry.part for entry in removed}
    present = [part for part in manifest.parts if not (part.sha256 in gone and not objects.exists(part.key))]
    damage = {part.key: _damage(part, objects) for part in present}
    whole = [part for part in present if damage[part.key] is None]
    return [
        _check_manifest(manifest, objects),
        _check_parts(damage, erased=len(manifest.parts) - len(present)),
        _check_shards(whole, objects),
        _check_turns(manifest, whole, objects, decisions),
        _check_counts(manifest, whole, objects),
        _check_mark(manifest, ledger),
        *_check_entry(manifest, ledger),
    ]


def _check_manifest(manifest: Manifest, objects: Objects) -> Check:
    try:
        found = hashlib.sha256(objects.read(manifest.key)).hexdigest()
    except KeyError:
        return Check("manifest", False, f"{manifest.key} is missing.")
    return Check("manifest", found == manifest.sha256, f"{manifest.key} has SHA-256 {found[:ID_HEX]}.")


def _damage(part: Part, objects: Objects) -> str | None:
    try:
        table = read_part(objects, part)
    except (ObjectDamaged, pa.ArrowInvalid) as error:
        return str(error)
    return (
        None
        if table.num_rows == part.rows
        else f"part {part.key} has {table.num_rows} rows, not {part.rows}."
    )


def _check_parts(damage: dict[str, str | None], *, erased: int) -> Check:
    broken = [said for said in damage.values() if said]
    note = f" {erased} were removed by erasures." if erased else ""
    seen = (
        f"{len(damage) - len(broken)} of {len(damage)} parts have the bytes they were committed with.{note}"
    )
    return Check("parts", not broken, " ".join([seen, *broken[:NAMED_MAX]]))


def _check_shards(parts: Iterable[Part], objects: Objects) -> Check:
    """Every row lies in the part of its shard and every person in one shard: what an erasure stands on."""
    strays, shard_of, twice = 0, dict[str, int | None](), 0
    for part in parts:
        rows = pl.DataFrame(_rows(part, objects).select(["subject_id", "shard"]))
        strays += rows.filter(pl.col("shard") != part.shard).height
        for person in rows["subject_id"].unique():
            twice += shard_of.setdefault(person, part.shard) != part.shard
    return Check(
        "shards", strays == twice == 0, f"{strays} rows lie in a wrong shard, {twice} people in two."
    )


def _check_turns(manifest: Manifest, parts: Iterable[Part], objects: Objects, decisions: pa.Table) -> Check:
    permits = (
        pl.DataFrame(decisions.select(["row_id", "subject_id", "purpose", "decision"]))
        .filter((pl.col("decision") == "permit") & (pl.col("purpose") == manifest.purpose))
        .select(pl.col("row_id").alias("turns"), "subject_id")
        .unique()
    )
    turns, unpermitted = 0, list[str]()
    for part in parts:
        rows = pl.DataFrame(_rows(part, objects).select(["turns", "subject_id", "canary"])).filter(
            ~pl.col("canary")
        )
        used = rows.select("turns", "subject_id").explode("turns").unique()
        turns += used.height
        unpermitted += (
            used.join(permits, on=["turns", "subject_id"], how="anti")["turns"].cast(pl.String).to_list()
        )
    named = f" Among them: {', '.join(sorted(map(str, unpermitted))[:NAMED_MAX])}." if unpermitted else ""
    detail = f"{turns - len(unpermitted)} of {turns} turns are permitted for {manifest.purpose} now.{named}"
    return Check("turns permitted", not unpermitted, detail)


def _check_counts(manifest: Manifest, parts: list[Part], objects: Objects) -> Check:
    if len(parts) != len(manifest.parts):
        missing = len(manifest.parts) - len(parts)
        return Check("counts", True, f"not counted again: {missing} parts are erased or damaged.")
    counted = count_parts(objects, sorted(parts, key=lambda part: part.shard or 0))
    wrong = sorted(name for name, value in counted.items() if manifest.counts.get(name) != value)
    detail = (
        f"differ: {', '.join(wrong)}."
        if wrong
        else f"{counted['examples']} examples of {counted['people']} people."
    )
    return Check("counts", not wrong, detail)


def _check_mark(manifest: Manifest, ledger: Ledger) -> Check:
    mark = manifest.ledger
    return _proved(
        "ledger mark",
        f"the ledger of {mark.size} entries it was built under is the beginning of this one.",
        lambda: _same_root(ledger.root(mark.size), mark.root),
    )


def _same_root(root: bytes, expected: str) -> None:
    if root.hex() != expected:
        raise ProofInvalid("the ledger's beginning differs from the one the corpus was built under.")


def _check_entry(manifest: Manifest, ledger: Ledger) -> tuple[Check, Check]:
    index = entry_of(manifest, ledger)
    if index is None:
        absent = "the ledger has no entry that commits this manifest."
        return Check("ledger entry", False, absent), Check("inclusion", False, absent)
    entry = Check("ledger entry", True, f"entry {index} commits this manifest.")
    proved = _proved(
        "inclusion",
        f"entry {index} is under the newest signed checkpoint.",
        lambda: _prove_inclusion(ledger, index),
    )
    return entry, proved


def _prove_inclusion(ledger: Ledger, index: int) -> None:
    notes = ledger.checkpoints(newest=1)
    if not notes:
        raise ProofInvalid("no checkpoint was signed yet; run `witting ledger checkpoint`.")
    signed = open_checkpoint(notes[0], ledger.verifier_key)
    if signed.size <= index:
        raise ProofInvalid(
            f"the newest checkpoint covers {signed.size} entries, not entry {index}; run `witting ledger checkpoint`."
        )
    proof = ledger.inclusion_proof(index, signed.size)
    leaf = leaf_hash(ledger.entry(index).bytes)
    verify_inclusion(leaf, index=index, size=signed.size, proof=proof, root=signed.root)


def _proved(name: str, sentence: str, prove: Callable[[], None]) -> Check:
    try:
        prove()
    except (ProofInvalid, LedgerError) as error:
        return Check(name, False, str(error))
    return Check(name, True, sentence)


def _rows(part: Part, objects: Objects) -> pa.Table:
    return conform(read_part(objects, part), EXAMPLE)
