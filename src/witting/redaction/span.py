"""What redaction finds: a span of text and what the whole text says.

Covers: the two values every detector and every caller share. Not covered: how they are found.
Offsets are Unicode code points of the text as it was given, half open. A kind is one of
`schema.REDACTION_KINDS`, finer ones after a dot: `NATIONAL_ID.FR_NIR`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SPECIAL_KINDS = (
    "HEALTH", "SEX_LIFE", "RELIGION", "POLITICS", "UNION", "ETHNICITY", "GENETIC", "BIOMETRIC", "CRIMINAL",
)  # fmt: skip  # GDPR Art. 9(1) and Art. 10
ABOUT = ("self", "other", "negated", "figurative", "topic", "none")  # the first that holds names the text


@dataclass(frozen=True, slots=True)
class Span:
    """One finding. `score` is 0 to 1; `whose` is `self` or `other` on special categories, else empty."""

    start: int
    end: int
    kind: str
    score: float
    detector: str
    whose: str = ""

    @property
    def family(self) -> str:
        """The kind before the dot: what a replacement is named after."""
        return self.kind.partition(".")[0]

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """The shape of `docs/formats/redaction-spans.md`."""
        return {"start": self.start, "end": self.end, "kind": self.kind, "score": self.score}


@dataclass(frozen=True, slots=True)
class Labels:
    """What the text as a whole says. `art9` holds only kinds linked to a person, sorted."""

    art9: tuple[str, ...] = ()
    about: str = "none"
    minor: bool = False
    secret: bool = False
    confidential: bool = False

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """The shape of `docs/formats/redaction-spans.md`."""
        return {
            "art9": list(self.art9),
            "about": self.about,
            "minor": self.minor,
            "secret": self.secret,
            "confidential": self.confidential,
        }
