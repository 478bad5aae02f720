"""One signal, whatever its kind, as a statement of noes.

Covers: telling the kinds apart by the names people give them, and the signals that are one word. Not covered: the
formats (`gpp.py`, `aipref.py`, `atproto.py`). Global Privacy Control is a no to sale, sharing and targeted advertising
(W3C Global Privacy Control; 11 CCR 7025): it says nothing of training, so it shuts handing on and advertising.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from witting.rights.signals.aipref import read_aipref
from witting.rights.signals.atproto import INTENTS, PREFERENCE, read_atproto
from witting.rights.signals.gpp import read_gpp
from witting.rights.signals.statement import (
    ADVERTISING,
    EVERYTHING,
    SALE_AND_SHARING,
    SILENCE,
    UNREADABLE,
    Statement,
)

TEXT_CHARS_MAX = 100_000
SILENT = frozenset({"", "unknown", "unset", "none", "null", "no_preference", "undefined"})
YES = frozenset({"1", "true", "on", "y", "yes", "allow", "allowed", "opt_in"})
NO = frozenset({"0", "false", "off", "n", "no"})
# Signals of one word that are set or not: name -> what a set one refuses.
FLAGS: Mapping[str, frozenset[str]] = {
    "gpc": SALE_AND_SHARING,
    "sec_gpc": SALE_AND_SHARING,
    "globalprivacycontrol": SALE_AND_SHARING,
    "dnt": ADVERTISING,
    "opt_out": EVERYTHING,
    "optout": EVERYTHING,
    "platform_opt_out": EVERYTHING,
}
GPP = frozenset({"gpp", "iab_gpp", "gpp_string"})
AIPREF = frozenset({"aipref", "ai_pref", "content_usage"})
ATPROTO = frozenset(
    {"atproto", "at_protocol", *(re.sub(r"\W+", "_", name) for name in (PREFERENCE, INTENTS))}
)


KINDS = ("gpc", "gpp", "aipref", "atproto", "dnt", "platform_opt_out")  # as they are best called


def is_known(kind: str) -> bool:
    """Whether a signal of this name is one we read; one that is not might be a slip for one that is."""
    return _name(kind) in {*FLAGS, *GPP, *AIPREF, *ATPROTO}


def _name(kind: str | None) -> str:
    return re.sub(r"\W+", "_", (kind or "").strip().lower()).strip("_")


def read_signal(kind: str | None, value: object) -> Statement:
    """What the signal refuses. `value` is as it came: text, true or false, a number, or a JSON record."""
    name = _name(kind)
    if isinstance(value, Mapping | list):
        return read_atproto(value) if name in ATPROTO else UNREADABLE
    text = ("true" if value else "false") if isinstance(value, bool) else str("" if value is None else value)
    word = re.sub(r"[\s-]+", "_", text.strip().lower())
    if len(text) > TEXT_CHARS_MAX:
        return UNREADABLE
    if word in SILENT:
        return SILENCE
    if name in FLAGS:
        return SILENCE if word in NO else Statement(FLAGS[name], read=word in YES)
    if name in GPP:
        return read_gpp(text)
    if name in AIPREF:
        return SILENCE if word in YES else read_aipref(text)
    if name in ATPROTO:
        return _json(text)
    return SILENCE if word in YES else UNREADABLE


def _json(text: str) -> Statement:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return UNREADABLE
    return read_atproto(value)
