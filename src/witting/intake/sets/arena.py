"""Conversations people had with models in public arenas and demos: LMSYS-Chat-1M, WildChat, arena votes.

Covered: {"conversation": [{"role", "content"}]} with the per-turn fields of WildChat; votes with `conversation_a`,
`conversation_b` and `winner`. Not covered: moderation scores. Network addresses (hashed or not) and request headers are
personal data that nothing here needs: never read, so WildChat's people stay unknown accounts.

A vote compares two whole conversations. Only where both are one question and one answer does it say which answer is
better (`preference`); otherwise it stands as a `rating` of 1 or 0 on each last answer. A tie prefers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import first_text
from witting.intake.sets.record import NotOurs, Talk, messages, node, read_talks
from witting.intake.signals import Answer, preference, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

CHATS, VOTES = "lmsys", "arena_votes"
SIDES = ("conversation_a", "conversation_b")


def claims_chats(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    named = {"conversation_id", "conversation_hash"} & found
    return {"conversation.role", "conversation.content"} <= found and bool(named) and "model" in found


def claims_votes(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    return "winner" in found and all({f"{side}.role", f"{side}.content"} <= found for side in SIDES)


def read_chats(export: Export) -> Iterator[Turn | Skipped]:
    return read_talks(export, source=CHATS, talk=_chat)


def read_votes(export: Export) -> Iterator[Turn | Skipped]:
    return read_talks(export, source=VOTES, talk=_vote)


def _chat(row: Row, member: str) -> Talk:
    key = first_text(row.value.get("conversation_id"), row.value.get("conversation_hash"))
    stated = row.value.get("timestamp", row.value.get("tstamp"))
    return Talk(_chain(row, "conversation", UNKNOWN_ACCOUNT, stated), key=key)


def _chain(row: Row, column: str, speaker: str, stated: object, prefix: str = "") -> list[Node]:
    found: list[Node] = []
    for place, message in enumerate(messages(row.value.get(column))):
        time = from_either(message.get("timestamp"))
        more = {"time": time or from_either(stated)}
        parent = found[-1].id if found else None
        said = {"role": message.get("role"), "text": message.get("content"), "speaker": speaker, "more": more}
        found.append(node(f"{prefix}{place}", parent, row, **said))
    return found


def _vote(row: Row, member: str) -> Talk:
    value = row.value
    judge = first_text(value.get("judge"), value.get("user_id")) or UNKNOWN_ACCOUNT
    first, second = (_chain(row, side, judge, value.get("tstamp"), side[-1]) for side in SIDES)
    if not first or not second:
        raise NotOurs("no_pair")
    winner = {"model_a": 0, "model_b": 1}.get(str(value.get("winner")))
    if _asks_the_same(first, second) and len(first) == len(second) == 2:
        nodes = [first[0], first[1], replace(second[1], parent=first[0].id)]
    else:
        nodes = [*first, *second]
    key = first_text(value.get("question_id"), value.get("conversation_id"))
    told = _said_by(winner, (first[-1], second[-1]), is_pair=len(nodes) == 3)
    marked = [replace(one, signals=told[one.id]) if one.id in told else one for one in nodes]
    kept = (first, second)[winner or 0][-1].id
    return Talk(marked, key=key, current=kept)


def _asks_the_same(first: list[Node], second: list[Node]) -> bool:
    return first[0].role == second[0].role == "user" and first[0].text == second[0].text


def _said_by(
    winner: int | None, last: tuple[Node, Node], *, is_pair: bool
) -> Mapping[str, tuple[Signal, ...]]:
    if winner is None:
        return {}
    best, worse = last[winner], last[1 - winner]
    if is_pair:
        answers = (Answer(one.id, one.text, one.skip is None) for one in (best, worse))
        return {best.id: preference(*answers, source_kind="arena_vote")}
    scores = ((best, 1), (worse, 0))
    return {
        one.id: rating(score, source_kind="arena_vote") for one, score in scores if one.role == "assistant"
    }


CHATS_SOURCE = Source(name=CHATS, facts=family("sets")[CHATS], claims=claims_chats, read=read_chats)
VOTES_SOURCE = Source(name=VOTES, facts=family("sets")[VOTES], claims=claims_votes, read=read_votes)
