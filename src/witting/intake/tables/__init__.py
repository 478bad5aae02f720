"""Tables: our own turns, and any columns by a mapping (`mapped.source_from`, which stands in no list until asked for)."""

from witting.intake.tables import turns

SOURCES = (turns.SOURCE,)
