"""What the decisions come to does not depend on how the turns were cut into parts."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.store.parts import Part
from witting.walk.tally import EVERYBODY, Tally, tally

OUTCOMES = ("permit", "no_consent", "withdrawn")
TURNS = st.lists(
    st.tuples(
        st.integers(0, 7),  # person; the shard follows from it
        st.sampled_from(OUTCOMES),
        st.sampled_from(["FR", None]),
        st.sampled_from(["chatgpt", "whatsapp"]),
    ),
    max_size=40,
)
SHARDS = 3


def counted(turns: list[tuple[int, str, str | None, str]], *, part_rows: int) -> Tally:
    """The tally of turns that lie in parts of so many rows."""
    asked, decided, tables = [], [], {}
    for shard in range(SHARDS):
        own = [(n, turn) for n, turn in enumerate(turns) if turn[0] % SHARDS == shard]
        for start in range(0, len(own), part_rows):
            rows = own[start : start + part_rows]
            a, d = (
                Part(f"{kind}/{shard}/{start}", "", len(rows), 0, shard) for kind in ("turns", "decisions")
            )
            tables[a.key] = pa.table(
                {"row_id": [f"r{n}" for n, _ in rows], "surface": [turn[3] for _, turn in rows]}
            )
            tables[d.key] = pa.table(
                {
                    "row_id": [f"r{n}" for n, _ in rows],
                    "subject_id": [f"p{turn[0]}" for _, turn in rows],
                    "decision": ["permit" if turn[1] == "permit" else "deny" for _, turn in rows],
                    "basis": ["consent" if turn[1] == "permit" else "none" for _, turn in rows],
                    "reason": ["consent" if turn[1] == "permit" else turn[1] for _, turn in rows],
                    "place": pa.array([turn[2] for _, turn in rows], pa.string()),
                }
            )
            asked.append(a)
            decided.append(d)
    return tally(asked, decided, read=lambda part: tables[part.key])


@settings(deadline=None, max_examples=40)
@given(turns=TURNS, part_rows=st.integers(1, 9))
def test_numbers_are_those_of_the_turns_however_they_were_cut(
    turns: list[tuple[int, str, str | None, str]], part_rows: int
) -> None:
    said = counted(turns, part_rows=part_rows)
    assert said == counted(turns, part_rows=1_000)
    assert said.turns == Counter(outcome for _, outcome, _, _ in turns)
    assert said.bases["consent"] == said.turns["permit"]
    for groups in (said.places, said.surfaces):
        assert sum((counts for counts in groups.values()), Counter()) == said.turns
    people = Counter(outcome for _, outcome in {(person, outcome) for person, outcome, _, _ in turns})
    assert {**people, EVERYBODY: len({turn[0] for turn in turns})} == {EVERYBODY: 0, **said.people}


def test_a_place_nobody_knows_is_counted_as_unknown() -> None:
    said = counted([(1, "permit", None, "chatgpt")], part_rows=5)
    assert said.places == {"unknown": Counter(permit=1)}
