"""KTO rows leave in the form that TRL reads."""

from __future__ import annotations

from witting.corpus.export import kto_line


def test_a_kto_row_is_a_prompt_a_completion_and_a_label():
    said = [("user", "which is it?", False), ("assistant", "the other one", True)]
    row = {
        "example_id": "e1", "kind": "kto", "label": False, "language": "en", "rule": "objected_kto/1",
        "messages": [{"role": role, "content": words, "learn": learn} for role, words, learn in said],
    }  # fmt: skip
    assert kto_line(row) == {
        "example_id": "e1",
        "prompt": [{"role": "user", "content": "which is it?"}],
        "completion": [{"role": "assistant", "content": "the other one"}],
        "label": False,
        "language": "en",
        "rule": "objected_kto/1",
    }
