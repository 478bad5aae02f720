from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # parrot.py, some_words.py
sys.path.append(str(Path(__file__).parents[1] / "training"))
from tiny_llama import make_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return make_tokenizer()
