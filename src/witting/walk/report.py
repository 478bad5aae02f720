"""reports: to be written by the reports room."""

from __future__ import annotations

from typing import Any

from witting.walk.step import Step


def report(step: Step) -> dict[str, Any]:
    raise RuntimeError("not yet")
