"""Which purpose includes which: a small order over the closed list, as narrow as it can be.

Covers: what a yes to one purpose also opens. Not covered: what somebody said, and when (`timeline.py`). A model that is
trained on words is also measured on words held out of the training, so either training includes `evaluate_model`. Who
lets a dataset be published lets named recipients have it. Nothing else is included in anything: above all, no purpose
includes one that changes weights, so only a consent that names the training opens it. `improve_service`, `research` and
`new_services` are no purposes at all and can open nothing.

Where yes and no meet, the most specific and the most restrictive wins: a no that names the narrower purpose closes it,
whatever is said of the wider one, then or later; a no to the wider one ends what was open through it alone.
From: purpose limitation, GDPR Art. 5(1)(b) and Rec. 43; PIPC v Scatter Lab 2021, Canada PIPEDA Findings #2026-002.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from witting.schema import PURPOSES

INCLUDES: Mapping[str, tuple[str, ...]] = {
    "fine_tune_own_model": ("evaluate_model",),
    "train_general_model": ("evaluate_model",),
    "publish_dataset": ("share_dataset",),
}
WEIGHTS = frozenset({"fine_tune_own_model", "train_general_model"})  # purposes that change a model
NEVER_A_PURPOSE = (
    "improve_service",
    "research",
    "new_services",
)  # what regulators said is too vague to be one


@cache
def included(purpose: str) -> frozenset[str]:
    """The purpose itself and all that a yes to it opens, at any depth."""
    found = {purpose}
    for narrower in INCLUDES.get(purpose, ()):
        found |= included(narrower)
    return frozenset(found)


@cache
def wider(purpose: str) -> tuple[str, ...]:
    """The other purposes whose yes opens this one, in the order of the closed list."""
    return tuple(other for other in PURPOSES if other != purpose and purpose in included(other))
