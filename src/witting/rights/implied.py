"""What stands for a purpose once the yes to a wider purpose is laid under what was said of the purpose itself.

Covers: merging timelines. Not covered: which purpose is wider (`purposes.py`), making the timelines (`timeline.py`).
At each moment: what is open by name stays open; where the last word that names the purpose is a no, it stays shut; else
any wider yes that is open opens it; else what was said by name stands, and where nothing was, the strictest of what was
said of the wider ones. So somebody who refused the wider purpose is not asked for the narrower by legitimate interest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from witting.rights.intervals import Ints, Timeline

BY_NAME = 0  # in the column `through`: said of the purpose itself; k: of the k-th wider one


def lay_under(
    named: Timeline, implied: Sequence[Timeline], refused: Timeline, *, open_state: int
) -> Timeline:
    """`named` with `implied` under it, and a column `through`. `refused` says in its column `refused`, as 0 or 1, whether
    the last word that names the purpose is a no. All have the same people; the columns of `named` are in each."""
    layers = (named, *implied)
    people, moments = _breaks((*layers, refused))
    rows = np.stack([layer.at(people, moments) for layer in layers])  # (layers, breaks)
    states = np.stack([layer.value("state", row, 0) for layer, row in zip(layers, rows, strict=True)])
    shut = refused.value("refused", refused.at(people, moments), 0) == 1
    chosen = _choose(states, rows, shut, open_state)
    row = np.take_along_axis(rows, chosen[np.newaxis], axis=0)[0]
    changed = _changes(people, chosen, row)
    people, moments, chosen, row = people[changed], moments[changed], chosen[changed], row[changed]
    columns: Mapping[str, Ints] = {
        name: np.choose(chosen, [layer.value(name, np.where(chosen == k, row, -1), -1) for k, layer in enumerate(layers)])
        for name in named.columns
    }  # fmt: skip
    counts = np.bincount(people, minlength=named.offsets.size - 1)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return replace(named, offsets=offsets, starts=moments, columns={**columns, "through": chosen})


def _breaks(layers: Sequence[Timeline]) -> tuple[Ints, Ints]:
    """Every moment at which any layer changes, by person, ascending, once."""
    people = [np.repeat(np.arange(one.offsets.size - 1), np.diff(one.offsets)) for one in layers]
    pairs = np.stack([np.concatenate(people), np.concatenate([one.starts for one in layers])])
    order = np.lexsort(pairs[::-1])
    person, moment = pairs[:, order]
    first = np.ones(person.size, dtype=np.bool_)
    first[1:] = (person[1:] != person[:-1]) | (moment[1:] != moment[:-1])
    return person[first], moment[first]


def _choose(states: Ints, rows: Ints, shut: npt.NDArray[np.bool_], open_state: int) -> Ints:
    """Which layer speaks at each break; the strictest of the wider ones is the one of the highest state."""
    is_open = states == open_state
    through_wider = ~is_open[BY_NAME] & ~shut & is_open[1:].any(axis=0)
    silent = (rows[BY_NAME] < 0) & ~through_wider
    first_open = 1 + np.argmax(is_open[1:], axis=0)
    strictest = 1 + np.argmax(np.where(rows[1:] >= 0, states[1:], -1), axis=0)
    return np.where(through_wider, first_open, np.where(silent, strictest, BY_NAME)).astype(np.int64)


def _changes(people: Ints, chosen: Ints, row: Ints) -> npt.NDArray[np.bool_]:
    changed = np.ones(people.size, dtype=np.bool_)
    changed[1:] = (people[1:] != people[:-1]) | (chosen[1:] != chosen[:-1]) | (row[1:] != row[:-1])
    return changed & (row >= 0)
