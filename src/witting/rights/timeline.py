"""Who said what, as of when: rights events become timelines, one set for each purpose.

Covers: for each person, what stood from when on (consent open, withdrawn, run out, ...), known age, known place, the
first notice. Not covered: what the law makes of it (`doors.py`), reading events from tables (`event_table.py`).

A consent that is valid opens from `valid_from` (else from when it was given) until the first of: the next refusal,
objection, withdrawal or erasure request; its own end; `consent_days_max` after it was given; the start of a later
valid consent, which replaces it. It never reaches back behind an earlier no. A weak one opens `evaluate_model` only, an
invalid one nothing; neither closes what is open. A refusal, objection or withdrawal without purposes means all of them; a
consent without purposes opens nothing. Events count in the order of `occurred_at`, then of their ledger entry; where
neither decides, the no comes last. A preference signal is a no to the purposes it was read to refuse, and to no other. A
yes to a wider purpose opens this one too where `purposes.py` says so. Events after `as_of` are not known yet.

From: valid time in temporal databases (Snodgrass); [start, end) intervals so that no moment belongs to two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from witting.errors import UnknownPurpose
from witting.rights.event_table import conform, micros, refuse_unreadable
from witting.rights.implied import lay_under
from witting.rights.intervals import UNKNOWN, Bools, Ints, Timeline, in_order, ties, timeline_of
from witting.rights.numbering import Numbering, number
from witting.rights.purposes import wider
from witting.schema import EVENT_KINDS, PURPOSES

STATE_COLUMNS = ("person", "kind", "occurred_at", "verdict", "valid_from", "expires_at", "special", "entry")
CLOSING = {
    "refusal": "refused",
    "objection": "objected",
    "withdrawal": "withdrawn",
    "erasure_request": "erasure_requested",
    "signal": "signalled",
}
# What stands at a moment. "none": the person was never asked, or never answered.
STATES = ("none", "open", "expired", "consent_weak", "consent_invalid", *CLOSING.values())
STATE = {name: code for code, name in enumerate(STATES)}
UNSETTLED = 255  # beside them, in AtRest
ADULT = 18
NEVER = np.iinfo(np.int64).max  # later than any time, in microseconds
NO_ENTRY = -1
LONG_AGO = np.iinfo(np.int64).min  # before any time


@dataclass(frozen=True)
class AtRest:
    """What stands for each person now, (people + 1,): the last is nobody, so that a person of -1 finds it."""

    state: npt.NDArray[
        np.uint8
    ]  # index into STATES, UNSETTLED where a turn's moment or the law may have a say
    entry: Ints
    placed: Bools  # was a place ever told?
    young: Bools  # was an age below 18?


@dataclass(frozen=True)
class Standing:
    """Everything events say about people, for one purpose, as of one time."""

    purpose: str
    as_of: int  # microseconds
    people: Numbering  # everybody an event speaks of
    # state, entry, given_at, special (index into specials), until (of an open row); where a wider purpose includes this
    # one, through as well: 0 by name, k by wider(purpose)[k - 1]
    consent: Timeline
    ages: Timeline  # age, entry
    places: Timeline  # place (index into place_names), entry
    noticed: Ints  # (people,): when first told of this purpose, NEVER
    noticed_entry: Ints
    safeguards: frozenset[str] | None  # proven by the latest assessment of this purpose; None without one
    assessed_until: int  # when its first proof is stale, NEVER where none is
    place_names: tuple[str | None, ...]  # None: two places at the same moment
    specials: tuple[tuple[str, ...], ...]
    special_refused: Ints  # (people,): when a signal last refused special categories, LONG_AGO

    def numbers(self, subjects: pl.Series) -> Ints:
        """Each subject's person number, -1 for those no event speaks of."""
        return self.people.of(subjects.cast(pl.String))

    @cached_property
    def consent_now(self) -> Ints:
        return self.consent.latest(self.as_of)

    @cached_property
    def age_now(self) -> Ints:
        return self.ages.latest(self.as_of)

    @cached_property
    def place_now(self) -> Ints:
        return self.places.latest(self.as_of)

    @cached_property
    def at_rest(self) -> AtRest:
        state = self.consent.value("state", self.consent_now, STATE["none"]).astype(np.uint8)
        told = (state == STATE["none"]) & (self.noticed < NEVER)
        state[(state == STATE["open"]) | told | self.ever_young] = UNSETTLED
        return AtRest(
            state=np.append(state, np.uint8(STATE["none"])),
            entry=np.append(self.consent.value("entry", self.consent_now, NO_ENTRY), NO_ENTRY),
            placed=np.append(np.diff(self.places.offsets) > 0, False),
            young=np.append(self.ever_young, False),
        )

    @cached_property
    def ever_young(self) -> Bools:
        """(people,): was an age below 18 ever known?"""
        young = np.zeros(self.people.size, dtype=np.bool_)
        rows = np.flatnonzero(self.ages.columns["age"] < ADULT)
        young[np.searchsorted(self.ages.offsets, rows, side="right") - 1] = True
        return young

    @cached_property
    def youngest_since(self) -> Ints:
        """(rows of ages,): the row of the lowest age its person was told to have from this row on."""
        row = np.arange(self.ages.starts.size, dtype=np.int64)
        person = np.repeat(np.arange(self.people.size, dtype=np.int64), np.diff(self.ages.offsets))
        # Backwards, so that each person's rows are lower than any of the people before them.
        rank = (person * (ADULT + 1) + self.ages.columns["age"]) * max(row.size, 1) + row
        return np.minimum.accumulate(rank[::-1])[::-1] % max(row.size, 1)


@dataclass(frozen=True)
class Heard:
    """The events known at a time, with their people numbered. What they mean for a purpose is in Standing."""

    as_of: int  # microseconds
    known: pl.DataFrame  # as event_table.conform gives them
    people: Numbering
    by_person: (
        pl.DataFrame
    )  # those of somebody, with `person` for `subject`, ordered by person and occurred_at


def hear(events: pa.Table, *, as_of: datetime) -> Heard:
    """Raises InvalidEvent for an event that cannot be read."""
    known = conform(events)
    refuse_unreadable(known)
    now = micros(as_of)
    known = _kept(known, pl.col("occurred_at") <= now).with_columns(pl.col("kind").cast(pl.Enum(EVENT_KINDS)))
    theirs = _kept(known, pl.col("subject").is_not_null())
    people, person = number(theirs["subject"])
    by_person = theirs.drop("subject", "safeguards").with_columns(person=pl.Series(person))
    return Heard(now, known, people, by_person)


def _kept(rows: pl.DataFrame, wanted: pl.Expr) -> pl.DataFrame:
    """Without a copy where all are wanted, as nearly always."""
    kept = rows.select(wanted).to_series()
    return rows if kept.all() else rows.filter(kept)


def stand(events: pa.Table, *, purpose: str, as_of: datetime, consent_days_max: int) -> Standing:
    """Timelines of all people in `events`. Raises UnknownPurpose, InvalidEvent (an event that cannot be read)."""
    refuse_unknown(purpose)
    return standing_of(hear(events, as_of=as_of), purpose=purpose, consent_days_max=consent_days_max)


def refuse_unknown(purpose: str) -> None:
    if purpose not in PURPOSES:
        raise UnknownPurpose(f"The purpose {purpose!r} is not known; choose one of {', '.join(PURPOSES)}.")


def standing_of(heard: Heard, *, purpose: str, consent_days_max: int) -> Standing:
    """The timelines of a purpose that is known."""
    by_person, people = heard.by_person, heard.people.size
    consent, specials = _consents(by_person, people, purpose, consent_days_max)
    places, place_names = _places(by_person)
    notices = _notices(by_person, purpose)
    first = np.full(people, NEVER, dtype=np.int64)
    entry = np.full(people, NO_ENTRY, dtype=np.int64)
    first[notices["person"].to_numpy()] = notices["start"].to_numpy()
    entry[notices["person"].to_numpy()] = notices["entry"].to_numpy()
    safeguards, assessed_until = _assessed(heard.known, purpose, heard.as_of)
    return Standing(
        purpose=purpose,
        as_of=heard.as_of,
        people=heard.people,
        consent=consent,
        ages=timeline_of(_ages(by_person), people, ("age", "entry")),
        places=timeline_of(places, people, ("place", "entry")),
        noticed=first,
        noticed_entry=entry,
        safeguards=safeguards,
        assessed_until=assessed_until,
        place_names=place_names,
        specials=specials,
        special_refused=_special_refused(by_person, people),
    )


def _for_purpose(purpose: str) -> pl.Expr:
    return pl.col("purposes").list.contains(purpose).fill_null(False)


def _consents(
    events: pl.DataFrame, people: int, purpose: str, consent_days_max: int
) -> tuple[Timeline, tuple[tuple[str, ...], ...]]:
    """What stands for the purpose, by its own name or through a wider purpose that includes it."""
    states, specials = _states(events, purpose, purpose, consent_days_max)
    columns = ("state", "entry", "given_at", "special", "until")
    named = timeline_of(states, people, columns)
    if not wider(purpose):
        return named, specials
    implied = []
    for wide in wider(purpose):
        states, more = _states(events, purpose, wide, consent_days_max)
        states = states.with_columns(pl.col("special").cast(pl.Int64) + len(specials))
        implied.append(timeline_of(states, people, columns))
        specials += more
    refused = timeline_of(_refused(events, purpose, consent_days_max), people, ("refused",))
    return lay_under(named, implied, refused, open_state=STATE["open"]), specials


def _refused(events: pl.DataFrame, purpose: str, consent_days_max: int) -> pl.DataFrame:
    """From when on the last word that names this very purpose is a no (1), or a usable yes (0)."""
    named = _in_order(_about(events.filter(_for_purpose(purpose)), purpose, purpose), consent_days_max)
    named = named.filter(pl.col("closing") | _usable(purpose))
    said = named.select("person", "seq", start="occurred_at", refused=pl.col("closing").cast(pl.Int64))
    return said.filter(_last_of("person", "start"))


def _states(
    events: pl.DataFrame, purpose: str, through: str, consent_days_max: int
) -> tuple[pl.DataFrame, tuple[tuple[str, ...], ...]]:
    """What stands for `purpose` by the consents that name `through`: the purpose itself, or a wider one."""
    asked = _in_order(_about(events, purpose, through), consent_days_max)
    specials = asked["special_key"].unique().sort()
    asked = asked.with_columns(
        special=pl.col("special_key").replace_strict(specials, range(len(specials)), return_dtype=pl.Int64)
    )
    pieces = _open_pieces(asked, purpose)
    points = pl.concat([_openings(pieces), _endings(pieces), _other_points(asked, purpose)])
    names = tuple(tuple(key.split("\x1f")) if key else () for key in specials)
    return _settle(points), names


def _about(events: pl.DataFrame, purpose: str, through: str) -> pl.DataFrame:
    """Consents that name `through`, and every no that reaches it or `purpose`."""
    # A no without purposes means all of them; a signal without any said nothing.
    silent = (pl.col("purposes").list.len().fill_null(0) == 0) & (pl.col("kind") != "signal")
    closing = pl.col("kind").is_in(list(CLOSING))
    reaches = _for_purpose(purpose) | silent | (pl.col("kind") == "erasure_request")
    if through != purpose:
        reaches = reaches | _for_purpose(through)
    asked = events.select(((pl.col("kind") == "consent") & _for_purpose(through)) | (closing & reaches))
    return events.select(STATE_COLUMNS).filter(asked.to_series())


def _in_order(asked: pl.DataFrame, consent_days_max: int) -> pl.DataFrame:
    """Each person's events one after another, with `seq`. A total order: ties end on everything that counts."""
    closing = pl.col("kind").is_in(list(CLOSING))
    term = pl.col("occurred_at") + consent_days_max * 86_400_000_000
    ranks = {"consent": 0, **{kind: rank for rank, kind in enumerate(CLOSING, start=1)}}
    keyed = asked.with_columns(
        closing=closing,
        rank=pl.col("kind").replace_strict(ranks, return_dtype=pl.Int8),
        after=pl.col("entry").fill_null(pl.when(closing).then(NEVER).otherwise(NO_ENTRY)),
        begins=pl.col("valid_from").fill_null(pl.col("occurred_at")),
        ends=pl.min_horizontal(term, "expires_at"),
        special_key=pl.col("special").list.unique().list.sort().list.join("\x1f").fill_null(""),
        entry=pl.col("entry").fill_null(NO_ENTRY),
    )
    order = ("person", "occurred_at", "after", "rank", "verdict", "ends", "begins", "special_key")
    return _sorted(keyed, order, falling="ends").with_row_index("seq")


def _sorted(rows: pl.DataFrame, order: Sequence[str], *, falling: str | None = None) -> pl.DataFrame:
    """By all of `order`, nulls last. The first two, a person and a moment, decide nearly every row, so the others are asked
    of ties alone."""
    keys = [rows[name].to_numpy() for name in order[:2]]
    first = in_order(*keys)
    rows, tied = rows[first], ties(*(key[first] for key in keys))
    if not tied.size:
        return rows
    settled = np.arange(rows.height)
    among = rows[tied].with_row_index("stood")
    among = among.sort(order, descending=[name == falling for name in order], nulls_last=True)
    settled[tied] = tied[among["stood"].to_numpy()]
    return rows[settled]


def _usable(purpose: str) -> pl.Expr:
    verdicts = ["valid", "weak"] if purpose == "evaluate_model" else ["valid"]
    return (pl.col("kind") == "consent") & pl.col("verdict").is_in(verdicts).fill_null(False)


def _open_pieces(asked: pl.DataFrame, purpose: str) -> pl.DataFrame:
    """[start, end) of each consent that opens anything; no two of one person overlap."""
    last_no, next_no = _nearest_no(asked)
    return (
        asked.with_columns(last_no=pl.Series(last_no), next_no=pl.Series(next_no))
        .filter(_usable(purpose))
        .with_columns(start=pl.max_horizontal("begins", "last_no"), end=pl.min_horizontal("ends", "next_no"))
        .filter(pl.col("start") < pl.col("end"))
        .pipe(_replaced)
        .with_columns(end=pl.min_horizontal("end", "replaced"))
        .filter(pl.col("start") < pl.col("end"))
    )


def _nearest_no(asked: pl.DataFrame) -> tuple[Ints, Ints]:
    """For each row, when its person last said no up to it (else long ago), and when next after it (else NEVER)."""
    person, moment = asked["person"].to_numpy(), asked["occurred_at"].to_numpy()
    said_no, rows = asked["closing"].to_numpy(), np.arange(asked.height)
    before = np.maximum.accumulate(np.where(said_no, rows, 0))
    theirs = said_no[before] & (person[before] == person)
    last = np.where(theirs, moment[before], LONG_AGO)
    after = np.minimum.accumulate(np.where(said_no, rows, asked.height)[::-1])[::-1]
    after = np.append(after, asked.height)[1:]
    known = np.append(person, UNKNOWN)[after] == person
    return last, np.where(known, np.append(moment, NEVER)[after], NEVER)


def _replaced(pieces: pl.DataFrame) -> pl.DataFrame:
    """With `replaced`: the earliest start among the same person's later consents, null where there is none."""
    person, start = pieces["person"].to_numpy(), pieces["start"].to_numpy()
    followed = person[1:] == person[:-1]
    if np.all(start[1:][followed] >= start[:-1][followed]):  # as nearly always: each begins when it is given
        replaced = pl.when(pl.col("person").shift(-1) == pl.col("person")).then(pl.col("start").shift(-1))
    else:
        replaced = pl.col("start").shift(-1).cum_min(reverse=True).over("person")
    return pieces.with_columns(replaced=replaced)


def _point(start: str, state: pl.Expr, *, turn: int, until: pl.Expr) -> list[pl.Expr]:
    """`turn` orders points of the same moment: the last one stands."""
    return [
        pl.col("person"),
        pl.col(start).alias("start"),
        pl.lit(turn, dtype=pl.Int8).alias("turn"),
        pl.col("seq"),
        state.cast(pl.Int64).alias("state"),
        pl.col("entry"),
        pl.col("occurred_at").alias("given_at"),
        pl.col("special"),
        until.cast(pl.Int64).alias("until"),
    ]


def _openings(pieces: pl.DataFrame) -> pl.DataFrame:
    return pieces.select(_point("start", pl.lit(STATE["open"]), turn=2, until=pl.col("end")))


def _endings(pieces: pl.DataFrame) -> pl.DataFrame:
    """Where a consent ran out by itself. Other ends are somebody's word and have points of their own."""
    ran_out = pieces.filter(pl.col("end") == pl.col("ends"))
    return ran_out.select(_point("end", pl.lit(STATE["expired"]), turn=0, until=pl.lit(NO_ENTRY)))


def _other_points(asked: pl.DataFrame, purpose: str) -> pl.DataFrame:
    """Every no, and every consent that opens nothing."""
    said_no = pl.col("kind").replace_strict(
        {kind: STATE[state] for kind, state in CLOSING.items()}, default=None, return_dtype=pl.Int64
    )
    weak = (
        pl.when(pl.col("verdict") == "weak").then(STATE["consent_weak"]).otherwise(STATE["consent_invalid"])
    )
    others = asked.filter(_usable(purpose).not_())
    return others.select(_point("occurred_at", pl.coalesce(said_no, weak), turn=1, until=pl.lit(NO_ENTRY)))


def _settle(points: pl.DataFrame) -> pl.DataFrame:
    """One row a change: what is overtaken in the same moment goes, and so does a poor consent beside an open one."""
    points = _sorted(points, ("person", "start", "turn", "seq"))
    poor = pl.col("state").is_in([STATE["consent_weak"], STATE["consent_invalid"]])
    beside = poor & (pl.col("start") < pl.lit(pl.Series(_open_until(points), dtype=pl.Int64)))
    return points.filter(beside.not_()).filter(_last_of("person", "start"))


def _open_until(points: pl.DataFrame) -> Ints:
    """For each row, until when its person's last consent that opened anything up to it is open; else LONG_AGO."""
    person, rows = points["person"].to_numpy(), np.arange(points.height)
    opened = points["state"].to_numpy() == STATE["open"]
    last = np.maximum.accumulate(np.where(opened, rows, 0))
    theirs = opened[last] & (person[last] == person)
    return np.where(theirs, points["until"].to_numpy()[last], LONG_AGO)


def _last_of(*names: str) -> pl.Expr:
    """The last row of each run of equal values, in rows sorted by `names`."""
    same = pl.all_horizontal(pl.col(name).shift(-1) == pl.col(name) for name in names)
    return same.fill_null(False).not_()


def _ages(events: pl.DataFrame) -> pl.DataFrame:
    """Of two ages told at one moment the lower counts."""
    told = events.filter((pl.col("kind") == "age") & pl.col("age").is_not_null())
    return (
        told.select(
            "person",
            start="occurred_at",
            after=pl.col("entry").fill_null(NO_ENTRY),
            age=pl.min_horizontal(pl.col("age"), pl.lit(ADULT)).cast(pl.Int64),
        )
        .pipe(_sorted, ("person", "start", "after", "age"), falling="age")
        .filter(_last_of("person", "start"))
        .rename({"after": "entry"})
    )


def _places(events: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str | None, ...]]:
    """From place events, and from the place a consent was given in. Two at one moment: unknown."""
    told = events.filter(pl.col("kind").is_in(["place", "consent"]) & pl.col("place").is_not_null())
    latest = (
        told.select("person", "place", start="occurred_at", entry=pl.col("entry").fill_null(NO_ENTRY))
        .group_by("person", "start", "entry")
        .agg(place=pl.when(pl.col("place").n_unique() == 1).then(pl.col("place").min()))
        .sort("person", "start", "entry")
        .filter(_last_of("person", "start"))
    )
    names = latest["place"].unique().sort(nulls_last=True)
    coded = pl.DataFrame({"name": names}).with_columns(code=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = latest.join(
        coded, left_on="place", right_on="name", how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.select("person", "start", "entry", place="code"), tuple(names)


def _special_refused(events: pl.DataFrame, people: int) -> Ints:
    latest = np.full(people, LONG_AGO, dtype=np.int64)
    told = events.filter((pl.col("kind") == "signal") & (pl.col("special").list.len() > 0))
    np.maximum.at(latest, told["person"].to_numpy(), told["occurred_at"].to_numpy())
    return latest


def _notices(events: pl.DataFrame, purpose: str) -> pl.DataFrame:
    told = events.filter((pl.col("kind") == "notice") & _for_purpose(purpose))
    starts = told.select("person", start="occurred_at", entry=pl.col("entry").fill_null(NO_ENTRY))
    ordered = _sorted(starts, ("person", "start", "entry"))
    return ordered.filter((pl.col("person").shift(1) == pl.col("person")).fill_null(False).not_())


def latest_assessment(events: pl.DataFrame, purpose: str) -> pl.DataFrame:
    """The rows of the latest assessment of this purpose, by when it was made, then by its entry: none, one, or several that
    neither tells apart. `events` are conformed, up to the moment asked about."""
    made = events.filter((pl.col("kind") == "assessment") & _for_purpose(purpose))
    made = made.with_columns(pl.col("entry").fill_null(NO_ENTRY))
    latest = made.filter(pl.col("occurred_at") == pl.col("occurred_at").max())
    return latest.filter(pl.col("entry") == pl.col("entry").max())


def _assessed(events: pl.DataFrame, purpose: str, now: int) -> tuple[frozenset[str] | None, int]:
    """What the latest assessment of this purpose proves, and until when; of several at one moment, what all of them prove.
    Nothing once its first proof is stale: it has to be made again."""
    latest = latest_assessment(events, purpose)
    if latest.is_empty():
        return None, NEVER
    until = latest["expires_at"].fill_null(NEVER)
    proven = [
        frozenset(listed or []) if end > now else frozenset()
        for listed, end in zip(latest["safeguards"].to_list(), until, strict=True)
    ]
    return frozenset.intersection(*proven), int(until.to_numpy().min())
