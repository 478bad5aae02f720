"""Somebody without an account objects: their name is taken out of what others say, from the next walk on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from conftest import Said
from walk.small_workspace import MOMENT, make, walk_to
from witting import corpus
from witting.workspace import Workspace

NAME = "quillon vantreight"  # in no list, and introduced by nobody


def words_of(root: Path) -> str:
    workspace = Workspace.open(root)
    manifest = corpus.versions(workspace.snapshots)[0]
    return json.dumps([table.to_pylist() for table in corpus.read(workspace.objects, manifest)], default=str)


def test_the_name_of_a_non_user_who_objected_is_in_no_later_corpus(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    root = make(tmp_path / "workspace")
    log = root / "inbox" / "assistant-log.jsonl"
    said = json.loads(log.read_text("utf-8").splitlines()[0])
    asked = {"role": "user", "content": f"How would {NAME} cook nine lentils for vantreight lane?"}
    told = {"role": "assistant", "content": "Slowly, with a lid, and with salt at the end."}
    talk = said | {
        "metadata": {"conversation_id": "own"},
        "messages": [asked, told],
        "created": said["created"] + 60,
    }
    with log.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(talk) + "\n")
    walk_to(root, "corpus")
    assert NAME in words_of(root)

    done = witting_here("rights", "object", f"name:{NAME.title()}", "--workspace", root)
    assert done.code == 0
    walk_to(root, "corpus", now=MOMENT + timedelta(days=30))
    words = words_of(root)
    assert NAME not in words
    assert "nine lentils for vantreight lane" in words  # a part of a name is other people's, too
