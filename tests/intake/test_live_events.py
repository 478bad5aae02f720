"""Live events: any order, told twice, across files; and a withdrawal that comes first still wins."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Said
from witting.intake.live import events
from witting.intake.source import Export, Feedback, Member, RightsRecord, Skipped, Turn
from witting.workspace import Workspace

T = "2026-11-01T10:00:0{}+00:00"


def event(
    id: str, type: str, subject: str | None = "app:ana", time: str | None = T.format(0), **data
) -> dict:
    return {
        "specversion": "1.0",
        "id": id,
        "source": "/chat",
        "type": type,
        "subject": subject,
        "time": time,
        "data": data,
    }


def turn(id: str, turn_id: str, role: str = "user", text: str = "hi there", **more) -> dict:
    return event(
        id,
        "chat.turn",
        conversation_id="c",
        turn_id=turn_id,
        role=role,
        text=text,
        audience="assistant",
        **more,
    )


def read(*values) -> list:
    data = "".join(json.dumps(value) + "\n" for value in values).encode()
    member = Member("x.jsonl", len(data), lambda: io.BytesIO(data))
    assert events.SOURCE.claims(member, data[:65_536])
    return list(events.SOURCE.read(Export((member,), {}, "")))


def test_a_turn_belongs_to_its_subject_also_where_the_assistant_speaks() -> None:
    mine, answer = read(turn("1", "t1"), turn("2", "t2", "assistant", "yo", parent_id="t1"))
    assert (mine.source, mine.speaker, mine.role, mine.audience, mine.time) == (
        "app",
        "ana",
        "user",
        "assistant",
        T.format(0),
    )
    assert (answer.speaker, answer.owner, answer.parent) == ("assistant", "ana", "t1")
    (bare,) = read(turn("1", "t1") | {"subject": "ana"})
    assert (bare.source, bare.speaker) == ("live", "ana")


def test_the_same_source_and_id_is_one_event() -> None:
    assert [
        type(record).__name__
        for record in read(turn("1", "t1"), turn("1", "t9"), turn("1", "t9") | {"source": "/other"})
    ] == ["Turn", "Skipped", "Turn"]


def test_a_turn_told_by_two_events_is_one_turn() -> None:
    first, again, elsewhere = read(
        turn("1", "t1"), turn("2", "t1", text="hi again"), turn("3", "t1") | {"subject": "web:ana"}
    )
    assert isinstance(first, Turn)
    assert (type(again).__name__, again.reason) == ("Skipped", "repeated")
    assert isinstance(elsewhere, Turn)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (turn("1", "t1") | {"subject": None}, "no_subject"),
        (turn("1", "t1") | {"specversion": "0.3"}, "broken_event"),
        (turn("1", "t1", role="robot"), "unknown_role"),
        (turn("1", "t1", text=""), "no_text"),
        (event("1", "chat.typing"), "unknown_event"),
        (event("1", {"a": 1}), "broken_event"),
        (event("1", "chat.feedback", conversation_id="c", turn_id="t", kind="applause"), "unknown_feedback"),
        (
            event("1", "chat.feedback", conversation_id="c", turn_id="t", kind="thumb", value="maybe"),
            "unknown_feedback",
        ),
        (event("1", "consent.granted", purpose="fine_tune_own_model", time=None), "broken_event"),
        (event("1", "consent.granted", purpose="make_me_rich"), "broken_event"),
        (event("1", "consent.granted"), "broken_event"),
        ([1, 2], "broken_event"),
    ],
)
def test_what_is_broken_or_unknown_is_skipped_by_reason(value, reason: str) -> None:
    records = read(turn("0", "t0"), value)
    assert isinstance(records[1], Skipped)
    assert records[1].reason == reason
    assert (records[1].record is None) == (reason == "unknown_event")


@pytest.mark.parametrize("data", [{}, {"purpose": "everything"}, {"purposes": ["evaluate_model", 7]}])
def test_a_withdrawal_of_nothing_known_is_a_withdrawal_of_everything(data: dict) -> None:
    (said,) = read(event("1", "consent.withdrawn", time=None, **data))
    assert said.event == {"kind": "withdrawal", "subject": "app:ana", "purposes": []}


def test_rights_events_keep_purpose_time_and_evidence() -> None:
    granted, objected, erased = read(
        event("1", "consent.granted", purpose="evaluate_model", evidence={"surface": "dialog"}),
        event("2", "objection.made", purposes=["share_dataset"]),
        event("3", "erasure.requested", scope="all"),
    )
    assert granted.event == {
        "kind": "consent",
        "subject": "app:ana",
        "occurred_at": T.format(0),
        "purposes": ["evaluate_model"],
        "evidence": {"surface": "dialog"},
    }
    assert objected.event["purposes"] == ["share_dataset"]
    assert erased.event == {"kind": "erasure_request", "subject": "app:ana", "occurred_at": T.format(0)}
    assert "ana" not in repr(granted)


def test_requests_for_access_and_complaints_are_heard_whatever_their_data_holds() -> None:
    all_, kinds, odd, complaint = read(
        event("1", "access.requested"),
        event("2", "access.requested", scope="categories"),
        event("3", "access.requested", scope=["everything"]),
        event("4", "complaint.made", text="ptarmigan-kettle-9035"),
    )
    assert [asked.event["scope"] for asked in (all_, kinds, odd)] == ["access", "categories", "access"]
    assert complaint.event == {
        "kind": "complaint",
        "subject": "app:ana",
        "occurred_at": T.format(0),
        "purposes": [],
    }


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.floats()
        | st.text(max_size=5)
        | st.sampled_from(["chat.turn", "1.0", "app:a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "specversion",
                        "id",
                        "source",
                        "type",
                        "subject",
                        "time",
                        "data",
                        "purpose",
                        "role",
                        "text",
                    ]
                ),
                inner,
                max_size=8,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_gives_one_record_a_line(value) -> None:
    data = json.dumps(value).encode()
    member = Member("x", len(data), lambda: io.BytesIO(data))
    for record in events.SOURCE.read(Export((member,), {}, "")):
        assert isinstance(record, (Turn, Skipped, Feedback, RightsRecord))


STREAM = [
    event("w", "consent.withdrawn", "app:ben", T.format(5)),
    event("f", "chat.feedback", "app:ana", conversation_id="c", turn_id="t2", kind="thumb", value="up"),
    turn("2", "t2", "assistant", "an answer", parent_id="t1"),
    turn("1", "t1"),
    turn("3", "t3") | {"subject": "app:ben", "time": T.format(1)},
    event("e", "erasure.requested", "app:cy", T.format(6)),
]


def rows(workspace: Path, name: str) -> pl.DataFrame:
    frames = [
        pl.DataFrame(pq.read_table(path))
        for path in sorted((workspace / "objects" / "intake" / name).rglob("*.parquet"))
    ]
    return pl.concat(frames) if frames else pl.DataFrame()


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_however_the_stream_is_cut_and_ordered_the_outcome_is_the_same(
    tmp_path: Path, cut: int, witting_here: Callable[..., Said]
) -> None:
    stream = random.Random(cut).sample([*STREAM, *STREAM], 2 * len(STREAM))
    workspace = ("--workspace", tmp_path / "w", "--json")
    assert witting_here("init", tmp_path / "w").code == 0
    for start in range(0, len(stream), cut):
        path = tmp_path / f"{start}.jsonl"
        path.write_text("".join(json.dumps(value) + "\n" for value in stream[start : start + cut]))
        said = witting_here("intake", path, *workspace)
        assert said.code == 0, said.err
    turns, signals = (
        rows(tmp_path / "w", "turns").unique("row_id"),
        rows(tmp_path / "w", "signals").unique("signal_id"),
    )
    assert (turns.height, signals.height) == (3, 1)
    people = dict(turns.group_by("subject_id").len().iter_rows())
    assert sorted(people.values()) == [1, 2]  # the answer is Ana's data, whichever came first
    assert signals["row_id"][0] in turns.filter(pl.col("role") == "assistant")["row_id"].to_list()
    ledger = Workspace.open(tmp_path / "w").ledger
    told = [len(list(ledger.entries(kind=f"rights.{kind}"))) for kind in ("withdrawal", "erasure_request")]
    assert told == [1, 1]
    assert "withdraw" in witting_here("rights", "standing", "app:ben", *workspace).out
