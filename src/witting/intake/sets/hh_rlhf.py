"""hh-rlhf: pairs of dialogues, one preferred, that differ in their end (Bai et al. 2022, arXiv 2204.05862).

Covered: JSON lines {"chosen", "rejected"}, each a dialogue in one string with "\\n\\nHuman:" and "\\n\\nAssistant:".
Not covered: the red-team transcripts of the same repository, which are another shape.

The common prefix of the two is split at its markers. What follows the last "\\n\\nAssistant:" in it is the two answers.
Text may contain the markers: inside the answers "\\n\\nAssistant:" is text, and where a side goes on with
"\\n\\nHuman:" the two differ by more than an answer, so that side is kept as turns and no preference is written.
A record is a message; both answers point at the bytes of their line. One space after a marker belongs to it.
Audience `assistant`, no time; who typed is not published, so the speaker is `unknown-account`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node, Seen, content_id, grow
from witting.intake.facts import family
from witting.intake.json_stream import BadRecord, Piece, as_dict, line_shapes, parse, plain_head, split_lines
from witting.intake.signals import Answer, preference
from witting.intake.source import Export, Member, Skipped, Source, Turn

NAME = "hh_rlhf"
HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
_MARKER = re.compile(r"\n\n(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def claims(member: Member, head: bytes) -> bool:
    return any(
        paths == {"chosen", "rejected"} for paths in line_shapes(head)
    ) and rb"\n\nHuman:" in plain_head(head)


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen = Seen()
    for member in export.claimed:
        for piece in split_lines(member):
            yield from _read_line(member.path, piece, seen)


def _read_line(member: str, piece: Piece, seen: Seen) -> Iterator[Turn | Skipped]:
    place = (piece.start, piece.end)
    try:
        pair = as_dict(parse(piece))
        nodes, last = _nodes(pair.get("chosen"), pair.get("rejected"), place)
    except BadRecord as bad:
        yield Skipped(member, bad.reason, place, piece.kept)
        return
    yield from grow(
        nodes,
        conversation=content_id(piece.data),
        member=member,
        source=NAME,
        current=last,
        seen=seen,
        siblings_mean=False,
    )


def _nodes(chosen: object, rejected: object, place: tuple[int, int]) -> tuple[list[Node], str]:
    """The shared turns, then each side's own; and the last of the chosen side. Raises BadRecord."""
    if not isinstance(chosen, str) or not isinstance(rejected, str):
        raise BadRecord("no_pair")
    fork = _common_prefix(chosen, rejected).rfind(ASSISTANT)
    if fork < 0 or not chosen.startswith(HUMAN):
        raise BadRecord("no_common_prompt")
    shared = _chain(_turns(chosen[:fork]), place, after=None, suffix="")
    after = shared[-1].id
    best = _chain(_side(chosen[fork:]), place, after=after, suffix="", index=len(shared))
    if chosen == rejected:
        return [*shared, *best], best[-1].id
    worse = _chain(_side(rejected[fork:]), place, after=after, suffix="-rejected", index=len(shared))
    one, other = (
        Answer(side[0].id, side[0].text, len(side) == 1 and bool(side[0].text)) for side in (best, worse)
    )
    signals = preference(one, other, source_kind="chosen")
    return [*shared, replace(best[0], signals=signals), *best[1:], *worse], best[-1].id


def _common_prefix(one: str, other: str) -> str:
    """By halving: a comparison of slices runs at the speed of memory, one of characters does not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return one[:low]


def _turns(dialogue: str) -> list[tuple[str, str]]:
    """(role, text) of a dialogue that begins with a marker."""
    parts = _MARKER.split(dialogue)
    return [
        (_ROLES[name], text.removeprefix(" ")) for name, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _side(rest: str) -> list[tuple[str, str]]:
    """The answer alone, unless the person speaks again after it."""
    if HUMAN in rest:
        return _turns(rest)
    return [("assistant", rest.removeprefix(ASSISTANT).removeprefix(" "))]


def _chain(
    turns: list[tuple[str, str]], place: tuple[int, int], *, after: str | None, suffix: str, index: int = 0
) -> list[Node]:
    nodes: list[Node] = []
    for position, (role, text) in enumerate(turns, index):
        node = Node(
            f"{position}{suffix}",
            nodes[-1].id if nodes else after,
            place,
            role=role,
            speaker=UNKNOWN_ACCOUNT if role == "user" else "assistant",
            text=text,
            skip=None if text.strip() else "no_text",
        )
        nodes.append(node)
    return nodes


SOURCE = Source(
    name=NAME,
    facts=family("sets")[NAME],
    claims=claims,
    read=read,
)
