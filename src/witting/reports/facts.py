"""What a report is computed from beside the walk's results: values from the ledger, the packs and the adapters.

Covers: the values. Not covered: reading them out of a workspace (`walk/report.py`). Nothing here names a person or a
file: files are counted by what became of them, rights events by kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class LedgerFacts:
    """The signed checkpoint this report stands on, and what the ledger holds up to it."""

    size: int
    root: str  # hex
    key: str  # the verifier key, `name+id+key`
    checkpoint: str  # path in the workspace
    entries: Mapping[str, int] = field(default_factory=dict)  # by kind
    deleted_turns: int = 0  # words deleted by retention, ever
    deleted_records: int = 0  # quarantined records deleted by retention, ever


@dataclass(frozen=True)
class FileFacts:
    """Files (an archive is one) with the same verdict and reason."""

    verdict: str  # read | refused
    reason: str
    files: int
    records: int
    quarantined: int


@dataclass(frozen=True)
class PackFacts:
    title: str
    version: int
    sha256: str
    rules: int
    rules_unreviewed: int
    reviewed: bool  # by a lawyer, as a whole


@dataclass(frozen=True)
class Facts:
    """Everything a report needs besides the results."""

    controller: str
    purpose: str
    profile: str
    retention_days: int
    run_id: str
    as_of: datetime
    version: str  # of Witting
    ledger: LedgerFacts
    files: tuple[FileFacts, ...] = ()
    inbox_left: int = 0  # files that still lie in the inbox
    packs: Mapping[str, PackFacts] = field(default_factory=dict)  # by jurisdiction
    pack_of: Mapping[str, str] = field(default_factory=dict)  # place → jurisdiction
    losses: Mapping[int, Sequence[Mapping[str, Any]]] = field(
        default_factory=dict
    )  # Any: JSON lines, by shard


Results = Mapping[str, Any]  # Any: what each room of the walk gave back, by room: JSON
