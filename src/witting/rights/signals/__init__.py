"""Preference signals: what a person's browser, platform or account says for them, each in its real wire format.

Covers: Global Privacy Control (`Sec-GPC`), the IAB Global Privacy Platform string (`gpp.py`), the IETF AI preference
vocabulary (`aipref.py`), AT Protocol's `community.lexicon.preference.ai` and user intents (`atproto.py`), and plain
opt-outs. Not covered: what a site says of its pages (`intake/web/refusals.py`), and asking anybody for a signal.

One law over all of them: a signal can only ever shut. Silence and "unknown" are nothing, a yes opens nothing, and what
cannot be read might be a no. The most specific and the most restrictive wins: whatever applies to us and says no counts,
and a more specific yes does not lift a broader no. Only the person's own later yes, in words, does.
"""

from witting.rights.signals.read import KINDS, is_known, read_signal
from witting.rights.signals.statement import Statement

__all__ = ["KINDS", "Statement", "is_known", "read_signal"]
