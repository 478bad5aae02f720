"""The sixteen deceptive patterns of EDPB Guidelines 03/2022: for each seen, not seen, or not for a machine to see.

Covers: one small function a pattern, from facts to proofs (an element and its figures). Titles, what is measured and the
limits are data, `patterns.toml`. Not covered: whether a court would call it deceptive. `not_seen` says that nothing of
what is measured was found; a person may still be deceived by what no figure shows.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from witting.rights.page.facts import Facts
from witting.rights.page.look import RELOADS
from witting.rights.page.measure import fill_contrast, sentences_in, text_contrast, words_in
from witting.rights.page.screen import Control
from witting.rights.page.words import normal

SEEN, NOT_SEEN, CANNOT = "seen", "not_seen", "cannot_be_seen"
LARGE_PX, LARGE_BOLD_PX, BOLD = 24.0, 18.66, 700  # WCAG 2.2, definition of large scale
PERIOD = re.compile(r"(\d+)\s*([^\W\d_]+)")


@dataclass(frozen=True)
class Proof:
    element: str
    figures: dict[str, Any]  # Any: numbers and words, as measured


@dataclass(frozen=True)
class Finding:
    pattern: str
    category: str
    status: str
    why: str  # what is measured, or why it cannot be
    proofs: tuple[Proof, ...]

    def as_json(self) -> dict[str, Any]:
        proofs = [{"element": proof.element, "figures": proof.figures} for proof in self.proofs]
        return {
            "pattern": self.pattern, "category": self.category, "status": self.status, "why": self.why, "proofs": proofs,
        }  # fmt: skip


class Unseeable(Exception):
    """This pattern cannot be judged on this page; the message says why."""


Limits = Mapping[str, float]
Look = Callable[[Facts, Limits], Iterable[Proof]]


def find_patterns(views: Sequence[Facts], *, recorded_sha256: str | None, shown_sha256: str) -> list[Finding]:
    """All sixteen, over every viewport looked at. `recorded_sha256`: of the notice in the record that came along."""
    table = load_patterns()
    found = []
    for raw in table["pattern"]:
        name = raw["id"]
        proofs, unseeable = _over_views(name, views, table["limits"])
        if name == "inconsistent_interface":
            proofs, unseeable = _inconsistent(views, proofs)
        if name == "conflicting_information" and recorded_sha256 is not None:
            differs = recorded_sha256.lower() != shown_sha256
            proofs += (
                [Proof("notice", {"recorded": recorded_sha256, "shown": shown_sha256})] if differs else []
            )
            unseeable = []
        status = SEEN if proofs else CANNOT if unseeable else NOT_SEEN
        why = unseeable[0] if status == CANNOT else raw["measured"]
        found.append(Finding(name, raw["category"], status, why, tuple(proofs)))
    return found


def _over_views(name: str, views: Sequence[Facts], limits: Limits) -> tuple[list[Proof], list[str]]:
    proofs: list[Proof] = []
    unseeable: list[str] = []
    for facts in views:
        try:
            here = [
                Proof(p.element, {"viewport": facts.seen.viewport, **p.figures})
                for p in LOOKS[name](facts, limits)
            ]
            proofs += here
        except Unseeable as why:
            unseeable.append(str(why))
    return proofs, unseeable


@cache
def load_patterns() -> dict[str, Any]:
    return tomllib.loads((files("witting.rights.page") / "patterns.toml").read_text("utf-8"))


def _continuous_prompting(facts: Facts, limits: Limits) -> Iterable[Proof]:
    if facts.seen.asked_again is None:
        why = "no refusal was found" if facts.seen.refuse is None else "the page is itself the question"
        raise Unseeable(f"{why}, so there was nothing to ask again after")
    if facts.seen.asked_again:
        yield Proof("question", {"reloads": RELOADS, "asked_again": facts.seen.asked_again})


def _privacy_maze(facts: Facts, limits: Limits) -> Iterable[Proof]:
    if facts.depth is None:
        raise Unseeable("no way to take the yes back was found from this page; it may be elsewhere")
    walked = facts.seen.withdraw
    if facts.depth > limits["depth_max"] and walked:
        yield Proof(
            walked.clicks[-1].said, {"taps_before": facts.depth, "path": [c.said for c in walked.clicks]}
        )


def _too_many_options(facts: Facts, limits: Limits) -> Iterable[Proof]:
    choices = [
        c
        for c in facts.first.members
        if c.role not in {"link", "field"} and c.meaning not in {"notice", "close"}
    ]
    if len(choices) > limits["choices_max"]:
        yield Proof("first layer", {"choices": len(choices), "limit": limits["choices_max"]})
    behind = [c for where, c in facts.toggles if where == "settings"]
    if len(behind) > limits["switches_max"]:
        yield Proof("settings", {"switches": len(behind), "limit": limits["switches_max"]})


def _deceptive_snugness(facts: Facts, limits: Limits) -> Iterable[Proof]:
    for where, control in facts.preset:
        yield Proof(control.said, {"where": where, "checked": control.checked, "means": "yes"})


def _look_over_there(facts: Facts, limits: Limits) -> Iterable[Proof]:
    yes = facts.yes
    if yes is not None:
        loud = fill_contrast(yes) or 1.0
        area = yes.width * yes.height
        rivals = [
            c for c in facts.first.members if c.meaning == "other" and not c.is_toggle and c.role != "field"
        ]
        for control in rivals:
            size = control.width * control.height / area if area else 0.0
            if size >= 1.5 and (fill_contrast(control) or 1.0) >= max(1.5, 0.6 * loud):
                yield Proof(
                    control.said, {"area_to_accept": round(size, 2), "surface": _two(fill_contrast(control))}
                )
    if facts.first.moving and not facts.layer.modal:
        yield Proof("page", {"videos_and_endless_animations": facts.first.moving})


def _emotional_steering(facts: Facts, limits: Limits) -> Iterable[Proof]:
    yield from (Proof(w.element, {"words": w.words}) for w in facts.wording if w.finding == "guilt")


def _hidden_in_plain_sight(facts: Facts, limits: Limits) -> Iterable[Proof]:
    faint = [c for c in facts.first.controls if c.meaning == "refuse" and not c.is_toggle and not c.perceived]
    for control in faint:
        yield Proof(
            control.said, {"contrast": _two(text_contrast(control)), "surface": _two(fill_contrast(control))}
        )
    if facts.no is None or facts.prominence is None:
        if not faint:
            raise Unseeable("there is no refusal beside the yes to compare with it")
        return
    low = {
        name: ratio
        for name, ratio in facts.prominence.items()
        if ratio is not None and ratio < limits["ratio_min"]
    }
    if low:
        figures = {f"{name}_refuse_to_accept": ratio for name, ratio in low.items()}
        yield Proof(
            facts.no.said,
            {**figures, "limit": limits["ratio_min"], "accept": facts.yes.said if facts.yes else ""},
        )
    own = text_contrast(facts.no)
    needed = limits["contrast_large_min" if _large(facts.no) else "contrast_min"]
    if own is not None and own < needed:
        yield Proof(facts.no.said, {"contrast": _two(own), "limit": needed})


def _large(control: Control) -> bool:
    return control.font >= LARGE_PX or (control.font >= LARGE_BOLD_PX and control.weight >= BOLD)


def _dead_end(facts: Facts, limits: Limits) -> Iterable[Proof]:
    for notice in facts.seen.notices:
        if notice.opens is False:
            yield Proof(f'link "{notice.label[:80]}"', {"leads": notice.why})
    for click in dict.fromkeys(facts.seen.dead):
        yield Proof(click.said, {"does": "nothing"})
    if facts.seen.refuse is None and not facts.seen.cut_short:
        yield Proof("question", {"ways_to_refuse": 0})


def _longer_than_necessary(facts: Facts, limits: Limits) -> Iterable[Proof]:
    steps = facts.steps
    accept, known = steps["accept"], False
    for name in ("refuse", "withdraw"):
        taken, walked = steps[name], facts.seen.refuse if name == "refuse" else facts.seen.withdraw
        if accept is None or taken is None or walked is None:
            continue
        known = True
        if taken > accept:
            path = [click.said for click in walked.clicks]
            yield Proof(
                walked.clicks[-1].said, {f"steps_{name}": taken, "steps_accept": accept, "path": path}
            )
    if not known:
        raise Unseeable("no way to refuse or to withdraw was found to count")


def _misleading_action(facts: Facts, limits: Limits) -> Iterable[Proof]:
    for wording in facts.wording:
        if wording.finding == "label_is_no_yes":
            yield Proof(wording.element, {"label": wording.words, "does": "gives the consent"})
    if facts.seen.refuse_accepts and facts.no is not None:
        yield Proof(facts.no.said, {"does": "keeps and shows the same as accepting"})
    if facts.seen.close_accepts is not None:
        yield Proof(facts.seen.close_accepts.said, {"does": "keeps the same as accepting"})


def _lacking_hierarchy(facts: Facts, limits: Limits) -> Iterable[Proof]:
    long = [normal(s) for s in sentences_in(facts.prose) if words_in(s) >= limits["repeated_words_min"]]
    for sentence, times in Counter(long).items():
        if times > 1:
            yield Proof("notice", {"sentence": sentence[:80], "times": times})
    if facts.words > limits["words_without_heading_max"] and len(facts.layer.headings) < 2:
        yield Proof("notice", {"words": facts.words, "headings": len(facts.layer.headings)})


def _decontextualising(facts: Facts, limits: Limits) -> Iterable[Proof]:
    walked = [path for path in (facts.seen.refuse, facts.seen.withdraw) if path is not None]
    if not walked:
        raise Unseeable("no way to refuse or to withdraw was found to follow")
    odd = dict.fromkeys(
        click for path in walked for click in path.clicks if click.meaning in {"other", "close"}
    )
    yield from (Proof(click.said, {"names": "neither privacy nor settings"}) for click in odd)


def _inconsistent_places(facts: Facts, limits: Limits) -> Iterable[Proof]:
    first, walked = facts.first, facts.seen.refuse
    if walked is None or walked.start.key == first.key:
        return
    before, after = (
        _order(first.accepting, first.refusing),
        _order(walked.start.accepting, walked.start.refusing),
    )
    if before and after and before != after:
        yield Proof(
            walked.clicks[-1].said, {"yes_stands": f"{before} on the first layer, {after} on the next"}
        )


def _order(yes: Sequence[Control], no: Sequence[Control]) -> str | None:
    if not yes or not no:
        return None
    return "first" if (yes[0].y, yes[0].x) < (no[0].y, no[0].x) else "last"


def _inconsistent(views: Sequence[Facts], proofs: list[Proof]) -> tuple[list[Proof], list[str]]:
    """The same page on a desktop and on a phone, by its figures."""
    if len(views) < 2:
        return proofs, ["only one viewport was looked at"]
    compared = {
        "steps": lambda f: f.steps, "default_state": lambda f: f.default_state, "refuse": lambda f: f.no is not None,
        "purposes": lambda f: f.purposes,
    }  # fmt: skip
    for name, figure in compared.items():
        said = {facts.seen.viewport: figure(facts) for facts in views}
        if len({repr(value) for value in said.values()}) > 1:
            proofs.append(Proof("question", {name: said}))
    return proofs, []


def _language_discontinuity(facts: Facts, limits: Limits) -> Iterable[Proof]:
    notice, ui = facts.notice_language, facts.ui_language
    if notice is None or ui is None:
        raise Unseeable("there is too little text to tell its language")
    if notice != ui.split("-")[0].lower():
        yield Proof("notice", {"notice": notice, "page": facts.first.language, "asked": facts.asked_language})
    for linked in facts.seen.notices:
        if linked.language is not None and linked.language != notice:
            yield Proof(f'link "{linked.label[:80]}"', {"linked_notice": linked.language, "layer": notice})


def _conflicting_information(facts: Facts, limits: Limits) -> Iterable[Proof]:
    language = facts.notice_language
    proofs = []
    for _, control in facts.toggles:
        says = "off" if facts.lexicon.found("saying_off", control.name, language) else "on"
        wrong = control.checked if says == "off" else not control.checked
        if wrong and facts.lexicon.found(f"saying_{says}", control.name, language):
            proofs.append(Proof(control.said, {"says": says, "is": "on" if control.checked else "off"}))
    texts = [linked for linked in facts.seen.notices if linked.text]
    for linked in texts:
        proofs += _periods_apart(facts, linked.label, linked.text)
    if not proofs and not texts:
        raise Unseeable("there was no second text to compare the layer with")
    return proofs


def _periods_apart(facts: Facts, label: str, text: str) -> list[Proof]:
    """Where layer and linked notice count in the same unit and never agree."""
    here, there = _periods(facts, facts.prose), _periods(facts, text)
    shared = set(here) & set(there)
    apart = [unit for unit in sorted(shared) if not here[unit] & there[unit]]
    return [
        Proof(f'link "{label[:80]}"', {"unit": u, "layer": sorted(here[u]), "linked": sorted(there[u])})
        for u in apart
    ]


def _periods(facts: Facts, text: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for sentence in sentences_in(text):
        units = set(facts.lexicon.found("element.retention", sentence, facts.notice_language))
        for number, unit in PERIOD.findall(normal(sentence)):
            if unit in units:
                found.setdefault(unit, set()).add(int(number))
    return found


def _ambiguous_wording(facts: Facts, limits: Limits) -> Iterable[Proof]:
    unclear = {"vague_purpose", "double_negative", "label_is_no_yes"}
    for wording in facts.wording:
        if wording.finding in unclear:
            yield Proof(wording.element, {"finding": wording.finding, "words": wording.words})


def _two(ratio: float | None) -> float | None:
    return None if ratio is None else round(ratio, 2)


LOOKS: Mapping[str, Look] = {
    "continuous_prompting": _continuous_prompting,
    "privacy_maze": _privacy_maze,
    "too_many_options": _too_many_options,
    "deceptive_snugness": _deceptive_snugness,
    "look_over_there": _look_over_there,
    "emotional_steering": _emotional_steering,
    "hidden_in_plain_sight": _hidden_in_plain_sight,
    "dead_end": _dead_end,
    "longer_than_necessary": _longer_than_necessary,
    "misleading_action": _misleading_action,
    "lacking_hierarchy": _lacking_hierarchy,
    "decontextualising": _decontextualising,
    "inconsistent_interface": _inconsistent_places,
    "language_discontinuity": _language_discontinuity,
    "conflicting_information": _conflicting_information,
    "ambiguous_wording": _ambiguous_wording,
}
