"""Somebody leaves while what they said waits for a walk: it is counted, deleted, and the certificate says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import witting
from doors.conftest import NOW, client_of, event, walk_on
from doors.test_walk_hears_events import post, rows
from witting.walk import alone
from witting.walk import erase as erasing
from witting.workspace import Workspace

ANA = [event("1"), event("2"), event("w", "consent.withdrawn")]
BEN = [event("3", subject="app:ben")]


def erase(workspace: Workspace) -> dict[str, Any]:
    fresh = Workspace.open(workspace.root)  # as another process would
    subject = fresh.vault.find("app:ana")
    assert subject is not None
    with alone(fresh, tell=lambda *_: None, now=NOW) as step:
        return erasing.erase(step, "app:ana", subject)["body"]


def test_the_certificate_says_how_many_waited_and_only_theirs_are_gone(workspace: Workspace) -> None:
    client = client_of(workspace)
    post(client, [*ANA, *BEN])
    assert erase(workspace)["waiting_events"] == len(ANA)
    assert workspace.spool.waiting(until=NOW) == len(BEN)
    assert post(client, [event("4"), *BEN]) == {"new": 0, "known": 1, "erased": 1, "ignored": 0}
    row = walk_on(workspace, until="intake").rooms["intake"]["funnel"]
    assert (row["read"], row["kept"], row["refused"]) == (1, 1, 0)


def test_what_a_walk_has_read_is_counted_as_rows_and_what_came_since_as_waiting(plain: Workspace) -> None:
    client = client_of(plain)
    post(client, ANA[:1])
    walk_on(plain, until="intake")
    post(client, ANA[1:])
    body = erase(plain)
    assert (body["located_rows"], body["waiting_events"]) == ({"intake/turns": 1}, 2)
    assert rows(plain, "intake/turns") == []


@pytest.mark.parametrize("step", ["_forget_waiting", "_purge", "forget"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_erasure_cut_short_counts_them_once(
    plain: Workspace, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    post(client_of(plain), [*ANA, *BEN])
    place = type(plain.spool) if step == "forget" else erasing
    real = getattr(place, step)

    def cut(*words: Any, **named: Any) -> None:
        if after:
            real(*words, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(place, step, cut)
        with pytest.raises(KeyboardInterrupt):
            erase(plain)
    assert post(client_of(plain), [event("5")])["erased"] == 1
    assert erase(plain)["waiting_events"] == len(ANA)
    assert plain.spool.waiting(until=NOW) == len(BEN)


def test_the_command_shows_them_in_the_plan_and_in_the_certificate(plain: Workspace) -> None:
    post(client_of(plain), [*ANA, *BEN])
    done = witting("erase", "app:ana", "--workspace", plain.root, "--yes", "--json", "--quiet", timeout=120)
    assert done.code == 0, done.err
    assert done.json["plan"]["waiting_events"] == done.json["body"]["waiting_events"] == len(ANA)
    assert (
        json.loads((plain.root / done.json["certificate"]).read_text("utf-8"))["body"]["waiting_events"] == 3
    )
