"""A Chromium to look through: found, started with its own traffic switched off, and fenced to one page.

Covers: which browser, how it starts, and what the page in it may reach. A FILE is opened offline: it and what lies
beside it are answered from the disk under a name that exists nowhere, everything else is refused. From a URL the page
loads what it asks for, and nothing is sent elsewhere: to another origin no form, no POST, no beacon, no socket, no
navigation. Not covered: a redirect that the site's own server answers with.
Browser and driver: Playwright for Python, https://playwright.dev/python/docs/api/class-browsertype#browser-type-launch.
"""

from __future__ import annotations

import mimetypes
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from witting.errors import MissingExtra, UnreadablePage, UsageError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route, WebSocketRoute

ENVIRONMENT = "WITTING_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--no-first-run",
    "--dns-prefetch-disable",
    "--disable-blink-features=AutomationControlled",  # what hides from programs is shown to people
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
)
NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND"  # nothing resolves: for pages that are files
NOWHERE = "http://page.invalid"  # RFC 2606 §2: never a real name
FILE_BYTES_MAX = 32 << 20
START_SECONDS_MAX = 30.0
# Ways out of a page that a request filter does not see.
NO_SIDE_DOORS = (
    "delete window.RTCPeerConnection; delete window.webkitRTCPeerConnection; delete window.WebTransport;"
)


@dataclass(frozen=True)
class Target:
    """The page to look at: a URL, or a file and the folder it lies in."""

    name: str  # as it was asked for
    url: str
    folder: Path | None = None

    @property
    def is_file(self) -> bool:
        return self.folder is not None


@dataclass
class Fence:
    """What one profile may reach, and what it was refused."""

    target: Target
    origins: set[str]  # of the page itself
    blocked: Counter[str] = field(default_factory=Counter)

    def stand_around(self, context: BrowserContext) -> None:
        context.route(re.compile(".*"), self._route)
        context.route_web_socket(re.compile(".*"), self._socket)
        context.add_init_script(NO_SIDE_DOORS)

    def holds(self, url: str) -> bool:
        """Is this address of the page's own origin?"""
        return origin(url) in self.origins or url.startswith(("about:", "data:", "blob:"))

    def _route(self, route: Route) -> None:
        from playwright.sync_api import Error

        with suppress(Error, OSError):  # a page that goes away in the middle of it has no use for an answer
            self._answer(route)

    def _answer(self, route: Route) -> None:
        request = route.request
        if self.target.folder is not None:
            self._from_disk(route)
        elif self.holds(request.url):
            route.continue_()
        elif request.is_navigation_request() and request.frame.parent_frame is None:
            self._refuse(route, "navigation to another origin")
        elif request.method not in {"GET", "HEAD"} or request.resource_type in {"ping", "cspreport"}:
            self._refuse(route, "sending to another origin")
        else:
            route.continue_()

    def _refuse(self, route: Route, why: str) -> None:
        self.blocked[why] += 1
        if route.request.is_navigation_request():
            route.fulfill(status=204)  # RFC 9110 §15.3.5: the page stays as it is
        else:
            route.abort("blockedbyclient")

    def _from_disk(self, route: Route) -> None:
        folder, url = self.target.folder, route.request.url
        if folder is None or origin(url) != NOWHERE:
            self._refuse(route, "a page from a file is opened offline")
            return
        path = (folder / unquote(urlsplit(url).path).lstrip("/")).resolve()
        if not path.is_relative_to(folder) or not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            route.fulfill(status=404, content_type="text/plain", body="not found")
            return
        kind = mimetypes.guess_type(path.name)[0] or "text/html"
        charset = "; charset=utf-8" if kind.startswith("text/") else ""
        route.fulfill(status=200, content_type=kind + charset, body=path.read_bytes())

    def _socket(self, socket: WebSocketRoute) -> None:
        from playwright.sync_api import Error

        with suppress(Error):
            self._join(socket)

    def _join(self, socket: WebSocketRoute) -> None:
        if self.target.is_file or origin(socket.url.replace("ws", "http", 1)) not in self.origins:
            self.blocked["a socket to another origin"] += 1
            socket.close()
        else:
            socket.connect_to_server()


def read_target(page: str) -> Target:
    """Raises UsageError for what is neither an http(s) address nor a file."""
    parts = urlsplit(page)
    if parts.scheme in {"http", "https"} and parts.netloc:
        return Target(page, page)
    path = Path(unquote(parts.path) if parts.scheme == "file" else page)
    if not path.is_file():
        raise UsageError(f"--page is an http(s) address or an HTML file; there is no file {path}.")
    path = path.resolve()
    return Target(page, f"{NOWHERE}/{path.name}", path.parent)


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def find_chromium(named: Path | None = None, *, environment: Mapping[str, str] = os.environ) -> Path:
    """The browser: the one named, else of the environment, else by well-known names. Raises UsageError."""
    said = named or (Path(environment[ENVIRONMENT]) if environment.get(ENVIRONMENT) else None)
    if said is not None:
        found = shutil.which(said)
        if found is None:
            raise UsageError(f"there is no program {said} (--browser, {ENVIRONMENT}).")
        return Path(found)
    for name in (*NAMES, *PLACES):
        if found := shutil.which(name):
            return Path(found)
    raise UsageError(
        "no Chromium was found. Install one (Debian: apt-get install chromium; macOS: brew install --cask chromium), "
        f"or name it with --browser or {ENVIRONMENT}."
    )


@contextmanager
def open_chromium(executable: Path, *, offline: bool) -> Iterator[Browser]:
    """A browser of our own, closed at the end. Raises MissingExtra, UnreadablePage (it does not start)."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise MissingExtra(
            "looking at a page needs the extra `page`: pip install 'witting[page]' (it brings no browser; "
            "Debian: apt-get install chromium)."
        ) from error
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(
                executable_path=executable,
                args=[*FLAGS, *([NO_NAMES] if offline else [])],
                chromium_sandbox=not root,  # Chromium refuses to be sandboxed as root
                headless=True,
                timeout=START_SECONDS_MAX * 1000,
            )
        except Error as error:
            raise UnreadablePage(
                f"{executable} did not start as a headless browser ({type(error).__name__}). Try it by hand: "
                f"{executable} --headless --dump-dom about:blank; another one is named with --browser."
            ) from error
        try:
            yield browser
        finally:
            browser.close()


def open_browser(
    browser: Browser | None, executable: Path | None, *, offline: bool
) -> AbstractContextManager[Browser]:
    """The browser that stands open already, left open; else one of our own."""
    return nullcontext(browser) if browser else open_chromium(find_chromium(executable), offline=offline)
