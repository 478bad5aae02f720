"""`witting chat`: talk with the released adapter, behind the guard."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from witting import corpus, training
from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import GateShut
from witting.rights.purposes import WEIGHTS
from witting.rights.timeline import CLOSING
from witting.serving import reply
from witting.walk import guard
from witting.walk.model import base_model
from witting.walk.train import ADAPTERS
from witting.workspace import Workspace


def chat(message: str | None = None, /, *, common: Common = DEFAULT) -> int:
    """Talk with the released adapter. Without a message: a conversation, a line a turn, until end of input.

    Parameters
    ----------
    message
        Ask once.
    """
    workspace = Workspace.open(common.workspace)
    _check_released(workspace)
    base = base_model(workspace.settings.training.base)
    model = training.load_adapted(base, workspace.path(ADAPTERS))
    index = guard.load(workspace)
    said: list[dict[str, str]] = []
    for line in [message] if message is not None else _lines():
        said.append({"role": "user", "content": line})
        quiet = common.json
        answer = reply(
            model,
            base.tokenizer,
            said,
            index,
            key=guard.key(workspace),
            speak=(lambda text: None) if quiet else _speak,
        )
        said.append({"role": "assistant", "content": answer.text})
        counts = {"runs_stopped": answer.runs_stopped, "identifiers_replaced": answer.identifiers_replaced}
        show(common, {"answer": answer.text, **counts}, lambda: "")
    return 0


def _check_released(workspace: Workspace) -> None:
    """The last release must be open, of the adapters that are there, and nobody in it may have said no since. Raises
    GateShut."""
    last, index = None, -1
    for entry in workspace.ledger.entries(kind="release.decided"):
        last, index = entry.body, entry.index
    if last is None:
        raise GateShut("nothing was released yet. Walk there with `witting run`.")
    if not last["open"]:
        raise GateShut("the gate is shut for the last adapter; `witting release` says why.")
    if training.read_run(workspace.path(ADAPTERS)).id != last["run"]:
        raise GateShut("the adapters are newer than the last release. Run `witting release`.")
    if _somebody_left(workspace, last["corpus"], index):
        raise GateShut("somebody this adapter learned from has said no since its release. Run `witting run`.")
    if last["audience"] == "operator_only":
        print("Released for the operator's own eyes only: this is no service for others.", file=sys.stderr)


def _somebody_left(workspace: Workspace, corpus_id: str, released: int) -> bool:
    """Whether one of the corpus's people refused, objected, withdrew or asked for erasure after the release's entry."""
    manifest = corpus.load(workspace.objects, workspace.snapshots, corpus_id)
    left = {
        entry.body["subject"]
        for entry in workspace.ledger.entries(released + 1, kind="rights.")
        if (kind := entry.kind.removeprefix("rights.")) in CLOSING
        and (kind != "signal" or WEIGHTS & set(entry.body["purposes"]))
    }
    return any(
        corpus.examples_of(manifest, workspace.objects, who, shard=workspace.keys.shard(who, manifest.shards))
        for who in left
    )


def _lines() -> Iterator[str]:
    while True:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _speak(text: str) -> None:
    print(text, end="", flush=True)
