"""The IETF vocabulary of AI preferences: `train-ai=n`, as in the header Content-Usage.

Covers: the exemplary format of draft-ietf-aipref-vocab-08 §7, a Dictionary of Structured Fields (RFC 9651 §3.2), read by
`http_sf`: Tokens `y` and `n`, everything else unknown, unknown labels and all parameters ignored, the last of two equal
keys counts. `train-ai` is the training of models that generate; `search` is none of our purposes. Labels of earlier
drafts (`ai`, `genai`, `train-genai`, `bots`, `all`) still say no here. Not covered: paths in robots.txt.
Different from the draft: what is no Dictionary is "unknown" there and, as everything unreadable, a no here.
"""

from __future__ import annotations

from typing import Any

import http_sf

from witting.rights.signals.statement import SILENCE, TRAINING, UNREADABLE, Statement

TEXT_BYTES_MAX = 8_192
LABELS = ("train-ai", "train-genai", "ai", "genai", "bots", "all")


def read_aipref(text: str) -> Statement:
    """The statement of one header value."""
    if len(text) > TEXT_BYTES_MAX:
        return UNREADABLE
    try:
        # Any: a Dictionary; the library's one type covers fields of every kind
        said: Any = http_sf.parse(text.strip().encode("ascii"), tltype="dictionary")
    except ValueError:  # StructuredFieldError and UnicodeEncodeError
        return UNREADABLE
    values = [said[label][0] for label in LABELS if label in said]
    refused = any(isinstance(value, http_sf.Token) and str(value) == "n" for value in values)
    return Statement(TRAINING) if refused else SILENCE
