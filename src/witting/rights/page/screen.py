"""One screen, read: its controls with what they mean, and the layer that asks.

Covers: typed values from the probe's, meaning of each control, the choice of the layer, which switches stand for the
consent. Not covered: how it was reached (`visit.py`), what its figures are worth (`patterns.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from witting.rights.page.measure import fill_contrast, language_of, text_contrast, words_in
from witting.rights.page.words import Lexicon

TOGGLES = frozenset({"checkbox", "switch", "radio"})
PERCEIVED_CONTRAST_MIN = 1.5  # below it in words and surface nobody sees that there is a control
PAGE_LANGUAGE_WORDS_MIN = 12
KINDS = {"dialog": 40, "fixed": 20, "page": 0}
WEIGHT = {"accept": 8, "refuse": 5, "toggle": 4, "save": 3, "proceed": 2, "later": 1, "settings": 1}
LAYERS_TRIED_MAX = 4
CONSENT_GROUPS = (
    "topic",
    "vague",
    "own_model",
    "general_model",
    "personalise_ads",
    "share_dataset",
    "publish_dataset",
)


@dataclass(frozen=True)
class Control:
    """A control a person sees and can use. Lengths in CSS pixels, colours as red, green, blue."""

    i: int
    tag: str
    role: str
    name: str
    type: str
    href: str
    target: str
    checked: bool | None
    required: bool
    group: str
    disabled: bool
    x: float
    y: float
    width: float
    height: float
    kind: str  # dialog | fixed | page
    ink: list[float] | None
    fill: list[float] | None
    around: list[float] | None
    font: float
    weight: int
    text_width: float
    moving: bool
    picture: bool = False  # an icon: its colours are not those computed
    meaning: str = "other"
    negative: bool = False  # a switch whose "on" is a no

    @property
    def is_toggle(self) -> bool:
        return self.role in TOGGLES

    @property
    def on(self) -> bool:
        """Does this switch, as it stands, say yes?"""
        return bool(self.checked) != self.negative

    @property
    def perceived(self) -> bool:
        seen = [ratio for ratio in (text_contrast(self), fill_contrast(self)) if ratio is not None]
        return self.picture or not seen or max(seen) >= PERCEIVED_CONTRAST_MIN

    @property
    def said(self) -> str:
        """How a report names it."""
        return f'{self.role} "{self.name[:80]}"'


@dataclass(frozen=True)
class Layer:
    """The part of the page that asks."""

    kind: str
    modal: bool
    x: float
    y: float
    width: float
    height: float
    text: str
    lang: str
    headings: list[str]
    fields: list[str]
    members: list[int]


@dataclass(frozen=True)
class Screen:
    url: str
    title: str
    html_lang: str
    text: str
    controls: tuple[Control, ...]
    layer: Layer | None
    language: str | None  # of the page beside the layer, else of all of it
    viewport: tuple[int, int]
    height: int
    foreign_frames: int
    moving: int
    version: str

    @property
    def key(self) -> str:
        """The same for two screens that a person would take for one."""
        marks = [(c.role, c.name, c.checked, c.disabled, c.kind) for c in self.controls]
        return hashlib.sha256(repr((self.url, self.text, marks)).encode()).hexdigest()

    @property
    def members(self) -> list[Control]:
        """Controls of the layer that asks; of the screen where nothing asks."""
        if self.layer is None:
            return list(self.controls)
        inside = set(self.layer.members)
        return [control for control in self.controls if control.i in inside]

    def meaning(self, *meanings: str) -> list[Control]:
        """Buttons and links of the layer that mean one of these."""
        return [c for c in self.members if c.meaning in meanings and not c.is_toggle and c.perceived]

    @property
    def accepting(self) -> list[Control]:
        return [c for c in self.meaning("accept") if not c.disabled] or self.meaning("accept")

    @property
    def refusing(self) -> list[Control]:
        """A real no that is seen without scrolling away from the yes."""
        inside = self.meaning("refuse")
        near = [c for c in self.controls if c.meaning == "refuse" and not c.is_toggle and c.perceived]
        anchor = self.accepting[:1]
        reach = [c for c in near if anchor and abs(c.y - anchor[0].y) <= self.viewport[1]]
        return inside or reach

    @property
    def asks_again(self) -> bool:
        """Is a question still open here, rather than a lone way back to it?"""
        if self.layer is None:
            return False
        kinds = {c.meaning for c in self.members if not c.is_toggle} & set(WEIGHT)
        kinds |= {"toggle"} if any(c.is_toggle for c in self.members) else set()
        return bool(kinds) if self.layer.kind != "page" else len(kinds - {"settings"}) >= 2

    @property
    def signature(self) -> tuple[tuple[str, str], ...]:
        """The layer by its controls, whatever their state."""
        return tuple(sorted((c.role, c.name) for c in self.members)) if self.layer else ()


def read_screen(
    raw: Mapping[str, Any],  # Any: JSON from the probe
    layer_of: Callable[[int], Mapping[str, Any]],
    lexicon: Lexicon,
    *,
    language: str | None,
) -> Screen:
    spoken = language_of(raw["text"]) or _tag(raw["html_lang"]) or language
    controls = [_control(values, lexicon, spoken) for values in raw["controls"]]
    layer = _asking_layer(controls, layer_of, lexicon, spoken)
    beside = raw["text"].replace(layer.text, " ") if layer else raw["text"]
    if words_in(beside) >= PAGE_LANGUAGE_WORDS_MIN:
        page_language = language_of(beside) or _tag(raw["html_lang"])
    else:
        page_language = _tag(raw["html_lang"]) or spoken
    return Screen(
        url=raw["url"], title=raw["title"], html_lang=raw["html_lang"], text=raw["text"], controls=tuple(controls),
        layer=layer, language=page_language, viewport=(raw["viewport"][0], raw["viewport"][1]), height=raw["height"],
        foreign_frames=raw["foreign_frames"], moving=raw["moving"], version=raw["version"],
    )  # fmt: skip


def _tag(lang: str) -> str | None:
    return lang.split("-")[0].lower() or None


NAMES = {f.name for f in fields(Control)}


def _control(values: Mapping[str, Any], lexicon: Lexicon, language: str | None) -> Control:
    known = {name: value for name, value in values.items() if name in NAMES}
    meaning = lexicon.meaning(known["name"], language=language, link=known["role"] == "link")
    toggle = known["role"] in TOGGLES
    negative = toggle and (
        meaning in {"refuse", "withdraw"} or lexicon.negations(known["name"], language) % 2 == 1
    )
    return Control(**known, meaning=meaning, negative=negative)


def _asking_layer(
    controls: Sequence[Control],
    layer_of: Callable[[int], Mapping[str, Any]],
    lexicon: Lexicon,
    language: str | None,
) -> Layer | None:
    """The layer in front that speaks of consent and has a control to answer with."""
    weights = {c.i: WEIGHT.get("toggle" if c.is_toggle else c.meaning, 0) for c in controls}
    able = [
        c
        for c in controls
        if weights[c.i]
        and c.perceived
        and not (c.kind == "page" and c.meaning == "settings" and not c.is_toggle)
    ]
    ranked = sorted(able, key=lambda c: (-KINDS[c.kind] - weights[c.i], c.i))
    tried: set[str] = set()
    for control in ranked:
        layer = Layer(**layer_of(control.i))
        if layer.text in tried:
            continue
        tried.add(layer.text)
        own = language_of(layer.text)
        if any(
            lexicon.found(group, layer.text, name) for group in CONSENT_GROUPS for name in {language, own}
        ):
            return layer
        if len(tried) >= LAYERS_TRIED_MAX:
            return None
    return None


def consent_toggles(screen: Screen, lexicon: Lexicon) -> list[Control]:
    """Switches that stand for a consent; in a form with other fields only those whose label speaks of it."""
    if screen.layer is None:
        candidates = [c for c in screen.controls if c.is_toggle]
    else:
        candidates = [c for c in screen.members if c.is_toggle]
    strict = screen.layer is None or bool(screen.layer.fields)
    return [
        c for c in candidates if not c.disabled and c.role != "radio" and _stands(c, screen, lexicon, strict)
    ]


def _stands(control: Control, screen: Screen, lexicon: Lexicon, strict: bool) -> bool:
    language = screen.language
    label = control.name
    for policy in lexicon.found(
        "privacy_policy", label, language
    ):  # naming the policy is not naming a consent
        label = label.casefold().replace(policy, " ")
    speaks = any(lexicon.found(group, label, language) for group in CONSENT_GROUPS)
    return speaks or (not strict and not lexicon.found("terms", control.name, language))
