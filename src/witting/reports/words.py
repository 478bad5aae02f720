"""The report's words: a sentence for each reason, a name for each short name, numbers as people write them.

Covers: looking words up, with the short name itself where there is none. Not covered: the words (`words.toml`, and the
REASONS of the rooms, which are taken as they are).
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from witting import curation, redaction
from witting.intake import REFUSALS, SKIPPED
from witting.intake.facts import all_facts
from witting.rights.reasons import REASONS as RIGHTS

SENTENCES = {
    "intake": SKIPPED,
    "rights": RIGHTS,
    "redaction": redaction.REASONS,
    "curation": curation.REASONS,
}


def name(group: str, word: str) -> str:
    """What `words.toml` calls it; the word itself, underscores opened, where it says nothing."""
    known = _words()[group].get(word)
    if known is None and group == "surfaces" and (facts := all_facts().get(word)) is not None:
        return facts.title
    return known or word.replace("_", " ")


def reason(room: str, word: str) -> str:
    """The sentence of a reason; where there is none, one that shows the word."""
    return SENTENCES.get(room, {}).get(word, f"Reason given: {word.replace('_', ' ')}.")


def refusal(word: str) -> str:
    """Why a file was not read, and what to do about it."""
    said = _words()["files"].get(word) or REFUSALS.get(word) or f"reason given: {word.replace('_', ' ')}."
    return said[:1].upper() + said[1:]


def printable(path: str) -> str:
    """A file's name with every character that a terminal or a page might obey written out: `\\x1b`, `\\u202e`, `\\n`."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in path
    )


def count(number: int, one: str, many: str | None = None) -> str:
    """`1,002 messages`, `1 message`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(share: float, *, digits: int = 0) -> str:
    """`64%`; a share that only rounds to none or all says so."""
    if digits == 0 and 0 < share < 0.005:
        return "under 1%"
    if digits == 0 and 0.995 <= share < 1:
        return "over 99%"
    return f"{share * 100:.{digits}f}%"


def signed(number: float, *, digits: int = 3) -> str:
    """With its sign, and a real minus."""
    return f"{number:+.{digits}f}".replace("-", "−")


def sentence(words: str) -> str:
    """Another room's words as a sentence of this page: a capital first, percent signs where the others stand."""
    return (words[:1].upper() + words[1:]).replace(" %", "%")


def listed(things: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(things[:-1]), things[-1]]) if len(things) > 1 else "".join(things)


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((files("witting.reports") / "words.toml").read_text("utf-8"))
