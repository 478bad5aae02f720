"""One visit in a fresh profile: open, read, click, wait until the page is still, reload. Everything has a time limit.

Covers: real mouse clicks, dialogs (each answered and counted as a step), windows that open, pages that hang or crash.
What runs inside the page goes through the DevTools protocol with a limit on the client's side, because a page busy for
ever answers nothing else; closing the profile ends it. Not covered: what to click (`paths.py`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from witting.errors import UnreadablePage
from witting.rights.page.chromium import Fence, Target, origin
from witting.rights.page.screen import Control, Screen, read_screen
from witting.rights.page.words import Lexicon

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Dialog, Frame, Page, Request

STILL_SECONDS_MAX = 2.0  # after a click, a page gets this long to come to rest
NOTHING_SECONDS = 0.6  # a click that changed nothing for so long did nothing
PULSE_MS = 40
STILL_PULSES = 2
ANSWER_SECONDS_MAX = 8.0  # of one question to the page
APPEAR_SECONDS_MAX = 3.0  # a question may come a while after the page
DIALOGS_MAX = 12
WINDOWS_MAX = 4  # that one click may open
RETRIES_MAX = 6

VIEWPORTS: dict[str, dict[str, Any]] = {  # Any: keyword arguments of new_context
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}
# Consent layers hide from programs; what is judged is what people see. Chromium's reduced user agent, by viewport.
AGENT = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 {}Safari/537.36"
MACHINES = {"desktop": ("X11; Linux x86_64", ""), "phone": ("Linux; Android 10; K", "Mobile ")}


@dataclass(frozen=True)
class Setting:
    """What is the same for every visit of one look."""

    browser: Browser
    target: Target
    lexicon: Lexicon
    viewport: str
    language: str | None
    page_seconds: float
    deadline: float  # on the monotonic clock: no visit begins after it
    clock: Callable[[], float] = time.monotonic


@cache
def _probe() -> str:
    return (files("witting.rights.page") / "probe.js").read_text("utf-8")


class _Gone(UnreadablePage):
    """The document or window that was asked is not there any more."""


class Visit:
    """Holds a profile open; use in a `with`."""

    def __init__(self, setting: Setting) -> None:
        options, (machine, mobile) = VIEWPORTS[setting.viewport], MACHINES[setting.viewport]
        self.setting = setting
        self.fence = Fence(setting.target, {origin(setting.target.url)})
        self.dialogs = 0
        self.popups = 0
        self.crashed = False
        self.status: int | None = None
        self._flying = 0
        self._windows: list[Page] = []  # opened by the last click
        self._opening = True
        self._session: CDPSession | None = None
        self._world: int | None = None
        self._context = setting.browser.new_context(
            **options,
            user_agent=AGENT.format(machine, setting.browser.version.split(".")[0], mobile),
            locale=setting.language or "en-US",
            accept_downloads=False,
            service_workers="block",
            reduced_motion="reduce",
            offline=setting.target.is_file,
        )
        self._context.set_default_timeout(setting.page_seconds * 1000)
        self._context.on("dialog", self._answer)
        self._context.on("request", self._took_off)
        self._context.on("requestfinished", self._landed)
        self._context.on("requestfailed", self._landed)
        self.fence.stand_around(self._context)
        self._page = self._context.new_page()
        self._page.on("crash", self._fell)
        self._page.on("framenavigated", self._arrived)
        self._context.on("page", self._opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        from playwright.sync_api import Error

        with suppress(Error):
            self._context.close()

    def open(self, url: str | None = None) -> None:
        """Load the page. Raises UnreadablePage: no answer in time, an error status, a crash."""
        from playwright.sync_api import Error

        where = url or self.setting.target.url
        try:
            response = self._page.goto(
                where, wait_until="domcontentloaded", timeout=self.setting.page_seconds * 1000
            )
        except Error as error:
            raise self._unreadable(f"it did not open ({_reason(error)})") from error
        self.status = response.status if response else None
        self._opening = False
        self.settle()

    def reload(self) -> None:
        from playwright.sync_api import Error

        try:
            self._page.reload(wait_until="domcontentloaded", timeout=self.setting.page_seconds * 1000)
        except Error as error:
            raise self._unreadable(f"it did not load again ({_reason(error)})") from error
        self.settle()

    @property
    def url(self) -> str:
        return self._page.url

    def screen(self) -> Screen:
        """What a person sees now."""
        return read_screen(
            self.ask("collect"),
            lambda i: self.ask("layer", i),
            self.setting.lexicon,
            language=self.setting.language,
        )

    def wait_for_question(self, *, seconds: float = APPEAR_SECONDS_MAX) -> tuple[Screen, float]:
        """The screen once something asks, or as it is after `seconds`; and how long that took."""
        began = self.setting.clock()
        while True:
            screen = self.screen()
            passed = self.setting.clock() - began
            if screen.layer is not None or passed >= seconds:
                return screen, passed
            self._pause(150)

    def click(self, control: Control) -> bool:
        """Press it and wait until the page is still. False where it has gone, or twice nothing happened at all."""
        return self._press(control) or self._press(
            control
        )  # a page may not listen yet when its buttons are there

    def type(self, text: str) -> None:
        """Into the field that was clicked, as an input method does: all at once."""
        self._send("Input.insertText", {"text": text})
        self.settle()

    def _press(self, control: Control) -> bool:
        where = self.ask("point", control.i)
        if where is None:
            return False
        before = self._state()
        pressed = {"x": where[0], "y": where[1], "button": "left", "clickCount": 1}
        self._send("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": where[0], "y": where[1]})
        self._send("Input.dispatchMouseEvent", {"type": "mousePressed", **pressed})
        self._send("Input.dispatchMouseEvent", {"type": "mouseReleased", **pressed})
        self.settle(since=before[0])
        self._follow_window()
        return before != self._state()

    def _state(self) -> tuple[str, str, int, int, str]:
        return self.ask("pulse"), self._page.url, self.dialogs, len(self._context.pages), self.stored()

    def stored(self) -> str:
        """What the page keeps in this profile, as one text to compare."""
        from playwright.sync_api import Error

        try:
            cookies = sorted((c.get("name", ""), c.get("value", "")) for c in self._context.cookies())
        except Error as error:
            raise self._unreadable("the browser closed its profile") from error
        return json.dumps([cookies, self.ask("stored")])

    def _pause(self, ms: float) -> None:
        from playwright.sync_api import Error

        try:
            self._page.wait_for_timeout(ms)
        except Error as error:
            raise self._unreadable("it closed its own window") from error

    def settle(self, *, since: str | None = None) -> None:
        """Wait until nothing changes and nothing is on its way, two seconds at most."""
        end = self.setting.clock() + STILL_SECONDS_MAX
        patient = self.setting.clock() + NOTHING_SECONDS
        last, still = None, 0
        while self.setting.clock() < end:
            pulse = self.ask("pulse")
            still = still + 1 if pulse == last else 0
            waiting = pulse == since and self.setting.clock() < patient
            if still >= STILL_PULSES and self._flying <= 0 and not waiting:
                return
            last = pulse
            self._pause(PULSE_MS)

    def picture(self) -> bytes | None:
        """PNG of what is in view; None where the page gives none in time."""
        from playwright.sync_api import Error

        try:
            return self._page.screenshot(
                scale="css", animations="disabled", timeout=ANSWER_SECONDS_MAX * 1000
            )
        except Error:
            return None

    def ask(self, function: str, argument: object = None) -> Any:  # Any: JSON from the page
        """Call a function of the probe, putting it there first where it is missing."""
        call = f"witting.{function}({json.dumps(argument)})"
        for _ in range(RETRIES_MAX):
            if self._world is None:
                self._enter_page()
            answer = self._evaluate(call)
            if answer is not None:
                return answer.get("value")
            self._world = None  # the page went on to another document
            self._pause(PULSE_MS)
        raise self._unreadable("it never stops loading itself anew")

    def _enter_page(self) -> None:
        from playwright.sync_api import Error

        with suppress(Error):
            self._page.wait_for_load_state("domcontentloaded", timeout=self.setting.page_seconds * 1000)
        try:
            frame = self._send("Page.getFrameTree", {})["frameTree"]["frame"]["id"]
            made = self._send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "witting"})
            self._world = made["executionContextId"]
            self._evaluate(_probe())
        except _Gone:
            self._world = None

    def _evaluate(self, expression: str) -> dict[str, Any] | None:
        """None where the document it was asked in is gone."""
        if self._world is None:
            return None
        question = {"expression": expression, "contextId": self._world, "returnByValue": True}
        try:
            said = self._send("Runtime.evaluate", question)
        except _Gone:
            return None
        if "exceptionDetails" not in said:
            return said["result"]
        text = said["exceptionDetails"].get("exception", {}).get("description", "")
        if "witting is not defined" in text:
            return None
        raise self._unreadable(f"its content could not be read ({text.split(':')[0][:40]})")

    def _send(self, method: str, values: dict[str, Any]) -> dict[str, Any]:
        from playwright.sync_api import Error, TimeoutError

        if self.crashed:
            raise self._unreadable("it crashed the browser's tab")
        try:
            if self._session is None:
                self._session = self._context.new_cdp_session(self._page)
            return self._session.send(method, values, timeout=ANSWER_SECONDS_MAX * 1000)
        except TimeoutError as error:
            raise self._unreadable(
                f"it answers nothing for {ANSWER_SECONDS_MAX:.0f} s, busy with itself"
            ) from error
        except Error as error:
            raise _Gone(f"{self.setting.target.name} went to another document.") from error

    def _answer(self, dialog: Dialog) -> None:
        from playwright.sync_api import Error

        self.dialogs += 1
        with suppress(Error):
            if self.dialogs > DIALOGS_MAX:
                dialog.dismiss()
                self.crashed = True  # it would go on for ever
            elif dialog.type == "prompt":
                dialog.dismiss()
            else:
                dialog.accept()

    def _opened(self, page: Page) -> None:
        """A window the page opened: closed at once, unless a click did it."""
        from playwright.sync_api import Error

        self.popups += 1
        if not self._opening and len(self._windows) < WINDOWS_MAX:
            self._windows.append(page)
            return
        with suppress(Error):
            page.close()

    def _follow_window(self) -> None:
        """Go on in the window that the click opened where it is of the same site; close all others."""
        from playwright.sync_api import Error

        for page in self._windows:
            with suppress(Error):
                if page.url.startswith("http") and self.fence.holds(page.url):
                    self._page, self._session, self._world = page, None, None
                    page.on("crash", self._fell)
                else:
                    page.close()
        self._windows = []

    def _fell(self, _: Page) -> None:
        self.crashed = True

    def _arrived(self, frame: Frame) -> None:
        """Where the site's own server sends the first load is the site, too: http to https, to www."""
        if self._opening and frame.parent_frame is None and frame.url.startswith("http"):
            self.fence.origins.add(origin(frame.url))

    def _took_off(self, _: Request) -> None:
        self._flying += 1

    def _landed(self, _: Request) -> None:
        self._flying -= 1

    def _unreadable(self, why: str) -> UnreadablePage:
        return UnreadablePage(
            f"the page {self.setting.target.name} could not be looked at: {why}. Open it in a browser by hand; a slow "
            "page gets more time with --page-seconds."
        )


def _reason(error: Exception) -> str:
    """The kind of a driver's error, without its call log."""
    first = str(error).split("\n")[0]
    return first.split(" at ")[0].removeprefix("Page.goto: ").removeprefix("Page.reload: ")[:120]
