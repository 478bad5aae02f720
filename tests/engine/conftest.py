from __future__ import annotations

import sys
from pathlib import Path

import pytest

from witting.store.objects import Objects

sys.path.append(str(Path(__file__).parent))  # some_stages.py: worker processes inherit this path


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(str(tmp_path / "objects"))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder
