"""rights: record the log, then decide every turn from metadata alone. No word is opened here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from witting.engine import Stage
from witting.errors import UsageError
from witting.intake.account import UNKNOWN_ACCOUNT, names_nobody
from witting.intake.seal import all_parties
from witting.rights import decide as rights
from witting.rights.event_table import conform, micros
from witting.rights.record import read_events, record
from witting.rights.timeline import latest_assessment
from witting.schema import PARTIES
from witting.store.parts import Part, read_part, write_part
from witting.walk.admit import PEOPLE, TURNS, people_of
from witting.walk.consume import file_sha256
from witting.walk.step import FunnelRow, Step, described
from witting.walk.tally import plain, tally
from witting.workspace import Workspace

DECISIONS = "rights/decisions"
DECIDED = "rights.decided"
ASSESSED = "rights.assessment"
INPUT = [*rights.FACTS, "shard"]


def decide(step: Step) -> dict[str, Any]:
    """Permit or deny each turn for the workspace's purpose, as of its own time and as of this walk."""
    record_log(step)
    drop_stale_assessment(step.workspace, at=step.as_of, now=step.now)
    refuse_looking_past(step.workspace, step.as_of)  # the log may hold what was said since
    heard = step.workspace.projections.events().num_rows
    asked, nameless = _asked(step)
    stage = _stage(step, step.as_of, step.workspace.settings.rights.purpose, nameless)
    parts = step.engine.map(stage, asked, folder=DECISIONS, progress=step.told("deciding"))
    snapshot = step.commit(DECISIONS, parts, detail={"stage": described(stage)})
    said = tally(asked, parts, read=lambda part: read_part(step.workspace.objects, part))
    counts = said.turns
    entry = _told(step, snapshot.id, dict(counts), dict(sorted(said.bases.items())))
    permitted = counts.pop("permit", 0)
    read = permitted + counts.total()
    row = FunnelRow("rights", "turns", read=read, kept=permitted, refused=read - permitted, reasons=counts)
    return {
        "funnel": row.as_json(),
        "places": plain(said.places),
        "surfaces": plain(said.surfaces),
        "bases": dict(sorted(said.bases.items())),
        "people": dict(sorted(said.people.items())),
        "stages": [described(stage)],
        "entry": entry,
        "events_heard": heard,
    }


def refuse_looking_past(workspace: Workspace, as_of: datetime) -> None:
    """Raises UsageError where somebody has spoken after that moment: a withdrawal is never looked past."""
    said = workspace.projections.events().column("occurred_at").to_pylist()
    if any(moment > as_of for moment in said):
        raise UsageError(
            f"somebody has spoken since {as_of.isoformat()}. Walk again without --as-of, as of now."
        )


def _told(step: Step, snapshot: str, counts: dict[str, int], bases: dict[str, int]) -> int:
    """The ledger entry of these decisions: the one that is there, or a new one."""
    for entry in step.workspace.ledger.entries(kind=DECIDED):
        if entry.body["snapshot"] == snapshot:
            return entry.index
    body = {"purpose": step.workspace.settings.rights.purpose, "snapshot": snapshot, "decisions": counts}
    return step.workspace.ledger.append(
        DECIDED, body | {"bases": bases, "packs": step.workspace.packs.sha256s()}, now=step.now
    )


def decisions_of(step: Step, *, as_of: datetime, purpose: str) -> Iterable[pa.Table]:
    """Decide every turn again as of another moment, with the events known now. Nothing is committed."""
    asked, nameless = _asked(step)
    stage = _stage(step, as_of, purpose, nameless)
    return step.tables(step.engine.map(stage, asked, folder=step.scratch("rights-again")))


def turn_facts(workspace: Workspace) -> Iterator[pa.Table]:
    """TURN_FACTS of every turn, a part at a time."""
    people = pl.DataFrame(
        all_parties(read_part(workspace.objects, part) for part in parts_of(workspace, PEOPLE))
    )
    for part in parts_of(workspace, TURNS):
        yield with_parties(pl.DataFrame(read_part(workspace.objects, part, columns=INPUT)), people)


def surfaces_of(workspace: Workspace) -> set[str]:
    """Where the workspace's turns were written."""
    return {
        surface
        for part in parts_of(workspace, TURNS)
        for surface in read_part(workspace.objects, part, columns=["surface"])["surface"].unique().to_pylist()
    }


def parts_of(workspace: Workspace, snapshot: str) -> tuple[Part, ...]:
    """The parts of a named snapshot, none where nothing was committed yet."""
    current = workspace.snapshots.current(snapshot)
    return () if current is None else current.parts


def settings_sha256(workspace: Workspace) -> str:
    """Over everything an assessment of legitimate interest was made for: another setting is another processing."""
    settings, sections = workspace.settings, ("redaction", "curation", "corpus", "audit", "gate", "guard")
    said = {name: getattr(settings, name).model_dump(mode="json") for name in sections}
    said["rights"] = settings.rights.model_dump(mode="json", exclude={"log", "packs"})
    said["packs"] = workspace.packs.sha256s()
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def drop_stale_assessment(workspace: Workspace, *, at: datetime, now: datetime) -> None:
    """Where settings changed since the assessment that the door goes by, an entry after it that proves nothing: it shuts."""
    purpose, events = workspace.settings.rights.purpose, conform(workspace.projections.events())
    latest = latest_assessment(events.filter(pl.col("occurred_at") <= micros(at.astimezone(UTC))), purpose)
    bodies = [workspace.ledger.entry(entry).body for entry in latest["entry"]]
    present = settings_sha256(workspace)
    if all(not body.get("proofs") or body["settings_sha256"] == present for body in bodies):
        return
    body = {"occurred_at": at.astimezone(UTC).isoformat(timespec="microseconds"), "purposes": [purpose]}
    body |= {"safeguards": [], "because": "settings_changed"}
    workspace.ledger.append(ASSESSED, body, now=now)


def nameless_among(workspace: Workspace, subjects: Collection[str]) -> set[str]:
    """Those of these people whose export does not say who they are: nobody can consent for them."""
    return {one for one, handle in workspace.vault.handles_of(list(subjects)).items() if names_nobody(handle)}


def nameless_of(workspace: Workspace, surfaces: Collection[str]) -> set[str]:
    """The people whom exports of these surfaces mean that do not say whose they are."""
    nobody = (workspace.vault.find(f"{surface}:{UNKNOWN_ACCOUNT}") for surface in sorted(surfaces))
    return {subject for subject in nobody if subject is not None}


def _stage(step: Step, as_of: datetime, purpose: str, nameless: Collection[str]) -> Stage:
    return rights.stage(
        step.workspace.projections.events(),
        purpose=purpose,
        as_of=as_of,
        packs=step.workspace.packs,
        consent_days_max=step.workspace.settings.rights.consent_days_max,
        nameless=nameless,
    )


def _asked(step: Step) -> tuple[list[Part], set[str]]:
    """What is to be decided; and the subject of each surface's exports that do not say whose they are."""
    people, surfaces = pl.DataFrame(people_of(step)), set()
    asked = []
    for part in step.parts(TURNS):
        turns = pl.DataFrame(read_part(step.workspace.objects, part, columns=INPUT))
        surfaces |= set(turns["surface"].unique())
        table = with_parties(turns, people)
        asked.append(
            write_part(step.workspace.objects, table, folder=step.scratch("rights"), shard=part.shard)
        )
    return asked, nameless_of(step.workspace, surfaces)


def record_log(step: Step) -> None:
    """Put the configured rights log into the ledger. A log inside the workspace is consumed, because it names people;
    one that grew while it was read stays, and the next walk records the rest."""
    name = step.workspace.settings.rights.log
    if name is None:
        return
    path = step.workspace.path(name)
    if not path.exists():
        return  # consumed by an earlier walk
    before = file_sha256(path)
    record(
        read_events(path, now=step.now),
        vault=step.workspace.vault,
        ledger=step.workspace.ledger,
        packs=step.workspace.packs,
        now=step.now,
        notices=step.workspace.notices.holds,
    )
    if (
        step.workspace.settings.intake.consume_inbox
        and not Path(name).is_absolute()
        and ".." not in Path(name).parts
        and file_sha256(path) == before
    ):
        path.unlink()


def with_parties(turns: pl.DataFrame, people: pl.DataFrame) -> pa.Table:
    """The metadata rights needs (INPUT), with the people of each conversation beside it."""
    joined = turns.join(people, on="conversation_id", how="left", maintain_order="left").to_arrow()
    return joined.cast(pa.schema([*(joined.schema.field(n) for n in INPUT), PARTIES.field("parties")]))
