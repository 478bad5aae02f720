"""The evidence record all tests start from is the example of the format page, so that the page stays true."""

import copy
import json
from pathlib import Path

import pytest

from witting.rights.policy import Packs, load_packs

PAGE = Path(__file__).parents[2] / "docs" / "formats" / "evidence.md"


@pytest.fixture(scope="session")
def example() -> dict:
    return json.loads(PAGE.read_text("utf-8").split("```json\n")[1].split("```")[0])


@pytest.fixture
def good(example: dict) -> dict:
    return copy.deepcopy(example)


@pytest.fixture(scope="session")
def packs() -> Packs:
    return load_packs()
