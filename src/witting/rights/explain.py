"""Why may this one turn be used, or not: every rule asked, what it saw, what it answered, in sentences.

Covers: one turn for one purpose as of one time. Not covered: deciding (the same bulk decision is asked, so that the
sentences cannot differ from it). Other people in the talk appear as a number, never by id.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa

from witting.intake.facts import all_facts
from witting.rights.decide import CONSENT_DAYS_MAX, TURN_FACTS, decide
from witting.rights.implied import BY_NAME
from witting.rights.intervals import Ints
from witting.rights.policy import Pack, Packs
from witting.rights.purposes import wider
from witting.rights.reasons import PERMITS, REASONS
from witting.rights.standing import of_subjects
from witting.rights.timeline import NEVER, STATE, STATES, Standing, stand
from witting.schema import AUDIENCES

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
WHAT_WOULD_CHANGE_IT = {
    "no_subject": "Nothing, unless the export says who spoke.",
    "account_unknown": "Reading the export as a named account (`witting intake --account`), then that person's valid consent.",
    "no_time": "Nothing, unless the export says when it was said.",
    "after_as_of": "Ask again as of a later day.",
    "minor": "Nothing: what was said as a minor stays unused.",
    "no_consent": "The person's valid consent, for what they say from then on.",
    "refused": "A later valid consent of the person.",
    "objected": "A later valid consent of the person.",
    "withdrawn": "A later valid consent of the person.",
    "signalled": "A later valid consent of the person, in words; no other signal does.",
    "erasure_requested": "A later valid consent of the person, until the erasure is done; then nothing.",
    "expired": "A renewed valid consent of the person.",
    "consent_weak": "A consent asked for properly; `rights judge` lists what to mend.",
    "consent_invalid": "A consent asked for properly; `rights judge` lists what to mend.",
    "before_consent": "Nothing: the person agreed only to what came later.",
    "before_notice": "The person's valid consent.",
    "lead_time": "Time: ask again once the waiting time is over and nobody objected.",
    "age_unknown": "An age event that says the person is an adult, or their valid consent.",
    "safeguard_missing": "An assessment that proves every safeguard, or the person's valid consent.",
    "audience_closed": "Nothing under these rules.",
    "third_party": "Valid consents of everybody else in this talk.",
    "platform_terms": "Other terms of that platform; `witting intake sources` shows those known here.",
    "origin_refuses": "Nothing, unless the place it was published at changes what it says.",
    "parties_unknown": "An export that says who took part.",
}


def explain(
    turn: Mapping[str, Any],  # Any: a row of TURN
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
    consent_days_max: int = CONSENT_DAYS_MAX,
    nameless: Collection[str] = (),
) -> list[str]:
    """Sentences, first the question, last what would change the answer. `turn` has the columns of TURN_FACTS, `nameless` is
    as in `decide`."""
    subject = turn.get("subject_id")
    parties = turn.get("parties") or []
    near = of_subjects(events, [one for one in {subject, *parties} if one is not None])
    known = {name: turn.get(name) for name in TURN_FACTS.names}
    table = pa.Table.from_pylist([known], schema=TURN_FACTS)
    settings: dict[str, Any] = {
        "purpose": purpose,
        "as_of": as_of,
        "packs": packs,
        "consent_days_max": consent_days_max,
        "nameless": nameless,
    }
    decided = decide(_given_parties(table), near, **settings).to_pylist()[0]
    stands = stand(near, purpose=purpose, as_of=as_of, consent_days_max=consent_days_max)
    at = turn.get("occurred_at") or as_of
    pack = packs.for_place(decided["place"], at)
    return [
        f"May turn {turn.get('row_id')} be used for {purpose}, as of {_day(as_of)}?",
        _law(pack, decided["place"]),
        _time(pack, turn.get("occurred_at"), as_of),
        *_person(pack, stands, subject, at, decided["place"]),
        _others(pack, table, near, settings, turn.get("audience"), len(set(parties) - {subject})),
        *_terms(pack, turn, purpose, as_of),
        *_answer(pack, decided),
    ]


def _given_parties(table: pa.Table) -> pa.Table:
    """An empty list stays unknown; absent parties must not be guessed from a table of one turn."""
    empty = pl.lit([], dtype=pl.List(pl.String))
    return pl.DataFrame(table).with_columns(pl.col("parties").fill_null(empty)).to_arrow()


def _law(pack: Pack, place: str | None) -> str:
    where = f"The person's place was {place}" if place else "The person's place is not known"
    unread = "" if pack.reviewed else "; not yet reviewed by a lawyer"
    return f"{where}, so the rules of {pack.title} are asked (pack {pack.jurisdiction}, version {pack.version}{unread})."


def _terms(pack: Pack, turn: Mapping[str, Any], purpose: str, as_of: datetime) -> list[str]:  # Any: TURN
    """What the platform's terms and the place of publication said, where either says anything."""
    lines = []
    if (facts := all_facts().get(str(turn.get("surface")))) is not None:
        term = facts.permitted(as_of.date())
        said = "yes" if purpose in term.purposes else "no"
        lines.append(
            f"{pack.rule_id('platform_terms')}: saw the terms of {facts.title} since {term.from_day.isoformat()}"
            f"{'' if term.reviewed else ' (not read by us)'}; answered {said}."
        )
    if turn.get("barred"):
        said = "no" if purpose in turn["barred"] else "yes"
        lines.append(f"{pack.rule_id('origin_signals')}: saw what it was published with; answered {said}.")
    return lines


def _time(pack: Pack, occurred_at: datetime | None, as_of: datetime) -> str:
    if occurred_at is None:
        return f"{pack.rule_id('as_of')}: saw no time; answered no."
    return f"{pack.rule_id('as_of')}: saw {_day(occurred_at)}; answered {'no' if occurred_at > as_of else 'yes'}."


def _person(pack: Pack, stands: Standing, subject: str | None, at: datetime, place: str | None) -> list[str]:
    person = int(stands.numbers(pl.Series([subject], dtype=pl.String))[0])
    if person < 0:
        return [f"{pack.rule_id('consent')}: saw nothing said by this person; answered no."]
    then = _micros(at)
    age_min = pack.age_min(place)
    ages = [_value(stands.ages, person, moment, "age", -1) for moment in (then, stands.as_of)]
    told = [_value(stands.consent, person, moment, "state", STATE["none"]) for moment in (then, stands.as_of)]
    entries = [_value(stands.consent, person, moment, "entry", -1) for moment in (then, stands.as_of)]
    through = [_through(stands, person, moment) for moment in (then, stands.as_of)]
    states = [
        f"{SAYS[STATES[state]]}{wide}{_entry(entry)}"
        for state, entry, wide in zip(told, entries, through, strict=True)
    ]
    is_open = all(state == STATE["open"] for state in told)
    young = any(0 <= age < age_min for age in ages)
    return [
        f"{pack.rule_id('minor')}: asks for {age_min} years; saw {_age(ages[1])}; answered {'no' if young else 'yes'}.",
        f"{pack.rule_id('consent')}: at the time of the turn saw {states[0]}, today {states[1]}; "
        f"answered {'yes' if is_open else 'no'}.",
        *_interest(pack, stands, person),
    ]


def _through(stands: Standing, person: int, moment: int) -> str:
    """Which wider purpose it was said of, where it was not this one by name."""
    if "through" not in stands.consent.columns:
        return ""
    wide = _value(stands.consent, person, moment, "through", BY_NAME)
    return "" if wide == BY_NAME else f" to {wider(stands.purpose)[wide - 1]}, which includes it"


def _interest(pack: Pack, stands: Standing, person: int) -> list[str]:
    interest = pack.parameters.legitimate_interest
    if not interest.allowed:
        return ["Legitimate interest: not open under these rules."]
    told = int(stands.noticed[person])
    missing = sorted(set(interest.safeguards) - (stands.safeguards or frozenset()))
    saw = [
        "no notice to this person"
        if told == NEVER
        else f"a notice, {(stands.as_of - told) // 86_400_000_000} days ago",
        f"{len(missing)} of {len(interest.safeguards)} safeguards missing"
        + (f" ({', '.join(missing)})" if missing else ""),
    ]
    return [
        f"{pack.rule_id('legitimate_interest')}: asks for {interest.lead_days} days' notice; saw {', '.join(saw)}."
    ]


def _others(
    pack: Pack, table: pa.Table, events: pa.Table, settings: dict[str, Any], audience: str | None, others: int
) -> str:
    seen_by = audience if audience in AUDIENCES else "unknown"
    reach = pack.parameters.audiences.reach(seen_by)
    rule = pack.rule_id("all_party")
    if reach == "own_turns":
        return f"{rule}: talk of audience {seen_by} asks only the person; not asked."
    if reach == "never":
        return f"{rule}: talk of audience {seen_by} is not used; answered no."
    frame = pl.DataFrame(table)
    members = (
        frame.select(subject_id="parties").explode("subject_id").filter(pl.col("subject_id").is_not_null())
    )
    members = members.filter(pl.col("subject_id").ne_missing(frame["subject_id"][0]))
    asked = frame.drop("subject_id", "parties").join(members, how="cross")
    alone = asked.with_columns(parties=pl.concat_list("subject_id")).to_arrow().select(TURN_FACTS.names)
    decided = decide(alone, events, **settings)["decision"].to_pylist()
    return (
        f"{rule}: talk of audience {seen_by} asks everybody; of {others} others, {decided.count('permit')} have an open "
        f"door; answered {'yes' if 'deny' not in decided else 'no'}."
    )


def _answer(pack: Pack, decided: Mapping[str, Any]) -> list[str]:
    reason = decided["reason"]
    rule = pack.rule(decided["rule"])
    source = (
        f" {rule.plain} ({rule.citation}{'' if rule.reviewed else '; citation not reviewed'})" if rule else ""
    )
    said = f"Answer: {decided['decision']}, {reason}{_entry(decided['entry'])}. {REASONS[reason]}"
    changes = "The person's withdrawal or objection." if reason in PERMITS else WHAT_WOULD_CHANGE_IT[reason]
    return [said, f"Rule {decided['rule']}.{source}", f"What would change it: {changes}"]


def _value(timeline: Any, person: int, moment: int, column: str, missing: int) -> int:
    row: Ints = timeline.at(_one(person), _one(moment))
    return int(timeline.value(column, row, missing)[0])


def _one(number: int) -> Ints:
    return pl.Series([number], dtype=pl.Int64).to_numpy()


def _micros(moment: datetime) -> int:
    return pl.Series([moment]).dt.epoch("us")[0]


def _entry(entry: int | None) -> str:
    return "" if entry is None or entry < 0 else f" (ledger entry {entry})"


def _age(age: int) -> str:
    return "no known age" if age < 0 else "an adult" if age >= 18 else f"{age} years"


def _day(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
