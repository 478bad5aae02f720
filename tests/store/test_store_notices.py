from __future__ import annotations

from pathlib import Path

import pytest

from witting.errors import ObjectDamaged
from witting.store.notices import Notices
from witting.store.objects import Objects


def test_the_store_says_no_to_what_it_has_not_and_names_what_is_damaged(tmp_path: Path) -> None:
    store = Notices(Objects(str(tmp_path / "objects")))
    digest = store.keep("A notice.")
    assert store.keep("A notice.") == digest
    assert store.text(digest) == "A notice."
    assert not store.holds("0" * 64)
    assert not store.holds("../../etc")
    (tmp_path / "objects" / "notices" / f"{digest}.txt").write_text("Another.", "utf-8")
    with pytest.raises(ObjectDamaged, match=digest):
        store.holds(digest)
