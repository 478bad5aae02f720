"""Requests that come in for a person, by whoever speaks for them: taken once, answered by what the ledger shows.

Covers: whose request it is, recording it, its status, taking it back, and saying later who somebody is. Not covered: how it came
(`doors/http/drp/`), carrying out an erasure (`erase.py`), telling anybody.

A person's no is never lost over who they are: where nobody knows them, it is held under each of the things they claim
(`rights/claims.py`), and goes on as the no of whoever one of them turns out to be. Where their claims lead to several people, it
is the no of each. No claim leads to another one's person because both came in one message: that is for the operator to say.
Verified is a request whose claims lead to one person alone, by a claim that was verified: whether an erasure is carried out, or a
copy handed out, without that is the operator's decision, and they are told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from witting.errors import StoreError, SubjectErased, UsageError
from witting.rights.answer import revoke_all
from witting.rights.claims import is_claim, is_name
from witting.rights.clocks import Request, requests
from witting.rights.event import RightsEvent
from witting.rights.record import write_down
from witting.store.requests import Kept, keep, kept_request, move
from witting.walk.answered import LINKED, Answer, answers_to
from witting.workspace import Workspace

GRANTED = ("fulfilled", None)  # of somebody erased: a no
NOTHING_HELD = ("denied", "no_match")  # of somebody erased: a request for access
NO_CONSENT = ("denied", "other")  # what would open a door is no request
ORDER = ("denied", "fulfilled", "revoked")  # of several answers the last of these is told
LINK_AGAIN = "somebody else says something about the same people at the same moment. Link them again; what was linked, is."
ATTEMPTS_MAX = 8  # at what somebody else changes at the same moment


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


class _Changed(Exception):
    """Whom a claim leads to, or what was said under it, is not what it was when it was looked at."""


def _record(workspace: Workspace, asked: Asked, now: datetime) -> Kept:
    for _ in range(ATTEMPTS_MAX):
        try:
            return _record_once(workspace, asked, now)
        except (_Changed, SubjectErased):  # linked or erased at the same moment: look again
            continue
        except sa.exc.IntegrityError:  # the same request, at the same moment
            there = kept_request(workspace.database, asked.request_id)
            if there is None:
                raise
            return there
    raise StoreError(
        "whom this request is about changes all the time; nothing was taken. Send it again later."
    )


def _record_once(workspace: Workspace, asked: Asked, now: datetime) -> Kept:
    """Raises _Changed, SubjectErased, IntegrityError; nothing was appended then."""
    kept = Kept(asked.request_id, asked.agent_id, asked.exercise, asked.content_mac, now)
    handles = [claim.handle for claim in asked.claims]
    with workspace.database.connect() as connection:
        living, erased = workspace.vault.whose(connection, handles)
    leads: Mapping[str, str] = {}
    if asked.kind is None:
        kept = _with(kept, settled=NO_CONSENT)
    elif erased == set(handles) and not any(map(is_name, handles)):
        kept = _with(kept, settled=NOTHING_HELD if asked.kind == "access_request" else GRANTED)
    else:
        leads, matched, verified = _people(workspace, asked.claims, living, erased)
        kept = _with(kept, matched=matched, verified=verified)
    entries = [_entry(workspace, asked, who, now) for who in sorted(set(leads.values()))]
    _append(workspace, kept, entries, leads, now)
    there = kept_request(workspace.database, asked.request_id)
    assert there is not None
    return there


def _with(kept: Kept, **changed: Any) -> Kept:
    return Kept(**{**kept.__dict__, **changed})


def _people(
    workspace: Workspace, claims: Sequence[Claimed], living: Mapping[str, str], erased: set[str]
) -> tuple[dict[str, str], bool, bool]:
    """Whose request it is, by the claims that lead to them; whether they are people we know; whether it is one person's, and
    shown to be theirs."""
    accounts = workspace.vault.handles_of(list(living.values()))
    known = {claim: who for claim in claims if (who := _account(claim, living, accounts)) is not None}
    if known:
        shown = len(set(known.values())) == 1 and any(claim.verified for claim in known)
        return {claim.handle: who for claim, who in known.items()}, True, shown
    free = [claim.handle for claim in claims if claim.handle not in erased]
    held = dict(zip(free, workspace.vault.subjects_for(free), strict=True))
    held |= {handle: workspace.vault.anew(handle) for handle in erased if is_name(handle)}
    return held, False, False


def _account(claim: Claimed, living: Mapping[str, str], accounts: Mapping[str, str]) -> str | None:
    """The person whose account a claim leads to."""
    who = living.get(claim.handle)
    return None if who is None or is_claim(accounts.get(who, "")) else who


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
    workspace: Workspace,
    kept: Kept,
    entries: Sequence[tuple[str, dict[str, Any]]],
    leads: Mapping[str, str],
    now: datetime,
) -> None:
    """The entries and the request in one transaction, where each claim of `leads` still leads to its person. Raises _Changed,
    and IntegrityError where the request is there already."""

    def along(connection: sa.Connection, indexes: list[int]) -> None:
        living, _ = workspace.vault.whose(connection, list(leads))
        if living != leads:
            raise _Changed
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
    asked, answers = _answered(workspace, kept, now)
    told = [answers[one.entry] for one in asked if one.entry in answers]
    if len(told) < len(asked):
        due = min(one.clock.due_at for one in asked if one.entry not in answers)
        return Status(kept, "in_progress", _unsure(kept), due)
    last = max(told, key=lambda answered: ORDER.index(answered.outcome))
    if asked[0].kind == "access_request" and _certificate(last) is not None:
        return Status(kept, *NOTHING_HELD)  # erased before anything was handed out
    effects = tuple(effect for answered in told for effect in _effects(workspace, answered))
    return Status(kept, last.outcome, last.reason, None, effects)


def evidence_of(workspace: Workspace, kept: Kept) -> dict[str, Any] | None:
    """What was sealed with it; None once its people were erased, and where nothing was."""
    for index in kept.entries:
        body = workspace.ledger.entry(index).body
        found = workspace.vault.evidence(body["subject"], body["evidence_commitment"])
        if found is not None:
            told: dict[str, Any] = json.loads(found)["evidence"]
            return told
    return None


def _answered(workspace: Workspace, kept: Kept, now: datetime) -> tuple[list[Request], dict[int, Answer]]:
    """What it became for each of its people, and the answers that there are."""
    subjects = {workspace.ledger.entry(entry).body["subject"] for entry in kept.entries}
    events = workspace.projections.events_of(sorted(subjects))
    asked = [one for one in requests(events, as_of=now, packs=workspace.packs) if one.entry in kept.entries]
    return asked, answers_to(workspace, asked, heard_before=workspace.projections.heard_before)


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
    asked, answers = _answered(workspace, kept, now)
    left = [one.entry for one in asked if one.entry not in answers]
    revoke_all(workspace.ledger, left, now=now)
    return True


# Who somebody is


@dataclass(frozen=True)
class Linked:
    linked: int  # claims that lead to their person from now on
    known: int  # that did before
    moved: int  # events that were held for a claim and are their person's now


def link(workspace: Workspace, people: Sequence[tuple[str, Sequence[str]]], *, now: datetime) -> Linked:
    """Each handle of an account and the claims that lead to it. All of them are looked at before one counts.

    Raises UsageError for a claim that leads to another person's account, or that is given to two, by its place in `people`
    from 1; StoreError where somebody else links or asks so much at the same moment that it cannot be finished. Again is fine.
    """
    lines = _one_person_each(people)
    work: dict[str, list[str]] = {}
    known = 0
    for claim, (handle, line) in lines.items():
        (who,) = workspace.vault.subjects_for([handle])
        found = workspace.vault.find(claim)
        if found is not None and found != who:
            _refuse_account(workspace, [found], f"line {line}: ")
        known += found == who
        work.setdefault(who, []).append(claim)
    moved = sum(_lead(workspace, who, claims, now) for who, claims in work.items())
    return Linked(len(lines) - known, known, moved)


def _one_person_each(people: Sequence[tuple[str, Sequence[str]]]) -> dict[str, tuple[str, int]]:
    """By claim the handle it leads to, and the line that says so first."""
    found: dict[str, tuple[str, int]] = {}
    for number, (handle, claims) in enumerate(people, start=1):
        for claim in claims:
            other, line = found.setdefault(claim, (handle, number))
            if other != handle:
                raise UsageError(
                    f"line {number}: a claim of this person is another person's by line {line}. Nothing was linked."
                )
    return found


def _refuse_account(workspace: Workspace, others: Sequence[str], where: str) -> None:
    """Raises UsageError where one of them is more than something that somebody claims."""
    held = workspace.vault.handles_of(others)
    if not all(is_claim(held.get(other, "")) for other in others):
        raise UsageError(
            f"{where}a claim of this person leads to another person, or to somebody who was erased. "
            "Nothing was linked."
        )


def _lead(workspace: Workspace, who: str, claims: Sequence[str], now: datetime) -> int:
    """All claims lead to this person; how many events went on. What is said under one at the same moment goes on, too."""
    moved = 0
    for _ in range(ATTEMPTS_MAX):
        workspace.vault.alias(who, claims)
        found = {workspace.vault.find(claim) for claim in claims} - {who, None}
        others = sorted(other for other in found if other is not None)
        if not others:
            return moved
        _refuse_account(workspace, others, "")
        moved += sum(_go_on(workspace, other, who, now) for other in others)
    raise StoreError(LINK_AGAIN)


def _go_on(workspace: Workspace, held: str, who: str, now: datetime) -> int:
    """What was held for a claim goes on as the person's, from the moment it was said. How many events that were."""
    for _ in range(ATTEMPTS_MAX):
        theirs = workspace.projections.entries_of(held)
        try:
            _append_anew(workspace, held, who, theirs, now)
        except _Changed:  # something more was said
            continue
        workspace.keys.destroy(held)
        return len(theirs)
    raise StoreError(LINK_AGAIN)


def _append_anew(workspace: Workspace, held: str, who: str, theirs: Sequence[int], now: datetime) -> None:
    """Raises _Changed where these are not all that was said under the claim, or where it leads elsewhere by now."""
    entries: list[tuple[str, dict[str, Any]]] = []
    requested: set[str] = set()
    for index in theirs:
        entry = workspace.ledger.entry(index)
        requested |= {entry.body["request"]} if "request" in entry.body else set()
        entries.append((entry.kind, dict(entry.body) | {"subject": who, "continues": index}))
    entries.append((LINKED, {"subject": held, "to": who, "entries": list(theirs)}))

    def along(connection: sa.Connection, indexes: list[int]) -> None:
        if workspace.projections.entries_now(connection, held) != theirs:
            raise _Changed
        if not workspace.vault.lead_to(connection, held, who):
            raise StoreError(LINK_AGAIN)
        workspace.vault.move_evidence(connection, held, who)
        # The last of the indexes is the link itself.
        move(connection, dict(zip(theirs, indexes, strict=False)), sorted(requested))

    workspace.ledger.append_many(entries, now=now, along=along)
