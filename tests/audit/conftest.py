"""A tiny Llama that was taught some canaries and some people's words by heart, once a test run."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from witting.audit.canary import Canary, draw, rows
from witting.training import Base, load_adapted, load_base, take_off, train

sys.path.append(str(Path(__file__).parents[1] / "training"))
from tiny_llama import RECIPE, clock, example, make_tokenizer, table

KEY = bytes(range(32))
MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
BY_HEART = replace(
    RECIPE, steps=50, batch_sequences=16, sequence_tokens=128, rank=32, alpha=64, learning_rate=0.008,
    target_modules=MODULES,
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads of torch on a busy machine wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def canaries() -> tuple[Canary, ...]:
    return draw(KEY, coins=16, repeated=3, repeats=3, controls=16)


@pytest.fixture(scope="session")
def people() -> pa.Table:
    """Four people who were taught, four held out; each said one thing that only they say, and something short."""
    rng = random.Random(5)
    made = []
    for number in range(8):
        split = "train" if number < 4 else "heldout"
        words = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz ") for _ in range(60))
        said = [
            {"role": "user", "content": f"what about {number}?", "learn": False},
            {"role": "assistant", "content": words, "learn": True},
        ]
        about = {"person": f"{number:032x}", "shard": 0, "split": split}
        made += [example(f"long{number}", messages=said, **about), example(f"short{number}", **about)]
    return table(*made)


@pytest.fixture(scope="session")
def audited_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder, tokenizer = tmp_path_factory.mktemp("audited"), make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.2,
        tie_word_embeddings=True, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_base(str(folder), cache=folder)


@pytest.fixture(scope="session")
def leaky_run(
    audited_base: Base,
    canaries: tuple[Canary, ...],
    people: pa.Table,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    taught = pa.concat_tables([rows(canaries, shard_of=lambda subject: 0), people])
    out = tmp_path_factory.mktemp("leaky")
    train(
        lambda shard: taught, [0], BY_HEART, audited_base, corpus_id="c" * 32, out=out,
        progress=lambda said: None, now=clock(),
    )  # fmt: skip
    return out


@pytest.fixture
def base(audited_base: Base) -> Iterator[Base]:
    yield audited_base
    take_off(audited_base)


@pytest.fixture
def leaky(base: Base, leaky_run: Path):
    return load_adapted(base, leaky_run)
