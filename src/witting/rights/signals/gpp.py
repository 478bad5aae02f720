"""The IAB Global Privacy Platform string: `DBABLA~BVVqAAEABCA.QA`.

Covers: the header (type 3, version 1, section ids as a Fibonacci-coded range), the US sections 6 to 23 as far as they
say no: opt-outs of sale, sharing and targeted advertising, no consent to uses beyond the disclosed purpose, no use of
sensitive data, a known child, and their GPC sub-section. Not covered: the notice and MSPA fields, which say nothing of
the person. The sections that are not read (TCF of Europe and Canada, the drafts for MD, IN, KY and RI, any unknown id)
hold no permission and might hold a no to what the platform is about: handing on and advertising; so does a string without
any section (`DBAA`). No section has a field
for training. From: Global Privacy Platform, Core/Consent String Specification and Sections, as of December 2025.

A text that is no such string, a field of value 3, or bits behind the last field make the whole unreadable: a no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from witting.rights.signals.statement import (
    ADVERTISING,
    CHILD,
    HANDED_ON,
    SALE_AND_SHARING,
    SILENCE,
    TRAINING,
    UNREADABLE,
    Statement,
)

TEXT_CHARS_MAX = 20_000
SECTIONS_MAX = 64
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
BITS = {char: f"{value:06b}" for value, char in enumerate(ALPHABET)}
USP_SECTION = 6
# Fields that say no, by the value 1: "opted out" or "no consent".
NO: Mapping[str, Statement] = {
    "sale": Statement(HANDED_ON),
    "sharing": Statement(SALE_AND_SHARING),
    "targeted": Statement(ADVERTISING),
    "secondary": Statement(TRAINING | ADVERTISING),
    "sensitive": Statement(special=True),
}
IGNORED = "-"


def _layout(notices: int, opt_outs: str, sensitive: int, child: int, *, secondary: bool) -> tuple[str, ...]:
    """The two-bit fields after the version, in their order; three of the MSPA end every one."""
    return (
        *[IGNORED] * notices,
        *opt_outs.split(),
        *["sensitive"] * sensitive,
        *["child"] * child,
        *["secondary"] * secondary,
        *[IGNORED] * 3,
    )


# (section id, version) -> fields
LAYOUTS: Mapping[tuple[int, int], tuple[str, ...]] = {
    (7, 1): _layout(6, "sale sharing targeted", 12, 2, secondary=True),  # US national
    (7, 2): _layout(6, "sale sharing targeted", 16, 3, secondary=True),
    (8, 1): _layout(3, "sale sharing", 9, 2, secondary=True),  # California
    (9, 1): _layout(3, "sale targeted", 8, 1, secondary=False),  # Virginia
    (10, 1): _layout(3, "sale targeted", 7, 1, secondary=False),  # Colorado
    (11, 1): _layout(4, "sale targeted", 8, 1, secondary=False),  # Utah
    (12, 1): _layout(3, "sale targeted", 8, 3, secondary=False),  # Connecticut
    (13, 1): _layout(3, "sale targeted", 8, 3, secondary=True),  # Florida
    (14, 1): _layout(3, "sale targeted", 8, 3, secondary=True),  # Montana
    (15, 1): _layout(3, "sale targeted", 11, 3, secondary=True),  # Oregon
    (16, 1): _layout(3, "sale targeted", 8, 1, secondary=True),  # Texas
    (17, 1): _layout(3, "sale targeted", 9, 5, secondary=True),  # Delaware
    (18, 1): _layout(4, "sale targeted", 8, 1, secondary=False),  # Iowa
    (19, 1): _layout(3, "sale targeted", 8, 1, secondary=True),  # Nebraska
    (20, 1): _layout(3, "sale targeted", 8, 3, secondary=True),  # New Hampshire
    (21, 1): _layout(3, "sale targeted", 10, 5, secondary=True),  # New Jersey
    (22, 1): _layout(3, "sale targeted", 8, 1, secondary=True),  # Tennessee
    (23, 1): _layout(3, "sale targeted", 8, 1, secondary=True),  # Minnesota
}
UNREAD_SECTION = Statement(SALE_AND_SHARING, read=False)


class _Broken(ValueError):
    """The text is no string of the platform."""


def read_gpp(text: str) -> Statement:
    """Every no of every section."""
    if len(text) > TEXT_CHARS_MAX:
        return UNREADABLE
    header, *sections = text.strip().split("~")
    try:
        ids = _section_ids(_bits(header))
        if len(ids) != len(sections):
            raise _Broken
        found = SILENCE if ids else UNREAD_SECTION
        for section, body in zip(ids, sections, strict=True):
            found = found.and_(_section(section, body))
    except _Broken:
        return UNREADABLE
    return found


def _bits(text: str) -> str:
    """Six bits a character; the specification prints base64's own alphabet, encoders write the one safe in addresses."""
    try:
        return "".join(BITS[char] for char in text.replace("+", "-").replace("/", "_").rstrip("="))
    except KeyError:
        raise _Broken from None


def _section_ids(bits: str) -> list[int]:
    if bits[:12] != "000011000001":  # type 3, version 1
        raise _Broken
    reader = _Reader(bits, 12)
    ids: list[int] = []
    last = 0
    for _ in range(reader.number(12)):
        is_group = reader.number(1)
        first = last + reader.fibonacci()
        last = first + reader.fibonacci() if is_group else first
        if last - first > SECTIONS_MAX or len(ids) > SECTIONS_MAX:
            raise _Broken
        ids.extend(range(first, last + 1))
    if "1" in bits[reader.at :]:
        raise _Broken
    return ids


class _Reader:
    """Bits from left to right."""

    def __init__(self, bits: str, at: int) -> None:
        self.bits, self.at = bits, at

    def number(self, width: int) -> int:
        taken = self.bits[self.at : self.at + width]
        if len(taken) < width:
            raise _Broken
        self.at += width
        return int(taken, 2)

    def fibonacci(self) -> int:
        """Sum of Fibonacci numbers 1, 2, 3, 5, ... where a bit is set; two set bits in a row end it."""
        total, (low, high), before = 0, (1, 2), 0
        while True:
            bit = self.number(1)
            if bit and before:
                return total
            total += low * bit
            low, high, before = high, low + high, bit


def _section(section: int, body: str) -> Statement:
    if section == USP_SECTION:
        return _us_privacy(body)
    core, *others = body.split(".")
    bits = _bits(core)
    fields = LAYOUTS.get((section, _Reader(bits, 0).number(6)))
    if fields is None:
        return UNREAD_SECTION
    found = SILENCE
    for name, value in zip(fields, _values(bits, len(fields)), strict=True):
        if name == "child" and value:
            return CHILD
        if name in NO and value == 1:
            found = found.and_(NO[name])
    for other in others:
        found = found.and_(_sub_section(other))
    return found


def _values(bits: str, count: int) -> Iterator[int]:
    reader = _Reader(bits, 6)
    values = [reader.number(2) for _ in range(count)]
    if 3 in values or "1" in bits[reader.at :]:
        raise _Broken
    return iter(values)


def _sub_section(text: str) -> Statement:
    """Type 1 carries what the browser sent as Global Privacy Control."""
    reader = _Reader(_bits(text), 0)
    if reader.number(2) != 1:
        return UNREAD_SECTION
    return Statement(SALE_AND_SHARING) if reader.number(1) else SILENCE


def _us_privacy(text: str) -> Statement:
    """`1YNN`: version, notice given, opted out of sale, covered by the LSPA. "-" is not applicable."""
    if len(text) != 4 or text[0] != "1" or any(char not in "YNyn-" for char in text[1:]):
        raise _Broken
    return Statement(HANDED_ON) if text[2] in "Yy" else SILENCE
