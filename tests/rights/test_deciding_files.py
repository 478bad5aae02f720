"""The bulk door: Parquet in, Parquet out, in order, whole or not at all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from witting.engine.stage import digest
from witting.errors import InvalidEvent, UnknownPurpose, UnreadableFile
from witting.rights.bulk import decide_files
from witting.rights.decide import decide
from witting.schema import TIMESTAMP

P = "fine_tune_own_model"
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)
TURN = pa.schema(
    [("turn", pa.string()), ("conversation", pa.string()), ("subject", pa.string()), ("time", TIMESTAMP),
     ("role", pa.string()), ("place", pa.string()), ("audience", pa.string()), ("surface", pa.string())]
)  # fmt: skip
EVENT = pa.schema(
    [("kind", pa.string()), ("subject", pa.string()), ("purposes", pa.list_(pa.string())), ("occurred_at", TIMESTAMP),
     ("verdict", pa.string()), ("place", pa.string()), ("age", pa.int16())]
)  # fmt: skip

DECISION_FILE = pa.schema(
    [("turn", pa.string()), ("decision", pa.string()), ("basis", pa.string()), ("rule", pa.string()),
     ("entry", pa.int64()), ("reason", pa.string())]
)  # fmt: skip


def talk(turn: str, conversation: str, subject: str | None, audience: str, **more) -> dict:
    when = START + timedelta(days=100)
    return {"turn": turn, "conversation": conversation, "subject": subject, "time": when, "role": "user",
            "place": "FR", "audience": audience, "surface": "x"} | more  # fmt: skip


def said(kind: str, subject: str, day: int, **more) -> dict:
    purposes = [P] if kind == "consent" else []
    verdict = "valid" if kind == "consent" else None
    return {
        "kind": kind,
        "subject": subject,
        "purposes": purposes,
        "occurred_at": START + timedelta(days=day),
        "verdict": verdict,
    } | more


TURNS = [
    talk("1", "c1", "ana", "assistant"),
    talk("2", "c2", "ana", "direct"),
    talk("3", "c2", "bob", "direct"),
    talk("4", "c3", "ana", "closed_group"),
    talk("5", "c3", "cleo", "closed_group"),
    talk("6", "c3", "ana", "closed_group", role="assistant"),
    talk("7", "c4", "ana", "unknown"),
    talk("8", "c5", None, "assistant"),
    talk("9", "c5", "ana", "assistant", time=None),
    talk("10", None, "ana", "direct"),
    talk("11", "c6", "dan", "assistant"),
    talk("12", "c7", "ana", "direct", place="BR"),
    talk("13", "c7", "dan", "direct", place="BR"),
]
EVENTS = [
    said("consent", "ana", 1),
    said("consent", "bob", 2),
    said("consent", "dan", 3),
    said("withdrawal", "dan", 200),
]
EXPECTED = {
    "1": "consent", "2": "consent", "3": "consent", "4": "third_party", "5": "no_consent", "6": "third_party",
    "7": "consent", "8": "no_subject", "9": "no_time", "10": "parties_unknown", "11": "withdrawn", "12": "consent",
    "13": "withdrawn",
}  # fmt: skip


def files(folder: Path, turns=TURNS, events=EVENTS) -> dict:
    pq.write_table(pa.Table.from_pylist(turns, schema=TURN), folder / "T.parquet")
    pq.write_table(pa.Table.from_pylist(events, schema=EVENT), folder / "E.parquet")
    return {"turns": folder / "T.parquet", "events": folder / "E.parquet", "out": folder / "D.parquet"}


def bulk(paths: dict, **more) -> dict:
    return decide_files(
        paths["turns"], paths["events"], **({"purpose": P, "as_of": AS_OF, "out": paths["out"]} | more)
    )


def test_each_turn_is_answered_in_its_place(tmp_path):
    paths = files(tmp_path)
    counts = bulk(paths)
    table = pq.read_table(paths["out"])
    assert table.schema.equals(DECISION_FILE)
    assert dict(zip(table["turn"].to_pylist(), table["reason"].to_pylist(), strict=True)) == EXPECTED
    assert table["turn"].to_pylist() == list(EXPECTED)
    assert table["rule"].to_pylist()[11] == "br.consent"
    assert counts["turns"] == 13
    assert counts["permit"] == table["decision"].to_pylist().count("permit") == 5
    assert sum(counts["reasons"].values()) == 13


def test_small_batches_answer_the_same(tmp_path, monkeypatch):
    paths = files(tmp_path)
    bulk(paths)
    whole = pq.read_table(paths["out"])
    monkeypatch.setattr("witting.rights.bulk.BATCH_ROWS", 2)
    bulk(paths)
    assert pq.read_table(paths["out"]).equals(whole)


def test_the_bulk_door_and_the_table_door_agree(tmp_path):
    rng = np.random.default_rng(7)
    people = [f"p{i}" for i in range(40)]
    kinds = ["consent", "consent", "consent", "withdrawal", "refusal", "age", "place"]
    events = [
        said(str(rng.choice(kinds)), str(rng.choice(people)), int(rng.integers(0, 320))) for _ in range(150)
    ]
    for row in events:
        row["age"] = int(rng.choice([15, 30])) if row["kind"] == "age" else None
        row["place"] = str(rng.choice(["FR", "BR", "KR"])) if row["kind"] == "place" else None
        row["verdict"] = (
            str(rng.choice(["valid", "valid", "weak", "invalid"])) if row["kind"] == "consent" else None
        )
    turns = [
        talk(str(i), f"c{rng.integers(0, 120)}", str(rng.choice(people[:20])),
             str(rng.choice(["assistant", "direct", "unknown", "public"])), place=None,
             time=START + timedelta(days=int(rng.integers(0, 320))))
        for i in range(600)
    ]  # fmt: skip
    # an audience belongs to the conversation
    audience = {row["conversation"]: row["audience"] for row in turns}
    turns = [row | {"audience": audience[row["conversation"]]} for row in turns]
    paths = files(tmp_path, turns, events)
    bulk(paths)
    table = pl.DataFrame(pa.Table.from_pylist(turns, schema=TURN)).select(
        pl.col("turn").alias("row_id"), pl.col("conversation").alias("conversation_id"),
        pl.col("subject").alias("subject_id"), pl.col("time").alias("occurred_at"), "role", "audience", "surface",
    ).to_arrow()  # fmt: skip
    from witting.rights.policy import load_packs

    inside = decide(
        table, pa.Table.from_pylist(events, schema=EVENT), purpose=P, as_of=AS_OF, packs=load_packs()
    )
    outside = pq.read_table(paths["out"])
    assert inside["reason"].to_pylist() == outside["reason"].to_pylist()
    assert inside["rule"].to_pylist() == outside["rule"].to_pylist()
    assert len(set(outside["reason"].to_pylist())) > 6


@pytest.mark.parametrize("seed", range(2))
def test_any_cut_order_and_number_of_threads_has_the_same_digest(tmp_path, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    people = [*(f"app:p{i}" for i in range(30)), "app:unknown-account", None]
    audience = rng.choice(["assistant", "direct", "closed_group", "public", "other"], 90)
    turns = [
        talk(str(i), f"c{c}" if c else None, people[rng.integers(0, 32)], str(audience[c]),
             place=[None, "FR", "BR", "US-CA"][rng.integers(0, 4)], surface=["x", "whatsapp", None][rng.integers(0, 3)],
             time=None if i % 50 == 0 else START + timedelta(days=int(rng.integers(0, 400))))
        for i, c in enumerate(rng.integers(0, 90, 900))
    ]  # fmt: skip
    kinds = ["consent", "consent", "consent", "withdrawal", "notice", "age", "place"]
    events = [
        said(str(rng.choice(kinds)), f"app:p{rng.integers(0, 26)}", int(rng.integers(0, 200)))
        | {"age": int(rng.integers(15, 20)), "place": str(rng.choice(["FR", "KR"]))}
        for _ in range(120)
    ]
    paths = files(tmp_path, turns, events)
    bulk(paths)
    whole = pq.read_table(paths["out"])
    assert len(set(whole["reason"].to_pylist())) > 9
    for threads, batch_rows, pairs_max, group in ((1, 1, 1, 7), (2, 50, 20, 100), (5, 10_000, 50, 900)):
        monkeypatch.setattr("witting.rights.bulk.THREADS", threads)
        monkeypatch.setattr("witting.rights.bulk.BATCH_ROWS", batch_rows)
        monkeypatch.setattr("witting.rights.bulk.ROWS_MAX", batch_rows)
        monkeypatch.setattr("witting.rights.talks.PAIRS_MAX", pairs_max)
        shuffled = pa.Table.from_pylist([turns[i] for i in rng.permutation(len(turns))], schema=TURN)
        pq.write_table(shuffled, paths["turns"], row_group_size=group)
        pq.write_table(pq.read_table(paths["events"]).take(rng.permutation(120)), paths["events"])
        bulk(paths)
        again = pq.read_table(paths["out"])
        assert again["turn"].to_pylist() == shuffled["turn"].to_pylist()
        assert digest(again) == digest(whole)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.null()])
def test_no_conversations_at_all_are_parties_unknown(tmp_path, kind):
    paths = files(tmp_path)
    table = pq.read_table(paths["turns"])
    pq.write_table(table.set_column(1, "conversation", pa.nulls(table.num_rows, kind)), paths["turns"])
    assert bulk(paths)["reasons"]["parties_unknown"] == 6


def test_only_the_required_columns_are_needed(tmp_path):
    paths = files(tmp_path)
    pq.write_table(pq.read_table(paths["turns"]).drop_columns(["role", "place", "surface"]), paths["turns"])
    pq.write_table(pq.read_table(paths["events"]).drop_columns(["place", "age"]), paths["events"])
    assert bulk(paths)["turns"] == 13


@pytest.mark.parametrize(
    "kind", [pa.timestamp("ms", tz="UTC"), pa.timestamp("us"), pa.timestamp("ns", tz="Europe/Paris")]
)
def test_times_of_other_precision_are_read_and_a_missing_zone_is_utc(tmp_path, kind):
    paths = files(tmp_path)
    bulk(paths)
    expected = pq.read_table(paths["out"])
    table = pq.read_table(paths["turns"])
    naive = kind.tz is None
    column = table["time"].cast(pa.timestamp("us")) if naive else table["time"].cast(kind)
    pq.write_table(table.set_column(3, "time", column), paths["turns"])
    bulk(paths)
    assert pq.read_table(paths["out"]).equals(expected)


@pytest.mark.parametrize(
    ("which", "change", "error", "named"),
    [
        ("turns", lambda t: t.drop_columns(["audience"]), UnreadableFile, "the column audience is missing"),
        ("turns", lambda t: t.set_column(3, "time", t["time"].cast(pa.int64())), UnreadableFile, "column time"),
        ("events", lambda t: t.drop_columns(["purposes"]), InvalidEvent, "the column purposes is missing"),
        ("events", lambda t: t.set_column(3, "occurred_at", pa.nulls(t.num_rows, TIMESTAMP)), InvalidEvent, "occurred_at is empty"),
        ("events", lambda t: t.set_column(0, "kind", pa.array(["withdrew"] * t.num_rows)), InvalidEvent, "kind is none of"),
        ("events", lambda t: t.set_column(2, "purposes", pa.array(["x"] * t.num_rows)), InvalidEvent, "column purposes"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_trusted_decides_nothing(tmp_path, which, change, error, named):
    paths = files(tmp_path)
    pq.write_table(change(pq.read_table(paths[which])), paths[which])
    with pytest.raises(error, match=named):
        bulk(paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["E.parquet", "T.parquet"]


@pytest.mark.parametrize("which", ["turns", "events"])
@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"\0" * 500]
)
def test_a_damaged_or_missing_file_leaves_no_permit(tmp_path, which, damage):
    paths = files(tmp_path)
    paths[which].write_bytes(damage(paths[which].read_bytes()))
    with pytest.raises((UnreadableFile, InvalidEvent)):
        bulk(paths)
    paths[which].unlink()
    with pytest.raises(UnreadableFile):
        bulk(paths)
    assert not paths["out"].exists()


def test_pages_damaged_inside_leave_no_permit_and_no_earlier_answer_is_harmed(tmp_path):
    paths = files(tmp_path)
    bulk(paths)
    kept = paths["out"].read_bytes()
    data = bytearray(paths["turns"].read_bytes())
    data[4:120] = bytes(116)
    paths["turns"].write_bytes(data)
    with pytest.raises(UnreadableFile):
        bulk(paths)
    assert paths["out"].read_bytes() == kept
    assert not list(tmp_path.glob("*.partial"))


def test_an_unknown_purpose_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(UnknownPurpose):
        bulk(files(tmp_path), purpose="research")


def test_no_turns_are_an_empty_answer(tmp_path):
    paths = files(tmp_path, turns=[])
    assert bulk(paths) == {"turns": 0, "permit": 0, "deny": 0, "reasons": {}}
    assert pq.read_table(paths["out"]).num_rows == 0
