"""`witting rights receipt`: what a person said, signed and proven, to hand to them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from witting.doors.cli.outputs import private_folder, write_private
from witting.doors.cli.screen import DEFAULT, Common, now, progress, show
from witting.errors import UsageError
from witting.reports.receipts import KINDS, MANDATORY
from witting.walk.find import find_person
from witting.walk.receipts import Desk, Issued, abouts_of, abouts_of_all, opening_of
from witting.workspace import Workspace

WAY_OUT = {  # how a missing field is stated
    "privacy_notice": "record the notice that was shown (witting rights notice FACTS --record) and its hash in the event",
    "language": "record the notice that was shown, or notice.lang in the evidence",
    "purpose": "the event names no purpose, so there is nothing it can be about",
    "pii_information": "record the notice that was shown: its facts say which data",
    "storage_locations": "record the notice that was shown: its facts say where data is stored",
    "retention_period": "record the notice that was shown: its facts say for how long",
    "jurisdiction": "record a place event of the person, or jurisdiction in the evidence",
    "recipient_third_parties": "record the notice that was shown, or recipients in the evidence ([] for none)",
    "withdrawal_method": "state receipts.withdrawal_url in witting.toml",
    "party_name": "state controller in witting.toml",
    "party_address": "state receipts.controller_address and receipts.controller_country in witting.toml",
    "party_contact": "state receipts.controller_contact, controller_email, controller_phone or controller_url in witting.toml",
}
assert set(WAY_OUT) == set(MANDATORY)


def receipt(
    handle: str | None = None,
    /,
    *,
    entry: int | None = None,
    kind: Annotated[
        list[Literal["consent", "refusal", "withdrawal", "objection", "signal"]] | None,
        Parameter(negative=""),
    ] = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    since: int | None = None,
    evidence: Path | None = None,
    format_: Annotated[Literal["dpv", "kantara"], Parameter(name="--format")] = "dpv",
    common: Common = DEFAULT,
) -> int:
    """Issue receipts of what a person said. Exit code 1 if a mandatory field of one was stated by nobody.

    Parameters
    ----------
    handle
        The person, as source:name.
    entry
        Only of this ledger entry.
    kind
        Only of this kind: consent, refusal, withdrawal, objection or signal; may be given several times.
    all_
        Of everybody, instead of one person.
    since
        With --all: only of ledger entries from this one on.
    evidence
        A folder outside the workspace: also open the sealed evidence of each into it, for the person alone.
    format_
        kantara: also write each in Kantara's Consent Receipt 1.1, which knows valid consents only.
    """
    if (handle is None) != all_:
        raise UsageError("name a person (source:name), or say --all for everybody; not both.")
    if all_ and (entry is not None or evidence is not None or format_ != "dpv"):
        raise UsageError("--entry, --evidence and --format are for one person.")
    if since is not None and not all_:
        raise UsageError("--since is for --all; name one entry of a person with --entry.")
    workspace = Workspace.open(common.workspace)
    kinds = tuple(kind or KINDS)
    folder = None if evidence is None else _outside(evidence, workspace)
    desk = Desk(workspace, now())
    if handle is None:
        return _everybody(desk, kinds, since or 0, common)
    abouts = abouts_of(desk, find_person(workspace, handle), kinds=kinds, entry=entry)
    if entry is not None and not abouts:
        raise UsageError(
            f"entry {entry} holds nothing of this person that a receipt is given of{' in that kind' if kind else ''}. Leave "
            "--entry away to get all there are."
        )
    issued = list(desk.issue(abouts))
    opened = [] if folder is None else list(_open(workspace, issued, folder))
    kantara = {one.about.entry.index: desk.kantara(one) for one in issued} if format_ == "kantara" else {}
    said = {
        "receipts": [_as_json(one, workspace) for one in issued],
        "evidence": [str(path) for path in opened],
        "kantara": [
            {"entry": entry, "path": _inside(path, workspace), "problems": list(problems)}
            for entry, (path, problems) in kantara.items()
        ],
    }
    show(common, said, lambda: "\n".join([_page(issued, opened, workspace), *_kantara(kantara, workspace)]))
    gaps = any(one.receipt.incomplete for one in issued) or any(problems for _, problems in kantara.values())
    return 1 if gaps else 0


def _everybody(desk: Desk, kinds: tuple[str, ...], since: int, common: Common) -> int:
    counts: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    with progress(common) as tell:
        for one in desk.issue(abouts_of_all(desk, kinds=kinds, since=since)):
            counts["issued" if one.new else "again"] += 1
            counts["incomplete"] += bool(one.receipt.incomplete)
            missing.update(one.receipt.incomplete)
            tell("receipts", counts.total() - counts["incomplete"], 0)
    said = {name: counts[name] for name in ("issued", "again", "incomplete")}
    lines = [f"{name}: {count}" for name, count in said.items()]
    show(
        common,
        said | {"missing": dict(sorted(missing.items()))},
        lambda: "\n".join([*lines, *_ways_out(missing)]),
    )
    return 1 if counts["incomplete"] else 0


def _outside(folder: Path, workspace: Workspace) -> Path:
    """Opened evidence lies in the clear, so never where an erasure could not be sure to find it."""
    if folder.resolve().is_relative_to(workspace.root.resolve()):
        raise UsageError(
            "--evidence must be a folder outside the workspace: what is opened lies there in the clear."
        )
    return private_folder(folder)


def _open(workspace: Workspace, issued: Iterable[Issued], folder: Path) -> Iterator[Path]:
    for one in issued:
        entry = one.about.entry
        opening = opening_of(workspace, entry)
        if opening is not None:
            said = {"commitment": entry.body["evidence_commitment"], **opening}
            path = folder / f"{one.receipt.id}.evidence.json"
            write_private(path, (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode())
            yield path


def _as_json(one: Issued, workspace: Workspace) -> dict[str, Any]:
    return {
        "receipt": one.receipt.id,
        "path": _inside(one.path, workspace),
        "entry": one.about.entry.index,
        "kind": one.about.kind,
        "state": one.receipt.state,
        "incomplete": list(one.receipt.incomplete),
        "new": one.new,
        "later": list(one.later),
    }


def _page(issued: list[Issued], opened: list[Path], workspace: Workspace) -> str:
    if not issued:
        return "Nothing was said that a receipt could be given of."
    lines = []
    for one in issued:
        lines.append(
            f"entry {one.about.entry.index}, {one.about.kind}: {one.receipt.state.replace('_', ' ')}"
            f"{'' if one.new else ' (issued before)'}"
        )
        lines.append(f"  {_inside(one.path, workspace)}, proof of the entry beside it as .tlog-proof")
        if one.later:
            lines.append(f"  said since, with receipts of their own: {', '.join(map(str, one.later))}")
        if one.receipt.incomplete:
            lines.append(f"  INCOMPLETE: {', '.join(one.receipt.incomplete)}")
    lines += _ways_out({name for one in issued for name in one.receipt.incomplete})
    lines += [f"Evidence, opened for the person alone: {path}" for path in opened]
    return "\n".join([*lines, "Check one offline: witting verify FILE, or verify/witting_verify.py FILE."])


def _inside(path: Path | None, workspace: Workspace) -> str | None:
    return None if path is None else str(path.relative_to(workspace.root))


def _kantara(written: Mapping[int, tuple[Path | None, tuple[str, ...]]], workspace: Workspace) -> list[str]:
    return [
        f"entry {entry}, Kantara: {_inside(path, workspace) or 'NOT WRITTEN: ' + '; '.join(problems)}"
        for entry, (path, problems) in written.items()
    ]


def _ways_out(missing: Iterable[str]) -> list[str]:
    wanted = set(missing)
    return [f"Missing {name}: {way}." for name, way in WAY_OUT.items() if name in wanted]
