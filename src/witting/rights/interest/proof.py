"""What a safeguard is proven by: an artefact, what was seen in it, and until when that counts.

Covers: the closed list of safeguards with the source of each, proofs, documents and the report after five months. Not
covered: which of them a law asks for (`packs/`). The list is what regulators asked of those they let go ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from witting.errors import InputError
from witting.rights.clocks import months_after
from witting.rights.pack import midnight

FILE_BYTES_MAX = 1 << 20
DOCUMENT_DAYS_MAX = 365  # older documents are of another processing (product choice)
REPORT_EARLY_MONTHS = 1  # a report written earlier is not one on five months
REPORT_MONTHS = 5  # DPC on Meta, 21 May 2025, and on LinkedIn, November 2025
# name -> (what has to be shown, who asked for it)
SAFEGUARDS: dict[str, tuple[str, str]] = {
    "lia": (
        "the three steps, each answered, decided by somebody and not due for review",
        "GDPR Art. 6(1)(f); EDPB 28/2024 and 1/2024",
    ),
    "dpia": ("a data protection impact assessment", "GDPR Art. 35(7)"),
    "compatibility": ("an assessment of the new purpose against the old one", "GDPR Art. 6(4)"),
    "notice_lead": (
        "everybody concerned was told before the waiting time, of a text that is kept",
        "GDPR Art. 13(3); DPC 21 May 2025",
    ),
    "objection_form_probe": (
        "the form that objects was tried: no reason, no account, no further fields, granted by itself",
        "GDPR Art. 21; ANPD 30 August 2024; ICO September 2024",
    ),
    "prior_objections_honoured": (
        "nobody who ever said no is among those used",
        "GDPR Art. 21(1), (3); DPC 21 May 2025",
    ),
    "non_user_objection": (
        "the objection of somebody unknown here reached the ledger",
        "ANPD 30 August 2024",
    ),
    "under18_filter": ("everybody used is known to be an adult", "DPC on LinkedIn 2025; ANPD 30 August 2024"),
    "deid_report": (
        "the redaction in force is that of the last walk, and a second look finds no direct identifier",
        "OLG Köln 15 UKl 2/25; DPC 21 May 2025",
    ),
    "sensitive_filter_recall": (
        "a share of labelled sensitive texts that the filter finds, with its interval",
        "GDPR Art. 9; DPC on LinkedIn 2025",
    ),
    "group_source_filter": (
        "nothing used was said where only a closed circle could see it",
        "ePrivacy Directive Art. 5(1); DPC on LinkedIn 2025",
    ),
    "lookback_limit": ("nothing used was said before its person was told", "DPC on LinkedIn 2025; FTC 13 February 2024"),
    "output_filter_test": (
        "training texts put to the guard that serves, each run of words stopped",
        "DPC 21 May 2025; EDPB 28/2024",
    ),
    "memorization_audit": (
        "an audit with enough power that the release gate opened on",
        "EDPB 28/2024",
    ),
    "report_at_5_months": (
        "a report on how the safeguards worked, five months after the first use",
        "DPC 21 May 2025; DPC on LinkedIn 2025",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Artefact:
    """What a proof rests on, by its hash; `where` is a ledger entry, a snapshot or what the operator called it."""

    kind: str
    sha256: str
    where: str


@dataclass(frozen=True)
class Proof:
    """One safeguard: proven by an artefact until a moment, or not, with what would prove it."""

    safeguard: str  # of SAFEGUARDS
    saw: str  # a sentence: counts and dates, never a person's words or name
    artefact: Artefact | None = None
    expires_at: datetime | None = None  # None: as long as the assessment
    remedy: str | None = None  # None: it is proven

    @property
    def proven(self) -> bool:
        return self.remedy is None and self.artefact is not None

    def as_json(self) -> dict[str, Any]:
        """For the statement: also who asked for it."""
        artefact = self.artefact
        return {
            "safeguard": self.safeguard,
            "proven": self.proven,
            "saw": self.saw,
            "source": SAFEGUARDS[self.safeguard][1],
            "artefact": None
            if artefact is None
            else {"kind": artefact.kind, "sha256": artefact.sha256, "where": artefact.where},
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Document:
    """A file the operator names, by its hash and the day it was made."""

    sha256: str
    name: str
    made_on: date


def read_whole(path: Path, *, what: str) -> bytes:
    """The bytes of one of an assessment's files. Raises InputError; `what` names it."""
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read as {what}: {error.strerror}.") from error
    if len(content) > FILE_BYTES_MAX:
        raise InputError(f"{path} is larger than {FILE_BYTES_MAX} bytes; {what} is a few pages.")
    return content


def sha256_of(content: bytes) -> str:
    """In hex, as an artefact names it."""
    return hashlib.sha256(content).hexdigest()


def missing(safeguard: str, remedy: str, *, saw: str = "nothing") -> Proof:
    """A safeguard that nothing proves."""
    return Proof(safeguard, saw=saw, remedy=remedy)


def prove_document(safeguard: str, document: Document | None, *, now: datetime) -> Proof:
    """A document counts for DOCUMENT_DAYS_MAX from the day it was made."""
    if document is None:
        return missing(safeguard, f"name it under [documents.{safeguard}] with file and made_on")
    made, until = midnight(document.made_on), midnight(document.made_on) + timedelta(days=DOCUMENT_DAYS_MAX)
    artefact = Artefact("document", document.sha256, document.name)
    saw = f"a document of {document.made_on.isoformat()}"
    if made > now:
        return Proof(safeguard, saw, artefact, remedy="its made_on lies in the future")
    if until <= now:
        return Proof(
            safeguard, saw, artefact, remedy=f"it is older than {DOCUMENT_DAYS_MAX} days; make it anew"
        )
    return Proof(safeguard, saw, artefact, until)


def prove_report(
    first_use: tuple[datetime, Artefact] | None, document: Document | None, *, now: datetime
) -> Proof:
    """`first_use`: when a walk first used words under legitimate interest, and the ledger entry that says so; None before.
    Until five months after it the schedule itself is the proof, from then on the report, for a year as any document."""
    name = "report_at_5_months"
    if first_use is None:
        planned = hashlib.sha256(f"{name}: {REPORT_MONTHS} months after the first use".encode()).hexdigest()
        return Proof(
            name, "no use yet: the clock starts with the first", Artefact("schedule", planned, "none")
        )
    at, entry = first_use
    due = months_after(at, REPORT_MONTHS)
    ripe = months_after(at, REPORT_MONTHS - REPORT_EARLY_MONTHS).date()
    if document is not None and document.made_on >= ripe:
        proof = prove_document(name, document, now=now)
        return replace(proof, saw=f"first use {at.date().isoformat()}, {proof.saw}")
    saw = f"first use {at.date().isoformat()}, the report is due by {due.date().isoformat()}"
    if due <= now:
        return Proof(name, saw, entry, remedy="write it and name it under [documents.report_at_5_months]")
    return Proof(name, saw, entry, due)


def expiry(proofs: Iterable[Proof]) -> datetime | None:
    """When the first of the proven ones ends; None where none does."""
    return min((p.expires_at for p in proofs if p.proven and p.expires_at is not None), default=None)
