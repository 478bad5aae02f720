"""The packs as arrays: what each law says of each audience, in each era, looked up a million turns at a time.

Covers: compiling packs for one purpose into small tables indexed by (era, cell, audience). An era is a stretch of time
in which no pack changes; a cell is a jurisdiction, and the place within it where a place has an age of its own.
Not covered: the meaning of the values (`policy.py`), the questions (`doors.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from witting.rights.event_table import micros
from witting.rights.intervals import Bools, Ints
from witting.rights.pack import ALL_PARTY, NEVER, OWN_TURNS, Parameters
from witting.rights.policy import Cell, Packs
from witting.schema import AUDIENCES

REACHES = (OWN_TURNS, ALL_PARTY, NEVER)  # ascending in strictness: the larger of two codes is the stricter
REACH = {name: code for code, name in enumerate(REACHES)}
UNKNOWN_AUDIENCE = AUDIENCES.index("unknown")
DAY_MICROS = 86_400_000_000


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
    never: Ints  # index into closed: the categories that not even explicit consent opens
    closed: tuple[frozenset[str], ...]
    interest: Bools  # is legitimate interest open to this purpose and audience?
    lead: Ints  # microseconds between notice and first use
    proven: Bools  # are the safeguards proven?

    def eras(self, moments: Ints) -> Ints:
        return np.searchsorted(self.turning_points, moments, side="right")

    def cell(self, place: str | None) -> int:
        return self.packs.cell(place)


def compile_packs(packs: Packs, *, purpose: str, safeguards: frozenset[str] | None) -> Rulebook:
    turning, cells = packs.turning_points(), packs.cells
    eras = range(len(turning) + 1)
    packs_at = [[packs.laws[jurisdiction][era] for jurisdiction, _ in cells] for era in eras]
    laws = [[pack.parameters for pack in row] for row in packs_at]
    shut = [[_closed(law, purpose) for law in row] for row in laws]
    closed = tuple(sorted({kinds for row in shut for kinds in row}, key=sorted))
    return Rulebook(
        packs=packs,
        turning_points=np.array([micros(day) for day in turning], dtype=np.int64),
        cells=cells,
        prefixes=tuple(packs.files[jurisdiction].prefix for jurisdiction, _ in cells),
        reach=np.array([[_reaches(law) for law in row] for row in laws], dtype=np.int8),
        age_min=np.array(
            [[pack.age_min(place) for pack, (_, place) in zip(row, cells, strict=True)] for row in packs_at],
            np.int64,
        ),
        term=np.array([[law.consent_days_max * DAY_MICROS for law in row] for row in laws], dtype=np.int64),
        special=np.array([[law.special == "explicit" for law in row] for row in laws]),
        never=np.array([[closed.index(kinds) for kinds in row] for row in shut], dtype=np.int64),
        closed=closed,
        interest=np.array([[_interest(law, purpose) for law in row] for row in laws]),
        lead=np.array(
            [[law.legitimate_interest.lead_days * DAY_MICROS for law in row] for row in laws], np.int64
        ),
        proven=np.array([[_proven(law, safeguards) for law in row] for row in laws]),
    )


def _closed(law: Parameters, purpose: str) -> frozenset[str]:
    return frozenset(kind for kind, purposes in law.special_never.items() if purpose in purposes)


def _reaches(law: Parameters) -> list[int]:
    return [REACH[law.audiences.reach(audience)] for audience in AUDIENCES]


def _interest(law: Parameters, purpose: str) -> list[bool]:
    interest = law.legitimate_interest
    open_to_purpose = interest.allowed and purpose in interest.purposes
    return [open_to_purpose and audience in interest.audiences for audience in AUDIENCES]


def _proven(law: Parameters, safeguards: frozenset[str] | None) -> bool:
    return safeguards is not None and set(law.legitimate_interest.safeguards) <= safeguards
