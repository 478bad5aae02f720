"""What one look says about the consent: defaults, purposes, bundling, wording, language, steps. Pure functions.

Covers: everything between what was seen (`look.py`) and what it is worth. Unknown is None. Not covered: the patterns.
Each word found keeps where it stood, as proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from witting.rights.page.look import Sighting, Walked
from witting.rights.page.measure import grade, language_of, prominence, sentences_in, words_in
from witting.rights.page.screen import Control, Layer, Screen, consent_toggles
from witting.rights.page.words import Lexicon, normal

PURPOSE_GROUPS = {
    "own_model": "fine_tune_own_model",
    "general_model": "train_general_model",
    "personalise_ads": "personalise_ads",
    "share_dataset": "share_dataset",
    "publish_dataset": "publish_dataset",
}
TRAINING = ("own_model", "general_model")
ELEMENTS = ("controller", "data_types", "human_review", "recipients", "retention", "model_permanence", "withdrawal",
            "rights", "authority", "transfers")  # fmt: skip
NEGATION_LAST = frozenset({"ja", "ko", "tr", "hi", "zh"})  # the verb, and its no, come after
TERMS_PAGE_WORDS_MIN = 600
VERSION = re.compile(r"\b(?:version|v\.)\s*(\d[\w.-]*)", re.IGNORECASE)
ANSWERING = frozenset({"refuse", "withdraw", "toggle", "save"})


@dataclass(frozen=True)
class Wording:
    """A finding of the wording lint: its name, where, and the words."""

    finding: str
    element: str
    words: str


@dataclass(frozen=True)
class Facts:
    seen: Sighting
    lexicon: Lexicon
    asked_language: str | None

    @property
    def first(self) -> Screen:
        return self.seen.first

    @cached_property
    def layer(self) -> Layer:
        layer = self.seen.first.layer
        assert layer is not None  # look() refuses a page without
        return layer

    @cached_property
    def notice_text(self) -> str:
        return self.layer.text.strip()

    @cached_property
    def prose(self) -> str:
        """The notice without the labels of its controls."""
        labels = {control.name for control in self.first.members}
        lines = [" ".join(line.split()) for line in self.notice_text.splitlines()]
        return "\n".join(line for line in lines if line and line not in labels)

    @cached_property
    def notice_language(self) -> str | None:
        tag = self.layer.lang or self.first.html_lang
        return language_of(self.prose) or language_of(self.notice_text) or tag.split("-")[0].lower() or None

    @property
    def ui_language(self) -> str | None:
        return self.asked_language or self.first.language

    @cached_property
    def words(self) -> int:
        return words_in(self.prose)

    @cached_property
    def grade(self) -> float | None:
        return grade(self.prose, self.notice_language)

    @cached_property
    def toggles(self) -> list[tuple[str, Control]]:
        """Switches of the consent, on the first layer and in the settings behind it."""
        rows = [("first layer", c) for c in consent_toggles(self.first, self.lexicon)]
        if self.seen.settings:
            names = {(c.role, c.name) for _, c in rows}
            behind = consent_toggles(self.seen.settings[1], self.lexicon)
            rows += [("settings", c) for c in behind if (c.role, c.name) not in names]
        return rows

    @cached_property
    def preset(self) -> list[tuple[str, Control]]:
        """What says yes before anybody touched it."""
        radios = [
            ("first layer", c)
            for c in self.first.members
            if c.role == "radio" and c.checked and c.meaning == "accept"
        ]
        return [(where, c) for where, c in self.toggles if c.on] + radios

    @property
    def default_state(self) -> str:
        radios = any(c.role == "radio" for c in self.first.members)
        return "on" if self.preset else "off" if self.toggles or radios else "none"

    @cached_property
    def yes(self) -> Control | None:
        """The control that completes a yes on the first layer."""
        ready = self.first.accepting or self.first.meaning("save") or self.first.meaning("proceed")
        return ready[0] if ready else next((c for _, c in self.toggles), None)

    @cached_property
    def no(self) -> Control | None:
        """The no beside it: the one that works, else the first; where a switch is left off, the button that saves that."""
        names = {click.name for click in self.seen.refuse.clicks[:1]} if self.seen.refuse else set()
        said = self.first.refusing
        if said:
            return next((c for c in said if c.name in names), said[0])
        by_switch = any(where == "first layer" for where, _ in self.toggles) or self._radios_of_no
        return self.yes if by_switch and not self.first.accepting else None

    @property
    def _radios_of_no(self) -> bool:
        return any(c.role == "radio" and c.meaning == "refuse" for c in self.first.members)

    @cached_property
    def prominence(self) -> dict[str, float | None] | None:
        if self.yes is None or self.no is None:
            return None
        return prominence(self.no, self.yes)

    @cached_property
    def purposes(self) -> list[str]:
        named = [purpose for group, purpose in PURPOSE_GROUPS.items() if self.asserted(group)]
        return named or (["improve_service"] if self.asserted("vague") else [])

    def asserted(self, group: str) -> list[str]:
        """Words of the group in sentences that do not deny them."""
        return [word for sentence in self.sentences for word in self._asserted_in(sentence, group)]

    def _asserted_in(self, sentence: str, group: str) -> list[str]:
        found = self.lexicon.found(group, sentence, self.notice_language)
        plain = normal(sentence)
        if self.notice_language in NEGATION_LAST:
            return [] if self._negated(plain) else found
        return [word for word in found if not self._negated(plain[: plain.find(word)])]

    def _negated(self, text: str) -> bool:
        return bool(self.lexicon.found("negator", text, self.notice_language))

    @cached_property
    def sentences(self) -> list[str]:
        return sentences_in(self.notice_text)

    @cached_property
    def bundled_with(self) -> list[str]:
        bundled = ["terms"] if self.bundling_sentence else []
        if {"password", "email"} & set(self.layer.fields):
            bundled.append("sign_up")
        if len(self.purposes) > max(1, len(self.toggles)):
            bundled.append("other_purposes")
        return bundled

    @cached_property
    def bundling_sentence(self) -> str | None:
        """A label or sentence by which one yes takes the terms as well."""
        labels = [
            c.name
            for c in self.first.members
            if c.meaning == "accept" and (not c.is_toggle or self._is_consent(c))
        ]
        accept = self.lexicon.patterns.get(self.notice_language or "", {}).get("accept")
        for sentence in [*labels, *self.sentences]:
            if (
                self.lexicon.found("terms", sentence, self.notice_language)
                and accept
                and accept.search(normal(sentence))
            ):
                only_terms = any(
                    c.name == sentence and not self._is_consent(c) and c.is_toggle for c in self.first.members
                )
                if not only_terms:
                    return sentence
        return None

    def _is_consent(self, control: Control) -> bool:
        return any(c.i == control.i for _, c in self.toggles)

    @cached_property
    def conditional_service(self) -> bool | None:
        if any(self._threatens(sentence) for sentence in self.sentences):
            return True
        after = self.seen.refuse.end.text if self.seen.refuse else ""
        if any(self._threatens(line) for line in after.splitlines() if line not in self.first.text):
            return True
        if self.seen.refuse is None:
            shut = self.layer.modal and not self.first.meaning("later", "close")
            return True if shut and not self.seen.cut_short else None
        return False if self.lexicon.found("unchanged", self.notice_text, self.notice_language) else None

    def _threatens(self, sentence: str) -> bool:
        """Something is lost by a no, in one sentence."""
        language = self.notice_language
        if not self.lexicon.found("loss", sentence, language) or self.lexicon.found(
            "unchanged", sentence, language
        ):
            return False
        return any(
            self.lexicon.found(group, sentence, language) for group in ("refuse", "accept", "negation")
        )

    @cached_property
    def wording(self) -> list[Wording]:
        language = self.notice_language
        found = [
            Wording("guilt", "notice", word) for word in self.lexicon.found("guilt", self.prose, language)
        ]
        for control in [c for c in self.first.members if c.meaning in {"refuse", "later", "close"}]:
            shaming = self.lexicon.found("guilt_refuse", control.name, language)
            shaming += self.lexicon.found("guilt", control.name, language)
            found += [Wording("guilt", control.said, word) for word in shaming]
        labels = [(c.said, c.name) for c in self.first.members]
        labels += [(f'heading "{text[:80]}"', text) for text in self.layer.headings]
        twice = [(said, text) for said, text in labels if self.lexicon.double_negative(text, language)]
        found += [Wording("double_negative", said, text[:120]) for said, text in twice]
        found += [Wording("vague_purpose", "notice", word) for word in dict.fromkeys(self.asserted("vague"))]
        if self.yes is not None and self.yes.meaning == "proceed" and not self._switched:
            found.append(Wording("label_is_no_yes", self.yes.said, self.yes.name))
        return found

    @property
    def _switched(self) -> bool:
        """Is the yes given by a switch that the person turns on?"""
        return bool(
            self.seen.accept
            and any(click.meaning == "toggle" or click.role == "radio" for click in self.seen.accept.clicks)
        )

    @cached_property
    def elements(self) -> list[str]:
        found = [
            name
            for name in ELEMENTS
            if self.lexicon.found(f"element.{name}", self.prose, self.notice_language)
        ]
        trains = any(self.asserted(group) for group in TRAINING)
        return [*(["purpose"] if self.purposes else []), *(["training_named"] if trains else []), *found]

    @property
    def action(self) -> str | None:
        if self.seen.accept is None or self.yes is None:
            return None
        if not self.seen.accept.clicks:
            return "prefilled"
        if self._switched:
            return "toggle_on"
        if self.yes.meaning == "accept":
            return "toggle_on" if self.yes.is_toggle else "click_button"
        return "prefilled" if self.preset else "continue_use"

    @cached_property
    def surface(self) -> str:
        title = self.first.title + "\n" + "\n".join(self.layer.headings[:1])
        if self.layer.kind == "dialog":
            return "just_in_time"
        if self.layer.kind == "fixed":
            return "banner"
        if self.lexicon.found("terms", title, self.notice_language) and self.words >= TERMS_PAGE_WORDS_MIN:
            return "terms_page"
        if self.lexicon.found("settings", title, self.notice_language):
            return "settings_menu"
        return "onboarding_screen" if {"password", "email"} & set(self.layer.fields) else "form"

    @property
    def steps(self) -> dict[str, int | None]:
        walked = self._paths()
        return {
            name: walked[name].steps if name in walked else None for name in ("accept", "refuse", "withdraw")
        }

    @property
    def depth(self) -> int | None:
        """Taps from the page after a yes to the screen that has the control to take it back."""
        if self.seen.withdraw is None:
            return None
        clicks = self.seen.withdraw.clicks
        return next((n for n, click in enumerate(clicks) if click.meaning in ANSWERING), len(clicks))

    @property
    def version(self) -> str | None:
        said = VERSION.search(self.notice_text)
        return self.first.version or (said[1] if said else None)

    @property
    def names_special(self) -> list[str]:
        return self.lexicon.found("special", self.notice_text, self.notice_language)

    def as_json(self) -> dict[str, object]:
        """The figures of this viewport, for the report."""
        return {
            "steps": self.steps,
            "paths": {name: [click.said for click in path.clicks] for name, path in self._paths().items()},
            "default_state": self.default_state,
            "preset": [{"where": where, "element": c.said} for where, c in self.preset],
            "accept": self.yes.said if self.yes else None,
            "refuse": self.no.said if self.no else None,
            "prominence": self.prominence,
            "layer": {
                "kind": self.layer.kind,
                "modal": self.layer.modal,
                "words": self.words,
                "grade": self.grade,
            },
            "language": {
                "notice": self.notice_language,
                "page": self.first.language,
                "asked": self.asked_language,
            },
            "purposes": self.purposes,
            "bundled_with": self.bundled_with,
            "asked_again_after_refusal": self.seen.asked_again,
            "notices": [
                {"label": n.label, "opens": n.opens, "why": n.why, "language": n.language}
                for n in self.seen.notices
            ],
            "dialogs": self.seen.dialogs,
            "popups": self.seen.popups,
            "blocked": dict(self.seen.blocked),
            "frames_not_looked_into": self.first.foreign_frames,
            "cut_short": self.seen.cut_short,
        }

    def _paths(self) -> dict[str, Walked]:
        named = {"accept": self.seen.accept, "refuse": self.seen.refuse, "withdraw": self.seen.withdraw}
        return {name: path for name, path in named.items() if path is not None}
