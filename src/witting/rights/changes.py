"""What would change the answer: things that could be said or proven, tried one by one and together, each by deciding again.

Covers: the smallest sets of a person's consent, an age, proofs, others' consents and time that turn a no into a yes; for a yes,
when it ends by itself. Not covered: what nothing here can change (a platform's terms, a missing time), which is said in words.
What is tried is decided as of the same moment, but for waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from witting.rights.decide import decide
from witting.rights.policy import Pack
from witting.rights.reasons import PERMITS
from witting.rights.timeline import ADULT, NEVER, Standing
from witting.schema import EVENT

SETS_MAX = 3  # shown
TOGETHER_MAX = 3  # things tried at once
MOMENT = timedelta(microseconds=1)
LAST_ENTRY = 2**62  # of what is tried: after every entry there is
# Where nothing that can be recorded here changes anything.
NOTHING = {
    "no_subject": "Nothing, unless the export says who spoke.",
    "account_unknown": "Reading the export as a named account (`witting intake --account`), then that person's valid consent.",
    "no_time": "Nothing, unless the export says when it was said.",
    "after_as_of": "Ask again as of a later day.",
    "minor": "Nothing: what was said as a minor stays unused.",
    "audience_closed": "Nothing under these rules.",
    "platform_terms": "Other terms of that platform; `witting intake sources` shows those known here.",
    "origin_refuses": "Nothing, unless the place it was published at changes what it says.",
    "parties_unknown": "An export that says who took part.",
}
NOTHING_MORE = "Nothing that can be said or proven here opens this turn."
FROM_THEN_ON = "Nothing that can be said or proven here opens this turn; a valid consent opens what its person says from then on."


def changes(
    table: pa.Table,
    events: pa.Table,
    decided: Mapping[str, Any],  # Any: a row of DECISION
    *,
    as_of: datetime,
    settings: Mapping[str, Any],  # Any: of decide
    stands: Standing,
    pack: Pack,
) -> tuple[str, ...]:
    """Sentences. `table` is the one turn, `settings` are those it was decided with, but for the moment."""
    reason = decided["reason"]
    if reason in PERMITS:
        return (
            "The person's withdrawal, objection or request to be erased, at any time.",
            *_ends(stands, table, reason),
        )
    if reason in NOTHING:
        return (NOTHING[reason],)
    tried = _candidates(table, as_of=as_of, stands=stands, pack=pack)
    found: list[frozenset[str]] = []
    for count in range(1, TOGETHER_MAX + 1):
        for names in map(frozenset, combinations(tried, count)):
            less = {names, names - {"consent_back"} | {"consent"}} if "consent_back" in names else {names}
            if any(known <= some for known in found for some in less):
                continue  # less of it opens already
            if _opens(table, events, [tried[name] for name in sorted(names)], as_of, settings):
                found.append(names)
    if not found:
        later = _opens(_said_later(table, as_of), events, [tried["consent"]], as_of + 2 * MOMENT, settings)
        return (FROM_THEN_ON if later else NOTHING_MORE,)
    told = [
        " And: ".join(tried[name].sentence for name in tried if name in names) for names in found[:SETS_MAX]
    ]
    return tuple(told)


@dataclass(frozen=True)
class _Candidate:
    """Something that could happen: events as they would stand in the ledger, or a later moment."""

    sentence: str
    events: tuple[dict[str, Any], ...] = ()  # Any: EVENT's columns
    at: datetime | None = None


def _candidates(table: pa.Table, *, as_of: datetime, stands: Standing, pack: Pack) -> dict[str, _Candidate]:
    turn = pl.DataFrame(table).row(0, named=True)
    subject, said_at = turn["subject_id"], turn["occurred_at"]
    others = sorted(set(turn["parties"] or []) - {subject, None})
    yes = {"kind": "consent", "purposes": [stands.purpose], "occurred_at": as_of, "verdict": "valid"}
    back = yes | {"valid_from": said_at}
    adult = {"kind": "age", "subject": subject, "purposes": [], "occurred_at": as_of, "age": ADULT}
    tried = {
        "consent": _Candidate("A new valid consent of the person.", ({**yes, "subject": subject},)),
        "consent_back": _Candidate(
            "A valid consent of the person that names what they said before, too (data_window), on a notice they had been shown by then.",
            ({**back, "subject": subject},),
        ),
        "age": _Candidate("A record that the person is an adult.", (adult,)),
    }
    if others:
        tried["others"] = _Candidate(
            "Valid consents of everybody else in this talk that name what was said before, too.",
            tuple({**back, "subject": other} for other in others),
        )
    interest = pack.parameters.legitimate_interest
    if interest.allowed:
        proofs = {"kind": "assessment", "purposes": [stands.purpose], "occurred_at": as_of}
        proofs["safeguards"] = list(interest.safeguards)
        tried["proofs"] = _Candidate("A proof of every safeguard (`witting rights assess`).", (proofs,))
        until = _told_long_enough(stands, subject, interest.lead_days)
        if until is not None and until > as_of:
            tried["wait"] = _Candidate(
                f"Time: from {until.date().isoformat()} on, if the person does not object.", at=until
            )
    return tried


def _told_long_enough(stands: Standing, subject: str | None, lead_days: int) -> datetime | None:
    person = int(stands.numbers(pl.Series([subject], dtype=pl.String))[0])
    if person < 0 or stands.noticed[person] == NEVER:
        return None
    return _moment(int(stands.noticed[person])) + timedelta(days=lead_days)


def _opens(
    table: pa.Table,
    events: pa.Table,
    happened: Sequence[_Candidate],
    as_of: datetime,
    settings: Mapping[str, Any],
) -> bool:
    added = [{**event, "entry": LAST_ENTRY} for one in happened for event in one.events]
    told = pa.concat_tables(
        [events.select(EVENT.names).cast(EVENT), pa.Table.from_pylist(added, schema=EVENT)]
    )
    at = max([as_of, *(one.at for one in happened if one.at is not None)])
    return bool(decide(table, told, as_of=at, **settings)["decision"][0].as_py() == "permit")


def _said_later(table: pa.Table, as_of: datetime) -> pa.Table:
    """The same turn, said just after."""
    later = pl.lit(as_of + MOMENT).cast(pl.Datetime("us", "UTC"))
    return pl.DataFrame(table).with_columns(occurred_at=later).to_arrow()


def _ends(stands: Standing, table: pa.Table, reason: str) -> tuple[str, ...]:
    """When the consent runs out, or the first proof of legitimate interest is stale."""
    if reason == "legitimate_interest":
        if stands.assessed_until == NEVER:
            return ()
        day = _moment(stands.assessed_until).date().isoformat()
        return (f"Time: on {day} the first proof of a safeguard is stale, until it is assessed again.",)
    person = stands.numbers(pl.DataFrame(table)["subject_id"])
    row = stands.consent.at(person, np.array([stands.as_of], dtype=np.int64))
    until = int(stands.consent.value("until", row, -1)[0])
    if until < 0 or until == NEVER:
        return ()
    return (f"Time: on {_moment(until).date().isoformat()} the consent runs out.",)


def _moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
