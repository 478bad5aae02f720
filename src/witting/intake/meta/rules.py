"""What Meta's threads have in common, whatever they are written as: JSON, the end-to-end store, pages.

Covered: who could see a thread, its key, who Meta AI is, prose that the app wrote in a person's name. Not covered:
reading (`thread.py`, `thread_json.py`, `page.py`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from posixpath import basename, dirname
from typing import Any

META_AI = "Meta AI"
THREAD_FILE = re.compile(r"message_\d+\.(?:json|html)")
GENERATED = {  # what a kind of prose in words.toml is counted as
    "reaction": "reaction_notice",
    "attachment": "media_omitted",
    "unsent": "deleted",
    "event": "system_line",
}
GENERATED_CHARS_MAX = 500
MARK_CHARS = 4

_OPEN = re.compile(r"[{}*]")
_GROUP_KINDS = ("RegularGroup", "Group")


def audience_of(participants: set[str], senders: set[str], head: Mapping[str, Any]) -> str:  # Any: JSON
    people = participants | senders
    if len(people) > 2 or head.get("thread_type") in _GROUP_KINDS or "joinable_mode" in head:
        return "closed_group"
    if META_AI in people:
        return "assistant"
    return "direct" if len(participants) == 2 else "unknown"


def role_of(sender: str, audience: str) -> str:
    return "assistant" if sender == META_AI else "user" if audience == "assistant" else "person"


def conversation_of(
    source: str, head: Mapping[str, Any], path: str, people: set[str], senders: set[str]
) -> str:  # Any: JSON
    """The thread's own key: the number Meta gave it and, where two are listed, who they are: from Ann's and from Cy's
    download, a chat with Bo may carry Bo's number. Senders do not count beside a number: they differ from one part of a
    thread to the next. Without a number: title and people."""
    folder = basename(dirname(path)) if THREAD_FILE.fullmatch(basename(path)) else ""
    slug = basename(str(head.get("thread_path") or folder))
    if slug:
        return key(source, slug.rpartition("_")[2], *(sorted(people) if len(people) <= 2 else []))
    title = head.get("threadName", head.get("title"))
    return key(source, title if isinstance(title, str) else "", *sorted(people or senders))


def key(*parts: str) -> str:
    """32 hex characters; no name stands in an id."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def generated(said: str, sender: str) -> str | None:
    """Why what the app wrote in the sender's name is no one's words; None for words."""
    if len(said) > GENERATED_CHARS_MAX:
        return None
    table = _phrases()
    near = (*table.begin.get(said[:MARK_CHARS], ()), *table.end.get(said[-MARK_CHARS:], ()), *table.other)
    names = (sender, sender.split()[0] if sender.split() else "")
    for phrase in near:
        found = phrase.pattern.fullmatch(said)
        if found and ("who" not in found.groupdict() or found["who"] in (*names, *phrase.you)):
            return phrase.reason
    return None


@dataclass(frozen=True)
class _Phrase:
    pattern: re.Pattern[str]
    you: frozenset[str]
    reason: str


@dataclass(frozen=True)
class _Phrases:
    """By their first or last characters, so that a message is compared with few of them."""

    begin: dict[str, list[_Phrase]]
    end: dict[str, list[_Phrase]]
    other: list[_Phrase]


@cache
def _phrases() -> _Phrases:
    table = tomllib.loads(files("witting.intake.meta").joinpath("words.toml").read_text("utf-8"))
    found = _Phrases(defaultdict(list), defaultdict(list), [])
    for language in table["language"].values():
        for kind, reason in GENERATED.items():
            for words in language.get(kind, []):
                phrase = _Phrase(_pattern(words), frozenset(language["you"]), reason)
                begin, end = words[:MARK_CHARS], words[-MARK_CHARS:]
                if not _OPEN.search(begin) and len(begin) == MARK_CHARS:
                    found.begin[begin].append(phrase)
                elif not _OPEN.search(end) and len(end) == MARK_CHARS:
                    found.end[end].append(phrase)
                else:
                    found.other.append(phrase)
    return _Phrases(dict(found.begin), dict(found.end), found.other)


def _pattern(phrase: str) -> re.Pattern[str]:
    escaped = re.escape(phrase).replace(r"\{who\}", "(?P<who>.{1,100}?)").replace(r"\*", ".{0,300}?")
    return re.compile(escaped, re.DOTALL)
