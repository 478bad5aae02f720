"""How often is each rule over people's words right? python bench/implied_signals.py [--write]

Runs the rules over `tests/intake/labelled/` and prints precision and recall with exact 95 % intervals (Clopper-Pearson), by
rule and set, and by rule and language on the held-out people. `--write` puts the tables into docs/signals.md and the
counts beside the rules (`implied/measured.toml`), where curation reads whether a rule may write a label.

Claim it carries: the table in docs/signals.md. No product publishes such figures, so no peer stands beside it. Intervals
take turns as independent; a person has about ten, so they are somewhat too narrow.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from witting.audit.interval import clopper_pearson
from witting.intake.implied import RULE_OF, read_exchange

ROOT = Path(__file__).resolve().parents[1]
LABELLED = ROOT / "tests" / "intake" / "labelled"
MEASURED = ROOT / "src" / "witting" / "intake" / "implied" / "measured.toml"
PAGE = ROOT / "docs" / "signals.md"
SETS = ("tune", "held_out", "real")
UNTUNED = ("held_out", "real")
KINDS = ("objected", "thanked", "rephrased", "continued")
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"

Row = Mapping[str, Any]  # Any: a labelled turn, JSON


@dataclass(frozen=True)
class Score:
    """Of `said` findings `right` were; of `there` labels as many were found."""

    right: int
    said: int
    there: int


def labelled(name: str) -> list[Row]:
    return [json.loads(line) for line in (LABELLED / f"{name}.jsonl").read_text("utf-8").splitlines()]


def score(rows: Iterable[Row]) -> dict[str, Score]:
    """By kind."""
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for row in rows:
        found = {reading.kind for reading in read_exchange(row["prompt"], row["answer"], row["text"])}
        true = set(row["labels"])
        right.update(found & true)
        said.update(found)
        there.update(true)
    return {kind: Score(right[kind], said[kind], there[kind]) for kind in KINDS}


def tables() -> str:
    """Markdown: by set, then by language."""
    sets = {name: labelled(name) for name in SETS}
    by_set = {name: score(rows) for name, rows in sets.items()}
    lines = ["| rule | set | turns | precision | 95 % | recall | 95 % |", "|---|---|---|---|---|---|---|"]
    for kind in KINDS:
        for name in SETS:
            one = by_set[name][kind]
            cells = (*_share(one.right, one.said), *_share(one.right, one.there))
            lines.append(f"| `{RULE_OF[kind]}` | {name} | {len(sets[name])} | {' | '.join(cells)} |")
    lines += ["", _by_language(sets["held_out"])]
    return "\n".join(lines) + "\n"


def _by_language(rows: list[Row]) -> str:
    languages = sorted({row["language"] for row in rows})
    head = " | ".join(f"{kind} precision | recall" for kind in KINDS)
    lines = [f"| held_out | turns | {head} |", "|---" * (2 + 2 * len(KINDS)) + "|"]
    for language in languages:
        own = [row for row in rows if row["language"] == language]
        found = score(own)
        cells = [f"{f.right}/{f.said} | {f.right}/{f.there}" for f in (found[kind] for kind in KINDS)]
        lines.append(f"| {language} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _share(hits: int, of: int) -> tuple[str, str]:
    if not of:
        return "0 of 0", "none"
    share = clopper_pearson(hits, of)
    return f"{hits / of:.2f} ({hits} of {of})", f"{share.low:.2f} to {share.high:.2f}"


def counts() -> str:
    """TOML: what curation reads."""
    lines = [
        "# Written by bench/implied_signals.py --write: on turns the rules were not made on (docs/signals.md)."
    ]
    scores = {name: score(labelled(name)) for name in UNTUNED}
    for kind in KINDS:
        lines += ["", f'["{RULE_OF[kind]}"]']
        for name in UNTUNED:
            one = scores[name][kind]
            lines.append(f"{name} = {{ right = {one.right}, said = {one.said} }}")
    return "\n".join(lines) + "\n"


def with_tables(page: str) -> str:
    """The page with the measured tables in their place."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + tables() + "\n" + END + rest.partition(END)[2]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="into docs/signals.md and implied/measured.toml")
    if parser.parse_args().write:
        MEASURED.write_text(counts(), "utf-8")
        PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
    print(tables())


if __name__ == "__main__":
    main()
