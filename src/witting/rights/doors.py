"""The two doors, asked in bulk: valid consent, or legitimate interest with everything it needs. Anything else is no.

Covers: for arrays of (person, moment, place, audience) whether that person's door is open, and if not, why; then, where
the law asks for everybody's agreement, the same question of each other party. Not covered: reading and writing tables
(`decide.py`). A door must be open as of the turn and as of now, under the law of the place then and under the law of
the place now; of two laws the stricter counts. Whatever is unknown answers no, except an age under consent, whose own
evidence had to establish it.

From: GDPR Art. 6(1)(a) and (f), 7, 8, 21; ePrivacy Directive Art. 5(1). Method: `[start, end)` intervals, persons numbered by
one hash join, intervals found by binary search (facts: 10 M turns against 1 M events).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from witting.rights.intervals import Bools, Ints
from witting.rights.reasons import CODE, NAMES, PERMITS
from witting.rights.rulebook import REACH, Rulebook
from witting.rights.timeline import CLOSING, LONG_AGO, NEVER, NO_ENTRY, STATE, UNSETTLED, Standing

Codes = npt.NDArray[np.uint8]
ALONE, UNKNOWN_TALK = -1, -2
NO_TIME = np.iinfo(np.int64).min  # stands for a missing time
# What a state that is not open says, as a reason.
REASON_OF_STATE = np.full(len(STATE), CODE["no_consent"], dtype=np.uint8)
for _name in ("expired", "consent_weak", "consent_invalid", *CLOSING.values()):
    REASON_OF_STATE[STATE[_name]] = CODE[_name]
IS_PERMIT = np.array([name in PERMITS for name in NAMES])  # by reason


@dataclass(frozen=True)
class Asked:
    """One question a row: may this be used? All arrays have the same length."""

    person: Ints  # number in Standing, -1 for nobody an event speaks of
    moment: Ints  # microseconds, NO_TIME where there is none
    place: (
        Ints | None
    )  # cell of the turn's own place in the rulebook, -1 where it does not say; None where no turn does
    audience: Ints  # index into AUDIENCES

    def take(self, rows: Ints) -> Asked:
        place = None if self.place is None else self.place[rows]
        return Asked(self.person[rows], self.moment[rows], place, self.audience[rows])


@dataclass(frozen=True)
class Answer:
    """One answer a row, and what the doors saw of those rows that had to be asked in full."""

    reason: Codes  # index into reasons.NAMES
    entry: Ints  # ledger entry that opened or shut the door, NO_ENTRY where none did
    cell: Ints  # law as of the turn
    place_row: (
        Ints  # row of standing.places the law was found by, -1 where the turn said its place or none is known
    )
    full: InFull

    @property
    def permitted(self) -> Bools:
        return IS_PERMIT[self.reason]


@dataclass(frozen=True)
class InFull:
    """Every row whose door may be open is among these. All arrays but `laws` have one value for each of `rows`."""

    rows: Ints  # ascending
    laws: Laws
    consent_then: Ints  # row of standing.consent that held as of the turn, -1 where it was not looked for
    consent_now: Ints


@dataclass(frozen=True)
class Parties:
    """Who took part: members[offsets[t]:offsets[t + 1]] in talk t; `talk` says for rows ALONE, UNKNOWN_TALK or their t."""

    talk: Callable[[Ints], Ints]  # asked of the few rows that need everybody
    offsets: Ints
    members: Ints  # numbers in Standing, negative for somebody no event speaks of


@dataclass(frozen=True)
class Laws:
    """The law of each row, then and now, as positions in the rulebook."""

    era: Ints
    era_now: int
    cell: Ints
    cell_now: Ints

    def larger(self, table: npt.NDArray[np.int64]) -> Ints:
        return np.maximum(table[self.era, self.cell], table[self.era_now, self.cell_now])

    def both(self, table: Bools) -> Bools:
        return table[self.era, self.cell] & table[self.era_now, self.cell_now]

    def take(self, rows: Ints) -> Laws:
        return Laws(self.era[rows], self.era_now, self.cell[rows], self.cell_now[rows])

    def reach(self, book: Rulebook, audience: Ints) -> npt.NDArray[np.int8]:
        """The stricter of the two, as a code of rulebook.REACH."""
        now = book.reach[self.era_now, self.cell_now, audience]
        return np.maximum(book.reach[self.era, self.cell, audience], now)


def answer(asked: Asked, standing: Standing, book: Rulebook, place_cells: Ints) -> Answer:
    """Each person's own door. `place_cells`: the cell of each of standing.place_names.

    Most people's last word shuts it whatever the law and the moment are: their rows are answered from one table by person.
    """
    place_row, cell = _places(asked, standing, book, place_cells)
    state = standing.at_rest.state[asked.person]
    reason, entry = REASON_OF_STATE.take(state, mode="clip"), standing.at_rest.entry[asked.person]
    everyone = bool(
        (book.reach == REACH["never"]).any()
    )  # a law that shuts an audience is asked of all its turns
    rows = np.arange(state.size) if everyone else np.flatnonzero(state == UNSETTLED)
    part = asked.take(rows)
    laws = _laws(part, standing, book, place_cells, cell[rows])
    reason[rows], entry[rows], full = _in_full(part, standing, book, laws, rows)
    _deny(reason, entry, asked.moment > standing.as_of, "after_as_of")
    _deny(reason, entry, asked.moment == NO_TIME, "no_time")
    return Answer(reason, entry, cell, place_row, full)


def _in_full(
    asked: Asked, standing: Standing, book: Rulebook, laws: Laws, rows: Ints
) -> tuple[Codes, Ints, InFull]:
    reason, entry, then_row, now_row = _consent(asked, standing, book, laws)
    _interest(asked, standing, book, laws, reason, entry)
    _minor(asked, standing, book, laws, reason, entry)
    if _shuts_audiences(book):
        _deny(reason, entry, laws.reach(book, asked.audience) == REACH["never"], "audience_closed")
    return reason, entry, InFull(rows, laws, then_row, now_row)


def _shuts_audiences(book: Rulebook) -> bool:
    return bool((book.reach == REACH["never"]).any())


def specials(own: Answer, asked: Asked, standing: Standing, book: Rulebook) -> tuple[Ints, Ints, Ints]:
    """Of what a consent opens: (places in `own.full`, what it named then, what it names now), the latter as indexes into
    standing.specials. Not where a law, or what the person signalled since, shuts special categories."""
    full = own.full
    covered = full.laws.both(book.special) & (own.reason[full.rows] == CODE["consent"])
    if (standing.special_refused > LONG_AGO).any():
        refused = _of_person(standing.special_refused, asked.person[full.rows], LONG_AGO)
        covered &= refused < standing.consent.value("given_at", full.consent_now, LONG_AGO)
    places = np.flatnonzero(covered & (full.consent_then >= 0) & (full.consent_now >= 0))
    named = standing.consent.columns["special"]
    return places, named[full.consent_then[places]], named[full.consent_now[places]]


def ask_others(
    asked: Asked, own: Answer, parties: Parties, standing: Standing, book: Rulebook, place_cells: Ints
) -> tuple[Ints, Ints]:
    """Of rows whose own door is open but need everybody's: (whose parties are unknown, where another's door is shut)."""
    is_open = np.flatnonzero(IS_PERMIT[own.reason[own.full.rows]])
    needing = own.full.rows[is_open]
    reach = own.full.laws.take(is_open).reach(book, asked.audience[needing])
    needing = needing[reach == REACH["all_party"]]
    talks = parties.talk(needing)
    unknown, shut = needing[talks == UNKNOWN_TALK], [np.empty(0, dtype=np.int64)]
    in_talk = talks >= 0
    for rows, talk in _bounded(needing[in_talk], talks[in_talk], parties):
        counts = parties.offsets[talk + 1] - parties.offsets[talk]
        row = np.repeat(rows, counts)
        within = np.arange(row.size) - np.repeat(np.cumsum(counts) - counts, counts)
        member = parties.members[np.repeat(parties.offsets[talk], counts) + within]
        other = member != asked.person[row]
        row, member = row[other], member[other]
        theirs = Asked(member, asked.moment[row], None, asked.audience[row])
        shut.append(row[~answer(theirs, standing, book, place_cells).permitted])
    return unknown, np.concatenate(shut)


QUESTIONS_MAX = 2_000_000  # asked of other parties at once: bounds memory where groups are large


def _bounded(rows: Ints, talk: Ints, parties: Parties) -> Iterator[tuple[Ints, Ints]]:
    """`rows` and their talks in runs of at most QUESTIONS_MAX party members, at least one row each."""
    if not rows.size:
        return
    asked_so_far = np.cumsum(parties.offsets[talk + 1] - parties.offsets[talk])
    cuts = np.flatnonzero(np.diff(asked_so_far // QUESTIONS_MAX)) + 1
    yield from zip(np.split(rows, cuts), np.split(talk, cuts), strict=True)


def _places(asked: Asked, standing: Standing, book: Rulebook, place_cells: Ints) -> tuple[Ints, Ints]:
    """Row of standing.places and cell as of the turn: its own place comes first, then where the person was known to be;
    without either, the floor."""
    row = np.full(asked.person.size, -1, dtype=np.int64)
    cell = np.full(asked.person.size, book.cell(None), dtype=np.int64)
    placed = standing.at_rest.placed[asked.person]
    if asked.place is not None:
        cell = np.where(asked.place >= 0, asked.place, cell)
        placed &= asked.place < 0
    silent = np.flatnonzero(placed)
    row[silent] = standing.places.at(asked.person[silent], asked.moment[silent])
    cell[silent] = _cells_of(row[silent], standing, place_cells, book.cell(None))
    return row, cell


def _laws(asked: Asked, standing: Standing, book: Rulebook, place_cells: Ints, cell: Ints) -> Laws:
    row_now = _of_person(standing.place_now, asked.person, -1)
    cell_now = np.where(row_now >= 0, _cells_of(row_now, standing, place_cells, book.cell(None)), cell)
    era_now = int(book.eras(np.array([standing.as_of]))[0])
    return Laws(book.eras(asked.moment), era_now, cell, cell_now)


def _cells_of(rows: Ints, standing: Standing, place_cells: Ints, floor: int) -> Ints:
    names = standing.places.value("place", rows, -1)
    return (
        np.where(names >= 0, place_cells[names], floor)
        if place_cells.size
        else np.full(rows.size, floor, np.int64)
    )


def _of_person(values: Ints, person: Ints, missing: int) -> Ints:
    return (
        np.where(person >= 0, values[person], missing)
        if values.size
        else np.full(person.size, missing, np.int64)
    )


def _consent(asked: Asked, standing: Standing, book: Rulebook, laws: Laws) -> tuple[Codes, Ints, Ints, Ints]:
    """Reason and entry of each row by consent alone; and the rows of the consents that held then and now.

    Most rows fall on what stands now, so only those still open are looked up at their own time.
    """
    consent, size = standing.consent, asked.person.size
    now_row = _of_person(standing.consent_now, asked.person, -1)
    state_now = consent.value("state", now_row, STATE["none"])
    reason = REASON_OF_STATE[state_now]
    entry = consent.value("entry", now_row, NO_ENTRY)
    reason[asked.person < 0] = CODE["no_consent"]
    then_row = np.full(size, -1, dtype=np.int64)
    is_open = np.flatnonzero(state_now == STATE["open"])
    if is_open.size:
        then_row[is_open] = consent.at(asked.person[is_open], asked.moment[is_open])
        reason[is_open], entry[is_open] = _open_now(
            asked, standing, book, laws, is_open, then_row[is_open], now_row[is_open]
        )
    return reason, entry, then_row, now_row


def _open_now(
    asked: Asked, standing: Standing, book: Rulebook, laws: Laws, rows: Ints, then_row: Ints, now_row: Ints
) -> tuple[Codes, Ints]:
    consent = standing.consent
    state_then = consent.value("state", then_row, STATE["none"])
    term = np.minimum(
        book.term[laws.era[rows], laws.cell[rows]], book.term[laws.era_now, laws.cell_now[rows]]
    )
    over_then = consent.value("given_at", then_row, 0) + term <= asked.moment[rows]
    over_now = consent.value("given_at", now_row, 0) + term <= standing.as_of
    open_then = state_then == STATE["open"]
    reason = np.where(open_then, np.uint8(CODE["consent"]), REASON_OF_STATE[state_then])
    reason[state_then == STATE["none"]] = CODE["before_consent"]
    reason[(open_then & over_then) | over_now] = CODE["expired"]
    entry = consent.value("entry", now_row, NO_ENTRY)
    said_then = (state_then != STATE["none"]) & ~open_then
    entry[said_then] = consent.value("entry", then_row, NO_ENTRY)[said_then]
    return reason, entry


def _interest(
    asked: Asked, standing: Standing, book: Rulebook, laws: Laws, reason: Codes, entry: Ints
) -> None:
    """Only for people who never answered at all: a no, or a consent that failed, is not replaced by another basis."""
    rows = np.flatnonzero(reason == CODE["no_consent"])
    rows = rows[_of_person(standing.noticed, asked.person[rows], NEVER) < NEVER]
    laws, audience = laws.take(rows), asked.audience[rows]
    open_to = (
        book.interest[laws.era, laws.cell, audience] & book.interest[laws.era_now, laws.cell_now, audience]
    )
    rows, laws = rows[open_to], laws.take(np.flatnonzero(open_to))
    if not rows.size:
        return
    told, age_min = standing.noticed[asked.person[rows]], laws.larger(book.age_min)
    age = standing.ages.value("age", _of_person(standing.age_now, asked.person[rows], -1), -1)
    found = np.full(rows.size, CODE["legitimate_interest"], dtype=np.uint8)
    found[~laws.both(book.proven)] = CODE["safeguard_missing"]
    found[age < age_min] = CODE["age_unknown"]
    found[told + laws.larger(book.lead) > standing.as_of] = CODE["lead_time"]
    found[asked.moment[rows] < told] = CODE["before_notice"]
    reason[rows] = found
    entry[rows] = standing.noticed_entry[asked.person[rows]]


def _minor(asked: Asked, standing: Standing, book: Rulebook, laws: Laws, reason: Codes, entry: Ints) -> None:
    """Under age at the time, or told to be since: who was too young later was no older then."""
    rows = np.flatnonzero(standing.at_rest.young[asked.person])
    if not rows.size:
        return
    people, ages = asked.person[rows], standing.ages
    then_row = ages.at(people, asked.moment[rows])
    youngest = standing.youngest_since[np.where(then_row >= 0, then_row, ages.offsets[people])]
    minor = ages.columns["age"][youngest] < laws.take(rows).larger(book.age_min)
    by = youngest[minor]
    reason[rows[minor]] = CODE["minor"]
    entry[rows[minor]] = standing.ages.value("entry", by, NO_ENTRY)


def _deny(reason: Codes, entry: Ints, rows: Bools, name: str) -> None:
    reason[rows] = CODE[name]
    entry[rows] = NO_ENTRY
