"""What follows a head: who speaks, and whether a person's words or something the app put there.

Covered: speakers, colons in names; lines the app wrote, left-out and attached files and their captions, deleted and edited
messages, polls, places. Not covered: what only the whole file can tell (`evidence.py`).

Nearly every message is plain talk, and `is_talk` proves so cheaply; the rest is told apart by shape first, by word second.
"""

from __future__ import annotations

import re

import msgspec

from witting.intake.whatsapp.words import MARK, START_CHARS, Words, plain, unmarked, words

SPEAKER_CHARS_MAX = 150
NAMES_MAX = 10_000

_LRM = "\u200e"
_ATTACHED_IOS = re.compile(rf"{MARK}{{0,4}}<[^<>:\n]{{2,40}}: ?[^<>\n]+\.[A-Za-z0-9]{{1,5}}>")
_ATTACHED_ANDROID = re.compile(rf"({MARK}{{0,4}})([^\n]+\.[A-Za-z0-9]{{1,5}}) \(([^()\n]+)\)(\r?\n|$)")
_OWN_FILE_NAME = re.compile(r"(IMG|VID|AUD|PTT|STK|DOC|GIF)-\d{8}-WA\d{4,}\.\w+")
_PLACEHOLDER = re.compile(r"<[^<>\n/=:]{3,60}>")
_EDITED_IOS = re.compile(rf"\s?{_LRM}<[^<>\n]{{3,60}}>\Z")
_PLACE = re.compile(
    rf"{MARK}{{0,4}}[^:\n]{{2,40}}: https://(maps\.google\.com|www\.google\.com/maps|maps\.apple\.com)\S*\s*\Z"
)
_POLL = re.compile(rf"{MARK}{{0,4}}POLL:\r?\n", re.IGNORECASE)
_GROUP_MADE = (" hat die gruppe erstellt", " created this group")


class Kind(msgspec.Struct, frozen=True):
    """What a body is: words of a person (`reason` is None), or why it gives no turn."""

    text: str | None
    edited: bool = False
    reason: str | None = None


def split_speaker(rest: str, colon_names: frozenset[str]) -> tuple[str | None, str]:
    """Speaker and body of what follows a head; no speaker on a line the app wrote. The first colon ends the name."""
    line = rest.partition("\n")[0].rstrip("\r")
    at = next((len(name) for name in colon_names if line.startswith(f"{name}: ")), line.find(": "))
    if at < 0 and line.endswith(":"):
        at = len(line) - 1
    name = line[: max(at, 0)]
    if not unmarked(name).strip() or len(name) > SPEAKER_CHARS_MAX or _tells_an_event(name):
        return None, rest
    return name, rest[at + 1 :].removeprefix(" ")


def _tells_an_event(name: str) -> bool:
    return words().events.search(f"{name.casefold()} ") is not None


class Names:
    """The names of one file, each looked at once: whether it is a speaker's, and how a person would type it.

    Up to NAMES_MAX are kept; more are looked at again each time.
    """

    def __init__(self, with_colon: frozenset[str] = frozenset()) -> None:
        self._with_colon = with_colon
        self._are_names: dict[str, bool] = {}
        self._typed: dict[str, str] = {}

    def split(self, rest: str) -> tuple[str | None, str]:
        """As `split_speaker`."""
        if self._with_colon:
            return split_speaker(rest, self._with_colon)
        name, colon, body = rest.partition(": ")
        is_name = self._are_names.get(name) if colon else None  # what holds a line end was never kept
        if is_name is None:
            found, body_found = split_speaker(rest, frozenset())
            if colon and "\n" not in name and len(self._are_names) < NAMES_MAX:
                self._are_names[name] = found is not None
            return found, body_found
        return (name, body) if is_name else (None, rest)

    def typed(self, name: str) -> str:
        """As `speaker_name`."""
        typed = self._typed.get(name)
        if typed is None:
            typed = speaker_name(name)
            if len(self._typed) < NAMES_MAX:
                self._typed[name] = typed
        return typed


def speaker_name(name: str) -> str:
    """The name as a person would type it: no direction marks, plain spaces and hyphens. "~ Name" keeps its tilde:
    an unsaved contact is somebody else than a saved one of the same name."""
    return re.sub(r"\s+", " ", unmarked(name).replace("\u2011", "-")).strip()


def one_exporter(name: str) -> str:
    """For counting: "You", "Du", "Tú" are one person, whoever exported the chat."""
    return "You" if name in words().exporter else name


def classify(body: str) -> Kind:
    """What the app or a person put after the name. `body` is without its last line end."""
    return Kind(body) if is_talk(body) else _classify(body)


def is_talk(body: str) -> bool:
    """Plain talk: nothing that any rule of `_classify`, or a language's words, could take for more. Errs to no."""
    if "<" in body or " (" in body or "https://" in body or body.startswith(_LRM):
        return False
    table, said = words(), plain(body)
    return (
        said not in table.orders
        and said[:START_CHARS] not in table.starts
        and not said.startswith("poll:")
        and not said.endswith(_GROUP_MADE)
        and said != ""
    )


def _classify(body: str) -> Kind:
    table, said = words(), plain(body)
    is_generated = body.startswith(_LRM)
    if not said:
        return Kind(None, reason="no_text")  # view once, or nothing at all
    if said in table.deleted:
        return Kind(None, reason="deleted")
    if said in table.media or _is_placeholder(body):
        return Kind(None, reason="media_omitted")
    if said.startswith(table.system) or _is_group_event(said, table):
        return Kind(None, reason="system_line")
    if _POLL.match(body):
        return Kind(None, reason="poll")
    if _PLACE.match(body):
        return Kind(None, reason="location")
    caption, had_file = _without_attachment(body, table)
    if had_file and not plain(caption):
        return Kind(None, reason="media_attached")
    if is_generated and not had_file:
        return Kind(None, reason=_generated_reason(said, table))
    text, edited = _without_edit_mark(caption, table)
    return Kind(text, edited=edited)


def _is_placeholder(body: str) -> bool:
    """A body that is only <words>: what Android puts for a file left out, in a language the table may lack."""
    found = _PLACEHOLDER.fullmatch(unmarked(body).strip())
    return found is not None and (" " in body or not body.isascii())


def _is_group_event(said: str, table: Words) -> bool:
    """German Android exports give group events a speaker: "B: A hat die Gruppe erstellt." One line, nothing after."""
    return "\n" not in said and said.endswith(_GROUP_MADE)


def _without_attachment(body: str, table: Words) -> tuple[str, bool]:
    """The body without the mark of an attached file: what stays is its caption."""
    if found := _ATTACHED_IOS.search(body):
        return (body[: found.start()] + body[found.end() :]).strip("\r\n"), True
    found = _ATTACHED_ANDROID.match(body)
    if found is None:
        return body, False
    marks, name, said = found.group(1, 2, 3)
    if not (marks or plain(said) in table.attached or _OWN_FILE_NAME.fullmatch(name)):
        return body, False
    return body[found.end() :], True


def _generated_reason(said: str, table: Words) -> str:
    if table.deleted_inside.search(said):
        return "deleted"
    return "media_omitted" if table.omitted_inside.search(said) else "system_line"


def _without_edit_mark(body: str, table: Words) -> tuple[str, bool]:
    if found := _EDITED_IOS.search(body):
        return body[: found.start()], True
    at = body.rfind("<")
    if at >= 0 and plain(body[at:]) in table.edited:
        return body[:at].removesuffix(" "), True
    return body, False
