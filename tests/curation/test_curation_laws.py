"""Laws of curation: the cut, the order and the erased do not show in the result; every turn is judged once."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting.config import Curation
from witting.curation import (
    REASONS,
    Curated,
    Guards,
    caps,
    curate_shard,
    curate_table,
    duplicate_stage,
    elect,
    examples_stage,
    fingerprint_rows,
    fingerprint_stage,
    implied_signals,
    implied_stage,
    label_counts,
    language_stage,
    languages,
    stages,
)
from witting.engine.stage import Key, Stage, apply, digest
from witting.schema import EXAMPLE, REDACTED, SIGNAL, VERDICT, empty

KEY = b"curation-test-key-0123456789abcd"
SETTINGS = Curation(examples_per_subject_max=3)
PEOPLE = ("ana", "ben", "cy", "dee")
TEXTS = (
    "What is the capital of Peru?", "Lima.", "It is Lima, I think.", "WHAT is the capital of  Peru?", "k",
    "<PERSON_1> is on the way", "<PERSON_2> is on the way", "sorry", "See you tomorrow at the station then",
)  # fmt: skip
laws = settings(
    max_examples=int(os.environ.get("WITTING_LAW_EXAMPLES", "15")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pa.Table, pa.Table]:
    """A few conversations of a few people, with branches, refusals, feedback and repeated words."""
    count = draw(st.integers(0, 28))
    turns: list[dict] = []
    for index in range(count):
        conversation = draw(st.integers(0, 3))
        before = [turn for turn in turns if turn["conversation_id"] == f"c{conversation}"]
        parent = draw(st.sampled_from([None, *before])) if before else None
        person = draw(st.sampled_from(PEOPLE))
        subject = person if parent is None or draw(st.integers(0, 4)) == 0 else parent["subject_id"]
        natural = "user" if parent is None or parent["role"] == "assistant" else "assistant"
        role = draw(st.sampled_from([natural, natural, natural, "person", "system"]))
        refused = draw(st.integers(0, 6)) == 0
        turns.append(
            {
                "row_id": f"r{index:02}", "conversation_id": f"c{conversation}",
                "parent_id": parent["row_id"] if parent else None, "position": len(before), "subject_id": subject,
                "speaker_id": role if role in ("assistant", "system") else subject, "role": role,
                "occurred_at": draw(st.sampled_from([None, 1_700_000_000_000_000, 1_700_000_060_000_000])),
                "surface": "chatgpt", "audience": "assistant", "place": draw(st.sampled_from([None, "FR"])),
                "on_active_path": draw(st.integers(0, 3)) > 0,
                "text": None if refused else draw(st.sampled_from(TEXTS)), "kinds": [],
                "verdict": "refuse" if refused else "keep", "reason": "", "shard": PEOPLE.index(subject) % 2,
            }
        )  # fmt: skip
    redacted = pa.Table.from_pylist(turns, REDACTED)
    return redacted, pa.Table.from_pylist(_signals(draw, turns), SIGNAL)


def _signals(draw: st.DrawFn, turns: Sequence[dict]) -> list[dict]:
    signals: list[dict] = []
    for turn in turns:
        if turn["role"] != "assistant" or draw(st.booleans()):
            continue
        kind = draw(st.sampled_from(["thumb", "regenerated", "correction", "preference"]))
        other = draw(st.sampled_from(turns))["row_id"]
        values = {
            "thumb": draw(st.sampled_from(["1", "-1"])),
            "preference": json.dumps({"chosen": turn["row_id"], "rejected": other}),
        }
        signals.append(
            {
                "signal_id": f"g{len(signals):02}", "row_id": turn["row_id"],
                "conversation_id": turn["conversation_id"], "subject_id": turn["subject_id"], "kind": kind,
                "value": values.get(kind), "source_kind": kind, "rule": "recorded/1", "confidence": 1.0, "occurred_at": None, "text_sealed": None,
                "shard": turn["shard"],
            }
        )  # fmt: skip
    return signals


def of(table: pa.Table, column: str, values: Sequence[str]) -> pa.Table:
    return table.filter(pc.is_in(table[column], pa.array(values, pa.string())))


def curate(redacted: pa.Table, signals: pa.Table) -> Curated:
    return curate_table(redacted, signals, settings=SETTINGS, key=KEY)


def with_implied(redacted: pa.Table, signals: pa.Table) -> pa.Table:
    return pa.concat_tables([signals, implied_signals(redacted, key=KEY)])


def guards_of(pieces: Sequence[tuple[pa.Table, pa.Table]]) -> Guards:
    counts: Counter[tuple[str, str]] = Counter()
    for piece in pieces:
        counts += label_counts(*piece, empty(REDACTED), guards=Guards(), settings=SETTINGS)
    return Guards(per_subject_max=caps(counts, settings=SETTINGS))


def same(one: Curated, other: Curated) -> bool:
    tables = ("examples", "verdicts", "clusters")
    return all(digest(getattr(one, name)) == digest(getattr(other, name)) for name in tables)


@laws
@given(worlds(), st.permutations(range(28)))
def test_the_order_of_the_rows_does_not_show(world, order):
    redacted, signals = world
    shuffled = redacted.take(pa.array([index for index in order if index < redacted.num_rows], pa.int64()))
    turned = signals.take(pa.array(range(signals.num_rows - 1, -1, -1), pa.int64()))
    assert same(curate(redacted, signals), curate(shuffled, turned))


@laws
@given(worlds(), st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_any_cut_between_people_gives_the_whole(world, shard_of):
    redacted, signals = world
    cuts = [
        [person for person, at in zip(PEOPLE, shard_of, strict=True) if at == shard] for shard in range(3)
    ]
    pieces = [(of(redacted, "subject_id", cut), of(signals, "subject_id", cut)) for cut in cuts]
    pieces = [(turns, with_implied(turns, said)) for turns, said in pieces]
    prints = [fingerprint_rows(*piece, settings=SETTINGS, key=KEY) for piece in pieces]
    clusters = elect(pa.concat_tables(prints))
    curated = [
        curate_shard(
            *piece,
            languages(piece[0], settings=SETTINGS),
            clusters,
            corrections=empty(REDACTED),
            guards=guards_of(pieces),
            settings=SETTINGS,
            key=KEY,
        )
        for piece in pieces
    ]
    joined = Curated(
        examples=pa.concat_tables([part.examples for part in curated]),
        verdicts=pa.concat_tables([part.verdicts for part in curated]),
        clusters=pa.concat_tables([part.clusters for part in curated]),
    )
    assert same(joined, curate(redacted, signals))


@laws
@given(worlds(), st.sampled_from(PEOPLE))
def test_erasing_a_person_and_running_again_gives_what_it_would_have_been_without_them(world, erased):
    redacted, signals = world
    rest = [person for person in PEOPLE if person != erased]
    without = curate(of(redacted, "subject_id", rest), of(signals, "subject_id", rest))
    with_all = curate(redacted, signals)
    remaining = elect(
        of(with_all.clusters, "subject_id", rest).select(["row_id", "text_key", "subject_id", "occurred_at"])
    )
    left = of(redacted, "subject_id", rest)
    said = with_implied(left, of(signals, "subject_id", rest))
    again = curate_shard(
        left,
        said,
        languages(left, settings=SETTINGS),
        remaining,
        corrections=empty(REDACTED),
        guards=guards_of([(left, said)]),
        settings=SETTINGS,
        key=KEY,
    )
    assert same(again, without)


@laws
@given(worlds())
def test_every_kept_turn_is_judged_once_and_keep_means_used(world):
    redacted, signals = world
    curated = curate(redacted, signals)
    verdicts = curated.verdicts.to_pylist()
    kept_rows = redacted.filter(pc.equal(redacted["verdict"], "keep"))["row_id"].to_pylist()
    assert sorted(row["row_id"] for row in verdicts) == sorted(kept_rows)
    uses = dict.fromkeys(kept_rows, 0)
    for turns in curated.examples["turns"].to_pylist():
        for turn in turns:
            uses[turn] += 1
    for row in verdicts:
        assert (row["verdict"] == "keep") == (uses[row["row_id"]] > 0)
        assert row["reason"] == "" if row["verdict"] == "keep" else row["reason"] in REASONS
        if row["verdict"] == "keep":
            assert json.loads(row["detail"]) == {"examples": uses[row["row_id"]]}
    assert curated.examples.schema.equals(EXAMPLE)
    assert curated.verdicts.schema.equals(VERDICT)


@laws
@given(worlds())
def test_every_example_belongs_to_one_person_and_learns_nobody_elses_words(world):
    redacted, signals = world
    rows = {row["row_id"]: row for row in redacted.to_pylist()}
    seen = set()
    for example in curate(redacted, signals).examples.to_pylist():
        assert {rows[turn]["subject_id"] for turn in example["turns"]} == {example["subject_id"]}
        assert {rows[turn]["verdict"] for turn in example["turns"]} == {"keep"}
        assert example["shard"] == rows[example["turns"][0]]["shard"]
        assert len(example["turns"]) == len(set(example["turns"]))
        said = [rows[turn]["text"] for turn in example["turns"]]
        learned = [message["content"] for message in example["messages"]]
        assert [*learned, *filter(None, (example["chosen"], example["rejected"]))] == said
        assert example["example_id"] not in seen
        seen.add(example["example_id"])


@laws
@given(worlds())
def test_nobody_has_more_than_the_cap(world):
    for person in PEOPLE:
        own = of(curate(*world).examples, "subject_id", [person])["kind"].to_pylist()
        assert len([kind for kind in own if kind != "kto"]) <= SETTINGS.examples_per_subject_max
        assert own.count("kto") <= SETTINGS.labels_per_subject_max


@laws
@given(worlds())
def test_a_disliked_or_corrected_answer_is_never_learned(world):
    redacted, signals = world
    bad = {
        row["row_id"] for row in signals.to_pylist() if row["kind"] == "correction" or row["value"] == "-1"
    }
    for example in curate(redacted, signals).examples.to_pylist():
        if example["kind"] == "sft":
            assert example["turns"][-1] not in bad
        if example["kind"] == "preference":
            assert example["turns"][-2] not in bad


def cut_by(stage: Stage, table: pa.Table, place: Callable[[str], int]) -> list[pa.Table]:
    assert isinstance(stage.scope, Key)
    where = [place(value) for value in table[stage.scope.column].to_pylist()]
    return [table.filter(pa.array([at == piece for at in where], pa.bool_())) for piece in range(3)]


@laws
@given(worlds(), st.integers(0, 2**32))
def test_each_stage_gives_the_same_for_every_cut_that_respects_its_scope(world, salt):
    redacted, signals = world
    prints = fingerprint_rows(redacted, signals, settings=SETTINGS, key=KEY)
    found = languages(redacted, settings=SETTINGS)
    pairs = [
        (language_stage(SETTINGS), redacted),
        (fingerprint_stage(signals, settings=SETTINGS, key=KEY), redacted),
        (duplicate_stage(), prints),
        (
            examples_stage(
                signals,
                found,
                elect(prints),
                corrections=empty(REDACTED),
                guards=Guards(),
                settings=SETTINGS,
                key=KEY,
            ),
            redacted,
        ),
        (implied_stage(key=KEY), redacted),
    ]
    for stage, table in pairs:
        run = stage.open()
        pieces = cut_by(stage, table, lambda value: crc32(f"{salt} {value}".encode()) % 3)
        cut = pa.concat_tables([apply(stage, run, piece) for piece in pieces])
        assert digest(cut) == digest(apply(stage, run, table)), stage.name


def test_what_lies_beside_a_stage_changes_its_fingerprint(new_chat):
    chat = new_chat().turn("q").answer("a", "q").signal("g", "a", "thumb", "1")
    other = new_chat().signal("g", "a", "thumb", "-1")
    one = fingerprint_stage(chat.tables()[1], settings=SETTINGS, key=KEY)
    assert one.fingerprint == fingerprint_stage(chat.tables()[1], settings=SETTINGS, key=KEY).fingerprint
    assert one.fingerprint != fingerprint_stage(other.tables()[1], settings=SETTINGS, key=KEY).fingerprint


def test_the_stages_of_a_manifest_follow_the_settings():
    assert [stage.name for stage in stages(SETTINGS)] == [
        "language",
        "implied",
        "fingerprints",
        "duplicates",
        "curation",
    ]
    changed = stages(SETTINGS.model_copy(update={"turn_chars_min": 9}))
    differs = [
        one.fingerprint != other.fingerprint for one, other in zip(stages(SETTINGS), changed, strict=True)
    ]
    assert differs == [False, False, True, False, True]
