"""One person leaves: their words are gone from every byte, one part is rewritten, one shard trained, and it is proven.

On a small random base: what an erasure leaves does not depend on the model, and its walk then takes seconds. That the
packaged base is taught and audited is the quickstart's to show.
"""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from conftest import AS_OF, REPOSITORY, Said, copy_quickstart, witting
from training.tiny_llama import make_base_folder
from witting import corpus
from witting.workspace import Workspace

# In more and longer sequences than the quickstart's: every example of a shard is seen whole at least once.
TRAINING = "base = {base}\nsteps = 48\nbatch_sequences = 8\nsequence_tokens = 256\n# "
CANDIDATES = (
    "george",
    "hannah",
    "deniz",
    "beatriz",
)  # who is held out and who is trained on differs by workspace
CANARY = {  # said by one person only, in no other text of the quickstart; no name in it, names are replaced
    "george": "quillvane marzipan",
    "hannah": "torfwick saffron",
    "deniz": "brelmont cardamom",
    "beatriz": "ostrolan nutmeg",
}


def words_of(name: str) -> tuple[str, ...]:
    """What must be gone: the canary, the name, and what one of them gave away."""
    given = ("7946 0123", "george.h@example.org") if name == "george" else ()
    return (CANARY[name], name, *given)


def every_byte(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file's bytes; Parquet also decoded, because it is compressed; SQLite also row by row."""
    for file in sorted(p for p in root.rglob("*") if p.is_file()):
        data = file.read_bytes()
        yield file, data
        if file.suffix == ".parquet":
            yield (
                file,
                json.dumps(
                    pq.read_table(io.BytesIO(data)).to_pylist(), default=str, ensure_ascii=False
                ).encode(),
            )
        if data.startswith(b"SQLite format 3"):
            with sqlite3.connect(file) as database:
                yield file, "\n".join(database.iterdump()).encode()


def found(root: Path, words: tuple[str, ...]) -> set[tuple[str, str]]:
    return {
        (word, file.relative_to(root).as_posix())
        for file, data in every_byte(root)
        for word in words
        if word.encode() in data
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart with a canary in one person's words, walked."""
    folder = tmp_path_factory.mktemp("erasure")
    training = TRAINING.format(base=json.dumps(str(make_base_folder(folder / "base"))))
    root = copy_quickstart(folder / "workspace", settings=[("steps = 40 ", training)])
    path = root / "inbox" / "open-webui-chats.json"
    chats = json.loads(path.read_text("utf-8"))
    for name in CANDIDATES:
        own = next(chat for chat in chats if chat["user_id"] == name)
        first = next(iter(own["chat"]["history"]["messages"].values()))
        first["content"] = f"{first['content']} And note {CANARY[name]}, please."
    path.write_text(json.dumps(chats, ensure_ascii=False), "utf-8")
    done = witting("run", root, "--as-of", AS_OF, "--json")
    assert done.code == 0, done.err
    return root


@pytest.fixture(scope="module")
def name(planted: Path) -> str:
    """One of the candidates whom an adapter was trained on."""
    workspace = Workspace.open(planted)
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    trained = {
        s
        for table in corpus.read(workspace.objects, manifest, split="train")
        for s in table["subject_id"].to_pylist()
    }
    return next(n for n in CANDIDATES if workspace.vault.find(f"open_webui:{n}") in trained)


@pytest.fixture(scope="module")
def before(planted: Path, name: str) -> dict[str, Any]:
    run = json.loads((planted / "adapters" / "run.json").read_text("utf-8"))
    return {
        "found": found(planted, words_of(name)),
        "adapters": {s["shard"]: s["adapter_sha256"] for s in run["shards"]},
        "key": raw_key(planted, name),
        "checkpoint": witting("ledger", "checkpoint", "--workspace", planted, "--json").json["note"],
        "parts": corpus_parts(planted),
    }


@pytest.fixture(scope="module")
def erased(planted: Path, name: str, before: dict[str, Any]) -> Said:
    done = witting("erase", f"open_webui:{name}", "--workspace", planted, "--yes", "--json")
    assert done.code == 0, done.err
    return done


def raw_key(root: Path, name: str) -> bytes:
    """What the person's words are derived from: the surrogate key stands for it, from the same secret."""
    workspace = Workspace.open(root)
    subject = workspace.vault.find(f"open_webui:{name}")
    assert subject is not None
    return workspace.keys.surrogate_key(subject)


def corpus_parts(root: Path) -> set[str]:
    shown = witting("corpus", "show", "--workspace", root, "--json").json
    return {part["sha256"] for part in shown["parts"]}


@pytest.mark.slow
def test_the_canary_is_there_before_only_as_redacted_text(name: str, before: dict[str, Any]) -> None:
    files = {file for word, file in before["found"] if word == CANARY[name]}
    assert files
    assert all(file.startswith("objects/") for file in files)
    assert not {
        file for word, file in before["found"] if word == "7946 0123"
    }  # redacted at rest, sealed in the vault


@pytest.mark.slow
def test_no_word_and_no_key_of_the_person_is_left_in_any_byte(
    planted: Path, name: str, before: dict[str, Any], erased: Said
) -> None:
    assert found(planted, words_of(name)) == set()
    assert not [file for file, data in every_byte(planted) if before["key"] in data]


@pytest.mark.slow
def test_one_part_is_rewritten_and_one_shard_trained(
    planted: Path, before: dict[str, Any], erased: Said
) -> None:
    body = erased.json["body"]
    after = corpus_parts(planted)
    assert len(before["parts"] - after) == 1
    assert len(after - before["parts"]) == 1
    run = json.loads((planted / "adapters" / "run.json").read_text("utf-8"))
    adapters = {s["shard"]: s["adapter_sha256"] for s in run["shards"]}
    changed = {shard for shard in adapters if adapters[shard] != before["adapters"][shard]}
    assert changed == {body["shard"]}
    assert body["adapter"]["treatment"] == "retrained"


@pytest.mark.slow
def test_the_certificate_is_checked_offline_by_somebody_without_witting(
    planted: Path, before: dict[str, Any], erased: Said, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(before["checkpoint"], "utf-8")
    script = REPOSITORY / "verify" / "witting_verify.py"
    certificate = Path(erased.json["certificate"])
    good = subprocess.run(
        [sys.executable, script, certificate, "--checkpoint", kept], capture_output=True, check=False
    )
    assert good.returncode == 0, good.stdout
    document = json.loads(certificate.read_text("utf-8"))
    document["body"]["adapter"]["steps"] += 1
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(document), "utf-8")
    bad = subprocess.run([sys.executable, script, forged], capture_output=True, check=False)
    assert bad.returncode == 1
    assert witting("verify", certificate, "--workspace", planted).code == 0


@pytest.mark.slow
def test_a_late_batch_of_the_erased_person_is_refused_and_counted(
    planted: Path, name: str, erased: Said
) -> None:
    log = planted / "inbox" / "late.json"
    chat = {"id": "c", "user_id": name, "title": "t", "created_at": 1, "updated_at": 1}
    messages = {
        "m": {
            "id": "m",
            "parentId": None,
            "childrenIds": [],
            "role": "user",
            "content": "late words",
            "timestamp": 1,
        }
    }
    chat["chat"] = {"models": [], "history": {"currentId": "m", "messages": messages}}
    log.write_text(json.dumps([chat]), "utf-8")
    done = witting("run", planted, "--until", "intake", "--json")
    assert done.code == 0, done.err
    assert done.json["stages"][0]["reasons"]["subject_erased"] == 1
    assert found(planted, ("late words",)) == set()


@pytest.mark.slow
def test_the_corpus_still_verifies_and_the_ledger_too(planted: Path, erased: Said) -> None:
    assert witting("corpus", "verify", "--workspace", planted).code == 0
    assert witting("ledger", "rebuild", "--workspace", planted).code == 0


@pytest.mark.slow
def test_erasing_again_says_there_is_nothing_left(planted: Path, name: str, erased: Said) -> None:
    again = witting("erase", f"open_webui:{name}", "--workspace", planted, "--json")
    assert again.code == 0
    assert again.json["plan"]["rows"] == {}
    assert again.json["plan"]["corpus_examples"] == 0
