"""Exports of assistants, which are trees. `SOURCES` goes from the most telling shape to the least."""

from witting.intake.assistants import chatgpt, claude, grok, librechat, open_webui

SOURCES = (chatgpt.SOURCE, claude.SOURCE, grok.SOURCE, librechat.SOURCE, open_webui.SOURCE)
