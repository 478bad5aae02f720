"""Erasure: the way back. From a request to located rows, purged rows and key, a retrained shard, and a certificate.

Covered: finding everything of a person (their shard only), rewriting those parts without them, what a certificate says
and does not say. Not covered: deciding whether a request must be granted, people quoted by others, copies outside.
Retraining, auditing and sealing are done by the rooms that know how; `walk/erase.py` is the order.
Sources: GDPR Art. 17; Bourtoule et al. 2021 (one shard is retrained); Thudi et al. 2022 (weights prove nothing, an
auditable procedure can).
"""

from witting.erasure.certificate import NOT_PROVEN, certificate_body, treatment
from witting.erasure.locate import Located, locate, rows_of, rows_without
from witting.erasure.purge import Rewritten, rewrite

__all__ = [
    "NOT_PROVEN",
    "Located",
    "Rewritten",
    "certificate_body",
    "locate",
    "rewrite",
    "rows_of",
    "rows_without",
    "treatment",
]
