"""Intake: exports, archives and logs in; turns, signals and skipped records out, each pointing back to its bytes.

Covered: reading what people and products exported, finding out what it is by content, one verdict a file, every record
counted: records = turns + skipped. Not covered: whether a turn may be used (rights), what in it is personal (redaction),
sealing and storing (`seal.py`). Message text is never changed.

`admit` is the verb. `SOURCES` are the readers in the order they are asked, each with its facts: audience,
speakers, clock, and what its platform's terms permit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from witting.intake.facts import Facts, PermittedUse
from witting.intake.refusals import REFUSALS
from witting.intake.skipped import SKIPPED
from witting.intake.source import Evidence, FileVerdict, Signal, Skipped, Source, Turn

if TYPE_CHECKING:
    from witting.intake.detect import SOURCES, admit, source_named

__all__ = [
    "REFUSALS",
    "SKIPPED",
    "SOURCES",
    "Evidence",
    "Facts",
    "FileVerdict",
    "PermittedUse",
    "Signal",
    "Skipped",
    "Source",
    "Turn",
    "admit",
    "source_named",
]


def __getattr__(name: str) -> Any:  # Any: whatever `detect` exports
    """What needs every reader there is brings them in when it is first asked for: rights ask for facts alone."""
    if name not in ("SOURCES", "admit", "source_named"):
        raise AttributeError(f"module 'witting.intake' has no attribute {name!r}; it has {__all__}")
    from witting.intake import detect

    value = getattr(detect, name)
    globals()[name] = value
    return value
