"""May legitimate interest open anything here? Every safeguard asked of what the pipeline really made, and sealed.

Covers: the trial decision, the redaction in force, the recall of the sensitive filter, the guard, the last audit, the objection
of the invented person, documents by their hash; the statement in the ledger that the door reads. Not covered: the record's form and
what a proof is (`rights/interest`), the door (`rights/doors.py`).

A walk with nothing but consents comes first: it leaves the redaction, the guard and the audit that are shown here. The entry counts
until its first proof is stale, and until a setting it was made for is changed (`walk/decide.py`).
Cost: one decision of every turn, one pass over the corpus.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import rfc8785

from witting import corpus, redaction
from witting.audit.interval import clopper_pearson
from witting.engine import apply
from witting.errors import InputError, ObjectDamaged
from witting.ledger.certificate import read_statement, seal_statement, statement_text, verify_statement
from witting.rights import decide as rights
from witting.rights.clocks import months_after
from witting.rights.interest.probe import Heard, ObjectionProbe, prove_form, prove_unknown_heard, read_probe
from witting.rights.interest.proof import (
    REPORT_MONTHS,
    SAFEGUARDS,
    Artefact,
    Proof,
    expiry,
    missing,
    prove_document,
    prove_report,
)
from witting.rights.interest.record import (
    Gap,
    InterestRecord,
    as_json,
    judge_interest,
    prove_record,
    read_document,
    read_record,
)
from witting.rights.interest.trial import Trial, look_again, prove_trial
from witting.schema import EVENT, empty
from witting.serving.filter_trial import try_filter
from witting.store.parts import read_part
from witting.walk import guard
from witting.walk.admit import TURNS
from witting.walk.decide import (
    ASSESSED,
    DECIDED,
    nameless_of,
    parts_of,
    settings_sha256,
    surfaces_of,
    turn_facts,
)
from witting.walk.redact import REDACTED_TURNS
from witting.walk.release import DECIDED as RELEASED
from witting.walk.step import Tell, described
from witting.workspace import Workspace

KIND = "assessment"
FOLDER = "assessments"
TEXTS_MAX = 500  # redacted texts looked at again, and texts put to the guard
LABELLED_LINES_MAX = 100_000
LINE_BYTES_MAX = 1 << 20
RECALL_LOW_MIN = 0.8  # lower end of the 95 % interval (product choice; no regulator named a figure)
AUDIT_DAYS_MAX = 183  # an older audit is of another model (product choice)
DIRECT = (
    "ACCOUNT",
    "CARD",
    "EMAIL",
    "IBAN",
    "IP",
    "NATIONAL_ID",
    "PHONE",
    "SECRET",
)  # REDACTION_KINDS, direct identifiers
LEADING_ENTRY = 2**62  # of the trial's own assessment: after every entry there is


@dataclass(frozen=True)
class Assessment:
    """What the record and the pipeline show, for one purpose, at one moment."""

    purpose: str
    record: InterestRecord
    record_sha256: str
    gaps: tuple[Gap, ...]
    proofs: tuple[Proof, ...]  # in the order of SAFEGUARDS
    laws: Mapping[
        str, tuple[str, ...]
    ]  # jurisdiction that knows the door -> safeguards it asks for and nothing proves
    trial: Trial
    settings_sha256: str

    @property
    def proven(self) -> list[str]:
        """The names of the safeguards that hold."""
        return [proof.safeguard for proof in self.proofs if proof.proven]

    @property
    def opens(self) -> bool:
        """Whether every law that knows this door has all it asks for."""
        return bool(self.laws) and not any(self.laws.values())

    def body(self) -> dict[str, Any]:
        """The statement: counts, dates and hashes, and the record's own choices."""
        until = expiry(self.proofs)
        return {
            "purpose": self.purpose,
            "record": as_json(self.record) | {"sha256": self.record_sha256},
            "gaps": [gap.as_json() for gap in self.gaps],
            "safeguards": [proof.as_json() for proof in self.proofs],
            "laws": {law: {"missing": list(lacks), "open": not lacks} for law, lacks in self.laws.items()},
            "trial": self.trial.counts(),
            "settings_sha256": self.settings_sha256,
            "expires_at": None if until is None else until.isoformat(),
        }


def assess(workspace: Workspace, record_path: Path, *, now: datetime, tell: Tell) -> Assessment:
    """Judge the record and look for each safeguard's proof. Writes nothing. Raises InputError."""
    record, sha256 = read_record(record_path)
    purpose = workspace.settings.rights.purpose
    if purpose not in record.purposes:
        raise InputError(
            f"{record_path}: purposes: it is about {', '.join(record.purposes)}; this workspace is for {purpose} (rights.purpose)."
        )
    laws = _laws(workspace, purpose, now)
    lead_days = max((interest.lead_days for interest in laws.values()), default=0)
    trial = _trial(workspace, now=now, tell=tell)
    record, absent = _without_absent(record, record_path.parent)
    probe = (
        None if record.objection_probe is None else read_probe(record_path.parent / record.objection_probe)
    )
    documents = record.documents
    found = [
        prove_record(record, sha256, name=record_path.name, now=now),
        prove_document("dpia", read_document(documents.dpia, beside=record_path), now=now),
        prove_document("compatibility", read_document(documents.compatibility, beside=record_path), now=now),
        prove_form(probe, lead_days=lead_days, now=now),
        prove_unknown_heard(probe, None if probe is None else _heard(workspace, probe[0]), now=now),
        *prove_trial(trial, notices_kept=_notices_kept(workspace, purpose), moment=now),
        _redaction(workspace),
        _sensitive(None if record.labelled is None else record_path.parent / record.labelled),
        _guard(workspace),
        _audit(workspace, now=now),
        prove_report(
            _first_use(workspace, purpose),
            read_document(documents.report_at_5_months, beside=record_path),
            now=now,
        ),
    ]
    by_name = {proof.safeguard: proof for proof in found} | absent
    proofs = tuple(by_name[name] for name in SAFEGUARDS)
    proven = {proof.safeguard for proof in proofs if proof.proven}
    return Assessment(
        purpose=purpose,
        record=record,
        record_sha256=sha256,
        gaps=tuple(judge_interest(record, now=now)),
        proofs=proofs,
        laws={
            law: tuple(name for name in interest.safeguards if name not in proven)
            for law, interest in laws.items()
        },
        trial=trial,
        settings_sha256=settings_sha256(workspace),
    )


def _without_absent(record: InterestRecord, folder: Path) -> tuple[InterestRecord, dict[str, Proof]]:
    """The record without the files it names that are not there, and for each what it would have proven."""
    named: dict[str, tuple[str, str | None]] = {
        "objection_form_probe": ("objection_probe", record.objection_probe),
        "sensitive_filter_recall": ("labelled", record.labelled),
    }
    documents = {
        name: getattr(record.documents, name) for name in ("dpia", "compatibility", "report_at_5_months")
    }
    named |= {name: (f"documents.{name}", one.file) for name, one in documents.items() if one is not None}
    absent = {
        safeguard: missing(
            safeguard, f"{field} names {file}, and there is no such file beside the record", saw="no file"
        )
        for safeguard, (field, file) in named.items()
        if file is not None and not (folder / file).is_file()
    }
    kept = record.documents.model_copy(update=dict.fromkeys(set(documents) & set(absent)))
    gone = {field: None for name, (field, _) in named.items() if name in absent and name not in documents}
    return record.model_copy(update={"documents": kept, **gone}), absent


def report_due(workspace: Workspace) -> tuple[datetime, bool] | None:
    """When the report on the first five months of legitimate interest is due, and whether an assessment has proven it since;
    None while nobody's words passed by that door."""
    purpose = workspace.settings.rights.purpose
    first = _first_use(workspace, purpose)
    if first is None:
        return None
    at, entry = first
    proofs = (
        assessed.body.get("proofs", {}).get("report_at_5_months")
        for assessed in workspace.ledger.entries(int(entry.where) + 1, kind=ASSESSED)
        if purpose in assessed.body["purposes"]
    )
    return months_after(at, REPORT_MONTHS), any(digest not in (None, entry.sha256) for digest in proofs)


def wait_for_objection(workspace: Workspace, handle: str, *, seconds: float) -> bool:
    """Whether the objection of that person arrives: in the ledger, or among the live events that the next walk reads."""
    end = time.monotonic() + seconds
    while True:
        subject = workspace.vault.find(handle)
        if subject is not None and (
            _objection_of(workspace, subject) is not None or workspace.spool.rights_waiting_of(subject)
        ):
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(min(1.0, seconds))


def seal(workspace: Workspace, assessment: Assessment, *, now: datetime) -> int:
    """Append the entry that the door reads, and write the statement beside it (assessments/ENTRY.json). The entry's index."""
    until = expiry(assessment.proofs)
    facts: dict[str, Any] = {
        "occurred_at": now.astimezone(UTC).isoformat(timespec="microseconds"),
        "purposes": [assessment.purpose],
        "safeguards": sorted(assessment.proven),
        "proofs": {
            proof.safeguard: proof.artefact.sha256
            for proof in assessment.proofs
            if proof.proven and proof.artefact is not None
        },
        "settings_sha256": assessment.settings_sha256,
    }
    if until is not None:
        facts["expires_at"] = until.astimezone(UTC).isoformat(timespec="microseconds")
    document = seal_statement(workspace.ledger, KIND, assessment.body(), now=now, facts=facts)
    workspace.path(FOLDER).mkdir(exist_ok=True)
    workspace.write(FOLDER, f"{document['entry']}.json", text=statement_text(document))
    return int(document["entry"])


def _laws(workspace: Workspace, purpose: str, now: datetime) -> dict[str, Any]:
    """The laws that know the door for this purpose now."""
    packs = workspace.packs
    interests = {name: packs.named(name, now).parameters.legitimate_interest for name in sorted(packs.files)}
    return {name: one for name, one in interests.items() if one.allowed and purpose in one.purposes}


# -- the trial ----------------------------------------------------------------------------------------------------------


def _trial(workspace: Workspace, *, now: datetime, tell: Tell) -> Trial:
    """Every turn decided as though all safeguards were proven, and what was opened looked at again."""
    events, purpose = workspace.projections.events(), workspace.settings.rights.purpose
    assumed = {
        "kind": "assessment",
        "purposes": [purpose],
        "occurred_at": now,
        "safeguards": sorted({*SAFEGUARDS, *_asked(workspace, purpose, now)}),
        "entry": LEADING_ENTRY,
    }
    stage = rights.stage(
        pa.concat_tables([events, pa.Table.from_pylist([assumed], schema=EVENT)]),
        purpose=purpose,
        as_of=now,
        packs=workspace.packs,
        consent_days_max=workspace.settings.rights.consent_days_max,
        nameless=nameless_of(workspace, surfaces_of(workspace)),
    )
    judge, total = stage.open(), sum(part.rows for part in parts_of(workspace, TURNS))

    def decided() -> Iterator[tuple[pa.Table, pa.Table]]:
        done = 0
        for table in turn_facts(workspace):
            yield table, apply(stage, judge, table)
            done += table.num_rows
            tell("deciding on trial", done, total)

    return look_again(decided(), events, purpose=purpose, as_of=now, packs=workspace.packs)


def _asked(workspace: Workspace, purpose: str, now: datetime) -> set[str]:
    return {name for interest in _laws(workspace, purpose, now).values() for name in interest.safeguards}


def _notices_kept(workspace: Workspace, purpose: str) -> bool:
    """Every notice of this purpose names a text that is kept, and there is one."""
    seen = 0
    for entry in workspace.ledger.entries(kind="rights.notice"):
        if purpose in entry.body["purposes"]:
            digest = entry.body.get("notice_sha256")
            if digest is None or not workspace.notices.holds(digest):
                return False
            seen += 1
    return seen > 0


# -- proofs that lie in later rooms ---------------------------------------------------------------------------------------


def _heard(workspace: Workspace, probe: ObjectionProbe) -> Heard | None:
    """The invented person's objection in the ledger."""
    subject = None if probe.handle is None else workspace.vault.find(probe.handle)
    if subject is None:
        return None
    index = _objection_of(workspace, subject)
    if index is None:
        return None
    entry = workspace.ledger.entry(index)
    turns = sum(
        pl.DataFrame(table).filter(pl.col("subject_id") == subject).height for table in turn_facts(workspace)
    )
    at = datetime.fromisoformat(entry.body["occurred_at"])
    return Heard(entry.index, hashlib.sha256(entry.bytes).hexdigest(), at, turns)


def _objection_of(workspace: Workspace, subject: str) -> int | None:
    """The ledger entry of the person's latest objection."""
    events = pl.DataFrame(workspace.projections.events())
    made = events.filter((pl.col("subject") == subject) & (pl.col("kind") == "objection"))
    return None if made.is_empty() else made.get_column("entry").to_list()[-1]


def _redaction(workspace: Workspace) -> Proof:
    """The stage the last walk ran is the one in force, and a second look at what it left finds no direct identifier."""
    name, current = "deid_report", workspace.snapshots.current(REDACTED_TURNS)
    if current is None:
        return missing(name, "walk to redaction: `witting run --until redaction`")
    settings = workspace.settings
    stages = (
        redaction.stage(
            workspace.path("keys"),
            empty(redaction.NAMES),
            settings=settings.redaction,
            shards=settings.corpus.shards,
        ),
        redaction.conversation_stage(),
    )
    if list(current.detail.get("stages", [])) != [described(stage) for stage in stages]:
        return missing(
            name, "the redaction was changed since the last walk; walk again", saw="another redaction"
        )
    kinds: Counter[str] = Counter()
    sample: list[tuple[str, str]] = []
    for part in current.parts:
        rows = pl.DataFrame(
            read_part(workspace.objects, part, columns=["row_id", "text", "kinds", "verdict"])
        )
        rows = rows.filter(pl.col("verdict") == "keep")
        kinds.update(rows["kinds"].explode().drop_nulls().to_list())
        sample = heapq.nsmallest(TEXTS_MAX, [*sample, *rows.select("row_id", "text").iter_rows()])
    left = Counter(
        span.family for _, text in sample for span in redaction.scan(text)[0] if span.family in DIRECT
    )
    counts = {"snapshot": current.id, "replaced": dict(kinds), "looked_at": len(sample), "left": dict(left)}
    artefact = Artefact("redaction", _sha256(counts), current.id)
    saw = f"{kinds.total()} replacements in the last walk; {left.total()} direct identifiers in {len(sample)} texts read again"
    if not sample:
        return Proof(name, saw, artefact, remedy="nothing was redacted yet; walk with words that may be used")
    return Proof(name, saw, artefact, remedy=None if not left else "mend the redaction, then walk again")


def _sensitive(path: Path | None) -> Proof:
    """The share of labelled sensitive texts that the filter finds; the same text twice is one."""
    name = "sensitive_filter_recall"
    if path is None:
        return missing(
            name, 'name a file of labelled texts as labelled: lines of {"text", "art9": ["HEALTH", ...]}'
        )
    found = sensitive = plain = alarms = 0
    for text, kinds in {
        " ".join(text.split()).casefold(): (text, kinds) for text, kinds in _labelled(path)
    }.values():
        hit = bool(redaction.scan(text)[1].art9)
        if kinds:
            sensitive, found = sensitive + 1, found + hit
        else:
            plain, alarms = plain + 1, alarms + hit
    share = clopper_pearson(found, sensitive)
    saw = (
        f"{found} of {sensitive} different sensitive texts found ({share.low:.2f} to {share.high:.2f}), "
        f"{alarms} of {plain} others stopped as well"
    )
    artefact = Artefact("labelled texts", _file_sha256(path), path.name)
    enough = share.low >= RECALL_LOW_MIN
    remedy = (
        None
        if enough
        else f"the lower end is below {RECALL_LOW_MIN}: more labelled texts, or a better filter"
    )
    return Proof(name, saw, artefact, remedy=remedy)


def _labelled(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Text and special categories a line. Raises InputError, which names the line and repeats nothing of it."""
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if number > LABELLED_LINES_MAX or len(line) > LINE_BYTES_MAX:
                    raise InputError(
                        f"{path}, line {number}: too long a line, or more than {LABELLED_LINES_MAX} of them."
                    )
                if line.strip():
                    yield _labelled_line(line, f"{path}, line {number}")
    except OSError as error:
        raise InputError(f"{path} is named as labelled, but cannot be read: {error.strerror}.") from error


def _labelled_line(line: bytes, where: str) -> tuple[str, list[str]]:
    try:
        said = json.loads(line)
        text, kinds = said["text"], said.get("art9", (said.get("labels") or {}).get("art9"))
    except (ValueError, KeyError, TypeError, AttributeError):
        text, kinds = None, None
    if not isinstance(text, str) or not isinstance(kinds, list):
        raise InputError(
            f'{where}: must be an object with "text" and "art9", a list of kinds (empty for none).'
        )
    return text, kinds


def _guard(workspace: Workspace) -> Proof:
    """Texts of the corpus put to the guard that serves."""
    name = "output_filter_test"
    manifest = corpus.current(workspace.snapshots)
    if manifest is None:
        return missing(name, "walk to a release: `witting run`")
    try:
        index = guard.load(workspace)
    except ObjectDamaged:
        return missing(name, "there is no whole guard; a release whose gate opens builds it", saw="no guard")
    done = try_filter(
        index,
        lambda: corpus.read(workspace.objects, manifest),
        key=guard.key(workspace),
        people_min=workspace.settings.guard.people_min,
        texts_max=TEXTS_MAX,
    )
    artefact = Artefact("guard test", _sha256({"corpus": manifest.id, **asdict(done)}), manifest.id)
    saw = f"{done.tried} runs of {index.words} words in {done.texts} texts: {done.stopped} stopped, {done.common} common, {done.missed} missed"
    if not done.tried:
        return Proof(name, saw, artefact, remedy="no text was long enough to try; walk with more")
    if not done.stopped:
        return Proof(
            name,
            saw,
            artefact,
            remedy="it stopped nothing; set guard.people_min to 2 or more and release again",
        )
    return Proof(
        name,
        saw,
        artefact,
        remedy=None if not done.missed else "run `witting release` again: it builds the guard",
    )


def _audit(workspace: Workspace, *, now: datetime) -> Proof:
    """The last release: sealed, opened for anyone, so by an audit with enough power."""
    name, last = "memorization_audit", None
    for entry in workspace.ledger.entries(kind=RELEASED):
        last = entry
    if last is None:
        return missing(name, "walk to a release: `witting run`")
    paths = sorted(workspace.path("releases").glob(f"{last.index}-*.json"))
    if not paths:
        return missing(name, "the statement of the last release is missing; run `witting release`")
    document = read_statement(paths[0].read_bytes())
    checks = verify_statement(document, verifier_key=str(workspace.ledger.verifier_key))
    until = last.at + timedelta(days=AUDIT_DAYS_MAX)
    saw = f"the release of {last.at.date().isoformat()}, for {last.body['audience']}"
    artefact = Artefact("release", document["body_sha256"], str(last.index))
    remedy = None
    if not all(check.ok for check in checks):
        remedy = "the statement of the last release does not verify; restore it"
    elif not last.body["open"] or last.body["audience"] != "anyone":
        remedy = "its gate did not open for anyone: the profiles strict and routine ask for an audit with enough power"
    elif until <= now:
        remedy = f"it is older than {AUDIT_DAYS_MAX} days; audit again"
    return Proof(name, saw, artefact, until, remedy)


def _first_use(workspace: Workspace, purpose: str) -> tuple[datetime, Artefact] | None:
    """When a walk first let somebody's words pass by legitimate interest, and the entry that says so."""
    for entry in workspace.ledger.entries(kind=DECIDED):
        if entry.body["purpose"] == purpose and entry.body.get("bases", {}).get("legitimate_interest"):
            return entry.at, Artefact(
                "ledger entry", hashlib.sha256(entry.bytes).hexdigest(), str(entry.index)
            )
    return None


def _sha256(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(dict(value))).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
