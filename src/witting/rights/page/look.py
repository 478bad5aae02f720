"""A page looked at in one viewport: every visit that is needed, and what was seen.

Covers: the order of visits and what each is for. Not covered: judging (`patterns.py`, `record.py`).
A look says yes on the page, says no on the page, and takes the yes back: on a live site these are real answers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urldefrag

from witting.errors import UnreadablePage
from witting.rights.page.measure import language_of
from witting.rights.page.paths import Click, Found, Search, click_of, walk
from witting.rights.page.screen import Control, Screen, consent_toggles
from witting.rights.page.visit import Setting, Visit

RELOADS = 2  # after a no
NOTICES_MAX = 3
NOTHING_KEPT = json.dumps([[], "[[],[]]"])  # no cookie, empty stores
AGAIN_SECONDS = 0.3  # beyond the time the question took to come the first time


@dataclass(frozen=True)
class Linked:
    """A notice the layer links to."""

    label: str
    href: str
    opens: bool | None  # None: on another site, not followed
    why: str
    text: str = ""
    language: str | None = None


@dataclass(frozen=True)
class Walked:
    """A path that worked, as figures."""

    clicks: tuple[Click, ...]
    steps: int
    start: Screen
    end: Screen
    kept: str


@dataclass
class Sighting:
    """All that was seen in one viewport."""

    viewport: str
    first: Screen
    appeared_seconds: float
    accept: Walked | None = None
    refuse: Walked | None = None
    withdraw: Walked | None = None
    settings: tuple[Click, Screen] | None = None
    notices: list[Linked] = field(default_factory=list)
    asked_again: int | None = None  # of RELOADS; None: could not be tried
    dead: list[Click] = field(default_factory=list)
    close_accepts: Control | None = None
    refuse_accepts: bool = False
    cut_short: bool = False
    dialogs: int = 0
    popups: int = 0
    blocked: Counter[str] = field(default_factory=Counter)
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def toggles_from(self) -> list[Screen]:
        return [self.first, *([self.settings[1]] if self.settings else [])]


def look(setting: Setting, *, pictures: bool) -> Sighting:
    """Raises UnreadablePage: it does not open, or nothing on it asks for a consent."""
    visit = Visit(setting)
    try:
        visit.open()
        if visit.status is not None and visit.status >= 400:
            raise UnreadablePage(f"the page {setting.target.name} answers with the error {visit.status}.")
        first, appeared = visit.wait_for_question()
    except BaseException:
        visit.close()
        raise
    seen = Sighting(setting.viewport, first, appeared, popups=visit.popups)
    shoot = _shooter(seen, pictures)
    shoot(visit, "accept")
    if first.layer is None:
        visit.close()
        raise UnreadablePage(
            f"nothing on the page {setting.target.name} asks for a consent in the {len(setting.lexicon.languages)} "
            f"languages known here ({', '.join(setting.lexicon.languages)}). Is it behind a sign-in, or in a frame of another site?"
        )
    seen.accept, after_yes = _say_yes(setting, seen, visit, shoot)
    if seen.accept is not None:
        seen.withdraw = _take_back(setting, seen, seen.accept, after_yes, shoot)
    seen.refuse = _say_no(setting, seen, shoot)
    _open_settings(setting, seen, shoot)
    _close(setting, seen)
    _follow_notices(setting, seen)
    seen.refuse_accepts = _same_outcome(seen.accept, seen.refuse)
    return seen


Shoot = Callable[[Visit, str], None]


def _shooter(seen: Sighting, wanted: bool) -> Shoot:
    def shoot(visit: Visit, name: str) -> None:
        picture = visit.picture() if wanted else None
        if picture is not None:
            seen.pictures[f"{seen.viewport}-{name}.png"] = picture

    return shoot


def _say_yes(
    setting: Setting, seen: Sighting, visit: Visit, shoot: Shoot
) -> tuple[Walked | None, Visit | None]:
    """The way to a yes, and the visit that stands at its end. Where the switch is on already, it takes no step."""
    search = Search(setting, "accept")
    found = search.find(seen.first, visit=visit)
    _note(seen, search)
    if found is None:
        given = any(c.on for c in consent_toggles(seen.first, setting.lexicon))
        return (Walked((), 0, seen.first, seen.first, "") if given else None), None
    shoot(found.visit, "accepted")
    return _end(seen, found), found.visit


def _say_no(setting: Setting, seen: Sighting, shoot: Shoot) -> Walked | None:
    search = Search(setting, "refuse")
    found = search.find(seen.first)
    _note(seen, search)
    if found is None:
        return None
    _picture_way(setting, seen, found, shoot)
    shoot(found.visit, "refused")
    seen.asked_again = _reload(seen, found.visit)
    found.visit.close()
    return _end(seen, found)


def _reload(seen: Sighting, visit: Visit) -> int | None:
    """How often of RELOADS the question comes back. A page that is itself the question cannot be asked so."""
    layer = seen.first.layer
    if layer is None or layer.kind == "page":
        return None
    asked = 0
    for _ in range(RELOADS):
        try:
            visit.open()
            screen, _ = visit.wait_for_question(seconds=seen.appeared_seconds + AGAIN_SECONDS)
        except UnreadablePage:
            return None
        asked += screen.layer is not None and screen.layer.kind != "page" and screen.asks_again
    return asked


def _take_back(
    setting: Setting, seen: Sighting, yes: Walked, after_yes: Visit | None, shoot: Shoot
) -> Walked | None:
    search = Search(setting, "withdraw", before=yes.clicks)
    found = search.find(yes.end, visit=after_yes)
    _note(seen, search)
    if found is None:
        return None
    shoot(found.visit, "withdrawn")
    found.visit.close()
    return _end(seen, found)


def _picture_way(setting: Setting, seen: Sighting, found: Found, shoot: Shoot) -> None:
    """The screens between the question and a no that is further away."""
    if len(found.clicks) < 2 or setting.clock() > setting.deadline:
        return
    with suppress(UnreadablePage), Visit(setting) as visit:
        visit.open()
        visit.wait_for_question()
        for step, click in enumerate(found.clicks[:-1], start=1):
            if walk(visit, [click]) is None:
                return
            shoot(visit, f"refuse-{step}")


def _open_settings(setting: Setting, seen: Sighting, shoot: Shoot) -> None:
    """The layer behind "manage options": what stands switched on there."""
    doors = [c for c in seen.first.members if c.meaning == "settings" and not c.is_toggle]
    if not doors or setting.clock() > setting.deadline:
        return
    with suppress(UnreadablePage), Visit(setting) as visit:
        visit.open()
        visit.wait_for_question()
        click = click_of(seen.first, doors[0])
        screen = walk(visit, [click])
        if screen is None:
            return
        if screen.key == seen.first.key:
            seen.dead.append(click)
        elif consent_toggles(screen, setting.lexicon):
            seen.settings = (click, screen)
            shoot(visit, "settings")


def _close(setting: Setting, seen: Sighting) -> None:
    """Does closing the layer keep the same as saying yes?"""
    doors = seen.first.meaning("close")
    if not doors or seen.accept is None or setting.clock() > setting.deadline:
        return
    with suppress(UnreadablePage), Visit(setting) as visit:
        visit.open()
        visit.wait_for_question()
        blank = visit.stored()
        screen = walk(visit, [click_of(seen.first, doors[0])])
        if screen is not None and visit.stored() == seen.accept.kept != blank:
            seen.close_accepts = doors[0]


def _follow_notices(setting: Setting, seen: Sighting) -> None:
    links = [
        c for c in seen.first.members if c.role == "link" and c.meaning in {"notice", "settings"} and c.href
    ]
    for link in links[:NOTICES_MAX]:
        if setting.clock() > setting.deadline:
            return
        seen.notices.append(_follow(setting, seen, link))


def _follow(setting: Setting, seen: Sighting, link: Control) -> Linked:
    address, fragment = urldefrag(link.href)
    try:
        with Visit(setting) as visit:
            if address == urldefrag(seen.first.url)[0]:
                visit.open()
                there = bool(visit.ask("target", fragment))
                return Linked(
                    link.name, link.href, there, "" if there else "the place it points to does not exist"
                )
            if not link.href.startswith(_site(seen.first.url)):
                return Linked(link.name, link.href, None, "on another site, not followed")
            visit.open(link.href)
            text = visit.ask("text") or ""
            if visit.status is not None and visit.status >= 400:
                return Linked(link.name, link.href, False, f"answers with the error {visit.status}")
            return Linked(
                link.name,
                link.href,
                bool(text.strip()),
                "" if text.strip() else "an empty page",
                text,
                language_of(text),
            )
    except UnreadablePage:
        return Linked(link.name, link.href, False, "it does not open")


def _site(url: str) -> str:
    return "/".join(url.split("/")[:3]) + "/"


def _same_outcome(yes: Walked | None, no: Walked | None) -> bool:
    """Is what the page keeps and shows after a no the same as after a yes?"""
    if yes is None or no is None:
        return False
    return yes.kept == no.kept != NOTHING_KEPT and yes.end.text == no.end.text


def _note(seen: Sighting, search: Search) -> None:
    seen.cut_short |= search.cut_short
    seen.dead += [
        click
        for click in search.dead
        if click.meaning in {"refuse", "withdraw", "settings", "notice", "save"}
    ]


def _end(seen: Sighting, found: Found) -> Walked:
    seen.dialogs += found.visit.dialogs
    seen.popups += found.visit.popups
    seen.blocked += found.visit.fence.blocked
    return Walked(found.clicks, found.steps, found.start, found.end, found.kept)
