"""The IETF vocabulary of AI preferences: `train-ai=n`, as in the header Content-Usage and in robots.txt.

Covered: the exemplary format of draft-ietf-aipref-vocab-08 §7, a Dictionary of Structured Fields (RFC 9651 §3.2), read by
`http_sf`: Tokens `y` and `n`, everything else unknown, unknown labels and all parameters ignored, the last of two equal
keys counts. `train-ai` is the training of models that generate; `search` is none of our purposes. Labels of earlier
drafts (`ai`, `genai`, `train-genai`, `bots`, `all`) and their `?0` still say no here. Not covered: paths in robots.txt.
Different from the draft: what is no Dictionary is "unknown" there, and the caller's to refuse here.
"""

from __future__ import annotations

from typing import Any

import http_sf

TEXT_BYTES_MAX = 8_192
LABELS = ("train-ai", "train-genai", "ai", "genai", "bots", "all")


def refuses_training(text: str) -> bool | None:
    """Whether one value refuses training; None where it cannot be read."""
    if len(text) > TEXT_BYTES_MAX:
        return None
    try:
        # Any: a Dictionary; the library's one type covers fields of every kind
        said: Any = http_sf.parse(text.strip().encode("ascii"), tltype="dictionary")
    except ValueError:  # StructuredFieldError and UnicodeEncodeError
        return None
    return any(_is_no(said[label][0]) for label in LABELS if label in said)


def _is_no(value: object) -> bool:
    return value is False or (isinstance(value, http_sf.Token) and str(value) == "n")
