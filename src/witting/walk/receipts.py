"""Receipts issued: from ledger, sealed evidence and recorded notices to sealed statements in receipts/.

Covers: what one receipt is made from, issuing once (asking again appends nothing), many under one checkpoint, the opening of
sealed evidence for its person. Not covered: what a receipt says (`reports/receipts.py`).

Every receipt is issued with the moment it was made as a fact of its ledger entry. Asked again, it is made with that moment
again: where it comes out the same its document is written anew, otherwise (the house has since stated its address) a new one
replaces it. Asked by several at once, one of them issues it and the others find it again: within the append is looked once
more. Cost: one look through the receipts ever issued, about half a KiB of memory for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from witting.errors import SubjectErased
from witting.ledger.certificate import commitment, issue_all, seal_all, statement_text
from witting.ledger.entry import Entry
from witting.ledger.log import entries_within
from witting.reports.kantara import write_kantara
from witting.reports.receipts import KINDS, About, House, Receipt, make_receipt
from witting.rights.notice.record import ENTRY_KIND, Versions
from witting.walk.answered import LINKED
from witting.workspace import Workspace

ISSUED = "receipt.issued"
AT_ONCE_MAX = 2_000  # receipts in one append and under one checkpoint; bounds memory
FOLDER = "receipts"
KANTARA = ".kantara.json"
SUFFIXES = (".json", ".tlog-proof", KANTARA)


@dataclass(frozen=True)
class Issued:
    """A receipt and where it lies."""

    about: About
    receipt: Receipt
    path: Path
    new: bool  # sealed just now, not found again
    later: tuple[int, ...]  # entries in which the person said something since


@dataclass(frozen=True)
class _Sealed:
    """The newest receipt of an event, as the entry that seals it says."""

    entry: int
    receipt: str  # id
    created: str
    replaces: str | None
    body_sha256: str


@dataclass(frozen=True)
class _Made:
    about: About
    later: tuple[int, ...]
    receipt: Receipt
    sealed: int | None  # by which entry, where it was issued before


class _IssuedMeanwhile(Exception):
    """Somebody else issued one of the batch since we looked."""


@dataclass
class Desk:
    """What issuing needs open, and what was issued before."""

    workspace: Workspace
    now: datetime
    versions: Versions = field(init=False)
    house: House = field(init=False)
    before: dict[int, _Sealed] = field(init=False)  # by the event's entry
    seen: int = field(init=False)  # ledger entries that `before` has heard of

    def __post_init__(self) -> None:
        ledger, settings = self.workspace.ledger, self.workspace.settings
        self.versions = Versions(ledger.entries(kind=ENTRY_KIND), self.workspace.notices)
        self.house = House(
            ledger.verifier_key.name, settings.controller, settings.receipts, settings.rights.consent_days_max
        )
        self.seen = ledger.size()
        self.before = dict(map(_sealed_of, ledger.entries(kind=ISSUED)))

    def issue(self, abouts: Iterable[tuple[About, tuple[int, ...]]]) -> Iterator[Issued]:
        """In batches of AT_ONCE_MAX: one append, one checkpoint, then each document and the proof of its event."""
        waiting = iter(abouts)
        while batch := list(islice(waiting, AT_ONCE_MAX)):
            made = self._sealed([self._made(about, later) for about, later in batch])
            yield from self._issue(made)

    def _made(self, about: About, later: tuple[int, ...]) -> _Made:
        """The receipt as it was issued before, where it comes out the same again; else a new one."""
        known = self.before.get(about.entry.index)
        if known is None:
            return _Made(about, later, make_receipt(about, self.house, created=self.now), None)
        created = datetime.fromisoformat(known.created)
        again = make_receipt(about, self.house, created=created, replaces=known.replaces)
        if commitment("receipt", again.body)["body_sha256"] == known.body_sha256:
            return _Made(about, later, again, known.entry)
        new = make_receipt(about, self.house, created=self.now, replaces=known.receipt)
        return _Made(about, later, new, None)

    def _sealed(self, batch: Sequence[_Made]) -> list[tuple[int, _Made]]:
        """Each with the entry that seals it. Where somebody was quicker, theirs is found again."""
        while True:
            new = [one for one in batch if one.sealed is None]
            try:
                indexes = iter(self._seal(new) if new else ())
            except _IssuedMeanwhile:
                batch = [self._made(one.about, one.later) for one in batch]
                continue
            return [(next(indexes) if one.sealed is None else one.sealed, one) for one in batch]

    def _seal(self, new: Sequence[_Made]) -> list[int]:
        """One append. Raises _IssuedMeanwhile, and has heard of it then."""
        abouts = {one.about.entry.index for one in new}

        def look_again(connection: Connection, indexes: list[int]) -> None:
            ledger_has = entries_within(connection, self.seen, indexes[0], kind=ISSUED)
            found = dict(map(_sealed_of, ledger_has))
            meanwhile = {about for about in abouts & found.keys() if found[about] != self.before.get(about)}
            self.before |= found
            self.seen = indexes[0]
            if meanwhile:
                raise _IssuedMeanwhile

        statements = [(one.receipt.body, _facts(one.about, one.receipt)) for one in new]
        indexes = seal_all(self.workspace.ledger, "receipt", statements, now=self.now, along=look_again)
        self.before |= (_sealed_of(self.workspace.ledger.entry(index)) for index in indexes)
        self.seen = indexes[-1] + 1
        return indexes

    def _issue(self, batch: Sequence[tuple[int, _Made]]) -> Iterator[Issued]:
        self._write([(index, one) for index, one in batch if one.sealed is None or not self._stands(one)])
        for _, one in batch:
            path = self.workspace.path(FOLDER, f"{one.receipt.id}.json")
            yield Issued(one.about, one.receipt, path, one.sealed is None, one.later)

    def _stands(self, one: _Made) -> bool:
        """Both files are there and the document is of this entry and body: then they stay as they were handed out."""
        document, proof = (self.workspace.path(FOLDER, f"{one.receipt.id}{name}") for name in SUFFIXES[:2])
        if not document.is_file() or not proof.is_file():
            return False
        try:
            held = json.loads(document.read_bytes())
            return (held["entry"], held["body"]) == (one.sealed, one.receipt.body)
        except (ValueError, KeyError, TypeError):
            return False

    def _write(self, missing: Sequence[tuple[int, _Made]]) -> None:
        if not missing:
            return
        ledger = self.workspace.ledger
        note = ledger.signed_note(now=self.now)
        documents = issue_all(ledger, [(index, one.receipt.body) for index, one in missing], note=note)
        for (_, one), document in zip(missing, documents, strict=True):
            self.workspace.write(FOLDER, f"{one.receipt.id}.json", text=statement_text(document))
            proof = ledger.tlog_proof(one.about.entry.index, now=self.now, note=note)
            self.workspace.write(FOLDER, f"{one.receipt.id}.tlog-proof", text=proof)
        ledger.checkpoint(now=self.now)  # published last: where that fails, the receipts lie there

    def kantara(self, one: Issued) -> tuple[Path | None, tuple[str, ...]]:
        """The receipt in Kantara's format beside the sealed one, or None and why it cannot be written."""
        written = write_kantara(one.about, self.house, one.receipt)
        if written.receipt is None:
            return None, written.problems
        text = json.dumps(written.receipt, indent=2, ensure_ascii=False) + "\n"
        return self.workspace.write(FOLDER, f"{one.receipt.id}{KANTARA}", text=text), ()


def _sealed_of(entry: Entry) -> tuple[int, _Sealed]:
    """The event's entry, and what the entry that seals its receipt says."""
    said = entry.body
    return said["about"], _Sealed(
        entry.index, said["receipt"], said["created"], said.get("replaces"), said["statement"]["body_sha256"]
    )


def _facts(about: About, receipt: Receipt) -> dict[str, Any]:
    """Of the sealing entry: no person but through the event's own entry."""
    found = {
        "about": about.entry.index,
        "receipt": receipt.id,
        "created": receipt.body["dct:created"],
        "replaces": str(receipt.body["dct:replaces"]).removeprefix("urn:uuid:")
        if "dct:replaces" in receipt.body
        else None,
    }
    return {name: value for name, value in found.items() if value is not None}


# -- what a receipt is made from --------------------------------------------------------------------------------------


def abouts_of(
    desk: Desk, subject_id: str, *, kinds: Sequence[str] = KINDS, entry: int | None = None
) -> list[tuple[About, tuple[int, ...]]]:
    """The person's receiptable entries of these kinds, or the one asked for, in order, each with the later ones.

    Raises SubjectErased: whoever was erased has a certificate, and nothing here could be opened for them."""
    workspace = desk.workspace
    if workspace.vault.is_erased(subject_id):
        raise SubjectErased(
            "this person was erased; their certificate in certificates/ is what is left to give."
        )
    said = [workspace.ledger.entry(index) for index in workspace.projections.entries_of(subject_id)]
    mine = [one for one in said if _is_receipted(one)]
    wanted = [one for one in mine if _kind(one) in kinds and (entry is None or one.index == entry)]
    return [
        (_about(desk, one, said), tuple(later.index for later in mine if later.index > one.index))
        for one in wanted
    ]


def abouts_of_all(
    desk: Desk, *, kinds: Sequence[str] = KINDS, since: int = 0
) -> Iterator[tuple[About, tuple[int, ...]]]:
    """Everybody's, a person at a time, from ledger entry `since` on; the erased are left out, and claims that turned out to be
    somebody's: what was said under them goes on in entries of that person."""
    linked = {entry.body["subject"] for entry in desk.workspace.ledger.entries(kind=LINKED)}
    for subject_id in desk.workspace.projections.people(kinds):
        if subject_id not in linked and not desk.workspace.vault.is_erased(subject_id):
            found = abouts_of(desk, subject_id, kinds=kinds)
            yield from ((about, later) for about, later in found if about.entry.index >= since)


def _kind(entry: Entry) -> str:
    return entry.kind.removeprefix("rights.")


def _is_receipted(entry: Entry) -> bool:
    """A signal that refuses nothing says nothing to confirm."""
    if _kind(entry) == "signal":
        return bool(entry.body.get("purposes") or entry.body.get("special"))
    return _kind(entry) in KINDS


def _about(desk: Desk, entry: Entry, said: Sequence[Entry]) -> About:
    """Only from what the ledger held when this entry was made, so that the receipt stays what it is."""
    before = [one for one in said if one.index < entry.index]
    given = _last(before, "consent", entry) if _kind(entry) == "withdrawal" else None
    evidence = _evidence(desk.workspace, given or entry)
    notice = (given or entry).body.get("notice_sha256") or ((evidence or {}).get("notice") or {}).get(
        "sha256"
    )
    if notice is None:
        told = _last(before, "notice", entry)
        notice = told.body.get("notice_sha256") if told else None
    place = next((one.body["place"] for one in reversed(before) if _kind(one) == "place"), None)
    notice = None if notice is None else str(notice).lower()
    shown = None if notice is None else desk.versions.shown(notice)
    return About(entry, given, place, notice, shown, evidence)


def _last(before: Sequence[Entry], kind: str, entry: Entry) -> Entry | None:
    """The last of this kind about a purpose the entry is about; one without purposes is about all."""
    asked = set(entry.body.get("purposes") or ())
    for one in reversed(before):
        named = set(one.body.get("purposes") or ())
        if _kind(one) == kind and (not asked or not named or asked & named):
            return one
    return None


def _evidence(workspace: Workspace, entry: Entry) -> Mapping[str, Any] | None:
    kept = opening_of(workspace, entry)
    return None if kept is None else kept["evidence"]


def opening_of(workspace: Workspace, entry: Entry) -> dict[str, Any] | None:
    """Salt and evidence behind the commitment in an entry, for the person: None where there is none."""
    committed = entry.body.get("evidence_commitment")
    if committed is None:
        return None
    kept = workspace.vault.evidence(entry.body["subject"], committed)
    return None if kept is None else json.loads(kept)


def forget_receipts(workspace: Workspace, subject_id: str) -> int:
    """Deletes the person's receipts in receipts/, for an erasure; how many: also those of claims that turned out to be theirs.
    The person keeps theirs, the ledger the hashes."""
    mine = set(workspace.projections.entries_of(subject_id))
    theirs = {subject_id}
    for link in reversed(list(workspace.ledger.entries(kind=LINKED))):
        if link.body["to"] in theirs:
            theirs.add(link.body["subject"])
            mine |= set(link.body["entries"])
    gone = 0
    for entry in workspace.ledger.entries(kind=ISSUED):
        if entry.body["about"] in mine:
            for suffix in SUFFIXES:
                workspace.path(FOLDER, f"{entry.body['receipt']}{suffix}").unlink(missing_ok=True)
            for unfinished in workspace.path(FOLDER).glob(
                f".{entry.body['receipt']}.*"
            ):  # of a killed process
                unfinished.unlink(missing_ok=True)
            gone += 1
    return gone
