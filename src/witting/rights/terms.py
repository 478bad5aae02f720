"""What bars a purpose besides the person: the platform's own terms, and what the place of publication says.

Covers: which rows of a table may not be used for a purpose, by the dated terms of the source they came from
(`intake/*/sources.toml`) and by the purposes that robots, TDM or AI-preference signals refused (`barred`). Not covered:
the person's own doors (`doors.py`). Both only ever say no: they bind before privacy law, so an open door does not help.

The terms that count are those in force on the day the decision is for: data kept from before a change is bound by it
too. A surface that no source states terms for is taken for the operator's own product and stands under the terms of live
events, which open nothing beyond what such a product may do; a platform's data under a name of the operator's own is bound
by that platform all the same, and nobody here can tell.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import date

import polars as pl

from witting.intake.facts import all_facts
from witting.rights.intervals import Bools

OWN_PRODUCT = "live"


def refused_by_platform(surface: pl.Series, *, purpose: str, day: date) -> Bools:
    """True for each row whose source's terms in force on `day` do not let its data be used for `purpose`."""
    known = all_facts()
    barring = [name for name, facts in known.items() if purpose not in facts.permitted(day).purposes]
    barred = surface.is_in(barring)
    if OWN_PRODUCT in barring:
        barred = barred | surface.is_in(list(known)).not_()
    return barred.fill_null(OWN_PRODUCT in barring).to_numpy()


def refused_by_origin(barred: pl.Series, *, purpose: str) -> Bools:
    """True for each row that was published where `purpose` is refused."""
    return barred.list.contains(purpose).fill_null(False).to_numpy()


def terms_digest() -> str:
    """SHA-256 over all terms: a decision names what it read."""
    said = {name: [asdict(term) for term in facts.terms] for name, facts in sorted(all_facts().items())}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
