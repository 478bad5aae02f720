"""Reading again adds only what is new: the memory of known ids says perhaps, the parts say yes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from conftest import witting
from witting.schema import TURN
from witting.store.parts import write_part
from witting.walk import alone
from witting.walk.known import Known
from witting.walk.step import Step
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SAME_START = ["0123456789abcdef" + tail * 16 for tail in "0123"]  # equal in their first 64 bits


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    assert witting("init", tmp_path / "w").code == 0
    with alone(Workspace.open(tmp_path / "w"), tell=lambda *_: None, now=NOW) as step:
        yield step


def rows(*ids: str, shard: int = 3) -> pa.Table:
    return pa.Table.from_pylist([{"row_id": name, "shard": shard} for name in ids], schema=TURN)


def commit(step: Step, table: pa.Table) -> None:
    part = write_part(step.workspace.objects, table, folder="intake/turns", shard=3)
    step.commit("intake/turns", (*step.parts("intake/turns"), part))


def test_only_new_rows_pass_and_their_order_stays(step: Step) -> None:
    commit(step, rows("b" * 32, "d" * 32))
    known = Known(step, "intake/turns", "row_id")
    found = known.new_rows(rows("e" * 32, "d" * 32, "a" * 32, "b" * 32))
    assert found.column("row_id").to_pylist() == ["e" * 32, "a" * 32]
    assert found.schema == TURN


def test_a_chance_agreement_of_half_an_id_loses_nothing(step: Step) -> None:
    commit(step, rows(SAME_START[0]))
    known = Known(step, "intake/turns", "row_id")
    assert known.new_rows(rows(*SAME_START[:2])).column("row_id").to_pylist() == [SAME_START[1]]
    assert known.new_rows(rows(*SAME_START[2:])).num_rows == 2


def test_what_passed_but_was_never_committed_is_still_new(step: Step) -> None:
    known = Known(step, "intake/turns", "row_id")
    assert known.new_rows(rows("a" * 32)).num_rows == 1
    assert known.new_rows(rows("a" * 32)).num_rows == 1
    commit(step, rows("a" * 32))
    assert known.new_rows(rows("a" * 32)).num_rows == 0
    assert known.new_rows(rows()).num_rows == 0
