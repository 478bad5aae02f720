"""A version of a notice, kept: its texts in the notice store, its hashes in the ledger.

Covers: each version once, texts before the entry that names them: a crash between leaves texts that nothing names.
Not covered: that somebody was shown it (the event `notice`, `rights/record.py`). No fact of the notice is in the entry
but its purpose and its number: hashes say the rest.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from witting.rights.notice.kit import Kit

if TYPE_CHECKING:
    from witting.ledger import Ledger
    from witting.store.notices import Notices

ENTRY_KIND = "notice.recorded"


def record_kit(kit: Kit, *, notices: Notices, ledger: Ledger, now: datetime) -> int:
    """The ledger index of this version's entry: the one there was, or a new one."""
    for notice in kit.notices:
        for text in (notice.written.short, notice.written.full):
            notices.keep(text)
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
