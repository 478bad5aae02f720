"""The copy of everything that is held about a person, for that person: their words, what they said of them, what was made of them.

Covers: collecting it into a folder. Not covered: finding out who asks, handing it over, recording that it was answered
(`rights/answer.py`): those are the operator's. In it are the person's own turns, the assistant's answers to them and what was
told the assistant for them, each marked; no turn and no handle of anybody else. Ids of others' turns are keyed hashes.

Nothing is changed; the workspace is held, so that no walk and no erasure changes it meanwhile. Memory: a part, and what is
known of one part's own turns. Cost: the parts of the person's shard, for each part of turns that holds some of theirs; one column of
everybody's turns; one pass over the ledger's answers, receipts, exports and runs.
From: GDPR Art. 15(1), 15(3), 15(4), 20; 11 CCR 7024 (specific pieces); Data Rights Protocol 1.0 (`access`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from witting import corpus, redaction, training
from witting.curation.reasons import REASONS as CURATION_REASONS
from witting.erasure import locate, rows_of
from witting.errors import SubjectErased, UsageError
from witting.intake.account import names_nobody
from witting.ledger.entry import Entry
from witting.reports.private_folder import private_folder
from witting.rights.answer import answers, standing_answer
from witting.rights.clocks import REQUESTS
from witting.rights.reasons import REASONS as RIGHTS_REASONS
from witting.store.parts import Part, read_part
from witting.store.requests import kept_request
from witting.walk.admit import SIGNALS, TURNS, check_shards
from witting.walk.answered import known_by_a_claim_alone
from witting.walk.curate import IMPLIED, VERDICTS
from witting.walk.decide import DECISIONS, nameless_of, parts_of, surfaces_of
from witting.walk.erase import OF_PEOPLE, remaining
from witting.walk.receipts import ISSUED, opening_of
from witting.walk.redact import CORRECTIONS, REDACTED_TURNS
from witting.walk.release import DECIDED as RELEASED
from witting.walk.step import Tell
from witting.walk.train import ADAPTERS, TRAINED
from witting.walk.whatif import TAUGHT
from witting.workspace import Workspace

FORMAT = "witting.access/1"
EXPORTED = "corpus.exported"
NAMES = {
    "turns.jsonl": "each turn of yours, word for word, and the assistant's answers to it: how it was decided on and what was made of it",
    "events.jsonl": "what you said of your data, as the ledger has it, with what it was recorded on",
    "signals.jsonl": "feedback you gave, and what rules read from your words as feedback",
    "models.json": "training runs and adapters that learned from examples of yours, and their releases",
}
RIGHTS = (
    ("have it corrected", "GDPR Art. 16, Cal. Civ. Code 1798.106"),
    ("have it erased", "GDPR Art. 17, Cal. Civ. Code 1798.105"),
    ("have its use restricted", "GDPR Art. 18, Cal. Civ. Code 1798.121"),
    ("take it elsewhere", "GDPR Art. 20"),
    ("object to its use", "GDPR Art. 21, Cal. Civ. Code 1798.120"),
    ("withdraw a consent", "GDPR Art. 7(3)"),
    ("complain to a supervisory authority", "GDPR Art. 77"),
)
TO_ADD = (
    "who else receives it, and whether it leaves for another country (GDPR Art. 15(1)(c), 15(2))",
    "which supervisory authority takes complaints (Art. 15(1)(f))",
    "what is held outside this workspace: the systems the words came from, backups, copies made of exports",
)
NOT_IN_IT = (
    "what other people wrote, and what they wrote about you (GDPR Art. 15(4))",
    "numbers that no row of yours can be told from: the weights of models, the guard's index of word runs",
)


@dataclass
class _Tally:
    """What the files add up to. The one mutable value here."""

    said_by: Counter[str] = field(default_factory=Counter)
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # purpose, decision, basis
    events: Counter[str] = field(default_factory=Counter)
    open_requests: list[int] = field(default_factory=list)
    place: str | None = None  # the last one known


@dataclass(frozen=True)
class _Person:
    """Where what is held about them lies."""

    workspace: Workspace
    subject: str
    shard: int

    def parts(self, snapshot: str) -> tuple[Part, ...]:
        return tuple(part for part in parts_of(self.workspace, snapshot) if part.shard == self.shard)

    def own(self, part: Part) -> pl.DataFrame:
        """Their rows of a part."""
        return pl.DataFrame(rows_of(read_part(self.workspace.objects, part), self.subject))

    def beside(self, snapshot: str, ids: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
        """The rows of a snapshot about these turns, by turn."""
        found: dict[str, list[dict[str, Any]]] = {}
        for part in self.parts(snapshot):
            rows = pl.DataFrame(read_part(self.workspace.objects, part)).join(ids, on="row_id", how="semi")
            for row in rows.iter_rows(named=True):
                found.setdefault(row["row_id"], []).append(row)
        return found

    def opened(self, ids: list[str], sealed: list[bytes | None]) -> list[str | None]:
        return self.workspace.keys.open([self.subject] * len(ids), ids, sealed)

    @cached_property
    def versions(self) -> list[corpus.Manifest]:
        return corpus.versions(self.workspace.snapshots)

    @cached_property
    def corpus_parts(self) -> dict[str, tuple[Part, list[str]]]:
        """Parts of their shard that are still there, by key, with the versions that name them."""
        found: dict[str, tuple[Part, list[str]]] = {}
        for version in self.versions:
            for part in version.parts:
                if part.shard == self.shard:
                    found.setdefault(part.key, (part, []))[1].append(version.id)
        return {key: value for key, value in found.items() if self.workspace.objects.exists(key)}

    def examples(self, part: Part) -> pl.DataFrame:
        """Their examples in a part of a corpus."""
        columns = ["example_id", "kind", "rule", "split", "subject_id", "turns", "canary"]
        rows = pl.DataFrame(read_part(self.workspace.objects, part, columns=columns))
        return rows.filter((pl.col("subject_id") == self.subject) & ~pl.col("canary"))

    @cached_property
    def corpora(self) -> dict[str, dict[str, Any]]:
        """By version: how many examples of theirs it holds, how many of them to learn from or held out; None where a part of their
        shard was deleted since, with somebody's erasure."""
        counted = {key: _split(self.examples(part)) for key, (part, _) in self.corpus_parts.items()}
        found = {}
        for version in self.versions:
            keys = [part.key for part in version.parts if part.shard == self.shard]
            known = all(key in counted for key in keys)
            total = sum((counted[key] for key in keys), Counter()) if known else None
            found[version.id] = {
                "corpus": version.id,
                "as_of": version.as_of.isoformat(),
                "examples": None if total is None else total["all"],
                "examples_to_learn_from": None if total is None else total["train"],
                "examples_held_out": None if total is None else total["heldout"],
            }
        return found

    def is_in(self, corpus_id: str) -> bool | None:
        """Whether a version holds examples of theirs; None where that can no longer be told."""
        examples = self.corpora.get(corpus_id, {}).get("examples")
        return None if examples is None else examples > 0


def access(
    workspace: Workspace, handle: str, subject_id: str, out: Path, *, now: datetime, tell: Tell
) -> dict[str, Any]:
    """Write the copy into `out`, a new or empty folder outside the workspace; returns counts and no words. Cut short, there is none.

    Raises SubjectErased, UsageError (also where the export does not say who this is).
    """
    with workspace.held():
        _refuse(workspace, handle, subject_id)
        check_shards(workspace)
        shard = workspace.keys.shard(subject_id, workspace.settings.corpus.shards)
        person, tally = _Person(workspace, subject_id, shard), _Tally()
        with private_folder(out, outside=workspace.root) as folder:
            turns = folder.lines("turns.jsonl", _turns(person, tally, tell))
            events = folder.lines("events.jsonl", _events(person, tally))
            signals = folder.lines("signals.jsonl", _signals(person))
            runs = _runs(person)
            folder.document("models.json", {"format": FORMAT, "runs": runs}, records=len(runs))
            files = [{**one.as_json(), "holds": NAMES[one.name]} for one in folder.files]
            index = _index(person, tally, now=now)
            folder.document("index.json", {**index, "files": files})
    return {
        "subject": subject_id,
        "turns": turns.records,
        "turns_said_by": dict(sorted(tally.said_by.items())),
        "events": events.records,
        "signals": signals.records,
        "runs": len(runs),
        "waiting_events": index["waiting"]["live_events"],
        "requests_open": tally.open_requests,
        "not_attributed": index["not_attributed"],
    }


def _refuse(workspace: Workspace, handle: str, subject_id: str) -> None:
    if workspace.vault.is_erased(subject_id) or not workspace.keys.has(subject_id):
        raise SubjectErased(
            "this person was erased: nothing about them is there any more but the erasure itself."
        )
    if names_nobody(handle) or names_nobody(workspace.vault.handle_of(subject_id) or ""):
        raise UsageError(
            "these words are of accounts that their exports do not name, so they may be several people's and are handed to "
            "nobody. Say whose each export is (`intake.accounts`), then ask again."
        )


# Turns


def _turns(person: _Person, tally: _Tally, tell: Tell) -> Iterator[dict[str, Any]]:
    parts = person.parts(TURNS)
    for number, part in enumerate(parts):
        tell("copying", number, len(parts))
        own = person.own(part)
        if own.height:
            yield from _turns_of(person, own.sort("conversation_id", "position", "row_id"), tally)
    tell("copying", len(parts), len(parts))


def _turns_of(person: _Person, own: pl.DataFrame, tally: _Tally) -> Iterator[dict[str, Any]]:
    ids = own.select("row_id")
    decisions, redacted, verdicts = (person.beside(n, ids) for n in (DECISIONS, REDACTED_TURNS, VERDICTS))
    uses = _uses(person, ids)
    texts = person.opened(own["row_id"].to_list(), own["text_sealed"].to_list())
    for row, text in zip(own.drop("text_sealed").iter_rows(named=True), texts, strict=True):
        turn = row["row_id"]
        decided = next(iter(decisions.get(turn, ())), None)
        said_by = "you" if row["speaker_id"] == person.subject else row["role"]
        tally.said_by[said_by] += 1
        if decided is not None:
            tally.decisions[decided["purpose"], decided["decision"], decided["basis"]] += 1
        yield {
            "turn": turn,
            "conversation": row["conversation_id"],
            "position": row["position"],
            "answers": row["parent_id"],
            "said_by": said_by,
            "time": _iso(row["occurred_at"]),
            "time_precision": row["time_precision"],
            "surface": row["surface"],
            "audience": row["audience"],
            "edited": row["edited"],
            "deleted": row["deleted"],
            "on_active_path": row["on_active_path"],
            "barred": row["barred"],
            "from_file_sha256": row["artifact"],
            "admitted_at": _iso(row["admitted_at"]),
            "text": text,
            "decision": None if decided is None else _decision(decided),
            "redaction": next((_redaction(one) for one in redacted.get(turn, ())), None),
            "verdicts": [_verdict(one) for one in verdicts.get(turn, ())],
            "examples": uses.get(turn, []),
        }


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("purpose", "decision", "basis", "rule", "reason", "place", "entry", "special")
    return {name: row[name] for name in names} | {"because": RIGHTS_REASONS.get(row["reason"], "")}


def _redaction(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("verdict", "reason", "kinds", "text")
    return {name: row[name] for name in names} | {"because": redaction.REASONS.get(row["reason"], "")}


def _verdict(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without its detail, which may name somebody else's turn."""
    names = ("stage", "version", "verdict", "reason")
    return {name: row[name] for name in names} | {"because": CURATION_REASONS.get(row["reason"], "")}


def _uses(person: _Person, ids: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The examples that these turns are in, in any version, by turn."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for part, versions in person.corpus_parts.values():
        rows = person.examples(part).explode("turns")
        for row in rows.join(ids, left_on="turns", right_on="row_id", how="semi").iter_rows(named=True):
            use = {name: row[name] for name in ("kind", "rule", "split")}
            known = found.setdefault(row["turns"], {}).setdefault(
                row["example_id"], {"example": row["example_id"], **use, "corpora": []}
            )
            known["corpora"] += [version for version in versions if version not in known["corpora"]]
    return {turn: list(examples.values()) for turn, examples in found.items()}


def _split(examples: pl.DataFrame) -> Counter[str]:
    """All examples, those that training reads, and those held out."""
    taught = examples.filter(pl.col("kind").is_in(TAUGHT) & (pl.col("split") == "train")).height
    heldout = examples.filter(pl.col("split") == "heldout").height
    return Counter(all=examples.height, train=taught, heldout=heldout)


# What they said


def _events(person: _Person, tally: _Tally) -> Iterator[dict[str, Any]]:
    workspace = person.workspace
    entries = workspace.projections.entries_of(person.subject)
    said, receipts = answers(workspace.ledger), _receipts(workspace, set(entries))
    for index in entries:
        entry = workspace.ledger.entry(index)
        kind = entry.kind.removeprefix("rights.")
        tally.events[kind] += 1
        tally.place = entry.body["place"] if kind == "place" else tally.place
        standing = standing_answer(said.get(index, ()))
        if kind == "access_request" and standing is None:
            tally.open_requests.append(index)
        opening, withheld = _opened(workspace, entry)
        yield {
            "entry": index,
            "at": entry.at.isoformat(),
            "kind": kind,
            "said": dict(entry.body),
            "opening": opening,
            "withheld": withheld,
            "answers": [
                {"entry": one.entry, "at": one.at.isoformat(), "outcome": one.outcome, "reason": one.reason}
                for one in said.get(index, ())
            ],
            "receipts": receipts.get(index, []),
        }


def _opened(workspace: Workspace, entry: Entry) -> tuple[dict[str, Any] | None, str | None]:
    """Salt and evidence behind the entry's commitment; not of a request that was recorded for several people, because it names
    each of them."""
    request = entry.body.get("request")
    kept = None if request is None else kept_request(workspace.database, request)
    if kept is not None and len(kept.entries) > 1:
        return None, "names_several_people"
    return opening_of(workspace, entry), None


def _receipts(workspace: Workspace, mine: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for entry in workspace.ledger.entries(kind=ISSUED):
        if entry.body["about"] in mine:
            found.setdefault(entry.body["about"], []).append(entry.body["receipt"])
    return found


def _signals(person: _Person) -> Iterator[dict[str, Any]]:
    for name, found_by in ((SIGNALS, "recorded"), (IMPLIED, "read_from_words")):
        for own in map(person.own, person.parts(name)):
            ids = own["signal_id"].to_list()
            redacted = person.beside(CORRECTIONS, own.select(pl.col("signal_id").alias("row_id")))
            texts = person.opened(ids, own["text_sealed"].to_list())
            for row, text in zip(own.iter_rows(named=True), texts, strict=True):
                yield {
                    "signal": row["signal_id"],
                    "turn": row["row_id"],
                    "conversation": row["conversation_id"],
                    "kind": row["kind"],
                    "value": None if row["value"] is None else json.loads(row["value"]),
                    "source_kind": row["source_kind"],
                    "found_by": found_by,
                    "rule": row["rule"],
                    "confidence": None if row["confidence"] is None else round(row["confidence"], 4),
                    "evidence_turn": row["evidence_row"],
                    "evidence_start": row["evidence_start"],
                    "evidence_end": row["evidence_end"],
                    "time": _iso(row["occurred_at"]),
                    "text": text,
                    "redaction": next((_redaction(one) for one in redacted.get(row["signal_id"], ())), None),
                }


# What was made of it


def _runs(person: _Person) -> list[dict[str, Any]]:
    """Runs whose corpus had examples of theirs to learn from, or may have had: where that can no longer be told, it is said."""
    workspace, folder = person.workspace, person.workspace.path(ADAPTERS)
    here = training.read_run(folder).id if (folder / "run.json").is_file() else None
    released: dict[str, list[dict[str, Any]]] = {}
    for entry in workspace.ledger.entries(kind=RELEASED):
        told = {name: entry.body.get(name) for name in ("open", "audience")}
        released.setdefault(entry.body["run"], []).append(
            {"entry": entry.index, "at": entry.at.isoformat(), **told}
        )
    found = []
    for entry in workspace.ledger.entries(kind=TRAINED):
        body = entry.body
        learned = person.corpora.get(body["corpus"], {}).get("examples_to_learn_from")
        if learned == 0:
            continue
        shard = next((one for one in body["shards"] if one["shard"] == person.shard), {})
        found.append(
            {
                "run": body["run"],
                "entry": entry.index,
                "at": entry.at.isoformat(),
                "corpus": body["corpus"],
                "examples_of_yours": learned,
                "base": body["base"],
                "shard": person.shard,
                "adapter_sha256": shard.get("adapter_sha256"),
                "merged_sha256": body["merged_sha256"],
                "still_here": body["run"] == here,
                "releases": released.get(body["run"], []),
            }
        )
    return found


def _exports(person: _Person) -> list[dict[str, Any]]:
    """Copies that were made of corpora with examples of theirs, or may have had some."""
    found = []
    for entry in person.workspace.ledger.entries(kind=EXPORTED):
        inside = person.is_in(entry.body["corpus"])
        if inside is not False:
            said = {"entry": entry.index, "at": entry.at.isoformat(), "corpus": entry.body["corpus"]}
            found.append(said | {"format": entry.body["format"], "yours_in_it": inside})
    return found


# The page at the front


def _index(person: _Person, tally: _Tally, *, now: datetime) -> dict[str, Any]:
    workspace, settings = person.workspace, person.workspace.settings
    stated = settings.receipts.model_dump(mode="json", exclude_none=True)
    waiting = workspace.spool.waiting_of(person.subject)
    held = locate(workspace.snapshots, workspace.objects, person.subject, shard=person.shard, names=OF_PEOPLE)
    return {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "ledger_entries": workspace.ledger.size(),
        "subject": person.subject,
        "handle": workspace.vault.handle_of(person.subject),
        "further_handles": workspace.vault.further_handles(person.subject),
        "controller": {"name": settings.controller, **stated},
        "law": {"place": tally.place, "pack": workspace.packs.jurisdiction_of(tally.place)},
        "purpose": settings.rights.purpose,
        "decisions": [
            {"purpose": purpose, "decision": decision, "basis": basis, "turns": count}
            for (purpose, decision, basis), count in sorted(tally.decisions.items())
        ],
        "turns_said_by": dict(sorted(tally.said_by.items())),
        "events_of_kind": dict(sorted(tally.events.items())),
        "rows_held": dict(held.rows),
        "corpora": [one for one in person.corpora.values() if one["examples"] != 0],
        "recipients": {
            "exports": _exports(person),
            "means": "copies of the training data that left; the ledger knows when, not to whom",
        },
        "retention": {
            "words_no_door_opens_to_days": settings.intake.retention_days,
            "consent_without_an_end_days": settings.rights.consent_days_max,
            "means": "words that may not be used are deleted that many days after they came; other words, and examples in "
            "versions of the corpus, stay until an erasure",
        },
        "automated_decisions": "rules decide which turns are used, as turns.jsonl says of each; no decision about you is recorded here",
        "source": "surface and from_file_sha256 of each turn",
        "rights": {
            "you_may": [{"do": what, "law": law} for what, law in RIGHTS],
            "means": "which of them you have depends on the law of your place, and the controller tells you",
        },
        "waiting": {
            "live_events": waiting,
            "means": "events about you that came live and were read by nobody yet; the next walk reads them, and a later copy has them",
        },
        "not_attributed": _not_attributed(workspace),
        "not_in_it": list(NOT_IN_IT),
        "controller_adds": list(TO_ADD),
    }


def _not_attributed(workspace: Workspace) -> dict[str, int]:
    """What is held and cannot be told to be anybody's."""
    nobody = sorted(nameless_of(workspace, surfaces_of(workspace)))
    shards = {one: workspace.keys.shard(one, workspace.settings.corpus.shards) for one in nobody}
    nameless = sum(
        int(
            pl.DataFrame(read_part(workspace.objects, part, columns=["subject_id"]))["subject_id"]
            .is_in(nobody)
            .sum()
        )
        for part in parts_of(workspace, TURNS)
        if part.shard in shards.values()
    )
    asked = pl.DataFrame(workspace.projections.events()).filter(pl.col("kind").is_in(REQUESTS))
    unlinked = known_by_a_claim_alone(workspace, asked["subject"].unique())
    left = {name: count for name, count in remaining(workspace).items() if name != "exports_made_before"}
    return left | {
        "turns_of_accounts_not_named": nameless,
        "requests_of_people_not_known": int(asked["subject"].is_in(sorted(unlinked)).sum()),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
