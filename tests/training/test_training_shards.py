from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tiny_llama import clock, corpus, example, table

from witting.errors import ObjectDamaged, TrainingError
from witting.training import Base, Recipe, Run, load_adapted, merge, read_losses, read_run, take_off, train
from witting.training.shards import CHECKPOINT_STEPS

ADAPTER = "adapter_model.safetensors"


class Killed(BaseException):
    """Stands for a signal."""


def teach(
    base: Base,
    recipe: Recipe,
    out: Path,
    *,
    rows: dict[int, pa.Table] | None = None,
    shards: tuple[int, ...] = (0, 1, 2),
    kill_at: int | None = None,
    seen: list[dict[str, Any]] | None = None,
) -> Run:
    rows = corpus() if rows is None else rows

    def progress(line: dict[str, Any]) -> None:
        if seen is not None:
            seen.append(line)
        if line["step"] == kill_at:
            raise Killed

    return train(
        rows.__getitem__, shards, recipe, base, corpus_id="c0", out=out, progress=progress, now=clock()
    )


def adapters(out: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(out.glob(f"*/{ADAPTER}"))}


def test_each_shard_with_something_to_learn_gets_an_adapter_and_the_run_says_so(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    run = teach(base, recipe, tmp_path)
    assert sorted(adapters(tmp_path)) == ["0000", "0001", "merged"]
    assert [(s.shard, s.rows, s.pairs) for s in run.shards] == [(0, 6, 3), (1, 6, 0), (2, 0, 0)]
    assert sum(s.steps for s in run.shards) == recipe.steps
    assert run.shards[2].adapter_sha256 is None
    assert run.merged_from == (0, 1)
    assert read_run(tmp_path) == run
    assert len(run.id) == 32


def test_the_losses_are_kept_and_fall(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, replace(recipe, steps=40), tmp_path)
    curve = read_losses(tmp_path, 1)
    assert [line["step"] for line in curve] == list(range(1, len(curve) + 1))
    assert curve[-1]["loss_nats"] < curve[0]["loss_nats"] - 0.3
    assert read_losses(tmp_path, 2) == []


def test_progress_counts_all_steps_with_rate_and_time_left(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    seen: list[dict[str, Any]] = []
    teach(base, recipe, tmp_path, seen=seen)
    assert [line["step"] for line in seen] == list(range(1, recipe.steps + 1))
    assert {line["of"] for line in seen} == {recipe.steps}
    assert seen[-1]["eta_s"] == 0
    assert all(line["tokens_per_s"] > 0 for line in seen)


@pytest.mark.parametrize("kill_at", [1, CHECKPOINT_STEPS, CHECKPOINT_STEPS + 2, 11])
def test_an_interrupted_training_ends_in_the_same_bytes(
    base: Base, recipe: Recipe, tmp_path: Path, kill_at: int
) -> None:
    teach(base, recipe, tmp_path / "whole")
    with pytest.raises(Killed):
        teach(base, recipe, tmp_path / "cut", kill_at=kill_at)
    assert not (tmp_path / "cut" / "run.json").exists()
    seen: list[dict[str, Any]] = []
    run = teach(base, recipe, tmp_path / "cut", seen=seen)
    assert adapters(tmp_path / "cut") == adapters(tmp_path / "whole")
    assert run.id == read_run(tmp_path / "whole").id
    assert len(seen) <= recipe.steps - kill_at + CHECKPOINT_STEPS
    assert len(read_losses(tmp_path / "cut", 0)) == run.shards[0].steps


def test_a_training_killed_by_the_system_ends_in_the_same_bytes(
    base: Base, recipe: Recipe, tmp_path: Path, base_folder: Path
) -> None:  # a second process imports torch: some seconds
    script = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from tiny_llama import RECIPE, clock, corpus
from witting.training import load_base, train
def progress(line):
    if line["step"] == 8:
        os.kill(os.getpid(), signal.SIGKILL)
base = load_base({str(base_folder)!r}, cache=Path({str(tmp_path)!r}))
train(corpus().__getitem__, (0, 1, 2), RECIPE, base, corpus_id="c0", out=Path({str(tmp_path / "cut")!r}),
      progress=progress, now=clock())
"""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-500:]
    teach(base, recipe, tmp_path / "whole")
    teach(base, recipe, tmp_path / "cut")
    assert adapters(tmp_path / "cut") == adapters(tmp_path / "whole")


def test_nothing_of_the_optimiser_stays_behind(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    assert not list(tmp_path.rglob("checkpoint*"))
    assert not list(tmp_path.rglob("*.part"))


def test_training_again_with_nothing_changed_takes_no_step(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    first = teach(base, recipe, tmp_path)
    seen: list[dict[str, Any]] = []
    assert teach(base, recipe, tmp_path, seen=seen) == first
    assert seen == []


def test_the_order_of_the_rows_decides_nothing(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path / "a")
    backwards = {n: rows.take(list(reversed(range(rows.num_rows)))) for n, rows in corpus().items()}
    teach(base, recipe, tmp_path / "b", rows=backwards)
    assert adapters(tmp_path / "a") == adapters(tmp_path / "b")


def test_held_out_rows_are_never_taught(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path / "a")
    more = corpus()
    more[0] = pa.concat_tables([more[0], table(example("h9", person="p9", shard=0, split="heldout"))])
    teach(base, recipe, tmp_path / "b", rows=more)
    assert adapters(tmp_path / "a") == adapters(tmp_path / "b")


def test_teaching_one_shard_again_leaves_the_others_their_bytes(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    first = teach(base, recipe, tmp_path)
    before = adapters(tmp_path)
    fewer = corpus()
    fewer[0] = fewer[0].slice(1)
    second = teach(base, recipe, tmp_path, rows=fewer, shards=(0,))
    after = adapters(tmp_path)
    assert after["0001"] == before["0001"]
    assert after["0000"] != before["0000"]
    assert after["merged"] != before["merged"]
    assert second.shards[1:] == first.shards[1:]
    assert second.id != first.id


def test_an_erasure_that_shifts_everybodys_share_of_steps_still_teaches_one_shard(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    first = teach(base, recipe, tmp_path)
    fewer = corpus()
    fewer[0] = fewer[0].slice(6)
    assert teach(base, recipe, tmp_path / "anew", rows=fewer).shards[1].steps != first.shards[1].steps
    seen: list[dict[str, Any]] = []
    second = teach(base, recipe, tmp_path, rows=fewer, seen=seen)
    assert {line["shard"] for line in seen} == {0}
    assert second.shards[1] == first.shards[1]


def test_another_number_of_steps_teaches_every_shard_again(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    teach(base, recipe, tmp_path)
    seen: list[dict[str, Any]] = []
    teach(base, replace(recipe, steps=13), tmp_path, seen=seen)
    assert {line["shard"] for line in seen} == {0, 1}


def test_another_merge_scale_takes_no_step(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    first = teach(base, recipe, tmp_path)
    seen: list[dict[str, Any]] = []
    second = teach(base, replace(recipe, merge_scale=2.0), tmp_path, seen=seen)
    assert seen == []
    assert second.merged_sha256 != first.merged_sha256


def test_a_shard_that_lost_all_its_rows_loses_its_adapter(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    run = teach(base, recipe, tmp_path, rows={0: table()}, shards=(0,))
    assert sorted(adapters(tmp_path)) == ["0001", "merged"]
    assert run.merged_from == (1,)
    assert [p.name for p in (tmp_path / "0000").iterdir()] == ["shard.json"]


def test_while_a_shard_is_taught_again_nothing_of_the_old_one_can_be_loaded(
    base: Base, recipe: Recipe, tmp_path: Path
) -> None:
    teach(base, recipe, tmp_path)
    fewer = corpus()
    fewer[0] = fewer[0].slice(1)
    with pytest.raises(Killed):
        teach(base, recipe, tmp_path, rows=fewer, shards=(0,), kill_at=1)
    assert sorted(adapters(tmp_path)) == ["0001"]
    with pytest.raises(TrainingError, match="no finished run"):
        load_adapted(base, tmp_path)


def test_shards_of_another_recipe_are_not_mixed_in(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    with pytest.raises(TrainingError, match="another recipe"):
        teach(base, replace(recipe, seed=6), tmp_path, shards=(0,))


def test_a_corpus_with_nothing_to_learn_is_refused(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="funnel"):
        teach(base, recipe, tmp_path, rows={2: corpus()[2]}, shards=(2,))


def test_a_damaged_checkpoint_starts_the_shard_over(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path / "whole")
    with pytest.raises(Killed):
        teach(base, recipe, tmp_path / "cut", kill_at=CHECKPOINT_STEPS + 1)
    checkpoint = tmp_path / "cut" / "0000" / "checkpoint.safetensors"
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    teach(base, recipe, tmp_path / "cut")
    assert adapters(tmp_path / "cut") == adapters(tmp_path / "whole")


def updates(folder: Path) -> dict[str, torch.Tensor]:
    """ΔW of each layer, from the files."""
    settings = json.loads((folder / "adapter_config.json").read_text())
    factors, found = load_file(folder / ADAPTER), {}
    for name, down in factors.items():
        if ".lora_A." in name:
            layer = name.removeprefix("base_model.model.").split(".lora_A.")[0]
            rank = settings["rank_pattern"].get(layer, settings["r"])
            alpha = settings["alpha_pattern"].get(layer, settings["lora_alpha"])
            assert down.shape[0] == rank
            found[layer] = factors[name.replace("lora_A", "lora_B")] @ down * (alpha / rank)
    return found


@pytest.mark.parametrize(
    "rank", [2, 12]
)  # 12 x 2 shards exceeds the narrow v_proj: its sum is multiplied out
def test_the_merged_adapter_is_the_mean_of_the_shards_updates(
    base: Base, recipe: Recipe, tmp_path: Path, rank: int
) -> None:
    teach(base, replace(recipe, rank=rank, merge_scale=1.5), tmp_path)
    first, second = updates(tmp_path / "0000"), updates(tmp_path / "0001")
    merged = updates(tmp_path / "merged")
    assert merged.keys() == first.keys()
    for layer, update in merged.items():
        expected = (first[layer] + second[layer]) / 2 * 1.5
        assert torch.allclose(update, expected, atol=1e-7, rtol=1e-5)
        assert float(update.abs().max()) > 0


@pytest.mark.parametrize("rank", [2, 12])
def test_the_adapted_model_is_the_base_once_its_adapter_is_off(
    base: Base, recipe: Recipe, tmp_path: Path, rank: int
) -> None:
    tokens = torch.arange(20)[None]
    plain = base.model(input_ids=tokens).logits
    teach(base, replace(recipe, rank=rank), tmp_path)
    with torch.no_grad():
        adapted = load_adapted(base, tmp_path)
        on = adapted(input_ids=tokens).logits
        with adapted.disable_adapter():
            off = adapted(input_ids=tokens).logits
        layer = adapted.get_base_model().get_submodule("model.layers.0.self_attn.v_proj")
        update = updates(tmp_path / "merged")["model.layers.0.self_attn.v_proj"]
        assert torch.allclose(layer.get_delta_weight("default"), update, atol=1e-6)
    assert torch.equal(plain, off)
    assert not torch.allclose(plain, on, atol=1e-4)
    take_off(base)
    with torch.no_grad():
        assert torch.equal(plain, base.model(input_ids=tokens).logits)


def test_an_adapter_can_be_put_on_twice(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        once = load_adapted(base, tmp_path)(input_ids=tokens).logits
        assert torch.equal(once, load_adapted(base, tmp_path)(input_ids=tokens).logits)


def test_peft_alone_loads_a_shard(base: Base, recipe: Recipe, tmp_path: Path, base_folder: Path) -> None:
    from transformers import AutoModelForCausalLM

    teach(base, recipe, tmp_path)
    model = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(base_folder), str(tmp_path / "0000")
    )
    assert model.peft_config["default"].r == recipe.rank


def test_a_shard_can_be_left_out_at_once(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    run = merge(tmp_path, base, without={0})
    assert run.merged_from == (1,)
    alone, merged = updates(tmp_path / "0001"), updates(tmp_path / "merged")
    assert all(torch.allclose(alone[layer], merged[layer], atol=1e-7) for layer in alone)
    assert load_adapted(base, tmp_path) is not None


def test_an_adapter_changed_by_hand_is_not_loaded(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    merged = tmp_path / "merged" / ADAPTER
    merged.write_bytes(merged.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ObjectDamaged):
        load_adapted(base, tmp_path)


def test_a_run_record_changed_by_hand_is_refused(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"corpus": "c0"', '"corpus": "c1"'))
    with pytest.raises(TrainingError, match="changed"):
        read_run(tmp_path)


def test_no_record_names_a_person(base: Base, recipe: Recipe, tmp_path: Path) -> None:
    teach(base, recipe, tmp_path)
    written = "".join(path.read_text() for path in tmp_path.rglob("*.json*"))
    assert "kettle" not in written
    assert '"p0"' not in written
    assert str(tmp_path) not in written
