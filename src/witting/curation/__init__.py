"""Curation: from redacted turns to the examples worth learning, with a reason for every turn left out.

Covers: language, exact duplicates, what people imply in their words, supervised, preference, KTO and own-words examples,
guards before a signal makes a label, caps per person, the held-out people. Each step judges beside the rows; the funnel adds up: kept turns read = in examples + dropped by reason.
Not covered yet: quality, near duplicates, the k-user rule, decontamination, topics.
Ideas from datatrove (an exclusion keeps its reason), Dolma (tags beside the text, the decision apart), and
Data-Juicer (compute a statistic, then decide).
"""

from witting.curation.dedup import CLUSTER, FINGERPRINT, elect
from witting.curation.dedup import stage as duplicate_stage
from witting.curation.examples import RULES
from witting.curation.guards import LABEL_SETS, Guards, caps, summary, trusted_rules
from witting.curation.implied import implied_signals
from witting.curation.implied import stage as implied_stage
from witting.curation.keyed import heldout
from witting.curation.language import LANGUAGE
from witting.curation.language import stage as language_stage
from witting.curation.reasons import REASONS
from witting.curation.shard import (
    Curated,
    curate_shard,
    curate_table,
    fingerprint_rows,
    label_counts,
    languages,
)
from witting.curation.stages import examples_stage, fingerprint_stage, stages

__all__ = [
    "CLUSTER",
    "FINGERPRINT",
    "LABEL_SETS",
    "LANGUAGE",
    "REASONS",
    "RULES",
    "Curated",
    "Guards",
    "caps",
    "curate_shard",
    "curate_table",
    "duplicate_stage",
    "elect",
    "examples_stage",
    "fingerprint_rows",
    "fingerprint_stage",
    "heldout",
    "implied_signals",
    "implied_stage",
    "label_counts",
    "language_stage",
    "languages",
    "stages",
    "summary",
    "trusted_rules",
]
