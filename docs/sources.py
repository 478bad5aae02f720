"""Writes docs/sources.md from the facts of every source: python docs/sources.py

Covers: what each source reads, its audience rule, who speaks, who the exporter is, its clock, its dated terms. Not
covered: how a format is read (docs/intake.md and the pages it names).
"""

from __future__ import annotations

from pathlib import Path

from witting.intake import SOURCES
from witting.intake.facts import Facts, all_facts

PAGE = Path(__file__).resolve().parent / "sources.md"
HEAD = """# Sources

Every source that `witting intake` reads, from the records beside their readers (`src/witting/intake/*/sources.toml`); written
by `docs/sources.py`, and a test holds it to them. `witting intake sources` prints the same. Terms bind before privacy law:
rights refuses a purpose that the terms in force do not name ([rights](rights.md)). "Not read" means that nobody of us has
read the terms themselves: check them before you train. Nobody can consent for `unknown-account`:
[name the account](intake.md#whose-export-it-is).
"""


def page() -> str:
    """The page as it should be."""
    names = [*(source.name for source in SOURCES), "table"]
    return HEAD + "".join(_section(name, all_facts()[name]) for name in names)


def _section(name: str, facts: Facts) -> str:
    rows = {
        "reads": facts.reads,
        "audience": facts.audience,
        "who speaks": facts.speakers,
        "exporter": facts.exporter,
        "clock": facts.clock,
    }
    lines = [f"\n## {name}: {facts.title}\n", "\n| | |\n|---|---|\n"]
    lines += [f"| {what} | {said} |\n" for what, said in rows.items()]
    for term in facts.terms:
        read = "" if term.reviewed else " Not read."
        allowed = ", ".join(f"`{purpose}`" for purpose in term.purposes)
        condition = f" {term.condition}" if term.condition else ""
        lines.append(f"| terms since {term.from_day} | {allowed}.{condition} {term.citation}{read} |\n")
    return "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
