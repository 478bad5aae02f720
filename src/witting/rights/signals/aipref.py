"""A person's AI preferences in the IETF vocabulary (`intake/web/aipref.py` reads it): what cannot be read is a no."""

from __future__ import annotations

from witting.intake.web.aipref import refuses_training
from witting.rights.signals.statement import SILENCE, TRAINING, UNREADABLE, Statement


def read_aipref(text: str) -> Statement:
    """The statement of one header value."""
    refused = refuses_training(text)
    if refused is None:
        return UNREADABLE
    return Statement(TRAINING) if refused else SILENCE
