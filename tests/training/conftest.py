from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from witting.training import Base, Recipe, load_base, take_off

sys.path.append(str(Path(__file__).parent))  # tiny_llama.py, which import mode `importlib` would not find
from tiny_llama import RECIPE, make_base_folder


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base_folder(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def _loaded(base_folder: Path) -> Base:
    return load_base(str(base_folder), cache=base_folder.parent)


@pytest.fixture
def base(_loaded: Base) -> Iterator[Base]:
    yield _loaded
    take_off(_loaded)


@pytest.fixture
def recipe() -> Recipe:
    return RECIPE
