"""The trial decision looked at a second time: had every safeguard been proven, whose words would be used, and are they fit?

Covers: five safeguards that the door itself keeps (lead time, look-back, earlier noes, age, audience), checked again over
the rows it would open, straight from the events and by another path than the door's timelines. Not covered: deciding.
A trial without rows shows nothing, and proves nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import rfc8785

from witting.rights.interest.proof import Artefact, Proof
from witting.rights.policy import Packs
from witting.rights.purposes import wider
from witting.rights.timeline import ADULT, CLOSING

OPEN_AUDIENCES = ("assistant", "public")
CHECKS = (
    "notice_lead",
    "lookback_limit",
    "prior_objections_honoured",
    "under18_filter",
    "group_source_filter",
)
NOBODY = (
    "no turn would be used under legitimate interest today, so there is nothing to show this on; walk first"
)


@dataclass
class Trial:
    """What a trial came to. Counts, and which notices the people were shown."""

    rows: int = 0
    people: set[str] = field(default_factory=set, repr=False)
    said_no: int = 0  # people who ever said no, used or not
    young: int = 0  # people ever known to be under age
    failing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CHECKS, 0))

    def counts(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "people": len(self.people),
            "said_no": self.said_no,
            "young": self.young,
            "failing": dict(self.failing),
        }


def look_again(
    tables: Iterable[tuple[pa.Table, pa.Table]],
    events: pa.Table,
    *,
    purpose: str,
    as_of: datetime,
    packs: Packs,
) -> Trial:
    """`tables`: the turns' facts (TURN_FACTS) and the trial's decisions on them (DECISION), part by part, row by row.

    `events` are the ledger's. Memory: the events' people and one part.
    """
    people = _people(events, purpose=purpose, as_of=as_of)
    trial = Trial(
        said_no=people.filter("said_no").height,
        young=people.filter(pl.col("young_until").is_not_null()).height,
    )
    for turns, decisions in tables:
        rows = _used(turns, decisions, people, as_of=as_of, packs=packs)
        if rows.is_empty():
            continue
        trial.rows += rows.height
        trial.people |= set(rows["subject_id"])
        for name, test in _tests(as_of).items():
            trial.failing[name] += rows.filter(~test.fill_null(False)).height
    return trial


def prove_trial(trial: Trial, *, notices_kept: bool, moment: datetime) -> list[Proof]:
    """The five safeguards. `notices_kept`: every text that people were shown is in the notice store."""
    digest = hashlib.sha256(rfc8785.dumps(trial.counts())).hexdigest()
    artefact = Artefact("trial decision", digest, moment.isoformat(timespec="seconds"))
    used = f"{trial.rows} turns of {len(trial.people)} people would be used"
    saw = {
        "notice_lead": f"{used}, each after its person's waiting time",
        "lookback_limit": f"{used}, none said before its person was told",
        "prior_objections_honoured": f"{used}; {trial.said_no} people had said no, none of them is among these",
        "under18_filter": f"{used}, each by a person known to be an adult; {trial.young} known to be younger were kept out",
        "group_source_filter": f"{used}, all said to the assistant or in public",
    }
    proofs = []
    for name in CHECKS:
        failing, remedy = trial.failing[name], None
        if trial.rows == 0:
            remedy = NOBODY
        elif failing:
            remedy = f"{failing} of these turns fail this check although the door opened: report it, and do not train"
        elif name == "notice_lead" and not notices_kept:
            remedy = "keep the text people were shown: `witting rights notice --record`, its hash in each notice event"
        told = saw[name] if remedy is None else used
        proofs.append(Proof(name, told, artefact, remedy=remedy))
    return proofs


def _people(events: pa.Table, *, purpose: str, as_of: datetime) -> pl.DataFrame:
    """subject, told (first notice), said_no, age (the latest), young_until (when last told to be under age)."""
    said = pl.DataFrame(events).filter(pl.col("subject").is_not_null() & (pl.col("occurred_at") <= as_of))
    listed = pl.col("purposes")
    names = listed.list.set_intersection([purpose, *wider(purpose)]).list.len() > 0
    silent = (listed.list.len().fill_null(0) == 0) & (pl.col("kind") != "signal")
    closes = pl.col("kind").is_in(list(CLOSING)) & (names | silent | (pl.col("kind") == "erasure_request"))
    told = (pl.col("kind") == "notice") & listed.list.contains(purpose)
    aged = pl.col("kind") == "age"
    return said.group_by("subject").agg(
        told=pl.col("occurred_at").filter(told.fill_null(False)).min(),
        said_no=closes.fill_null(False).any(),
        age=pl.col("age").filter(aged).sort_by(pl.col("occurred_at").filter(aged)).last(),
        young_until=pl.col("occurred_at").filter(aged & (pl.col("age") < ADULT)).max(),
    )


def _used(
    turns: pa.Table, decisions: pa.Table, people: pl.DataFrame, *, as_of: datetime, packs: Packs
) -> pl.DataFrame:
    """The rows that legitimate interest would open, with what is known of their people and the waiting time there."""
    asked = pl.DataFrame(turns.select(["row_id", "occurred_at", "audience"]))
    opened = pl.DataFrame(decisions.select(["row_id", "subject_id", "basis", "place"]))
    rows = opened.filter(pl.col("basis") == "legitimate_interest").join(asked, on="row_id", how="left")
    places = rows["place"].unique()
    lead = [
        timedelta(days=packs.for_place(place, as_of).parameters.legitimate_interest.lead_days)
        for place in places
    ]
    waiting = pl.DataFrame({"place": places, "lead": pl.Series(lead, dtype=pl.Duration("us"))})
    rows = rows.join(waiting, on="place", how="left", nulls_equal=True)
    return rows.join(people, left_on="subject_id", right_on="subject", how="left")


def _tests(as_of: datetime) -> dict[str, pl.Expr]:
    """What every row must pass; unknown fails."""
    return {
        "notice_lead": pl.col("told") + pl.col("lead") <= as_of,
        "lookback_limit": pl.col("occurred_at") >= pl.col("told"),
        "prior_objections_honoured": ~pl.col("said_no"),
        "under18_filter": (pl.col("age") >= ADULT)
        & (pl.col("young_until").is_null() | (pl.col("occurred_at") > pl.col("young_until"))),
        "group_source_filter": pl.col("audience").is_in(OPEN_AUDIENCES),
    }
