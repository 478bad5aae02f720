"""Every error has its place in the docs, and says there how it ends a command."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from witting import errors

PAGE = (Path(__file__).parents[1] / "docs" / "errors.md").read_text("utf-8")
TREE = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, errors.WittingError)]


@pytest.mark.parametrize("error", TREE)
def test_every_error_has_a_heading_and_a_way_out(error: type[errors.WittingError]) -> None:
    found = re.search(rf"^##+ {error.__name__}\n\n(.+?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/errors.md has no heading {error.__name__}"
    assert len(found[1].split()) >= 10


@pytest.mark.parametrize("error", TREE)
def test_the_page_says_the_exit_code_where_it_differs_from_the_parents(
    error: type[errors.WittingError],
) -> None:
    text = PAGE.split(f"# {error.__name__}\n")[1].split("\n#")[0]
    codes = {int(code) for code in re.findall(r"Exit code (\d)", text)}
    parent = error.__base__
    assert parent is not None
    if error.exit_code != getattr(parent, "exit_code", None):
        assert codes == {error.exit_code}
    assert codes <= {error.exit_code}


def test_the_page_names_no_error_that_does_not_exist() -> None:
    headings = re.findall(r"^##+ (\w+)$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(error.__name__ for error in TREE)


def test_the_tree_drawn_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert sorted([*drawn, "WittingError"]) == sorted(error.__name__ for error in TREE)
