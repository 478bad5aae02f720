"""The packs as arrays: what each law says of each audience, in each era, looked up a million turns at a time.

Covers: compiling packs for one purpose into small tables indexed by (era, cell, audience). An era is a stretch of time
in which no pack changes; a cell is a jurisdiction, and the place within it where a place has an age of its own.
Not covered: the meaning of the values (`policy.py`), the questions (`doors.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from witting.rights.policy import ALL_PARTY, NEVER, OWN_TURNS, Packs, Parameters, country
from witting.rights.timeline import Bools, Ints, micros
from witting.schema import AUDIENCES

REACHES = (OWN_TURNS, ALL_PARTY, NEVER)  # ascending in strictness: the larger of two codes is the stricter
REACH = {name: code for code, name in enumerate(REACHES)}
UNKNOWN_AUDIENCE = AUDIENCES.index("unknown")
DAY_MICROS = 86_400_000_000
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Cell = tuple[str, str | None]  # jurisdiction, country with an age of its own


@dataclass(frozen=True)
class Rulebook:
    """For one purpose. Arrays are indexed [era, cell] or [era, cell, audience]."""

    packs: Packs
    turning_points: Ints  # microseconds: era i lasts until turning_points[i]
    cells: tuple[Cell, ...]
    prefixes: tuple[str, ...]  # (cells,): of rule ids
    reach: npt.NDArray[np.int8]  # index into REACHES
    age_min: Ints
    term: Ints  # microseconds a consent lasts at most
    special: Bools  # may explicit consent open special categories?
    interest: Bools  # is legitimate interest open to this purpose and audience?
    lead: Ints  # microseconds between notice and first use
    proven: Bools  # are the safeguards proven?

    def eras(self, moments: Ints) -> Ints:
        return np.searchsorted(self.turning_points, moments, side="right")

    def cell(self, place: str | None) -> int:
        jurisdiction = self.packs.jurisdiction_of(place)
        own = (jurisdiction, country(place))
        return self.cells.index(own if own in self.cells else (jurisdiction, None))


def compile_packs(packs: Packs, *, purpose: str, safeguards: frozenset[str] | None) -> Rulebook:
    turning = packs.turning_points()
    eras = [LONG_AGO, *turning]
    cells = _cells(packs, eras)
    laws = [[packs.named(jurisdiction, era).parameters for jurisdiction, _ in cells] for era in eras]
    return Rulebook(
        packs=packs,
        turning_points=np.array([micros(day) for day in turning], dtype=np.int64),
        cells=cells,
        prefixes=tuple(packs.files[jurisdiction].prefix for jurisdiction, _ in cells),
        reach=np.array([[_reaches(law) for law in row] for row in laws], dtype=np.int8),
        age_min=np.array(
            [[packs.named(name, era).age_min(place) for name, place in cells] for era in eras], np.int64
        ),
        term=np.array([[law.consent_days_max * DAY_MICROS for law in row] for row in laws], dtype=np.int64),
        special=np.array([[law.special == "explicit" for law in row] for row in laws]),
        interest=np.array([[_interest(law, purpose) for law in row] for row in laws]),
        lead=np.array(
            [[law.legitimate_interest.lead_days * DAY_MICROS for law in row] for row in laws], np.int64
        ),
        proven=np.array([[_proven(law, safeguards) for law in row] for row in laws]),
    )


def _cells(packs: Packs, eras: Sequence[datetime]) -> tuple[Cell, ...]:
    cells: dict[Cell, None] = {}
    for jurisdiction in sorted(packs.files):
        cells[(jurisdiction, None)] = None
        for era in eras:
            for place in packs.named(jurisdiction, era).parameters.age.consent:
                cells[(jurisdiction, place)] = None
    return tuple(cells)


def _reaches(law: Parameters) -> list[int]:
    return [REACH[law.audiences.reach(audience)] for audience in AUDIENCES]


def _interest(law: Parameters, purpose: str) -> list[bool]:
    interest = law.legitimate_interest
    open_to_purpose = interest.allowed and purpose in interest.purposes
    return [open_to_purpose and audience in interest.audiences for audience in AUDIENCES]


def _proven(law: Parameters, safeguards: frozenset[str] | None) -> bool:
    return safeguards is not None and set(law.legitimate_interest.safeguards) <= safeguards
