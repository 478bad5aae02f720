"""A random two-layer Llama with a byte-level tokenizer, made here in a fraction of a second, and rows to teach it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from witting import schema
from witting.training import Recipe

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SAYINGS = (
    "the kettle is on the left shelf",
    "trains leave at nine from platform two",
    "water the basil every second day",
    "the soup needs more salt and time",
)


def make_tokenizer(*, chat_template: str | None = CHATML) -> Any:  # Any: transformers is imported late
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(SAYINGS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def make_base_folder(folder: Path) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.2,  # so that its answers depend on what it is asked
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


RECIPE = Recipe(
    steps=12,
    batch_sequences=4,
    sequence_tokens=48,
    rank=2,
    alpha=4,
    learning_rate=0.01,
    target_modules=("q_proj", "v_proj", "down_proj"),
    dpo_beta=0.1,
    merge_scale=1.0,
    threads=1,
    seed=5,
)


def example(name: str, *, person: str, shard: int, **changes: Any) -> dict[str, Any]:  # Any: column values
    words = SAYINGS[int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(SAYINGS)]
    row = dict.fromkeys(schema.EXAMPLE.names)
    asked = {"role": "user", "content": f"{name} where?", "learn": False}
    told = {"role": "assistant", "content": words, "learn": True}
    return row | {
        "example_id": name,
        "kind": "sft",
        "subject_id": person,
        "messages": [asked, told],
        "split": "train",
        "canary": False,
        "shard": shard,
        **changes,
    }


def pair(name: str, *, person: str, shard: int, **changes: Any) -> dict[str, Any]:  # Any: column values
    asked = [{"role": "user", "content": f"{name} when?", "learn": False}]
    both = {"chosen": SAYINGS[1], "rejected": SAYINGS[3]}
    return example(name, person=person, shard=shard, kind="preference", messages=asked, **both) | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema.EXAMPLE)


def corpus() -> dict[int, pa.Table]:
    """Three shards: one of SFT and pairs, one of SFT and words of one's own, one with nothing to learn."""
    words = [{"role": "person", "content": SAYINGS[2], "learn": True}]
    return {
        0: table(
            *(example(f"a{i}", person="p0", shard=0) for i in range(6)),
            *(pair(f"b{i}", person="p1", shard=0) for i in range(3)),
        ),
        1: table(
            *(example(f"c{i}", person="p2", shard=1) for i in range(5)),
            example("d0", person="p3", shard=1, kind="text", messages=words),
            *(example(f"h{i}", person="p4", shard=1, split="heldout") for i in range(2)),
        ),
        2: table(example("e0", person="p5", shard=2, split="heldout")),
    }


def clock() -> Callable[[], datetime]:
    """A clock that advances a second at each look."""
    ticks = iter(range(1_000_000))
    return lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=next(ticks))
