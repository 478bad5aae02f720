"""The page itself: valid, accessible, self-contained, readable in every palette."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_walk import Page, invented, invented_facts

from witting import curation, redaction, schema
from witting.reports import PAGE_BYTES_MAX, Facts, render, view
from witting.reports.charts import draw
from witting.reports.view import Bar, Bars, Curve, Interval, Intervals, Lines
from witting.rights.reasons import REASONS as RIGHTS

STYLE = (files("witting.reports") / "style.css").read_text("utf-8")
CONTRAST_MIN = 4.5  # WCAG 2.2, 1.4.3
GRAPHIC_CONTRAST_MIN = 3.0  # WCAG 2.2, 1.4.11
WORDS_ON = [
    ("ink", "paper"), ("quiet", "paper"), ("accent", "paper"), ("accent", "card"), ("ink", "wait-wash"),
    ("wait", "wait-wash"), ("good", "good-wash"), ("bad", "bad-wash"),
]  # fmt: skip
DRAWN_ON = [("accent", "paper"), ("quiet", "paper"), ("wait", "paper")]


@pytest.fixture
def page(results: dict[str, Any], facts: Facts) -> Page:
    return Page(render(view(results, facts)))


def test_every_tag_closes_in_order(page: Page) -> None:
    assert page.unclosed == []
    assert page.html.startswith('<!doctype html>\n<html lang="en">')


def test_ids_are_unique_and_whatever_is_named_by_one_exists(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [word for _, a in page.tags for word in a.get("aria-labelledby", "").split()]
    named += [a["href"].removeprefix("#") for a in page.all_of("a")]
    named += re.findall(r"url\(#([^)]+)\)", page.html)
    assert named
    assert set(named) <= set(ids)


def test_headings_go_down_one_step_at_a_time_under_one_title(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_landmarks_and_a_skip_link_come_first(page: Page) -> None:
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.all_of(landmark)) == 1
    body = [tag for tag, _ in page.tags].index("body")
    assert page.tags[body + 1] == ("a", {"class": "skip", "href": "#main"})
    assert all("aria-labelledby" in section for section in page.all_of("section"))


def test_every_chart_has_a_title_a_description_and_its_table_below(page: Page) -> None:
    figures = page.html.split("<figure>")[1:]
    charts = [a for a in page.all_of("svg") if a.get("class") == "chart"]
    assert len(figures) == len(charts) >= 6
    for figure in figures:
        inside = figure.split("</figure>")[0]
        assert inside.index("<figcaption>") < inside.index('<svg class="chart" role="img"')
        assert re.search(r"<title id=[^>]+>[^<]+</title><desc id=[^>]+>[^<]+</desc>", inside)
        assert inside.index("</svg>") < inside.index("<table>")


def test_tables_have_captions_and_every_head_cell_its_scope(page: Page) -> None:
    assert len(page.all_of("caption")) == len(page.all_of("table")) > 10
    assert {head.get("scope") for head in page.all_of("th")} == {"col", "row"}
    assert all(a.get("tabindex") == "0" for a in page.all_of("div") if a.get("class") == "scroll")


def test_nothing_is_fetched_run_or_sent(page: Page) -> None:
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "form", "object")]
    assert not [name for _, a in page.tags for name in a if name in ("src", "style") or name.startswith("on")]
    assert all(link["href"].startswith("#") for link in page.all_of("a"))
    assert "@import" not in STYLE
    assert "url(" not in STYLE
    assert "http" not in STYLE


def test_the_page_forbids_itself_all_but_its_own_style(page: Page) -> None:
    policy = next(m["content"] for m in page.all_of("meta") if m.get("http-equiv"))
    inside = page.html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")


@settings(deadline=None, max_examples=50)
@given(hostile=st.text(alphabet="<>&\"'/=abc{}%", min_size=1, max_size=40))
def test_whatever_a_config_or_a_stage_says_stays_text(hostile: str) -> None:
    results = invented()
    results["rights"]["places"][hostile] = {"permit": 1, hostile: 1}
    results["redaction"]["kinds"][hostile] = 3
    results["release"]["checks"][0]["detail"] = hostile
    plain, page = Page(render(view(invented(), invented_facts()))), None
    page = Page(render(view(results, invented_facts(controller=hostile))))
    assert page.unclosed == []
    assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags}


def test_a_large_walk_stays_a_small_page(results: dict[str, Any]) -> None:
    """Every reason and kind, two hundred places, four thousand shards, two thousand steps of forty."""
    for room, reasons in (
        ("rights", RIGHTS),
        ("redaction", redaction.REASONS),
        ("curation", curation.REASONS),
    ):
        results[room]["funnel"]["reasons"] = dict.fromkeys(reasons, 10**6)
    results["rights"]["places"] = {f"X{n}": {"permit": n + 1, "no_consent": 3} for n in range(200)}
    results["redaction"]["kinds"] = dict.fromkeys(schema.REDACTION_KINDS, 10**6)
    shards = [{"shard": n, "rows": 9, "pairs": 0, "steps": 100, "tokens": 9} for n in range(4_000)]
    results["training"]["training"]["shards"] = shards
    losses = {
        n: [{"step": k, "loss_nats": 3.0 + (k * n) % 7 / 9} for k in range(1, 2_001)] for n in range(40)
    }
    page = render(view(results, invented_facts(losses=losses)))
    assert len(page.encode()) < PAGE_BYTES_MAX
    assert "others" in page


def palettes() -> dict[str, dict[str, str]]:
    """Light, dark and paper, as the style sheet has them."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)
    found = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", ["light", "dark", "print"])
@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [(f, g, CONTRAST_MIN) for f, g in WORDS_ON] + [(f, g, GRAPHIC_CONTRAST_MIN) for f, g in DRAWN_ON],
)
def test_words_and_marks_stand_out_in_every_palette(
    palette: str, front: str, ground: str, least: float
) -> None:
    colours = palettes()[palette]
    assert contrast(colours[front], colours[ground]) >= least


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_colours_come_only_from_the_palettes() -> None:
    rules = re.sub(r":root \{.*?\}", "", STYLE, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules) == []


FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 10**6), FINITE), min_size=1, max_size=20, unique_by=lambda p: p[0]))
def test_any_curve_is_drawn_within_its_axes(points: list[tuple[int, float]]) -> None:
    curve = Curve("shard 0", tuple(sorted((float(x), y) for x, y in points)))
    drawn = Page(draw(Lines("t", "d", "step", "nats", (curve,)), id="x"))
    line = next(attributes for tag, attributes in drawn.tags if tag == "polyline")
    numbers = [float(n) for pair in line["points"].split() for n in pair.split(",")]
    assert drawn.unclosed == []
    assert all(0 <= n <= 1000 for n in numbers)


@settings(deadline=None, max_examples=50)
@given(st.lists(FINITE, min_size=3, max_size=3))
def test_any_interval_is_drawn_within_its_axis(values: list[float]) -> None:
    low, value, high = sorted(values)
    drawn = Page(
        draw(Intervals("t", "d", "nats", False, (Interval("a", low, value, high, 0.0, "s"),)), id="x")
    )
    places = [
        float(a[n][:-1]) for _, a in drawn.tags for n in ("x1", "x2", "cx") if a.get(n, "").endswith("%")
    ]
    assert places
    assert all(-0.01 <= place <= 100.01 for place in places)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=12))
def test_bars_are_as_long_as_their_numbers(pairs: list[tuple[int, int]]) -> None:
    bars = tuple(Bar("a", value, value + rest, "s") for value, rest in pairs)
    drawn = Page(draw(Bars("t", "d", "messages", bars), id="x"))
    longest = max((bar.whole for bar in bars), default=0) or 1
    solid = [float(a["width"][:-1]) for tag, a in drawn.tags if tag == "rect" and a["class"] == "bar"]
    assert solid == [pytest.approx(100 * bar.value / longest, abs=0.01) for bar in bars]
