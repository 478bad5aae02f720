"""A turn whose export gives no time is used only under a consent that covers all time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from witting.rights.decide import decide
from witting.rights.policy import load_packs
from witting.schema import EVENT

PURPOSE = "fine_tune_own_model"
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
EVER = datetime(1970, 1, 1, tzinfo=UTC)


def event(kind: str, month: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "subject": "s",
        "purposes": [PURPOSE],
        "occurred_at": datetime(2026, month, 1, tzinfo=UTC),
        **more,
    }


PLACE = event("place", 1, place="DE")
FOR_ALL_TIME = event("consent", 6, verdict="valid", valid_from=EVER)
FROM_NOW_ON = event("consent", 6, verdict="valid")


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([FOR_ALL_TIME], "consent"),
        ([FROM_NOW_ON], "no_time"),
        ([], "no_time"),
        ([FOR_ALL_TIME, event("withdrawal", 7)], "no_time"),
        ([FOR_ALL_TIME, event("withdrawal", 7), event("consent", 8, verdict="valid")], "no_time"),
        ([FOR_ALL_TIME, event("consent", 8, verdict="valid")], "no_time"),
        ([FOR_ALL_TIME | {"verdict": "weak"}], "no_time"),
        ([event("age", 2, age=15), event("age", 5, age=18), FOR_ALL_TIME], "no_time"),
    ],
)
def test_only_one_consent_for_all_time_opens_an_undated_turn(
    events: list[dict[str, Any]], reason: str
) -> None:
    turns = pa.table(
        {
            "row_id": ["t"],
            "conversation_id": ["c"],
            "subject_id": ["s"],
            "occurred_at": pa.array([None], pa.timestamp("us", tz="UTC")),
            "role": ["user"],
            "audience": ["assistant"],
            "surface": ["openai_log"],
            "parties": [["s"]],
            "shard": pa.array([0], pa.int16()),
        }
    )
    said = pa.Table.from_pylist([PLACE, *events], schema=EVENT)
    decided = decide(turns, said, purpose=PURPOSE, as_of=AS_OF, packs=load_packs()).to_pylist()[0]
    assert decided["reason"] == reason
    assert decided["decision"] == ("permit" if reason == "consent" else "deny")
