"""`witting rights …`: what people said, and what it opens."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from witting.config import CONFIG_NAME
from witting.doors.cli.screen import DEFAULT, Common, folded, now, show, table
from witting.errors import InputError, UnknownPurpose, UsageError
from witting.intake import SOURCES
from witting.rights.claims import canonical, is_claim
from witting.rights.evidence import judge as judge_evidence
from witting.rights.explain import Explanation
from witting.rights.explain import explain as explain_turn
from witting.rights.record import RightsEvent, read_events
from witting.rights.record import record as record_events
from witting.rights.signature import is_signed, read_key
from witting.rights.standing import standing as standing_of
from witting.schema import PURPOSES
from witting.walk.decide import nameless_among, surfaces_of
from witting.walk.find import find_person, find_turn, turns_by_outcome
from witting.workspace import Workspace

EVIDENCE_BYTES_MAX = 1 << 20
LISTED_MAX = 3  # names of a list on the page
ENTRY_SHOWN = (
    "occurred_at", "verdict", "score", "profile", "failed", "place", "age", "purposes", "valid_from", "expires_at", "special",
    "signal", "notice_sha256", "safeguards",
)  # fmt: skip
CLAIM_FORMS = "a claim is email:ana@example.org, phone:+5511912345678 (E.164) or name:Ana Souza."


def record(
    events: Path,
    /,
    *,
    format_: Annotated[Literal["witting", "kantara"], Parameter(name="--format")] = "witting",
    purposes: Path | None = None,
    signed_by: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Record a log of rights events. All of it or, if one line is wrong, none of it.

    Parameters
    ----------
    events
        JSON lines, docs/formats/rights-events.md; or Kantara consent receipts.
    format_
        witting, or kantara: Consent Receipts 1.1 as JSON, JSON lines or signed (JWT).
    purposes
        For kantara: a TOML that maps their free texts to purposes, docs/receipts.md.
    signed_by
        For kantara: every receipt must be signed by this public key (PEM).
    """
    if not events.is_file():
        raise UsageError(f"there is no file {events}.")
    if (format_ == "kantara") != (purposes is not None) or (signed_by is not None and format_ != "kantara"):
        raise UsageError("--purposes goes with --format kantara, always; --signed-by only there.")
    workspace = Workspace.open(common.workspace)
    at = now()
    if purposes is not None:
        return _kantara(workspace, events, purposes, signed_by, at, common)
    report = _record(workspace, read_events(events, now=at), at)
    show(common, report, lambda: "\n".join(f"{name}: {count}" for name, count in report.items()))
    return 0


def _kantara(
    workspace: Workspace, receipts: Path, purposes: Path, key: Path | None, at: datetime, common: Common
) -> int:
    """Exit code 1 where something was left out: nobody should take it for done."""
    from witting.rights.kantara import read_kantara, read_mapping

    reading = read_kantara(receipts, mapped=read_mapping(purposes), key=key, now=at)
    said = {**_record(workspace, reading.events, at), **reading.as_json()}
    lines = [f"{name}: {value}" for name, value in said.items()]
    if set(said["verdicts"]) - {"valid"}:
        lines.append(
            "A receipt does not show how a consent was asked for, so these are recorded as given and open nothing. "
            "Ask those people again (witting rights notice)."
        )
    show(common, said, lambda: "\n".join(lines))
    return 1 if reading.left else 0


def object_(handle: str, /, *, purpose: str | None = None, common: Common = DEFAULT) -> int:
    """Record an objection. It needs no reason and works for people unknown here, too.

    Parameters
    ----------
    handle
        The person, as source:name, e.g. "whatsapp:Ana Souza"; or as email:, phone: or name: and what they go by.
    purpose
        Only for this purpose; without it, for all.
    """
    return _say("objection", handle, purpose, common)


def withdraw(handle: str, /, *, purpose: str | None = None, common: Common = DEFAULT) -> int:
    """Record a withdrawal of consent. From now on no corpus uses the person's words.

    Parameters
    ----------
    handle
        The person, as source:name.
    purpose
        Only for this purpose; without it, for all.
    """
    return _say("withdrawal", handle, purpose, common)


def standing(handle: str, /, *, common: Common = DEFAULT) -> int:
    """What a person has said and what it opens now.

    Parameters
    ----------
    handle
        The person, as source:name.
    """
    workspace = Workspace.open(common.workspace)
    subject = find_person(workspace, handle)
    rows = standing_of(workspace.projections.events(), subject, as_of=now(), **_rules(workspace, [subject]))
    head = ("purpose", "basis", "open", "since", "until", "reason")
    show(
        common,
        {"standing": rows},
        lambda: (
            table([tuple(str(row.get(name) or "-") for name in head) for row in rows], head=head)
            if rows
            else "Nothing was ever said: nothing is open."
        ),
    )
    return 0


def judge(
    evidence: Path | None = None,
    /,
    *,
    profile: Literal["gdpr", "ccpa", "dpdp", "coppa", "global_floor"] = "gdpr",
    signed_by: Path | None = None,
    page: str | None = None,
    language: str | None = None,
    viewport: Literal["desktop", "phone", "both"] = "both",
    browser: Path | None = None,
    page_seconds: float = 30.0,
    out: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Is this consent informed? Judges a record, or the screen that asks. Exit code 0 when valid, 1 when weak or invalid.

    Parameters
    ----------
    evidence
        A JSON file, docs/formats/evidence.md. With --page it gives what a page cannot show.
    profile
        Whose rules.
    signed_by
        Strict: the record must be signed by this Ed25519 public key (PEM). Not together with --page.
    page
        Address or HTML file of the screen that asks: opened in Chromium, and really answered yes, no and withdrawn.
    language
        The language the person uses, as BCP 47: what the browser asks for, what the notice is held to.
    viewport
        The size of the window: desktop, phone or both.
    browser
        The Chromium to use; else WITTING_CHROMIUM, else by well-known names.
    page_seconds
        How long one load of the page may take.
    out
        A new folder for screenshots, the filled record and the report, with their hashes.
    """
    known = _json_object(evidence) if evidence is not None else None
    if page is not None:
        if signed_by is not None:
            raise UsageError(
                "--signed-by checks a record as it is; what --page fills in was signed by nobody."
            )
        from witting.rights.page.judge import judge_page, page_of

        report = judge_page(
            page,
            profile=profile,
            now=now(),
            known=known,
            language=language,
            viewports=("desktop", "phone") if viewport == "both" else (viewport,),
            executable=browser,
            page_seconds=page_seconds,
            out=out,
        )
        show(common, report.as_json(), lambda: page_of(report))
        return 0 if report.judgement.verdict == "valid" else 1
    if known is None:
        raise UsageError("name a record to judge (a JSON file), a page that asks (--page), or both.")
    signed = None if signed_by is None else is_signed(known, read_key(signed_by))
    notices = _notice_store(common)
    judgement = judge_evidence(known, profile=profile, now=now(), signed=signed, notices=notices)
    said = judgement.as_json()
    show(common, said, lambda: _judgement(said))
    return 0 if said["verdict"] == "valid" else 1


def explain(turn: str, /, *, common: Common = DEFAULT) -> int:
    """Why one turn may or may not be used: every rule asked, what it saw, what it answered.

    Parameters
    ----------
    turn
        A row id; or a person's handle, which lists theirs.
    """
    workspace = Workspace.open(common.workspace)
    if ":" in turn:
        return _turns_of(workspace, turn, common)
    row = find_turn(workspace, turn)
    if row is None:
        raise UsageError(
            "no turn of that id is known here. `witting rights explain HANDLE` lists a person's."
        )
    found = explain_turn(
        row,
        workspace.projections.events(),
        purpose=workspace.settings.rights.purpose,
        as_of=now(),
        **_rules(workspace, [row["subject_id"], *(row.get("parties") or [])]),
    )
    entries = [_entry(workspace, index) for index in found.entries]
    show(common, found.as_json() | {"entries": entries}, lambda: _explained(found, entries))
    return 0


def _turns_of(workspace: Workspace, handle: str, common: Common) -> int:
    """The ids to ask about."""
    turns = turns_by_outcome(workspace, find_person(workspace, handle))
    lines = [
        line
        for outcome, ids in turns.items()
        for line in (f"{len(ids)} turns: {outcome}", *(f"  {i}" for i in ids))
    ]
    page = "\n".join(lines) or "No turn of this person was decided on yet: `witting run --until rights`."
    show(common, {"turns": turns}, lambda: page)
    return 0


def _explained(found: Explanation, entries: list[dict[str, Any]]) -> str:
    """One screen: long lists are cut here, and whole in the JSON."""
    rows: list[tuple[str, ...]] = [(one.rule, one.answer, _short(one.saw)) for one in found.asked]
    lines = [
        f"{found.decision.upper()}, {found.reason}: turn {found.turn} for {found.purpose}",
        found.because,
        "",
        *table(rows, head=("rule asked", "answer", "saw")).splitlines(),
        "",
        found.law,
        f"Decided by {found.rule}. {found.plain}",
    ]
    for entry in entries:
        said = ", ".join(
            f"{name} {_plain(name, entry[name])}" for name in ENTRY_SHOWN if entry.get(name) not in (None, [])
        )
        lines.append(f"Entry {entry['entry']}: {entry['kind']}; {said}.")
    lines += [f"Would change it: {sentence}" for sentence in found.would_change]
    return "\n".join(map(folded, lines))


def _short(saw: str) -> str:
    """Only a list in brackets is cut."""
    before, bracket, names = saw.partition(" (")
    listed = names.removesuffix(")").split(", ")
    if not bracket or len(listed) <= LISTED_MAX:
        return saw
    return f"{before} ({', '.join(listed[:LISTED_MAX])} and {len(listed) - LISTED_MAX} more)"


def _plain(name: str, value: Any) -> str:  # Any: JSON
    if isinstance(value, list):
        return " ".join(map(str, value))
    return (
        str(value)[:16]
        if name in ("occurred_at", "valid_from", "expires_at", "notice_sha256")
        else str(value)
    )


def _entry(workspace: Workspace, index: int) -> dict[str, Any]:
    """What a ledger entry says: dates, verdicts and rules; it never held words."""
    entry = workspace.ledger.entry(index)
    return {"entry": index, "kind": entry.kind.removeprefix("rights.")} | {
        name: entry.body[name] for name in ENTRY_SHOWN if name in entry.body
    }


def _rules(workspace: Workspace, people: list[str]) -> dict[str, Any]:
    """What the walk decides by, so that these answers are its answers."""
    return {
        "packs": workspace.packs,
        "consent_days_max": workspace.settings.rights.consent_days_max,
        "nameless": nameless_among(workspace, people),
    }


def _say(kind: str, handle: str, purpose: str | None, common: Common) -> int:
    workspace = Workspace.open(common.workspace)
    source = handle.partition(":")[0]
    if is_claim(handle):
        claimed = canonical(handle)
        if claimed is None:
            raise UsageError(CLAIM_FORMS)
        handle = claimed
    known = workspace.vault.find(handle) is not None
    if not (known or is_claim(handle) or source in _sources(workspace)) or source == handle:
        raise UsageError(
            f"a handle is source:name, and the sources here are {', '.join(_sources(workspace))}. Somebody of another one is "
            "told of in a log (`witting rights record`) or as a live event."
        )
    if purpose is not None and purpose not in PURPOSES:
        raise UnknownPurpose(f"That purpose is not known; choose one of {', '.join(PURPOSES)}.")
    at = now()
    event = RightsEvent(
        kind=kind, subject=handle, purposes=() if purpose is None else (purpose,), occurred_at=at
    )
    report = _record(workspace, [event], at)
    show(common, report | {"known": known}, lambda: f"Recorded: {kind}. {_meaning(known)}")
    return 0


def _sources(workspace: Workspace) -> list[str]:
    """The sources there are, and the surfaces of the workspace's own turns."""
    return sorted({source.name for source in SOURCES} | surfaces_of(workspace))


def _meaning(known: bool) -> str:
    if known:
        return (
            "It holds from now on. `witting run` makes a corpus and an adapter without this person's words."
        )
    return "NOBODY is known by that handle here. It will hold for whoever comes under it; check its spelling."


def _record(workspace: Workspace, events: Any, at: datetime) -> dict[str, Any]:
    done = record_events(
        events,
        vault=workspace.vault,
        ledger=workspace.ledger,
        packs=workspace.packs,
        now=at,
        notices=workspace.notices.holds,
    )
    return done.as_json()


def _notice_store(common: Common) -> Callable[[str], bool] | None:
    """Of the workspace, where there is one: a record is judged without one, too."""
    if not (common.workspace / CONFIG_NAME).is_file():
        return None
    return Workspace.open(common.workspace).notices.holds


def _json_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    if path.stat().st_size > EVIDENCE_BYTES_MAX:
        raise InputError(f"{path} is larger than {EVIDENCE_BYTES_MAX} bytes; an evidence record is a page.")
    try:
        value = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON in UTF-8: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds a {type(value).__name__}; an evidence record is one JSON object.")
    return value


def _judgement(said: dict[str, Any]) -> str:
    lines = [
        f"{said['verdict']} (profile {said['profile']}; {said['score']} of 100 for how it was asked, beside the hard rules)"
    ]
    lines += [f"  {f['rule']} [{f['field']}]: {f['remedy']} ({f['source']})" for f in said["failed"]]
    return "\n".join(lines)
