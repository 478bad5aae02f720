"""What is known of people's ages, for those who ask no more than: a minor, an adult, or unknown.

Covers: age events of the ledger. Not covered: the age a law asks for (`doors.py`), what evidence of consent says of age.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from witting.rights.timeline import ADULT


def known_ages(events: pa.Table) -> tuple[frozenset[str], frozenset[str]]:
    """Who was ever recorded under 18, and who was recorded as 18 or older and never younger. `events`: schema.EVENT.

    Ever: what somebody wrote as a child stays a child's words, and of two records the younger counts.
    """
    told = pl.DataFrame(events.select(["subject", "kind", "age"])).filter(
        (pl.col("kind") == "age") & pl.col("age").is_not_null()
    )
    minors = frozenset(told.filter(pl.col("age") < ADULT)["subject"])
    return minors, frozenset(told["subject"]) - minors
