"""Charts as inline SVG: bars, lines, intervals. No script, no font, no colour that is not in the page's own style.

Covers: drawing the values of `view.py`. Not covered: the table below each chart (`page.py`). Widths are percentages and
heights pixels, so that a chart fits a telephone without its letters shrinking. What a colour tells is told by stripes,
dashes or words too. Ticks at 1, 2 or 5 times a power of ten, as on ruled paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from witting.reports.view import Bar, Bars, Curve, Interval, Intervals, Lines

ROW_PX = 46
NOTE_PX = 18  # more, where a row has a note
PLOT_PX = 220
AXIS_PX = 40
LEFT_PERCENT = 9.0  # room for the numbers of the upright axis
EDGE_PERCENT = 2.0
TICKS = 5
SPAN_MIN = 1e-9  # of an axis, beside the size of its numbers: what lies closer is one value
DASHES = ("", "9 4", "2 4", "12 4 2 4", "5 3", "1 3")
CURVES_TOLD_APART = len(DASHES)


def draw(chart: Bars | Lines | Intervals, *, id: str) -> str:
    """The chart as an SVG element whose own ids begin with `id`."""
    if isinstance(chart, Bars):
        height, body = _bars(chart, id)
    elif isinstance(chart, Lines):
        height, body = _lines(chart)
    else:
        height, body = _intervals(chart)
    return (
        f'<svg class="chart" role="img" width="100%" height="{height}" aria-labelledby="{id}-title {id}-desc">'
        f'<title id="{id}-title">{escape(chart.title)}</title><desc id="{id}-desc">{escape(chart.described)}</desc>'
        f"{body}</svg>"
    )


def sample(number: int, of: int) -> str:
    """The stroke of a curve, for the table that names it; nothing where curves are too many to tell apart."""
    if of > CURVES_TOLD_APART:
        return ""
    line = f'<line x1="0" x2="34" y1="5" y2="5" class="curve" stroke-dasharray="{DASHES[number]}"/>'
    return f'<svg class="sample" width="34" height="10" aria-hidden="true" focusable="false">{line}</svg>'


def _bars(chart: Bars, id: str) -> tuple[int, str]:
    longest = max((bar.whole for bar in chart.bars), default=0) or 1
    y, parts = 0, [_stripes(id)]
    for bar in chart.bars:
        parts.append(_bar(bar, id, y=y, longest=longest))
        y += ROW_PX + (NOTE_PX if bar.note else 0)
    return y, "".join(parts)


def _bar(bar: Bar, id: str, *, y: int, longest: int) -> str:
    under = y + (NOTE_PX if bar.note else 0)
    note = _text("0", under + 16, bar.note, kind="quiet") if bar.note else ""
    whole, value = _percent(bar.whole / longest), _percent(bar.value / longest)
    rest = (
        f'<rect class="rest" x="0" y="{under + 23}" width="{whole}" height="12" fill="url(#{id}-stripes)"/>'
    )
    kept = f'<rect class="bar" x="0" y="{under + 23}" width="{value}" height="12"/>'
    head = _text("0", y + 15, bar.label, kind="label") + _text("100%", y + 15, bar.said, anchor="end")
    return head + note + (rest if bar.whole > bar.value else "") + kept


def _stripes(id: str) -> str:
    return (
        f'<defs><pattern id="{id}-stripes" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><line class="stripe" x1="0" x2="0" y1="0" y2="6"/></pattern></defs>'
    )


def _lines(chart: Lines) -> tuple[int, str]:
    xs = [x for curve in chart.curves for x, _ in curve.points]
    ys = [y for curve in chart.curves for _, y in curve.points]
    low, high, ticks = _axis(min(ys), max(ys))
    first, last = min(xs), max(xs)
    parts = [_text("0", 12, chart.y_unit, kind="quiet")]
    for tick in ticks:
        y = 24 + PLOT_PX * (high - tick) / (high - low)
        parts.append(_rule(LEFT_PERCENT, y) + _text(_percent((LEFT_PERCENT - 1.5) / 100), y + 4, _short(tick),
                                                    kind="quiet", anchor="end"))  # fmt: skip
    for tick in _whole_ticks(first, last):
        at = LEFT_PERCENT + (100 - LEFT_PERCENT - EDGE_PERCENT) * _share(tick, first, last)
        parts.append(_text(_percent(at / 100), 24 + PLOT_PX + 16, f"{tick}", kind="quiet", anchor="middle"))
    parts.append(_text("100%", 24 + PLOT_PX + 34, chart.x_unit, kind="quiet", anchor="end"))
    inner = "".join(
        _curve(curve, number, of=len(chart.curves), x=(first, last), y=(low, high))
        for number, curve in enumerate(chart.curves)
    )
    width = 100 - LEFT_PERCENT - EDGE_PERCENT
    parts.append(
        f'<svg x="{LEFT_PERCENT}%" y="24" width="{width}%" height="{PLOT_PX}" viewBox="0 0 1000 1000" '
        f'preserveAspectRatio="none" overflow="visible">{inner}</svg>'
    )
    return 24 + PLOT_PX + AXIS_PX, "".join(parts)


def _curve(curve: Curve, number: int, *, of: int, x: tuple[float, float], y: tuple[float, float]) -> str:
    points = " ".join(
        f"{1000 * _share(across, *x):.0f},{1000 - 1000 * _share(up, *y):.0f}" for across, up in curve.points
    )
    dash = DASHES[number] if of <= CURVES_TOLD_APART else ""
    kind = "curve" if of <= CURVES_TOLD_APART else "curve thin"
    return f'<polyline class="{kind}" points="{points}" stroke-dasharray="{dash}" vector-effect="non-scaling-stroke"/>'


def _intervals(chart: Intervals) -> tuple[int, str]:
    marks = [mark for i in chart.intervals for mark in (i.low, i.high, i.reference) if mark is not None]
    low, high, ticks = _axis(min(0.0, *marks), max(0.0, *marks))
    bottom = ROW_PX * len(chart.intervals) + 6
    parts = []
    for tick in ticks:
        x = _percent(_across(tick, low, high))
        zero = " zero" if tick == 0 else ""
        parts += [
            f'<line class="rule{zero}" x1="{x}" x2="{x}" y1="{y + 22}" y2="{y + 44}"/>'
            for y in range(0, bottom - 6, ROW_PX)
        ]
        said = f"{tick * 100:g}%" if chart.percent else _short(tick)
        anchor = "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"
        parts.append(_text(x, bottom + 16, said, kind="quiet", anchor=anchor))
    for number, interval in enumerate(chart.intervals):
        parts.append(_interval(interval, y=number * ROW_PX, low=low, high=high))
    parts.append(_text("100%", bottom + 34, chart.unit, kind="quiet", anchor="end"))
    return bottom + AXIS_PX, "".join(parts)


def _interval(interval: Interval, *, y: int, low: float, high: float) -> str:
    def at(value: float) -> str:
        return _percent(_across(value, low, high))

    middle = y + 32
    parts = [
        _text("0", y + 15, interval.label, kind="label"),
        _text("100%", y + 15, interval.said, anchor="end"),
        f'<line class="range" x1="{at(interval.low)}" x2="{at(interval.high)}" y1="{middle}" y2="{middle}"/>',
    ]
    parts += [
        f'<line class="range" x1="{at(end)}" x2="{at(end)}" y1="{middle - 5}" y2="{middle + 5}"/>'
        for end in (interval.low, interval.high)
    ]
    if interval.reference is not None:
        x = at(interval.reference)
        parts.append(f'<line class="reference" x1="{x}" x2="{x}" y1="{middle - 9}" y2="{middle + 9}"/>')
    if interval.value is not None:
        parts.append(f'<circle class="point" cx="{at(interval.value)}" cy="{middle}" r="5"/>')
    return "".join(parts)


def _axis(low: float, high: float) -> tuple[float, float, list[float]]:
    """The ends and ticks of an axis that holds both values."""
    seen = high - low
    step = _step(seen if seen > SPAN_MIN * max(1.0, abs(low), abs(high)) else 1.0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return first * step, last * step, [n * step for n in range(first, last + 1)]


def _step(span: float) -> float:
    rough = span / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)


def _whole_ticks(first: float, last: float) -> Iterable[int]:
    """The first whole number and round ones after it, none so near to it that their figures touch."""
    step = max(1, round(_step((last - first) or 1.0)))
    begin, end = math.ceil(first), math.floor(last)
    return [begin, *(n for n in range(begin - begin % step, end + 1, step) if n - begin >= step / 2)]


def _share(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5


def _across(value: float, low: float, high: float) -> float:
    return (EDGE_PERCENT + (100 - 2 * EDGE_PERCENT) * _share(value, low, high)) / 100


def _short(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"


def _rule(left_percent: float, y: float) -> str:
    return f'<line class="rule" x1="{left_percent}%" x2="{100 - EDGE_PERCENT}%" y1="{y:.1f}" y2="{y:.1f}"/>'


def _text(x: str, y: float, words: str, *, kind: str = "plain", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


def curve_ends(points: Sequence[tuple[float, float]], part: float = 0.25) -> tuple[float, float, int]:
    """The means of the first and of the last quarter of a curve, and how many points each is over."""
    count = max(1, round(len(points) * part))
    values = [value for _, value in points]
    return sum(values[:count]) / count, sum(values[-count:]) / count, count
