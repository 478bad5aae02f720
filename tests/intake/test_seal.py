"""Sealing: whose data each turn is, what is refused and counted, and that no word leaves in the clear."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from witting.intake.seal import Sealed, all_parties, in_utc, parties, seal
from witting.intake.source import FileVerdict, Signal, Skipped, Turn
from witting.schema import PARTIES, QUARANTINE, SIGNAL, TURN
from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.vault import Vault

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
ARTIFACT = "ab" * 32
CANARY = "zq-blue-otter-7731"
LAWS = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore.create(tmp_path / "keys")


@pytest.fixture
def vault(tmp_path: Path, keys: KeyStore) -> Iterator[Vault]:
    database = open_database("sqlite:///witting.db", root=tmp_path)
    yield Vault(database, keys)
    database.dispose()


def turn(
    name: str, speaker: str, *, role: str = "user", parent: str | None = None, **changes: object
) -> Turn:
    made = Turn(
        member="chat.json", conversation="c1", turn=name, parent=parent, speaker=speaker, role=role,
        time="2026-03-02T10:00:00+00:00", time_precision="s", text=f"words of {name}", audience="assistant",
        source="chatgpt", bytes=(0, 9),
    )  # fmt: skip
    return replace(made, **changes)


def said(name: str, parent: str | None, **changes: object) -> Turn:
    return turn(name, "gpt", role="assistant", parent=parent, **changes)


def bad(record: bytes = b"{broken", **changes: object) -> Skipped:
    made = Skipped("chat.json", "broken_json", (3, 12), record)
    return replace(made, **changes)


def verdict(path: str, *turns: Turn, quarantined: int = 0) -> FileVerdict:
    return FileVerdict(
        path, "chatgpt", "read", "", "cd" * 32, len(turns) + quarantined, len(turns),
        sum(len(t.signals) for t in turns), {"broken_json": quarantined} if quarantined else {}, quarantined,
    )  # fmt: skip


def run(
    records: list, keys: KeyStore, vault: Vault, *, part_rows: int = 100, zone: str = "UTC"
) -> list[Sealed]:
    return list(
        seal(
            records,
            artifact=ARTIFACT,
            keys=keys,
            vault=vault,
            shards=4,
            time_zone=zone,
            part_rows=part_rows,
            now=NOW,
        )
    )


def turns_of(batches: list[Sealed]) -> pa.Table:
    return pa.concat_tables([batch.turns for batch in batches])


def by_turn(records: list, batches: list[Sealed], keys: KeyStore) -> dict[str, dict]:
    """Sealed rows by the native id of their turn."""
    rows = {row["row_id"]: row for row in turns_of(batches).to_pylist()}
    named = {
        r.turn: keys.row_id("turn", r.source, r.conversation, r.turn) for r in records if isinstance(r, Turn)
    }
    return {name: rows[row_id] for name, row_id in named.items() if row_id in rows}


def subject(vault: Vault, speaker: str) -> str | None:
    return vault.find(f"chatgpt:{speaker}")


def test_two_readings_give_the_same_rows_but_for_the_nonce(keys: KeyStore, vault: Vault) -> None:
    records = [turn("t1", "ana"), said("t2", "t1", signals=(Signal("thumb", 1),)), bad()]
    first, second = run(records, keys, vault), run(records, keys, vault)
    for table in ("turns", "signals", "quarantine"):
        kept = [
            name for name in getattr(first[0], table).column_names if name not in ("text_sealed", "sealed")
        ]
        assert getattr(first[0], table).select(kept) == getattr(second[0], table).select(kept)
    assert first[0].turns["text_sealed"] != second[0].turns["text_sealed"]
    assert (first[0].turns.schema, first[0].signals.schema, first[0].quarantine.schema) == (
        TURN,
        SIGNAL,
        QUARANTINE,
    )


def test_words_open_again_for_their_person_and_row(keys: KeyStore, vault: Vault) -> None:
    (batch,) = run([turn("t1", "ana", text=CANARY), turn("t2", "ana", text=None)], keys, vault)
    columns = [batch.turns[name].to_pylist() for name in ("subject_id", "row_id", "text_sealed")]
    assert keys.open(*columns) == [CANARY, None]
    assert batch.turns["text_chars"].to_pylist() == [len(CANARY), 0]
    assert batch.turns["shard"].to_pylist() == [keys.shard(columns[0][0], 4)] * 2


def test_an_answer_belongs_to_the_person_it_answers(keys: KeyStore, vault: Vault) -> None:
    records = [
        turn("t1", "ana"), turn("t2", "ben", parent="t1"), said("a1", "t1"), said("a2", "a1"), said("b1", "t2"),
        said("lost", "nowhere"), said("rootless", None),
    ]  # fmt: skip
    rows = by_turn(records, run(records, keys, vault), keys)
    ana, ben = subject(vault, "ana"), subject(vault, "ben")
    assert {name: row["subject_id"] for name, row in rows.items()} == {
        "t1": ana, "t2": ben, "a1": ana, "a2": ana, "b1": ben, "lost": ana, "rootless": ana,
    }  # fmt: skip
    assert rows["a1"]["speaker_id"] == "assistant"
    assert rows["t2"]["speaker_id"] == ben


def test_what_comes_before_anybody_spoke_belongs_to_who_speaks_first(keys: KeyStore, vault: Vault) -> None:
    records = [
        turn("s", "system", role="system"), said("hello", "s"), turn("t1", "ana", parent="hello"),
        turn("t2", "ben", parent="t1"), turn("other", "system", role="system", conversation="c2"),
    ]  # fmt: skip
    batches = run([*records, verdict("chat.json", *records)], keys, vault)
    rows = by_turn(records, batches, keys)
    ana, nobody = subject(vault, "ana"), subject(vault, "unknown-account")
    assert [rows[name]["subject_id"] for name in ("s", "hello", "t1", "other")] == [ana, ana, ana, nobody]
    assert [rows[name]["position"] for name in ("s", "hello", "t1", "t2", "other")] == [0, 1, 2, 3, 4]
    assert rows["s"]["speaker_id"] == "system"


@LAWS
@given(
    roles=st.lists(st.sampled_from(["ana", "ben", "assistant", "system"]), max_size=12),
    parents=st.lists(st.integers(0, 11), min_size=12, max_size=12),
    part_rows=st.integers(1, 14),
)
def test_a_part_never_holds_more_than_its_rows_and_nothing_is_lost(
    keys: KeyStore, vault: Vault, roles: list[str], parents: list[int], part_rows: int
) -> None:
    records: list = []
    for number, role in enumerate(roles):
        parent = f"t{parents[number]}" if parents[number] < number else None
        role_of = role if role in ("assistant", "system") else "user"
        records.append(turn(f"t{number}", role, role=role_of, parent=parent))
        if number % 3 == 0:
            records.append(bad(bytes([number])))
    closing = verdict("chat.json", *[r for r in records if isinstance(r, Turn)])
    batches = run([*records, closing], keys, vault, part_rows=part_rows)
    assert all(batch.turns.num_rows + batch.quarantine.num_rows <= part_rows for batch in batches)
    assert sum(batch.quarantine.num_rows for batch in batches) == sum(isinstance(r, Skipped) for r in records)
    assert len(by_turn(records, batches, keys)) == len(roles)
    nobody = subject(vault, "unknown-account")
    of_nobody = sum(owner == nobody for owner in turns_of(batches)["subject_id"].to_pylist())
    assert [v for batch in batches for v in batch.verdicts] == [
        dataclasses.replace(closing, unnamed=of_nobody)
    ]


def test_an_erased_persons_turns_are_refused_and_counted_file_by_file(keys: KeyStore, vault: Vault) -> None:
    run([turn("t0", "ana"), turn("t00", "ben")], keys, vault)
    gone = subject(vault, "ana")
    assert gone is not None
    keys.destroy(gone)
    vault.mark_erased(gone)
    liked = (Signal("reaction", "heart", by="ana"), Signal("reaction", "heart", by="ben"))
    one = [turn("t1", "ana", text=CANARY), said("a1", "t1", signals=(Signal("thumb", 1),)), turn("t2", "ben")]
    two = [turn("t3", "ben", conversation="c2", signals=liked), turn("t4", "ana", conversation="c2")]
    for part_rows in (100, 1):
        batches = run(
            [*one, verdict("one", *one), *two, verdict("two", *two)], keys, vault, part_rows=part_rows
        )
        first, second = [v for batch in batches for v in batch.verdicts]
        assert (first.turns, first.skipped, first.signals) == (1, {"subject_erased": 2}, 0)
        assert (second.turns, second.skipped, second.signals) == (1, {"subject_erased": 1}, 1)
        assert all(v.records == v.turns + sum(v.skipped.values()) for v in (first, second))
        assert set(turns_of(batches)["subject_id"].to_pylist()) == {subject(vault, "ben")}
        signals = pa.concat_tables([batch.signals for batch in batches])
        assert signals["subject_id"].to_pylist() == [subject(vault, "ben")]


def test_a_deleted_turn_holds_no_text(keys: KeyStore, vault: Vault) -> None:
    (batch,) = run([turn("t1", "ana", deleted=True, text=CANARY)], keys, vault)
    row = batch.turns.to_pylist()[0]
    assert (row["deleted"], row["text_sealed"], row["text_chars"]) == (True, None, 0)


def test_a_time_without_an_offset_is_read_in_the_configured_zone(keys: KeyStore, vault: Vault) -> None:
    records = [
        turn("naive", "ana", time="2026-07-01T10:00:00", signals=(Signal("thumb", 1, time="2026-07-01T11:00"),)),
        turn("aware", "ana", time="2026-07-01T10:00:00+05:30"),
        turn("none", "ana", time=None, time_precision=None),
        turn("beyond", "ana", time="0001-01-01T00:00:00+14:00"),
    ]  # fmt: skip
    batches = run(records, keys, vault, zone="America/Sao_Paulo")
    rows = by_turn(records, batches, keys)
    assert rows["naive"]["occurred_at"] == datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert rows["aware"]["occurred_at"] == datetime(2026, 7, 1, 4, 30, tzinfo=UTC)
    assert batches[0].signals["occurred_at"].to_pylist() == [datetime(2026, 7, 1, 14, tzinfo=UTC)]
    for name in ("none", "beyond"):
        assert (rows[name]["occurred_at"], rows[name]["time_precision"]) == (None, None)


@given(st.text(max_size=30))
def test_any_time_text_gives_a_moment_or_none(text: str) -> None:
    moment = in_utc(text, ZoneInfo("Asia/Kolkata"))
    assert moment is None or moment.tzinfo is UTC


def test_no_word_handle_or_comment_is_in_any_table(keys: KeyStore, vault: Vault, tmp_path: Path) -> None:
    records = [
        turn("t1", f"ana {CANARY}", text=CANARY),
        said("a1", "t1", text=f"You said {CANARY}", signals=(Signal("comment", text=f"{CANARY}!", by="ben"),)),
        bad(f'{{"text": "{CANARY}'.encode()),
    ]  # fmt: skip
    (batch,) = run(records, keys, vault)
    for number, table in enumerate((batch.turns, batch.signals, batch.quarantine)):
        assert table.num_rows
        path = tmp_path / f"{number}.arrow"
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table)
        assert CANARY.encode() not in path.read_bytes()
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    opened = keys.open_quarantined(
        batch.quarantine["quarantine_id"].to_pylist(), batch.quarantine["sealed"].to_pylist()
    )
    assert CANARY.encode() in opened[0]


def test_bad_records_at_one_place_stay_apart_and_skipped_ones_are_not_kept(
    keys: KeyStore, vault: Vault
) -> None:
    records = [bad(b"one", bytes=(0, 0)), bad(b"two", bytes=(0, 0)), bad(record=None, reason="no_text")]
    (batch,) = run(records, keys, vault)
    assert batch.quarantine.num_rows == 2
    assert len(set(batch.quarantine["quarantine_id"].to_pylist())) == 2
    assert batch.turns.num_rows == 0


def test_feedback_belongs_to_who_gave_it_and_names_rows_and_not_the_sources_ids(
    keys: KeyStore, vault: Vault
) -> None:
    chosen = Signal("preference", {"chosen": "a2", "rejected": "a1"})
    records = [
        turn("t1", "ana"), said("a1", "t1"), said("a2", "t1", signals=(chosen, Signal("thumb", -1, by="ben"))),
    ]  # fmt: skip
    batches = run(records, keys, vault)
    rows = by_turn(records, batches, keys)
    pair, thumb = batches[0].signals.to_pylist()
    assert json.loads(pair["value"]) == {"chosen": rows["a2"]["row_id"], "rejected": rows["a1"]["row_id"]}
    assert (pair["subject_id"], thumb["subject_id"]) == (subject(vault, "ana"), subject(vault, "ben"))
    assert pair["row_id"] == thumb["row_id"] == rows["a2"]["row_id"]
    assert pair["signal_id"] != thumb["signal_id"]


def test_words_of_feedback_are_kept_of_the_person_whose_turn_it_is_only(keys: KeyStore, vault: Vault) -> None:
    given = [
        Signal("correction", text=f"{CANARY} {by}", by=by) for by in (None, "ana", "ben", "somebody-else")
    ]
    batches = run([turn("t1", "ana"), said("a1", "t1", signals=tuple(given))], keys, vault)
    signals = batches[0].signals.to_pylist()
    assert [(row["kind"], row["text_sealed"] is not None) for row in signals] == [
        ("correction", True),
        ("correction", True),
        ("correction", False),
        ("correction", False),
    ]
    assert len({row["subject_id"] for row in signals}) == 3


def test_the_parties_of_a_conversation_are_its_people_over_all_readings(keys: KeyStore, vault: Vault) -> None:
    first = run([turn("t1", "ana"), said("a1", "t1"), turn("t2", "ben")], keys, vault)
    second = run([turn("t3", "cy"), turn("x", "ana", conversation="c2")], keys, vault)
    together = all_parties([parties([batch.turns for batch in batches]) for batches in (first, second)])
    everyone = {
        c: set(people) for c, people in zip(*(together[n].to_pylist() for n in PARTIES.names), strict=True)
    }
    assert sorted(map(len, everyone.values())) == [1, 3]
    assert {subject(vault, name) for name in ("ana", "ben", "cy")} in everyone.values()
    assert together == parties([batch.turns for batch in [*second, *first]])


def test_nothing_to_read_gives_nothing(keys: KeyStore, vault: Vault) -> None:
    assert run([], keys, vault) == []
    (batch,) = run([verdict("empty.json")], keys, vault)
    assert (batch.turns.num_rows, len(batch.verdicts)) == (0, 1)
