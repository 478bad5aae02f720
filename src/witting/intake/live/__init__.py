"""Live events of products, as CloudEvents."""

from witting.intake.live import events

SOURCES = (events.SOURCE,)
