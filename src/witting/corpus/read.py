"""Finding a corpus and reading its rows.

Covers: versions, newest first; one by id, by the beginning of its id or as `latest`; its rows part by part, each
part's hash checked on the way. Not covered: writing (`commit.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from witting.corpus.manifest import Manifest, from_bytes, from_json
from witting.errors import CorpusError
from witting.schema import EXAMPLE, SPLITS, conform
from witting.store.objects import Objects
from witting.store.parts import Snapshot, Snapshots, read_part

DEFAULT_NAME = "main"
LATEST = "latest"
PREFIX_CHARS_MIN = 6


def snapshot_name(name: str) -> str:
    return f"corpus/{name}"


def versions(snapshots: Snapshots, *, name: str = DEFAULT_NAME) -> list[Manifest]:
    """Every version ever committed under the name, newest first. Erased parts may be gone from older ones."""
    return [of_snapshot(snapshot) for snapshot in snapshots.history(snapshot_name(name))]


def current(snapshots: Snapshots, *, name: str = DEFAULT_NAME) -> Manifest | None:
    """The version the name points at."""
    snapshot = snapshots.current(snapshot_name(name))
    return None if snapshot is None else of_snapshot(snapshot)


def of_snapshot(snapshot: Snapshot) -> Manifest:
    """A version's snapshot holds its manifest: the parts as parts, the rest as detail."""
    return from_json({**snapshot.detail, "parts": [part.as_json() for part in snapshot.parts]})


def to_snapshot(manifest: Manifest) -> Snapshot:
    detail = {name: value for name, value in manifest.as_json().items() if name != "parts"}
    return Snapshot(snapshot_name(manifest.name), "corpus", manifest.parts, detail)


def load(objects: Objects, snapshots: Snapshots, corpus_id: str, *, name: str = DEFAULT_NAME) -> Manifest:
    """`latest`, an id, or at least 6 characters with which just one id begins. The manifest object is checked
    against the id. Raises CorpusError."""
    known = versions(snapshots, name=name)
    if corpus_id == LATEST:
        found = known[:1]
    else:
        wanted = corpus_id if len(corpus_id) >= PREFIX_CHARS_MIN else "-"
        found = [manifest for manifest in known if manifest.id.startswith(wanted)]
    if len(found) != 1:
        raise CorpusError(_not_found(corpus_id, known, matches=len(found)))
    try:
        return from_bytes(objects.read(found[0].key), corpus_id=found[0].id)
    except KeyError:
        raise CorpusError(
            f"corpus {found[0].id}: its manifest object is missing; restore {found[0].key}."
        ) from None


def _not_found(corpus_id: str, known: list[Manifest], *, matches: int) -> str:
    if not known:
        return "there is no corpus yet; build one with `witting corpus build`."
    several = f"{matches} corpora begin with" if matches else "no corpus is called"
    return (
        f"{several} {corpus_id[:64]!r}; name one by its id or by {PREFIX_CHARS_MIN} or more of its first characters, "
        f"or say {LATEST}. The newest: {', '.join(manifest.id for manifest in known[:5])}."
    )


def read(
    objects: Objects, manifest: Manifest, *, shard: int | None = None, split: str | None = None
) -> Iterator[pa.Table]:
    """EXAMPLE tables, one a part, of one shard or all, of one split or both; canaries among them. Raises
    ObjectDamaged for a part that is not what was committed, CorpusError for an unknown split."""
    if split is not None and split not in SPLITS:
        raise CorpusError(f"a corpus has the splits {', '.join(SPLITS)}; {split[:40]!r} is not one.")
    for part in manifest.parts:
        if shard is None or part.shard == shard:
            table = conform(read_part(objects, part), EXAMPLE)
            yield table if split is None else _of_split(table, split)


def _of_split(table: pa.Table, split: str) -> pa.Table:
    return conform(pl.DataFrame(table).filter(pl.col("split") == split).to_arrow(), EXAMPLE)
