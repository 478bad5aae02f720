"""Another world for a question: the packs and the events as they would be, made beside those that are.

Covers: no legitimate interest, and nothing but valid consents, everywhere or in one place, from a day on. Not covered: deciding
in that world (`decide.py`), what it would cost (`walk/whatif.py`). A change of law is a dated rule like any other, so that a
turn is still decided as of its own time and as of the day asked about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
import pyarrow as pa

from witting.errors import UsageError
from witting.rights.capture import Evidence
from witting.rights.event import PLACE
from witting.rights.event_table import micros
from witting.rights.evidence import FLOOR, judge_record, worst
from witting.rights.pack import PackFile, Rule
from witting.rights.policy import Packs
from witting.rights.record import hold_to_purposes
from witting.rights.timeline import stand
from witting.schema import PURPOSES

LONG_AGO = date(1970, 1, 1)
KeptEvidence = Callable[[str, int], Evidence | None]  # of a subject's consent, by its ledger entry


@dataclass(frozen=True)
class Change:
    """What is otherwise in the other world, beside packs of its own."""

    without_interest: bool = False
    require_valid: bool = False  # no legitimate interest, and consents judged again by the law of the day
    within: str | None = None  # a place or a pack; None: everywhere
    since: date | None = None  # None: always


@dataclass(frozen=True)
class World:
    """The packs of the other world, and which of them the change is about."""

    packs: Packs
    changed: frozenset[str]  # jurisdictions


def changed_world(packs: Packs, change: Change) -> World:
    """The packs with the change in them. Raises UsageError for a place that is none."""
    files, digests, names = dict(packs.files), dict(packs.digests), set(packs.files)
    if change.within is not None:
        names = _named(packs, change.within)
        if not names:
            place, owner = change.within.upper(), packs.jurisdiction_of(change.within)
            own = f"{owner}-{place.lower()}"
            files[own], files[owner] = _split(packs.files[owner], own, place)
            digests[own], names = digests[owner], {own}
    if change.without_interest or change.require_valid:
        files |= {name: _without_interest(files[name], change.since or LONG_AGO) for name in names}
    return World(Packs(files, digests), frozenset(names))


def _named(packs: Packs, within: str) -> set[str]:
    """The pack of that name or of that whole place, with those of its parts; none where a pack is to be split."""
    place, name = within.upper(), within.lower()
    if name not in packs.files and not PLACE.fullmatch(place):
        raise UsageError(
            f"--in takes a place (ISO 3166, such as FR or US-CA) or a pack: {', '.join(sorted(packs.files))}."
        )
    parts = {
        jurisdiction
        for jurisdiction, read in packs.files.items()
        if read.places and all(one == place or one.startswith(f"{place}-") for one in read.places)
    }
    return {name} | parts if name in packs.files else parts


def _split(owner: PackFile, own: str, place: str) -> tuple[PackFile, PackFile]:
    """A pack of the place's own with the same rules, and the owner's without it."""
    others = tuple(one for one in owner.places if one != place)
    return (
        owner.model_copy(update={"jurisdiction": own, "places": (place,)}),
        owner.model_copy(update={"places": others}),
    )


def _without_interest(read: PackFile, since: date) -> PackFile:
    rule = Rule(
        id=f"{read.prefix}.what_if",
        citation="A question, not a law",
        plain="From this day on there is no legitimate interest.",
        in_force_from=since,
        status="in_force",
        reviewed=False,
        sets={"legitimate_interest": {"allowed": False}},
    )
    return read.model_copy(update={"rule": (*read.rule, rule)})  # the last word among the rules of a day


def judged_again(events: pa.Table, world: World, *, at: datetime, evidence_of: KeptEvidence) -> pa.Table:
    """The events with every consent of these laws' people judged anew by the law of `at`: `valid`, or else `invalid`.

    By the profile of the place it was given in and of the place where its person is known to be at `at`; the worse verdict
    counts. A consent whose evidence is gone is invalid. Cost: each consent's evidence is opened once.
    """
    consents = pl.DataFrame(events).with_row_index("row").filter(pl.col("kind") == "consent")
    if consents.is_empty():
        return events
    # Places are the same for every purpose.
    stands = stand(events, purpose=PURPOSES[0], as_of=at, consent_days_max=1)
    moments = np.full(consents.height, micros(at), dtype=np.int64)
    row = stands.places.at(stands.numbers(consents["subject"]), moments)
    names = [*stands.place_names, None]
    here = [names[code] for code in stands.places.value("place", row, len(names) - 1)]
    verdicts = events["verdict"].to_pylist()
    for said, place in zip(consents.to_dicts(), here, strict=True):
        if world.packs.jurisdiction_of(place or said["place"]) in world.changed:
            evidence = evidence_of(said["subject"], said["entry"])
            verdicts[said["row"]] = _verdict(evidence, said, {said["place"], place}, world.packs, at)
    column = events.column_names.index("verdict")
    return events.set_column(column, "verdict", pa.array(verdicts, pa.string()))


def _verdict(
    evidence: Evidence | None, said: dict[str, object], places: set[str | None], packs: Packs, at: datetime
) -> str:
    if evidence is None:
        return "invalid"
    given_at, purposes = said["occurred_at"], said["purposes"]
    assert isinstance(given_at, datetime)  # schema.EVENT
    assert isinstance(purposes, list)
    known = [packs.for_place(place, at).parameters.profile for place in places if place is not None]
    judged = [
        judge_record(evidence, profile=profile, now=at, given_at=given_at)
        for profile in sorted(set(known) or {FLOOR})
    ]
    verdict = hold_to_purposes(worst(judged), purposes, evidence).verdict
    return verdict if verdict == "valid" else "invalid"
