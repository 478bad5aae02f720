"""What Meta's threads have in common, whatever they are written as: JSON, the end-to-end store, pages.

Covered: who could see a thread, its key, who Meta AI is, prose that the app wrote in a person's name. Not covered:
reading (`messenger.py`, `page.py`).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from posixpath import basename, dirname
from typing import Any

META_AI = "Meta AI"
THREAD_FILE = re.compile(r"message_\d+\.(?:json|html)")
_GROUP_KINDS = ("RegularGroup", "Group")


def audience_of(participants: set[str], senders: set[str], head: Mapping[str, Any]) -> str:  # Any: JSON
    people = participants | senders
    if len(people) > 2 or head.get("thread_type") in _GROUP_KINDS:
        return "closed_group"
    if META_AI in people:
        return "assistant"
    return "direct" if len(participants) == 2 else "unknown"


def role_of(sender: str, audience: str) -> str:
    return "assistant" if sender == META_AI else "user" if audience == "assistant" else "person"


def conversation_of(source: str, head: Mapping[str, Any], path: str, people: set[str]) -> str:  # Any: JSON
    """The thread's own key: the number Meta gave it and, for two people, who they are: from Ann's and from Cy's
    download, a chat with Bo may carry Bo's number. Without a number: title and people."""
    folder = basename(dirname(path)) if THREAD_FILE.fullmatch(basename(path)) else ""
    slug = basename(str(head.get("thread_path") or folder))
    who = sorted(people) if len(people) <= 2 else []
    if slug:
        return key(source, slug.rpartition("_")[2], *who)
    title = head.get("threadName", head.get("title"))
    return key(source, title if isinstance(title, str) else "", *sorted(people))


def key(*parts: str) -> str:
    """32 hex characters; no name stands in an id."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def generated(said: str, sender: str) -> str | None:
    if len(said) > 500:
        return None
    for pattern, you, reason in _phrases():
        found = pattern.fullmatch(said)
        if found and found.groupdict().get("who", sender) in (
            sender,
            sender.split()[0] if sender.split() else "",
            *you,
        ):
            return reason
    return None


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], frozenset[str], str], ...]:
    table = tomllib.loads(files("witting.intake.meta").joinpath("words.toml").read_text("utf-8"))
    reasons = {"reaction": "reaction_notice", "attachment": "media_omitted", "event": "system_line"}
    return tuple(
        (_pattern(phrase), frozenset(language["you"]), reason)
        for language in table["language"].values()
        for kind, reason in reasons.items()
        for phrase in language[kind]
    )


def _pattern(phrase: str) -> re.Pattern[str]:
    escaped = re.escape(phrase).replace(r"\{who\}", "(?P<who>.{1,100}?)").replace(r"\*", ".{0,300}?")
    return re.compile(escaped, re.DOTALL)
