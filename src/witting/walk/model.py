"""The base model and the adapter on it, loaded once a process: training, audit and evaluation speak to the same one."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from witting.training.base import Base


def cache_folder() -> Path:
    """Where converted base models are kept: public weights, nobody's data."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "witting" / "models"


@lru_cache(maxsize=1)
def base_model(spec: str) -> Base:
    """The base by the name in `training.base`. Raises TrainingError, MissingExtra."""
    from witting.training.base import load_base

    return load_base(spec, cache=cache_folder())
