"""The tagger: names, places, organisations and addresses that no rule introduces, by a small model of our own.

The verb is `find`. One model for all languages, numpy alone, its weights in the wheel.
Covers: what running text names; see docs/tagger.md for what it was trained on and how well it does.
Not covered: redaction itself does not ask it yet (`detect.py`); training (`train/tagger.py`).
"""

from __future__ import annotations

from witting.redaction.tagger.model import find

__all__ = ["find"]
