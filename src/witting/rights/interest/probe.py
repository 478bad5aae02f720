"""The form that objects, tried: what it asks of a person, and whether it grants by itself.

Covers: the record of one try (JSON, docs/legitimate-interest.md) and judging it. Not covered: opening the page
(`rights/page/objection.py`). A try counts for PROBE_DAYS_MAX: forms break.
From: ANPD 30 August 2024 (one click, no extra field, also for people without an account); DPC 21 May 2025; ICO September 2024; EDPB
Opinion 28/2024 (unconditional, before training, and working afterwards).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from witting.errors import InputError
from witting.rights.interest.proof import Artefact, Proof, missing, read_whole, sha256_of
from witting.rights.pack import Closed, explain_fields

HEARD_DAYS_MAX = 2  # between the try and its objection: another one is another try's
PROBE_DAYS_MAX = 30  # as of a withdrawal that was tried (evidence field 9)
EFFECTIVE_FOR = ("datasets", "models")
NAME = "objection_form_probe"


class ObjectionProbe(Closed):
    """One try. What is left out counts against it."""

    made_at: AwareDatetime
    handle: str | None = None  # of the invented person the form was tried for
    page: str | None = None
    reason_required: bool | None = None
    account_required: bool | None = None
    extra_fields: tuple[str, ...] | None = None  # required ones beside what finds the person
    steps: int | None = None
    auto_granted: bool | None = None
    receipt_sent: bool | None = None
    effective_for: tuple[Literal["datasets", "models"], ...] = ()
    works_after_training: bool | None = None
    window_open_from: AwareDatetime | None = None
    screenshots: tuple[str, ...] = ()  # SHA-256


@dataclass(frozen=True)
class Heard:
    """What the ledger holds of the invented person's objection."""

    entry: int
    entry_sha256: str
    at: datetime
    turns: int  # that person's turns here: none, if they are unknown


def read_probe(path: Path) -> tuple[ObjectionProbe, str]:
    """The try and its SHA-256. Raises InputError, with file and field."""
    content = read_whole(path, what="a probe")
    try:
        return ObjectionProbe.model_validate(json.loads(content.decode("utf-8"))), sha256_of(content)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON in UTF-8: {error}.") from error
    except ValidationError as error:
        raise InputError(f"{path}: {explain_fields(error, whole='probe')}.") from None


def judge_probe(probe: ObjectionProbe, *, lead_days: int, now: datetime) -> list[str]:
    """What is wrong with the form, in words; nothing where it is as regulators asked."""
    wanted = {
        "it asks for a reason": probe.reason_required is False,
        "it asks for an account": probe.account_required is False,
        "it requires further fields": probe.extra_fields == (),
        "somebody has to grant it": probe.auto_granted is True,
        "it sends no receipt": probe.receipt_sent is True,
        "it does not reach datasets and models": set(probe.effective_for) == set(EFFECTIVE_FOR),
        "it stops working after training": probe.works_after_training is True,
        f"it was not open for {lead_days} days before use": probe.window_open_from is not None
        and probe.window_open_from + timedelta(days=lead_days) <= now,
        f"it was tried more than {PROBE_DAYS_MAX} days ago": probe.made_at + timedelta(days=PROBE_DAYS_MAX)
        > now,
        "it was tried in the future": probe.made_at <= now,
    }
    return [problem for problem, fine in wanted.items() if not fine]


def prove_form(probe: tuple[ObjectionProbe, str] | None, *, lead_days: int, now: datetime) -> Proof:
    """The safeguard `objection_form_probe`."""
    if probe is None:
        return missing(NAME, "try the form with `witting rights probe` and name the file as objection_probe")
    made, sha256 = probe
    problems = judge_probe(made, lead_days=lead_days, now=now)
    saw = f"tried on {made.made_at.astimezone(UTC).date().isoformat()}"
    until = made.made_at.astimezone(UTC) + timedelta(days=PROBE_DAYS_MAX)
    remedy = f"mend the form: {'; '.join(problems)} (or not shown)" if problems else None
    return Proof(NAME, saw, Artefact("probe", sha256, made.page or "not said"), until, remedy)


def prove_unknown_heard(
    probe: tuple[ObjectionProbe, str] | None, heard: Heard | None, *, now: datetime
) -> Proof:
    """The safeguard `non_user_objection`: the try was for somebody unknown here, and it is in the ledger."""
    name = "non_user_objection"
    if probe is None or probe[0].handle is None:
        return missing(name, "try the form for an invented person and give their handle in the probe")
    if heard is None:
        return missing(
            name,
            "the objection of the invented person is not in the ledger: have the form send `objection.made`, then record it",
            saw="a probe with a handle, and no objection of that handle",
        )
    artefact = Artefact("ledger entry", heard.entry_sha256, str(heard.entry))
    if heard.turns:
        return Proof(
            name, f"{heard.turns} turns of that person", artefact, remedy="try it for somebody unknown here"
        )
    if abs(heard.at - probe[0].made_at) > timedelta(days=HEARD_DAYS_MAX):
        return Proof(
            name,
            f"an objection of {heard.at.date().isoformat()}",
            artefact,
            remedy="it is not that of this try: invent a new person for each",
        )
    until = probe[0].made_at.astimezone(UTC) + timedelta(days=PROBE_DAYS_MAX)
    fresh = None if until > now else f"it was tried more than {PROBE_DAYS_MAX} days ago; try it again"
    return Proof(
        name, f"the objection of a person unknown here, ledger entry {heard.entry}", artefact, until, fresh
    )
