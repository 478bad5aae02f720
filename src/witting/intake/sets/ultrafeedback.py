"""UltraFeedback: an instruction, several models' answers, and a judge's rating of each by aspect.

Covered: {"instruction", "completions": [{"response", "annotations": {aspect: {"Rating"}}}]}; JSON, JSON lines, Parquet.
Not covered: the rationales. `overall_score` is known to be wrong in places (facts), so the mean of the aspects counts:
a `rating` on each answer, and a `preference` of the best to the worst where they differ by MARGIN or more. The judge is
a model: the signals' `source_kind` and `by` say so, and rights finds no person behind any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import mean
from typing import Any

from msgspec.structs import replace

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Node
from witting.intake.facts import family
from witting.intake.json_stream import as_dict
from witting.intake.sets.record import NotOurs, Talk, messages, node, read_talks
from witting.intake.signals import SOMEBODY_ELSE, Answer, number, preference, rating
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

NAME = "ultrafeedback"
MARGIN = 1.0  # of 1 to 5
JUDGED = "model_judge"


def claims(member: Member, head: bytes) -> bool:
    return {"instruction", "completions.response", "completions.annotations"} <= columns(member, head)


def read(export: Export) -> Iterator[Turn | Skipped]:
    return read_talks(export, source=NAME, talk=_talk)


def _talk(row: Row, member: str) -> Talk:
    prompt = node("p", None, row, role="user", text=row.value.get("instruction"), speaker=UNKNOWN_ACCOUNT)
    completions = messages(row.value.get("completions"))
    if not completions:
        raise NotOurs("no_messages")
    answers = [
        node(f"a{place}", "p", row, role="assistant", text=completion.get("response"), speaker="assistant")
        for place, completion in enumerate(completions)
    ]
    scores = [_score(completion) for completion in completions]
    rated = [_rated(one, score) for one, score in zip(answers, scores, strict=True)]
    known = sorted((s, place) for place, s in enumerate(scores) if s is not None)
    if len(known) > 1 and known[-1][0] - known[0][0] >= MARGIN:
        best, worse = rated[known[-1][1]], rated[known[0][1]]
        pair = (Answer(one.id, one.text, one.skip is None) for one in (best, worse))
        found = (*best.signals, *preference(*pair, source_kind=JUDGED, by=SOMEBODY_ELSE))
        rated[known[-1][1]] = replace(best, signals=found)
    current = rated[known[-1][1]].id if known else None
    return Talk([prompt, *rated], current=current)


def _rated(one: Node, score: float | None) -> Node:
    if score is None or one.skip:
        return one
    return replace(one, signals=rating(score, source_kind=JUDGED, by=SOMEBODY_ELSE))


def _score(completion: Mapping[str, Any]) -> float | None:  # Any: JSON
    """The mean of the aspects that have a number; ratings are written as strings, and may be "N/A"."""
    aspects = as_dict(completion.get("annotations")).values()
    stated = [number(as_dict(aspect).get("Rating")) for aspect in aspects]
    numbers = [value for value in stated if value is not None]
    return mean(numbers) if numbers else None


SOURCE = Source(name=NAME, facts=family("sets")[NAME], claims=claims, read=read)
