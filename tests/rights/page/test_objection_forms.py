"""The form that objects, tried in a real browser: what it asks, whether it takes it, and whether the objection arrives."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import Said, witting
from rights.page.conftest import PAGES, Site
from witting.rights.event import RightsEvent
from witting.rights.page.objection import Tried, try_objection
from witting.rights.record import record
from witting.workspace import Workspace

HANDLE = "live:probe-2026-11"


def tried(site: Site, page: str, chromium: Any) -> Tried:
    return try_objection(f"{site.url}/{page}", "probe@example.org", browser=chromium)


def test_a_form_with_one_field_is_taken_without_more(site: Site, chromium: Any) -> None:
    said = tried(site, "object.html", chromium)
    assert (said.taken, said.account_required, said.reason_required, said.extra_fields) == (
        True,
        False,
        False,
        (),
    )
    assert ("POST", "/objected") in site.asked
    assert all(picture[:8] == b"\x89PNG\r\n\x1a\n" for picture in said.pictures.values())
    assert set(said.pictures) == {"form.png", "sent.png"}
    assert not said.receipt_shown  # "thank you" confirms nothing


def test_a_receipt_is_read_in_the_language_of_the_page(site: Site, chromium: Any) -> None:
    said = tried(site, "einspruch.html", chromium)
    assert (said.taken, said.receipt_shown, said.extra_fields) == (True, True, ())


@pytest.mark.parametrize(
    ("page", "reason", "fields"),
    [
        ("object-with-reason.html", True, ("Tell us why", "Phone")),
        ("object-scolds.html", False, ("Full name",)),
    ],
)
def test_what_a_form_insists_on_is_named(
    site: Site, chromium: Any, page: str, reason: bool, fields: tuple[str, ...]
) -> None:
    said = tried(site, page, chromium)
    assert (said.taken, said.reason_required, said.extra_fields) == (False, reason, fields)
    assert "receipt_sent" not in said.as_probe(made_at=datetime(2026, 11, 24, tzinfo=UTC))


def test_a_form_behind_a_password_asks_for_an_account(site: Site, chromium: Any) -> None:
    before = len(site.asked)
    said = tried(site, "object-login.html", chromium)
    assert (said.account_required, said.taken) == (True, False)
    assert [method for method, _ in site.asked[before:]] == ["GET"]  # nothing was sent
    probe = said.as_probe(made_at=datetime(2026, 11, 24, tzinfo=UTC))
    assert "reason_required" not in probe


class Shop(SimpleHTTPRequestHandler):
    """A form whose server records what it is sent."""

    def __init__(self, *args: Any, workspace: Path, **kwargs: Any) -> None:  # Any: the base class's own
        self.workspace = workspace
        super().__init__(*args, directory=str(PAGES), **kwargs)

    def do_POST(self) -> None:
        house, at = Workspace.open(self.workspace), datetime.now(UTC)
        event = RightsEvent(kind="objection", subject=HANDLE, occurred_at=at)
        record([event], vault=house.vault, ledger=house.ledger, packs=house.packs, now=at)
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<p>Your objection is recorded. Reference 4711.</p>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "workspace"
    Workspace.create(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Shop, workspace=root))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/object.html", root
    server.shutdown()
    server.server_close()


def probe(url: str, root: Path, out: Path, executable: Path, *words: str) -> Said:
    return witting(
        "rights", "probe", url, "--handle", HANDLE, "--out", out, "--workspace", root, "--browser", executable, "--json", *words
    )  # fmt: skip


def test_an_objection_that_arrives_is_a_probe_that_assess_believes(
    shop: tuple[str, Path], executable: Path, tmp_path: Path
) -> None:
    url, root = shop
    said = probe(url, root, tmp_path / "out", executable, "--open-since", "2026-01-01")
    assert (said.code, said.json["problems"]) == (0, []), said.err
    kept = json.loads((tmp_path / "out" / "probe.json").read_text("utf-8"))
    assert (kept["handle"], kept["auto_granted"], kept["receipt_sent"]) == (HANDLE, True, True)
    assert len(kept["screenshots"]) == 2
    again = probe(url, root, tmp_path / "again", executable)
    assert again.code == 2  # that person is known now: invent another
    assert HANDLE not in again.err


def test_an_objection_that_never_arrives_proves_nothing(site: Site, executable: Path, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    Workspace.create(root)
    said = probe(f"{site.url}/object.html", root, tmp_path / "out", executable, "--wait", "0")
    assert said.code == 1
    assert said.json["problems"][-2:] == [
        "no objection of that person arrived in this workspace within 0 seconds",
        "since when it is open to everybody was not said (--open-since)",
    ]


def test_a_page_that_is_not_there_is_no_form(site: Site, executable: Path, tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    Workspace.create(root)
    said = probe(f"{site.url}/gone.html", root, tmp_path / "out", executable, "--wait", "0")
    assert said.code != 0
    assert "404" in said.err
    assert not (tmp_path / "out").exists()
