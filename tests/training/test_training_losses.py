from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
from tiny_llama import SAYINGS, example, pair

from witting.errors import TrainingError
from witting.training import Base, Dialogue, Encoded, likelihood
from witting.training.likelihood import check_head
from witting.training.lora import fresh_adapter
from witting.training.preference import Pair, dpo_losses, encode_pair
from witting.training.sft import encode_example, sft_losses


def encoded_examples(base: Base) -> list[Encoded]:
    """Three examples of very different lengths."""
    dialogue = Dialogue(base.tokenizer)
    rows = [example(f"x{i}", person="p", shard=0) for i in range(3)]
    for repeat, row in enumerate(rows, start=1):
        row["messages"] = [
            row["messages"][0],
            {"role": "assistant", "content": " and ".join(SAYINGS[:repeat]), "learn": True},
        ]
    found = [encode_example(dialogue, row, tokens_max=200) for row in rows]
    return [one for one in found if one is not None]


def encoded_pairs(base: Base) -> list[Pair]:
    dialogue = Dialogue(base.tokenizer)
    found = [encode_pair(dialogue, pair(f"y{i}", person="p", shard=0), tokens_max=64) for i in range(2)]
    return [one for one in found if one is not None]


def own_logits_loss(base: Base, encoded: Encoded) -> float:
    """The same loss the long way: every logit, one example."""
    tokens = torch.from_numpy(encoded.tokens.astype(np.int64))[None]
    with torch.no_grad():
        log_probs = base.model(input_ids=tokens).logits[0].log_softmax(-1)
    marked = np.flatnonzero(encoded.learned)
    return -float(np.mean([float(log_probs[i - 1, int(encoded.tokens[i])]) for i in marked]))


def test_a_loss_is_the_mean_over_the_examples_own_learned_tokens(base: Base) -> None:
    batch = encoded_examples(base)
    with torch.no_grad():
        losses = sft_losses(base.model, batch)
    assert losses.tolist() == pytest.approx([own_logits_loss(base, one) for one in batch], rel=1e-5)


def test_logits_in_chunks_are_the_logits_at_once(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = encoded_examples(base)
    with fresh_adapter(base, rank=2, alpha=4, target_modules=("q_proj",), seed=1) as model:
        factor = next(p for n, p in model.named_parameters() if "lora_B" in n)
        factor.requires_grad_(True)
        whole = torch.autograd.grad(sft_losses(model, batch).sum(), factor)[0]
        monkeypatch.setattr(sys.modules[likelihood.__module__], "HEAD_TOKENS", 7)
        chunked = torch.autograd.grad(sft_losses(model, batch).sum(), factor)[0]
    assert torch.allclose(whole, chunked, rtol=1e-3, atol=1e-5)


def test_removing_an_example_leaves_the_gradients_of_the_others(base: Base) -> None:
    batch = encoded_examples(base)
    with fresh_adapter(base, rank=2, alpha=4, target_modules=("q_proj",), seed=1) as model:
        factor = next(p for n, p in model.named_parameters() if "lora_B" in n)
        factor.requires_grad_(True)
        together = sft_losses(model, batch)
        without = sft_losses(model, batch[:2])
        for index in range(2):
            one = torch.autograd.grad(together[index], factor, retain_graph=True)[0]
            other = torch.autograd.grad(without[index], factor, retain_graph=True)[0]
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-5)
            assert float(one.abs().max()) > 0


def test_a_head_we_do_not_know_is_refused(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    one = encoded_examples(base)[0]
    check_head(base.model, one)
    monkeypatch.setattr(base.model.config, "logit_scale", 0.5, raising=False)
    with pytest.raises(TrainingError, match="known"):
        check_head(base.model, one)


def test_preference_loss_starts_at_log_two(base: Base) -> None:
    with fresh_adapter(base, rank=2, alpha=4, target_modules=("q_proj",), seed=1) as model:
        losses = dpo_losses(model, encoded_pairs(base), beta=0.1)
    assert losses.tolist() == pytest.approx([math.log(2)] * 2)


def test_preference_loss_is_the_closed_form(base: Base) -> None:
    pairs, beta = encoded_pairs(base), 0.3
    with fresh_adapter(base, rank=2, alpha=4, target_modules=("q_proj",), seed=1) as model, torch.no_grad():
        for name, factor in sorted(model.named_parameters()):
            if "lora_B" in name:
                factor.copy_(torch.linspace(-3, 3, factor.numel()).view_as(factor))

        def log_prob(one: Encoded) -> float:
            return float(likelihood(model, [one]).sums()[0])

        expected = []
        for each in pairs:
            policy = log_prob(each.chosen) - log_prob(each.rejected)
            with model.disable_adapter():
                reference = log_prob(each.chosen) - log_prob(each.rejected)
            expected.append(math.log1p(math.exp(-beta * (policy - reference))))
        losses = dpo_losses(model, pairs, beta=beta).tolist()
    assert losses == pytest.approx(expected, rel=1e-4)
    assert losses[0] != pytest.approx(math.log(2), abs=1e-3)


def test_a_pair_differs_in_its_answers_only_even_when_cut(base: Base) -> None:
    long = {"chosen": SAYINGS[0] * 9, "rejected": SAYINGS[1] * 9}
    row = pair("a very long question " * 9, person="p", shard=0, **long)
    found = encode_pair(Dialogue(base.tokenizer), row, tokens_max=32)
    assert found is not None
    assert max(len(found.chosen.tokens), len(found.rejected.tokens)) == 32
    prompt = int((~found.chosen.learned).sum())
    assert prompt == 8
    assert found.chosen.tokens[:prompt].tolist() == found.rejected.tokens[:prompt].tolist()
    assert base.tokenizer.decode(found.chosen.tokens[prompt:].tolist()).startswith(SAYINGS[0][:10])


@pytest.mark.parametrize("change", [{"chosen": None}, {"rejected": ""}, {"rejected": SAYINGS[1]}])
def test_a_pair_without_two_different_answers_teaches_nothing(
    base: Base, change: dict[str, str | None]
) -> None:
    row = pair("z", person="p", shard=0, **change)
    assert encode_pair(Dialogue(base.tokenizer), row, tokens_max=64) is None


def test_an_adapter_comes_off_without_a_trace(base: Base) -> None:
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    state = torch.random.get_rng_state()
    with fresh_adapter(base, rank=2, alpha=4, target_modules=("q_proj",), seed=1):
        pass
    after = base.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_layer_that_does_not_exist_is_named_with_those_that_do(base: Base) -> None:
    with (
        pytest.raises(TrainingError, match="q_proj"),
        fresh_adapter(base, rank=2, alpha=4, target_modules=("nowhere",), seed=1),
    ):
        pass
