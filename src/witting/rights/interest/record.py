"""The assessment of a legitimate interest as its owner writes it: interest, necessity, balancing, decision.

Covers: the form of the file (TOML, docs/legitimate-interest.md) and judging it step by step: what is left out is named with
its source and what to do, and the next step is looked at all the same. Not covered: whether what is weighed is true, or
weighed well: that is the reviewer's to answer for, by name.

From: GDPR Art. 6(1)(f), Rec. 47; EDPB Guidelines 1/2024 (consultation text of 8 October 2024); EDPB Opinion 28/2024.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from witting.errors import InputError
from witting.rights.interest.proof import Artefact, Document, Proof, read_whole, sha256_of
from witting.rights.pack import Closed, Purpose, explain_fields, midnight

DOCUMENT_BYTES_MAX = 256 << 20
WORDS_MIN = 8  # a step answered in fewer words weighed nothing
VAGUE = (
    "improve our service",
    "improve the service",
    "improve our product",
    "new services",
    "business purposes",
)
STEPS = ("interest", "necessity", "balancing", "decision")
SOURCE = {
    "interest": "GDPR Art. 6(1)(f), step 1: lawful, clearly stated, real and present (EDPB 28/2024)",
    "necessity": "GDPR Art. 6(1)(f), step 2: no means that intrudes less (EDPB 28/2024)",
    "balancing": "GDPR Art. 6(1)(f), step 3, Rec. 47: the person's interests and what they expect",
    "decision": "GDPR Art. 5(2): somebody answers for it, and looks again",
}  # fmt: skip


class Interest(Closed):
    text: str = ""
    lawful: bool | None = None
    specific: bool | None = None
    present: bool | None = None


class Alternative(Closed):
    what: str
    why_rejected: str = ""


class Necessity(Closed):
    alternatives: tuple[Alternative, ...] = ()


class Balancing(Closed):
    data_kinds: tuple[str, ...] = ()
    scale: str = ""
    expectations_evidence: tuple[str, ...] = ()
    vulnerable: str = ""
    impact: str = ""
    safeguards_beyond_law: tuple[str, ...] = ()


class Decision(Closed):
    outcome: Literal["proceed", "do_not_proceed"] | None = None
    reviewer: str = ""
    decided_on: date | None = None
    next_review: date | None = None


class Named(Closed):
    file: str
    made_on: date


class Documents(Closed):
    dpia: Named | None = None
    compatibility: Named | None = None
    report_at_5_months: Named | None = None


class InterestRecord(Closed):
    """The whole file. What is left out fails its step; only what is misspelt is refused."""

    purposes: tuple[Purpose, ...] = Field(min_length=1)
    interest: Interest = Interest()
    necessity: Necessity = Necessity()
    balancing: Balancing = Balancing()
    decision: Decision = Decision()
    documents: Documents = Documents()
    objection_probe: str | None = None  # a file beside this one
    labelled: str | None = None  # JSON lines beside this one: texts with their special categories


@dataclass(frozen=True)
class Gap:
    """What one step lacks."""

    step: str
    field: str
    source: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        return {"step": self.step, "field": self.field, "source": self.source, "remedy": self.remedy}


def read_record(path: Path) -> tuple[InterestRecord, str]:
    """The record and its SHA-256. Raises InputError, with file and field."""
    content = read_whole(path, what="an assessment")
    try:
        return InterestRecord.model_validate(tomllib.loads(content.decode("utf-8"))), sha256_of(content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML in UTF-8: {error}.") from error
    except ValidationError as error:
        raise InputError(f"{path}: {explain_fields(error, whole='record')}.") from None


def read_document(named: Named | None, *, beside: Path) -> Document | None:
    """By its hash; None where none is named. `beside` is the record's file. Raises InputError."""
    if named is None:
        return None
    path = beside.parent / named.file
    try:
        if path.stat().st_size > DOCUMENT_BYTES_MAX:
            raise InputError(f"{path} is larger than {DOCUMENT_BYTES_MAX} bytes; name the document itself.")
        if not path.stat().st_size:
            raise InputError(f"{path} is named under [documents], but empty.")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(
            f"{path} is named under [documents], but cannot be read: {error.strerror}."
        ) from error
    return Document(digest, named.file, named.made_on)


def judge_interest(record: InterestRecord, *, now: datetime) -> list[Gap]:
    """What the three steps and the decision lack; nothing where each is answered."""
    return [
        Gap(step, field, SOURCE[step], remedy)
        for step, look in zip(STEPS, (_interest, _necessity, _balancing, _decision), strict=True)
        for field, remedy in look(record, now)
    ]


def prove_record(record: InterestRecord, sha256: str, *, name: str, now: datetime) -> Proof:
    """The safeguard `lia`, until the next review."""
    gaps, review = judge_interest(record, now=now), record.decision.next_review
    saw = (
        f"{len({gap.step for gap in gaps})} of {len(STEPS)} steps with gaps" if gaps else "all steps answered"
    )
    remedy = f"answer {', '.join(f'{gap.step}.{gap.field}' for gap in gaps)}" if gaps else None
    until = midnight(review) if review is not None else None
    return Proof("lia", saw, Artefact("interest record", sha256, name), until, remedy)


Gaps = list[tuple[str, str]]


def _said(text: str) -> bool:
    return len(text.split()) >= WORDS_MIN


def _interest(record: InterestRecord, now: datetime) -> Gaps:
    interest = record.interest
    gaps: Gaps = []
    if not _said(interest.text):
        gaps.append(("text", f"say in {WORDS_MIN} words or more whose interest it is and what it is for"))
    if any(vague in " ".join(interest.text.lower().split()) for vague in VAGUE):
        gaps.append(
            ("text", "name what the model is to do better: improving a service describes no training")
        )
    for field in ("lawful", "specific", "present"):
        if getattr(interest, field) is not True:
            gaps.append((field, f"show that the interest is {field} and say {field} = true"))
    return gaps


def _necessity(record: InterestRecord, now: datetime) -> Gaps:
    weighed = record.necessity.alternatives
    if not weighed:
        return [
            (
                "alternatives",
                "name what would need fewer people's words (synthetic, public, consented) and why not",
            )
        ]
    return [
        (f"alternatives[{number}].why_rejected", f"give the reason in {WORDS_MIN} words or more")
        for number, one in enumerate(weighed)
        if not _said(one.why_rejected)
    ]


def _balancing(record: InterestRecord, now: datetime) -> Gaps:
    weighed = record.balancing
    asked = {
        "data_kinds": (bool(weighed.data_kinds), "list the kinds of data"),
        "scale": (bool(weighed.scale.strip()), "say how many people and messages"),
        "expectations_evidence": (
            bool(weighed.expectations_evidence),
            "name what shows that people expect it; a line in a privacy policy is not enough by itself",
        ),
        "vulnerable": (
            bool(weighed.vulnerable.strip()),
            "say who may be vulnerable and what is done for them",
        ),
        "impact": (_said(weighed.impact), f"say in {WORDS_MIN} words or more what may happen to people"),
        "safeguards_beyond_law": (
            bool(weighed.safeguards_beyond_law),
            "list what is done beyond what the law demands anyway",
        ),
    }
    return [(field, remedy) for field, (answered, remedy) in asked.items() if not answered]


def _decision(record: InterestRecord, now: datetime) -> Gaps:
    decision, gaps = record.decision, []
    if decision.outcome != "proceed":
        gaps.append(("outcome", "the reviewer has not decided to proceed"))
    if not decision.reviewer.strip():
        gaps.append(("reviewer", "name who answers for it"))
    if decision.decided_on is None or midnight(decision.decided_on) > now:
        gaps.append(("decided_on", "give the day it was decided, not later than today"))
    if decision.next_review is None or midnight(decision.next_review) <= now:
        gaps.append(("next_review", "review it, and give the day of the next review"))
    return gaps


def as_json(record: InterestRecord) -> dict[str, Any]:
    """What of the record goes into a sealed statement: its choices and counts, and the reviewer's words on the interest."""
    return {
        "purposes": list(record.purposes),
        "interest": record.interest.text,
        "alternatives": [one.what for one in record.necessity.alternatives],
        "data_kinds": list(record.balancing.data_kinds),
        "outcome": record.decision.outcome,
        "decided_on": None if record.decision.decided_on is None else record.decision.decided_on.isoformat(),
        "next_review": None
        if record.decision.next_review is None
        else record.decision.next_review.isoformat(),
    }
