"""`witting rights whatif`: what would fall if the law, or what we ask of a consent, were another."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from witting.doors.cli.screen import DEFAULT, Common, folded, now, progress, show, table
from witting.errors import UsageError
from witting.reports.whatif import chart
from witting.rights.policy import Packs, load_packs
from witting.rights.reasons import REASONS
from witting.rights.whatif import Change
from witting.walk.whatif import whatif as ask
from witting.workspace import Workspace


def whatif(
    *,
    without: Literal["legitimate_interest"] | None = None,
    require: Literal["valid"] | None = None,
    pack: Annotated[tuple[Path, ...], Parameter(negative="")] = (),
    within: Annotated[str | None, Parameter(name="--in")] = None,
    since: Annotated[date | None, Parameter(name="--from")] = None,
    out: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """What would fall in another world: every turn is decided again, and nothing is changed.

    Parameters
    ----------
    without
        Without this legal basis.
    require
        Nothing but valid consents: each is judged again by the law of that day, and there is no legitimate interest.
    pack
        With this policy pack, beside ours or instead of one of the same jurisdiction; may be given several times.
    within
        --without and --require only in this place (FR, US-CA) or pack (eu).
    since
        From this day on, and decided as of it: dated rules, waiting times and consents that run out count.
    out
        Draw what falls, as SVG.
    """
    change = Change(
        without_interest=without is not None, require_valid=require is not None, within=within, since=since
    )
    _refuse_nothing(change, pack)
    if out is not None and not out.resolve().parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} to write {out.name} to.")
    workspace = Workspace.open(common.workspace)
    packs = load_packs([*(workspace.root / name for name in workspace.settings.rights.packs), *pack])
    with progress(common) as tell:
        answer = ask(workspace, change, packs=packs, now=now(), tell=tell)
    differing = _differing(workspace.packs, packs)
    said: dict[str, Any] = {
        "without": without,
        "require": require,
        "in": within,
        "from": since and since.isoformat(),
        "packs": differing,
        **answer,
    }
    question = _question(said)
    if out is not None:
        out.write_text(chart(answer, question=question), "utf-8")
    show(common, said, lambda: _page(said, question))
    return 0


def _refuse_nothing(change: Change, pack: tuple[Path, ...]) -> None:
    changes = change.without_interest or change.require_valid
    if change.within is not None and not changes:
        raise UsageError(
            "--in says where --without or --require holds; give one of them. A pack names its own places."
        )
    if not (changes or pack or change.since):
        raise UsageError("say what is otherwise: --without, --require, --pack or --from.")


def _differing(ours: Packs, theirs: Packs) -> list[str]:
    return sorted(name for name, digest in theirs.digests.items() if ours.digests.get(name) != digest)


def _question(said: dict[str, Any]) -> str:
    parts = []
    if said["without"]:
        parts.append("without legitimate interest")
    if said["require"]:
        parts.append("with nothing but valid consents, judged again")
    if said["in"]:
        parts.append(f"in {said['in']}")
    if said["packs"]:
        parts.append(f"with other rules for {', '.join(said['packs'])}")
    if said["from"]:
        parts.append(f"from {said['from']} on")
    return f"What if: {', '.join(parts)}."


def _page(said: dict[str, Any], question: str) -> str:
    lines = [
        f"{question} Purpose {said['purpose']}; decided as of {said['decided_then']}.",
        "",
        table(_counts(said), head=("", "now", "falls", "stays")),
        "",
    ]
    turns, people, cost = said["turns"], said["people"], said["retraining"]
    lines += [
        f"{people['touched']:,} people lose at least one turn. {turns['opens']:,} other turns would open."
    ]
    if said["examples"]["forbidden_already"]:
        lines.append(
            f"{said['examples']['forbidden_already']:,} examples are forbidden now already, whatever is changed: the next walk "
            "drops them."
        )
    if turns["falls_anyway"]:
        lines.append(f"Of the turns that fall, {turns['falls_anyway']:,} fall by that day in any case.")
    for reason, rules in said["reasons"].items():
        named = ", ".join(f"{rule} {count:,}" for rule, count in sorted(rules.items()))
        lines.append(f"  {reason} ({named}): {REASONS[reason]}")
    for law, counts in said["laws"].items():
        if counts["falls"]:
            lines.append(f"  law {law}: {counts['falls']:,} of {counts['now']:,} turns fall")
    lines.append(_cost(said["adapters"], cost))
    if said["release"] is not None and said["release"]["falls"]:
        lines.append(f"The release of ledger entry {said['release']['entry']} could not be served as it is.")
    lines.append("Nothing was changed.")
    return "\n".join(folded(line) for line in lines)


def _counts(said: dict[str, Any]) -> list[tuple[str, ...]]:
    rows = [(name, said[name]) for name in ("turns", "people", "examples", "words")]
    if said["tokens_estimate"] is not None:
        rows.append(("tokens (estimate)", said["tokens_estimate"]))
    versions = said["corpora"]
    falling = sum(one["falls"] for one in versions)
    rows.append(("corpora", {"now": len(versions), "falls": falling, "stays": len(versions) - falling}))
    kept = sum(one["then"] == "kept" for one in said["adapters"])
    count = len(said["adapters"])
    rows.append(("adapters", {"now": count, "falls": count - kept, "stays": kept}))
    return [(name, *(f"{counts[column]:,}" for column in ("now", "falls", "stays"))) for name, counts in rows]


def _cost(adapters: list[dict[str, Any]], cost: dict[str, Any]) -> str:
    if not adapters:
        return "No adapter was trained here: nothing to train again."
    if not cost["shards"] and not cost["removed"]:
        return "No adapter learned from what falls: nothing to train again."
    said = []
    if cost["shards"]:
        shards = ", ".join(str(shard) for shard in cost["shards"])
        said.append(
            f"shards {shards} are trained again: {cost['steps']:,} steps, {cost['seconds']:,.1f} s as the last run "
            "recorded, then audit and gate"
        )
    if cost["removed"]:
        said.append(f"of shards {', '.join(str(shard) for shard in cost['removed'])} nothing is left")
    return f"Cost: {'; '.join(said)}."
