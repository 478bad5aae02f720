"""Witting: people's conversations into training data and a better model, only as far as they knowingly agreed.

The Python API is these names; each is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Workspace": "witting.workspace",
    "walk": "witting.walk",
    "WalkResult": "witting.walk",
    "Settings": "witting.config",
    "WittingError": "witting.errors",
    "Stage": "witting.engine",
    "admit": "witting.intake",
    "judge": "witting.rights.evidence",
    "decide": "witting.rights.decide",
    "scan": "witting.redaction",
    "verify_file": "witting.ledger.verify",
}
__all__ = sorted([*_HOME, "__version__"])


def __getattr__(name: str) -> Any:  # Any: whatever the named room exports
    if name not in _HOME:
        raise AttributeError(f"module 'witting' has no attribute {name!r}; it has {__all__}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value
