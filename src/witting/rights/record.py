"""What people said goes into the ledger: handles become random ids, consents are judged, evidence is sealed.

Covers: `record`, once only for each event. Not covered: reading events (`event.py`), what they open (`timeline.py`).
The ledger gets ids, dates, verdicts and a salted commitment to the evidence (SHA-256 over 16 random bytes and the
canonical JSON): nobody can test a guess against it, and once the vault's copy is destroyed nobody can ever. The salt
lies sealed with the evidence, so that the person, or an auditor they let, can check the commitment.

The same event again is not recorded again. Sameness is kind, person, time and all fields, and for evidence the sealed
copy itself is compared: no hash of evidence stands in the ledger to be guessed at.
An erased person's later withdrawal is already granted and counted; any other event about them is refused and counted.

Consents are judged by the law of the place last recorded for the person before the event, and by that of the evidence's
own `jurisdiction`; where both are known the worse verdict stands, where neither is, the floor's.
Cost: one pass over the ledger's rights entries, 16 bytes kept for each, and a few hundred bytes for each place.
From: commitments as in Certificate Transparency redaction drafts; sealed evidence for GDPR Art. 7(1) and 17 together.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import secrets
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import rfc8785

from witting.rights.capture import DataWindow, Evidence, read_evidence
from witting.rights.event import RightsEvent, read_events
from witting.rights.evidence import FLOOR, Failure, Judgement, judge_record, worst
from witting.rights.policy import Packs
from witting.schema import EVENT_KINDS

if TYPE_CHECKING:
    from witting.ledger import Ledger
    from witting.store.vault import Vault

__all__ = ["RecordReport", "RightsEvent", "read_events", "record"]

CHUNK_EVENTS = 5_000  # recorded in one transaction
SALT_BYTES = 16
ADULT = 18  # ages are kept only up to here
GRANTED_ALREADY = ("withdrawal", "objection", "refusal", "erasure_request", "signal")
# The REDACTION_KINDS a person can agree to in words, by the names evidence uses for them.
SPECIAL = {
    "health": "HEALTH",
    "sex_life": "SEX_LIFE",
    "sexual_orientation": "SEX_LIFE",
    "religion": "RELIGION",
    "philosophical_belief": "RELIGION",
    "belief": "RELIGION",
    "politics": "POLITICS",
    "political_opinion": "POLITICS",
    "union": "UNION",
    "trade_union": "UNION",
    "union_membership": "UNION",
    "ethnicity": "ETHNICITY",
    "race": "ETHNICITY",
    "race_ethnicity": "ETHNICITY",
    "genetic": "GENETIC",
    "biometric": "BIOMETRIC",
    "criminal": "CRIMINAL",
}


@dataclass(frozen=True)
class RecordReport:
    recorded: int
    repeated: int  # seen before, left alone
    already_granted: int  # a no from somebody erased
    refused_erased: int  # anything else about somebody erased
    kinds: Mapping[str, int]  # of the recorded
    verdicts: Mapping[str, int]  # of the recorded consents

    def as_json(self) -> dict[str, Any]:
        return {
            "recorded": self.recorded,
            "repeated": self.repeated,
            "already_granted": self.already_granted,
            "refused_erased": self.refused_erased,
            "kinds": dict(self.kinds),
            "verdicts": dict(self.verdicts),
        }


def record(
    events: Iterable[RightsEvent],
    *,
    vault: Vault,
    ledger: Ledger,
    packs: Packs,
    now: datetime,
    notices: Callable[[str], bool] | None = None,
    new_salt: Callable[[int], bytes] = secrets.token_bytes,
) -> RecordReport:
    """Record each event once, in their order, in transactions of CHUNK_EVENTS. Stopped midway, run it again.

    `notices` says whether the notice store holds a text of that SHA-256. Raises InvalidEvent from `events`.
    """
    desk = _Desk(vault, ledger, packs, now, notices, new_salt, _read_ledger(ledger))
    incoming = iter(events)
    while chunk := list(islice(incoming, CHUNK_EVENTS)):
        desk.take(chunk)
    return desk.report()


def write_down(
    event: RightsEvent,
    subject: str,
    *,
    vault: Vault,
    new_salt: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[str, dict[str, Any]]:
    """Kind and body of the ledger entry of an event that is no consent, for whoever appends it together with something else;
    its evidence is sealed in the vault when this returns. Not asked: whether the same was recorded before."""
    if event.kind == "consent":
        raise ValueError("a consent is judged before it is recorded: use `record`")
    body = _said(event, subject)
    if event.evidence is not None:
        commitment, copy = commit_evidence(event.evidence, salt=new_salt(SALT_BYTES))
        vault.keep_evidence(subject, commitment, copy)
        body["evidence_commitment"] = commitment
    return f"rights.{event.kind}", body


@dataclass
class _Known:
    """What the ledger holds already. An entry is found by 8 bytes of a hash, then compared field by field."""

    digests: np.ndarray  # (entries,) uint64, ascending
    indices: np.ndarray  # (entries,) ledger index of each
    places: dict[str, list[tuple[str, str]]]  # subject -> (time, place), ascending by time
    added: dict[int, list[int]] = field(default_factory=dict)  # in this run

    def candidates(self, digest: int) -> Iterator[int]:
        start = np.searchsorted(self.digests, np.uint64(digest), side="left")
        stop = np.searchsorted(self.digests, np.uint64(digest), side="right")
        yield from (int(index) for index in self.indices[start:stop])
        yield from self.added.get(digest, ())

    def add_place(self, subject: str, at: str, place: str) -> None:
        bisect.insort(self.places.setdefault(subject, []), (at, place))

    def place_before(self, subject: str, at: str) -> str | None:
        told = self.places.get(subject, [])
        position = bisect.bisect_right(told, (at, "\uffff"))
        return told[position - 1][1] if position else None


def _read_ledger(ledger: Ledger) -> _Known:
    digests, indices = array("Q"), array("q")
    known = _Known(np.empty(0, np.uint64), np.empty(0, np.int64), {})
    for kind in EVENT_KINDS:
        for entry in ledger.entries(kind=f"rights.{kind}"):
            digests.append(_digest(kind, entry.body))
            indices.append(entry.index)
            if kind == "place":
                known.add_place(entry.body["subject"], entry.body["occurred_at"], entry.body["place"])
    order = np.argsort(np.array(digests, dtype=np.uint64), kind="stable")
    known.digests = np.array(digests, dtype=np.uint64)[order]
    known.indices = np.array(indices, dtype=np.int64)[order]
    return known


def _digest(kind: str, body: Mapping[str, Any]) -> int:
    said = json.dumps(_identity(kind, body))
    return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8], "big")


def _identity(kind: str, body: Mapping[str, Any]) -> list[Any]:
    """What the event itself says; of a consent, place and notice were found by judging and are no part of it."""
    told = {
        "place": ("place",),
        "age": ("age",),
        "assessment": ("safeguards",),
        "notice": ("notice_sha256",),
        "signal": ("signal",),
        "access_request": ("scope",),
    }
    names = ("subject", "occurred_at", "purposes", *told.get(kind, ()))
    return [kind, *(body.get(name) for name in names)]


@dataclass
class _Desk:
    """Where one run records; holds what is known and counts what is done."""

    vault: Vault
    ledger: Ledger
    packs: Packs
    now: datetime
    notices: Callable[[str], bool] | None
    new_salt: Callable[[int], bytes]
    known: _Known
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)

    def report(self) -> RecordReport:
        return RecordReport(
            recorded=self.kinds.total(),
            repeated=self.counts["repeated"],
            already_granted=self.counts["already_granted"],
            refused_erased=self.counts["refused_erased"],
            kinds=dict(sorted(self.kinds.items())),
            verdicts=dict(sorted(self.verdicts.items())),
        )

    def take(self, chunk: Sequence[RightsEvent]) -> None:
        """One transaction. Evidence is kept before its entry is written: a crash between leaves a sealed copy that
        nothing names, never an entry whose evidence is missing."""
        alive = self._without_erased(chunk)
        subjects = self._subjects(alive)
        fresh: list[tuple[RightsEvent, dict[str, Any]]] = []
        seen: dict[int, list[tuple[dict[str, Any], Mapping[str, Any] | None]]] = {}
        for event, subject in zip(alive, subjects, strict=True):
            body = _said(event, subject)
            digest = _digest(event.kind, body)
            earlier = seen.setdefault(digest, [])
            if (body, event.evidence) in earlier or self._recorded(event, body, digest):
                self.counts["repeated"] += 1
                continue
            earlier.append((body, event.evidence))
            fresh.append((event, body))
            if event.kind == "place" and subject is not None and event.place is not None:
                self.known.add_place(subject, body["occurred_at"], event.place)
        self._write(fresh)

    def _without_erased(self, chunk: Sequence[RightsEvent]) -> list[RightsEvent]:
        erased = self.vault.erased_handles([event.subject for event in chunk if event.subject is not None])
        for event in chunk:
            if event.subject in erased:
                self.counts["already_granted" if event.kind in GRANTED_ALREADY else "refused_erased"] += 1
        return [event for event in chunk if event.subject not in erased]

    def _subjects(self, events: Sequence[RightsEvent]) -> list[str | None]:
        """People we never met get an id too: their no must be honoured if their words ever come."""
        handles = [event.subject for event in events if event.subject is not None]
        found = iter(self.vault.subjects_for(handles))
        return [None if event.subject is None else next(found) for event in events]

    def _recorded(self, event: RightsEvent, body: Mapping[str, Any], digest: int) -> bool:
        for index in self.known.candidates(digest):
            entry = self.ledger.entry(index)
            same_kind = entry.kind == f"rights.{event.kind}"
            same = same_kind and _identity(event.kind, entry.body) == _identity(event.kind, body)
            if same and self._same_evidence(
                event, body.get("subject"), entry.body.get("evidence_commitment")
            ):
                return True
        return False

    def _same_evidence(self, event: RightsEvent, subject: str | None, commitment: str | None) -> bool:
        if event.evidence is None or commitment is None or subject is None:
            return event.evidence is None and commitment is None
        kept = self.vault.evidence(subject, commitment)
        return kept is not None and json.loads(kept)["evidence"] == json.loads(
            rfc8785.dumps(dict(event.evidence))
        )

    def _write(self, fresh: Sequence[tuple[RightsEvent, dict[str, Any]]]) -> None:
        if not fresh:
            return
        sealed: list[tuple[str, str, bytes]] = []
        entries: list[tuple[str, dict[str, Any]]] = []
        for event, said in fresh:
            body = dict(said)
            if event.evidence is not None and event.subject is not None:
                commitment, copy = commit_evidence(event.evidence, salt=self.new_salt(SALT_BYTES))
                sealed.append((body["subject"], commitment, copy))
                body["evidence_commitment"] = commitment
            if event.kind == "consent":
                body |= self._judged(event, body)
            entries.append((f"rights.{event.kind}", body))
        self.vault.keep_all_evidence(sealed)
        indices = self.ledger.append_many(entries, now=self.now)
        for (event, said), index in zip(fresh, indices, strict=True):
            self.known.added.setdefault(_digest(event.kind, said), []).append(index)
            self.kinds[event.kind] += 1
        self.verdicts.update(body["verdict"] for _, body in entries if "verdict" in body)

    def _judged(self, event: RightsEvent, body: Mapping[str, Any]) -> dict[str, Any]:
        evidence = read_evidence(event.evidence or {})
        place = self.known.place_before(body["subject"], body["occurred_at"])
        judgement = self._judge(event, evidence, place)
        start, end = _window(event, evidence)
        found: dict[str, Any] = {
            "verdict": judgement.verdict,
            "score": judgement.score,
            "profile": judgement.profile,
            "pack": judgement.pack,
            "failed": sorted({failure.rule for failure in judgement.failed}),
            "notice_sha256": evidence.notice.sha256.lower()
            if evidence.notice and evidence.notice.sha256
            else None,
            "valid_from": _iso(start),
            "expires_at": _iso(end) if end else None,
            "special": _special(evidence),
            "place": _place(evidence) or place,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _judge(self, event: RightsEvent, evidence: Evidence, place: str | None) -> Judgement:
        places = [known for known in (place, _place(evidence)) if known is not None]
        profiles = {
            self.packs.for_place(known, event.occurred_at).parameters.profile for known in places
        } or {FLOOR}
        judged = [
            judge_record(
                evidence, profile=name, now=self.now, notices=self.notices, given_at=event.occurred_at
            )
            for name in sorted(profiles)
        ]
        return hold_to_purposes(worst(judged), event.purposes, evidence)


def _said(event: RightsEvent, subject: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"occurred_at": _iso(event.occurred_at), "purposes": list(event.purposes)}
    if subject is not None:
        body["subject"] = subject
    if event.place is not None:
        body["place"] = event.place
    if event.age is not None:
        body["age"] = min(event.age, ADULT)
    if event.kind == "assessment":
        body["safeguards"] = list(event.safeguards)  # claims: an entry without proofs proves none of them
    if event.notice_sha256 is not None:
        body["notice_sha256"] = event.notice_sha256
    if event.signal is not None:
        body["signal"] = event.signal.lower()
    if event.scope is not None:
        body["scope"] = event.scope
    if event.special:
        body["special"] = list(event.special)
    return body


def _iso(moment: datetime) -> str:
    """Always with microseconds, so that times sort as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def commit_evidence(evidence: Mapping[str, Any], *, salt: bytes) -> tuple[str, bytes]:
    """The commitment (64 hex) and what must be kept to show it: salt and evidence as canonical JSON."""
    canonical = rfc8785.dumps(dict(evidence))
    kept = rfc8785.dumps({"salt": salt.hex(), "evidence": dict(evidence)})
    return hashlib.sha256(salt + canonical).hexdigest(), kept


def hold_to_purposes(judgement: Judgement, purposes: Iterable[str], evidence: Evidence) -> Judgement:
    """Evidence of one purpose is none for another."""
    if set(purposes) <= set(evidence.purposes or []):
        return judgement
    failure = Failure(
        "3.purposes",
        "purposes",
        "GDPR Art. 6(1)(a), Rec. 43",
        "Record the event for the purposes its evidence shows, and for no others.",
    )
    failed = (
        judgement.failed
        if failure.rule in {f.rule for f in judgement.failed}
        else (*judgement.failed, failure)
    )
    return Judgement("invalid", judgement.score, failed, judgement.profile, judgement.pack)


def _window(event: RightsEvent, evidence: Evidence) -> tuple[datetime, datetime | None]:
    """From when and until when this consent can open anything: never before its notice was shown (rule 34)."""
    window = evidence.data_window or DataWindow()
    shown = evidence.notice.shown_at if evidence.notice else None
    starts = [evidence.valid_from or event.occurred_at, window.start, shown]
    ends = [moment for moment in (evidence.expires_at, window.end) if moment is not None]
    return max(moment for moment in starts if moment is not None), min(ends, default=None)


def _special(evidence: Evidence) -> list[str]:
    agreed = [name.strip().lower() for name, yes in (evidence.explicit_for_special or {}).items() if yes]
    return sorted({SPECIAL[name] for name in agreed if name in SPECIAL})


def _place(evidence: Evidence) -> str | None:
    place = (evidence.jurisdiction or "").upper()
    return place if place and place != "UNKNOWN" and evidence.jurisdiction_evidence else None
