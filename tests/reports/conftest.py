from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from witting.reports import Facts

# invented_walk.py, which import mode `importlib` would not find; last, so that `conftest` stays that of tests/
sys.path.append(str(Path(__file__).parent))
from invented_walk import invented, invented_facts


@pytest.fixture
def results() -> dict[str, Any]:
    return invented()


@pytest.fixture
def facts() -> Facts:
    return invented_facts()
