"""The page of a report: one HTML file that fetches nothing, runs nothing, and reads well without colour.

Covers: drawing a view with `run.html` and `style.css`, which lie beside this file. Not covered: what it says (`run.py`).
The page forbids itself every connection (Content-Security-Policy, only its own style allowed by hash): a report can be
mailed, archived and printed, and shows the same in ten years. Everything that is not ours is escaped by Jinja2.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from witting.reports.charts import draw, sample
from witting.reports.view import Figure, Lines, View

PAGE_BYTES_MAX = 200_000


def render(view: View) -> str:
    """The report as HTML, its style and charts inside."""
    style = _read("style.css")
    return _template().render(view=view, style=Markup(style), policy=_policy(style), drawn=_drawn)  # noqa: S704  # our file


def _drawn(figure: Figure) -> dict[str, Any]:  # Any: markup, or a list of it
    """The chart of a figure and, for a curve a row, the stroke that the row's curve is drawn with."""
    chart, rows = figure.chart, len(figure.table.rows)
    samples = [sample(number, rows) for number in range(rows)] if isinstance(chart, Lines) else [""] * rows
    return {
        "svg": Markup(draw(chart, id=figure.id)) if chart is not None else None,  # noqa: S704  # charts.py escapes
        "samples": [Markup(stroke) for stroke in samples],  # noqa: S704  # fixed strokes of charts.py
    }


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read("run.html"))


@cache
def _read(name: str) -> str:
    return (files("witting.reports") / name).read_text("utf-8")
