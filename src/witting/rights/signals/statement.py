"""What a signal says, in our purposes: only noes, because a signal opens nothing.

Covers: the value, and putting several together. Not covered: reading any format.
"""

from __future__ import annotations

from dataclasses import dataclass

from witting.rights.purposes import WEIGHTS
from witting.schema import PURPOSES

NOTHING: frozenset[str] = frozenset()
EVERYTHING = frozenset(PURPOSES)
HANDED_ON = frozenset({"share_dataset", "publish_dataset"})  # what a law calls sale
ADVERTISING = frozenset({"personalise_ads"})
SALE_AND_SHARING = HANDED_ON | ADVERTISING  # what Global Privacy Control is about
TRAINING = WEIGHTS | HANDED_ON  # a dataset that is handed on is trained on elsewhere


@dataclass(frozen=True)
class Statement:
    """The noes of one signal."""

    refuses: frozenset[str] = NOTHING  # PURPOSES
    special: bool = False  # no special category may be used
    child: bool = False  # the sender knows that the person is a child; then everything is refused
    read: bool = True  # False: some of it could not be read, and counts as the no it might be

    def and_(self, other: Statement) -> Statement:
        """Both at once: every no of either."""
        return Statement(
            self.refuses | other.refuses,
            self.special or other.special,
            self.child or other.child,
            self.read and other.read,
        )


UNREADABLE = Statement(EVERYTHING, special=True, read=False)
CHILD = Statement(EVERYTHING, special=True, child=True)
SILENCE = Statement()
