"""How far is it to a yes, to a no, and back? A bounded search over real clicks, the cheapest path first.

Covers: uniform-cost search (Dijkstra) over screens told apart by their hash, each action tried in a fresh profile by
doing the same clicks again; switches and the button that saves them as one action of several clicks; a browser dialog
counts as a click. Not covered: typing, dragging, scrolling as a step of its own.

A click is done with when the question is gone, when the page keeps something it did not keep, or when the same layer
says something else. A new layer that asks once more is on the way, not the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from witting.errors import UnreadablePage
from witting.rights.page.screen import Control, Screen, consent_toggles
from witting.rights.page.visit import Setting, Visit

CLICKS_MAX = 6  # further than this nobody goes
VISITS_MAX = 30  # a path
OTHERS_MAX = 6  # controls of unknown meaning tried on a screen
# Where a person who wants something else than yes would look first.
RANKS = {
    "refuse": 0,
    "withdraw": 0,
    "save": 1,
    "settings": 2,
    "later": 4,
    "notice": 5,
    "other": 6,
    "close": 7,
}
WAY_ON = 10  # rank of what may lead on, after all that may answer
TO_NO = frozenset({"refuse", "withdraw"})


@dataclass(frozen=True)
class Click:
    """A control to press, found again on another visit by what it says."""

    role: str
    name: str
    nth: int
    meaning: str

    @property
    def said(self) -> str:
        return f'{self.role} "{self.name[:80]}"'


Action = tuple[Click, ...]


@dataclass
class Found:
    """A path that worked. The visit stays open at its end: close it."""

    clicks: tuple[Click, ...]
    steps: int  # clicks and the dialogs that had to be answered
    start: Screen  # where its last action began
    end: Screen
    visit: Visit
    kept: str  # what the page keeps at its end


@dataclass
class Search:
    """One goal on one page. What it saw on the way stays with it."""

    setting: Setting
    goal: str  # accept | refuse | withdraw
    before: tuple[Click, ...] = ()  # done first and not counted: the yes that is to be taken back
    seen: set[str] = field(default_factory=set)
    dead: list[Click] = field(default_factory=list)  # pressed, and nothing happened
    visits: int = 0
    cut_short: bool = False

    def find(self, root: Screen, *, visit: Visit | None = None) -> Found | None:
        """The cheapest path from `root`; `visit` stands there already and may be used for the first try."""
        heap: list[tuple[int, int, int, tuple[Click, ...], Action]] = []
        order = count()
        self._push(heap, order, root, (), known=set())
        while heap:
            cost, _, _, done, action = heapq.heappop(heap)
            if self.visits >= VISITS_MAX or self.setting.clock() > self.setting.deadline:
                self.cut_short = True
                break
            found = self._try(done, action, visit)
            visit = None
            if isinstance(found, Found):
                return found
            if found is not None and cost < CLICKS_MAX and found[1].key not in self.seen:
                start, end = found
                known = {(c.role, c.name) for c in start.controls}
                self._push(heap, order, end, (*done, *action), known=known)
        if visit is not None:
            visit.close()
        return None

    def _push(
        self,
        heap: list[tuple[int, int, int, tuple[Click, ...], Action]],
        order: Iterator[int],
        screen: Screen,
        done: tuple[Click, ...],
        *,
        known: set[tuple[str, str]],  # on the screen before: a way on from there was tried from there
    ) -> None:
        self.seen.add(screen.key)
        for rank, action in ACTIONS[self.goal](screen, self.setting):
            if rank >= WAY_ON and (action[0].role, action[0].name) in known:
                continue
            heapq.heappush(heap, (len(done) + len(action), rank, next(order), done, action))

    def _try(
        self, done: tuple[Click, ...], action: Action, visit: Visit | None
    ) -> Found | tuple[Screen, Screen] | None:
        """Do it on a fresh visit: the path found, else the screens before and after, or nothing."""
        self.visits += 1
        here = visit or Visit(self.setting)
        keep = False
        try:
            if visit is None:
                here.open()
                here.wait_for_question()
                if walk(here, self.before) is None:
                    return None
            dialogs = here.dialogs
            start = walk(here, done)
            if start is None:
                return None
            kept = here.stored()
            end = walk(here, action, on_dead=lambda click: self._nothing_from(click, done))
            if end is None or not here.fence.holds(here.url):
                return None
            kept_now = here.stored()
            if self._answered(action[-1], start, end, changed=kept != kept_now):
                keep = True
                steps = len(done) + len(action) + here.dialogs - dialogs
                return Found((*done, *action), steps, start, end, here, kept_now)
            return (start, end) if end.key != start.key else None
        except UnreadablePage:
            return None  # this way leads into a page that hangs: no way
        finally:
            if not keep:
                here.close()

    def _nothing_from(self, click: Click, done: tuple[Click, ...]) -> None:
        if click not in done:  # pressed a second time, what is open already may well do nothing
            self.dead.append(click)

    def _answered(self, last: Click, start: Screen, end: Screen, *, changed: bool) -> bool:
        """Was the last click the answer that this search is for?"""
        if last.meaning not in ANSWERS[self.goal]:
            return False
        if end.key == start.key and not changed:
            return False
        if _asks_once_more(start, end):
            return False
        if end.layer is None or not end.asks_again:
            return True
        same = end.signature == start.signature
        gone = not any(c.name == last.name and c.role == last.role for c in end.members)
        return (
            changed
            or (same and end.text != start.text)
            or (self.goal != "refuse" and gone)
            or _turned(last, start, end)
        )


ANSWERS = {
    "accept": frozenset({"accept", "proceed", "save", "toggle"}),
    "refuse": TO_NO | {"save", "proceed", "toggle"},
    "withdraw": TO_NO | {"save", "toggle"},
}


def _asks_once_more(start: Screen, end: Screen) -> bool:
    """Another layer than before that has a yes or a no to press: "are you sure?"."""
    if end.layer is None or end.signature == start.signature or not end.asks_again:
        return False
    in_front = end.layer.kind != "page"
    return bool(end.refusing and end.meaning("accept", "proceed", "later", "close", "other")) or (
        in_front and bool(end.meaning("accept", "refuse", "withdraw"))
    )


def _turned(last: Click, start: Screen, end: Screen) -> bool:
    """Is the switch that was pressed now the other way round?"""
    was = [c.checked for c in start.controls if (c.role, c.name) == (last.role, last.name)]
    now = [c.checked for c in end.controls if (c.role, c.name) == (last.role, last.name)]
    return last.meaning == "toggle" and was != now


def walk(
    visit: Visit, clicks: Sequence[Click], *, on_dead: Callable[[Click], None] | None = None
) -> Screen | None:
    """Press one after the other; the screen after the last, None where one could not be found again."""
    screen = visit.screen()
    for click in clicks:
        control = _find(screen, click)
        if control is None:
            return None
        if not visit.click(control) and on_dead is not None:
            on_dead(click)
        screen = visit.screen()
    return screen


def _find(screen: Screen, click: Click) -> Control | None:
    same = [c for c in screen.controls if (c.role, c.name) == (click.role, click.name)]
    return same[click.nth] if click.nth < len(same) else None


def click_of(screen: Screen, control: Control) -> Click:
    same = [c.i for c in screen.controls if (c.role, c.name) == (control.role, control.name)]
    meaning = "toggle" if control.is_toggle else control.meaning
    return Click(control.role, control.name, same.index(control.i), meaning)


Ranked = list[tuple[int, Action]]


def _to_accept(screen: Screen, setting: Setting) -> Ranked:
    """A yes button; with switches that must be on first; a switch and the button that saves it; else to carry on."""
    toggles = consent_toggles(screen, setting.lexicon)
    off = [click_of(screen, c) for c in toggles if not c.on]
    boxes = [
        click_of(screen, c)
        for c in screen.members
        if c.role == "checkbox" and not c.checked and not c.disabled
    ]
    radios = [
        click_of(screen, c)
        for c in screen.members
        if c.role == "radio" and c.meaning == "accept" and not c.checked
    ]
    go = screen.meaning("save") or screen.meaning("proceed")
    ready = [c for c in screen.accepting if not c.disabled]
    actions: Ranked = [(0, (click_of(screen, c),)) for c in ready]
    if not ready and screen.accepting:
        actions.append((1, (*boxes, click_of(screen, screen.accepting[0]))))
    if not screen.accepting and go and (toggles or radios):
        actions.append((1, (*off, *radios[:1], click_of(screen, go[0]))))
    elif not screen.accepting and go:
        actions.append((2, (click_of(screen, go[0]),)))
    elif not screen.accepting and off:
        actions.append((2, tuple(off)))
    return actions


def _to_refuse(screen: Screen, setting: Setting) -> Ranked:
    return [*_noes(screen, setting), *_ways_on(screen)]


def _to_withdraw(screen: Screen, setting: Setting) -> Ranked:
    back = [c for c in screen.controls if c.meaning == "withdraw" and not c.is_toggle and c.perceived]
    actions = [(0, (click_of(screen, c),)) for c in back]
    return [*actions, *_noes(screen, setting), *_ways_on(screen, everywhere=True)]


def _noes(screen: Screen, setting: Setting) -> Ranked:
    toggles = consent_toggles(screen, setting.lexicon)
    on = [click_of(screen, c) for c in toggles if c.on]
    radios = [click_of(screen, c) for c in screen.members if c.role == "radio" and c.meaning == "refuse"]
    go = screen.meaning("save") or (screen.meaning("proceed") if toggles or radios else [])
    said = [
        c
        for c in screen.controls
        if c.meaning == "refuse" and not c.is_toggle and c.perceived and not c.disabled
    ]
    actions: Ranked = [(0, (click_of(screen, c),)) for c in said]
    if go and (toggles or radios):
        unset = [r for r in radios[:1] if not _checked(screen, r)]
        actions.append((1, (*on, *unset, click_of(screen, go[0]))))
    elif on:
        actions.append((1, tuple(on)))
    return actions


def _checked(screen: Screen, click: Click) -> bool:
    control = _find(screen, click)
    return bool(control and control.checked)


def _ways_on(screen: Screen, *, everywhere: bool = False) -> Ranked:
    """Where else a person might look: settings, more, then whatever is left in the layer."""
    open_ = [
        c for c in screen.controls if not c.is_toggle and not c.disabled and c.role != "field" and c.perceived
    ]
    inside = {c.i for c in screen.members}
    known = [c for c in open_ if c.meaning in {"settings", "later", "notice"}]
    rest = [c for c in open_ if c.meaning in {"other", "close"} and (everywhere or c.i in inside)]
    away = ("mailto:", "tel:", "javascript:void")
    ways = [c for c in (*known, *rest[:OTHERS_MAX]) if not c.href.startswith(away)]
    return [(WAY_ON + RANKS[c.meaning], (click_of(screen, c),)) for c in ways]


ACTIONS: dict[str, Callable[[Screen, Setting], Ranked]] = {
    "accept": _to_accept,
    "refuse": _to_refuse,
    "withdraw": _to_withdraw,
}
