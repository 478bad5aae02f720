"""Why may this one turn be used, or not: every rule asked, what it saw, what it answered, and what would change it.

Covers: one turn for one purpose as of one time. Not covered: deciding (the same bulk decision is asked, so that what is said
cannot differ from it), what would change it (`changes.py`, which decides again). Other people in the talk appear as a
number, never by id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from witting.intake.facts import all_facts
from witting.rights.changes import changes
from witting.rights.decide import CONSENT_DAYS_MAX, TURN_FACTS, decide
from witting.rights.event_table import micros
from witting.rights.implied import BY_NAME
from witting.rights.intervals import Ints, Timeline
from witting.rights.policy import Pack, Packs
from witting.rights.purposes import wider
from witting.rights.reasons import REASONS, RULE_OF
from witting.rights.standing import of_subjects
from witting.rights.timeline import ADULT, NEVER, NO_ENTRY, STATE, STATES, Standing, stand
from witting.schema import AUDIENCES

YES, NO, NOT_ASKED = "yes", "no", "-"
DAY_MICROS = 86_400_000_000
SAYS = {
    "none": "no answer to this purpose",
    "open": "an open consent",
    "expired": "a consent that had run out",
    "consent_weak": "a consent too poorly asked for",
    "consent_invalid": "a consent that does not meet the law's conditions",
    "refused": "a refusal",
    "objected": "an objection",
    "withdrawn": "a withdrawal",
    "erasure_requested": "a request to be erased",
    "signalled": "a preference signal that says no",
}


@dataclass(frozen=True)
class Asked:
    """One rule: what it saw and answered (`yes`, `no`, or `-` where it was not asked), and the ledger entries it saw."""

    rule: str
    saw: str
    answer: str
    entries: tuple[int, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The answer to one question. Sentences hold dates, counts and ids of entries, never a word or another person's id."""

    turn: str | None
    purpose: str
    as_of: datetime
    law: str  # a sentence
    asked: tuple[Asked, ...]
    decision: str  # permit | deny
    reason: str  # reasons.NAMES
    because: str  # a sentence
    rule: str
    plain: str  # what that rule says, with its citation
    entry: int | None
    would_change: tuple[str, ...]

    @property
    def entries(self) -> list[int]:
        """Every ledger entry that was seen."""
        seen = {entry for one in self.asked for entry in one.entries}
        return sorted(seen if self.entry is None else seen | {self.entry})

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"as_of": self.as_of.isoformat(), "asked": [asdict(one) for one in self.asked]}


def explain(
    turn: Mapping[str, Any],  # Any: a row of TURN
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
    nameless: Collection[str] = (),
) -> Explanation:
    """`turn` has the columns of TURN_FACTS, `nameless` is as in `decide`. Cost: the decision of one turn, some forty times."""
    subject = turn.get("subject_id")
    parties = turn.get("parties") or []
    near = of_subjects(events, [one for one in {subject, *parties} if one is not None])
    table = _given_parties(
        pa.Table.from_pylist([{name: turn.get(name) for name in TURN_FACTS.names}], schema=TURN_FACTS)
    )
    settings: dict[str, Any] = {
        "purpose": purpose,
        "packs": packs,
        "consent_days_max": consent_days_max,
        "nameless": nameless,
    }
    decided = decide(table, near, as_of=as_of, **settings).to_pylist()[0]
    stands = stand(near, purpose=purpose, as_of=as_of, consent_days_max=consent_days_max)
    pack = packs.for_place(decided["place"], turn.get("occurred_at") or as_of)
    rule = pack.rule(decided["rule"])
    plain = (
        f"{rule.plain} ({rule.citation}{'' if rule.reviewed else '; citation not reviewed'})" if rule else ""
    )
    return Explanation(
        turn=turn.get("row_id"),
        purpose=purpose,
        as_of=as_of,
        law=_law(pack, decided["place"]),
        asked=(
            _time(pack, turn.get("occurred_at"), as_of),
            *_person(pack, stands, subject, turn.get("occurred_at") or as_of, decided),
            _others(
                pack,
                table,
                near,
                settings | {"as_of": as_of},
                turn.get("audience"),
                len(set(parties) - {subject}),
            ),
            *_terms(pack, turn, purpose, as_of),
        ),
        decision=decided["decision"],
        reason=decided["reason"],
        because=REASONS[decided["reason"]],
        rule=decided["rule"],
        plain=plain,
        entry=decided["entry"],
        would_change=changes(table, near, decided, as_of=as_of, settings=settings, stands=stands, pack=pack),
    )


def _given_parties(table: pa.Table) -> pa.Table:
    """An empty list stays unknown; absent parties must not be guessed from a table of one turn."""
    empty = pl.lit([], dtype=pl.List(pl.String))
    return pl.DataFrame(table).with_columns(pl.col("parties").fill_null(empty)).to_arrow()


def _law(pack: Pack, place: str | None) -> str:
    where = f"The person's place was {place}" if place else "The person's place was not known then"
    unread = "" if pack.reviewed else "; not yet reviewed by a lawyer"
    return f"{where}: {pack.title} (pack {pack.jurisdiction}, version {pack.version}{unread})."


def _terms(pack: Pack, turn: Mapping[str, Any], purpose: str, as_of: datetime) -> list[Asked]:  # Any: TURN
    """What the platform's terms and the place of publication said, where either says anything."""
    found = []
    if (facts := all_facts().get(str(turn.get("surface")))) is not None:
        term = facts.permitted(as_of.date())
        saw = f"the terms of {facts.title} since {term.from_day.isoformat()}{'' if term.reviewed else ' (not read by us)'}"
        found.append(Asked(pack.rule_id("platform_terms"), saw, YES if purpose in term.purposes else NO))
    if turn.get("barred"):
        answer = NO if purpose in turn["barred"] else YES
        found.append(Asked(pack.rule_id("origin_signals"), "what it was published with", answer))
    return found


def _time(pack: Pack, occurred_at: datetime | None, as_of: datetime) -> Asked:
    if occurred_at is None:
        return Asked(pack.rule_id("as_of"), "no time", NO)
    return Asked(pack.rule_id("as_of"), f"said on {_day(occurred_at)}", NO if occurred_at > as_of else YES)


def _person(
    pack: Pack, stands: Standing, subject: str | None, at: datetime, decided: Mapping[str, Any]
) -> list[Asked]:
    person = int(stands.numbers(pl.Series([subject], dtype=pl.String))[0])
    if person < 0:
        return [Asked(pack.rule_id("consent"), "nothing said by this person", NO)]
    then = micros(at.astimezone(UTC))
    moments = (then, stands.as_of)
    age_min = pack.age_min(decided["place"])
    age, young = _ages(stands, person, then)
    told = [_value(stands.consent, person, moment, "state", STATE["none"]) for moment in moments]
    entries = [_value(stands.consent, person, moment, "entry", NO_ENTRY) for moment in moments]
    states = [
        f"{SAYS[STATES[state]]}{_through(stands, person, moment)}{_entry(entry)}"
        for state, entry, moment in zip(told, entries, moments, strict=True)
    ]
    saw = f"then and today {states[0]}" if states[0] == states[1] else f"then {states[0]}; today {states[1]}"
    is_open = all(state == STATE["open"] for state in told)
    return [
        Asked(
            pack.rule_id("minor"),
            f"{_age(age)}; {age_min} is asked for",
            NO if young is not None and young < age_min else YES,
            _known([_value(stands.ages, person, stands.as_of, "entry", NO_ENTRY)]),
        ),
        Asked(pack.rule_id("consent"), saw, YES if is_open else NO, _known(entries)),
        _interest(
            pack, stands, person, decided["reason"], answered=any(state != STATE["none"] for state in told)
        ),
    ]


def _ages(stands: Standing, person: int, then: int) -> tuple[int, int | None]:
    """The age known now (-1: none), and the lowest the person was told to have from that moment on."""
    now = _value(stands.ages, person, stands.as_of, "age", -1)
    first, last = stands.ages.offsets[person], stands.ages.offsets[person + 1]
    if first == last:
        return now, None
    row = int(stands.ages.at(_one(person), _one(then))[0])
    since = stands.youngest_since[row if row >= 0 else first]
    return now, int(stands.ages.columns["age"][since])


def _through(stands: Standing, person: int, moment: int) -> str:
    """Which wider purpose it was said of, where it was not this one by name."""
    if "through" not in stands.consent.columns:
        return ""
    wide = _value(stands.consent, person, moment, "through", BY_NAME)
    return "" if wide == BY_NAME else f" to {wider(stands.purpose)[wide - 1]}, which includes it"


def _interest(pack: Pack, stands: Standing, person: int, reason: str, *, answered: bool) -> Asked:
    interest, name = pack.parameters.legitimate_interest, "legitimate_interest"
    if not interest.allowed:
        return Asked("legitimate interest", "this law does not know it", NOT_ASKED)
    if answered:
        return Asked(pack.rule_id(name), "the person has answered, so it is not asked", NOT_ASKED)
    told = int(stands.noticed[person])
    missing = sorted(set(interest.safeguards) - (stands.safeguards or frozenset()))
    days = (stands.as_of - told) // DAY_MICROS
    notice = (
        "no notice to this person"
        if told == NEVER
        else f"told {days} days ago, {interest.lead_days} are asked for"
    )
    gaps = f"{len(missing)} of {len(interest.safeguards)} safeguards missing" + (
        f" ({', '.join(missing)})" if missing else ""
    )
    # Asked last: whatever came before it answered for itself.
    answer = YES if reason == name else NO if RULE_OF[reason] in (name, "consent") else NOT_ASKED
    return Asked(pack.rule_id(name), f"{notice}; {gaps}", answer, _known([int(stands.noticed_entry[person])]))


def _others(
    pack: Pack, table: pa.Table, events: pa.Table, settings: dict[str, Any], audience: str | None, others: int
) -> Asked:
    seen_by = audience if audience in AUDIENCES else "unknown"
    reach = pack.parameters.audiences.reach(seen_by)
    rule = pack.rule_id("all_party")
    if reach == "own_turns":
        return Asked(rule, f"audience {seen_by}: only the person is asked", NOT_ASKED)
    if reach == "never":
        return Asked(rule, f"audience {seen_by}: such talk is not used", NO)
    if not pl.DataFrame(table)["parties"].list.len()[0]:
        return Asked(rule, f"audience {seen_by}: everybody is asked, and nobody knows who took part", NO)
    decided = decide(_each_other(table), events, **settings)["decision"].to_pylist()
    saw = f"audience {seen_by}: everybody is asked; of {others} others, {decided.count('permit')} have an open door"
    return Asked(rule, saw, YES if "deny" not in decided else NO)


def _each_other(table: pa.Table) -> pa.Table:
    """The same turn as though each other party had said it to themselves alone."""
    frame = pl.DataFrame(table)
    members = (
        frame.select(subject_id="parties").explode("subject_id").filter(pl.col("subject_id").is_not_null())
    )
    members = members.filter(pl.col("subject_id").ne_missing(frame["subject_id"][0]))
    asked = frame.drop("subject_id", "parties").join(members, how="cross")
    return asked.with_columns(parties=pl.concat_list("subject_id")).to_arrow().select(TURN_FACTS.names)


def _value(timeline: Timeline, person: int, moment: int, column: str, missing: int) -> int:
    row: Ints = timeline.at(_one(person), _one(moment))
    return int(timeline.value(column, row, missing)[0])


def _one(number: int) -> Ints:
    return np.array([number], dtype=np.int64)


def _known(entries: list[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(entry for entry in entries if entry >= 0))


def _entry(entry: int) -> str:
    return "" if entry < 0 else f" (entry {entry})"


def _age(age: int) -> str:
    return "no known age" if age < 0 else "an adult" if age >= ADULT else f"{age} years"


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
