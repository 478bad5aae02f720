"""Logs and traces of products that talk to a model. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.logs import langfuse, openai_log, openpipe, otel, tensorzero

SOURCES = (otel.SOURCE, tensorzero.SOURCE, openpipe.SOURCE, langfuse.SOURCE, openai_log.SOURCE)
