"""The chart of a what-if: of turns, people, examples, words and adapters, what would stay and what would fall.

Covers: one SVG file that stands alone, in light and dark. Not covered: the numbers (`walk/whatif.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from witting.reports.charts import ROW_PX, draw
from witting.reports.view import Bar, Bars

WIDTH_PX = 720
MARGIN_PX = 24
HEAD_PX = 76
FOOT_PX = 34
FULL = 10_000  # of a bar: hundredths of a percent
STYLE = """\
.paper{fill:#fbfaf6}text{fill:#1c2326;font:14px system-ui,"Noto Sans","Liberation Sans",Arial,sans-serif}
text.title{font-size:17px;font-weight:600}text.label{font-weight:600}text.quiet{fill:#566067;font-size:13px}
.bar{fill:#17605a}.rest{stroke:#566067;stroke-width:1}.stripe{stroke:#566067;stroke-width:2}
@media(prefers-color-scheme:dark){.paper{fill:#14191b}text{fill:#e8e7e2}text.quiet{fill:#a7b0b5}
.bar{fill:#74c8bd}.rest,.stripe{stroke:#a7b0b5}}
"""


def chart(answer: Mapping[str, Any], *, question: str) -> str:  # Any: JSON of walk/whatif.py
    """The file's content. `question` is the other world in words."""
    adapters = answer["adapters"]
    counted = {name: answer[name] for name in ("turns", "people", "examples", "words")}
    if adapters:
        kept = sum(one["then"] == "kept" for one in adapters)
        counted["adapters"] = {"now": len(adapters), "stays": kept, "falls": len(adapters) - kept}
    bars = tuple(_bar(name, counts) for name, counts in counted.items())
    turns = answer["turns"]
    title = f"{turns['falls']:,} of {turns['now']:,} turns would fall"
    described = "; ".join(f"{bar.label}: {bar.said}" for bar in bars) + "."
    plot_px = ROW_PX * len(bars)
    height = HEAD_PX + plot_px + FOOT_PX
    inner = draw(Bars(title, described, "", bars), id="whatif")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH_PX}" height="{height}" viewBox="0 0 {WIDTH_PX} {height}">'
        f'<style>{STYLE}</style><rect class="paper" width="100%" height="100%"/>'
        f'<text class="title" x="{MARGIN_PX}" y="34">{escape(title)}</text>'
        f'<text class="quiet" x="{MARGIN_PX}" y="56">{escape(question)}</text>'
        f'<svg x="{MARGIN_PX}" y="{HEAD_PX}" width="{WIDTH_PX - 2 * MARGIN_PX}" height="{plot_px}">{inner}</svg>'
        f'<text class="quiet" x="{MARGIN_PX}" y="{height - 12}">A full bar is all there is now. Filled: stays. Striped: falls.</text></svg>\n'
    )


def _bar(name: str, counts: Mapping[str, int]) -> Bar:
    """All of a kind is one full bar: turns, people and words share no scale."""
    said, now = f"{counts['falls']:,} of {counts['now']:,} fall", counts["now"]
    return Bar(name.capitalize(), round(FULL * counts["stays"] / now) if now else 0, FULL if now else 0, said)
