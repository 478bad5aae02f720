"""Erasing a person from the parts: only their shard is touched, nothing of theirs stays, a crash changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting.engine import digest
from witting.erasure import (
    NOT_PROVEN,
    Located,
    Rewritten,
    certificate_body,
    locate,
    rewrite,
    rows_of,
    rows_without,
)
from witting.errors import CommitRaced
from witting.store.database import open_database
from witting.store.objects import Objects
from witting.store.parts import Part, Snapshot, Snapshots, read_part, write_part

ROWS = pa.schema([("row_id", pa.string()), ("subject_id", pa.string()), ("text", pa.string())])
CANARY = "zq-green-heron-4410"
TURNS, EXAMPLES = "intake/turns", "curation/examples"
LAWS = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database("sqlite:///witting.db", root=tmp_path)
    yield engine
    engine.dispose()


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "objects"))


@pytest.fixture
def snapshots(database: sa.Engine, objects: Objects) -> Snapshots:
    return Snapshots(database, objects)


def table(*people: str | None, label: str = "") -> pa.Table:
    rows = [
        {
            "row_id": f"{label}{i}",
            "subject_id": person,
            "text": f"{CANARY if person == 'ana' else 'words'} {i}",
        }
        for i, person in enumerate(people)
    ]
    return pa.Table.from_pylist(rows, schema=ROWS)


def commit(
    snapshots: Snapshots, objects: Objects, name: str, *parts: tuple[int | None, pa.Table]
) -> Snapshot:
    written = tuple(write_part(objects, rows, folder=name, shard=shard) for shard, rows in parts)
    before = snapshots.current(name)
    made = Snapshot(name, "test", written, {"rows": sum(part.rows for part in written)})
    snapshots.commit(made, expected=before.id if before else None)
    return made


@pytest.fixture
def world(snapshots: Snapshots, objects: Objects) -> dict[str, Snapshot]:
    """Ana lives in shard 2: two parts of turns, one of examples in which she is alone."""
    turns = (
        (1, table("ben", "cy")),
        (2, table("ana", "dee", "ana", label="a")),
        (2, table("dee", label="b")),
        (2, table("ana", "eve", label="c")),
    )
    examples = ((2, table("ana", label="e")), (3, table("ben", label="f")))
    return {
        TURNS: commit(snapshots, objects, TURNS, *turns),
        EXAMPLES: commit(snapshots, objects, EXAMPLES, *examples),
    }


def bytes_of(objects: Objects, parts: Sequence[Part]) -> dict[str, bytes]:
    return {part.key: objects.read(part.key) for part in parts}


def everything(objects: Objects) -> list[bytes]:
    return [objects.read(key) for key in objects.keys("")]


def holds_canary(objects: Objects) -> bool:
    tables = [pa.parquet.read_table(pa.BufferReader(data)) for data in everything(objects)]
    return any(CANARY in text for one in tables for text in one["text"].to_pylist())


def test_rows_are_located_by_snapshot_in_the_persons_shard_only(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    for part in world[TURNS].parts:
        if part.shard != 2:
            objects.delete(part.key)  # reading it would raise
    names = (TURNS, EXAMPLES, "never/committed")
    assert locate(snapshots, objects, "ana", shard=2, names=names) == Located(
        "ana", 2, {TURNS: 3, EXAMPLES: 1}
    )
    assert locate(snapshots, objects, "nobody", shard=2, names=names) == Located("nobody", 2, {})


def test_only_parts_that_held_the_person_are_rewritten_and_the_old_ones_are_deleted(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    before = bytes_of(objects, world[TURNS].parts)
    done = rewrite(snapshots, objects, TURNS, "ana", shard=2)
    now = snapshots.current(TURNS)
    assert now is not None
    assert [part.rows_removed for part in done] == [2, 1]
    first, second, third, fourth = world[TURNS].parts
    assert [part.old_sha256 for part in done] == [second.sha256, fourth.sha256]
    assert (now.parts[0], now.parts[2]) == (first, third)
    assert [part.new_sha256 for part in done] == [now.parts[1].sha256, now.parts[3].sha256]
    assert [part.shard for part in now.parts] == [1, 2, 2, 2]
    assert {key: objects.read(key) for key in (first.key, third.key)} == {
        key: data for key, data in before.items() if key in (first.key, third.key)
    }
    assert not objects.exists(second.key)
    assert not objects.exists(fourth.key)
    assert now.detail == world[TURNS].detail


def test_a_part_that_held_only_them_is_gone(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    (done,) = rewrite(snapshots, objects, EXAMPLES, "ana", shard=2)
    assert (done.new_sha256, done.rows_removed) == (None, 1)
    now = snapshots.current(EXAMPLES)
    assert now is not None
    assert [part.shard for part in now.parts] == [3]


def test_nothing_of_theirs_is_left_and_all_of_the_others_is(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    assert holds_canary(objects)
    for name in (TURNS, EXAMPLES):
        rewrite(snapshots, objects, name, "ana", shard=2)
    assert not holds_canary(objects)
    now = snapshots.current(TURNS)
    assert now is not None
    left = pa.concat_tables([read_part(objects, part) for part in now.parts])
    assert left["subject_id"].to_pylist() == ["ben", "cy", "dee", "dee", "eve"]
    assert locate(snapshots, objects, "ana", shard=2, names=(TURNS, EXAMPLES)).rows == {}


def test_again_changes_nothing_and_somebody_unknown_changes_nothing(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    rewrite(snapshots, objects, TURNS, "ana", shard=2)
    now, kept = snapshots.current(TURNS), sorted(objects.keys(""))
    for person in ("ana", "nobody"):
        assert rewrite(snapshots, objects, TURNS, person, shard=2) == []
    assert rewrite(snapshots, objects, "never/committed", "ana", shard=2) == []
    assert (snapshots.current(TURNS), sorted(objects.keys(""))) == (now, kept)
    assert len(snapshots.history(TURNS)) == 2


class Crash(Exception):
    pass


def crashing(where: str, snapshots: Snapshots, objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies before the commit, after it, or while old parts are being deleted."""
    commit_it = snapshots.commit

    def commit_and_die(*args: object, **named: object) -> None:
        if where == "after the commit":
            commit_it(*args, **named)
        raise Crash

    def delete_one_and_die(**named: object) -> int:
        held = {part.key for part in snapshots.current(TURNS).parts}
        objects.delete(next(key for key in objects.keys(f"{TURNS}/") if key not in held))
        raise Crash

    if where == "while deleting":
        monkeypatch.setattr(snapshots, "forget_unreferenced", delete_one_and_die)
    else:
        monkeypatch.setattr(snapshots, "commit", commit_and_die)


@pytest.mark.parametrize("where", ["before the commit", "after the commit", "while deleting"])
def test_a_crash_anywhere_is_made_good_by_doing_it_again(
    where: str, snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    noted: dict[str, Rewritten] = {}

    def note(parts: Sequence[Rewritten]) -> None:
        noted.update({part.old_sha256: part for part in parts})

    with pytest.MonkeyPatch.context() as patch:
        crashing(where, snapshots, objects, patch)
        with pytest.raises(Crash):
            rewrite(snapshots, objects, TURNS, "ana", shard=2, note=note)
    rewrite(snapshots, objects, TURNS, "ana", shard=2, note=note)
    now = snapshots.current(TURNS)
    assert now is not None
    assert sorted(objects.keys(f"{TURNS}/")) == sorted(part.key for part in now.parts)
    assert [part.rows_removed for part in noted.values()] == [2, 1]  # told once, however often it was done
    assert {part.new_sha256 for part in noted.values()} <= {part.sha256 for part in now.parts}
    assert len(snapshots.history(TURNS)) == 2


def test_somebody_who_moved_the_snapshot_meanwhile_is_not_overwritten(
    snapshots: Snapshots, objects: Objects, world: dict[str, Snapshot]
) -> None:
    def other_commit(parts: Sequence[Rewritten]) -> None:
        commit(snapshots, objects, TURNS, (2, table("ana", "fay", label="n")))

    with pytest.raises(CommitRaced):
        rewrite(snapshots, objects, TURNS, "ana", shard=2, note=other_commit)
    rewrite(snapshots, objects, TURNS, "ana", shard=2)
    now = snapshots.current(TURNS)
    assert now is not None
    assert read_part(objects, now.parts[0])["subject_id"].to_pylist() == ["fay"]
    assert not any(
        CANARY in text for part in now.parts for text in read_part(objects, part)["text"].to_pylist()
    )


@LAWS
@given(st.lists(st.sampled_from(["ana", "ben", "cy", None]), max_size=20))
def test_a_persons_rows_and_the_rest_are_the_whole_in_order(people: list[str | None]) -> None:
    rows = table(*people)
    own, rest = rows_of(rows, "ana"), rows_without(rows, "ana")
    assert set(own["subject_id"].to_pylist()) <= {"ana"}
    assert "ana" not in rest["subject_id"].to_pylist()
    assert rest["subject_id"].to_pylist() == [person for person in people if person != "ana"]
    assert digest(pa.concat_tables([own, rest])) == digest(rows)
    assert own.schema == rest.schema == ROWS


# -- what the certificate says ---------------------------------------------------------------------------------------

LOCATED = Located("9f86d081884c7d659a2feaa0c55ad015", 2, {TURNS: 3, EXAMPLES: 1})
PARTS = (Rewritten(TURNS, "a" * 64, "b" * 64, 3), Rewritten(EXAMPLES, "c" * 64, None, 1))
CORPUS = {"before": "1" * 32, "after": "2" * 32, "removed": [], "parts": ["d" * 64]}


def body(treatment: str, **changes: object) -> dict:
    said = {
        "located": LOCATED, "waiting_events": 5, "request_entry": 41, "rewritten": PARTS, "corpus": CORPUS,
        "adapter": {"treatment": treatment}, "audit": "50-run", "release": {"open": True},
        "remaining": {"quarantined_records_until_retention": 2}, "controller": "Linden Kitchens",
    }  # fmt: skip
    return certificate_body(**said | changes)


@pytest.mark.parametrize("treatment", ["retrained", "removed", "not_trained"])
def test_a_certificate_says_what_was_done_and_what_it_means(treatment: str) -> None:
    said = json.loads(json.dumps(body(treatment)))
    assert set(said) == {
        "subject", "shard", "request_entry", "controller", "key", "located_rows", "waiting_events", "rewritten", "corpus", "adapter",
        "audit", "release", "remaining", "not_proven",
    }  # fmt: skip
    assert said["key"] == "destroyed"
    assert (said["located_rows"], said["waiting_events"]) == ({TURNS: 3, EXAMPLES: 1}, 5)
    assert [part["rows_removed"] for part in said["rewritten"]] == [3, 1]
    assert said["adapter"]["treatment"] == treatment
    assert said["adapter"]["means"].endswith(".")
    assert said["remaining"] == {"quarantined_records_until_retention": 2}


def test_a_certificate_without_a_corpus_or_a_model_says_so() -> None:
    said = body("not_trained", corpus=None, audit=None, release=None, rewritten=())
    assert (said["corpus"], said["audit"], said["release"], said["rewritten"]) == (None, None, None, [])
    assert said["adapter"]["means"] == "No adapter was trained on this person."


def test_a_certificate_says_what_it_does_not_prove_and_never_that_weights_are_clean() -> None:
    said = body("retrained")
    assert said["not_proven"] == list(NOT_PROVEN)
    text = json.dumps(said).lower()
    for about in ("base model", "quote", "copies", "cannot be proven from weights", "hash of the handle"):
        assert about in text
    assert "contains nothing" not in text
    assert "weights hold nothing of somebody cannot" in text


def test_a_treatment_that_means_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        body("forgotten")


def test_a_certificate_holds_an_id_and_no_handle() -> None:
    assert "whatsapp:" not in json.dumps(body("retrained"))
    assert LOCATED.subject_id in json.dumps(body("retrained"))
