"""What one file gave: turns, signals, skipped records by reason, where the first bad ones stood, and what that says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from witting.intake.refusals import CUT_OFF, CUT_RECORDS, ONLY_BAD
from witting.intake.source import Feedback, Record, RightsRecord, Skipped, Turn

BAD_NAMED_MAX = 20  # records of a file whose place its verdict tells


@dataclass
class Count:
    """What one file gave so far."""

    turns: int = 0
    signals: int = 0
    quarantined: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        if isinstance(record, Turn):
            self.turns += 1
            self.signals += len(record.signals)
        else:
            self.skipped[record.reason] += 1
            self.signals += isinstance(record, Feedback)
            if record.record is not None:
                self.quarantined += 1
                self._place(record)

    def _place(self, record: Skipped | Feedback | RightsRecord) -> None:
        if len(self.bad) < BAD_NAMED_MAX:
            where = record.where if isinstance(record, Skipped) else ""
            place = where or f"bytes {record.bytes[0]}-{record.bytes[1]}"
            self.bad.append(f"{record.reason} at {place}")

    def fault(self) -> str:
        """Why the file is not read, or not to its end, though no reader refused it; empty where it is."""
        if not self.turns and 0 < self.quarantined == self.skipped.total():
            return ONLY_BAD
        return CUT_OFF if any(self.skipped[reason] for reason in CUT_RECORDS) else ""
