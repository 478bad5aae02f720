"""Logs and traces of products that talk to a model. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.logs import openai_log

SOURCES = (openai_log.SOURCE,)
