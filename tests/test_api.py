"""The Python API: every name that `witting` promises is there."""

from __future__ import annotations

import pytest

import witting


@pytest.mark.parametrize("name", witting.__all__)
def test_a_promised_name_is_there(name: str) -> None:
    assert getattr(witting, name) is not None


def test_another_name_says_which_there_are() -> None:
    with pytest.raises(AttributeError, match="judge"):
        _ = witting.nosuch
