"""Requests that come in for a person, by whoever speaks for them: taken once, answered by what the ledger shows.

Covers: whose request it is, recording it, its status, taking it back, and saying later who somebody is. Not covered: how it came
(`doors/http/drp/`), carrying out an erasure (`erase.py`), telling anybody.

A person's no is never lost over who they are: where nobody knows them, it is held under what they claim (`rights/claims.py`),
and goes on as the no of the person they turn out to be. Where their claims lead to several people, it is the no of each.
Verified is a request whose claims lead to one person alone, by a claim that was verified: whether an erasure is carried out, or a
copy handed out, without that is the operator's decision, and they are told.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from witting.errors import UsageError
from witting.rights.answer import answer
from witting.rights.claims import is_claim
from witting.rights.clocks import requests
from witting.rights.event import RightsEvent
from witting.rights.record import write_down
from witting.store.requests import Kept, keep, kept_request, move
from witting.walk.answered import LINKED, Answer, answers_to
from witting.workspace import Workspace

GRANTED = ("fulfilled", None)  # of somebody erased: a no
NOTHING_HELD = ("denied", "no_match")  # of somebody erased: a request for access
NO_CONSENT = ("denied", "other")  # what would open a door is no request
ORDER = ("denied", "revoked", "fulfilled")  # of several answers the one that is told


@dataclass(frozen=True)
class Claimed:
    """What somebody claims to be, as a handle, and whether whoever speaks for them verified it."""

    handle: str = field(repr=False)
    verified: bool


@dataclass(frozen=True)
class Asked:
    """A request as it came. `kind` is a rights event's; None asks for something that only a consent gives."""

    request_id: str
    agent_id: str
    agent_request_id: str | None = field(repr=False)
    exercise: str
    content_mac: str
    kind: str | None
    purposes: tuple[str, ...]
    scope: str | None
    claims: tuple[Claimed, ...]
    evidence: dict[str, Any] = field(repr=False)  # Any: JSON


@dataclass(frozen=True)
class Status:
    """How a request stands. `state` is in_progress, fulfilled, revoked or denied."""

    kept: Kept
    state: str
    reason: str | None = None
    expected_by: datetime | None = None
    effects: tuple[dict[str, Any], ...] = ()  # Any: JSON


class AnotherRequest(Exception):
    """The same id was used for another request."""


def take(workspace: Workspace, asked: Asked, *, now: datetime) -> Kept:
    """The request, on disk and in the ledger when this returns; the same one again is found and changes nothing.

    Raises AnotherRequest.
    """
    before = kept_request(workspace.database, asked.request_id)
    if before is None:
        before = _record(workspace, asked, now)
    if before.content_mac != asked.content_mac:
        raise AnotherRequest("this id was used for another request; give each request an id of its own.")
    return before


def _record(workspace: Workspace, asked: Asked, now: datetime) -> Kept:
    kept = Kept(
        asked.request_id, asked.agent_id, asked.agent_request_id, asked.exercise, asked.content_mac, now
    )
    found = {claim: workspace.vault.find(claim.handle) for claim in asked.claims}
    alive = {
        claim: who for claim, who in found.items() if who is not None and not workspace.vault.is_erased(who)
    }
    entries: list[tuple[str, dict[str, Any]]] = []
    if asked.kind is None:
        kept = _with(kept, settled=NO_CONSENT)
    elif not alive and any(found.values()):
        kept = _with(kept, settled=NOTHING_HELD if asked.kind == "access_request" else GRANTED)
    else:
        people, matched, verified = _people(workspace, asked.claims, alive)
        kept = _with(kept, matched=matched, verified=verified)
        entries = [_entry(workspace, asked, who, now) for who in people]
    try:
        _append(workspace, kept, entries, now)
    except sa.exc.IntegrityError:  # the same request, at the same moment
        there = kept_request(workspace.database, asked.request_id)
        if there is None:
            raise
        return there
    there = kept_request(workspace.database, asked.request_id)
    assert there is not None
    return there


def _with(kept: Kept, **changed: Any) -> Kept:
    return Kept(**{**kept.__dict__, **changed})


def _people(
    workspace: Workspace, claims: Sequence[Claimed], alive: dict[Claimed, str]
) -> tuple[list[str], bool, bool]:
    """Whose request it is; whether they are people we know; whether it is one person's, and shown to be theirs."""
    handles = workspace.vault.handles_of(list(alive.values()))
    known = {claim: who for claim, who in alive.items() if not is_claim(handles.get(who, ""))}
    if not alive:
        best = max(claims, key=lambda claim: claim.verified)  # the first of the verified, else the first
        return workspace.vault.subjects_for([best.handle]), False, False
    people = sorted(set((known or alive).values()))
    shown = len(people) == 1 and any(claim.verified for claim in known)
    return people, bool(known), shown


def _entry(workspace: Workspace, asked: Asked, who: str, now: datetime) -> tuple[str, dict[str, Any]]:
    assert asked.kind is not None
    event = RightsEvent(
        kind=asked.kind,
        subject=None,
        occurred_at=now,
        purposes=asked.purposes,
        evidence=asked.evidence,
        scope=asked.scope,
    )
    kind, body = write_down(event, who, vault=workspace.vault)
    return kind, body | {"request": asked.request_id, "agent": asked.agent_id}


def _append(
    workspace: Workspace, kept: Kept, entries: Sequence[tuple[str, dict[str, Any]]], now: datetime
) -> None:
    """The entries and the request in one transaction. Raises IntegrityError where the request is there already."""

    def along(connection: sa.Connection, indexes: list[int]) -> None:
        keep(connection, _with(kept, entries=tuple(indexes)))

    if entries:
        workspace.ledger.append_many(entries, now=now, along=along)
        return
    with workspace.database.begin() as connection:
        keep(connection, kept)


def status(workspace: Workspace, kept: Kept, *, now: datetime) -> Status:
    """How it stands, by the ledger. Reads this person's events, the answers, and the newest walks."""
    if kept.settled is not None:
        return Status(kept, *kept.settled)
    subjects = {workspace.ledger.entry(entry).body["subject"] for entry in kept.entries}
    events = workspace.projections.events_of(sorted(subjects))
    asked = [one for one in requests(events, as_of=now, packs=workspace.packs) if one.entry in kept.entries]
    answers = answers_to(workspace, asked, heard_before=workspace.projections.heard_before)
    told = [answers[one.entry] for one in asked if one.entry in answers]
    if len(told) < len(asked):
        due = min(one.clock.due_at for one in asked if one.entry not in answers)
        return Status(kept, "in_progress", _unsure(kept), due)
    last = max(told, key=lambda answered: ORDER.index(answered.outcome))
    if asked[0].kind == "access_request" and _certificate(last) is not None:
        return Status(kept, *NOTHING_HELD)  # erased before anything was handed out
    effects = tuple(effect for answered in told for effect in _effects(workspace, answered))
    return Status(kept, last.outcome, last.reason, None, effects)


def _unsure(kept: Kept) -> str | None:
    """A no needs nobody to show who they are, once they are somebody we know."""
    sure = kept.matched if kept.exercise.endswith(":opt-out") else kept.verified
    return None if sure else "need_user_verification"


def _effects(workspace: Workspace, answered: Answer) -> list[dict[str, Any]]:
    """What an erasure did to data and model, as its certificate states it."""
    name = _certificate(answered)
    path = workspace.path("certificates", f"{name}.json")
    if name is None or not path.is_file():
        return []
    body = json.loads(path.read_text("utf-8"))["body"]
    corpus, adapter = body["corpus"], body["adapter"]
    return [
        {
            "dataset": None if corpus is None else corpus["after"],
            "model": adapter.get("run"),
            "action": adapter["treatment"],
            "due": answered.at.isoformat(),
        }
    ]


def _certificate(answered: Answer) -> str | None:
    """The id of the certificate that answered, where one did."""
    kind, _, name = answered.by.partition(" ")
    return name if kind == "certificate" else None


def revoke(workspace: Workspace, kept: Kept, *, now: datetime) -> bool:
    """Take it back; False where it was answered already. No door opens: only a later valid consent opens one."""
    before = status(workspace, kept, now=now)
    if before.state == "revoked":
        return True
    if before.state != "in_progress":
        return False
    for entry in kept.entries:
        answer(workspace.ledger, entry, "revoked", reason=None, now=now)
    return True


# Who somebody is


@dataclass(frozen=True)
class Linked:
    linked: int  # claims that lead to their person from now on
    known: int  # that did before
    moved: int  # events that were held for a claim and are their person's now


def link(workspace: Workspace, people: Sequence[tuple[str, Sequence[str]]], *, now: datetime) -> Linked:
    """Each handle of an account and the claims that lead to it. All of them are looked at before one counts.

    Raises UsageError for a claim that leads to another person's account, by its place in `people` from 1.
    """
    work = []
    for number, (handle, claims) in enumerate(people, start=1):
        (who,) = workspace.vault.subjects_for([handle])
        found = {claim: workspace.vault.find(claim) for claim in claims}
        others = {other for other in found.values() if other is not None and other != who}
        held = workspace.vault.handles_of(sorted(others))
        if any(not is_claim(held.get(other, "")) for other in others):
            raise UsageError(
                f"line {number}: a claim of this person leads to another person, or to somebody who was erased. "
                "Nothing was linked."
            )
        work.append((who, found, sorted(others)))
    moved = sum(_go_on(workspace, other, who, now) for who, _, others in work for other in others)
    for who, found, _ in work:
        workspace.vault.alias(who, list(found))
    known = sum(other == who for who, found, _ in work for other in found.values())
    return Linked(sum(len(found) for _, found, _ in work) - known, known, moved)


def _go_on(workspace: Workspace, held: str, who: str, now: datetime) -> int:
    """What was held for a claim goes on as the person's, from the moment it was said. How many events that were."""
    events = workspace.projections.events_of([held])
    theirs = [row["entry"] for row in events.to_pylist() if row["subject"] == held]
    workspace.vault.move_evidence(held, who)
    entries = []
    for index in theirs:
        entry = workspace.ledger.entry(index)
        entries.append((entry.kind, dict(entry.body) | {"subject": who, "continues": index}))
    entries.append((LINKED, {"subject": held, "to": who, "entries": theirs}))

    def along(connection: sa.Connection, indexes: list[int]) -> None:
        move(connection, dict(zip(theirs, indexes, strict=False)))  # the last is the link itself
        workspace.vault.lead_to(connection, held, who)

    workspace.ledger.append_many(entries, now=now, along=along)
    workspace.keys.destroy(held)
    return len(theirs)
