"""A version of a notice, kept: its texts and facts in the notice store, their hashes in the ledger.

Covers: each version once, texts before the entry that names them: a crash between leaves texts that nothing names; the
facts behind a text that somebody was shown, for a receipt. Not covered: that somebody was shown it (the event `notice`,
`rights/record.py`). No fact of the notice is in the entry but its purpose and its number: hashes say the rest.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from witting.errors import InputError
from witting.rights.notice.facts import Facts, facts_of
from witting.rights.notice.kit import Kit, canonical_facts

if TYPE_CHECKING:
    from witting.ledger import Entry, Ledger
    from witting.store.notices import Notices

ENTRY_KIND = "notice.recorded"


def record_kit(kit: Kit, *, notices: Notices, ledger: Ledger, now: datetime) -> int:
    """The ledger index of this version's entry: the one there was, or a new one."""
    for notice in kit.notices:
        for text in (notice.written.short, notice.written.full):
            notices.keep(text)
    notices.keep(canonical_facts(kit.facts))  # under facts_sha256
    for entry in ledger.entries(kind=ENTRY_KIND):
        if entry.body["sha256"] == kit.sha256:
            return entry.index
    body = {
        "version": kit.facts.version,
        "sha256": kit.sha256,
        "facts_sha256": kit.facts_sha256,
        "purpose": kit.facts.purpose,
        "texts": {n.texts.language: n.hashes for n in kit.notices},
        "reviewed": sorted(n.texts.language for n in kit.notices if n.texts.reviewed),
    }
    return ledger.append(ENTRY_KIND, body, now=now)


@dataclass(frozen=True)
class Shown:
    """What is known of a text that somebody was shown, by its hash."""

    version: str
    language: str
    facts: (
        Facts | None
    )  # None where they were not kept, or are of another shape than today's: record the kit again


class Versions:
    """Every recorded version by the hashes of its texts. A house has a handful; they are read once."""

    def __init__(self, entries: Iterable[Entry], notices: Notices) -> None:
        self._shown: dict[str, Shown] = {}
        for entry in entries:
            facts = _facts(notices.text(entry.body["facts_sha256"]))
            for language, hashes in entry.body["texts"].items():
                shown = Shown(entry.body["version"], language, facts)
                self._shown |= dict.fromkeys(hashes.values(), shown)

    def shown(self, sha256: str) -> Shown | None:
        return self._shown.get(sha256.lower())


def _facts(text: str | None) -> Facts | None:
    with contextlib.suppress(InputError):
        return None if text is None else facts_of(json.loads(text), where="the notice's facts")
    return None
