"""The cases that packs carry, run: each situation is decided as any other, and the answer compared with the one stated.

Covers: our packs and an operator's own. Not covered: whether a case tells the law rightly; that is what a lawyer reads
it for. Cases of pending and annulled rules show that nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from witting.rights.decide import TURN_FACTS, decide
from witting.rights.pack import Case, PackFile, Rule, Said, midnight
from witting.rights.policy import Packs
from witting.rights.reasons import RULE_OF
from witting.schema import EVENT

PERSON = "ana"
LONG_AGO = "1970-01-01"


def runnable(read: PackFile) -> list[tuple[Rule, Case]]:
    """Every case of a pack that states an answer."""
    return [(rule, case) for rule in read.rule for case in rule.case if case.asked is not None]


def wrong_cases(packs: Packs, jurisdiction: str) -> list[str]:
    """One line for each case of the pack that is answered otherwise than it says."""
    read = packs.files[jurisdiction]
    return [
        f"{rule.id}: {case.says} {difference}"
        for rule, case in runnable(read)
        for difference in differences(case, packs, read)
    ]


def differences(case: Case, packs: Packs, read: PackFile) -> Iterator[str]:
    """What is answered otherwise; nothing where all is as stated."""
    place = case.place or (read.places[0] if read.places else None)
    if case.profile is not None and case.asked is not None:
        judged = packs.for_place(place, midnight(case.asked)).parameters.profile
        if judged != case.profile:
            yield f"Judged by {judged}, not by {case.profile}."
    if case.answer is None:
        return
    decided = _decide(case, packs, place)
    rule = f"{read.prefix}.{RULE_OF[case.answer]}"
    if (decided["reason"], decided["rule"]) != (case.answer, rule):
        yield f"Answered {decided['reason']} by {decided['rule']}, not {case.answer} by {rule}."
    if case.special is not None and decided["special"] != sorted(case.special):
        yield f"Opened {decided['special']}, not {sorted(case.special)}."


def _decide(case: Case, packs: Packs, place: str | None) -> Mapping[str, Any]:
    assert case.asked is not None  # `runnable` and Case._runnable see to it
    people = [PERSON, *case.others]
    turn = {
        "row_id": "turn",
        "conversation_id": "talk",
        "subject_id": PERSON,
        "occurred_at": case.said and midnight(case.said),
        "role": "user",
        "audience": case.audience,
        "surface": case.surface,
        "barred": list(case.barred),
        "parties": people,
    }
    turns = pa.Table.from_pylist([turn], schema=TURN_FACTS)
    turns = turns.append_column("place", pa.array([place], pa.string()))
    homes = [Said(kind="place", on=LONG_AGO, who=who) for who in people] if place else []
    rows = [_event(said, case, packs, place) for said in (*homes, *case.events)]
    events = pa.Table.from_pylist(rows, schema=EVENT)
    asked = midnight(case.asked)
    return decide(turns, events, purpose=case.purpose, as_of=asked, packs=packs).to_pylist()[0]


def _event(said: Said, case: Case, packs: Packs, place: str | None) -> dict[str, Any]:
    general = said.kind not in ("consent", "notice", "assessment")
    purposes = ((), (case.purpose,))[not general] if said.purposes is None else said.purposes
    interest = packs.for_place(place, midnight(case.asked or said.on)).parameters.legitimate_interest
    return {
        "kind": said.kind,
        "subject": None if said.kind == "assessment" else said.who,
        "purposes": list(purposes),
        "occurred_at": midnight(said.on),
        "verdict": said.verdict if said.kind == "consent" else None,
        "place": place if said.kind == "place" else None,
        "age": said.age,
        "special": list(said.special),
        "safeguards": list(interest.safeguards if said.safeguards == "all" else said.safeguards),
    }
