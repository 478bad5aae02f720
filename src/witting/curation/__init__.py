"""Curation: from redacted turns to the examples worth learning, with a reason for every turn left out.

Covers: language, exact duplicates, supervised, preference and own-words examples, a cap per person, the held-out
people. Each step judges beside the rows; the funnel adds up: kept turns read = in examples + dropped by reason.
Not covered yet: quality, near duplicates, the k-user rule, decontamination, topics.
Ideas from datatrove (an exclusion keeps its reason), Dolma (tags beside the text, the decision apart), and
Data-Juicer (compute a statistic, then decide).
"""

from witting.curation.dedup import CLUSTER, FINGERPRINT, elect
from witting.curation.dedup import stage as duplicate_stage
from witting.curation.examples import RULES
from witting.curation.keyed import heldout
from witting.curation.language import LANGUAGE
from witting.curation.language import stage as language_stage
from witting.curation.reasons import REASONS
from witting.curation.shard import (
    Curated,
    curate_shard,
    curate_table,
    examples_stage,
    fingerprint_rows,
    fingerprint_stage,
    languages,
    stages,
)

__all__ = [
    "CLUSTER",
    "FINGERPRINT",
    "LANGUAGE",
    "REASONS",
    "RULES",
    "Curated",
    "curate_shard",
    "curate_table",
    "duplicate_stage",
    "elect",
    "examples_stage",
    "fingerprint_rows",
    "fingerprint_stage",
    "heldout",
    "language_stage",
    "languages",
    "stages",
]
