from __future__ import annotations

import sys
from pathlib import Path

import pytest

from witting.store.keys import KeyStore

sys.path.append(str(Path(__file__).parent))  # small_world.py
from small_world import PEOPLE


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    store = KeyStore.create(tmp_path_factory.mktemp("laws") / "keys")
    store.add_subjects(list(PEOPLE))
    return store
