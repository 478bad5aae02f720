"""The stages: sealed turns in, redacted or refused turns out, whatever the cut."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting import config, schema
from witting.engine.stage import apply, digest
from witting.redaction import NAMES, REASONS, REDACT_INPUT, conversation_stage, judge, stage
from witting.store.keys import KeyStore

ANA, BEN = "a" * 32, "b" * 32
TALK = (
    ("My name is Ana Souza, call me at +55 11 91234-5678", "user"),
    ("Sure Ana, I will call.", "assistant"),
    ("I have diabetes, what can I cook?", "user"),
    ("With your diabetes, vegetables are good.", "assistant"),
    ("Under NDA: our startup idea is soup cubes", "user"),
    ("my mum has cancer", "user"),
    ("sk-proj-Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js", "user"),
    ("why does key sk-proj-Zk3Qw9Lm2Xc7Vb5Nn8Tr4Yp6Hd1Gf0Js fail when I call the soup service?", "user"),
    ("ana@example.org", "user"),
    ("How long do I boil an egg?", "user"),
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    store = KeyStore.create(tmp_path_factory.mktemp("redaction") / "keys")
    store.add_subjects([ANA, BEN])
    return store


@pytest.fixture(scope="module")
def folder(keys: KeyStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(p for p in tmp_path_factory.getbasetemp().glob("redaction*/keys"))


def turns(
    keys: KeyStore, talk: list[tuple[str | None, str]], *, special: tuple[str, ...] = (), subject: str = ANA
) -> pa.Table:
    ids = [f"{n:032x}" for n in range(len(talk))]
    sealed = keys.seal([subject] * len(talk), ids, [text for text, _ in talk])
    rows: list[dict[str, Any]] = [
        {
            "row_id": ids[n],
            "conversation_id": "c" * 32,
            "parent_id": ids[n - 1] if n else None,
            "position": n,
            "subject_id": subject,
            "speaker_id": subject if role == "user" else role,
            "role": role,
            "occurred_at": None,
            "surface": "chatgpt",
            "audience": "assistant",
            "place": "GB",
            "on_active_path": True,
            "text_sealed": sealed[n],
            "special": list(special),
            "shard": 1,
        }
        for n, (_, role) in enumerate(talk)
    ]
    return pa.Table.from_pylist(rows, schema=REDACT_INPUT)


def named(*names: str) -> pa.Table:
    return pa.Table.from_pylist([{"conversation_id": "c" * 32, "name": list(names)}], schema=NAMES)


def run(folder: Path, table: pa.Table, *, names: pa.Table | None = None) -> pa.Table:
    redaction = stage(
        folder, named("Ana Souza") if names is None else names, settings=config.Redaction(), shards=16
    )
    return apply(redaction, redaction.open(), table)


def test_each_turn_is_kept_redacted_or_refused_for_its_reason(keys: KeyStore, folder: Path) -> None:
    result = run(folder, turns(keys, list(TALK)))
    assert result.schema == schema.REDACTED
    assert result["reason"].to_pylist() == [
        "", "", "special_category", "special_category", "confidential", "special_category", "secret_only", "", "nothing_left", "",
    ]  # fmt: skip
    assert result["verdict"].to_pylist() == [
        "keep" if not r else "refuse" for r in result["reason"].to_pylist()
    ]
    assert [t is None for t in result["text"].to_pylist()] == [
        v == "refuse" for v in result["verdict"].to_pylist()
    ]
    assert set(result["reason"].to_pylist()) <= {"", *REASONS}


def test_no_name_number_or_key_gets_through(keys: KeyStore, folder: Path) -> None:
    result = run(folder, turns(keys, list(TALK)))
    words = " ".join(text for text in result["text"].to_pylist() if text).lower()
    for leaked in ("ana", "souza", "91234", "sk-proj", "example.org"):
        assert leaked not in words
    assert "<secret>" in words
    assert result["kinds"].to_pylist()[0] == ["PERSON", "PHONE"]


def test_a_person_has_one_replacement_within_a_conversation(keys: KeyStore, folder: Path) -> None:
    result = run(folder, turns(keys, [("Hello from Ana Souza", "user"), ("ANA SOUZA again", "user")]))
    first, second = (text.split("<")[1].split(">")[0] for text in result["text"].to_pylist())
    assert first == second


def test_explicit_consent_keeps_ones_own_category_and_nobody_elses(keys: KeyStore, folder: Path) -> None:
    result = run(folder, turns(keys, list(TALK), special=("HEALTH",)))
    reasons = result["reason"].to_pylist()
    assert reasons[2] == reasons[3] == ""
    assert reasons[5] == "special_category"  # her mother's illness is not hers to agree to
    assert "diabetes" in result["text"].to_pylist()[2]
    assert (
        run(folder, turns(keys, list(TALK), special=("RELIGION",)))["reason"].to_pylist()[2]
        == "special_category"
    )


def test_a_deleted_turn_and_an_erased_persons_turn_have_no_text(tmp_path: Path) -> None:
    keys = KeyStore.create(tmp_path / "keys")
    keys.add_subjects([BEN])
    table = turns(
        keys, [(None, "user"), ("call me at +55 11 91234-5678", "user"), ("  ", "user")], subject=BEN
    )
    keys.destroy(BEN)
    result = run(tmp_path / "keys", table)
    assert result["reason"].to_pylist() == ["no_text", "no_text", "no_text"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1_000))
def test_the_result_never_depends_on_how_the_turns_were_cut_or_ordered(
    keys: KeyStore, folder: Path, seed: int
) -> None:
    rng = random.Random(seed)
    table = turns(keys, list(TALK))
    redaction = stage(folder, named("Ana Souza"), settings=config.Redaction(), shards=16)
    transform = redaction.open()
    whole = apply(redaction, transform, table)
    shuffled = table.take(rng.sample(range(table.num_rows), table.num_rows))
    cut = rng.randint(0, table.num_rows)
    parts = [apply(redaction, redaction.open(), p) for p in (shuffled.slice(0, cut), shuffled.slice(cut))]
    assert digest(pa.concat_tables(parts)) == digest(whole)


def test_a_stage_can_be_sent_to_a_worker_and_knows_its_names(folder: Path) -> None:
    one = stage(folder, named("Ana"), settings=config.Redaction(), shards=16)
    assert pickle.loads(pickle.dumps(one)).fingerprint == one.fingerprint
    assert stage(folder, named("Ben"), settings=config.Redaction(), shards=16).fingerprint != one.fingerprint
    kept = config.Redaction(keep_dates=True)
    assert stage(folder, named("Ana"), settings=kept, shards=16).fingerprint != one.fingerprint


def test_an_empty_part_stays_empty(keys: KeyStore, folder: Path) -> None:
    assert run(folder, turns(keys, [])).num_rows == 0


def redacted(rows: list[tuple[str, str | None, str, str]]) -> pa.Table:
    """REDACTED rows of (row_id, parent_id, role, reason) in conversation c."""
    return pa.Table.from_pylist(
        [
            {
                "row_id": row, "conversation_id": "c", "parent_id": parent, "position": n, "subject_id": "s", "speaker_id": "s", "role": role,
                "surface": "chatgpt", "on_active_path": True, "text": None if reason else f"words {row}", "kinds": [], "verdict": "refuse" if reason else "keep",
                "reason": reason, "shard": 0,
            }
            for n, (row, parent, role, reason) in enumerate(rows)
        ],
        schema=schema.REDACTED,
    )  # fmt: skip


def answers(rows: list[tuple[str, str | None, str, str]]) -> dict[str, str]:
    conversation = conversation_stage()
    result = apply(conversation, conversation.open(), redacted(rows))
    refused = {row["row_id"] for row in result.to_pylist() if row["verdict"] == "refuse"}
    assert refused == {row["row_id"] for row in result.to_pylist() if row["text"] is None}
    return dict(zip(result["row_id"].to_pylist(), result["reason"].to_pylist(), strict=True))


def test_the_answer_to_a_refused_turn_is_refused_down_its_chain_and_later_talk_is_not() -> None:
    got = answers(
        [
            ("q1", None, "user", "special_category"),
            ("a1", "q1", "assistant", ""),
            ("a2", "a1", "assistant", ""),
            ("q2", "a2", "user", ""),
            ("a3", "q2", "assistant", ""),
            ("b1", "q1", "assistant", ""),  # another branch
            ("q3", "a3", "user", "nothing_left"),
            ("a4", "q3", "assistant", ""),
            ("q4", "a4", "user", "no_text"),
            ("a5", "q4", "assistant", ""),
        ]
    )
    refused = {row for row, reason in got.items() if reason == "answers_refused_turn"}
    assert refused == {"a1", "a2", "b1"}


def test_a_child_is_a_child_in_the_whole_conversation() -> None:
    got = answers([("q1", None, "user", ""), ("a1", "q1", "assistant", ""), ("q2", "a1", "user", "child")])
    assert set(got.values()) == {"child"}


def test_a_circle_of_parents_ends() -> None:
    got = answers([("a", "b", "assistant", "confidential"), ("b", "a", "assistant", "")])
    assert got == {"a": "confidential", "b": "answers_refused_turn"}


def judged(
    text: str | None, *, key: Callable[[], bytes] = lambda: b"k" * 32, **more: Any
) -> tuple[str, str | None]:
    answer = judge(text, key=key, scope="c", **more)
    return answer.reason, answer.text


def test_the_key_is_asked_for_only_where_something_is_replaced() -> None:
    def no_key() -> bytes:
        raise AssertionError("asked for the key")

    assert judged("How long do I boil an egg?", key=no_key) == ("", "How long do I boil an egg?")


def test_a_message_without_letters_of_its_own_is_kept() -> None:
    assert judged("👍") == ("", "👍")
    assert judged("42!") == ("", "42!")


def test_what_the_assistant_says_of_you_needs_your_consent() -> None:
    assert judged("your diabetes is well managed", answering=True)[0] == "special_category"
    assert judged("your diabetes is well managed", answering=True, special=("HEALTH",))[0] == ""
    assert judged("your diabetes is well managed", special=("HEALTH",))[0] == "special_category"
