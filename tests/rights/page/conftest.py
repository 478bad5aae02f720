"""One Chromium for all tests, and a local server with the invented pages.

Without Chromium or playwright the tests that need them are skipped and say so; with WITTING_REQUIRE_CHROMIUM=1 they fail.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from witting.errors import WittingError
from witting.rights.page import look
from witting.rights.page.chromium import find_chromium, open_chromium
from witting.rights.page.judge import PageReport, judge_page

PAGES = Path(__file__).parent / "pages"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUIRED = os.environ.get("WITTING_REQUIRE_CHROMIUM") == "1"


@dataclass
class Site:
    """A server on this machine: where it is, and what it was asked."""

    url: str
    asked: list[tuple[str, str]] = field(default_factory=list)  # method, path
    over: threading.Event = field(default_factory=threading.Event)


class Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, site: Site, **kwargs: Any) -> None:  # Any: the base class's own
        self.site = site
        super().__init__(*args, directory=str(PAGES), **kwargs)

    def do_GET(self) -> None:
        self.site.asked.append(("GET", self.path))
        if self.path == "/endless":
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Sparrow</title><p>It goes on")
            self.wfile.flush()
            self.site.over.wait(30)
        elif self.path == "/leave":
            self._page("<script>location = 'http://localhost:1/elsewhere'</script>")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.site.asked.append(("POST", self.path))
        self._page("thank you")

    def _page(self, body: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("access-control-allow-origin", "*")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="session")
def executable() -> Path:
    reason = None
    try:
        import playwright  # noqa: F401
    except ImportError:
        reason = "playwright is not installed: pip install 'witting[page]'"
    try:
        found = find_chromium()
    except WittingError:
        found, reason = Path(), reason or "Chromium is not installed: apt-get install chromium (Debian)"
    if reason:
        (pytest.fail if REQUIRED else pytest.skip)(reason)
    return found


@pytest.fixture(scope="session")
def chromium(executable: Path) -> Iterator[Any]:
    with open_chromium(executable, offline=False) as browser:
        yield browser


def _serve() -> Iterator[Site]:
    site = Site("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, site=site))
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield site
    site.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    yield from _serve()


@pytest.fixture
def elsewhere() -> Iterator[Site]:
    """Another origin: the same machine, another port."""
    yield from _serve()


@pytest.fixture
def look_at(chromium: Any, site: Site, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`look_at("good.html")`: served, desktop only. These pages ask at once, so a second question is not waited for long."""
    monkeypatch.setattr(look, "AGAIN_SECONDS", 0.1)

    def open_and_look(page: str, **options: Any) -> PageReport:
        where = page if "/" in page else f"{site.url}/{page}"
        asked = {"profile": "gdpr", "now": NOW, "viewports": ("desktop",), "browser": chromium, **options}
        return judge_page(where, **asked)

    return open_and_look
